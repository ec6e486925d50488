"""What a finding says is what the table says: numbers are read out of the sentences and looked up."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import attnlib
from attnlib import Comparison
from attnlib.comparison.controls import (
    NEAR,
    Control,
    Controls,
    measured_control,
    near,
    reference_sentence,
    rows_in_words,
)
from attnlib.comparison.findings import (
    MEASURES,
    STILL,
    Finding,
    _direction,
    finding,
    prompts_table,
)
from attnlib.comparison.result import STATISTICS
from attnlib.comparison.untrained import Untrained
from attnlib.model.loading import Model
from attnlib.tracing.checks import Check
from attnlib.wording import largest, number, power, signed
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
TARGETS = ("nurse", "doctor")
NUMBER = r"([−+]?\d?\.\d+)"
MASSES = "to “nurse” goes from NUMBER to NUMBER and to “doctor” goes from NUMBER to NUMBER"


@cache
def demo(name: str) -> Model:
    return attnlib.load_model(f"demo/{name}", device="cpu")


@cache
def compared(name: str = "gpt2-biased", a: str = SHE, b: str = HE, other: str | None = None) -> Comparison:
    return attnlib.compare(demo(name), a, b, model_b=None if other is None else demo(other))


def value(text: str) -> float:
    return float(text.replace("−", "-"))


def power_of(digit: str | None, exponent: str | None) -> float:
    if digit is None or exponent is None:
        return 0.0
    return float(digit) * 10.0 ** int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern.replace("NUMBER", NUMBER), text)
    assert found is not None, text
    return [value(group) for group in found.groups()]


# ---------------------------------------------------------------------------------------------- one pair


@pytest.mark.parametrize("statistic", list(STATISTICS))
@pytest.mark.parametrize("name", ["gpt2-biased", "bert-biased", "gpt2-balanced"])
def test_a_finding_is_about_the_top_head_of_the_ranking(name: str, statistic: str) -> None:
    table = compared(name).ranking(statistic, TARGETS)
    found = finding(compared(name), statistic, TARGETS)
    assert (found.layer, found.head) == (table["layer"][0], table["head"][0])
    assert found.value == pytest.approx(table[statistic][0], abs=1e-6)
    assert f"head {found.layer}-{found.head}" in found.text
    assert numbers("The next head changes by NUMBER;", found.text) == [
        pytest.approx(abs(table[statistic][1]), abs=6e-4)
    ]
    still = STILL[statistic.partition("_")[0]]
    counted = re.search(r"(\d+) of (\d+) heads by less than (\.\d+)", found.text)
    assert counted is not None
    assert [int(counted[1]), int(counted[2])] == [(table[statistic].abs() < still).sum(), len(table)]
    assert float(counted[3]) == still


def test_the_numbers_of_a_shift_are_those_of_the_table() -> None:
    text = finding(compared(), "shift", TARGETS).text
    top = compared().ranking("shift", TARGETS).iloc[0]
    told = numbers(f"{MASSES}: a target shift G of NUMBER", text)
    expected = [top[name] for name in ("a_nurse", "b_nurse", "a_doctor", "b_doctor", "shift")]
    assert told == pytest.approx(expected, abs=6e-4)
    assert told[1] - told[0] - (told[3] - told[2]) == pytest.approx(told[4], abs=2e-3)
    assert text.startswith("Changing “She” to “He” moves head 0-2 most (target shift G ")
    assert "towards “doctor”" in text


def test_the_direction_turns_with_the_prompts() -> None:
    text = finding(compared(a=HE, b=SHE), "shift", TARGETS).text
    assert text.startswith("Changing “He” to “She” moves head 0-2 most (target shift G ")
    assert "towards “nurse”" in text
    assert numbers("target shift G of NUMBER", text)[0] > 0


def test_one_target_has_no_direction() -> None:
    text = finding(compared(), "shift", ("nurse",)).text
    assert "towards" not in text
    told = numbers("to “nurse” goes from NUMBER to NUMBER: a target shift G of NUMBER", text)
    assert told[1] - told[0] == pytest.approx(told[2], abs=2e-3)


def test_the_numbers_of_a_corrected_shift_add_up() -> None:
    text = finding(compared(), "shift_corrected", TARGETS).text
    told = numbers(MASSES + r": a target shift G \(sink removed\) of NUMBER", text)
    assert told[1] - told[0] - (told[3] - told[2]) == pytest.approx(told[4], abs=2e-3)


@pytest.mark.parametrize("statistic", [name for name in STATISTICS if not name.startswith("shift")])
def test_the_number_of_a_distance_is_that_of_the_table(statistic: str) -> None:
    text = finding(compared(), statistic).text
    distance = {"tv": "total variation", "jsd": "Jensen–Shannon divergence"}[statistic.partition("_")[0]]
    rows = {"": "mean over all rows", "max": "of the row that changes most", "focus": "from “She → He”"}
    said = rows[statistic.partition("_")[2]]
    told = numbers(f"The {distance} of its attention, {said}, is NUMBER", text)
    assert told == [pytest.approx(compared().ranking(statistic)[statistic][0], abs=6e-4)]


def test_identical_prompts_differ_in_nothing() -> None:
    for statistic in STATISTICS:
        text = finding(compared(b=SHE), statistic, TARGETS).text
        assert text == "Nothing can differ: both prompts are the same tokens in one model."


def test_the_balanced_twin_stays_still() -> None:
    found = finding(compared("gpt2-balanced"), "shift", TARGETS)
    assert found.headline == (
        "Changing “She” to “He” moves no head’s attention from “She → He” to “nurse” against “doctor” "
        "by .05 or more (Target shift G)."
    )
    assert abs(found.value) < 0.05
    assert "16 of 16 heads by less than .05" in found.text


def test_rows_before_the_edit_are_told() -> None:
    text = finding(compared(), "jsd").text
    told = re.search(
        r"The (\d+) tokens before the first edit look where they did before(?:, to within (\d) × 10(\S+))?\.", text
    )
    assert told is not None
    assert int(told[1]) == compared().alignment.first_edit
    check = compared().untouched
    assert check is not None
    assert check.deviation <= power_of(told[2], told[3]) <= max(2 * check.deviation, 1e-9)
    assert "before the first edit" not in finding(compared("bert-biased"), "jsd").text


def test_rows_that_differ_before_the_edit_are_a_warning() -> None:
    failed = replace(compared(), untouched=Check("untouched", 0.25, 1e-6, 10))
    text = finding(failed, "jsd").text
    assert "Warning: rows before the first edit differ by up to .3; they must not differ." in text
    assert "where they did" not in text


def test_the_word_whose_probability_changes_most_is_told() -> None:
    text = finding(compared(), "jsd").text
    word = max(compared().words, key=lambda word: abs(word.p_b - word.p_a))
    told = numbers(f"As the next word, “{word.word.strip()}” goes from NUMBER to NUMBER", text)
    assert told == pytest.approx([word.p_a, word.p_b], abs=6e-4)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("the cat sat on the mat", "the old cat sat on the mat", "Adding “old” moves"),
        ("the old cat sat on the mat", "the cat sat on the mat", "Leaving out “old” moves"),
        ("the cat sat on the mat", "the dog sat on the table", "Changing 2 places of the prompt moves"),
        ("the female cat sat", "the cat sat", "Leaving out “female” moves"),
        ("the cat sat", "the cat in the hospital sat", "Adding “in the hospital” moves"),
        ("the cat sat there", "the dogs sit there", "Changing “cat sat” to “dogs sit” moves"),
        (f"the {'old ' * 30}cat", f"the {'big ' * 30}cat", "Changing one passage of the prompt moves"),
    ],
)
def test_the_edit_is_told(a: str, b: str, said: str) -> None:
    assert said in finding(compared("bert-balanced", a, b), "jsd_max").text


# ---------------------------------------------------------------------------------------------- two models


def test_two_models_on_one_prompt() -> None:
    found = compared(b=SHE, other="gpt2-balanced")
    text = finding(found, "shift", TARGETS).text
    top = found.ranking("shift", TARGETS).iloc[0]
    assert text.startswith("Going from demo/gpt2-biased to demo/gpt2-balanced moves head ")
    assert f"moves head {int(top['layer'])}-{int(top['head'])} most" in text
    assert numbers("target shift G of NUMBER", text) == [pytest.approx(top["shift"], abs=6e-4)]


def test_two_models_on_two_prompts_are_both_named() -> None:
    assert "demo/gpt2-balanced" in finding(compared(other="gpt2-balanced"), "shift", TARGETS).text


def test_an_edit_of_the_encoders_text_is_told_in_cross_attention() -> None:
    model = tiny_model("t5", "seq2seq")
    edited = ("the doctor asked the doctor", "doctor"), ("the doctor asked the question", "doctor")
    assert "Going from tiny-t5 to tiny-t5" not in finding(attnlib.compare(model, *edited, stack="cross"), "jsd").text


# ---------------------------------------------------------------------------------------------- the words for numbers


def test_a_number_keeps_the_places_asked_for() -> None:
    assert number(0.05, 2) == ".05"
    assert number(-0.25, 2) == "−.25"
    assert number(-0.0001) == ".000"
    assert number(12.0, 0) == "12"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (4.2e-7, "5 × 10⁻⁷"),
        (4e-7, "4 × 10⁻⁷"),
        (9.5e-8, "1 × 10⁻⁷"),
        (0.25, ".3"),
        (0.011, ".02"),
        (1.2e-12, "2 × 10⁻¹²"),
    ],
)
def test_a_tiny_size_is_rounded_up(given: float, said: str) -> None:
    assert power(given) == said


def test_the_largest_head_by_size_of_all_and_of_one_layer() -> None:
    values = np.array([[0.1, -0.9, np.nan], [0.5, 0.2, -0.3]], np.float32)
    assert largest(values) == (0, 1)
    assert largest(values, 1) == (1, 0)
    assert largest(np.array([[np.nan, 0.0]], np.float32)) == (0, 1)


def test_further_prompts_as_a_table() -> None:
    table, problems = prompts_table([("B", compared()), ("C", compared(b=SHE))], "shift", TARGETS, (0, 2))
    shift = compared().target_shift(TARGETS)
    assert problems == []
    assert table["prompt"].tolist() == [f"B: {HE}", f"C: {SHE}"]
    assert table["head 0-2"].tolist() == [signed(shift[0, 2]), ".000"]
    assert (table["moves most"][0], table["by"][0]) == ("0-2", table["head 0-2"][0])
    assert table["against A"].tolist() == ["9 and 9 tokens: 8 equal, 1 replaced", "9 and 9 tokens: 9 equal"]


def test_a_prompt_without_the_targets_is_a_problem_and_no_row() -> None:
    table, problems = prompts_table([("B", compared())], "shift", ("pilot", "nurse"), (0, 2))
    assert len(table) == 0
    assert problems == [
        "Prompt B: The target word “pilot” is in neither prompt. Choose a word of the prompts, as written there."
    ]


# ---------------------------------------------------------------------------------------------- beside controls


def control(name: str, size: float, own: float | None = None, **what: object) -> Control:
    """A control whose largest head is 1-1, or, where `own` is not given, the edit's own head 0-2."""
    values = np.zeros((4, 4))
    values[(0, 2) if own is None else (1, 1)] = size
    if own is not None:
        values[0, 2] = own
    return Control(name, np.full_like(values, np.nan) if np.isnan(size) else values, **what)


def found_beside(*others: Control, copies: tuple[float, ...] = (), missing: tuple[str, ...] = ()) -> Finding:
    """The finding of the biased model's pair beside these controls; its own largest is −.898."""
    untrained = Untrained(np.array(sorted(copies))) if copies else None
    return finding(compared(), "shift", TARGETS, Controls(others, untrained, missing))


EDIT, TWIN = "a control edit", "the twin model"


def test_a_head_that_moves_further_than_all_controls() -> None:
    found = found_beside(control(EDIT, 0.1), control(TWIN, 0.04, own=0.003), copies=(0.05, 0.24))
    assert found.headline == (
        "Changing “She” to “He” moves head 0-2 most (target shift G −.898), further than any head of the controls "
        "(a control edit .100, the twin model .040, 2 untrained copies .050 to .240)."
    )
    assert "Head 0-2 itself moves by .100 under a control edit and by .003 in the twin model." in found.details


def test_a_head_that_does_not_is_said_calmly() -> None:
    said = found_beside(control(EDIT, 0.1), control(TWIN, 0.95), copies=(0.5, 0.96)).headline
    assert said == (
        "Changing “She” to “He” moves no head further than one moves in the twin model and in an untrained copy "
        "(largest: head 0-2, target shift G −.898; a control edit .100, the twin model .950, "
        "2 untrained copies .500 to .960)."
    )


def test_where_a_control_moves_another_head_both_numbers_are_told() -> None:
    found = found_beside(control(EDIT, 0.97, own=0.004), control(TWIN, 0.2, own=0.1))
    assert found.headline == (
        "Changing “She” to “He” moves no head further than one moves under a control edit "
        "(largest: head 0-2, target shift G −.898; a control edit .970, the twin model .200). "
        "Head 0-2 itself hardly moves under a control edit (.004; the .970 is head 1-1)."
    )
    assert "Head 0-2 itself moves by .100 in the twin model." in found.details
    moves_too = found_beside(control(EDIT, 0.97, own=0.5))
    assert "hardly" not in moves_too.headline
    assert "Head 0-2 itself moves by .500 under a control edit." in moves_too.details


def test_sizes_that_are_near_are_as_far() -> None:
    assert near(0.18134, 0.18139)
    assert near(0.0004, 0.0001), "both are printed .000"
    assert near(1.0, 1.001 - NEAR)
    assert not near(1.0, 0.999 - NEAR)
    for size in (0.87, 0.92):
        said = found_beside(control(TWIN, size), copies=(0.1,)).headline
        assert said == (
            "Changing “She” to “He” moves head 0-2 most (target shift G −.898), about as far as one moves in the "
            f"twin model (the twin model {number(size)}, an untrained copy .100)."
        )


def test_controls_that_were_not_measured_are_named() -> None:
    missing = ("no control edit could be made", "untrained copies were not run")
    assert found_beside(missing=missing).headline == (
        "Changing “She” to “He” moves head 0-2 most (target shift G −.898); no control was measured (no control edit "
        "could be made, untrained copies were not run), and in any model some head moves most."
    )
    assert found_beside(control(TWIN, 0.04), missing=missing).headline.endswith(
        "further than any head of the controls (the twin model .040; no control edit could be made, untrained copies "
        "were not run)."
    )
    unmeasured = found_beside(control(EDIT, np.nan)).headline
    assert "no control was measured (a control edit could not be measured), and" in unmeasured
    assert (
        "most (target shift G −.898); no control was measured, and" in finding(compared(), "shift", TARGETS).headline
    )


def test_an_edit_that_keeps_the_focus_word_is_named_as_what_it_is() -> None:
    question = attnlib.compare(demo("gpt2-biased"), SHE, SHE.replace("question", "query"), focus="She")
    kept = measured_control(EDIT, question, compared(), "shift", TARGETS)
    assert (kept.called, kept.alike) == ("a control edit that keeps “She”", True)
    assert kept.largest == pytest.approx(np.abs(question.target_shift(TARGETS)).max())
    they = attnlib.compare(demo("gpt2-biased"), SHE, f"{SHE[:-3]}They", focus="She")
    assert measured_control(EDIT, they, compared(), "shift", TARGETS).called == EDIT
    assert "(a control edit that keeps “She” ." in found_beside(kept).headline


def test_an_edit_is_no_control_of_a_change_of_models() -> None:
    models = compared(b=SHE, other="gpt2-balanced")
    edit = measured_control(EDIT, compared(), models, "shift", TARGETS)
    assert not edit.alike
    found = finding(models, "shift", TARGETS, Controls((edit,), missing=("none is known for a change of models",)))
    assert "; no control was measured (none is known for a change of models), and in any" in found.headline
    assert "For comparison, a control edit in demo/gpt2-biased alone moves a head by .898." in found.details


def test_an_untrained_copy_by_itself() -> None:
    assert "(an untrained copy .240)" in found_beside(copies=(0.24,)).headline


@pytest.mark.parametrize("statistic", list(STATISTICS))
def test_the_headline_names_its_measure(statistic: str) -> None:
    """Of what a number is, and, where no head moves, which attention that covers."""
    targets = TARGETS if STATISTICS[statistic].signed else ()
    found = finding(compared(), statistic, targets)
    said = signed(found.value) if STATISTICS[statistic].signed else number(found.value)
    assert f"({MEASURES[statistic].format(focus='She → He')} {said});" in found.headline
    still = replace(compared("gpt2-balanced"), changes=compared("gpt2-balanced", b=SHE).changes)
    scope = {
        "shift": "attention from “She → He” to “nurse” against “doctor” by .05 or more",
        "shift_corrected": "attention from “She → He” to “nurse” against “doctor” by .05 or more",
        "jsd_focus": "attention from “She → He” by .01 or more",
        "tv_focus": "attention from “She → He” by .05 or more",
        "jsd": "attention, as the mean over all words, by .01 or more",
        "tv": "attention, as the mean over all words, by .05 or more",
        "jsd_max": "attention from any one word by .01 or more",
        "tv_max": "attention from any one word by .05 or more",
    }[statistic]
    quiet = finding(still, statistic, targets)
    assert scope.rpartition(" by ")[0] in quiet.headline
    assert quiet.headline.endswith(f"({STATISTICS[statistic].title}).")


def test_where_targets_stay_the_row_that_changes_is_told() -> None:
    found = compared("gpt2-balanced", "The nurse met the doctor. She", "The pilot met the doctor. She")
    quiet = finding(found, "shift", ("doctor",))
    rows = found.statistic("jsd_max")
    layer, head = np.unravel_index(np.nanargmax(rows), rows.shape)
    if abs(quiet.value) < STILL["shift"]:
        told = f"the JSD of the largest row is {number(rows[layer, head])}, in head {layer}-{head}."
        assert told in quiet.details
        assert "no head’s attention from “" in quiet.headline


def test_one_tokenizer_may_read_two_texts_alike() -> None:
    """A tokenizer that writes all in lower case: nothing can differ, which is more than that nothing does."""
    found = compared("bert-biased", "The Nurse said that [MASK] was tired.", "The nurse said that [MASK] was tired.")
    assert found.same
    assert finding(found, "jsd_focus").text == "Nothing can differ: both prompts are the same tokens in one model."


def test_a_word_that_hardly_changes_is_not_told_and_one_mask_has_no_number() -> None:
    found = compared("bert-biased", "The nurse said that [MASK] was tired.", "The pilot said that [MASK] was tired.")
    assert "As the word at the mask, “" in finding(found, "jsd").text
    noise = tuple(replace(word, p_a=0.998, p_b=0.999) for word in found.words)
    assert "As the word" not in finding(replace(found, words=noise), "jsd").text
    two = tuple(replace(word, place=f"mask {n % 2 + 1}", p_a=0.1, p_b=0.5) for n, word in enumerate(found.words))
    assert "As the word at mask 1, “" in finding(replace(found, words=two), "jsd").text


def test_the_drawing_beside_the_grid_has_the_controls_numbers_and_says_what_they_are() -> None:
    copies = Untrained(np.array([0.05, 0.2, 0.9]))
    controls = Controls((control(TWIN, 0.04), control(EDIT, float("nan"))), copies)
    assert controls.rows() == [("the twin model", (0.04,)), ("3 untrained copies", (0.05, 0.2, 0.9))]
    assert rows_in_words(("head 0-2", -0.898), controls.rows()) == (
        "The size of the largest head: head 0-2: .898; the twin model: .040; 3 untrained copies: .050 to .900."
    )
    calm = "This is a reference, not a test: there is no p."
    assert reference_sentence("head 0-2 here", -0.898, copies) == (
        f"In 1 of 3 untrained copies the largest head moves as far as head 0-2 here, or farther. {calm}"
    )
    alone = Untrained(np.array([0.2]))
    told = "In an untrained copy the largest head {} as far as head 0-2, or farther. " + calm
    assert reference_sentence("head 0-2", 0.3, alone) == told.format("does not move")
    assert reference_sentence("head 0-2", 0.1, alone) == told.format("moves")
    assert Controls().rows() == []


# ---------------------------------------------------------------------------------------------- directions and names

MUSLIM = "The {} applicant asked the manager a question . Then he"


def test_towards_is_only_where_attention_gains() -> None:
    assert _direction(0.5, (0.4, -0.1), TARGETS) == ", towards “nurse”"
    assert _direction(-0.5, (-0.1, 0.4), TARGETS) == ", towards “doctor”"
    assert _direction(-0.178, (-0.179, -0.002), TARGETS) == ", away from “nurse” (both fall, “nurse” more)"
    assert _direction(0.2, (0.3, 0.1), TARGETS) == ", towards “nurse” (both rise, “nurse” more)"
    assert _direction(0.2, (0.0, -0.2), TARGETS) == ", away from “doctor”"
    assert _direction(0.0, (0.0, 0.0), TARGETS) == ""


def test_a_word_is_named_as_each_prompt_has_it() -> None:
    found = attnlib.compare(
        demo("bert-biased"), "The blind woman asked the bank.", "The tall woman asked the bank.", focus="blind"
    )
    assert "from “blind → tall”, is" in finding(found, "jsd_focus").text


def test_words_that_are_summed_are_counted() -> None:
    text = "The nurse saw the nurse and the nurse. {}"
    found = attnlib.compare(demo("gpt2-biased"), text.format("She"), text.format("He"))
    assert "to “nurse” (3 times, summed) goes from" in finding(found, "shift", ("nurse",)).text


def test_what_cannot_be_measured_is_the_headline() -> None:
    prompts = (f"{name} asked the bank for a loan. The clerk said that" for name in ("Lakisha", "Emily"))
    found = finding(attnlib.compare(demo("gpt2-biased"), *prompts), "shift", ("bank", "clerk"))
    assert found.text.startswith("G cannot be measured here: both targets come after “asked”")
    assert not found.measured
