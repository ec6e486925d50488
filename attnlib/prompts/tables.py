"""Rows of a table that somebody saved, one after the other and as text: CSV of any spreadsheet, or Parquet.

Constant memory: no row is made that is longer than LONGEST_ROW. Not here: what a row means (pairs.py), and Parquet
itself, which a process of its own reads (parquet.py).
"""

import codecs
import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from attnlib.bounded import check_readable, one_more_blank, short
from attnlib.errors import InputError
from attnlib.paths import child_environment

DELIMITERS = ",;\t"
LONGEST_CELL = 100_000  # characters of a cell of a CSV file, bytes of one of a Parquet file
LONGEST_ROW = 1_000_000  # of all cells of a row together
LONGEST_NAME = 200  # characters of a column's name
MOST_COLUMNS = 1_000


class TableRow(NamedTuple):
    """One row, and where it stands."""

    place: str  # "pairs.csv, line 17"
    cells: tuple[str, ...]


class Table(NamedTuple):
    """The columns of a table and its rows, which can be gone through once."""

    name: str
    start: str  # where the header stands: "pairs.csv, line 1"
    columns: tuple[str, ...]
    rows: Iterator[TableRow]


def read_table(path: str | Path) -> Table:
    """Open a CSV file (comma, semicolon or tab; UTF-8, or UTF-16 with its mark) or a Parquet file.

    Raises InputError, here or while rows are read, which names file, line and remedy.
    """
    path = Path(path)
    check_readable(path)
    return _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)


def _csv(path: Path) -> Table:
    encoding = _encoding(path)
    lines = _lines(path, encoding)
    start, header = next(lines, TableRow(f"{path.name}, line 1", ()))
    return Table(path.name, start, _columns(start, tuple(name.strip() for name in header)), lines)


def _columns(start: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of columns, of which no two are alike. Raises InputError."""
    if len(names) > MOST_COLUMNS:
        raise InputError(f"{start}: {len(names):,} columns, and at most {MOST_COLUMNS:,} are read. Leave some out.")
    long = next((name for name in names if len(name) > LONGEST_NAME), None)
    if long is not None:
        raise InputError(
            f"{start}: “{short(long)}” has {len(long):,} characters, and a column's name has at most {LONGEST_NAME}. "
            "The first line names the columns: prompt_a,prompt_b,…"
        )
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise InputError(f"{start}: two columns are named {twice[0]}. Rename one of them.")
    return names


def listed(names: tuple[str, ...], most: int = 20) -> str:
    """The names of columns, for a sentence."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(short(name) for name in names[:most]) + more


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        first = file.read(65_536)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in first:
        raise InputError(f"{path.name} is not text: it has zero bytes. Save the table as CSV with UTF-8.")
    return "utf-8-sig"


class _Row:
    """The lines of a file for csv.reader, which asks for the next one within a row: a row has a longest."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.taken = file, 0

    def __iter__(self) -> "_Row":
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST_ROW + 1 - self.taken)
        self.taken += len(line)
        if not line:
            raise StopIteration
        if self.taken > LONGEST_ROW:
            raise csv.Error(f"the row has more than {LONGEST_ROW:,} characters")
        return line


def _lines(path: Path, encoding: str) -> Iterator[TableRow]:
    """Each row that is not blank, with the line it starts on; the header first."""
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding=encoding, newline="") as file:
        try:
            delimiter = _delimiter(file.readline(LONGEST_ROW))
        except UnicodeDecodeError:
            raise InputError(_not_text(path, encoding)) from None
        file.seek(0)
        row, blank = _Row(file), 0
        reader = csv.reader(row, delimiter=delimiter, strict=True)
        while True:
            place, row.taken = f"{path.name}, line {reader.line_num + 1}", 0
            try:
                cells = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise InputError(_not_text(path, encoding)) from None
            except csv.Error as error:
                raise InputError(
                    f"{place}: not CSV from here on ({error}). "
                    "Put a cell that has quotation marks between quotation marks, and write each of its own twice: "
                    '"".'
                ) from None
            if any(cell.strip() for cell in cells):
                blank = 0
                yield TableRow(place, tuple(cells))
            else:
                blank = one_more_blank(blank, place)


def _delimiter(header: str) -> str:
    """The character that splits the first line into most columns; a comma if none does."""
    return max(DELIMITERS, key=lambda sign: (header.count(sign), -DELIMITERS.index(sign)))


def _not_text(path: Path, encoding: str) -> str:
    """The first line that is not text."""
    decoder, at = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as file:
        try:
            for piece in iter(lambda: file.read(65_536), b""):
                at += decoder.decode(piece).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            at += error.object[: error.start].decode(encoding, "ignore").count("\n")
    kind = "UTF-8" if encoding == "utf-8-sig" else "UTF-16, as its first bytes say"
    return f"{path.name}, line {at}: this is not {kind}. Save the file as CSV with UTF-8."


# ---------------------------------------------------------------------------------------------- Parquet


def _parquet(path: Path) -> Table:
    told = _told(path)
    columns = _columns(path.name, tuple(next(told)))
    rows = (TableRow(f"{path.name}, row {number}", tuple(cells)) for number, cells in enumerate(told, 1))
    return Table(path.name, path.name, columns, rows)


def _told(path: Path) -> Iterator[list[str]]:
    """What parquet.py tells of a file, from a process that ends with this generator. Raises InputError."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "attnlib.prompts.parquet", str(path.resolve())],
        env=child_environment() | {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        try:
            for line in lines:
                what: Any = json.loads(line)
                if isinstance(what, int):
                    return
                if isinstance(what, str):
                    raise InputError(what)
                yield what
        finally:
            process.kill()
            process.wait()
    raise InputError(f"{path.name} cannot be read as Parquet: the file is damaged. Write it again.")


def as_text(value: object) -> str:
    """A cell of a typed table as a CSV would have it; lists with a | between."""
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, list | tuple):
        return "|".join(as_text(one) for one in value)
    return str(value)
