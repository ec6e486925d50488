"""Studies: the long table is what each pair gives alone; killed and gone on they end the same; nothing is damaged."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import attnlib
from attnlib.effects.findings import figures
from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.model.token_notes import WORDS
from attnlib.paths import PROJECT
from attnlib.progress import Progress
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.stats.summaries import summarize
from attnlib.study import run as study_module
from attnlib.study.findings import study_finding
from attnlib.study.folder import StudyFolder, studies
from attnlib.study.notes import candidates_of
from attnlib.study.results import Study, group_columns, open_study
from attnlib.study.run import run_study
from attnlib.study.store import Store
from tests.unit.study.killed_study import pairs as many_pairs
from tests.unit.tolerance import of_rows

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
SHORT = (
    Pair(
        "", SHE, HE, targets=("nurse", "doctor"), group="she/he", further=(("occupation", "doctor"), ("model", "x"))
    ),
    Dropped("pairs.csv, line 3", "prompt_b is empty. Write a prompt there, or take the line out."),
    Pair("", "The nurse slept because she was tired", "The nurse slept because he was tired", targets=("nurse",)),
    Pair("", "word " * 200, "She slept"),
    Pair("", "The night nurse slept", "The nurse slept", focus="slept"),
)


@cache
def model() -> Model:
    return attnlib.load_model("demo/gpt2-biased")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_module, "PART", 2)


def tables(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    return study.head_table(), study.pair_table()


def same(one: Study, other: Study, tolerance: float = 0.0) -> None:
    (heads, pairs), (other_heads, other_pairs) = tables(one), tables(other)
    pd.testing.assert_frame_equal(heads, other_heads, atol=tolerance, rtol=0, check_exact=tolerance == 0)
    pd.testing.assert_frame_equal(pairs, other_pairs, atol=max(tolerance, 1e-5 if tolerance else 0), rtol=0)


# ---------------------------------------------------------------------------------------------- what it measures


def test_the_long_table_is_what_each_pair_gives_alone(tmp_path: Path, small_parts: None) -> None:
    study = run_study(SHORT, model(), tmp_path / "study")
    heads = study.head_table()
    assert list(heads.columns) == ["pair", "model", "layer", "head", "statistic", "value"]
    for number in (0, 2, 4):
        pair = SHORT[number]
        assert isinstance(pair, Pair)
        alone = attnlib.compare(model(), pair.prompt_a, pair.prompt_b, focus=pair.focus or None, layers=[])
        for name, rows in heads[heads["pair"] == number].groupby("statistic", observed=True):
            expected = alone.statistic(str(name), pair.targets)
            assert len(rows) == expected.size
            np.testing.assert_allclose(rows["value"], expected[rows["layer"], rows["head"]], atol=of_rows())
    assert set(heads["pair"]) == {0, 2, 4}
    assert set(heads[heads["pair"] == 4]["statistic"]) == {"jsd", "tv", "jsd_focus", "tv_focus"}  # it has no targets


def test_every_row_of_the_source_is_there_with_its_reason(tmp_path: Path, small_parts: None) -> None:
    study = run_study(SHORT, model(), tmp_path / "study")
    table = study.pair_table()
    assert list(table["pair"]) == [0, 1, 2, 3, 4]
    assert table["reason"][1] == "pairs.csv, line 3: prompt_b is empty. Write a prompt there, or take the line out."
    assert table["reason"][3].startswith("Prompt A: The text has 20")
    assert list(table["reason"][[0, 2, 4]]) == [""] * 3
    assert table["occupation"][0] == "doctor"
    assert table["model (source)"][0] == "x"  # a further column that has the name of one of ours
    assert study.counts() == {"rows": 5, "pairs": 4, "models": 1, "measured": 3, "not_measured": 1}
    assert study.complete
    values = study.values("shift")
    assert values.pairs.tolist() == [0, 2, 4]
    assert np.isfinite(values.values[:2]).all()
    assert np.isnan(values.values[2]).all()


def test_effects_and_scores(tmp_path: Path) -> None:
    pairs = [
        Pair("", SHE, HE, targets=("nurse", "doctor"), candidates=("comforted", "prescribed")),
        Pair("", "The nurse said that she", "The nurse said that he"),
        Pair("", SHE, "The doctor asked the nurse a long question. He", candidates=("comforted", "prescribed")),
    ]
    study = run_study(pairs, "demo/gpt2-biased", tmp_path / "study", effects=True)
    alone = attnlib.head_effects(model(), SHE, HE, ("comforted", "prescribed"))
    found = study.values("indirect").values[0]  # on the log scale, on which effects are averaged
    np.testing.assert_allclose(found, np.log1p(alone.indirect), rtol=1e-4, atol=1e-4)
    table = study.pair_table()
    assert table["total"][0] == pytest.approx(alone.total, rel=1e-5)
    assert "names no candidate_a" in table["remark"][1]
    assert "Prompt A has 9 tokens and prompt B 10" in table["remark"][2]
    assert (table["reason"] == "").all()  # the attention of all of them was measured


def test_random_candidate_words_show_no_effect(tmp_path: Path) -> None:
    """150 pairs with two random words in random order as candidates: no effect has a direction.

    A mean of ratios calls head 0-2 significant here.
    """
    rng, known, of_set = np.random.default_rng(1), WORDS.read_text("utf-8").split(), list(pair_set("two-occupations"))
    chosen = [of_set[n] for n in rng.choice(len(of_set), 150, replace=False)]
    pairs = [replace(pair, candidates=tuple(rng.choice(known, 2, replace=False).tolist())) for pair in chosen]
    study = run_study(pairs, model(), tmp_path / "random", effects=True, unit="every pair")
    assert set(study.statistics) >= {"indirect", "lost", "direct"}
    for statistic in ("indirect", "lost"):
        assert not study.summary(statistic).significant.any()
        said = study_finding(study, statistic, study.models[0], None, study.summary(statistic))
        assert "the odds" not in said, "what is not shown is no factor"
    for statistic in ("indirect", "direct"):
        assert summarize(np.expm1(study.values(statistic).values)).significant[0, 2]


def test_what_the_whole_loses_without_a_head_is_tested_and_the_direct_effect_is_not(tmp_path: Path) -> None:
    """Of heads that carry nothing the direct effect is the total one: against 0 it would be found in all of them."""
    words, things = ("comforted", "prescribed"), "question story letter plan price book song lesson movie game key"
    asked = [(SHE.replace("question", thing), HE.replace("question", thing)) for thing in things.split()]
    pairs = [Pair("", a, b, targets=("nurse", "doctor"), candidates=words) for a, b in asked]
    study = run_study(pairs, model(), tmp_path / "study", effects=True, unit="every pair")
    lost = study.values("lost").values
    for (a, b), found in zip(asked[:3], lost, strict=False):
        alone = attnlib.head_effects(model(), a, b, words)
        np.testing.assert_allclose(found, np.log1p(alone.total) - np.log1p(alone.direct), rtol=1e-4, atol=1e-4)
    direct = study.summary("direct")
    assert direct.tests == 0
    assert np.isnan(direct.p).all()
    said = study_finding(study, "direct", study.models[0], None, direct)
    assert "described and not tested: if a head carries nothing, its direct effect is the total effect" in said
    assert "the odds" not in said
    for statistic, told in (
        (
            "lost",
            "the odds of “prescribed” against “comforted” in B are {} times as high as with the attention of 0-2 ",
        ),
        ("indirect", "0-2 alone, taken from B, multiplies the odds of “prescribed” against “comforted” in A by {} "),
    ):
        summary = study.summary(statistic)
        assert summary.tests == 16
        assert summary.significant[0, 2], "the head that follows the planted gender"
        ratio = float(np.exp(study.values(statistic).values[:, 0, 2].astype(float).mean()))
        assert told.format(figures(ratio)) in study_finding(study, statistic, study.models[0], None, summary)


def test_odds_name_no_candidates_where_pairs_have_different_ones() -> None:
    def words(*rows: tuple[str | None, str | None]) -> tuple[str, str] | None:
        return candidates_of(pd.DataFrame(rows, columns=["candidate_a", "candidate_b"]))

    assert words(("a", "b"), ("a", "b"), (None, None)) == ("a", "b")
    assert words(("a", "b"), ("b", "a")) is None
    assert words((None, None)) is None


def test_masked_scores_are_those_of_crows_pairs(tmp_path: Path) -> None:
    a, b = "The nurse said that she was tired.", "The nurse said that he was tired."
    study = run_study([Pair("", a, b)], "demo/bert-biased", tmp_path / "study", scores=True)
    bert = attnlib.load_model("demo/bert-biased")
    row = study.pair_table().iloc[0]
    assert (row["score_a"], row["score_b"]) == attnlib.crows_pairs_scores(bert, a, b)
    odds = attnlib.word_log_odds(bert, "The nurse said that [MASK] was tired.", ("she", "he"))
    assert row["log_odds"] == pytest.approx(odds, abs=1e-5)


def test_two_models(tmp_path: Path, small_parts: None) -> None:
    study = run_study(SHORT, ["demo/gpt2-biased", "demo/gpt2-balanced"], tmp_path / "study")
    alone = run_study(SHORT, "demo/gpt2-balanced", tmp_path / "alone")
    assert study.models == ("demo/gpt2-biased", "demo/gpt2-balanced")
    np.testing.assert_array_equal(study.values("jsd", "demo/gpt2-balanced").values, alone.values("jsd").values)
    assert list(study.manifest["provenance"]) == list(study.models)
    assert study.manifest["provenance"]["demo/gpt2-balanced"]["weights_sha256"]
    assert study.manifest["version"] == attnlib.__version__


def test_groups_are_columns_of_few_values(tmp_path: Path) -> None:
    study = run_study(many_pairs()[:60], model(), tmp_path / "study")
    table = study.pair_table().assign(kind=["a", "b"] * 30, id=[str(n) for n in range(60)])
    assert "kind" in group_columns(table, most=20)
    assert not {"id", "prompt_a", "tokens_a", "reason", "model"} & set(group_columns(table, most=20))


# ---------------------------------------------------------------------------------------------- stopped, killed


def test_killed_at_ten_places_it_ends_with_the_same_tables(tmp_path: Path) -> None:
    chance = random.Random(7)
    times = [f"{chance.uniform(0, 0.6):.3f}" for _ in range(10)]
    helper = Path(__file__).with_name("killed_study.py")
    root = PROJECT
    out = tmp_path / "study"
    done = subprocess.run(
        [sys.executable, helper, out, *times], env={**os.environ, "PYTHONPATH": str(root)}, check=True,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert len(done.stdout.split()) == 10
    killed, whole = open_study(out), open_study(f"{out}-whole")
    assert whole.complete
    assert whole.counts() == {"rows": 540, "pairs": 540, "models": 1, "measured": 539, "not_measured": 1}
    same(killed, whole)
    for table in ("heads.parquet", "pairs.parquet"):
        left = [file.name for file in (out / table).iterdir()]
        assert sorted(name for name in left if not name.startswith(".")) == sorted(
            file.name for file in Path(f"{out}-whole", table).iterdir()
        )


def test_a_stopped_study_goes_on_with_only_its_folder(tmp_path: Path, small_parts: None) -> None:
    told: list[Progress] = []

    def stop(progress: Progress) -> bool:
        told.append(progress)
        return progress.done < 3

    out = tmp_path / "study"
    stopped = run_study(SHORT, "demo/gpt2-biased", out, progress=stop)
    assert not stopped.complete
    assert stopped.counts()["measured"] < 3
    assert stopped.folder.progress()["state"] == "stopped"
    assert stopped.folder.progress()["done"] == 1  # of finished parts: the second row is no pair
    went_on = run_study(None, [], out)
    same(went_on, run_study(SHORT, "demo/gpt2-biased", tmp_path / "whole"))
    assert went_on.folder.progress()["state"] == "done"
    assert told[0].left is None
    assert [one.done for one in told] == sorted(one.done for one in told)


def test_somebody_else_can_ask_it_to_stop(tmp_path: Path, small_parts: None) -> None:
    out = tmp_path / "study"

    def ask(progress: Progress) -> None:
        if progress.done >= 2:
            StudyFolder(out).ask_to_stop()

    stopped = run_study(SHORT, model(), out, progress=ask)
    assert not stopped.complete
    assert run_study(SHORT, model(), out).complete  # the wish is forgotten


def test_a_finished_study_is_opened_and_not_run_again(tmp_path: Path) -> None:
    run_study(SHORT, model(), tmp_path / "study")
    told: list[Progress] = []
    again = run_study(SHORT, model(), tmp_path / "study", progress=told.append)  # type: ignore[func-returns-value]
    assert again.complete
    assert told == []


# ---------------------------------------------------------------------------------------------- what is refused


def refused(words: str, **wrong: Any) -> None:
    arguments: dict[str, Any] = {"pairs": SHORT, "models": model()} | wrong
    with pytest.raises(InputError, match=words):
        run_study(**arguments)


def test_another_study_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "study"
    first = run_study(SHORT, model(), out)
    refused(
        "holds another study: 5 rows of tuple in demo/gpt2-biased, which differs in its pairs",
        pairs=SHORT[:1],
        out=out,
    )
    refused("differs in its models", models="demo/gpt2-balanced", out=out)
    refused("differs in its settings", effects=True, out=out)
    same(first, open_study(out))
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("precious")
    refused("holds other files", out=full)
    assert (full / "thesis.tex").read_text() == "precious"


def test_what_cannot_be_begun_says_why(tmp_path: Path) -> None:
    out = tmp_path / "study"
    refused("no engine 'slurm'", engine="slurm", out=out)
    refused("no model to study", models=[], out=out)
    refused("named twice", models=["demo/gpt2-biased", model()], out=out)
    refused("no demo model", models="demo/none", out=out)
    refused("There is no pair to study. 1 row: prompt_b is empty", pairs=[SHORT[1]], out=out)
    refused("There is no pair to study. The source has no rows.", pairs=[], out=out)
    same = pd.DataFrame({"prompt_a": [SHE] * 24, "prompt_b": [SHE] * 24})
    refused("There is no pair to study. 24 rows: prompt_a and prompt_b are the same text", pairs=same, out=out)
    refused("holds no study", pairs=None, out=tmp_path / "nothing")
    with pytest.raises(InputError, match="holds no study"):
        open_study(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        open_study(tmp_path / "broken")
    (tmp_path / "broken" / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="another version"):
        open_study(tmp_path / "broken")


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path, small_parts: None) -> None:
    out = tmp_path / "study"
    run_study(SHORT, model(), out, progress=lambda told: told.done < 3)
    manifest = StudyFolder(out).manifest()
    manifest["provenance"]["demo/gpt2-biased"]["weights_sha256"] = "0" * 64
    StudyFolder(out).write("manifest.json", manifest)
    refused("weights of demo/gpt2-biased are not those", out=out)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "study"
    with StudyFolder(out).alone():
        refused("is already working on study", out=out)
    assert run_study(SHORT, model(), out).complete


def test_a_full_disk_is_a_sentence_and_loses_nothing(
    tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, keep, kept = tmp_path / "study", Store.keep, []

    def full(self: Store, *args: Any) -> None:
        if len(kept) == 1:
            raise OSError(28, "No space left on device")
        kept.append(args)
        keep(self, *args)

    monkeypatch.setattr(Store, "keep", full)
    refused("the disk is full. What is finished is kept; free some space", out=out)
    assert open_study(out).folder.progress()["state"] == "failed"
    monkeypatch.setattr(Store, "keep", keep)
    same(run_study(SHORT, model(), out), run_study(SHORT, model(), tmp_path / "whole"))


def test_a_pair_that_breaks_the_model_does_not_stop_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnlib.study import part as studyparts

    measure = studyparts.measure_pairs

    def broken(model: Model, reads: Sequence[Any]) -> Any:
        if any("talked" in str(read.inputs[0].tokens.names) for read in reads):
            raise RuntimeError("CUDA error: device-side assert\nand a long story")
        return measure(model, reads)

    monkeypatch.setattr(studyparts, "measure_pairs", broken)
    study = run_study(many_pairs()[:60], model(), tmp_path / "study")
    reasons = study.pair_table().set_index("prompt_a")["reason"]
    talked = reasons.index.str.contains("talked")
    assert set(reasons[talked]) == {"RuntimeError: CUDA error: device-side assert"}
    assert (reasons[~talked] == "").sum() == (~talked).sum() - 1


def test_studies_are_listed_the_newest_first(tmp_path: Path) -> None:
    assert list(studies(tmp_path)) == []
    for name in ("one", "two"):
        run_study(SHORT[:1], model(), tmp_path / name)
    (tmp_path / "no study").mkdir()
    assert {study.path.name for study in studies(tmp_path)} == {"one", "two"}
