"""Studies renamed, deleted and taken back. A deleted one lies in .trash beside the studies, the last few of them.

Only folders that lie in the folder of the studies are moved, never a link and never a study that somebody works on.
"""

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from attnlib.errors import InputError
from attnlib.study.folder import StudyFolder
from attnlib.study.source import folder_name, free_name

TRASH = ".trash"
KEPT = 3  # deleted studies that can be taken back; a fourth takes the oldest of them away
ENTRY = re.compile(r"(\d{6,12}) (.+)")  # a number that counts up, and the study's name


def rename_study(folder: StudyFolder, name: str) -> StudyFolder:
    """Give a study another name. Raises InputError if it cannot have that name, or somebody works on it."""
    new = folder.path.with_name(folder_name(name))
    if new == folder.path:
        return folder
    with _still(folder, "renamed"):
        if new.exists() or new.is_symlink():
            raise InputError(f"A study named “{new.name}” already exists. Choose another name.")
        folder.path.rename(new)
    return StudyFolder(new)


def delete_study(folder: StudyFolder) -> Path:
    """Put a study into the trash; returns where it lies, for `take_back`. Raises InputError if it cannot be."""
    trash = folder.path.parent / TRASH
    with _still(folder, "deleted"):
        trash.mkdir(exist_ok=True)
        if trash.is_symlink():
            raise InputError(f"{TRASH} is a link. Take it out of the folder of the studies.")
        entries = _entries(trash)
        number = max(entries, default=0) + 1
        entry = trash / f"{number:06} {folder.path.name}"
        folder.path.rename(entry)
    for old in sorted(entries)[: max(0, len(entries) + 1 - KEPT)]:
        shutil.rmtree(entries[old], ignore_errors=True)
    return entry


def take_back(entry: Path) -> StudyFolder:
    """Take a study out of the trash, under its name or, if that is taken, a free one. Raises InputError."""
    name, root = name_in_trash(entry), entry.parent.parent
    if entry.parent.name != TRASH or not name or not entry.is_dir() or entry.is_symlink():
        raise InputError("This study is no longer in the trash: others were deleted after it.")
    back = root / free_name(name, root)
    with _sentence(name, "taken back"):
        entry.rename(back)
    return StudyFolder(back)


def name_in_trash(entry: Path) -> str:
    """The name of the study that lies there; empty if it is none."""
    match = ENTRY.fullmatch(entry.name)
    return match[2] if match else ""


def _entries(trash: Path) -> dict[int, Path]:
    """By their numbers, the studies in the trash."""
    matches = ((ENTRY.fullmatch(path.name), path) for path in trash.iterdir() if not path.is_symlink())
    return {int(match[1]): path for match, path in matches if match}


@contextlib.contextmanager
def _still(folder: StudyFolder, what: str) -> Iterator[None]:
    """A study that nobody works on, and nobody can begin to until the block ends."""
    name = folder.path.name
    if folder.path.is_symlink() or name.startswith("."):
        raise InputError(f"{name} is a link or no study's folder, so it is not {what} here.")
    with _sentence(name, what):
        if folder.busy():
            raise InputError(f"{name} is being measured. Stop it first; then it can be {what}.")
        with folder.take():
            yield


@contextlib.contextmanager
def _sentence(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{name} cannot be {what}: {error.strerror or error}.") from None
