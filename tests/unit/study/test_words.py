"""300 random summaries, degenerate ones too: every sentence is parsed back and has the numbers of its summary."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import attnlib
from attnlib.model.inputs import read_inputs
from attnlib.model.token_notes import known_in, known_words
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Pair
from attnlib.prompts.units import Contrast, Units
from attnlib.stats.summaries import HeadSummary, summarize
from attnlib.study.basis import DISTANCE, ONE_TARGET, Basis, described
from attnlib.study.findings import study_sentences, summary_sentences, summary_table
from attnlib.study.notes import basis_notes, order_sentence
from attnlib.study.results import bounds_of
from attnlib.wording import largest, places_of

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


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
    if "no mean that is possible" not in text and summary.tests and not summary.significant.any():
        assert re.search(r"with 80 % probability the study finds a mean of [\d.]+ or more in \d-\d", text)
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
    wide = re.search(r"simultaneous \[([+−][\d.]+), ([+−][\d.]+)\]", text)
    if wide is not None and passed[1] != "none":  # the interval beside a corrected p never contradicts it
        assert number_in(wide[1]) * number_in(wide[2]) >= 0


def test_what_must_be_known_of_units_is_said_and_nothing_else() -> None:
    labels = ("a", "b", "c")
    assert basis_notes(Basis(3, Units("unit", labels), "unit")) == ""
    assert "The pairs do not say which belong together" in basis_notes(
        Basis(3, Units("same targets", labels, True), "x")
    )
    assert "1 pair has no unit, so it counts by itself." in basis_notes(
        Basis(3, Units("unit", labels, blank=1), "unit")
    )
    three = Basis(3, Units("unit", labels), "unit", labels=("f", "m", "neither"))
    assert "has 3 labels (f, m, neither), but a contrast needs exactly two, so there is none" in basis_notes(three)
    left = Basis(3, Units("unit", labels), "unit", left_out=2, one_target=1)
    assert basis_notes(left) == (
        "2 pairs on neither side of the contrast left out. 1 pair with one target left out, because others have two."
    )
    assert "“emily” is in 2 of 3" in basis_notes(Basis(3, Units("unit", labels, shared=("emily", 2)), "unit"))


def test_targets_in_any_order_are_warned_of() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([-0.6, 0.6], (20, 1, 2)) + rng.normal(0, 0.01, (20, 1, 2))
    values[:, :, 1] = np.abs(values[:, :, 1])
    summary = summarize(values, draws=100)
    assert order_sentence(summary, np.abs(values).mean(0)) == "" or abs(summary.mean[0, 0]) < 0.15
    values[:10, 0, 0], values[10:, 0, 0] = -0.7, 0.7
    told = order_sentence(summarize(values, draws=100), np.abs(values).mean(0))
    assert told.startswith("Head 0-0 moves by .700 on average if the sign is ignored, but only by ")
    assert told.endswith("by what they are and not by how the pair turns out.")
    roles = ("female_typed", "male_typed")
    told = order_sentence(summarize(values, draws=100), np.abs(values).mean(0), roles=roles)
    assert "The targets have the same roles in every pair" in told
    beside = ("demo/twin", np.array([[0.07, 0.01]]))
    told = order_sentence(summarize(values, draws=100), np.abs(values).mean(0), beside)
    assert "is ignored (in its twin demo/twin by .070, and by .040 on average over all heads), but only by " in told


def test_units_are_counted_as_they_are() -> None:
    numbers = summarize(np.random.default_rng(0).normal(size=(3, 1, 1)), draws=100)
    labels = ("row 1 (no unit)", "nurse", "cook")
    text = summary_sentences(replace(numbers, noun="unit"), "G", Basis(3, Units("unit", labels, blank=1), "unit"))
    assert text.startswith("3 pairs, each is a unit of its own (nurse, …). ")
    one = summarize(np.ones((1, 1, 1)), draws=100)
    text = summary_sentences(replace(one, noun="unit"), "G", Basis(1, Units("unit", ("nurse",)), "unit"))
    assert text.startswith("1 pair, a unit of its own (nurse). ")


def test_a_difference_of_few_units_is_called_so() -> None:
    values = np.array([1.0, 2.0, 3.0, 5.0])[:, None, None]
    basis = Basis(4, Units("unit", tuple("abcd")), "unit", Contrast("female", "male"), (2, 2))
    text = summary_sentences(summarize(values, sides=[1, 1, -1, -1]), "G", basis)
    assert "The largest difference of mean G, female less male, is −2.500 in head 0-0." in text


def test_equal_distances_are_one_observation() -> None:
    values = np.full((10, 1, 1), 0.05, np.float32)
    basis = Basis(10, Units("every pair", tuple(map(str, range(10)))), "pair", untested=DISTANCE)
    text = summary_sentences(described(summarize(values)), "JSD", basis)
    assert "It is the same in each of the 10 pairs, which count as one observation." in text


def test_no_interval_goes_where_no_number_can_be() -> None:
    """Uneven distances of seven units have an interval that is wider than distances go."""
    values = np.array([0.9, 0.02, 0.05, 0.3, 0.01, 0.0, 0.04])[:, None, None]
    raw = summarize(values, draws=500)
    assert raw.low[0, 0] < 0
    inside = raw.within(*bounds_of("jsd"))
    assert (inside.low[0, 0], inside.high[0, 0]) == (0, min(1, raw.high[0, 0]))
    assert (bounds_of("shift"), bounds_of("shift", 1), bounds_of("jsd", 1)) == ((-2, 2), (-4, 4), (-1, 1))


LOANS = [
    Pair("", f"The bank refused {a} the loan. He", f"The bank refused {b} the loan. He", targets=("bank", "loan"))
    for a, b in (("Mohammed", "Michael"), ("Jamal", "Greg"), ("Darnell", "Brad"))
]


def test_words_that_a_demo_model_never_read_come_first(tmp_path: Path) -> None:
    study = attnlib.run_study(LOANS, "demo/gpt2-biased", tmp_path / "loans")
    headline, rest = study_sentences(study, "jsd", study.models[0], None, study.summary("jsd"))
    assert headline.startswith(
        "This demo model was trained on generated sentences about occupations; in 3 of 3 pairs "
    )
    assert headline.endswith(", and what it does there is noise.")
    assert "“loan”" in headline
    assert rest.startswith("3 pairs")
    known = [Pair("", SHE, HE, targets=("nurse", "doctor"))] * 4
    mixed = attnlib.run_study([*known, *LOANS], "demo/gpt2-biased", tmp_path / "mixed")
    headline, rest = study_sentences(mixed, "shift", mixed.models[0], None, mixed.summary("shift"))
    assert headline.startswith("7 pairs")
    assert "in 3 of 7 pairs it knows fewer than 80 % of the words" in rest


@pytest.mark.parametrize(
    "name", ["two-occupations", "occupations", "names"]
)  # names of “origins” are for real models
def test_the_words_of_built_in_sets_are_known(name: str) -> None:
    for pair in pair_set(name):
        assert known_in(str(pair.prompt_a), str(pair.prompt_b)).enough, pair


@pytest.mark.parametrize("text", [SHE, "The Muslim man was refused a loan.", "The nurse's cook was a sister-in-law."])
def test_words_of_a_text_are_known_as_its_tokens_are(text: str) -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    by_tokens = known_words(read_inputs(model, text, None, truncate=False).tokens)
    assert (known_in(text).known, known_in(text).total) == (by_tokens.known, by_tokens.total)
