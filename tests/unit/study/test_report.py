"""The report says what the tables say, needs nothing else, and takes no text from outside for HTML."""

import re
from pathlib import Path

import pandas as pd
import pytest

from attnlib.errors import InputError
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.spreadsheet import safe_csv
from attnlib.study.findings import difference_finding, study_finding
from attnlib.study.report import study_report
from attnlib.study.results import group_columns, open_study, outside_columns
from attnlib.study.run import begin_study, run_study
from attnlib.study.source import folder_name, free_name, read_source

EVIL = "<script>alert(1)</script>"


def test_the_report_says_what_the_study_found(tmp_path: Path) -> None:
    pairs = [pair for pair in pair_set("two-occupations") if " asked " in pair.prompt_a]
    models = ["demo/gpt2-biased", "demo/gpt2-balanced"]
    study = run_study([*pairs, Dropped("x, line 2", EVIL)], models, tmp_path / "my study")
    html = study_report(study)
    for model in models:
        assert (
            html.count(study_finding(study, "shift", model, None, study.summary("shift", model))) == 2
        )  # also on top
    assert "demo/gpt2-biased − demo/gpt2-balanced" in html
    for wrong in ("[nan", "1 pairs", "bootstrap over pairs", "Pairs are the unit"):
        assert wrong not in html
    assert study.manifest["pairs"]["sha256"] in html
    assert study.manifest["provenance"][models[0]]["weights_sha256"] in html
    assert "r = " in html  # against the planted table
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "default-src 'none'" in html
    assert not re.findall(
        r"""(?:src|href)=["'](?!data:)[^"']""", re.sub(r"<script>.*?</script>", "", html, flags=re.S)
    )


def test_a_wider_correction_is_in_the_report_too(tmp_path: Path) -> None:
    pairs = [pair for pair in pair_set("two-occupations") if " asked " in pair.prompt_a]
    models = ["demo/gpt2-biased", "demo/gpt2-balanced"]
    run_study(pairs, models, tmp_path / "study")
    alone, wide = open_study(tmp_path / "study"), open_study(tmp_path / "study", together=True)
    family, html = alone.family(), study_report(wide)
    heads, tests = (one.summary("shift", models[0]).tests for one in (alone, wide))
    assert (heads, tests) == (16, family["shift", models[0]].tests)
    assert tests == 16 * len(family) == 16 * 6  # two shifts, of two models and of their difference
    for key, summary in family.items():
        if len(key) == 2:
            assert study_finding(alone, *key, None, summary) in html
        else:
            assert difference_finding(alone, key[0], key[1:], summary) in html
    assert f"corrected for {tests} tests" in html
    assert "corrected for 16 tests" not in html
    assert "every tested statistic, model and difference" in html
    assert "every tested statistic" not in study_report(alone)


def test_a_report_of_one_bad_pair_and_of_nothing(tmp_path: Path) -> None:
    study = run_study([Pair(EVIL, "word " * 300, "b")], "demo/gpt2-biased", tmp_path / "bad")
    assert "1 pair in 1 model is 1 measurement: 0 made, 1 not possible." in study_report(study)
    begun = begin_study([Pair("", "a", "b")], ["demo/gpt2-biased"], tmp_path / "begun")
    with pytest.raises(InputError, match="has no results yet"):
        study_report(begun)
    with pytest.raises(InputError, match="has no results yet"):
        begun.values("shift")
    one = run_study([Pair("", "She slept", "He slept")], "demo/gpt2-biased", tmp_path / "one")
    assert "1 pair" in study_report(one)
    with pytest.raises(InputError, match="has no 'direct'"):
        one.values("direct")
    with pytest.raises(InputError, match="no results of demo/none"):
        one.values("jsd", "demo/none")
    with pytest.raises(InputError, match="has no column 'x'"):
        one.summary("jsd", unit="x")


def test_models_of_other_shapes_are_not_compared_head_by_head(tmp_path: Path) -> None:
    from tests.unit.tiny import tiny_model

    study = run_study([Pair("", "She slept", "He slept")], ["demo/gpt2-biased"], tmp_path / "one")
    tiny = run_study([Pair("", "She slept", "He slept")], tiny_model("gpt2", "causal"), tmp_path / "tiny")
    assert tiny.values("jsd").values.shape != study.values("jsd").values.shape


def test_outside_columns_have_one_number_per_group() -> None:
    table = pd.DataFrame(
        {
            "pair": range(8), "occupation": ["nurse", "nurse", "doctor", "doctor", "pilot", "pilot", "cook", "cook"],
            "share": ["90", "90", "40", "40", "10", "10", "50", "50"], "other": list("12345678"),
            "words": list("abcdefgh"), "number": range(8),
        }
    )  # fmt: skip
    assert group_columns(table) == ["occupation", "share"]
    found = outside_columns(table, "occupation")
    assert list(found) == ["planted log-odds of she", "share"]
    assert found["share"] == {"nurse": 90.0, "doctor": 40.0, "pilot": 10.0, "cook": 50.0}


def test_names_of_studies() -> None:
    assert folder_name(" my pairs, 2 ") == "my pairs, 2"
    for wrong in ("", "../x", ".x", "a/b", "x" * 61, "a\0b", "con\\x", "x."):
        with pytest.raises(InputError, match="cannot name a study"):
            folder_name(wrong)


def test_a_free_name(tmp_path: Path) -> None:
    assert free_name("x", tmp_path) == "x"
    (tmp_path / "x").mkdir()
    (tmp_path / "x 2").mkdir()
    assert free_name("x", tmp_path) == "x 3"


def test_a_source_is_looked_at_no_further_than_asked(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("prompt_a,prompt_b\n" + "".join(f"a {n},b\n" for n in range(99)) + ",b\n")
    whole = read_source(path, "csv", {}, 1000)
    assert (whole.pairs, whole.dropped, whole.more, len(whole.sample)) == (99, 1, False, 32)
    assert whole.left_out[0].reason.startswith("prompt_a is empty")
    assert read_source(path, "csv", {}, 50).more


def test_no_cell_of_a_csv_is_a_formula() -> None:
    table = pd.DataFrame({"=cmd": ["=1+1", "-x", "+x", "@x", "\tx", "x", None], "number": [-1.0, 2, 3, 4, 5, 6, 7]})
    lines = safe_csv(table).splitlines()
    assert lines[0] == "'=cmd,number"
    assert lines[1:] == [
        "'=1+1,-1.000000", "'-x,2.000000", "'+x,3.000000", "'@x,4.000000", "'\tx,5.000000", "x,6.000000", ",7.000000",
    ]  # fmt: skip
