"""Where a number comes from: complete, ready for JSON, and different for different weights."""

import hashlib
import json
import platform
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy
import torch
import transformers

import attnlib
from attnlib.model import provenance as module
from attnlib.model.loading import Model
from attnlib.model.provenance import provenance
from tests.unit.tiny import tiny_model


def demo(name: str) -> Model:
    return attnlib.load_model(f"demo/{name}", device="cpu")


def fingerprint(model: Model) -> str:
    return provenance(model, fingerprint=True)["weights_sha256"]


@pytest.mark.parametrize("architecture", ["gpt2", "bert", "t5", "deberta-v2"])
def test_it_goes_through_json_and_back(architecture: str) -> None:
    family = {"gpt2": "causal", "t5": "seq2seq"}.get(architecture, "masked")
    about = provenance(tiny_model(architecture, family), fingerprint=True)
    assert json.loads(json.dumps(about, allow_nan=False)) == about
    assert about["family"] == family


def test_it_names_what_the_demo_model_is() -> None:
    about = provenance(demo("gpt2-biased"))
    assert about["model"] == "demo/gpt2-biased"
    assert about["class"] == "GPT2LMHeadModel"
    assert about["heads"] == {"self": [4, 4, 4, 4]}
    assert about["dtype"] == "float32"
    assert about["device"] == "cpu"
    assert about["special_tokens"]["bos_token"] == "<|endoftext|>"
    assert about["versions"] == {
        "attention-microscope": attnlib.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }
    assert "weights_sha256" not in about


def test_parameters_are_counted_as_torch_counts_them() -> None:
    model = tiny_model("gpt2", "causal")
    assert provenance(model)["parameters"] == sum(p.numel() for p in model.hf.parameters())


def test_dtype_and_way_of_attention_are_told() -> None:
    model = tiny_model("gpt2", "causal")
    assert "interface" in provenance(model)["attention"]
    assert provenance(tiny_model("deberta-v2", "masked"))["attention"] == "output_attentions"
    half = replace(model, hf=tiny_model("gpt2", "causal").hf.to(torch.bfloat16))
    assert provenance(half)["dtype"] == "bfloat16"
    assert len(fingerprint(half)) == 64


def test_the_fingerprint_is_stable_and_tells_the_twins_apart() -> None:
    assert fingerprint(demo("gpt2-biased")) == fingerprint(demo("gpt2-biased"))
    names = ("gpt2-biased", "gpt2-balanced", "bert-biased", "bert-balanced")
    assert len({fingerprint(demo(name)) for name in names}) == 4


def test_the_fingerprint_is_the_sha256_of_names_and_bytes() -> None:
    model = tiny_model("gpt2", "causal")
    state = model.hf.state_dict()
    parts = [name.encode() + state[name].contiguous().numpy().tobytes() for name in sorted(state)]
    assert fingerprint(model) == hashlib.sha256(b"".join(parts)).hexdigest()


def test_one_changed_bit_changes_the_fingerprint() -> None:
    model = tiny_model("gpt2", "causal")
    before = fingerprint(model)
    with torch.no_grad():
        model.hf.transformer.h[1].mlp.c_fc.bias[3] += 1e-6
    assert fingerprint(model) != before


@pytest.mark.parametrize("piece", [1, 7, 1 << 24])
def test_the_fingerprint_does_not_depend_on_the_pieces(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("gpt2", "causal")
    whole = fingerprint(model)
    monkeypatch.setattr(module, "PIECE", piece)
    assert fingerprint(model) == whole


def test_large_weights_are_hashed_without_a_copy() -> None:
    """All sizes have a fingerprint: 100 MB that are read where they are take next to nothing."""
    model = tiny_model("gpt2", "causal")
    model.hf.register_buffer("large", torch.zeros(25_000_000))
    tracemalloc.start()
    with_zeros = fingerprint(model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    model.hf.large[-1] = 1
    assert fingerprint(model) != with_zeros
