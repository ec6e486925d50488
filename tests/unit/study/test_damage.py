"""What disks do to studies: flipped bits, cut and lost files, no space. Told in a sentence, healed, never wrong."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from attnlib.errors import InputError
from attnlib.study.folder import StudyFolder, studies
from attnlib.study.manifest import FORMAT
from attnlib.study.results import open_study
from attnlib.study.run import begin_study, run_study
from tests.unit.study.faults import ROWS, files_of, flips, full_at_every_write, model, read_study, small_study

HEALED = ("heads.parquet", "pairs.parquet", "seals")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study that is done, in parts of two rows; not to be changed."""
    return small_study(tmp_path_factory.mktemp("whole") / "study").folder.path


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(whole, tmp_path / "study")
    return tmp_path / "study"


def same(out: Path, whole: Path) -> None:
    pd.testing.assert_frame_equal(open_study(out).head_table(), open_study(whole).head_table(), check_exact=True)
    pd.testing.assert_frame_equal(open_study(out).pair_table(), open_study(whole).pair_table(), check_exact=True)


def test_no_flipped_bit_gives_other_numbers(whole: Path, tmp_path: Path) -> None:
    found = flips(whole, tmp_path, 100)
    assert found["silently wrong"] == 0
    assert found["detected"] > 60  # the others are in what only tells how far the study is


@pytest.mark.parametrize("damage", ["cut", "emptied", "deleted"])
def test_parts_that_are_cut_or_lost_are_told_and_measured_again(damage: str, out: Path, whole: Path) -> None:
    for n, name in enumerate(HEALED):
        file = sorted((out / name).iterdir())[n]
        if damage == "deleted":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[: -40 if damage == "cut" else 0])
    study = open_study(out)
    assert not study.complete
    assert study.damage().startswith("Parts of this study are damaged or missing (3 of 3 in demo/gpt2-biased).")
    assert study.models == ()
    with pytest.raises(InputError, match="has no results yet"):
        study.pair_table()
    assert run_study(None, [], out).complete
    same(out, whole)
    assert open_study(out).damage() == ""


def test_what_is_left_is_shown_meanwhile(out: Path, whole: Path) -> None:
    (out / "heads.parquet" / "part-00-000001.parquet").unlink()
    study = open_study(out)
    assert "(1 of 3 in demo/gpt2-biased)" in study.damage()
    assert list(study.pair_table()["pair"]) == [0, 1, 4]
    assert study.counts() == {"rows": 5, "pairs": 4, "models": 1, "measured": 2, "not_measured": 0}
    assert study.values("jsd").pairs.tolist() == [0, 4]
    shutil.rmtree(out / "pairs.parquet")
    assert "(3 of 3 in demo/gpt2-biased)" in open_study(out).damage()
    run_study(None, [], out)
    same(out, whole)


def test_names_alone_are_nothing(out: Path, whole: Path) -> None:
    """Files of other names, parts that do not exist, and what a killed run has left."""
    for name in (
        "part-00-abc.parquet",
        "part-00-000009.parquet",
        "part-07-000000.parquet",
        ".part-00-000001.parquet",
    ):
        for folder in ("heads.parquet", "pairs.parquet"):
            (out / folder / name).write_bytes(b"PAR1")
    (out / "seals" / "part-00-000009.json").write_text("[" * 100_000)
    (out / ".input.parquet").write_bytes(b"PAR1")
    same(out, whole)
    assert run_study(None, [], out).complete
    same(out, whole)
    assert not [file.name for file in out.rglob(".*")]
    for content in (
        "[" * 100_000,
        "[]",
        "{}",
        '{"heads": null, "pairs": null}',
        "\ud800".encode("utf-8", "replace").decode(),
    ):
        (out / "seals" / "part-00-000001.json").write_text(content)
        assert not open_study(out).complete


def test_other_pairs_than_it_began_with_are_not_measured(out: Path, whole: Path) -> None:
    file = out / "input.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    same(out, whole)
    assert run_study(None, [], out).complete  # nothing is left to measure
    (out / "seals" / "part-00-000001.json").unlink()
    with pytest.raises(InputError, match=r"The pairs of study \(input.parquet\) are damaged or missing"):
        run_study(None, [], out)
    progress = StudyFolder(out).progress()
    assert (progress["state"], "with its pairs (--pairs)" in progress["message"]) == ("failed", True)
    with pytest.raises(InputError, match="differs in its pairs"):
        run_study(ROWS[:2], model(), out)
    assert run_study(ROWS, model(), out).complete  # the same pairs heal it
    same(out, whole)
    file.unlink()
    (out / "seals" / "part-00-000001.json").unlink()
    with pytest.raises(InputError, match="are damaged or missing"):
        run_study(None, [], out)


def test_a_disk_that_is_full_at_any_write_loses_nothing(tmp_path: Path) -> None:
    assert full_at_every_write(tmp_path) > 40


# ---------------------------------------------------------------------------------------------- manifest, progress

MANIFESTS = {
    "no table": "[]",
    "half of one": '{"format": 1,',
    "not UTF-8": b"\xff\xfe{}",
    "nested": "[" * 200_000,
    "large": " " * 20_000_001,
    "no format": "{}",
    "a long number": '{"format": ' + "9" * 5_000 + "}",
    "a newer one": '{"format": 99}',
    "without pairs": ("pairs", None),
    "without provenance": ("provenance", None),
    "models of another kind": ("models", [1]),
    "no models": ("models", []),
    "no rows": ("part", 0),
    "part is text": ("part", "2"),
    "true is no number": ("part", True),
    "provenance without heads": ("provenance", {"demo/gpt2-biased": {"weights_sha256": "0", "parameters": 1}}),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_damaged_manifest_is_a_sentence(kind: str, out: Path) -> None:
    wrong = MANIFESTS[kind]
    folder = StudyFolder(out)
    if isinstance(wrong, tuple):
        manifest = folder.manifest()
        manifest = {name: value for name, value in manifest.items() if name != wrong[0]}
        folder.write("manifest.json", manifest | ({} if wrong[1] is None else {wrong[0]: wrong[1]}))
    else:
        (out / "manifest.json").write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
    for act in (lambda: open_study(out), lambda: run_study(None, [], out), lambda: run_study(ROWS, model(), out)):
        with pytest.raises(InputError, match=r"^(The manifest of study|study was made by another version)"):
            act()
    assert [study.path.name for study in studies(out.parent)] == ["study"], "the list shows it"


def test_a_changed_letter_of_a_manifest_is_told(out: Path) -> None:
    file = out / "manifest.json"
    file.write_text(file.read_text().replace("gpt2-biased", "gpt2-biasee"))
    with pytest.raises(InputError, match="does not fit its checksum"):
        open_study(out)


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", "", "null", "[" * 200_000, '{"state": "done"}', '{"state": 1, "message": "", "done": 1}', b"\xff",
     '{"state": "running", "message": "", "done": -1, "total": 1, "seconds": 1}',
     '{"state": "running", "message": "", "done": 1, "total": 1, "seconds": NaN}'],
)  # fmt: skip
def test_a_damaged_progress_is_that_of_a_study_not_begun(content: str | bytes, out: Path, whole: Path) -> None:
    (out / "progress.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert StudyFolder(out).progress()["state"] == "not begun"
    same(out, whole)
    assert run_study(None, [], out).folder.progress()["state"] == "done"


# ---------------------------------------------------------------------------------------------- studies of before


def as_format_1(out: Path) -> None:
    """A study as it was written before there were checksums."""
    shutil.rmtree(out / "seals")
    manifest = json.loads((out / "manifest.json").read_text()) | {"format": 1}
    del manifest["check"], manifest["pairs"]["file_sha256"]
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "running.json").write_text('{"pid": 1, "created": 0.5}')


def test_a_study_made_by_the_code_before_is_read_and_goes_on(out: Path, whole: Path) -> None:
    as_format_1(out)
    same(out, whole)
    assert open_study(out).complete
    (out / "heads.parquet" / "part-00-000001.parquet").unlink()
    (out / "pairs.parquet" / "part-00-000002.parquet").write_bytes(b"PAR1")
    assert "(2 of 3 in demo/gpt2-biased)" in open_study(out).damage()
    assert run_study(ROWS, model(), out).complete
    same(out, whole)
    assert read_study(out).manifest["format"] == 1 < FORMAT


def test_of_such_a_study_the_pairs_are_checked_too(tmp_path: Path) -> None:
    study = begin_study(ROWS, ["demo/gpt2-biased"], tmp_path / "study")
    (tmp_path / "study" / "seals").mkdir()
    as_format_1(study.folder.path)
    other = begin_study([*ROWS[:4], ROWS[0]], ["demo/gpt2-biased"], tmp_path / "other")
    shutil.copy(other.folder.path / "input.parquet", study.folder.path / "input.parquet")
    with pytest.raises(InputError, match="are damaged or missing"):
        run_study(None, [], study.folder.path)
    assert np.isfinite(run_study(ROWS, model(), study.folder.path).values("jsd").values).all()


def test_every_file_of_a_study_is_known(whole: Path) -> None:
    known = {file.name for file in files_of(whole)} | {"running.lock"}
    assert known == {file.name for file in whole.rglob("*") if file.is_file()}
