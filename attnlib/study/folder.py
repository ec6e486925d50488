"""A study's folder: what is studied, how far it is, who works on it, and the wish to stop; without pyarrow.

    manifest.json           what is studied and how, with a checksum of itself
    input.parquet           the pairs as they were read, also those that could not be
    heads.parquet/part-…    the long table: pair, model, layer, head, statistic, value
    pairs.parquet/part-…    one row per row of the source and model
    seals/part-…            the checksums of a part's two files: a part is finished if they are right
    progress.json           how far it is
    running.lock            locked by the process that works here; the file stays
    stop                    somebody asked this process to stop
    untrained/copy-…        the same pairs in a random copy of a model, where that was asked for

Whole files only: each appears at once. Not here: Parquet files (store.py), what a manifest must have (manifest.py),
running (run.py), processes (process.py), reading results (results.py).
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnlib.errors import InputError
from attnlib.study.lock import Lock, is_held, take
from attnlib.study.manifest import checked_manifest, checked_progress, sealed

MANIFEST, PROGRESS, LOCK, INPUT_FILE = "manifest.json", "progress.json", "running.lock", "input.parquet"
LARGEST = 20_000_000  # bytes of a manifest that is read
ACTIVE = ("waiting", "starting", "running", "stopping")  # states of a study that somebody works on
OWN = (MANIFEST, PROGRESS, LOCK, "running.json", "stop", "study.log", INPUT_FILE)


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study."""

    path: Path

    @property
    def manifest_file(self) -> Path:
        return self.path / MANIFEST

    def manifest(self) -> dict[str, Any]:
        """What is studied and how. Raises InputError where this is no study, it is damaged, or a newer version's."""
        name = self.path.name
        try:
            content = _read(self.manifest_file)
        except FileNotFoundError:
            raise InputError(f"{name} holds no study: there is no {MANIFEST}.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(
                f"The manifest of {name} cannot be read ({type(error).__name__}). Restore {MANIFEST} from a copy, or "
                "begin a new study."
            ) from None
        return checked_manifest(content, name)

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file at once; a manifest with its checksum."""
        self.path.mkdir(parents=True, exist_ok=True)
        told = sealed(content) if name == MANIFEST else content
        with replacing(self.path / name) as temporary:
            temporary.write_text(json.dumps(told, indent=1), "utf-8")  # in ASCII: half a character has no UTF-8

    # ---- progress

    def progress(self) -> dict[str, Any]:
        """How far the study is, as it was last written; active only as long as somebody works on it."""
        try:
            progress = checked_progress(_read(self.path / PROGRESS))
        except (OSError, ValueError, RecursionError):
            progress = checked_progress(None)
        if progress["state"] in ACTIVE:
            if not self.busy():
                progress["state"] = "stopped"
            elif self.stop_asked():
                progress["state"] = "stopping"
        return progress

    # ---- who works here

    def busy(self) -> bool:
        """Whether a process works on the study now."""
        return is_held(self.path / LOCK)

    def take(self) -> Lock:
        """The study's lock, which one process has at a time; what was asked of an earlier one is forgotten.

        Raises InputError if somebody has it.
        """
        lock = take(self.path / LOCK)
        if lock is None:
            raise InputError(f"Another process is already working on {self.path.name}. Wait for it, or stop it.")
        if lock.fresh:  # a lock that was handed over may have been followed by a wish to stop
            (self.path / "stop").unlink(missing_ok=True)
        return lock

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Work on the study, which one process does at a time."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.take():
            yield

    def ask_to_stop(self) -> None:
        """Have the process that works here stop. Raises InputError if that cannot be written down."""
        with disk_errors(self.path):
            (self.path / "stop").touch()

    def stop_asked(self) -> bool:
        """Whether somebody asked to stop."""
        return (self.path / "stop").exists()


def _read(file: Path) -> Any:
    """A JSON file, if it is a plain file of sensible size. Raises OSError, ValueError or RecursionError."""
    if not file.is_file() and file.exists():
        raise ValueError(f"{file.name} is no file")
    with file.open("rb") as opened:
        raw = opened.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"{file.name} is too large")
    return json.loads(raw.decode("utf-8"))


@contextlib.contextmanager
def replacing(final: Path) -> Iterator[Path]:
    """A file that appears at once, whole and on the disk, or not at all: the block writes to the path it is given."""
    temporary = final.with_name(f".{final.name}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(final)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """What a disk can refuse, as a sentence."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        why = "the disk is full" if full else f"{type(error).__name__}: {error.strerror or error}"
        raise InputError(
            f"{folder.name} cannot be written: {why}. What is finished is kept; "
            f"{'free some space' if full else 'fix this'} and start the study again: it goes on."
        ) from None


def studies(root: Path) -> Sequence[StudyFolder]:
    """The studies in a folder, the newest first; also those whose manifest is damaged."""
    found = []
    for file in root.glob(f"*/{MANIFEST}"):
        with contextlib.suppress(OSError):
            if not file.parent.name.startswith("."):
                found.append((file.stat().st_mtime, StudyFolder(file.parent)))
    return [study for _, study in sorted(found, key=lambda one: one[0], reverse=True)]
