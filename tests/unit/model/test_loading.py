"""Loading: the right class for a folder, models outside the attention interface, and every error with its remedy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import attnlib
from attnlib import InputError
from attnlib.model import sources
from attnlib.model.loading import Model, wrap
from tests.unit.tiny import tiny_config, tiny_hf, tiny_model, tiny_tokenizer, usual_style

TEXT = "The doctor asked the nurse a question."
Saver = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Saver:
    """Saves a tiny model with its tokenizer and gives the folder."""

    def saver(hf: Any, tokenizer: bool = True) -> Path:
        folder = tmp_path / "model"
        hf.save_pretrained(folder)
        if tokenizer:
            tiny_tokenizer(usual_style(hf.config)).save_pretrained(folder)
        return folder

    return saver


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


# ---------------------------------------------------------------------------------------------- outside the interface

FALLBACKS = {
    **{"deberta-v2": "masked", "deberta": "masked", "openai-gpt": "causal", "gpt_neo": "causal", "bloom": "causal"},
    **{
        "mpnet": "masked",
        "xlm": "causal",
        "gptj": "causal",
        "codegen": "causal",
        "falcon": "causal",
        "xglm": "causal",
    },
}


@pytest.mark.parametrize("architecture", FALLBACKS)
def test_fallback_weights_equal_output_attentions(architecture: str) -> None:
    hf = tiny_hf(architecture, FALLBACKS[architecture])
    tokenizer = tiny_tokenizer(usual_style(hf.config))
    with torch.inference_mode():
        expected = hf(**tokenizer(TEXT, return_tensors="pt"), output_attentions=True)
    model = wrap(architecture, hf, tokenizer)
    seen = attnlib.trace(model, TEXT)
    assert not model.routed
    np.testing.assert_array_equal(seen.weights, torch.stack(expected.attentions)[:, 0].numpy())
    assert {check.name for check in seen.checks} == {"row sums"} | ({"causal"} if model.causal else set())
    assert seen.verified


@pytest.mark.parametrize("architecture", FALLBACKS)
def test_fallback_says_why_it_has_no_queries_and_takes_no_edits(architecture: str) -> None:
    model = tiny_model(architecture, FALLBACKS[architecture])
    seen = attnlib.trace(model, TEXT, layers=[1])
    assert list(seen.stack().layers) == [1]
    for ask in (seen.query, seen.key, seen.scaling):
        with pytest.raises(InputError, match="attention interface"):
            ask(1)
    with pytest.raises(InputError, match="cannot be edited"):
        attnlib.trace(model, TEXT, edits=[attnlib.zero_heads([(0, 0)])])


@pytest.mark.parametrize("architecture", ["longformer", "led"])
def test_windowed_attention_is_refused_with_the_reason(architecture: str) -> None:
    with pytest.raises(InputError, match=r"windowed attention.*full attention"):
        attnlib.trace(tiny_model(architecture), TEXT)


@pytest.mark.parametrize("architecture", ["mamba", "rwkv", "fnet"])
def test_models_without_attention_weights_are_refused(architecture: str) -> None:
    with pytest.raises(InputError, match=r"gives no attention weights.*Mamba"):
        tiny_model(architecture)


def test_scores_reported_instead_of_weights_are_refused() -> None:
    """SqueezeBERT reports what goes into its softmax."""
    with pytest.raises(
        InputError, match=r"SqueezeBert.*no attention weights: some are negative in layer 0.*Choose another"
    ):
        tiny_model("squeezebert")


def test_a_model_that_needs_more_than_text_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be run on text alone: Input language unknown"):
        tiny_model("xmod")


# ---------------------------------------------------------------------------------------------- the right class


@pytest.mark.parametrize(
    ("architecture", "family", "expected"),
    [
        ("gpt2", "causal", "GPT2LMHeadModel"),
        ("llama", "causal", "LlamaForCausalLM"),
        ("bert", "masked", "BertForMaskedLM"),
        ("roberta", "masked", "RobertaForMaskedLM"),
        ("t5", "seq2seq", "T5ForConditionalGeneration"),
        ("bart", "seq2seq", "BartForConditionalGeneration"),
        ("bert", None, "BertModel"),
        ("gpt2", None, "GPT2Model"),
    ],
)
def test_the_configuration_chooses_the_class(
    save: Saver, architecture: str, family: str | None, expected: str
) -> None:
    hf = tiny_hf(architecture, family)
    model = attnlib.load_model(str(save(hf)), device="cpu")
    assert type(model.hf).__name__ == expected
    assert model.family == (family or "encoder")
    text_b = "She" if family == "seq2seq" else None
    before = attnlib.trace(wrap("in memory", hf, model.tokenizer), TEXT, text_b)
    after = attnlib.trace(model, TEXT, text_b)
    for stack in model.stacks:
        np.testing.assert_array_equal(before.stack(stack).weights, after.stack(stack).weights)
    assert (after.predictions is None) == (family is None)


def test_a_classifier_is_loaded_as_its_encoder(save: Saver) -> None:
    hf = transformers.BertForSequenceClassification(tiny_config("bert"))
    assert type(attnlib.load_model(str(save(hf)), device="cpu").hf).__name__ == "BertModel"


@pytest.mark.parametrize("said", [True, False])
def test_an_encoder_saved_without_its_decoder_is_loaded_without_one(save: Saver, said: bool) -> None:
    folder = save(transformers.T5EncoderModel(tiny_config("t5")))
    change_config(folder, is_encoder_decoder=said)  # hubs have both
    model = attnlib.load_model(str(folder), device="cpu")
    assert (model.family, model.stacks) == ("encoder", ("self",))
    assert attnlib.trace(model, TEXT).verified


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("architecture", "family"), [("gpt2", "causal"), ("bert", "masked"), ("gemma2", "causal")])
def test_dtype_is_kept_and_checked_with_its_own_tolerance(
    save: Saver, architecture: str, family: str, dtype: torch.dtype
) -> None:
    model = attnlib.load_model(str(save(tiny_hf(architecture, family).to(dtype))), device="cpu")
    seen = attnlib.trace(model, TEXT)
    recomputed = next(check for check in seen.checks if check.name == "recomputed")
    assert model.dtype == dtype
    assert seen.weights.dtype == np.float32
    assert seen.verified
    assert recomputed.tolerance > 1e-5
    assert recomputed.deviation < 0.05


def test_what_a_model_tells_of_itself() -> None:
    model = tiny_model("t5", "seq2seq")
    assert model.heads == {"encoder": (4, 4), "decoder": (4, 4, 4), "cross": (4, 4, 4)}
    assert model.stacks == ("encoder", "decoder", "cross")
    assert model.pairs
    assert not model.causal
    assert model.max_tokens is None  # relative positions have no end
    assert model.parameters == sum(p.numel() for p in model.hf.parameters())


@pytest.mark.parametrize(
    ("architecture", "family", "causal"),
    [("gpt2", "causal", True), ("bert", "masked", False), ("bloom", "causal", True), ("bart", "causal", True)],
)
def test_causality_is_seen_in_the_weights(architecture: str, family: str, causal: bool) -> None:
    model = tiny_model(architecture, family, style="bytes")
    assert model.causal == causal
    assert model.pairs == (not causal)


LIMITED = ["gpt2", "opt", "bert", "roberta", "xlm-roberta", "camembert", "data2vec-text", "mpnet", "bart", "xlm"]


@pytest.mark.parametrize("architecture", LIMITED)
def test_a_text_as_long_as_the_limit_can_be_read(architecture: str) -> None:
    """RoBERTa and its kin count positions from the padding token's id on, so they read fewer than they name."""
    model = tiny_model(architecture)
    assert model.max_tokens is not None
    assert model.max_tokens <= 128
    long = "doctor " * 200
    seen = attnlib.trace(model, long, truncate=True, layers=[0])
    assert len(seen.tokens) == model.max_tokens


# ---------------------------------------------------------------------------------------------- errors and remedies


def refused(name: str | Path, message: str, **options: Any) -> None:
    with pytest.raises(InputError, match=message):
        attnlib.load_model(str(name), device="cpu", **options)


@pytest.mark.parametrize("name", ["no-such-owner/no-such-model", "no-such-model"])
def test_an_id_that_is_not_here_while_offline(name: str) -> None:
    refused(name, r"not on this machine.*cannot be reached.*Go online once")


@pytest.mark.parametrize("name", ["a/b/c", "http://host/model", "é/ü", "-x/y", "~/no such folder", "~nobody-here/x"])
def test_what_is_neither_folder_nor_id(name: str) -> None:
    refused(name, r"neither a folder.*nor a hub id.*Check the spelling")


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_an_empty_name(name: str) -> None:
    refused(name, r"No model is named.*demo/")


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "a\x1bb", "a\u202eb", "x" * 500])
def test_control_characters_in_a_name(name: str) -> None:
    refused(name, "characters no name has")


@pytest.mark.parametrize("name", ["../model", "/tmp/../etc", "owner/../name", ".."])
def test_dots_in_a_name(name: str) -> None:
    refused(name, r"contains '\.\.'.*full path")


@pytest.mark.parametrize("name", ["x" * 300, "owner/" + "x" * 300])
def test_a_name_too_long_for_any_file_system(name: str) -> None:
    refused(name, "is not a hub id")


@pytest.mark.parametrize("name", ["demo/none", "demo/../../etc", "demo/"])
def test_a_demo_model_that_is_none(name: str) -> None:
    refused(name, "There is no demo model")


def test_a_folder_without_config(tmp_path: Path) -> None:
    refused(tmp_path, r"no config\.json.*save_pretrained")


@pytest.mark.parametrize("config", ["{broken", "[1, 2]", "{}", "", '"gpt2"'])
def test_a_broken_config(save: Saver, config: str) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    (folder / "config.json").write_text(config)
    refused(folder, r"config.json.*(cannot be read|names no model_type).*save_pretrained")


def test_a_config_with_a_wrong_value(save: Saver) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    change_config(folder, n_layer="many")
    refused(folder, r"cannot read the configuration.*n_layer.*many")


def test_a_model_type_nobody_knows(save: Saver) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    change_config(folder, model_type="no-such-type")
    refused(folder, r"cannot read the configuration.*no-such-type")


def test_code_that_comes_with_a_model_is_never_run(save: Saver, tmp_path: Path) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    proof = tmp_path / "it ran"
    (folder / "code.py").write_text(f"open({str(proof)!r}, 'w')\nclass C: pass\n")
    change_config(folder, model_type="theirs", auto_map={"AutoConfig": "code.C", "AutoModelForCausalLM": "code.C"})
    refused(folder, r"needs Python code.*never run here.*Choose")
    assert not proof.exists()


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "tf_model.h5"])
def test_weights_only_as_pickle(save: Saver, file: str) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    (folder / "model.safetensors").rename(folder / file)
    refused(folder, r"pickle files.*never loaded here.*safe_serialization=True")


def test_no_weights(save: Saver) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    (folder / "model.safetensors").unlink()
    refused(folder, r"no weights \(\*\.safetensors\)")


def test_damaged_weights(save: Saver) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    (folder / "model.safetensors").write_bytes(b"not a tensor" * 100)
    refused(folder, r"cannot be loaded.*save_pretrained")


@pytest.mark.parametrize("changes", [{"n_layer": 4}, {"vocab_size": 700}, {"n_embd": 64}])
def test_weights_that_leave_parts_of_the_model_random(save: Saver, changes: dict[str, int]) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    change_config(folder, **changes)
    refused(folder, r"do not fit its config\.json.*save_pretrained")


@pytest.mark.parametrize(("architecture", "family"), [("gpt2", "causal"), ("bert", "masked"), ("t5", "seq2seq")])
def test_no_tokenizer(save: Saver, architecture: str, family: str) -> None:
    """BERT's and T5's classes load without any files, and then know no words."""
    refused(save(tiny_hf(architecture, family), tokenizer=False), r"tokenizer.*tokenizer\.save_pretrained")


def test_not_a_text_model(save: Saver) -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    vit = transformers.ViTModel(transformers.ViTConfig(image_size=32, patch_size=16, **sizes))
    refused(save(vit, tokenizer=False), r"\(vit\) is not a text model.*GPT-2, BERT or T5")


def test_too_large_for_memory(save: Saver, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    monkeypatch.setattr("attnlib.model.memory.available_memory", lambda: 1000)
    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", None)  # estimated before anything is loaded
    refused(folder, r"GB of memory.*Choose a smaller model")


def test_local_folders_only_below_the_root(save: Saver, tmp_path: Path) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    refused(folder, r"only below the folder.*Copy the model there", root=allowed)
    link = allowed / "link"
    link.symlink_to(folder)
    refused(link, r"only below the folder", root=allowed)
    inside = attnlib.load_model(str(folder), device="cpu", root=tmp_path)
    assert isinstance(inside, Model)


def test_a_root_that_is_a_link_itself(save: Saver, tmp_path: Path) -> None:
    folder = save(tiny_hf("gpt2", "causal"))
    root = tmp_path / "root"
    root.symlink_to(tmp_path)
    assert attnlib.load_model(str(folder), device="cpu", root=root).family == "causal"


def test_a_tokenizer_of_another_model() -> None:
    model = tiny_model("gpt2", vocab_size=300)
    with pytest.raises(InputError, match=r"the model knows 300.*do not belong together"):
        attnlib.trace(model, "The doctor thanked the nurse")


def test_the_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ATTNLIB_MODEL_ROOT", raising=False)
    assert sources.model_root() is None
    monkeypatch.setenv("ATTNLIB_MODEL_ROOT", str(tmp_path))
    assert sources.model_root() == tmp_path
