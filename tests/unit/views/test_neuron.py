"""What crosses to the neuron view: vectors that come back exactly enough, small frames, rows of a pair."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

import attnlib
from attnlib import InputError
from attnlib.tracing.vectors import head_vectors
from attnlib.views.neuron.payload import STEPS_24, Steps, neuron_pair_payload, neuron_payload
from attnlib.views.payload import unpack
from tests.unit.model.test_attention import HEADED, TEXT, TEXT_B
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"

pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # MobileBERT


def decoded(arrays: dict[str, np.ndarray], name: str) -> list[list[float]]:
    """24-bit steps, byte by byte, as a reader that knows only the format would."""
    rows = []
    for packed, scale in zip(arrays[name].tolist(), arrays[f"{name}_scale"].tolist(), strict=True):
        rows.append([int.from_bytes(bytes(triple), "little", signed=True) * scale for triple in packed])
    return rows


def bias_of(header: dict[str, Any], arrays: dict[str, np.ndarray], side: str, i: int, j: int) -> float:
    kind = header["sides"][side]["bias"]
    if kind == "none":
        return 0.0
    bias = arrays[f"{side}_bias"]
    return float(bias[i, j] if kind == "all" else bias[j - i + len(arrays[f"{side}_query_scale"]) - 1])


def weights_of(header: dict[str, Any], arrays: dict[str, np.ndarray], side: str, query: int) -> list[float]:
    """A row of weights in plain Python, from nothing but the frame."""
    about = header["sides"][side]
    queries, keys = decoded(arrays, f"{side}_query"), decoded(arrays, f"{side}_key")
    scores = []
    for j, key in enumerate(keys):
        score = about["scaling"] * sum(q * k for q, k in zip(queries[query], key, strict=True))
        if about["softcap"] is not None:
            score = about["softcap"] * math.tanh(score / about["softcap"])
        scores.append(score + bias_of(header, arrays, side, query, j))
    extra = [] if about["sink"] is None else [about["sink"]]
    largest = max(scores + extra)
    total = sum(math.exp(score - largest) for score in scores + extra)
    return [math.exp(score - largest) / total for score in scores]


@pytest.mark.parametrize(("architecture", "family"), HEADED)
def test_a_frame_gives_the_models_own_weights(architecture: str, family: str) -> None:
    trace = attnlib.trace(tiny_model(architecture, family), TEXT, TEXT_B if family == "seq2seq" else None)
    for name, stack in trace.stacks.items():
        header, arrays = unpack(neuron_payload(trace, 1, 2, name))
        assert header["sides"]["a"]["deviation"] <= 1e-4
        for query in {0, len(stack.queries) // 2, len(stack.queries) - 1}:
            row = weights_of(header, arrays, "a", query)
            np.testing.assert_allclose(row, stack.layer(1).weights[2, query], atol=1e-4)
        assert (header["keys"] is None) is (name != "cross")
        assert header["heads"] == len(stack.layer(1).weights)


def test_steps_are_as_fine_as_they_say() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((50, 64)) * 10.0 ** rng.uniform(-3, 3, (50, 1))).astype(np.float32)
    vectors[7] = 0
    steps = Steps.of(vectors)
    error = np.abs(steps.numbers - vectors).max(1)
    assert (error <= 0.5001 * np.abs(vectors).max(1) / STEPS_24).all()
    frame = {"x": steps.packed, "x_scale": steps.scale}
    np.testing.assert_allclose(decoded(frame, "x"), steps.numbers, rtol=1e-12)


def test_values_come_back() -> None:
    trace = attnlib.trace(tiny_model("deepseek_v3", "causal"), TEXT)
    header, arrays = unpack(neuron_payload(trace, 0, 0))
    value = (arrays["a_value"].astype(np.float64) - 32767) * arrays["a_value_scale"][:, None]
    expected = head_vectors(trace, 0, 0).value
    assert header["value_dims"] == expected.shape[1] == 12
    assert header["dims"] == 16
    np.testing.assert_allclose(value, expected, atol=np.abs(expected).max() / 60000)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_512_tokens_of_64_dimensions_are_small(architecture: str) -> None:
    changes = {"n_embd": 256, "hidden_size": 256, "head_dim": 64, "max_position_embeddings": 600}
    model = tiny_model(architecture, "causal", **changes)
    text = " ".join(["The doctor asked the nurse a question."] * 90)
    inputs = model.tokenizer(text, truncation=True, max_length=512)
    text = model.tokenizer.decode(inputs.input_ids)
    trace = attnlib.trace(model, text, layers=[1], truncate=True)
    frame = neuron_payload(trace, 1, 0)
    header, arrays = unpack(frame)
    assert arrays["a_query"].shape[1:] == (64, 3)
    assert 500 <= len(arrays["a_query"]) <= 520
    assert len(frame) <= 300_000
    assert header["sides"]["a"]["deviation"] <= 1e-4


def test_the_bias_is_sent_in_as_few_numbers_as_say_it() -> None:
    def kind(architecture: str, family: str, stack: str | None = None) -> str:
        trace = attnlib.trace(tiny_model(architecture, family), TEXT, TEXT_B if family == "seq2seq" else None)
        return unpack(neuron_payload(trace, 1, 0, stack))[0]["sides"]["a"]["bias"]

    assert kind("bert", "masked") == "none"
    assert kind("gpt2", "causal") == "distance"
    assert kind("t5", "seq2seq", "encoder") == "distance"
    hidden = attnlib.trace(tiny_model("gpt2", "causal"), TEXT, hide=[2])
    header, arrays = unpack(neuron_payload(hidden, 1, 0))
    assert header["sides"]["a"]["bias"] == "all"
    np.testing.assert_allclose(weights_of(header, arrays, "a", 5), hidden.stack().layer(1).weights[0, 5], atol=1e-4)


def test_colours_have_scales_that_nothing_exceeds() -> None:
    trace = attnlib.trace(tiny_model("llama", "causal"), TEXT)
    scales = [unpack(neuron_payload(trace, 0, head))[0]["scales"] for head in range(4)]
    for name in ("vector", "product", "value"):
        assert scales[0]["layer"][name] == max(one["head"][name] for one in scales)
    vectors = head_vectors(trace, 0, 1)
    assert scales[1]["head"]["vector"] == max(np.abs(vectors.query).max(), np.abs(vectors.key).max())
    products = vectors.query[:, None].astype(float) * vectors.key[None]
    assert np.abs(products).max() <= scales[1]["head"]["product"] * (1 + 1e-6)


def test_a_pair_has_two_sides_and_rows_of_both() -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE, layers=[0])
    header, arrays = unpack(neuron_pair_payload(found, 0, 2, state="show:a"))
    assert (header["pair"], header["state"], header["start"]) == (True, "show:a", 8)
    assert header["queries"]["labels"][-1].strip() == "She → He"
    assert header["queries"]["at_a"] == header["queries"]["at_b"] == list(range(9))
    for side, trace in (("a", found.a), ("b", found.b)):
        np.testing.assert_allclose(
            weights_of(header, arrays, side, 8), trace.stack().layer(0).weights[2, 8], atol=1e-4
        )
    sides = [head_vectors(side, 0, 2) for side in (found.a, found.b)]
    changes = [
        np.abs(sides[1].query[i] * sides[1].key[j] - sides[0].query[i] * sides[0].key[j]).max()
        for i in range(9)
        for j in range(9)
    ]
    assert max(changes) <= header["scales"]["change"]["product"] * (1 + 1e-6)


def test_rows_that_only_one_prompt_has() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    found = attnlib.compare(model, SHE, "The doctor asked the old nurse a question. He")
    row = unpack(neuron_pair_payload(found, 0, 2))[0]["queries"]
    only = row["at_a"].index(None)
    assert (row["labels"][only].strip(), row["a"][only], row["b"][only].strip()) == ("old", None, "old")
    assert row["labels"][-1].strip() == "She → He"


def test_heads_of_other_widths_are_not_subtracted() -> None:
    model = tiny_model("gpt2", "causal")
    wide = tiny_model("gpt2", "causal", n_embd=64)
    found = attnlib.compare(model, SHE, HE, model_b=wide)
    with pytest.raises(InputError, match="different dimensions"):
        neuron_pair_payload(found, 0, 0)


def test_the_saved_page_holds_one_frame_and_no_request() -> None:
    trace = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE)
    view = attnlib.neuron_view(trace, 1, 3)
    assert list(view.frames) == ["layer 1, head 3"]
    page = view.to_html().replace("http://www.w3.org/2000/svg", "")  # the name of a format, no address
    assert "default-src 'none'" in page
    assert "http:" not in page
    assert "https:" not in page
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE)
    assert "prompt B − prompt A" in attnlib.neuron_view(found, 0, 2).title


def test_labels_of_the_layers_heads_are_passed_on() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    trace, found = attnlib.trace(model, SHE), attnlib.compare(model, SHE, HE)
    for draw in (partial(neuron_payload, trace, 0, 2), partial(neuron_pair_payload, found, 0, 2)):
        assert unpack(draw(labels=["a", "", "c", "d"]))[0]["labels"] == ["a", "", "c", "d"]
        with pytest.raises(InputError, match="There are 2 labels for the 4 heads of layer 0"):
            draw(labels=["a", "b"])
