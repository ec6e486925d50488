"""Studies renamed, deleted and taken back: never a link, never one that is measured, nothing outside the folder."""

from pathlib import Path

import pytest

from attnlib.errors import InputError
from attnlib.study.folder import StudyFolder, studies
from attnlib.study.trash import KEPT, TRASH, delete_study, name_in_trash, rename_study, take_back


def made(root: Path, name: str) -> StudyFolder:
    folder = StudyFolder(root / name)
    folder.write("manifest.json", {"name": name})
    return folder


def names(root: Path) -> set[str]:
    return {study.path.name for study in studies(root)}


def test_a_deleted_study_can_be_taken_back(tmp_path: Path) -> None:
    folder = made(tmp_path, "one")
    entry = delete_study(folder)
    assert names(tmp_path) == set()
    assert name_in_trash(entry) == "one"
    made(tmp_path, "one")  # its name is taken meanwhile
    assert take_back(entry).path == tmp_path / "one 2"
    assert names(tmp_path) == {"one", "one 2"}
    with pytest.raises(InputError, match="no longer in the trash"):
        take_back(entry)


def test_the_last_few_are_kept(tmp_path: Path) -> None:
    entries = [delete_study(made(tmp_path, f"study {n}")) for n in range(KEPT + 2)]
    assert [entry.exists() for entry in entries] == [False, False, *[True] * KEPT]
    assert take_back(entries[-1]).path.name == f"study {KEPT + 1}"


def test_a_renamed_study_keeps_all(tmp_path: Path) -> None:
    folder = made(tmp_path, "one")
    (folder.path / "pairs.parquet").mkdir()
    renamed = rename_study(folder, "  Two (2) ")
    assert renamed.path == tmp_path / "Two (2)"
    assert (renamed.path / "pairs.parquet").is_dir()
    assert rename_study(renamed, "Two (2)") == renamed
    made(tmp_path, "three")
    for name, why in (
        ("three", "already exists"),
        ("../four", "cannot name"),
        (".trash", "cannot name"),
        ("", "cannot name"),
    ):
        with pytest.raises(InputError, match=why):
            rename_study(renamed, name)
    assert names(tmp_path) == {"Two (2)", "three"}


def test_a_study_that_is_measured_stays(tmp_path: Path) -> None:
    folder = made(tmp_path, "one")
    with folder.alone():
        for act in (lambda: delete_study(folder), lambda: rename_study(folder, "two")):
            with pytest.raises(InputError, match="one is being measured"):
                act()
    assert names(tmp_path) == {"one"}


def test_links_are_left_alone(tmp_path: Path) -> None:
    root, outside = tmp_path / "studies", tmp_path / "outside"
    real = made(outside, "thesis")
    root.mkdir()
    (root / "link").symlink_to(real.path)
    with pytest.raises(InputError, match=r"^link is a link"):
        delete_study(StudyFolder(root / "link"))
    folder = made(root, "one")
    (folder.path / "inside").symlink_to(outside)
    entry = delete_study(folder)
    for n in range(KEPT):  # the first one is taken away, with its link and not what that leads to
        delete_study(made(root, f"more {n}"))
    assert not entry.exists()
    assert real.manifest_file.exists()
    (root / "trashed").mkdir()
    (root / TRASH).rename(root / "elsewhere")
    (root / TRASH).symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        delete_study(made(root, "two"))
    with pytest.raises(InputError, match="no longer in the trash"):
        take_back(outside / "thesis")
    assert real.manifest_file.exists()
