"""What a short text tells of a model: its stacks, whether edits are right, which head it has, or why not."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers.models.llama import modeling_llama
from transformers.models.llama.modeling_llama import LlamaAttention

import attnlib
from attnlib import InputError
from attnlib.behaviour.scaling import scaled_head
from attnlib.comparison.export import difference_npz, ranking_csv
from attnlib.comparison.many import PairRead, measure_pairs, read_pairs_for
from attnlib.effects.patching import patched_heads
from attnlib.model.attention import AttentionCall, watching
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import wrap
from attnlib.model.provenance import provenance
from attnlib.prompts.pairs import Pair
from attnlib.tracing.checks import Check
from attnlib.words.predictions import words_without
from tests.unit.tiny import tiny_config, tiny_hf, tiny_model, tiny_tokenizer, usual_style

TEXT = "The doctor asked the nurse a question."

# ---------------------------------------------------------------------------------------------- stacks

BERT_LIKE = {
    "bert2bert": ("bert", "bert"),
    "roberta2roberta": ("roberta", "roberta"),
    "electra2bert": ("electra", "bert"),
    "bert-generation": ("bert-generation", "bert-generation"),
    "bert2gpt2": ("bert", "gpt2"),
}


@pytest.mark.parametrize("name", BERT_LIKE)
def test_layers_of_a_bert_like_decoder_are_the_decoders(name: str) -> None:
    encoder, decoder = BERT_LIKE[name]
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        tiny_config(encoder), tiny_config(decoder, is_decoder=True, add_cross_attention=True)
    )
    config.decoder_start_token_id, config.pad_token_id = 1, 0
    torch.manual_seed(0)
    model = wrap(name, transformers.EncoderDecoderModel(config=config), tiny_tokenizer("wordpiece"))
    assert model.heads == {"encoder": (4, 4), "decoder": (4, 4), "cross": (4, 4)}
    seen = attnlib.trace(model, "The nurse spoke to the doctor.", "The doctor.")
    inputs = read_inputs(model, "The nurse spoke to the doctor.", "The doctor.", truncate=False).tensors
    with torch.inference_mode():
        expected = transformers.EncoderDecoderModel.forward(model.hf, **inputs, output_attentions=True)
    for stack in ("encoder", "decoder", "cross"):
        own = torch.stack(expected[f"{stack}_attentions"])[:, 0].numpy()
        np.testing.assert_array_equal(seen.stack(stack).weights, own)
    assert seen.verified
    compared = attnlib.compare(model, ("The nurse spoke.", "The doctor."), ("The doctor spoke there.", "She."))
    assert np.isfinite(compared.distance("jsd", "mean")).any()


def test_a_layer_with_other_rows_than_tokens_stops_the_pass() -> None:
    model = tiny_model("gpt2", "causal")
    inputs = read_inputs(model, TEXT, None, truncate=False).tensors
    with (
        pytest.raises(InputError, match=r"Layer 0 of the self attention.*cannot be shown"),
        watching(shapes={"self": (2, 3)}),
    ):
        model.hf(**inputs, use_cache=False)


@pytest.mark.parametrize("architecture", ["longformer", "led", "longt5"])
def test_windowed_attention_is_refused_when_loaded(architecture: str) -> None:
    with pytest.raises(InputError, match=r"windowed attention.*full attention"):
        tiny_model(architecture)


def test_a_model_that_would_change_its_own_attention_is_not_run() -> None:
    hf = tiny_hf("big_bird")
    with pytest.raises(InputError, match=r"attends in blocks.*full attention"):
        wrap("big-bird", hf, tiny_tokenizer("wordpiece"))
    assert hf.attention_type == hf.config.attention_type == "block_sparse"


# ---------------------------------------------------------------------------------------------- edits


def unchanged(call: AttentionCall) -> torch.Tensor:
    return call.weights.clone()


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gpt_oss", "gemma2", "opt"])
def test_an_edit_that_changes_nothing_leaves_the_logits(architecture: str) -> None:
    model = tiny_model(architecture, "causal")
    inputs = read_inputs(model, TEXT, None, truncate=False).tensors
    plain, edited = (model.forward(inputs, edits=edits)["logits"] for edits in ([], [unchanged]))
    assert model.editable
    torch.testing.assert_close(edited, plain, rtol=0, atol=1e-5 * float(plain.abs().max()))


def test_where_such_an_edit_changes_something_all_edits_are_refused() -> None:
    model = tiny_model("granite_swa", "causal")  # a gate after the softmax
    inputs = read_inputs(model, TEXT, None, truncate=False).tensors
    assert model.routed
    prompts, words = ("The doctor saw", "The nurse saw"), ("doctor", "nurse")
    for ask in (
        lambda: model.forward(inputs, edits=[unchanged]),
        lambda: attnlib.trace(model, TEXT, edits=[attnlib.zero_heads([(0, 0)])]),
        lambda: attnlib.head_effects(model, *prompts, words),
        lambda: patched_heads(model, *prompts, words),
        lambda: words_without(model, TEXT, None, [(0, 0)]),
    ):
        with pytest.raises(InputError, match="after the softmax"):
            ask()


@pytest.mark.parametrize("architecture", ["granite_swa", "granitemoe_swa"])
def test_a_gate_that_is_no_part_of_the_softmax_is_not_taken_for_one(architecture: str) -> None:
    """Its module has `sinks`, and its rows sum to 1 without them."""
    seen = attnlib.trace(tiny_model(architecture, "causal"), TEXT)
    assert {check.name for check in seen.checks} == {"row sums", "causal", "recomputed"}
    assert seen.verified


def test_many_rows_in_half_precision_are_numbers() -> None:
    """Their sum is more than half precision has: 70,000 rows that sum to 1."""
    model = tiny_model("llama", "causal")
    model.hf.to(torch.float16)
    ids = torch.randint(5, 500, (250, 70))  # 250 texts of 70 tokens, four heads
    weights: list[torch.Tensor] = []
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    model.forward(inputs, [lambda call: weights.append(call.weights)])
    assert weights[0].dtype == torch.float16
    assert torch.isinf(weights[0].sum())


def test_a_model_with_few_places_is_probed_with_fewer_tokens() -> None:
    model = tiny_model("gpt2", "causal", n_positions=8)
    assert model.max_tokens == 8
    assert attnlib.trace(model, "The nurse").verified


def test_vectors_that_do_not_give_the_weights_are_refused_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def eager(module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: float, **options: Any) -> Any:
        return modeling_llama.eager_attention_forward(module, query**3, key, value, mask, scaling=scaling, **options)

    monkeypatch.setattr(sys.modules[__name__], "eager_attention_forward", eager, raising=False)
    model = wrap("mine", MyLlama(tiny_config("llama")), tiny_tokenizer("bytes"))
    assert (model.routed, model.editable) == (True, True)
    assert "does not give this model's weights" in model.no_vectors
    seen = attnlib.trace(model, TEXT)
    assert seen.verified
    for ask in (
        lambda: seen.query(0),
        lambda: attnlib.head_vectors(seen, 0, 0),
        lambda: attnlib.neuron_view(seen),
        lambda: attnlib.head_profile(model, 0, 0, [TEXT]),
        lambda: scaled_head(model, TEXT, 0, 0, {0: 2.0}),
    ):
        with pytest.raises(InputError, match="makes its scores in another way"):
            ask()


def test_attention_that_is_no_number_is_refused_when_loaded_and_in_every_pass() -> None:
    hf = tiny_hf("gpt2", "causal")
    model = wrap("later", hf, tiny_tokenizer("bytes"))
    with torch.no_grad():
        hf.transformer.wte.weight[:] = float("nan")
    with pytest.raises(InputError, match=r"Layer 0 .* not numbers \(NaN\)"):
        wrap("at once", hf, tiny_tokenizer("bytes"))
    pairs = [Pair("", "The nurse said", "The doctor said")]
    for ask in (
        lambda: attnlib.trace(model, TEXT),
        lambda: attnlib.overview(model, TEXT),
        lambda: attnlib.compare(model, TEXT, f"{TEXT} so"),
        lambda: measure_pairs(model, [read for read in read_pairs_for(model, pairs) if isinstance(read, PairRead)]),
        lambda: attnlib.head_effects(model, "The doctor saw", "The nurse saw", ("doctor", "nurse")),
    ):
        with pytest.raises(InputError, match=r"Layer 0 .* not numbers \(NaN\)"):
            ask()


@pytest.mark.parametrize("said", [1.0, 0.5])
def test_what_fails_its_check_is_drawn_and_exported_nowhere(said: float) -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    seen, compared = attnlib.trace(model, TEXT), attnlib.compare(model, TEXT, f"{TEXT} so")
    wrong = Check("row sums", 1 - said, 1e-4, 8)
    for shown in (seen, compared.a):
        shown.__dict__["checks"] = (wrong,)  # a cached property
    overview = replace(attnlib.overview(model, TEXT), checks=(wrong,))
    asked = [lambda one=one: attnlib.head_view(one) for one in (seen, compared)]
    asked += [lambda one=one: attnlib.model_view(one) for one in (overview, compared)]
    asked += [lambda one=one: attnlib.neuron_view(one) for one in (seen, compared)]
    asked += [lambda: ranking_csv(compared, "jsd", ()), lambda: difference_npz(compared)]
    for ask in asked:
        if said == 1.0:
            assert ask() is not None
            continue
        with pytest.raises(InputError, match=r"fails its own check.*rows sum to 1: FAILED"):
            ask()


def test_attention_from_elsewhere_is_drawn_and_not_called_verified() -> None:
    given = attnlib.Trace.from_arrays(np.full((1, 2, 3, 3), 0.7), ["a", "b", "c"])
    assert not given.verified
    assert attnlib.head_view(given) is not None
    assert attnlib.model_view(given) is not None


# ---------------------------------------------------------------------------------------------- in memory


def test_a_model_in_memory_is_as_from_a_folder_and_left_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(0)
    hf = transformers.FalconForCausalLM(tiny_config("falcon")).train()
    tokenizer = tiny_tokenizer("bytes")
    hf.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    attention = hf.config._attn_implementation
    seen = attnlib.trace(wrap("falcon", hf, tokenizer), TEXT)
    assert (hf.config._attn_implementation, hf.training) == (attention, True)
    assert seen.causal
    assert seen.verified
    folder = attnlib.trace(attnlib.load_model(str(tmp_path), device="cpu"), TEXT)
    np.testing.assert_allclose(seen.weights, folder.weights, atol=1e-6)


class MyAttention(LlamaAttention):
    pass


class MyLlama(transformers.LlamaForCausalLM):
    def __init__(self, config: Any) -> None:
        super().__init__(config)
        for n, layer in enumerate(self.model.layers):
            layer.self_attn = MyAttention(config, n)


def test_a_class_made_from_another_keeps_head_and_attention() -> None:
    model = wrap("mine", MyLlama(tiny_config("llama")), tiny_tokenizer("bytes"))
    assert (model.family, model.routed, model.editable) == ("causal", True, True)
    assert attnlib.trace(model, TEXT).verified


# ---------------------------------------------------------------------------------------------- layers


@pytest.mark.parametrize(
    ("architecture", "told"),
    [
        ("nemotron_h", "0 is layer 2 of the model."),
        (
            "diffllama",
            "0 is layer 0 of the model, call 1 of 2; 1 is layer 0 of the model, call 2 of 2; 2 is layer 1 ",
        ),
    ],
)
def test_layers_that_are_counted_otherwise_than_in_the_model_are_told_everywhere(
    architecture: str, told: str
) -> None:
    model = tiny_model(architecture, "causal")
    assert model.numbering.startswith(f"Layers are counted by their attention calls: {told}")
    compared = attnlib.compare(model, TEXT, f"{TEXT} so")
    for notes in (attnlib.trace(model, TEXT).notes, attnlib.overview(model, TEXT).notes, compared.notes):
        assert model.numbering in notes
    assert provenance(model)["layer_numbers"] == model.numbering


def test_layers_that_are_counted_as_in_the_model_need_no_word() -> None:
    model = tiny_model("llama", "causal")
    assert not model.numbering
    assert "layer_numbers" not in provenance(model)


# ---------------------------------------------------------------------------------------------- heads

SAVED_AS = {
    "BertForPreTraining": ("bert", "BertForMaskedLM"),
    "AlbertForPreTraining": ("albert", "AlbertForMaskedLM"),
    "GPT2DoubleHeadsModel": ("gpt2", "GPT2LMHeadModel"),
    "BertForMaskedLM": ("bert", "BertForMaskedLM"),
    "GPT2LMHeadModel": ("gpt2", "GPT2LMHeadModel"),
    "LlamaForCausalLM": ("llama", "LlamaForCausalLM"),
    "BertModel": ("bert", "BertModel"),
    "GPT2Model": ("gpt2", "GPT2Model"),
    "GPT2ForSequenceClassification": ("gpt2", "GPT2Model"),
    "ElectraForPreTraining": ("electra", "ElectraModel"),
    "BartForSequenceClassification": ("bart", "BartModel"),
}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("saved", SAVED_AS)
def test_the_weights_say_which_head_there_is(tmp_path: Path, saved: str, named: bool) -> None:
    architecture, expected = SAVED_AS[saved]
    if expected == "BartModel" and not named:
        pytest.skip("without a name, an encoder-decoder is taken for one that writes")
    hf = getattr(transformers, saved)(tiny_config(architecture))
    hf.save_pretrained(tmp_path)
    tiny_tokenizer(usual_style(hf.config)).save_pretrained(tmp_path)
    if not named:
        path = tmp_path / "config.json"
        config = json.loads(path.read_text("utf-8"))
        del config["architectures"]
        path.write_text(json.dumps(config), "utf-8")
    model = attnlib.load_model(str(tmp_path), device="cpu")
    assert type(model.hf).__name__ == expected
    says = attnlib.trace(model, TEXT, "She" if model.family == "seq2seq" else None).predictions
    assert (says is not None) == expected.endswith(("LM", "LMHeadModel"))


@pytest.mark.parametrize("kind", ["BertForPreTraining", "AlbertForPreTraining", "GPT2DoubleHeadsModel"])
def test_in_memory_a_language_model_head_beside_others_is_kept_too(kind: str) -> None:
    architecture, expected = SAVED_AS[kind]
    torch.manual_seed(0)
    hf = getattr(transformers, kind)(tiny_config(architecture)).eval()
    model = wrap("mine", hf, tiny_tokenizer(usual_style(hf.config)))
    assert type(model.hf).__name__ == expected
    assert model.hf.get_input_embeddings().weight.data_ptr() == hf.get_input_embeddings().weight.data_ptr()
    ids = torch.tensor([[5, 6, 7]])
    with torch.inference_mode():
        said = hf(input_ids=ids)
        logits = said["prediction_logits" if "prediction_logits" in said else "logits"]
        torch.testing.assert_close(model.hf(input_ids=ids).logits, logits)
    assert attnlib.trace(model, TEXT).predictions is not None
