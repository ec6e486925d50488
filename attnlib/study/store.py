"""The Parquet files of a study: written with checksums, and read only where they are what was written.

A page checksum covers a page's data, not a file's footer, in which a changed bit can leave out rows; so each part
also has a seal, the SHA-256 of its two files. Not here: what the tables hold (part.py), manifest and locks
(folder.py).
"""

import contextlib
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from attnlib.errors import InputError
from attnlib.study.digests import digest_of, hashed, stamp_of
from attnlib.study.folder import INPUT_FILE, replacing
from attnlib.study.taken import Record, records_of, rows_digest

TABLES, SEALS = ("heads", "pairs"), "seals"
CHECKED = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)
PART_FILE = re.compile(r"part-(\d{2,4})-(\d{6,9})\.(?:parquet|json)")
COPY_FILE = re.compile(r"copy-(\d{2,4})-(\d{3,6})\.npz")


@dataclass(frozen=True, eq=False)
class Part:
    """Results of some pairs in one model."""

    heads: pa.Table  # pair, model, layer, head, statistic, value
    pairs: pa.Table  # a row per record


@dataclass(frozen=True)
class Store:
    """The Parquet files of one study."""

    path: Path
    manifest: dict[str, Any]

    @property
    def size(self) -> int:
        """Rows of a part; the last one may have fewer."""
        return self.manifest["part"]

    @property
    def parts(self) -> int:
        """How many parts each model has."""
        return -(-self.manifest["pairs"]["count"] // self.size)

    def rows(self, part: int) -> int:
        """How many rows of the source a part has."""
        return min(self.size, self.manifest["pairs"]["count"] - part * self.size)

    # ---- the source

    def records(self, part: int) -> list[Record]:
        """The rows of a part, in the order of their numbers. Raises InputError if the file is damaged."""
        with self._input() as file:
            return records_of(file, part, self.size)

    def pairs_of_parts(self) -> list[int]:
        """[part]: how many of its rows are pairs. Raises InputError if the file is damaged."""
        with self._input() as file:
            reasons = (file.read_row_group(part, ["reason"]).column(0) for part in range(self.parts))
            return [sum(not reason for reason in column.to_pylist()) for column in reasons]

    @contextlib.contextmanager
    def _input(self) -> Iterator[pq.ParquetFile]:
        if not self.input_is_whole():
            raise InputError(
                f"The pairs of {self.path.name} ({INPUT_FILE}) are damaged or missing: they are not those the study "
                "began with. Restore the file from a copy, or run the study again with its pairs (--pairs) and the "
                "same folder. What was measured can still be read."
            )
        with pq.ParquetFile(self.path / INPUT_FILE, page_checksum_verification=True) as file:
            yield file

    def input_is_whole(self) -> bool:
        """Whether the pairs on disk are those that the study began with."""
        known = self.manifest["pairs"].get("file_sha256")
        if known is not None:
            return digest_of(self.path / INPUT_FILE) == known
        return rows_digest(self.path / INPUT_FILE, self.parts) == self.manifest["pairs"]["sha256"]

    # ---- parts

    def finished(self, model: int) -> set[int]:
        """Numbers of the parts of one of the models that are there, whole."""
        known = self._traces(SEALS, model) if self.manifest["format"] > 1 else self._traces("pairs.parquet", model)
        return {part for part in known if self._is_whole(model, part)}

    def broken(self, model: int) -> set[int]:
        """Numbers of the parts of which something is there, but not all of it or not as it was written."""
        found = set().union(*(self._traces(folder, model) for folder in (SEALS, "heads.parquet", "pairs.parquet")))
        return found - self.finished(model)

    def _traces(self, folder: str, model: int) -> set[int]:
        """Numbers of the parts that have a file in a folder; files of other names are not ours."""
        try:
            names = [file.name for file in (self.path / folder).iterdir()]
        except OSError:
            return set()
        matches = [match for name in names if (match := PART_FILE.fullmatch(name)) and int(match[1]) == model]
        return {int(match[2]) for match in matches if int(match[2]) < self.parts}

    def _is_whole(self, model: int, part: int) -> bool:
        """Whether a part's files are what its seal says; of an old study without seals, whether they can be read."""
        try:
            seal = json.loads((self.path / SEALS / f"{_stem(model, part)}.json").read_text("utf-8"))
        except FileNotFoundError:
            heads, pairs = (self.file(table, model, part) for table in TABLES)
            return self.manifest["format"] == 1 and _readable(heads, pairs, self.rows(part))
        except (OSError, ValueError, RecursionError):
            return False
        digests = {table: digest_of(self.file(table, model, part)) for table in TABLES}
        return seal == digests and None not in digests.values()

    def file(self, table: str, model: int, part: int) -> Path:
        """The file of a table's part."""
        return self.path / f"{table}.parquet" / f"{_stem(model, part)}.parquet"

    def files(self, table: str, model: int) -> list[Path]:
        """The files of a table's parts that one of the models has finished."""
        return [self.file(table, model, part) for part in sorted(self.finished(model))]

    def keep(self, model: int, number: int, part: Part) -> None:
        """Put a finished part in place: the seal last, which says that both tables are there."""
        seal = {}
        for table, content in zip(TABLES, (part.heads, part.pairs), strict=True):
            file = self.file(table, model, number)
            file.parent.mkdir(exist_ok=True)
            with replacing(file) as temporary:
                pq.write_table(content, temporary, compression="zstd", write_page_checksum=True)
                seal[table] = hashed(temporary)
        folder = self.path / SEALS
        folder.mkdir(exist_ok=True)
        with replacing(folder / f"{_stem(model, number)}.json") as temporary:
            temporary.write_text(json.dumps(seal), "utf-8")

    def tidy(self) -> None:
        """Take away what a killed run had not finished writing; for whoever has the study's lock."""
        for folder in ("", "heads.parquet", "pairs.parquet", SEALS, "untrained"):
            for file in (self.path / folder).glob(".*"):
                begun = file.name.removeprefix(".")
                ours = PART_FILE.fullmatch(begun) or COPY_FILE.fullmatch(begun)
                if ours or begun in (INPUT_FILE, "manifest.json", "progress.json"):
                    file.unlink(missing_ok=True)

    # ---- untrained copies

    def copies(self, model: int) -> dict[int, Path]:
        """By seed, the files of one model's untrained copies that are whole."""
        folder = self.path / "untrained"
        files = [(COPY_FILE.fullmatch(file.name), file) for file in (folder.iterdir() if folder.is_dir() else ())]
        found = {int(match[2]): file for match, file in files if match and int(match[1]) == model}
        return {seed: file for seed, file in sorted(found.items()) if _whole_copy(file, stamp_of(file))}

    def keep_copy(self, model: int, seed: int, **arrays: np.ndarray) -> None:
        """Put what was measured in an untrained copy in place."""
        folder = self.path / "untrained"
        folder.mkdir(exist_ok=True)
        with replacing(folder / f"copy-{model:02}-{seed:03}.npz") as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]


def _stem(model: int, part: int) -> str:
    return f"part-{model:02}-{part:06}"


# ---------------------------------------------------------------------------------------------- are they whole?


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """A study's tables that cannot be read after all, as a sentence."""
    try:
        yield
    except (OSError, pa.ArrowException, zipfile.BadZipFile) as error:
        raise InputError(
            f"A file of {name} was damaged or taken away while it was read ({type(error).__name__}). Open the study "
            "again: what is missing is told then, and Go on measures it again."
        ) from None


def table_of(files: Sequence[Path]) -> ds.Dataset:
    """Parts as one table, of which every page is checked when it is read."""
    return ds.dataset([str(file) for file in files], format=CHECKED)


def _readable(heads: Path, pairs: Path, rows: int) -> bool:
    """Whether both tables of a part that has no seal can be read and have the rows they should."""
    stamps = stamp_of(heads), stamp_of(pairs)
    return None not in stamps and _readable_at(heads, pairs, rows, stamps)


@lru_cache(maxsize=10_000)
def _readable_at(heads: Path, pairs: Path, rows: int, stamps: tuple[Any, ...]) -> bool:
    try:
        table, numbers = pq.read_table(heads), pq.read_table(pairs, columns=["pair"])["pair"].to_pylist()
        return len(numbers) == rows and set(table["pair"].unique().to_pylist()) <= set(numbers)
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return False


@lru_cache(maxsize=1_000)
def _whole_copy(file: Path, stamp: tuple[int, int] | None) -> bool:
    """Whether an untrained copy's file as it was at `stamp` is what was written: its checksums are right."""
    try:
        with zipfile.ZipFile(file) as kept:
            return kept.testzip() is None and {"pair.npy", "values.npy"} <= set(kept.namelist())
    except Exception:  # what a damaged header can ask of the reader has no end
        return False
