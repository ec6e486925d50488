"""The frame that crosses to the browser: every number comes back, at the promised size."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import attnlib
from attnlib import InputError, Trace
from attnlib.views import payload
from attnlib.views.head import payload as heads
from attnlib.views.html import head_view


def random_trace(heads: int, tokens: int, causal: bool) -> Trace:
    """A trace of one layer of random attention."""
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(tokens, 0.1), (1, heads, tokens)).astype(np.float32)
    if causal:
        weights = np.tril(weights) / np.tril(weights).sum(-1, keepdims=True).clip(1e-30)
        weights[..., 0, 0] = 1
    return Trace.from_arrays(weights.astype(np.float32), [f"t{i}" for i in range(tokens)])


@given(
    hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=5), elements=st.floats(0, 1, width=32)),
    st.text(max_size=50).filter(lambda text: text.isprintable()),
)
def test_a_frame_comes_back(array: np.ndarray, text: str) -> None:
    header, arrays = payload.unpack(payload.pack({"text": text}, {"a": array, "b": np.arange(3, dtype=np.uint8)}))
    assert header == {"text": text}
    assert np.array_equal(arrays["a"], array)
    assert arrays["b"].tolist() == [0, 1, 2]


def test_other_bytes_are_refused() -> None:
    with pytest.raises(InputError, match="not an attention payload"):
        payload.unpack(b"nonsense bytes")


def test_weights_are_exact_to_more_than_three_decimals() -> None:
    trace = random_trace(3, 20, causal=False)
    _, arrays = payload.unpack(heads.head_payload(trace, 0))
    assert np.abs(arrays["weights"] / 65535 - trace.weights[0]).max() < 1e-5


def test_a_causal_layer_is_sent_as_its_triangle() -> None:
    trace = random_trace(2, 6, causal=True)
    header, arrays = payload.unpack(heads.head_payload(trace, 0))
    assert header["triangle"]
    back = np.zeros((2, 6, 6))
    for head in range(2):
        back[head][np.tril_indices(6)] = arrays["weights"][head] / 65535
    assert np.abs(back - trace.weights[0]).max() < 1e-5


def test_cross_attention_keeps_its_rectangle() -> None:
    weights = np.random.default_rng(1).dirichlet(np.ones(5), (1, 2, 3)).astype(np.float32)
    trace = Trace.from_arrays(weights, ["a", "b", "c"], ["v", "w", "x", "y", "z"])
    header, arrays = payload.unpack(heads.head_payload(trace, 0))
    assert not header["triangle"]
    assert header["keys"]["labels"] == ["v", "w", "x", "y", "z"]
    assert arrays["weights"].shape == (2, 3, 5)


def test_sizes_at_gpt2_shape() -> None:
    size = len(heads.head_payload(random_trace(12, 128, causal=True), 0))
    assert size <= 250_000
    assert len(heads.head_payload(random_trace(12, 512, causal=True), 0)) <= 3_300_000
    assert len(heads.head_payload(random_trace(12, 128, causal=False), 0)) <= 800_000


def test_too_many_weights_are_refused_with_the_length_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MOST_WEIGHTS", 1000)
    with pytest.raises(InputError, match="Shorten the text to about 22 tokens"):
        heads.head_payload(random_trace(2, 30, causal=False), 0)


def test_a_page_is_self_contained_and_its_tokens_cannot_leave_their_place(tmp_path: object) -> None:
    trace = Trace.from_arrays(np.ones((2, 1, 1, 1)), ["</script><script>alert(1)</script>"], name="</title>")
    page = head_view(trace).to_html().replace("http://www.w3.org/2000/svg", "")  # the name of a format, no address
    assert page.count("<script") == 1
    assert page.count("</script>") == 1
    assert "&lt;/title&gt;" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page


def test_a_view_has_every_layer_or_those_asked_for() -> None:
    trace = Trace.from_arrays(np.ones((3, 1, 1, 1)), ["a"])
    assert list(head_view(trace).frames) == ["Layer 0", "Layer 1", "Layer 2"]
    assert list(head_view(trace, layers=[2]).frames) == ["Layer 2"]
    assert json.dumps("iframe srcdoc")[1:-1] in head_view(trace)._repr_html_()
    with pytest.raises(attnlib.InputError, match="Layer 7"):
        head_view(trace, layers=[7])


# ---- a prompt pair


def unit_row(*units: tuple[str | None, str | None]) -> dict[str, Any]:
    """A row of units from their text in A and in B."""
    return {
        "labels": [a if b is None else b if a in (None, b) else f"{a} → {b}" for a, b in units],
        "a": [a for a, _ in units],
        "b": [b for _, b in units],
        "kinds": [
            "inserted" if a is None else "deleted" if b is None else "equal" if a == b else "replaced"
            for a, b in units
        ],
    }


ROW = unit_row(("The", "The"), (None, "big"), ("cat", "dog"), ("now", None), ("sat", "sat"))
ABOUT: dict[str, Any] = {"model": "m", "stack": "self", "layer": 3}


def random_pair(heads: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Attention of A and of B over ROW: nothing goes to a unit that is not there, and it has no row."""
    sides = []
    for side, seed in (("a", 0), ("b", 1)):
        weights = np.random.default_rng(seed).dirichlet(np.ones(5), (heads, 5))
        missing = [i for i, label in enumerate(ROW[side]) if label is None]
        weights[:, :, missing] = 0
        weights[:, missing] = np.nan
        sides.append(weights.astype(np.float32))
    return sides[0], sides[1]


def test_a_pair_comes_back_and_rows_that_are_not_there_are_zero() -> None:
    a, b = random_pair()
    header, arrays = payload.unpack(heads.head_pair_payload(ROW, None, a, b, causal=False, **ABOUT, head=1))
    assert {name: header[name] for name in ("view", "pair", "heads", "layer", "head", "triangle")} == {
        "view": "head",
        "pair": True,
        "heads": 2,
        "layer": 3,
        "head": 1,
        "triangle": False,
    }
    assert header["queries"] == ROW
    assert header["keys"] is None
    for name, weights in (("weights", a), ("weights_b", b)):
        assert arrays[name].dtype == np.uint16
        assert np.abs(arrays[name] / 65535 - np.nan_to_num(weights)).max() < 1e-5
    assert not arrays["weights"][:, 1].any(), "A has no second unit"
    assert not arrays["weights_b"][:, 3].any(), "B has no fourth unit"


@pytest.mark.parametrize(("stack", "keys"), [("self", None), ("cross", ROW), ("encoder", None)])
def test_a_causal_pair_is_sent_as_two_triangles(stack: str, keys: dict[str, Any] | None) -> None:
    a, b = (np.tril(np.nan_to_num(weights)) for weights in random_pair())
    about = {**ABOUT, "stack": stack}
    header, arrays = payload.unpack(heads.head_pair_payload(ROW, keys, a, b, causal=True, **about))
    assert header["triangle"] == (stack == "self")
    for name, weights in (("weights", a), ("weights_b", b)):
        sent = weights[:, *np.tril_indices(5)] if stack == "self" else weights
        assert np.abs(arrays[name] / 65535 - sent).max() < 1e-5


def test_a_pair_whose_shapes_do_not_fit_is_refused() -> None:
    a, b = random_pair()
    for left, right in ((a[:, :4], b[:, :4]), (a[:, :, :4], b[:, :, :4])):
        with pytest.raises(InputError, match=r"must both be \(heads, 5, 5\)"):
            heads.head_pair_payload(ROW, None, left, right, causal=False, **ABOUT)


def test_a_pair_may_hold_half_as_many_weights_of_each_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = random_pair()
    monkeypatch.setattr(heads, "MOST_WEIGHTS", 2 * a.size)
    heads.head_pair_payload(ROW, None, a, b, causal=False, **ABOUT)
    monkeypatch.setattr(heads, "MOST_WEIGHTS", 2 * a.size - 1)
    with pytest.raises(InputError, match=r"2 prompts x 5 tokens x 2 heads .* Shorten both texts to about 4 tokens"):
        heads.head_pair_payload(ROW, None, a, b, causal=False, **ABOUT)


# ---- what heads do


def head_frame(labels: object) -> bytes:
    return heads.head_payload(random_trace(3, 4, causal=True), 0, labels=labels)


def pair_frame(labels: object) -> bytes:
    return heads.head_pair_payload(ROW, None, *random_pair(3), causal=False, **ABOUT, labels=labels)


@pytest.mark.parametrize("draw", [head_frame, pair_frame])
def test_labels_of_the_layers_heads_are_passed_on(draw: Callable[[object], bytes]) -> None:
    labels = ["previous token .93", "", "<b>"]
    assert payload.unpack(draw(labels))[0]["labels"] == labels
    for none in ([], (), None):
        assert not payload.unpack(draw(none))[0]["labels"]


@pytest.mark.parametrize("draw", [head_frame, pair_frame])
def test_labels_that_do_not_fit_the_layer_are_refused(draw: Callable[[object], bytes]) -> None:
    with pytest.raises(InputError, match=r"There are 2 labels for the 3 heads of layer \d\. Every head needs one"):
        draw(["a", "b"])
    with pytest.raises(InputError, match=r"The labels of layer \d are one text, not a list"):
        draw("abc")


def test_labels_of_a_model_whose_layers_differ() -> None:
    payload.check_labels([["a", "b"], ["c"]], [2, 1])
    payload.check_labels([], [2, 1])
    with pytest.raises(InputError, match="There are 1 labels for the 2 heads of layer 0"):
        payload.check_labels([["a"], ["b"]], [2, 1])
    with pytest.raises(InputError, match="labels of 1 layers for 2 layers of heads"):
        payload.check_labels([["a", "b"]], [2, 1])
