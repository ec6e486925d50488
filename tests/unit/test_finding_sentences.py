"""300 random findings, each sentence parsed back against the numbers it is about."""

import re

import numpy as np
import pytest

import attnlib
from attnlib import Comparison, InputError
from attnlib.comparison import STATISTICS
from attnlib.findings import Control, Controls, Finding, finding, number
from attnlib.models import Model, random_copy
from attnlib.untrained import Untrained

NUMBER = r"([−+]?\d*\.\d+)"
WORDS = (
    *("the", "doctor", "nurse", "she", "he", "asked", "question", "was", "tired", "emily", "greg"),
    *("librarian", "blind", "women", "who", "left", ".", ","),
)
CASES = 300


def value(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.fixture(scope="module")
def models() -> list[Model]:
    demos = [attnlib.load_model(f"demo/{name}") for name in ("gpt2-biased", "bert-biased")]
    copies = [random_copy(model, seed) for model in demos for seed in (1, 2)]
    for copy in copies[::2]:
        for weight in copy.hf.parameters():
            if weight.ndim > 1:
                weight.mul_(4)
    return [*demos, *copies]


def random_pair(rng: np.random.Generator) -> tuple[str, str]:
    """A random sentence, and the same with a word replaced, added or left out."""
    words = list(rng.choice(WORDS, rng.integers(2, 12)))
    at = int(rng.integers(len(words)))
    new = {0: [str(rng.choice(WORDS))], 1: [words[at], str(rng.choice(WORDS))], 2: []}[int(rng.integers(3))]
    return " ".join(words), " ".join([*words[:at], *new, *words[at + 1 :]]) or "the"


def test_every_sentence_is_true(models: list[Model]) -> None:
    rng = np.random.default_rng(15)
    seen = {"measured": 0, "undefined": 0, "targets": 0}
    while seen["measured"] + seen["undefined"] < CASES:
        model = models[int(rng.integers(len(models)))]
        a, b = random_pair(rng)
        try:
            focus = str(rng.choice(a.split())) if rng.random() < 0.5 else None
            compared = attnlib.compare(model, a, b, focus=focus, layers=[])
        except InputError:
            continue
        targets = tuple(rng.choice(a.split(), rng.integers(1, 3), replace=False)) if rng.random() < 0.8 else ()
        for statistic in rng.choice(list(STATISTICS), 3, replace=False):
            _check(compared, str(statistic), tuple(map(str, targets)), rng, seen)
    assert min(seen.values()) > 20, seen


def _check(
    compared: Comparison, statistic: str, targets: tuple[str, ...], rng: np.random.Generator, seen: dict[str, int]
) -> None:
    if STATISTICS[statistic].needs_targets and not targets:
        return
    sizes = rng.uniform(0, 0.5, 3)
    controls = [
        None,
        Controls((Control("the control edit", float(sizes[0])),)),
        Controls((Control("the twin model", float("nan")),), Untrained(np.sort(sizes))),
    ][int(rng.integers(3))]
    try:
        values = compared.statistic(statistic, targets)
        found = finding(compared, statistic, targets, controls)
    except InputError:  # a target that one prompt lacks, or the sink
        return
    assert "nan" not in found.text
    assert not re.search(r"\b1 (tokens|heads|places|times)\b", found.text), found.text
    assert not re.search(r"(?<![\w–])-\.?\d", found.text.replace(f"{found.layer}-{found.head}", "")), found.text
    if not found.measured:
        seen["undefined"] += 1
        assert np.isnan(values).all()
        assert "cannot be measured" in found.text or "can be measured" in found.text
        return
    seen["measured"] += 1
    assert abs(found.value) == np.nanmax(np.abs(values))
    _check_headline(found, statistic, controls)
    _check_others(found, values, statistic)
    if STATISTICS[statistic].signed and found.value and not compared.same:
        seen["targets"] += 1
        _check_shift(compared, found, targets, statistic == "shift_corrected")


def _check_headline(found: Finding, statistic: str, controls: Controls | None) -> None:
    still = {"shift": 0.05, "tv": 0.05, "jsd": 0.01}[statistic.partition("_")[0]]
    name, size = f"head {found.layer}-{found.head}", abs(found.value)
    if not size or "Nothing can differ" in found.text:
        return
    most = max([most for _, most, _ in (controls or Controls()).sizes()], default=None)
    assert ("moves no head by" in found.text) == (size < still)
    if size < still:
        return
    assert ("no control was measured" in found.text) == (most is None)
    if most is not None:
        assert (f"moves {name} most" in found.text and "and further than any head" in found.text) == (size > most)
        assert ("moves no head further than one moves" in found.text) == (size <= most)
    assert number(size) in found.text


def _check_others(found: Finding, values: np.ndarray, statistic: str) -> None:
    told = re.search(rf"The next head changes by {NUMBER}; (\d+) of (\d+) heads by less than {NUMBER}", found.text)
    if told is None:
        return
    sizes = np.sort(np.abs(values[np.isfinite(values)]))[::-1]
    assert value(told[1]) == pytest.approx(sizes[1], abs=6e-4)
    assert (int(told[2]), int(told[3])) == ((sizes < value(told[4])).sum(), len(sizes))


def _check_shift(compared: Comparison, found: Finding, targets: tuple[str, ...], corrected: bool) -> None:
    masses = compared.target_masses(targets, corrected=corrected)
    place = (found.layer, found.head)
    told = re.findall(rf"goes from {NUMBER} to {NUMBER}(?: and|: a target)", found.text)
    assert [value(n) for pair in told for n in pair] == pytest.approx(
        [float(side[place]) for mass in masses for side in (mass.a, mass.b)], abs=6e-4
    )
    shift = re.search(rf"target shift G(?: \(sink removed\))? of {NUMBER}", found.text)
    assert shift is not None
    assert value(shift[1]) == pytest.approx(found.value, abs=6e-4)
    gains = {word: float((mass.b - mass.a)[place]) for word, mass in zip(targets, masses, strict=True)}
    towards = re.search(r", (towards|away from) “([^”]+)”( \(both (fall|rise))?", found.text)
    if towards is None:
        return
    assert gains[towards[2]] > 0 if towards[1] == "towards" else gains[towards[2]] < 0
    if towards[4]:
        assert {gain > 0 for gain in gains.values()} == {towards[4] == "rise"}
