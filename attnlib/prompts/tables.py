"""Rows of a table that somebody saved, one after the other and as text: CSV of any spreadsheet, or Parquet.

Constant memory. Not here: what a row means (pairs.py).
"""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from attnlib.errors import InputError

DELIMITERS = ",;\t"
TOO_LARGE = 10_000_000  # characters of one cell of a CSV file
LONGEST_CELL = 100_000  # bytes of one cell of a Parquet file, which can be far smaller than its cells
LARGEST_GROUP = 1_000_000_000  # bytes of a group of rows of a Parquet file, unpacked
MOST_VALUES = 1_000_000  # values of one column of such a group, or 100 for each row
MOST_COLUMNS = 1_000
TEXT_TYPE = "BYTE_ARRAY"  # Parquet's type of texts
BATCH = 1024  # rows that are read at once


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
    return Table(path.name, start, _columns(start, tuple(name.strip() for name in header)), lines)


def _columns(start: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of columns, of which no two are alike. Raises InputError."""
    if len(names) > MOST_COLUMNS:
        raise InputError(f"{start}: {len(names):,} columns, and at most {MOST_COLUMNS:,} are read. Leave some out.")
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise InputError(f"{start}: two columns are named {twice[0]}. Rename one of them.")
    return names


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
    """The character that splits the first line into most columns; a comma if none does."""
    return max(DELIMITERS, key=lambda sign: (header.count(sign), -DELIMITERS.index(sign)))


def _not_text(path: Path, encoding: str) -> str:
    """The first line that is not text."""
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
        about = pq.read_metadata(path)
        _check_groups(path.name, about)
        leaves = [about.schema.column(n) for n in range(about.num_columns)]
        # Texts stay numbers of a dictionary: a file of 1 kB can repeat one value of 4 MB in every row.
        file = pq.ParquetFile(path, read_dictionary=[leaf.path for leaf in leaves if leaf.physical_type == TEXT_TYPE])
        columns = _columns(path.name, tuple(file.schema_arrow.names))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read as Parquet ({type(error).__name__}). Write it again.") from None

    def rows() -> Iterator[TableRow]:
        number = 0
        with file:
            try:
                for batch in file.iter_batches(BATCH):
                    _check_cells(path.name, number, batch)
                    for cells in zip(*(_cells(column) for column in batch.columns), strict=True):
                        number += 1
                        yield TableRow(f"{path.name}, row {number}", cells)
            except InputError:
                raise
            except (OSError, ValueError, KeyError, OverflowError, pa.ArrowException) as error:
                raise InputError(
                    f"{path.name}, after row {number:,}: this cannot be read as Parquet ({type(error).__name__}): "
                    "the file is damaged, or a cell is no text, number or date of this calendar. Write it again."
                ) from None

    return Table(path.name, path.name, columns, rows())


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _check_groups(name: str, metadata: Any) -> None:
    """Refuse, by what the file says of itself, groups of rows that would not fit into memory. Raises InputError."""
    for group in (metadata.row_group(n) for n in range(metadata.num_row_groups)):
        columns = [group.column(n) for n in range(group.num_columns)]
        values = max((column.num_values for column in columns), default=0)
        if group.total_byte_size > LARGEST_GROUP or values > max(MOST_VALUES, 100 * group.num_rows):
            raise InputError(
                f"{name} has a group of {group.num_rows:,} rows with {group.total_byte_size:,} bytes and up to "
                f"{values:,} values in a column. Write it again in smaller row groups."
            )


def _check_cells(name: str, before: int, batch: Any) -> None:
    """Refuse a cell that is too long, by its length in Arrow: before Python makes it. Raises InputError."""
    for title, column in zip(batch.schema.names, batch.columns, strict=True):
        sizes = _sizes(column)
        row = int(sizes.argmax()) if len(sizes) else 0
        if len(sizes) and sizes[row] > LONGEST_CELL:
            raise InputError(
                f"{name}, row {before + row + 1}: {title} has {int(sizes[row]):,} bytes; "
                f"{LONGEST_CELL:,} are read at most. Shorten the cell, or leave the column out."
            )


def _sizes(column: Any) -> Any:
    """How many bytes each cell of an Arrow array is long, about; numbers and dates count 1."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        of_value = np.append(_sizes(column.dictionary), 0)  # the last for cells without a value
        return of_value[pc.fill_null(column.indices.cast("int64"), -1).to_numpy(zero_copy_only=False)]
    if _is_text(kind) or pa.types.is_large_binary(kind):
        return pc.fill_null(pc.binary_length(column).cast("int64"), 0).to_numpy(zero_copy_only=False)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        ends = np.append(0, np.cumsum(_sizes(column.values)))[column.offsets.to_numpy(zero_copy_only=False)]
        return ends[1:] - ends[:-1]
    if pa.types.is_struct(kind):
        return sum(_sizes(field) for field in column.flatten()) + np.ones(len(column), dtype=np.int64)
    if pa.types.is_nested(kind):
        raise InputError(f"A column of type {kind} is not read. Write it as text, or leave it out.")
    return np.ones(len(column), dtype=np.int64)


def _cells(column: Any) -> Iterator[str]:
    """The cells of an Arrow array as text; equal ones of a dictionary are one object in memory."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return (as_text(value.as_py()) for value in column)
    used = column.indices.unique().drop_null()
    values = column.dictionary.take(used)
    made = {at: as_text(value.as_py()) for at, value in zip(used.to_pylist(), values, strict=True)}
    return (made.get(at, "") for at in column.indices.to_pylist())


def as_text(value: object) -> str:
    """A cell of a typed table as a CSV would have it; lists with a | between."""
    if value is None or value != value:  # NaN is not itself
        return ""
    if isinstance(value, list | tuple):
        return "|".join(as_text(one) for one in value)
    return str(value)
