"""Models made by several threads at once, and a default dtype that somebody else has set: neither is noticed."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import attnlib
from attnlib import InputError
from attnlib.behaviour.scaling import scaled_head
from attnlib.comparison.many import PairRead, measure_pairs, read_pairs_for
from attnlib.effects.patching import patched_heads, silenced_heads
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model, random_copy
from attnlib.paths import DEMO_FOLDER
from attnlib.prompts.pairs import Pair
from attnlib.views.head.payload import head_payload
from attnlib.words.likelihood import sentence_log_likelihoods
from attnlib.words.predictions import words_without
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
LONGER = "The old doctor asked the nurse a question. He"
MASKED = "The doctor said that <mask> was tired.", "The nurse said that <mask> was tired."
TEXTS = (SHE, "The nurse thanked the doctor, and he smiled.", "A quick brown fox jumps.")

# ---------------------------------------------------------------------------------------------- at the same moment


def has_its_weights(model: Model) -> bool:
    """Whether every tensor of the file on disk is in the model, and what is not on disk is tied to what is."""
    saved = load_file(DEMO_FOLDER / model.name.removeprefix("demo/") / "model.safetensors")
    here = model.hf.state_dict()
    tied = {here[name].data_ptr() for name in saved}
    return all(torch.equal(here[name], tensor) for name, tensor in saved.items()) and all(
        tensor.data_ptr() in tied for name, tensor in here.items() if name not in saved
    )


def test_models_loaded_at_the_same_moment_are_whole_and_so_are_later_ones() -> None:
    names = attnlib.demo_models() * 5
    with ThreadPoolExecutor(len(names)) as pool:
        loaded = list(pool.map(lambda name: attnlib.load_model(name, device="cpu"), names))
    assert len(names) >= 20
    assert [model.name for model in loaded] == list(names)
    assert all(has_its_weights(model) for model in loaded)
    assert torch.get_default_dtype() == torch.float32
    assert all(has_its_weights(attnlib.load_model(name, device="cpu")) for name in attnlib.demo_models())


def test_random_copies_made_while_models_load_are_the_same_as_alone() -> None:
    half = tiny_model("llama", "causal")
    half.hf.to(torch.float16)  # torch's default dtype is float16 while its copy is made
    alone = random_copy(half, 3).hf.state_dict()

    def make(n: int) -> Any:
        return random_copy(half, 3) if n % 2 else attnlib.load_model("demo/bert-biased", device="cpu")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(16)))
    assert torch.get_default_dtype() == torch.float32
    for n, model in enumerate(made):
        if n % 2:
            assert all(torch.equal(tensor, alone[name]) for name, tensor in model.hf.state_dict().items())
        else:
            assert has_its_weights(model)


def test_a_text_is_not_cut_because_another_is_cut_at_the_same_moment() -> None:
    """Who asked for no cut is told that the text is too long, whoever cuts theirs meanwhile in the same model."""
    model, text = attnlib.load_model("demo/gpt2-biased"), "the doctor and the nurse " * 600
    done = threading.Event()

    def cut() -> int:
        lengths = set()
        while not done.is_set():
            lengths.add(len(read_inputs(model, text, None, truncate=True).tokens))
        return max(lengths, default=128)

    def refused(_: int) -> bool:
        try:
            return not read_inputs(model, text, None, truncate=False)
        except InputError as error:
            return "tokens and demo/gpt2-biased reads at most 128" in str(error)

    with ThreadPoolExecutor(4) as pool:
        cutting = [pool.submit(cut) for _ in range(2)]
        try:
            assert all(pool.map(refused, range(200)))
        finally:
            done.set()
        assert [one.result() for one in cutting] == [128, 128]


# ---------------------------------------------------------------------------------------------- default dtype


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """What another thread may have set, e.g. by loading a model in half precision by itself."""
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def numbers_in(found: Any) -> dict[str, np.ndarray]:
    """Every array and number of a result, by where it is."""
    if isinstance(found, Model) or callable(found):
        return {}
    if isinstance(found, torch.Tensor):
        return {"": found.detach().float().numpy()}
    if isinstance(found, pd.DataFrame):
        return {f".{name}": column.to_numpy() for name, column in found.items()}
    if isinstance(found, np.ndarray | float | int | bytes):
        return {"": np.asarray(found)}
    if is_dataclass(found):
        parts = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "seconds"}
    elif isinstance(found, dict):
        parts = found
    elif isinstance(found, list | tuple):
        parts = dict(enumerate(found))
    else:
        return {}
    return {f".{name}{rest}": value for name, part in parts.items() for rest, value in numbers_in(part).items()}


def pairs_measured(model: Model) -> Any:
    pairs = [Pair("", SHE, HE, targets=("nurse", "doctor")), Pair("", HE, LONGER, focus="question")]
    return [measure_pairs(model, [read]) for read in read_pairs_for(model, pairs) if isinstance(read, PairRead)]


PUBLIC: dict[str, Callable[[Model], Any]] = {
    "trace": lambda model: (seen := attnlib.trace(model, SHE), seen.checks),
    "compare": lambda model: attnlib.compare(model, SHE, HE, small=True),
    "compare of unequal length": lambda model: attnlib.compare(model, SHE, LONGER, focus="question"),
    "overview": lambda model: attnlib.overview(model, SHE),
    "overview of blocks": lambda model: attnlib.overview(model, " ".join(TEXTS * 3)),
    "measure_patterns": lambda model: attnlib.measure_patterns(model, TEXTS),
    "head_profile": lambda model: attnlib.head_profile(model, 1, 0, TEXTS),
    "head_vectors": lambda model: attnlib.head_vectors(attnlib.trace(model, SHE), 1, 0),
    "scaled_head": lambda model: scaled_head(model, SHE, 0, 1, {0: 0.0, 3: 2.5}),
    "silence_dimensions": lambda model: attnlib.silence_dimensions(
        model, [Pair("", SHE, HE, targets=("nurse", "doctor"), further=(("unit", str(n)),)) for n in range(3)], 0, 2
    ),
    "measure_pairs": lambda model: pairs_measured(model),
    "random copy": lambda model: random_copy(model).hf.state_dict(),
    "payload": lambda model: head_payload(attnlib.trace(model, SHE), 0),
}
SAYS: dict[str, Callable[[Model, str, str], Any]] = {
    "head_effects": lambda model, a, b: attnlib.head_effects(model, a, b, ("doctor", "nurse")),
    "patched_heads": lambda model, a, b: patched_heads(model, a, b, ("doctor", "nurse")),
    "silenced_heads": lambda model, a, b: silenced_heads(model, a, ("doctor", "nurse")),
    "word_log_odds": lambda model, a, b: attnlib.word_log_odds(model, a, ("doctor", "nurse")),
    "sentence scores": lambda model, a, b: sentence_log_likelihoods(model, [a.replace("<mask>", "she"), SHE]),
    "words_without": lambda model, a, b: words_without(model, a, None, [(0, 1)], stack=model.stacks[0]),
}
MODELS = {"gpt2": "causal", "llama": "causal", "bert": "masked", "t5": "seq2seq", "deberta-v2": "masked"}


@pytest.mark.parametrize("architecture", MODELS)
def test_the_default_dtype_changes_no_number(architecture: str) -> None:
    model = tiny_model(architecture, MODELS[architecture])
    prompts = MASKED if MODELS[architecture] == "masked" else (SHE, HE)
    asked: dict[str, Callable[[], Any]] = {name: lambda f=f: f(model) for name, f in PUBLIC.items()}
    asked |= {name: lambda f=f: f(model, *prompts) for name, f in SAYS.items()}
    measured = 0
    for name, ask in asked.items():
        try:
            expected = numbers_in(ask())
        except attnlib.InputError:  # e.g. effects in a model outside the interface
            continue
        measured += bool(expected)
        with default_dtype(torch.float16):
            found = numbers_in(ask())
        assert found.keys() == expected.keys(), name
        for where, value in expected.items():
            np.testing.assert_array_equal(found[where], value, f"{name}{where}")
            assert found[where].dtype == value.dtype
    assert measured >= 5
