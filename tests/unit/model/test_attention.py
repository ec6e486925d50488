"""The one attention function: it shows what the model computes, bit by bit, and changes only what it is told to."""

import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import attnlib
from attnlib.model.attention import AttentionCall, Edit, LayerPlace, watching
from attnlib.model.loading import Model, wrap
from attnlib.model.recomputing import recompute
from attnlib.tracing.checks import verify
from attnlib.tracing.layer import LayerAttention
from tests.unit.tiny import tiny_hf, tiny_model, tiny_tokenizer, usual_style

DECODERS = (
    *("gpt2", "gpt_neox", "opt", "gpt_bigcode", "ctrl", "biogpt", "llama", "mistral", "mixtral", "qwen2", "qwen3"),
    *("qwen2_moe", "gemma", "gemma2", "gemma3_text", "phi", "phi3", "olmo", "olmo2", "smollm3", "gpt_oss", "granite"),
    *("stablelm", "starcoder2", "cohere", "glm", "deepseek_v3", "persimmon", "helium", "modernbert-decoder"),
)
ENCODERS = (
    *("bert", "distilbert", "roberta", "camembert", "xlm-roberta", "albert", "electra", "modernbert", "mobilebert"),
    *("ernie", "data2vec-text"),
)
ENCODER_DECODERS = (
    *("t5", "mt5", "umt5", "switch_transformers", "bart", "mbart", "marian", "pegasus", "blenderbot", "m2m_100"),
    "nllb-moe",
)
HEADED = (
    [(name, "causal") for name in DECODERS]
    + [(name, "masked") for name in ENCODERS]
    + [(name, "seq2seq") for name in ENCODER_DECODERS]
)
EVERY = HEADED + [(name, None) for name in DECODERS + ENCODERS + ENCODER_DECODERS]
TEXT, TEXT_B = "The doctor asked the nurse a question.", "She answered"

pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # MobileBERT
some = pytest.mark.parametrize(
    ("architecture", "family"),
    [("gpt2", "causal"), ("llama", "causal"), ("bert", "masked"), ("t5", "seq2seq"), ("bart", "seq2seq")],
)
every = pytest.mark.parametrize(("architecture", "family"), EVERY)
headed = pytest.mark.parametrize(("architecture", "family"), HEADED)


def inputs_for(hf: Any, tokenizer: Any) -> dict[str, torch.Tensor]:
    """TEXT (and for a decoder TEXT_B) as a model reads it, put together without attnlib."""
    inputs = dict(tokenizer(TEXT, return_tensors="pt"))
    if hf.config.is_encoder_decoder:
        start = torch.tensor([[1]])
        more = tokenizer(TEXT_B, add_special_tokens=False, return_tensors="pt").input_ids
        inputs["decoder_input_ids"] = torch.cat([start, more], 1)
    return inputs


def output_attentions(hf: Any, inputs: dict[str, torch.Tensor]) -> tuple[dict[str, list[np.ndarray]], torch.Tensor]:
    """What the model itself reports with eager attention, by stack, and its first output."""
    names = {"self": "attentions", "encoder": "encoder_attentions", "decoder": "decoder_attentions"}
    with torch.inference_mode():
        output = hf(**inputs, output_attentions=True, use_cache=False)
    reported = {stack: output.get(name) for stack, name in {**names, "cross": "cross_attentions"}.items()}
    return {stack: [w[0].numpy() for w in weights] for stack, weights in reported.items() if weights}, output[0]


def bare_or_headed(architecture: str, family: str | None) -> tuple[Any, Any, dict[str, torch.Tensor]]:
    hf = tiny_hf(architecture, family)
    tokenizer = tiny_tokenizer(usual_style(hf.config))
    return hf, tokenizer, inputs_for(hf, tokenizer)


def trace(model: Model, **options: Any) -> attnlib.Trace:
    return attnlib.trace(model, TEXT, TEXT_B if model.family == "seq2seq" else None, **options)


# ---------------------------------------------------------------------------------------------- the model's numbers


@every
def test_weights_and_output_are_bit_equal_to_eager(architecture: str, family: str | None) -> None:
    hf, tokenizer, inputs = bare_or_headed(architecture, family)
    expected, expected_output = output_attentions(hf, inputs)
    model = wrap(architecture, hf, tokenizer)
    seen = trace(model)
    assert model.routed
    assert set(seen.stacks) == set(expected)
    for stack, layers in expected.items():
        assert len(seen.stack(stack).layers) == len(layers)
        for number, weights in enumerate(layers):
            np.testing.assert_array_equal(seen.stack(stack).layer(number).weights, weights)
    assert torch.equal(model.forward(inputs)[0], expected_output)


@headed
def test_softmax_of_query_and_key_gives_the_weights(architecture: str, family: str) -> None:
    hf, tokenizer, _ = bare_or_headed(architecture, family)
    seen = trace(wrap(architecture, hf, tokenizer))
    checks = {check.name: check for check in seen.checks}
    assert seen.verified
    assert checks["recomputed"].deviation <= 1e-5
    for stack in seen.stacks.values():
        for layer in stack.layers.values():
            scores = layer.query @ layer.key.transpose(0, 2, 1)
            assert scores.shape == layer.weights.shape
            assert layer.value.shape[:2] == layer.key.shape[:2]


@headed
def test_an_edit_that_changes_nothing_gives_the_models_output(architecture: str, family: str) -> None:
    """After an edit the output is computed anew from weights and values: it must be the model's way to do it."""
    hf, tokenizer, inputs = bare_or_headed(architecture, family)
    model = wrap(architecture, hf, tokenizer)
    same = model.forward(inputs, edits=[lambda call: call.weights.clone()])[0]
    torch.testing.assert_close(same, model.forward(inputs)[0], rtol=1e-4, atol=1e-4)


def test_at_least_thirty_architectures_are_covered() -> None:
    assert len(set(DECODERS + ENCODERS + ENCODER_DECODERS)) >= 30


# ---------------------------------------------------------------------------------------------- query is not key


@pytest.mark.parametrize("architecture", ["gpt2", "bert", "qwen3", "gemma2", "gpt_oss"])
def test_the_check_notices_query_and_key_swapped(architecture: str) -> None:
    call = trace(tiny_model(architecture)).stack().layer(1).call
    assert call is not None
    groups = call.query.shape[1] // call.key.shape[1]
    keys, values = (states.repeat_interleave(groups, 1) for states in (call.key, call.value))
    swapped = LayerAttention(call.weights[0].numpy(), replace(call, query=keys, key=call.query, value=values))
    recomputed = {check.name: check for check in verify([(swapped, False)])}["recomputed"]
    assert not recomputed.passed
    assert recomputed.deviation > 1e-2


def test_query_and_key_are_the_projections_of_the_layers_input_in_gpt2() -> None:
    model = tiny_model("gpt2", "causal")
    with torch.inference_mode():
        hidden = model.hf(**inputs_for(model.hf, model.tokenizer), output_hidden_states=True).hidden_states
        block = model.hf.transformer.h[1]
        query, key, value = block.attn.c_attn(block.ln_1(hidden[1]))[0].split(32, -1)
    layer = trace(model).stack().layer(1)
    for seen, projected in ((layer.query, query), (layer.key, key), (layer.value, value)):
        np.testing.assert_allclose(seen, projected.reshape(-1, 4, 8).transpose(0, 1), rtol=1e-5, atol=1e-5)
    assert layer.scaling == pytest.approx(8**-0.5)


def test_query_is_the_decoders_and_key_the_encoders_in_cross_attention() -> None:
    model = tiny_model("bart", "seq2seq")
    inputs = inputs_for(model.hf, model.tokenizer)
    seen = trace(model).cross.layer(0)
    with torch.inference_mode():
        encoded = model.hf.model.encoder(inputs["input_ids"]).last_hidden_state
        key = model.hf.model.decoder.layers[0].encoder_attn.k_proj(encoded)[0]
    np.testing.assert_allclose(seen.key, key.reshape(-1, 4, 8).transpose(0, 1), rtol=1e-5, atol=1e-5)
    assert seen.query.shape[1] == inputs["decoder_input_ids"].shape[1]


def test_rope_turns_every_position_but_the_first_and_keeps_lengths() -> None:
    model = tiny_model("llama", "causal")
    layer = trace(model).stack().layer(0)
    block = model.hf.model.layers[0]
    with torch.inference_mode():
        ids = inputs_for(model.hf, model.tokenizer)["input_ids"]
        projected = block.self_attn.q_proj(block.input_layernorm(model.hf.model.embed_tokens(ids)))[0]
        projected = projected.reshape(-1, 4, 8).transpose(0, 1).numpy()  # [head, token, head_dim]
    np.testing.assert_allclose(layer.query[:, 0], projected[:, 0], rtol=1e-5, atol=1e-5)
    assert not np.allclose(layer.query[:, 1:], projected[:, 1:], atol=1e-2)
    np.testing.assert_allclose(np.linalg.norm(layer.query, axis=-1), np.linalg.norm(projected, axis=-1), rtol=1e-4)


@pytest.mark.parametrize(("architecture", "groups"), [("llama", 2), ("gpt_bigcode", 4), ("gpt2", 1)])
def test_key_heads_are_repeated_for_the_query_heads_that_share_them(architecture: str, groups: int) -> None:
    layer = trace(tiny_model(architecture)).stack().layer(0)
    assert layer.key.shape == layer.query.shape
    assert layer.value.shape == layer.query.shape
    for head in range(4):
        first_of_group = head // groups * groups
        np.testing.assert_array_equal(layer.key[head], layer.key[first_of_group])
    assert len(np.unique(layer.key, axis=0)) == 4 // groups


def test_sinks_take_a_share_of_every_row() -> None:
    layer = trace(tiny_model("gpt_oss")).stack().layer(0)
    assert layer.call is not None
    assert layer.call.sinks is not None
    assert (layer.weights.sum(-1) <= 1 + 1e-6).all()
    assert (layer.weights.sum(-1) < 1 - 1e-3).mean() > 0.5


def test_softcap_changes_the_weights_and_is_told() -> None:
    call = trace(tiny_model("gemma2", attn_logit_softcapping=0.5)).stack().layer(0).call
    assert call is not None
    assert call.softcap == 0.5
    rows = np.arange(call.query.shape[2])
    without, _ = recompute(replace(call, softcap=None), rows)
    assert np.abs(without - call.weights[0].numpy()).max() > 1e-2


# ---------------------------------------------------------------------------------------------- edits


@contextmanager
def silenced_columns(projection: Any, head: int, width: int = 8) -> Iterator[None]:
    """The oracle: the part of the output projection that reads a head, set to zero for a while."""
    before = projection.weight.detach().clone()
    columns = slice(head * width, (head + 1) * width)
    with torch.no_grad():
        rows_are_inputs = type(projection).__name__ == "Conv1D"
        (projection.weight if rows_are_inputs else projection.weight.T)[columns] = 0
    try:
        yield
    finally:
        with torch.no_grad():
            projection.weight.copy_(before)


PROJECTIONS = {
    ("gpt2", "causal", "self"): lambda hf: hf.transformer.h[1].attn.c_proj,
    ("bert", "masked", "self"): lambda hf: hf.bert.encoder.layer[1].attention.output.dense,
    ("llama", "causal", "self"): lambda hf: hf.model.layers[1].self_attn.o_proj,
    ("gpt_bigcode", "causal", "self"): lambda hf: hf.transformer.h[1].attn.c_proj,
    ("t5", "seq2seq", "encoder"): lambda hf: hf.encoder.block[1].layer[0].SelfAttention.o,
    ("t5", "seq2seq", "decoder"): lambda hf: hf.decoder.block[1].layer[0].SelfAttention.o,
    ("t5", "seq2seq", "cross"): lambda hf: hf.decoder.block[1].layer[1].EncDecAttention.o,
    ("bart", "seq2seq", "cross"): lambda hf: hf.model.decoder.layers[1].encoder_attn.out_proj,
}


@pytest.mark.parametrize("head", [0, 3])
@pytest.mark.parametrize(("architecture", "family", "stack"), PROJECTIONS)
def test_zeroing_a_head_is_zeroing_its_output_projection(
    architecture: str, family: str, stack: str, head: int
) -> None:
    model = tiny_model(architecture, family)
    inputs = inputs_for(model.hf, model.tokenizer)
    plain = model.forward(inputs).logits
    zeroed = model.forward(inputs, edits=[attnlib.zero_heads([(1, head)], stack)]).logits
    with silenced_columns(PROJECTIONS[architecture, family, stack](model.hf), head):
        expected = model.forward(inputs).logits
    torch.testing.assert_close(zeroed, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(zeroed, plain, atol=1e-2)
    assert torch.equal(model.forward(inputs).logits, plain)


@some
def test_several_heads_of_several_layers_can_be_zeroed_at_once(architecture: str, family: str) -> None:
    model = tiny_model(architecture, family)
    stack = model.stacks[0]
    seen = trace(model, edits=[attnlib.zero_heads([(0, 1), (1, 0), (1, 3)], stack)])
    alive = seen.stack(stack).weights.sum((-1, -2)) > 0
    expected = np.array([[True, False, True, True], [False, True, True, False]])
    np.testing.assert_array_equal(alive, expected)


def test_layers_before_an_edit_are_as_without_and_layers_after_it_are_not() -> None:
    model = tiny_model("gpt2", "causal", n_layer=4)
    plain, edited = trace(model), trace(model, edits=[attnlib.zero_heads([(1, 2)])])
    np.testing.assert_array_equal(plain.weights[0], edited.weights[0])
    np.testing.assert_array_equal(plain.weights[1, [0, 1, 3]], edited.weights[1, [0, 1, 3]])
    assert not edited.weights[1, 2].any()
    assert np.abs(plain.weights[2:] - edited.weights[2:]).max() > 1e-3


def test_only_the_layers_an_edit_touched_go_unchecked() -> None:
    model = tiny_model("gpt2", "causal", n_layer=4)
    edited = trace(model, edits=[attnlib.zero_heads([(1, 2)])])
    assert [layer.edited for layer in edited.stack().layers.values()] == [False, True, False, False]
    rows = {check.name: check.rows for check in edited.checks}
    assert rows["recomputed"] == 3 * 4 * len(edited.tokens)
    assert edited.verified


@some
def test_an_edit_leaves_the_model_as_it_was(architecture: str, family: str) -> None:
    model = tiny_model(architecture, family)
    parameters = {name: value.clone() for name, value in model.hf.state_dict().items()}
    before = trace(model)
    trace(model, edits=[attnlib.zero_heads([(0, 0), (1, 1)], model.stacks[-1])])
    after = trace(model)
    for stack in before.stacks:
        np.testing.assert_array_equal(before.stack(stack).weights, after.stack(stack).weights)
    assert all(torch.equal(value, parameters[name]) for name, value in model.hf.state_dict().items())


def test_edits_follow_one_another() -> None:
    """A later edit sees what an earlier one left."""
    uniform: Edit = lambda call: torch.full_like(call.weights, 0.25)  # noqa: E731
    doubled: Edit = lambda call: call.weights * 2  # noqa: E731
    seen = trace(tiny_model("gpt2"), edits=[uniform, doubled])
    np.testing.assert_array_equal(seen.weights, np.full_like(seen.weights, 0.5))


def test_an_error_in_an_edit_does_not_stay_behind() -> None:
    model = tiny_model("gpt2")

    def fail(call: AttentionCall) -> None:
        raise RuntimeError("mine")

    before = trace(model)
    with pytest.raises(RuntimeError, match="mine"):
        trace(model, edits=[fail])
    np.testing.assert_array_equal(trace(model).weights, before.weights)


def test_places_are_the_true_stack_and_layer_of_each_call() -> None:
    places = list(tiny_model("bart", "seq2seq").places)
    decoder = [place for layer in range(3) for place in (LayerPlace("decoder", layer), LayerPlace("cross", layer))]
    assert places == [LayerPlace("encoder", 0), LayerPlace("encoder", 1), *decoder]


# ---------------------------------------------------------------------------------------------- one call, one context


TEXTS = ("The doctor", "asked the nurse a question", "She answered.", "A quick brown fox jumps", "well-known", "x")


@pytest.mark.parametrize("architecture", ["gpt2", "bert", "t5"])
def test_threads_on_one_shared_model_do_not_mix(architecture: str) -> None:
    model = tiny_model(architecture)
    silence = attnlib.zero_heads([(0, 0)], model.stacks[0])
    jobs = [(text, edits) for text in TEXTS for edits in ((), (silence,))] * 10

    def run(job: tuple[str, tuple[Edit, ...]]) -> list[np.ndarray]:
        seen = attnlib.trace(model, job[0], edits=job[1])
        return [seen.stack(stack).weights for stack in model.stacks]

    alone = [run(job) for job in jobs[: 2 * len(TEXTS)]] * 10
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(run, jobs))
    for expected, seen in zip(alone, together, strict=True):
        for one, other in zip(expected, seen, strict=True):
            np.testing.assert_array_equal(one, other)


def test_observers_see_nothing_of_passes_outside_their_block() -> None:
    model = tiny_model("gpt2")
    inputs = inputs_for(model.hf, model.tokenizer)
    seen: list[AttentionCall] = []
    with watching([seen.append], places=model.places), ThreadPoolExecutor(1) as pool:
        pool.submit(model.forward, inputs).result()
    model.hf(**inputs)
    assert not seen


def test_blocks_nest() -> None:
    model = tiny_model("gpt2")
    inputs = inputs_for(model.hf, model.tokenizer)
    outer: list[AttentionCall] = []
    inner: list[AttentionCall] = []
    with watching([outer.append], places=model.places):
        model.forward(inputs, [inner.append])
        assert [call.order for call in inner] == [0, 1]
        assert not outer
        model.hf(**inputs)
    assert [call.place for call in outer] == list(model.places)


# ---------------------------------------------------------------------------------------------- memory


@some
def test_tracing_one_layer_keeps_that_layer(architecture: str, family: str) -> None:
    model = tiny_model(architecture, family)
    full, one = trace(model), trace(model, layers=[1])
    for stack in model.stacks:
        assert list(one.stack(stack).layers) == [1]
        np.testing.assert_array_equal(one.stack(stack).weights[0], full.stack(stack).weights[1])


def test_memory_of_one_layer_does_not_grow_with_depth() -> None:
    """While the pass runs, the weights of the layers before are gone, except those asked for."""
    model = tiny_model("gpt2", n_layer=8)
    seen: list[weakref.ref[torch.Tensor]] = []
    alive_during: list[int] = []

    def spy(call: AttentionCall) -> None:
        alive_during.append(sum(ref() is not None for ref in seen))
        seen.append(weakref.ref(call.weights))

    kept = trace(model, layers=[2], edits=[spy])
    assert max(alive_during) <= 2  # the layer that was asked for and the one just left
    assert sum(ref() is not None for ref in seen) == 1
    assert kept.weights.shape[0] == 1
