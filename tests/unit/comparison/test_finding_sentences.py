"""300 random findings, each sentence parsed back against the numbers it is about."""

import re

import numpy as np
import pytest

import attnlib
from attnlib import Comparison, InputError
from attnlib.comparison.controls import Control, Controls
from attnlib.comparison.findings import Finding, finding
from attnlib.comparison.result import STATISTICS
from attnlib.comparison.untrained import Untrained
from attnlib.model.loading import Model, random_copy
from attnlib.wording import number

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
    try:
        values = compared.statistic(statistic, targets)
        controls = _random_controls(rng, values)
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
    _check_measure(compared, found, statistic, targets)
    _check_own_head(found, controls)
    _check_others(found, values, statistic)
    if STATISTICS[statistic].signed and found.value and not compared.same:
        seen["targets"] += 1
        _check_shift(compared, found, targets, statistic == "shift_corrected")


def _random_controls(rng: np.random.Generator, values: np.ndarray) -> Controls | None:
    """None, or an edit, the twin and copies, each measured or not; some as far as the pair's own largest head."""
    if rng.random() < 0.2:
        return None
    own = np.nanmax(np.abs(values)) if np.isfinite(values).any() else 0.1
    scale = float(own * rng.choice([0.3, 1, 3]) or 0.1)
    edit = rng.uniform(-scale, scale, values.shape).astype(np.float32)
    twin = (values * rng.choice([0.5, 0.97, 1, 1.03, 2])).astype(np.float32)
    others = [Control("a control edit", edit, keeps="the" * int(rng.integers(2))), Control("the twin model", twin)]
    kept = [one for one in others if rng.random() < 0.6]
    copies = Untrained(np.sort(rng.uniform(0, scale, 3))) if rng.random() < 0.5 else None
    missing = () if copies else ("untrained copies were not run",)
    return Controls(tuple(kept), copies, missing)


def _told_sizes(found: Finding) -> dict[str, float]:
    """The largest head of each control as the headline has it, by the control's name."""
    patterns = {
        "a control edit": rf"[(,;] ?a control edit(?: that keeps “the”)? {NUMBER}",
        "the twin model": rf"[(,;] ?the twin model {NUMBER}",
        "copies": rf"[(,;] ?3 untrained copies {NUMBER} to {NUMBER}",
    }
    hits = {name: re.search(pattern, found.text) for name, pattern in patterns.items()}
    return {name: value(hit.groups()[-1]) for name, hit in hits.items() if hit}


def _check_headline(found: Finding, statistic: str, controls: Controls | None) -> None:
    still = {"shift": 0.05, "tv": 0.05, "jsd": 0.01}[statistic.partition("_")[0]]
    name, size = f"head {found.layer}-{found.head}", abs(found.value)
    if "Nothing can differ" in found.text:
        return
    assert ("moves no head’s attention" in found.text) == (size < still)
    if size < still:
        return
    controls = controls or Controls()
    wanted = {one.name: float(np.nanmax(np.abs(one.values))) for one in controls.others}
    if controls.untrained is not None:
        wanted["copies"] = float(controls.untrained.largest.max())
    assert _told_sizes(found) == pytest.approx(wanted, abs=6e-4)
    assert ("untrained copies were not run" in found.text) == bool(controls.missing)
    assert ("no control was measured" in found.text) == (not wanted)
    most = max(wanted.values(), default=None)
    assert number(size) in found.text
    assert (f"moves {name} most" in found.text) != ("moves no head further than one moves" in found.text)
    if most is None:
        return
    # three words, three orders: what is printed alike, or lies within a twentieth, is as far
    alike = [
        one for one in wanted.values() if number(one) == number(size) or abs(one - size) <= 0.05 * max(one, size)
    ]
    farther = [one for one in wanted.values() if one > size and one not in alike]
    assert ("further than any head of the controls" in found.text) == (not alike and not farther)
    assert ("about as far as one moves" in found.text) == (bool(alike) and not farther)
    assert ("moves no head further than one moves" in found.text) == bool(farther)


def _check_measure(compared: Comparison, found: Finding, statistic: str, targets: tuple[str, ...]) -> None:
    """The headline says what its number is, or which attention stays."""
    if "Nothing can differ" in found.text:
        return
    if "moves no head’s attention" in found.text:
        assert f"({STATISTICS[statistic].title})." in found.text
        if statistic.startswith("shift") or statistic.endswith("_focus"):
            assert f"attention from “{compared.focus_name}”" in found.text
        if statistic.startswith("shift"):
            assert all(f"“{compared.name_of(compared.target(word))}”" in found.text for word in targets)
        return
    measure = "target shift G" if statistic.startswith("shift") else statistic.partition("_")[0].upper()
    told = re.search(rf"(?:\(|largest: head \d+-\d+, ){measure}(?:[^;()]*?)? {NUMBER}[);]", found.text)
    assert told is not None, found.text
    assert value(told[1]) == pytest.approx(found.value, abs=6e-4)


def _check_own_head(found: Finding, controls: Controls | None) -> None:
    """What the named head does under each control."""
    for one in (controls or Controls()).others:
        where = {"a control edit": "under a control edit", "the twin model": "in the twin model"}[one.name]
        own = abs(float(one.values[found.layer, found.head]))
        most = float(np.nanmax(np.abs(one.values)))
        hardly = re.search(
            rf"itself hardly moves [^.]*?(?:\.\d+[^.]*?)*?{where} \({NUMBER}; the {NUMBER} is head", found.text
        )
        if hardly:
            assert [value(hardly[1]), value(hardly[2])] == pytest.approx([own, most], abs=6e-4)
        moves = re.search(rf"by {NUMBER} {where}[. ]", found.text)
        if moves:
            assert value(moves[1]) == pytest.approx(own, abs=6e-4)
        if found.headline.startswith("Changing") and "moves no head’s attention" not in found.text:
            assert bool(hardly) != bool(moves) or "Nothing can differ" in found.text, found.text


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
