"""What cannot differ is NaN with a reason, whatever the model; what is a number differs in some model."""

import csv
from functools import cache

import numpy as np
import pytest

import attnlib
from attnlib import Comparison, InputError
from attnlib.comparison.focus import Span
from attnlib.comparison.many import MEASURES, measure_pairs, read_pairs_for
from attnlib.comparison.result import STATISTICS
from attnlib.comparison.sight import Sight
from attnlib.model.loading import Model, random_copy
from attnlib.paths import PROJECT
from attnlib.prompts.pairs import Pair
from tests.unit.comparison.test_focus import pair
from tests.unit.tiny import tiny_model

FIRST_WORDS = PROJECT.parent / "shared" / "cases" / "first-word.csv"
WOMEN, MEN = "Women are nurses.", "Men are nurses."
SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
LOAN = "{} asked the bank for a loan. The clerk said that"


@cache
def demo(name: str = "gpt2-biased") -> Model:
    return attnlib.load_model(f"demo/{name}", device="cpu")


@cache
def copies(name: str) -> tuple[Model, ...]:
    """Untrained models of large weights, whose attention differs wherever it can."""
    return tuple(_loud(random_copy(demo(name), seed)) for seed in range(2))


def _loud(model: Model) -> Model:
    for weight in model.hf.parameters():
        if weight.ndim > 1:
            weight.mul_(4)
    return model


def causal(a: str, b: str, same_start: bool = True) -> Sight:
    alignment = pair(a, b)
    return Sight(alignment, alignment, causal=True, same_start=same_start)


# ---------------------------------------------------------------------------------------------- by hand


def test_the_first_word_sees_only_itself() -> None:
    sight = causal("she was here", "he was here")
    first, second = Span("she", (0,), (0,)), Span("was", (1,), (1,))
    assert sight.cannot_differ(first) == "“she” comes first and sees only itself, so its attention cannot differ."
    assert sight.cannot_differ(second) == ""
    assert sight.default_focus() == second


def test_pieces_of_the_first_word_are_one_word() -> None:
    sight = causal("la+kisha was here", "emily was here")
    assert sight.cannot_differ(Span("lakisha", (0, 1), (0,)))
    said = causal("the man was here", "emily was here").cannot_differ(Span("the man → emily", (0, 1), (0,)))
    assert said.startswith("“the man → emily” comes first and sees only itself"), "no “word” of two words"
    assert sight.default_focus() == Span("was", (2,), (1,))


def test_the_next_word_is_one_with_letters_and_whole() -> None:
    assert causal("she , any+body asks", "he , any+body asks").default_focus() == Span("anybody", (2, 3), (2, 3))
    assert causal("she ,", "he ,").default_focus() == Span(",", (1,), (1,))


def test_rows_before_the_edit_are_the_same_in_one_model_only() -> None:
    nurse = Span("nurse", (1,), (1,))
    assert "before the first word that differs" in causal("the nurse she x", "the nurse he x").cannot_differ(nurse)
    assert causal("the nurse she x", "the nurse he x", same_start=False).cannot_differ(nurse) == ""


def test_where_no_row_can_differ_the_focus_stays_with_the_edit() -> None:
    assert causal("she", "he").default_focus() == Span("she → he", (0,), (0,))
    sight = causal("the nurse", "the nurse works")
    assert not sight.any_can_differ(sight.queries.shared)


def test_a_model_that_looks_ahead_keeps_the_word_that_differs() -> None:
    alignment = pair("she was here", "he was here")
    sight = Sight(alignment, alignment, causal=False, same_start=False)
    assert sight.default_focus() == Span("she → he", (0,), (0,))
    assert sight.no_shift(sight.default_focus(), [Span("here", (2,), (2,))]) == ""


def test_a_target_out_of_sight_has_no_shift() -> None:
    sight = causal("she asked the bank so it", "he asked the bank so it")
    asked, so, bank = Span("asked", (1,), (1,)), Span("so", (4,), (4,)), Span("bank", (3,), (3,))
    assert sight.no_shift(asked, [bank, so]) == (
        "both targets come after “asked”, and this model never looks ahead. "
        "Choose a later focus (“it”, say), or read by JSD."
    )
    assert sight.no_shift(asked, [bank, asked]).startswith("the target “bank” comes after “asked”")
    assert sight.no_shift(so, [bank, asked]) == ""


def test_a_target_that_is_all_that_is_seen_has_no_shift() -> None:
    sight = causal("she asked", "he asked")
    both = Span("she asked", (0, 1), (0, 1))
    assert "is all that “asked” sees" in sight.no_shift(Span("asked", (1,), (1,)), [both])
    asked = [Span("asked", (1,), (1,))]
    assert sight.no_shift(asked[0], asked) == ""
    assert "is all that" in sight.no_shift(asked[0], asked, corrected=True)  # the first token is the sink


# ------------------------------------------------------------------------------------ models: both ways around

TEXTS = [
    (WOMEN, MEN, ("nurses",)),
    (SHE, HE, ("nurse", "doctor")),
    (LOAN.format("Lakisha"), LOAN.format("Emily"), ("bank", "clerk")),
    ("The nurse asked. She left", "The nurse asked. She has left", ("nurse",)),
    ("The old doctor left.", "The doctor left.", ("doctor",)),
    ("Women", "Men", ("Women",)),
]


def compared(model: Model, a: str, b: str, focus: Span) -> Comparison:
    return attnlib.compare(model, a, b, focus=focus, layers=[])


@pytest.mark.parametrize("name", ["gpt2-biased", "bert-biased"])
@pytest.mark.parametrize(("a", "b", "targets"), TEXTS)
def test_what_cannot_differ_never_does_and_what_can_does(name: str, a: str, b: str, targets: tuple[str, ...]) -> None:
    """Over every focus there is: NaN exactly where untrained models with large weights all give 0."""
    alignment = attnlib.compare(demo(name), a, b, layers=[]).alignment
    for unit in alignment.shared:
        focus = Span(alignment.labels[unit][0].strip(), alignment.units[unit].a, alignment.units[unit].b)
        found = [compared(model, a, b, focus) for model in (demo(name), *copies(name))]
        for statistic in STATISTICS:
            try:
                values = [one.statistic(statistic, targets) for one in found]
            except InputError:  # a target is the sink
                continue
            reason = found[0].why_undefined(statistic, targets)
            assert {np.isnan(one).all() for one in values} == {bool(reason)}
            if reason:
                assert reason.endswith((".", ")."))
            else:
                assert max(float(np.nanmax(np.abs(one))) for one in values) > 1e-6, (focus, statistic)


def _raw_shift(found: Comparison, targets: tuple[str, ...]) -> float:
    """The largest |G| from the attention itself, whatever can be seen."""
    sides = []
    for side, name in ((found.a, "a"), (found.b, "b")):
        rows = np.stack([side.weights[n][:, list(getattr(found.focus, name))].mean(1) for n in range(4)])
        masses = [rows[..., list(getattr(found.target(word), name))].sum(-1) for word in targets]
        sides.append(masses[0] - (masses[1] if len(masses) > 1 else 0))
    return float(np.abs(sides[1] - sides[0]).max())


@pytest.mark.parametrize(("a", "b", "targets"), TEXTS)
def test_where_g_is_undefined_the_attention_itself_is_the_same(a: str, b: str, targets: tuple[str, ...]) -> None:
    """Of no target in sight, and of rows that have no choice, the difference is 0 in every model."""
    alignment = attnlib.compare(demo(), a, b, layers=[]).alignment
    for unit in alignment.shared:
        focus = Span("x", alignment.units[unit].a, alignment.units[unit].b)
        found = attnlib.compare(copies("gpt2-biased")[0], a, b, focus=focus)
        unseen = [not found.sight.sees(focus, found.target(word)) for word in targets]
        if found.why_undefined("shift", targets) and (all(unseen) or not any(unseen)):
            assert _raw_shift(found, targets) < 1e-5


def test_a_cut_that_leaves_out_the_edit_is_refused() -> None:
    text = "The doctor asked the nurse a question . " * 20
    with pytest.raises(InputError, match="differ only after the first 128 tokens, and truncation removes that part"):
        attnlib.compare(demo(), f"{text}She", f"{text}He", truncate=True)
    kept = attnlib.compare(demo(), f"She . {text}", f"He . {text}", truncate=True, layers=[])
    assert kept.alignment.first_edit == 0


# ---------------------------------------------------------------------------------------------- the first word


def test_the_first_word_of_a_causal_model_is_undefined_and_the_next_is_the_default() -> None:
    old = attnlib.compare(demo(), WOMEN, MEN, focus="Women")
    assert np.isnan(old.statistic("jsd_focus")).all()
    assert "comes first and sees only itself" in old.why_undefined("jsd_focus")
    assert len(old.ranking()) == 16
    new = attnlib.compare(demo(), WOMEN, MEN)
    assert new.focus.word == "are"
    assert np.nanmax(new.statistic("jsd_focus")) > 0.01
    assert attnlib.compare(demo("bert-biased"), WOMEN, MEN).focus.word == "women → men"


def test_of_one_target_in_sight_there_is_no_shift_between_two() -> None:
    found = attnlib.compare(demo(), LOAN.format("Lakisha"), LOAN.format("Emily"), focus="loan")
    assert np.isnan(found.target_shift(("bank", "clerk"))).all()
    assert np.isfinite(found.target_shift(("bank",))).all()
    bank, clerk = found.target_masses(("bank", "clerk"))
    assert np.isfinite(bank.a).all()
    assert np.isnan(clerk.a).all()


def test_two_models_may_differ_before_an_edit() -> None:
    found = attnlib.compare(demo(), SHE, HE, model_b=demo("gpt2-balanced"), focus="nurse", layers=[])
    assert np.nanmax(found.distance("jsd", "focus")) > 0.001


def test_the_decoder_never_looks_ahead() -> None:
    model = tiny_model("t5", "seq2seq")
    prompts = ("the doctor", "the question the doctor"), ("the doctor", "doctor question the doctor")
    found = attnlib.compare(model, *prompts, stack="decoder")
    assert found.sight.causal
    assert not found.why_undefined("jsd_focus")


def test_pairs_of_a_file_get_the_same_focus_and_nan_with_a_reason() -> None:
    pairs = [
        Pair(prompt_a=WOMEN, prompt_b=MEN, category="", group="", targets=("nurses",)),
        Pair(prompt_a=WOMEN, prompt_b=MEN, category="", group="", targets=("nurses",), focus="Women"),
        Pair(prompt_a=SHE, prompt_b=HE, category="", group="", targets=("nurse", "doctor")),
    ]
    for one in pairs:
        (read,) = read_pairs_for(demo(), [one])
        assert not isinstance(read, InputError)
        alone = attnlib.compare(demo(), one.prompt_a, one.prompt_b, focus=one.focus or None, layers=[])
        assert read.focus == alone.focus
        numbers = measure_pairs(demo(), [read])
        for measure in MEASURES:
            expected = alone.statistic(measure, one.targets)
            np.testing.assert_allclose(numbers.heads[measure][0], expected, atol=2e-6, equal_nan=True)
            assert bool(read.undefined.get(measure)) == bool(alone.why_undefined(measure, one.targets))


def test_a_model_that_reads_the_same_tokens_cannot_be_compared_over_pairs() -> None:
    one = Pair(prompt_a="The nurse left.", prompt_b="The Nurse left.", category="", group="", targets=())
    (read,) = read_pairs_for(demo("bert-biased"), [one])
    assert isinstance(read, InputError)
    assert "same tokens" in str(read)


@pytest.mark.skipif(not FIRST_WORDS.exists(), reason="the shared cases are not here")
def test_the_shared_cases_are_measured_at_a_word_that_can_differ() -> None:
    rows = list(csv.DictReader(FIRST_WORDS.open()))
    for row in rows:
        found = attnlib.compare(demo(), row["prompt_a"], row["prompt_b"], layers=[])
        assert found.focus.word == "feels"
        assert np.nanmax(found.statistic("jsd_focus")) > 0.001
