"""Reads a Parquet file in a process of its own, with limits: `python -m attnlib.prompts.parquet FILE`.

A file of 1 kB can unpack to 4 GB whatever it says of itself, and a damaged one can end the process that reads it. So
this process may take little memory, and tells rows as lines of JSON: first the names of the columns, then the cells
of each row, at last their number; or, in place of any of these, a sentence that says what is wrong.
tables.py starts it.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnlib.errors import InputError
from attnlib.prompts.tables import LONGEST_CELL, LONGEST_ROW, MOST_COLUMNS, as_text

MEMORY = 200_000_000
BATCH = 256  # rows that are read at once
MOST_ROWS = 10_000_000  # of which all may be blank
MOST_VALUES = 1_000_000  # values of one column of a group of rows, or 100 for each row


def main(path: Path) -> None:
    """Tell the rows of a file on standard output."""
    _limit_memory()
    sys.meta_path.insert(0, _WithoutPandas())
    number, file = 0, None
    try:
        file = _opened(path)
        _tell(file.schema_arrow.names)
        for cells in _rows(file, path.name):
            _tell(cells)
            number += 1
        _tell(number)
    except InputError as error:
        _tell(str(error))
    except MemoryError:  # that of Arrow is one, too
        _tell(
            f"{path.name}, after row {number:,}: this takes more than {MEMORY:,} bytes to unpack. Write it again in "
            "smaller row groups, or as CSV."
        )
    except Exception as error:  # whatever a damaged file makes of Arrow
        where = f"{path.name} cannot" if file is None else f"{path.name}, after row {number:,}: this cannot"
        _tell(
            f"{where} be read as Parquet ({type(error).__name__}): the file is damaged, or a cell is no text, number "
            "or date of this calendar. Write it again."
        )


class _WithoutPandas:
    """Arrow imports pandas where it finds it, which takes 50 MB."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _limit_memory() -> None:
    """Have the system refuse more memory, where it can."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _tell(what: list[str] | str | int) -> None:
    sys.stdout.write(json.dumps(what) + "\n")


def _opened(path: Path) -> Any:
    """The file, if what it says of itself is small enough. Raises InputError."""
    import pyarrow.parquet as pq

    about = pq.read_metadata(path)
    if about.num_columns > MOST_COLUMNS:  # before Arrow makes types of them
        raise InputError(
            f"{path.name}: {about.num_columns:,} columns, and at most {MOST_COLUMNS:,} are read. Leave some out."
        )
    if about.num_rows > MOST_ROWS:
        raise InputError(f"{path.name} has {about.num_rows:,} rows; {MOST_ROWS:,} are read at most. Divide it.")
    _check_groups(path.name, about)
    return pq.ParquetFile(path, pre_buffer=False)


def _check_groups(name: str, metadata: Any) -> None:
    """Refuse groups of rows with very many values in a cell. Raises InputError."""
    for group in (metadata.row_group(n) for n in range(metadata.num_row_groups)):
        values = max((group.column(n).num_values for n in range(group.num_columns)), default=0)
        if values > max(MOST_VALUES, 100 * group.num_rows):
            raise InputError(
                f"{name} has a group of {group.num_rows:,} rows with {values:,} values in a column. Write it again "
                "in smaller row groups."
            )


def _rows(file: Any, name: str) -> Iterator[list[str]]:
    number = 0
    for batch in file.iter_batches(BATCH, use_threads=False):
        _check_sizes(name, number, batch)
        number += batch.num_rows
        for cells in zip(*(_cells(column) for column in batch.columns), strict=True):
            yield list(cells)


def _check_sizes(name: str, before: int, batch: Any) -> None:
    """Refuse a cell or row that is too long, by its length in Arrow: before Python makes it. Raises InputError."""
    whole: Any = 0
    for title, column in zip(batch.schema.names, batch.columns, strict=True):
        sizes = _sizes(column)
        whole = whole + sizes
        _check(name, title[:200], before, sizes, LONGEST_CELL)
    if batch.num_columns:
        _check(name, "the row", before, whole, LONGEST_ROW)


def _check(name: str, what: str, before: int, sizes: Any, most: int) -> None:
    row = int(sizes.argmax()) if len(sizes) else 0
    if len(sizes) and sizes[row] > most:
        raise InputError(
            f"{name}, row {before + row + 1}: {what} has {int(sizes[row]):,} bytes; {most:,} are read at most. "
            "Shorten the cell, or leave the column out."
        )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


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
        raise InputError(f"A column of type {str(kind)[:60]} is not read. Write it as text, or leave it out.")
    return np.ones(len(column), dtype=np.int64)


def _cells(column: Any) -> Iterator[str]:
    """The cells of an Arrow array as text."""
    return map(as_text, _in_microseconds(column).to_pylist())


def _in_microseconds(column: Any) -> Any:
    """Times of nanoseconds as Python has them."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return column.cast(pa.duration("us"), safe=False)
    return column


if __name__ == "__main__":
    main(Path(sys.argv[1]))
