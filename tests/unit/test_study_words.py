"""300 random summaries, degenerate ones too: every sentence is parsed back and has the numbers of its summary."""

import re

import numpy as np
import pytest

from attnlib.findings import largest
from attnlib.pairunits import Contrast, Units
from attnlib.statistics import HeadSummary, summarize
from attnlib.studybasis import DISTANCE, ONE_TARGET, Basis, described
from attnlib.studyfindings import basis_notes, order_sentence, places_of, summary_sentences, summary_table


def drawn(seed: int) -> tuple[HeadSummary, Basis]:
    """A summary of random numbers, some missing, constant or infinite, and how they were counted."""
    rng = np.random.default_rng(seed)
    units = int(rng.integers(1, 24))
    values = rng.normal(rng.choice([0, 0, 1]), 10.0 ** rng.integers(-4, 1), (units, 2, 3))
    values[rng.random(values.shape) < rng.choice([0, 0, 0.3])] = rng.choice([np.nan, np.inf])
    if rng.random() < 0.1:
        values[:] = rng.choice([0.0, 0.25])
    untested = str(rng.choice(["", "", DISTANCE, ONE_TARGET]))
    values = np.abs(values) if untested == DISTANCE else values
    sides = np.where(np.arange(units) % 2, 1, -1) if units > 1 and not untested and rng.random() < 0.3 else None
    summary = summarize(values, sides=sides, draws=100, seed=seed)
    contrast = None if sides is None else Contrast("one kind", "other kind")
    counts = (0, 0) if sides is None else (int((sides > 0).sum()), int((sides < 0).sum()))
    labels = tuple(f"u{n % units}" for n in range(3 * units))
    basis = Basis(3 * units, Units("unit", labels), "pair", contrast, counts, untested=untested)
    return (described(summary) if untested else summary), basis


def number_in(text: str) -> float:
    return float(text.replace("−", "-").replace("+", ""))


@pytest.mark.parametrize("seed", range(300))
def test_a_sentence_has_the_numbers_of_its_summary(seed: int) -> None:
    summary, basis = drawn(seed)
    text = summary_sentences(summary, "G", basis)
    assert "nan" not in text
    assert "inf" not in text.replace("infinite", "")
    assert not re.search(r"\b1 (pair|unit|head|test|number)s\b", text)
    assert text.startswith(f"{basis.pairs} pair{'s' * (basis.pairs != 1)}, averaged to {summary.pairs} ")
    if not summary.n.max():
        assert "nothing can be said" in text
        return
    named = re.search(r"(\d+)-(\d+)(?: most)?[,:] ([+−]?\d*\.\d+)", text)
    if named is None:
        assert "Nothing moves" in text or "neither an interval nor a test" in text
        return
    layer, head = int(named[1]), int(named[2])
    places = places_of(summary.mean)
    assert number_in(named[3]) == pytest.approx(summary.mean[layer, head], abs=0.51 * 10.0**-places)
    if basis.untested:
        assert "p =" not in text
        assert "p <" not in text
        assert (layer, head) == largest(summary.mean)
        assert not {"p", "p_corrected"} & set(summary_table(summary))
        return
    passed = re.search(r"In (none|\d+) of (\d+) heads?", text)
    assert passed is not None
    assert (0 if passed[1] == "none" else int(passed[1])) == summary.significant.sum()
    assert int(passed[2]) == np.isfinite(summary.p).sum()
    assert bool(summary.significant[layer, head]) == (passed[1] != "none")
    wide = re.search(r"all at once \[([+−][\d.]+), ([+−][\d.]+)\]", text)
    if wide is not None and passed[1] != "none":  # the interval beside a corrected p never contradicts it
        assert number_in(wide[1]) * number_in(wide[2]) >= 0


def test_what_must_be_known_of_units_is_said_and_nothing_else() -> None:
    labels = ("a", "b", "c")
    assert basis_notes(Basis(3, Units("unit", labels), "unit")) == ""
    assert "Nobody said which pairs" in basis_notes(Basis(3, Units("same targets", labels, True), "x"))
    assert "1 pair has no unit: it counts by itself." in basis_notes(Basis(3, Units("unit", labels, blank=1), "unit"))
    assert "“emily” is in 2 of 3" in basis_notes(Basis(3, Units("unit", labels, shared=("emily", 2)), "unit"))


def test_targets_in_any_order_are_warned_of() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([-0.6, 0.6], (20, 1, 2)) + rng.normal(0, 0.01, (20, 1, 2))
    values[:, :, 1] = np.abs(values[:, :, 1])
    summary = summarize(values, draws=100)
    assert order_sentence(summary, np.abs(values).mean(0)) == "" or abs(summary.mean[0, 0]) < 0.15
    values[:10, 0, 0], values[10:, 0, 0] = -0.7, 0.7
    told = order_sentence(summarize(values, draws=100), np.abs(values).mean(0))
    assert told.startswith("Head 0-0 moves by .700 on average with the sign left aside, and by only ")
    beside = ("demo/twin", np.array([[0.07, 0.01]]))
    told = order_sentence(summarize(values, draws=100), np.abs(values).mean(0), beside)
    assert "left aside (in its twin demo/twin by .070, and by .040 on average over all heads), and by only " in told
