"""A study on disk: its pairs, its manifest, its parts, who works on it. Whole files only: each appears at once.

    manifest.json           what is studied and how; heads.parquet and pairs.parquet belong to it
    input.parquet           the pairs as they were read, also those that could not be
    heads.parquet/part-…    the long table: pair, model, layer, head, statistic, value
    pairs.parquet/part-…    one row per pair and model; a part is finished when this file of it is there
    progress.json           how far it is
    untrained/copy-…        the same pairs in a random copy of a model, where that was asked for

Not here: measuring (part.py), running (run.py), reading results (results.py).
"""

import contextlib
import errno
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from attnlib.errors import InputError
from attnlib.prompts.pairs import Dropped, Pair

FORMAT = 1
STARTING = 120  # seconds in which a process must have begun to work
INPUT = pa.schema(
    {
        **dict.fromkeys(("category", "prompt_a", "prompt_b", "focus"), pa.string()),
        "targets": pa.list_(pa.string()),
        **dict.fromkeys(("group", "note"), pa.string()),
        "candidates": pa.list_(pa.string()),
        "further": pa.string(),  # JSON: [[name, text], …]
        "reason": pa.string(),  # why this row is no pair; else empty
    }
)


class Record(NamedTuple):
    """One row of a study's pairs: a pair, or why there is none."""

    number: int
    pair: Pair | None
    reason: str = ""  # where it is none


@dataclass(frozen=True, eq=False)
class Part:
    """Results of some pairs in one model."""

    heads: pa.Table  # pair, model, layer, head, statistic, value
    pairs: pa.Table  # a row per record


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study."""

    path: Path

    @property
    def manifest_file(self) -> Path:
        return self.path / "manifest.json"

    @property
    def input_file(self) -> Path:
        return self.path / "input.parquet"

    def manifest(self) -> dict[str, Any]:
        """What is studied and how. Raises InputError where this is no study, or a newer version's."""
        try:
            manifest = json.loads(self.manifest_file.read_text("utf-8"))
            known = manifest["format"]
        except FileNotFoundError:
            raise InputError(f"{self.path.name} holds no study: there is no manifest.json.") from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"The manifest of {self.path.name} cannot be read ({type(error).__name__}).") from None
        if known != FORMAT:
            raise InputError(
                f"{self.path.name} was made by another version (format {known}, this one reads {FORMAT})."
            )
        return manifest

    # ---- pairs

    def take_pairs(self, records: Iterable[Pair | Dropped], part: int) -> "Taken":
        """Write the pairs down, so many to a part, and what identifies them; constant memory."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.input_file.with_name(".input.parquet")
        taken = _Taking()
        with pq.ParquetWriter(temporary, INPUT) as writer:
            rows = iter(records)
            while chunk := list(islice(rows, part)):
                writer.write_table(pa.Table.from_pylist([taken.row(record) for record in chunk], INPUT))
        _into_place(temporary, self.input_file)
        return taken.result()

    def records(self, part: int, size: int) -> list[Record]:
        """The pairs of a part of `size`, in the order of their numbers."""
        with pq.ParquetFile(self.input_file) as file:
            rows = file.read_row_group(part).to_pylist()
        return [Record(part * size + n, _pair(row), row["reason"]) for n, row in enumerate(rows)]

    def first_pairs(self, count: int) -> list[Pair]:
        """The first pairs there are."""
        with pq.ParquetFile(self.input_file) as file:
            rows = next(file.iter_batches(max(count, 1)), None)
        return [pair for row in ([] if rows is None else rows.to_pylist()) if (pair := _pair(row)) is not None]

    # ---- parts

    def finished(self, model: int) -> set[int]:
        """Numbers of the parts that one of the models has done."""
        files = (self.path / "pairs.parquet").glob(f"part-{model:02}-*.parquet")
        return {int(file.stem.rsplit("-", 1)[1]) for file in files}

    def keep(self, model: int, number: int, part: Part) -> None:
        """Put a finished part in place: the long table first, so that a part of pairs says that both are there."""
        name = f"part-{model:02}-{number:06}.parquet"
        for folder, table in (("heads.parquet", part.heads), ("pairs.parquet", part.pairs)):
            (self.path / folder).mkdir(exist_ok=True)
            temporary = self.path / folder / f".{name}"
            pq.write_table(table, temporary, compression="zstd")
            _into_place(temporary, self.path / folder / name)

    # ---- untrained copies

    def copies(self, model: int) -> dict[int, Path]:
        """By seed, the files of one model's untrained copies."""
        files = (self.path / "untrained").glob(f"copy-{model:02}-*.npz")
        return {int(file.stem.rsplit("-", 1)[1]): file for file in files}

    def keep_copy(self, model: int, seed: int, **arrays: np.ndarray) -> None:
        """Put what was measured in an untrained copy in place."""
        folder, name = self.path / "untrained", f"copy-{model:02}-{seed:03}.npz"
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}"
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
        _into_place(temporary, folder / name)

    # ---- manifest, progress, who works here

    def write(self, name: str, content: Any) -> None:
        """Write a JSON file at once."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f".{name}"
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
        _into_place(temporary, self.path / name)

    def progress(self) -> dict[str, Any]:
        """How far the study is, as it was last written; "running" only as long as somebody works on it."""
        try:
            progress = json.loads((self.path / "progress.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {"state": "not begun", "done": 0, "total": 0, "seconds": 0.0, "left": None, "message": ""}
        age = time.time() - (self.path / "progress.json").stat().st_mtime
        alive = self.worker() is not None or (progress["state"] == "starting" and age < STARTING)
        if progress["state"] in ("starting", "running") and not alive:
            progress["state"] = "stopped"
        return progress

    def worker(self) -> int | None:
        """The process that works on the study now; None where none does."""
        try:
            lock = json.loads((self.path / "running.json").read_text("utf-8"))
            alive = psutil.Process(lock["pid"]).create_time() == lock["created"]
        except (OSError, ValueError, TypeError, KeyError, psutil.Error):
            return None
        return lock["pid"] if alive else None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Work on the study, which one process does at a time."""
        other = self.worker()
        if other is not None:
            raise InputError(f"Process {other} is already working on {self.path.name}. Wait for it, or stop it.")
        me, lock = psutil.Process(), self.path / "running.json"
        self.path.mkdir(parents=True, exist_ok=True)
        lock.unlink(missing_ok=True)  # of a process that is no more
        with lock.open("x") as file:  # FileExistsError: another one came first
            json.dump({"pid": me.pid, "created": me.create_time()}, file)
        self.stop_asked(forget=True)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                (self.path / "running.json").unlink()

    def ask_to_stop(self) -> None:
        """Have the process that works here stop after its batch."""
        (self.path / "stop").touch()

    def stop_asked(self, forget: bool = False) -> bool:
        """Whether somebody asked to stop."""
        file = self.path / "stop"
        if forget:
            file.unlink(missing_ok=True)
        return file.exists()


@dataclass(frozen=True)
class Taken:
    """What was read of the source."""

    count: int  # rows: pairs and what is none
    dropped: int
    sha256: str
    further: tuple[str, ...]  # names of further columns


class _Taking:
    def __init__(self) -> None:
        self.count = self.dropped = 0
        self.digest = hashlib.sha256()
        self.further: dict[str, None] = {}

    def row(self, record: Pair | Dropped) -> dict[str, Any]:
        """A record as a row of input.parquet."""
        row: dict[str, Any]
        if isinstance(record, Dropped):
            row = {"reason": f"{record.place}: {record.reason}"}
            self.dropped += 1
        else:
            self.further |= dict.fromkeys(name for name, _ in record.further)
            row = {
                "category": record.category,
                "prompt_a": record.prompt_a,
                "prompt_b": record.prompt_b,
                "focus": record.focus,
                "targets": list(record.targets),
                "group": record.group,
                "note": record.note,
                "candidates": list(record.candidates),
                "further": json.dumps(record.further, ensure_ascii=False),
                "reason": "",
            }
        self.count += 1
        self.digest.update(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        return {name: _writable(value) for name, value in row.items()}

    def result(self) -> Taken:
        return Taken(self.count, self.dropped, self.digest.hexdigest(), tuple(self.further))


def identity_of(records: Iterable[Pair | Dropped]) -> Taken:
    """What `take_pairs` would return, without writing anything."""
    taking = _Taking()
    for record in records:
        taking.row(record)
    return taking.result()


def _writable(value: Any) -> Any:
    """Text as Parquet takes it: half a character (a lone surrogate) has no UTF-8."""
    if isinstance(value, list):
        return [_writable(one) for one in value]
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _pair(row: dict[str, Any]) -> Pair | None:
    if row["reason"]:
        return None
    text = {name: row[name] or "" for name in ("category", "prompt_a", "prompt_b", "focus", "group", "note")}
    further = tuple((name, value) for name, value in json.loads(row["further"] or "[]"))
    return Pair(
        **text, targets=tuple(row["targets"] or ()), candidates=tuple(row["candidates"] or ()), further=further
    )


def _into_place(temporary: Path, final: Path) -> None:
    """A finished file takes its name at once, and is on the disk when it has it."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(final)


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
    """The studies in a folder, the newest first."""
    found = [StudyFolder(file.parent) for file in root.glob("*/manifest.json")]
    return sorted(found, key=lambda study: study.manifest_file.stat().st_mtime, reverse=True)
