"""The rows that a study began with: written once to input.parquet, with what identifies them.

Not here: reading a file of pairs (prompts/), what has been measured of them (store.py).
"""

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from attnlib.prompts.pairs import Dropped, Pair
from attnlib.study.digests import hashed, stamp_of
from attnlib.study.folder import INPUT_FILE, replacing

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


@dataclass(frozen=True)
class Taken:
    """What was read of the source."""

    count: int  # rows: pairs and what is none
    dropped: int
    sha256: str  # of the rows
    further: tuple[str, ...]  # names of further columns
    file_sha256: str = ""  # of input.parquet


def take_pairs(path: Path, records: Iterable[Pair | Dropped], part: int, wanted: str = "") -> Taken:
    """Write the pairs down, so many to a part, and what identifies them; constant memory.

    `wanted`: what the rows must hash to, or nothing is put in place.
    """
    path.mkdir(parents=True, exist_ok=True)
    taken, final = _Taking(), path / INPUT_FILE
    with contextlib.suppress(_OthersError), replacing(final) as temporary:
        with pq.ParquetWriter(temporary, INPUT, write_page_checksum=True) as writer:
            rows = iter(records)
            while chunk := list(islice(rows, part)):
                writer.write_table(pa.Table.from_pylist([taken.row(record) for record in chunk], INPUT))
        taken.file_sha256 = hashed(temporary)
        if wanted and taken.digest.hexdigest() != wanted:
            raise _OthersError
    return taken.result()


class _OthersError(Exception):
    """These are not the rows that were wanted."""


def identity_of(records: Iterable[Pair | Dropped]) -> Taken:
    """What `take_pairs` would return, without writing anything."""
    taking = _Taking()
    for record in records:
        taking.row(record)
    return taking.result()


class _Taking:
    def __init__(self) -> None:
        self.count = self.dropped = 0
        self.digest = hashlib.sha256()
        self.further: dict[str, None] = {}
        self.file_sha256 = ""

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
        self.digest.update(_bytes(row))
        return {name: _writable(value) for name, value in row.items()}

    def result(self) -> Taken:
        return Taken(self.count, self.dropped, self.digest.hexdigest(), tuple(self.further), self.file_sha256)


def _bytes(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")


def rows_digest(file: Path, parts: int) -> str | None:
    """What the rows of an input.parquet hash to; None if it cannot be read."""
    stamp = stamp_of(file)
    return None if stamp is None else _rows_digest_at(file, parts, stamp)


@lru_cache(maxsize=100)
def _rows_digest_at(file: Path, parts: int, stamp: tuple[int, int]) -> str | None:
    digest = hashlib.sha256()
    try:
        with pq.ParquetFile(file) as opened:
            for part in range(parts):
                for row in opened.read_row_group(part).to_pylist():
                    digest.update(_bytes({"reason": row["reason"]} if row["reason"] else row))
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
    return digest.hexdigest()


def records_of(file: pq.ParquetFile, part: int, size: int) -> list[Record]:
    """The rows of a part of `size`, in the order of their numbers."""
    rows = file.read_row_group(part).to_pylist()
    return [Record(part * size + n, _pair(row), row["reason"]) for n, row in enumerate(rows)]


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
