"""Measured patterns on disk: what comes back is what went in, and only for the same model, texts and question."""

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import attnlib
from attnlib.behaviour import store as patternstore
from attnlib.behaviour.labels import head_labels
from attnlib.behaviour.measure import measure_patterns
from attnlib.behaviour.patterns import Kind, Relation
from attnlib.behaviour.store import has_patterns, load_patterns, patterns_key, save_patterns
from attnlib.model.loading import random_copy
from attnlib.paths import PATTERN_FOLDER
from attnlib.prompts.texts import builtin_texts
from tests.unit.tiny import tiny_model

TEXTS = ("The doctor asked the nurse a question.", "No, no, no!", " ", "The cat saw the cat.")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTNLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_comes_back_is_what_went_in() -> None:
    model = tiny_model("bert", "masked")
    found, key = measure_patterns(model, TEXTS), patterns_key(model, TEXTS)
    assert not has_patterns(model.name)
    assert load_patterns(key) is None
    save_patterns(found, key)
    again = load_patterns(key)
    assert again is not None
    for field in fields(found):
        mine, other = getattr(found, field.name), getattr(again, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, other)
        else:
            assert mine == other
    assert has_patterns(model.name)


def test_a_key_is_of_the_weights_the_texts_and_the_question() -> None:
    model = tiny_model("gpt2", "causal")
    relation = Relation(Kind("“a”", frozenset("a")), Kind("noun", frozenset()))
    keys = {
        patterns_key(model, TEXTS),
        patterns_key(model, TEXTS[:2]),
        patterns_key(model, TEXTS[::-1]),
        patterns_key(model, TEXTS, (relation,)),
        patterns_key(random_copy(model), TEXTS),
    }
    assert len(keys) == 5
    assert patterns_key(model, TEXTS) == patterns_key(model, list(TEXTS))


def test_what_cannot_be_read_or_written_is_measured_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("gpt2", "causal")
    found, key = measure_patterns(model, TEXTS), patterns_key(model, TEXTS)
    save_patterns(found, key)
    file = cache / f"{key}.npz"
    whole = file.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"not a zip", whole[:200] + b"\0" * 50 + whole[250:]):
        file.write_bytes(broken)
        assert load_patterns(key) is None
    np.savez(file, about=np.array({"a": 1}, dtype=object))  # a pickle: never opened
    assert load_patterns(key) is None
    shutil.rmtree(cache)
    cache.write_text("a file where the folder should be")
    save_patterns(found, key)
    assert load_patterns(key) is None

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    cache.unlink()
    monkeypatch.setattr(patternstore.np, "savez_compressed", full)
    save_patterns(found, key)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("name", attnlib.demo_models())
def test_the_demo_models_come_with_their_patterns(name: str) -> None:
    model = attnlib.load_model(name, device="cpu")
    key = patterns_key(model, builtin_texts())
    shipped, measured = load_patterns(key), measure_patterns(model)
    assert shipped is not None, "Weights, texts or patterns changed: run python -m data.patterns.build"
    assert (PATTERN_FOLDER / f"{key}.npz").exists()
    np.testing.assert_allclose(shipped.score, measured.score, atol=1e-4)
    assert head_labels(shipped) == head_labels(measured)
    assert shipped.examples.keys() == measured.examples.keys()


def test_nothing_else_lies_beside_them() -> None:
    assert len(list(PATTERN_FOLDER.glob("*.npz"))) == len(attnlib.demo_models())
