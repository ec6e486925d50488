"""What a finding says is what the table says: numbers are read out of the sentences and looked up."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tiny import tiny_model

import attnlib
from attnlib import Comparison
from attnlib.comparison import STATISTICS
from attnlib.findings import (
    STILL,
    Control,
    Controls,
    _direction,
    finding,
    largest,
    number,
    power,
    prompts_table,
    reference_sentence,
    rows_in_words,
    signed,
)
from attnlib.models import Model
from attnlib.untrained import Untrained
from attnlib.verification import Check

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
    assert text.startswith("Changing “She” to “He” moves head 0-2 most, by .")
    assert "towards “doctor”" in text


def test_the_direction_turns_with_the_prompts() -> None:
    text = finding(compared(a=HE, b=SHE), "shift", TARGETS).text
    assert text.startswith("Changing “He” to “She” moves head 0-2 most, by .")
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
    assert "moves no head by .05 or more" in found.text
    assert abs(found.value) < 0.05
    assert "16 of 16 heads by less than .05" in found.text


def test_rows_before_the_edit_are_told() -> None:
    text = finding(compared(), "jsd").text
    told = re.search(
        r"The (\d+) tokens before the first edit look where they did(?:, to within (\d) × 10(\S+))?\.", text
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
    assert "Warning: rows before the first edit differ by up to .3, which must not be." in text
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
    ],
)
def test_the_edit_is_told(a: str, b: str, said: str) -> None:
    assert finding(compared("bert-balanced", a, b), "jsd_max").text.startswith(said)


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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (0.2134, ".213"),
        (1.0, "1.000"),
        (0.9999, "1.000"),
        (0.0, ".000"),
        (0.0004, ".000"),
        (10.5, "10.500"),
        (0.05, ".050"),
    ],
)
def test_a_number_is_written_as_in_the_views(given: float, said: str) -> None:
    assert number(given) == said
    assert signed(given) == f"+{said}"
    if given:
        assert signed(-given) == f"−{said}"


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
    assert table["head 0-2"].tolist() == [signed(shift[0, 2]), "+.000"]
    assert (table["moves most"][0], table["by"][0]) == ("0-2", table["head 0-2"][0])
    assert table["against A"].tolist() == ["9 and 9 tokens: 8 equal, 1 replaced", "9 and 9 tokens: 9 equal"]


def test_a_prompt_without_the_targets_is_a_problem_and_no_row() -> None:
    table, problems = prompts_table([("B", compared())], "shift", ("pilot", "nurse"), (0, 2))
    assert len(table) == 0
    assert problems == [
        "Prompt B: The target word “pilot” is in neither prompt. Choose a word of the prompts, as written there."
    ]


# ---------------------------------------------------------------------------------------------- beside controls


def headline(*sizes: float, copies: tuple[float, ...] = ()) -> str:
    """The headline of the biased model's pair beside controls of these sizes; its own largest is .898."""
    others = tuple(
        Control(name, size) for name, size in zip(("the control edit", "the twin model"), sizes, strict=False)
    )
    untrained = Untrained(np.array(sorted(copies))) if copies else None
    return finding(compared(), "shift", TARGETS, Controls(others, untrained)).headline


def test_a_head_that_moves_further_than_all_controls() -> None:
    assert headline(0.1, 0.04, copies=(0.05, 0.24)) == (
        "Changing “She” to “He” moves head 0-2 most, by .898, and further than any head of the controls moves "
        "(the control edit .100, the twin model .040, 2 untrained copies .050 to .240)."
    )


def test_a_head_that_does_not_is_said_calmly() -> None:
    assert headline(0.1, 0.95, copies=(0.5, 0.9)) == (
        "Changing “She” to “He” moves no head further than one moves in the twin model and in an untrained copy "
        "(largest: head 0-2, .898; the control edit .100, the twin model .950, 2 untrained copies .500 to .900)."
    )
    assert "further than one moves under the control edit (" in headline(0.9)


def test_where_no_control_was_measured_the_headline_says_so() -> None:
    for found in (finding(compared(), "shift", TARGETS).headline, headline(float("nan"))):
        assert found.endswith("most, by .898; no control was measured, and in any model some head moves most.")


def test_an_untrained_copy_by_itself() -> None:
    assert "(an untrained copy .240)" in headline(copies=(0.24,))


def test_the_drawing_beside_the_grid_has_the_controls_numbers_and_says_what_they_are() -> None:
    copies = Untrained(np.array([0.05, 0.2, 0.9]))
    controls = Controls((Control("the twin model", 0.04), Control("a control edit", float("nan"))), copies)
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
