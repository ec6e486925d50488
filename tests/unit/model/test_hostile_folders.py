"""Folders that somebody made to do harm, or damaged: each is refused in a sentence before anything is made of it."""

import json
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import attnlib
from attnlib import InputError
from attnlib.model import trial
from attnlib.model.inputs import read_inputs
from attnlib.model.trial import try_model
from attnlib.model.weight_files import INDEX, LARGEST_CONFIG, SINGLE, read_tensors
from attnlib.paths import DEMO_FOLDER

Harm = Callable[[Path], None]


def config(**changes: Any) -> Harm:
    def harm(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), "utf-8")

    return harm


def text(file: str, content: str) -> Harm:
    return lambda folder: (folder / file).write_text(content, "utf-8") and None


def index(places: Any) -> Harm:
    def harm(folder: Path) -> None:
        (folder / SINGLE).rename(folder / "w.bin")
        (folder / INDEX).write_text(json.dumps({"weight_map": places}), "utf-8")

    return harm


def index_of_a_list(folder: Path) -> None:
    (folder / SINGLE).unlink()
    (folder / INDEX).write_text("[1]", "utf-8")


def weights(change: Callable[[torch.Tensor], Any]) -> Harm:
    def harm(folder: Path) -> None:
        tensors = {name: tensor.clone() for name, tensor in load_file(folder / SINGLE).items()}
        change(tensors["transformer.wte.weight"])
        save_file(tensors, folder / SINGLE, {"format": "pt"})

    return harm


def cut(folder: Path) -> None:
    whole = (folder / SINGLE).read_bytes()
    (folder / SINGLE).write_bytes(whole[:-100])


def header(about: str, length: int | None = None) -> Harm:
    def harm(folder: Path) -> None:
        raw = about.encode()
        (folder / SINGLE).write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw)

    return harm


def large(file: str, size: int) -> Harm:
    def harm(folder: Path) -> None:
        with (folder / file).open("ab") as opened:
            opened.truncate(size)

    return harm


def tokenizer_reads(path: Path) -> Harm:
    def harm(folder: Path) -> None:
        settings = folder / "tokenizer_config.json"
        settings.write_text(json.dumps(json.loads(settings.read_text("utf-8")) | {"vocab": str(path)}), "utf-8")

    return harm


DEEP = '{"model_type": "gpt2", "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
TENSOR = '{"a": {"dtype": "F32", "shape": %s, "data_offsets": [0, 4]}}'
HARMS: dict[str, tuple[Harm, str]] = {
    "a vocabulary of 10^9": (config(vocab_size=10**9), r"describes a model of 128,000.* its files hold 1,116,928"),
    "10^10 positions": (config(n_positions=10**10), r"describes a model of 1,280,001.* parameters"),
    "10^4 layers": (config(n_layer=10**4), r"n_layer = 10,000, and its files hold 52 tensors"),
    "a number for names": (config(architectures=5), r"describes no model"),
    "a negative width": (config(n_embd=-4), r"describes no model"),
    "a text for a number": (config(n_embd="wide"), r"cannot read the configuration"),
    "a config nested deeply": (text("config.json", DEEP), r"nested too deeply"),
    "an endless config": (large("config.json", LARGEST_CONFIG + 1), r"config.json has .* bytes, and at most"),
    "an endless tokenizer": (large("tokenizer.json", 10**9), r"tokenizer.json has .* bytes, and at most"),
    "a pickle in the index": (index({"a": "w.bin"}), r"names 'w.bin'.*can run code when opened"),
    "a way out in the index": (index({"a": "../secret/model.safetensors"}), r"names '\.\./secret/.*own folder"),
    "a whole path in the index": (index({"a": "/etc/model.safetensors"}), r"names '/etc/.*own folder"),
    "a hidden file in the index": (index({"a": ".model.safetensors"}), r"names '\.model.*own folder"),
    "an index that names nothing": (index({}), r"does not say which file"),
    "an index of numbers": (index({"a": 5}), r"does not say which file"),
    "an index of a missing file": (index({"a": "b.safetensors"}), r"names b.safetensors, which is not there"),
    "an index that is a list": (index_of_a_list, r"no JSON object"),
    "weights cut off": (cut, r"not a whole safetensors file"),
    "weights of another name": (config(transformers_weights="x.safetensors.index.json"), r"names a file of weights"),
    "an adapter": (text("adapter_config.json", "{}"), r"has an adapter.*would load another model"),
    "a header longer than the file": (header("{}", 2**40), r"not a whole safetensors file"),
    "a header that is no JSON": (header("nothing"), r"not a whole safetensors file"),
    "a header nested deeply": (header(DEEP), r"not a whole safetensors file"),
    "a tensor larger than its bytes": (header(TENSOR % [10**12]), r"not a whole safetensors file"),
    "a tensor of a negative size": (header(TENSOR % [-1, -1]), r"not a whole safetensors file"),
    "weights that are NaN": (weights(lambda t: t[0, 3:5].fill_(float("nan"))), r"2 of the 307,200 values.*NaN"),
    "infinite weights": (weights(lambda t: t[0, 0].fill_(float("inf"))), r"1 of the 307,200 values.*infinite"),
    "a vocabulary elsewhere": (tokenizer_reads(Path(__file__)), r"vocab in tokenizer_config.json is the file"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO_FOLDER / "gpt2-biased", tmp_path / "model"))


@pytest.mark.parametrize("harm", HARMS)
def test_it_is_refused_in_a_sentence(folder: Path, harm: str) -> None:
    act, message = HARMS[harm]
    act(folder)
    begun = time.monotonic()
    with pytest.raises(InputError, match=message) as told:
        attnlib.load_model(str(folder), device="cpu")
    assert "Traceback" not in str(told.value)
    assert time.monotonic() - begun < 20


def test_what_lies_outside_the_root_in_truth_is_not_read(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.safetensors"
    (folder / SINGLE).rename(secret)
    (folder / SINGLE).symlink_to(secret)
    assert attnlib.load_model(str(folder), device="cpu").family == "causal"  # one's own machine: links are one's own
    with pytest.raises(InputError, match=r"model\.safetensors is a link that leads out of"):
        attnlib.load_model(str(folder), device="cpu", root=folder.parent / "model")
    inside = folder / "below" / "real.safetensors"
    inside.parent.mkdir()
    shutil.copy(secret, inside)
    (folder / SINGLE).unlink()
    (folder / SINGLE).symlink_to(inside)
    assert attnlib.load_model(str(folder), device="cpu", root=folder.parent).family == "causal"


def test_a_linked_vocabulary_is_not_read_either(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "words.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to(tmp_path / "words.json")
    with pytest.raises(InputError, match=r"tokenizer\.json is a link that leads out of"):
        attnlib.load_model(str(folder), device="cpu", root=folder)


def test_what_else_lies_in_a_folder_does_not_matter(folder: Path) -> None:
    """Weights for other programs, and a chat template that no file system takes for a name."""
    for file in ("model.onnx", "rust_model.ot", "model-q4.gguf", "tf_model.h5"):
        large(file, 3 * 10**9)(folder)
    (folder / "onnx").mkdir()
    large("onnx/tokenizer.json", 10**9)(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    template = "{% for message in messages %}" + "a" * 300
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": template}), "utf-8")
    assert attnlib.load_model(str(folder), device="cpu").family == "causal"


def test_numbers_that_count_no_layers_may_be_large(folder: Path) -> None:
    """As in Gemma 3n, where every layer has embeddings of its own."""
    config(vocab_size_per_layer_input=262_144, hidden_size_per_layer_input=256)(folder)
    assert attnlib.load_model(str(folder), device="cpu").family == "causal"


def test_what_the_files_say_is_what_they_hold() -> None:
    file = DEMO_FOLDER / "gpt2-biased" / SINGLE
    saved = read_tensors("demo", (file,))
    tensors = load_file(file)
    assert saved.shapes == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    assert saved.numbers == sum(tensor.numel() for tensor in tensors.values())
    assert saved.size == file.stat().st_size


# ---------------------------------------------------------------------------------------------- tokenizers


def tokenizer(folder: Path, **changes: Any) -> None:
    file = folder / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), "utf-8")


def endless(folder: Path) -> None:
    """A regular expression that takes twice as long for each further letter."""
    pattern = {"type": "Split", "pattern": {"Regex": "(a|aa)+b"}, "behavior": "Isolated", "invert": False}
    tokenizer(folder, pre_tokenizer=pattern)


def test_a_rule_that_does_not_end_is_a_sentence(folder: Path) -> None:
    endless(folder)
    model = attnlib.load_model(str(folder), device="cpu")
    with pytest.raises(InputError, match=r"tokenizer breaks on this text.*Shorten the text"):
        read_inputs(model, "a" * 2_000, None, truncate=True)
    assert len(read_inputs(model, "The nurse", None, truncate=False).tokens) > 0


def test_a_tokenizer_is_tried_in_a_process_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trial.refusal("fine", folder) == ""
    endless(folder)
    with pytest.raises(InputError, match="tokenizer breaks"):
        try_model("endless", folder)
    monkeypatch.setattr("attnlib.model.trial.sys.executable", "/no/such/python")
    with pytest.raises(InputError, match="tokenizer breaks"):
        try_model("endless", folder)  # it is not tried again
    tokenizer(folder)
    with pytest.raises(InputError, match="could not be tried"):
        try_model("endless", folder)  # but where a file has changed


def test_a_trial_is_given_up_in_time(folder: Path) -> None:
    with pytest.raises(InputError, match=r"was given up: it took more than 1 seconds of processor time"):
        try_model("slow", folder, seconds=1)


def test_a_trial_whose_process_ends_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnlib.model.trial.sys.executable", "/bin/false")
    with pytest.raises(InputError, match=r"was given up: .* or broke"):
        try_model("gone", folder)
    trial._tried.cache_clear()
    monkeypatch.setattr("attnlib.model.trial.sys.executable", "/no/such/python")
    with pytest.raises(InputError, match=r"could not be tried.*Try again"):
        try_model("gone", folder)
