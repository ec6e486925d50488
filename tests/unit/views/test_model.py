"""What crosses to the model view: maps that come back, scores, blocks, sizes; and the saved page."""

from functools import partial

import numpy as np
import pytest

import attnlib
from attnlib import InputError, Trace
from attnlib.views.html import MOST_DETAILS
from attnlib.views.model.payload import model_payload, pair_model_payload
from attnlib.views.payload import unpack
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


def spread(packed: np.ndarray, shape: tuple[int, int, int], triangle: bool) -> np.ndarray:
    """Maps as they were before packing, in steps of 1/65535."""
    heads, rows, _ = shape
    out = np.zeros(shape)
    if triangle:
        out[:, *np.tril_indices(rows)] = packed.reshape(heads, -1)
        return out
    return packed.reshape(shape)


@pytest.mark.parametrize(("name", "family"), [("gpt2", "causal"), ("bert", "masked"), ("t5", "seq2seq")])
def test_maps_and_scores_come_back(name: str, family: str) -> None:
    model = tiny_model(name, family)
    small = attnlib.overview(model, "The doctor asked.", None if family == "causal" else "She answered.")
    for stack in small.stacks.values():
        header, arrays = unpack(model_payload(small, stack.name, selected=(1, 2), state="draw:matrix"))
        rows, columns = len(header["blocks"]["q"]) - 1, len(header["blocks"]["k"] or header["blocks"]["q"]) - 1
        assert header["triangle"] is (stack.name in ("decoder",) or family == "causal")
        maps = spread(arrays["maps"], (sum(header["counts"]), rows, columns), header["triangle"]) / 65535
        np.testing.assert_allclose(maps, np.concatenate(stack.maps), atol=1 / 65535)
        assert [score["name"] for score in header["scores"]] == list(stack.scores)
        np.testing.assert_array_equal(arrays["scores"], np.stack(list(stack.scores.values())))
        assert header["selected"] == [1, 2]
        assert header["state"] == "draw:matrix"
        assert header["queries"]["labels"] == list(stack.queries.labels)
        assert (header["keys"] is None) is (stack.name != "cross")


def test_a_pair_has_both_sides_and_every_statistic() -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE, small=True)
    header, arrays = unpack(pair_model_payload(found, ("nurse", "doctor")))
    assert header["pair"] is True
    assert "change" not in arrays  # exact: the browser subtracts
    maps = [spread(arrays[name], (16, 9, 9), True) / 65535 for name in ("maps", "maps_b")]
    np.testing.assert_allclose((maps[1] - maps[0]).reshape(found.difference.shape), found.difference, atol=2 / 65535)
    names = [score["name"] for score in header["scores"]]
    assert names[0] == "shift"
    np.testing.assert_allclose(arrays["scores"][0], found.target_shift(("nurse", "doctor")), atol=1e-7)
    without, _ = unpack(pair_model_payload(found))
    assert not any(score["signed"] for score in without["scores"])


def test_a_long_pair_sends_the_largest_changes() -> None:
    model = tiny_model("gpt2", "causal", max_position_embeddings=600)
    found = attnlib.compare(model, f"{SHE} " * 30, f"{SHE} " * 20 + f"{HE} " * 10, small=True)
    header, arrays = unpack(pair_model_payload(found))
    assert found.small is not None
    rows = len(header["blocks"]["q"]) - 1
    heads = sum(header["counts"])
    change = (spread(arrays["change"].astype(float), (heads, rows, rows), True) - 32768) / 32767
    lower = np.tril(np.ones((rows, rows), bool))
    expected = np.concatenate([layer.change for layer in found.small.layers])
    np.testing.assert_allclose(change[:, lower], expected[:, lower], atol=1 / 32767)


def test_a_target_that_is_the_sink_only_loses_the_corrected_shift() -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE, small=True)
    header, _ = unpack(pair_model_payload(found, ("The", "doctor")))
    names = [score["name"] for score in header["scores"]]
    assert "shift" in names
    assert "shift_corrected" not in names


def test_a_comparison_that_kept_every_layer_needs_no_small_maps() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    frames = [pair_model_payload(attnlib.compare(model, SHE, HE, small=small)) for small in (True, False)]
    assert frames[0] == frames[1]
    with pytest.raises(InputError, match="small=True"):
        pair_model_payload(attnlib.compare(model, SHE, HE, layers=[1]))


def test_labels_are_passed_on_where_they_fit_the_heads() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    small, found = attnlib.overview(model, SHE), attnlib.compare(model, SHE, HE, small=True)
    labels = [[f"label {layer}-{head}" for head in range(4)] for layer in range(4)]
    for draw in (partial(model_payload, small), partial(pair_model_payload, found)):
        assert unpack(draw(labels=labels))[0]["labels"] == labels
        assert "labels" not in unpack(draw())[0]
        with pytest.raises(InputError, match="There are 3 labels for the 4 heads of layer 3"):
            draw(labels=[*labels[:3], labels[3][:3]])
        with pytest.raises(InputError, match="labels of 3 layers for 4 layers of heads"):
            draw(labels=labels[:3])


@pytest.mark.parametrize("tokens", [30, 66, 300, 2000])
def test_gpt2s_payload_is_small_at_any_length(tokens: int) -> None:
    """12 x 12 heads; the maps of random weights of that many tokens."""
    from attnlib.model.tokens import Tokens
    from attnlib.tracing.overview import Overview, StackOverview
    from attnlib.tracing.pooling import fitting_blocks

    row = Tokens.plain([f" token{i}" for i in range(tokens)])
    blocks = fitting_blocks(row.segments, None, 144)
    maps = tuple(np.zeros((12, len(blocks[0]), len(blocks[1])), np.float32) for _ in range(12))
    measured = tuple({"entropy": np.zeros(12, np.float32)} for _ in range(12))
    stack = StackOverview("self", row, row, *blocks, False, maps, measured)
    assert len(model_payload(Overview("m", {"self": stack}, False, ()))) < 700_000


def test_the_saved_page_is_one_file_with_the_large_drawings() -> None:
    trace = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE)
    view = attnlib.model_view(trace)
    assert list(view.frames) == ["Self"]
    assert view.details is not None
    assert list(view.details["Self"]) == [0, 1, 2, 3]
    page = view.to_html().replace("http://www.w3.org/2000/svg", "")  # the name of a format, no address
    assert "attn-model" in page
    assert "attn-head" in page
    assert "http" not in page.replace("http-equiv", "")


def test_large_drawings_are_left_out_of_a_page_they_would_burst() -> None:
    weights = np.ones((8, 16, 256, 256), np.float32) / 256  # 16 MB as 16-bit numbers
    assert attnlib.model_view(Trace.from_arrays(weights, ["x"] * 256)).details
    weights = np.ones((16, 16, 256, 256), np.float32) / 256
    assert weights.size * 2 > MOST_DETAILS
    assert not attnlib.model_view(Trace.from_arrays(weights, ["x"] * 256)).details


def test_other_things_have_their_views_too() -> None:
    model = tiny_model("t5", "seq2seq")
    assert list(attnlib.model_view(attnlib.overview(model, "The doctor.", "She")).frames) == [
        "Encoder",
        "Decoder",
        "Cross",
    ]
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE, small=True, layers=[1])
    view = attnlib.model_view(found, ("nurse", "doctor"))
    assert view.details is not None
    assert list(view.details["Self"]) == [1]
