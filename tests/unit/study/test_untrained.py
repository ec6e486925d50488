"""A study's reference of untrained copies: against studies of copies saved to disk; stopped and gone on with."""

from pathlib import Path

import numpy as np
import pytest

import attnlib
from attnlib.comparison.untrained import Untrained, largest_untrained
from attnlib.errors import InputError
from attnlib.model.loading import Model, load_model, random_copy
from attnlib.progress import Progress
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.study.findings import study_finding
from attnlib.study.notes import untrained_sentence
from attnlib.study.report import study_report
from attnlib.study.results import Study
from attnlib.study.run import run_study
from attnlib.study.untrained import copies_done, copies_missing, run_untrained, untrained_heads, why_no_copies

NAME = "demo/gpt2-biased"


def pairs_of(name: str, count: int) -> list[Pair | Dropped]:
    """Some pairs of several units, a row that is none in between, and one that cannot be measured."""
    chosen = list(pair_set(name))[:: len(pair_set(name)) // count]
    return [*chosen[:3], Dropped("x, line 4", "empty"), Pair("", "word " * 300, "b"), *chosen[3:]]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = run_study(pairs_of("two-occupations", 16), NAME, tmp_path_factory.mktemp("untrained") / "study")
    run_untrained(study, load_model(NAME), copies=2)
    return study


@pytest.mark.parametrize("statistic", ["shift", "jsd_focus"])
@pytest.mark.parametrize("unit", [None, "every pair"])
def test_the_copies_are_studies_of_random_models(
    study: Study, tmp_path: Path, statistic: str, unit: str | None
) -> None:
    def measured(copy: Model) -> np.ndarray:
        copy.hf.save_pretrained(tmp_path / "copy")
        copy.tokenizer.save_pretrained(tmp_path / "copy")
        folder = tmp_path / f"study {len(list(tmp_path.iterdir()))}"
        alone = run_study(pairs_of("two-occupations", 16), str(tmp_path / "copy"), folder)
        return alone.summary(statistic, unit=unit).mean

    slow = largest_untrained(load_model(NAME), measured, copies=2)
    found = untrained_heads(study, statistic, NAME, unit)
    assert len(found) == 2
    np.testing.assert_allclose(found.largest, slow.largest, rtol=1e-4, atol=1e-6)


def test_a_contrast_is_taken_in_the_copies_too(tmp_path: Path) -> None:
    model, pairs = load_model(NAME), pairs_of("occupations", 30)
    study = run_study(pairs, model, tmp_path / "study")
    assert study.basis("shift").contrast is not None
    run_untrained(study, model, copies=1)
    alone = run_study(pairs, random_copy(model, 0), tmp_path / "copy").summary("shift")
    assert untrained_heads(study, "shift", NAME).largest == pytest.approx([np.nanmax(np.abs(alone.mean))], rel=1e-4)


def test_who_stops_loses_no_finished_copy(tmp_path: Path) -> None:
    model, study = load_model(NAME), run_study(pairs_of("two-occupations", 4), NAME, tmp_path / "study")
    heard: list[Progress] = []

    def stop(now: Progress) -> bool:
        heard.append(now)
        return now.model != "untrained copy 3"

    run_untrained(study, model, stop)
    assert copies_done(study, NAME) == [0, 1]
    assert copies_missing(study, NAME) == 18
    assert not study.folder.busy()
    assert [now.done for now in heard] == sorted(now.done for now in heard)
    before = untrained_heads(study, "shift", NAME).largest
    run_untrained(study, model, copies=3)
    assert copies_done(study, NAME) == [0, 1, 2]
    assert set(before) <= set(untrained_heads(study, "shift", NAME).largest)


def test_what_is_refused(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_no_copies(study, NAME) == ""
    assert len(untrained_heads(study, "indirect", NAME)) == 0
    told = study.manifest["provenance"][NAME]
    for name, wrong, says in (
        ("weights_sha256", "x", "are not those the study was measured with"),
        ("parameters", 30_000_000, "30,000,000 parameters"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(told, name, wrong)
            with pytest.raises(InputError, match=says):
                run_untrained(study, load_model(NAME))
    monkeypatch.setitem(study.manifest["pairs"], "count", 6_000)
    assert "6,000 rows" in why_no_copies(study, NAME)


def test_finding_and_report_say_it_alike(study: Study) -> None:
    summary = study.summary("shift")
    sentence = untrained_sentence(summary, untrained_heads(study, "shift", NAME))
    size = float(np.nanmax(np.abs(summary.mean)))
    assert "is reached in 0 of 2 untrained copies measured over the same pairs (." in sentence
    assert f"({size:.3f}".replace("(0", "(") in sentence
    assert "This is a reference, not a test: there is no p." in sentence
    assert sentence in study_finding(study, "shift", NAME, None, summary)
    assert sentence in study_report(study)
    assert untrained_sentence(summary, Untrained(np.array([]))) == ""
    assert "is reached in an untrained copy" in untrained_sentence(summary, Untrained(np.array([size + 0.1])))
    assert "is not reached in an untrained copy" in untrained_sentence(summary, Untrained(np.array([0.001])))


def test_attnlib_measures_by_the_same_copies(study: Study) -> None:
    pair = study.store.records(0)[0].pair
    comparison = attnlib.compare(random_copy(load_model(NAME), 1), pair.prompt_a, pair.prompt_b, layers=[])
    with np.load(study.store.copies(0)[1]) as found:
        np.testing.assert_allclose(found["values"][0, 0], comparison.target_shift(pair.targets), atol=1e-5)


@pytest.mark.parametrize("damage", ["a bit", "the end", "all"])
def test_a_damaged_copy_counts_as_missing_and_is_measured_again(tmp_path: Path, damage: str) -> None:
    study = run_study(pairs_of("two-occupations", 8), NAME, tmp_path / "study")
    run_untrained(study, load_model(NAME), copies=2)
    whole = untrained_heads(study, "shift", NAME).largest
    file = study.store.copies(0)[1]
    content = bytearray(file.read_bytes())
    if damage == "a bit":
        content[len(content) // 2] ^= 4
    file.write_bytes(content if damage == "a bit" else content[: -len(content) // 3] if damage == "the end" else b"")
    assert copies_done(study, NAME) == [0]
    assert untrained_heads(study, "shift", NAME).largest.tolist() in ([whole[0]], [whole[1]])
    run_untrained(study, load_model(NAME), copies=2)
    assert untrained_heads(study, "shift", NAME).largest.tolist() == whole.tolist()
