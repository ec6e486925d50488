"""Rows that show nothing never pass silently, and what is odd is told before anything is measured."""

from pathlib import Path

import pytest

from attnlib.paths import PROJECT
from attnlib.prompts.checks import checked, remarks
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.study.findings import study_finding
from attnlib.study.run import run_study
from attnlib.study.source import read_source

CASES = PROJECT.parent / "shared" / "cases"
cases = pytest.mark.skipif(not CASES.is_dir(), reason="the small inputs that went wrong are not beside the project")


def test_the_same_text_a_copy_and_a_formula_are_left_out_with_their_row() -> None:
    good = Pair("", "She slept", "He slept")
    rows = [good, Pair("", "x ", "x"), good, Dropped("line 5", "empty"), Pair("", '=HYPERLINK("x")', "b")]
    found = list(checked(rows))
    assert found[0] is good
    assert [one.place for one in found[1:] if isinstance(one, Dropped)] == ["row 2", "row 3", "line 5", "row 5"]
    reasons = [one.reason for one in found if isinstance(one, Dropped)]
    assert "the same text" in reasons[0]
    assert "a copy of row 1" in reasons[1]
    assert "a formula" in reasons[3]
    assert (
        list(checked([good, Pair("", "She slept", "He slept", focus="slept")]))[1] != good
    )  # it asks something else
    assert isinstance(next(iter(checked([Pair("", "= is a sign", "= is no sign")]))), Dropped)


def test_odd_targets_are_told() -> None:
    pair = Pair("", "The nurse met the pilot. She", "The nurse met the pilot. He", targets=("nurse,pilot",))
    assert remarks(4, pair)[0].place == "row 4"
    assert "Separate two targets by |: nurse|pilot" in remarks(4, pair)[0].text
    assert "in neither prompt" in remarks(1, Pair("", "a", "b", targets=("cook",)))[0].text
    assert remarks(1, Pair("", "The Nurse a", "The Nurse b", targets=("Nurse",))) == []


@cases
def test_dirty_loans() -> None:
    columns = {"prompt_a": "text_standard", "prompt_b": "text_variant", "unit": "pair"}
    read = read_source(CASES / "dirty-loans.csv", "csv", columns, 1000)
    told = " ".join(one.reason for one in read.left_out)
    for what in ("is empty", "the same text", "a copy of row 6", "a formula", "8 cells"):
        assert what in told
    assert (read.pairs, read.dropped) == (102, 9)
    assert read.units[0].count == 29


@cases
def test_targets_in_any_order_or_with_a_comma() -> None:
    columns = {"prompt_a": "text_standard", "prompt_b": "text_variant", "targets": "watch"}
    read = read_source(CASES / "target-order.csv", "csv", columns, 1000)
    assert read.remarked == 20  # 8 with a comma, 12 that name Bob, who is in no sentence
    assert sum("a comma" in one.text for one in read.remarks) == 8


@cases
def test_a_study_of_targets_in_any_order_says_how_far_the_head_moves_here_and_in_the_twin(tmp_path: Path) -> None:
    columns = {"prompt_a": "text_standard", "prompt_b": "text_variant", "targets": "watch"}
    models = ["demo/gpt2-biased", "demo/gpt2-balanced"]
    study = run_study(CASES / "target-order.csv", models, tmp_path / "order", columns=columns)
    told = study_finding(study, "shift", models[0], None, study.summary("shift", models[0]))
    assert "Head 0-2 moves by .610 on average if the sign is ignored (in its twin demo/gpt2-balanced by .070" in told
    assert "its sign differs from pair to pair" in told
    quiet = study_finding(study, "shift", models[1], None, study.summary("shift", models[1]))
    assert "sign differs from pair to pair" not in quiet


@cases
@pytest.mark.parametrize(
    ("file", "columns", "units"),
    [
        ("loans-own-columns.csv", {"prompt_a": "Sentence ref", "prompt_b": "Sentence cmp", "unit": "Pair id"}, 74),
        ("winoqueer-shape.csv", {"prompt_a": "sent_x", "prompt_b": "sent_y", "unit": "sent_x"}, 32),
    ],
)
def test_any_mapped_column_may_be_the_unit(file: str, columns: dict[str, str], units: int) -> None:
    read = read_source(CASES / file, "csv", columns, 1000)
    assert read.units[0].name == "unit"
    assert read.units[0].count == units


@cases
def test_a_sentence_that_several_rows_share_is_found() -> None:
    read = read_source(CASES / "winoqueer-shape.csv", "csv", {"prompt_a": "sent_x", "prompt_b": "sent_y"}, 1000)
    assert (read.units[0].name, read.units[0].count) == ("same prompt A", 32)
