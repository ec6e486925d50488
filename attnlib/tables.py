"""Rows of a table that somebody saved, one after the other and as text: CSV of any spreadsheet, or Parquet.

Constant memory. Not here: what a row means (pairs.py).
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from attnlib.errors import InputError

DELIMITERS = ",;\t"
TOO_LARGE = 10_000_000  # characters of one cell


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
    return _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)


def _csv(path: Path) -> Table:
    encoding = _encoding(path)
    lines = _lines(path, encoding)
    start, header = next(lines, TableRow(f"{path.name}, line 1", ()))
    columns = tuple(name.strip() for name in header)
    for name in columns:
        if name and columns.count(name) > 1:
            raise InputError(f"{start}: two columns are named {name}. Rename one of them.")
    return Table(path.name, start, columns, lines)


def _encoding(path: Path) -> str:
    try:
        with path.open("rb") as file:
            first = file.read(65_536)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise InputError(
            f"{path.name} cannot be read ({type(error).__name__}). Check that the file exists."
        ) from None
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in first:
        raise InputError(f"{path.name} is not text: it has zero bytes. Save the table as CSV with UTF-8.")
    return "utf-8-sig"


def _lines(path: Path, encoding: str) -> Iterator[TableRow]:
    """Each row that is not blank, with the line it starts on; the header first."""
    csv.field_size_limit(TOO_LARGE)
    with path.open(encoding=encoding, newline="") as file:
        try:
            delimiter = _delimiter(file.readline())
        except UnicodeDecodeError:
            raise InputError(_not_text(path, encoding)) from None
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            place = f"{path.name}, line {reader.line_num + 1}"
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
                yield TableRow(place, tuple(cells))


def _delimiter(header: str) -> str:
    """The sign that makes most columns of the first line; a comma where none does."""
    return max(DELIMITERS, key=lambda sign: (header.count(sign), -DELIMITERS.index(sign)))


def _not_text(path: Path, encoding: str) -> str:
    """Which line is the first that is no text."""
    at = 1
    with path.open("rb") as file:
        for at, line in enumerate(file, 1):  # noqa: B007  (the line at which it ends is told)
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                break
    kind = "UTF-8" if encoding == "utf-8-sig" else "UTF-16, as its first bytes say"
    return f"{path.name}, line {at}: this is not {kind}. Save the file as CSV with UTF-8."


def _parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read as Parquet ({type(error).__name__}). Write it again.") from None
    columns = tuple(file.schema_arrow.names)

    def rows() -> Iterator[TableRow]:
        number = 0
        with file:
            for batch in file.iter_batches(1024):
                for row in batch.to_pylist():
                    number += 1
                    cells = tuple(as_text(row[name]) for name in columns)
                    yield TableRow(f"{path.name}, row {number}", cells)

    return Table(path.name, path.name, columns, rows())


def as_text(value: object) -> str:
    """A cell of a typed table as a CSV would have it; lists with a | between."""
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, list | tuple):
        return "|".join(as_text(one) for one in value)
    return str(value)
