"""Dimensions scaled while the model runs: exactly what the arithmetic of a head says, in every kind of attention."""

import numpy as np
import pytest
import torch

import attnlib
from attnlib.behaviour.scaling import head_width, rescored, scale_dimensions, scaled_head
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall
from attnlib.model.loading import Model
from attnlib.tracing.vectors import head_vectors
from tests.unit.tiny import tiny_model

TEXT = "The doctor asked the nurse a question"
KINDS = {
    "gpt2": "causal",
    "bert": "masked",
    "llama": "causal",  # rotary positions, shared keys
    "t5": "seq2seq",  # a position bias, no scaling
    "gemma2": "causal",  # a softcap
    "gpt_oss": "causal",  # a sink
    "gpt_neox": "causal",
}


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest) -> Model:
    return tiny_model(request.param, KINDS[request.param])


def kept_call(model: Model, layer: int = 1) -> AttentionCall:
    kept: list[AttentionCall] = []
    inputs = attnlib.model.inputs.read_inputs(model, TEXT, None, truncate=False)
    place = (model.stacks[0], layer)
    model.forward(inputs.tensors, [lambda call: kept.append(call) if call.place == place else None])
    return kept[0]


def test_factors_of_one_change_nothing(model: Model) -> None:
    plain = attnlib.trace(model, TEXT)
    edit = scale_dimensions(1, 2, {0: 1.0, 3: 1.0}, stack=model.stacks[0])
    for name, stack in attnlib.trace(model, TEXT, edits=[edit]).stacks.items():
        for layer, attention in stack.layers.items():
            np.testing.assert_array_equal(attention.weights, plain.stack(name).layer(layer).weights)
            assert not attention.edited


def test_the_weights_are_made_as_the_model_makes_them(model: Model) -> None:
    call = kept_call(model)
    again = rescored(call, range(call.query.shape[1]), torch.ones(1, call.query.shape[-1]))
    torch.testing.assert_close(again, call.weights, atol=1e-5, rtol=0)


def test_zero_takes_exactly_that_dimension_out_of_the_score(model: Model) -> None:
    stack = model.stacks[0]
    layer, head, dimension = 1, 2, 3
    before = head_vectors(attnlib.trace(model, TEXT), layer, head, stack)
    edit = scale_dimensions(layer, head, {dimension: 0.0, 5: -0.5}, stack=stack)
    after = attnlib.trace(model, TEXT, edits=[edit]).stack(stack).layer(layer).weights[head]
    terms = np.stack([before.terms(query) for query in range(len(before.queries))])
    scaled = before.scaled - terms[:, :, dimension] - 1.5 * terms[:, :, 5]
    capped = scaled if before.softcap is None else np.tanh(scaled / before.softcap) * before.softcap
    powers = np.exp(capped + before.bias)
    rest = 0.0 if before.sink is None else np.exp(before.sink)
    np.testing.assert_allclose(after, powers / (powers.sum(1, keepdims=True) + rest), atol=1e-5)


def test_other_heads_stay_and_later_layers_follow(model: Model) -> None:
    stack = model.stacks[0]
    plain = attnlib.trace(model, TEXT).stack(stack)
    edit = scale_dimensions(0, 2, dict.fromkeys(range(4), 0.0), stack=stack)
    edited = attnlib.trace(model, TEXT, edits=[edit]).stack(stack)
    others = [0, 1, 3]
    np.testing.assert_array_equal(edited.layer(0).weights[others], plain.layer(0).weights[others])
    assert not np.array_equal(edited.layer(0).weights[2], plain.layer(0).weights[2])
    assert not np.array_equal(edited.layer(1).weights, plain.layer(1).weights)


def test_a_key_belongs_to_all_heads_that_share_it() -> None:
    model = tiny_model("llama", "causal")  # four heads, two keys
    plain = attnlib.trace(model, TEXT).weights[0]
    for of, changed in (("query", [2]), ("key", [2, 3])):
        edited = attnlib.trace(model, TEXT, edits=[scale_dimensions(0, 2, {1: 0.0}, of=of)]).weights[0]
        assert [head for head in range(4) if not np.array_equal(edited[head], plain[head])] == changed


def test_a_scaled_head_of_a_text() -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    text = "The doctor asked the nurse a question. She"
    found = scaled_head(model, text, 0, 2, {2: 0.0, 9: 0.0, 16: 0.0, 23: 0.0})
    edit = scale_dimensions(0, 2, {2: 0.0, 9: 0.0, 16: 0.0, 23: 0.0})
    np.testing.assert_array_equal(found.before, attnlib.trace(model, text).weights[0])
    np.testing.assert_array_equal(found.after, attnlib.trace(model, text, edits=[edit]).weights[0])
    curve = found.curve()
    at = np.arange(1, 9)  # without the first token
    for distance, before, after in curve.itertuples(index=False):
        rows = at[at - distance >= 1]
        assert before == pytest.approx(found.before[2, rows, rows - distance].mean())
        assert after == pytest.approx(found.after[2, rows, rows - distance].mean())
    said = {word.word.strip(): word for word in found.words}
    predicted = attnlib.trace(model, text).predictions
    assert predicted is not None
    first = predicted.labels[-1][0].strip()
    assert said[first].p_a == pytest.approx(float(predicted.probabilities[-1, 0]), abs=1e-6)
    same = scaled_head(model, text, 0, 2, {})
    assert all(word.p_a == word.p_b for word in same.words)


def test_a_model_without_words_and_one_with_two_texts() -> None:
    assert scaled_head(tiny_model("bert", "encoder"), TEXT, 0, 0, {0: 0.0}).words == ()
    assert scaled_head(tiny_model("t5", "seq2seq"), TEXT, 0, 0, {0: 0.0}).before.shape[0] == 4


def test_the_width_of_a_layers_heads(model: Model) -> None:
    assert head_width(model, 1) == kept_call(model).query.shape[-1]


@pytest.mark.parametrize(
    ("layer", "head", "factors", "of", "said"),
    [
        (0, 0, {99: 0.0}, "query", "There is no dimension 99: head 0-0 has 8, counted from 0"),
        (0, 0, {0: float("nan")}, "query", "cannot be multiplied by nan"),
        (0, 0, {0: 0.0}, "value", "not of the “value”"),
        (5, 0, {0: 0.0}, "query", "There is no head 5-0"),
    ],
)
def test_what_is_not_there(layer: int, head: int, factors: dict[int, float], of: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        scaled_head(tiny_model("gpt2", "causal"), TEXT, layer, head, factors, of=of)
