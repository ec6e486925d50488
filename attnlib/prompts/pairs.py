"""Prompt pairs to compare, from a table with a row for each. Not here: other formats (files.py), comparing.

Nothing in this file imports torch.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from attnlib.bounded import kept
from attnlib.errors import InputError
from attnlib.paths import PAIR_FOLDER
from attnlib.prompts.tables import Table, TableRow, as_text, listed, read_table

COLUMNS = (
    *("category", "prompt_a", "prompt_b", "focus", "targets", "group", "note"),
    *("candidate_a", "candidate_b"),
    *("unit", "contrast"),
)
SORTING = ("unit", "contrast")  # go to `Pair.further`: which pairs belong together, and on which side they stand
REQUIRED = ("prompt_a", "prompt_b")
LONGEST = 20_000  # characters of a prompt
LONGEST_LABEL = 2_000  # of every other column of ours
MOST_TARGETS = 20
USUAL = {  # what others call our columns
    "prompt_a": ("a", "sent_more", "sentence_a", "text_a", "sentence1", "original", "prompt1"),
    "prompt_b": ("b", "sent_less", "sentence_b", "text_b", "sentence2", "counterfactual", "prompt2"),
    "category": ("bias_type", "type"),
    "targets": ("target",),
}


@dataclass(frozen=True)
class Pair:
    """Two prompts, the word whose attention is compared, and the words it may look at; see data/pairs."""

    category: str
    prompt_a: str
    prompt_b: str
    focus: str = ""  # as prompt A writes it; empty: the word that differs
    targets: tuple[str, ...] = ()  # words of both prompts
    group: str = ""  # the contrast, e.g. "she/he"
    note: str = ""  # what a reader should know first, e.g. that a stereotype is shown
    candidates: tuple[str, ...] = ()  # two continuations: the first fits prompt A, the second prompt B
    further: tuple[tuple[str, str], ...] = ()  # further columns of the source, by name

    @property
    def size(self) -> int:
        """How many bytes it takes in memory, about."""
        texts = (self.prompt_a, self.prompt_b, self.focus, self.note, *self.targets, *self.candidates)
        further = sum(100 + sys.getsizeof(text) for _, text in self.further)
        return 500 + sum(map(sys.getsizeof, texts)) + further


@dataclass(frozen=True)
class Dropped:
    """A row that is not a pair, and why."""

    place: str
    reason: str

    @property
    def size(self) -> int:
        """How many bytes it takes in memory, about."""
        return 200 + len(self.place) + len(self.reason)


@lru_cache(maxsize=1)
def builtin_pairs() -> tuple[Pair, ...]:
    """The pairs that come with the project, in the order of data/pairs/examples.csv."""
    return read_pairs(PAIR_FOLDER / "examples.csv")


def categories() -> tuple[str, ...]:
    """The categories of the built-in pairs, each once, in the file's order."""
    return tuple(dict.fromkeys(pair.category for pair in builtin_pairs()))


def read_pairs(path: str | Path, most: int | None = None) -> tuple[Pair, ...]:
    """Read pairs from a CSV or Parquet file with the columns of `Pair`; targets have a | between them.

    Only the prompts must be there; further columns go to `Pair.further`, `unit` and `contrast` under these names.
    Raises InputError for the first row that is no pair, which names the file, the line and the remedy; `iter_pairs`
    goes on after such a row. `most`: read no more than so many, and no more than a server should hold in memory.
    """
    pairs = []
    table = read_table(path)
    records = table_pairs(table)
    if most is not None:
        records = kept(islice(records, most), lambda record: record.size)
    for record in records:
        if isinstance(record, Dropped):
            raise InputError(f"{record.place}: {record.reason}")
        pairs.append(record)
    if not pairs:
        raise InputError(f"{table.start}: no pair follows. Add a line for each pair of prompts.")
    return tuple(pairs)


def table_pairs(table: Table, columns: Mapping[str, str] | None = None) -> Iterator[Pair | Dropped]:
    """A pair of each row, or why it is none; `columns` maps our names to the table's.

    Raises InputError where a column is missing.
    """
    names = _mapped(table, columns or {})
    return (_pair(row, names, table.columns) for row in table.rows)


def frame_pairs(frame: Any, columns: Mapping[str, str] | None = None) -> Iterator[Pair | Dropped]:
    """A pair from each row of a pandas DataFrame, or why it is none, as `table_pairs` does."""
    rows = (
        TableRow(f"row {number}", tuple(as_text(cell) for cell in cells))
        for number, cells in enumerate(frame.itertuples(index=False, name=None), 1)
    )
    return table_pairs(Table("the table", "the table", tuple(map(str, frame.columns)), rows), columns)


def _mapped(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Our column names with the table's, for the columns it has."""
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise InputError(f"There is no column {unknown[0]} to map to. Known columns: {', '.join(COLUMNS)}.")
    absent = [name for name in columns.values() if name not in table.columns]
    if absent:
        raise InputError(f"{table.start}: no column {absent[0]}. There are {listed(table.columns)}.")
    names = {name: columns.get(name, name) for name in COLUMNS}
    missing = [name for name in REQUIRED if names[name] not in table.columns]
    if missing:
        raise InputError(
            f"{table.start}: no column {' and no column '.join(missing)}. The first line names the columns, "
            f"separated by commas: {','.join(COLUMNS)}; or say which of the file's columns are meant."
        )
    return {ours: theirs for ours, theirs in names.items() if theirs in table.columns}


def _pair(row: TableRow, names: Mapping[str, str], columns: Sequence[str]) -> Pair | Dropped:
    if len(row.cells) > len(columns):
        return Dropped(
            row.place,
            f"{len(row.cells):,} cells, and there are {len(columns)} columns. "
            'Put a cell that has a comma between quotation marks: "Yes, she".',
        )
    cells = dict(zip(columns, row.cells, strict=False))  # a short line lacks its last cells
    cell = {ours: cells.get(theirs, "") for ours, theirs in names.items() if ours not in SORTING}
    for name in REQUIRED:
        if not cell[name].strip():
            return Dropped(row.place, f"{name} is empty. Write a prompt there, or take the line out.")
        if len(cell[name]) > LONGEST:
            return Dropped(row.place, f"{name} has {len(cell[name]):,} characters; {LONGEST:,} are read at most.")
    labels = {ours: cells.get(theirs, "") for ours, theirs in names.items() if ours not in REQUIRED}
    long = next((name for name, text in labels.items() if len(text) > LONGEST_LABEL), None)
    if long is not None:
        return Dropped(row.place, f"{long} has {len(labels[long]):,} characters; {LONGEST_LABEL:,} are read at most.")
    category, focus, group, note = (cell.get(name, "").strip() for name in ("category", "focus", "group", "note"))
    targets = tuple(word.strip() for word in cell.get("targets", "").split("|") if word.strip())
    if len(targets) > MOST_TARGETS:
        return Dropped(row.place, f"targets names {len(targets):,} words; {MOST_TARGETS} are read at most.")
    candidates = tuple(cell.get(name, "").strip() for name in ("candidate_a", "candidate_b"))
    taken = {theirs for ours, theirs in names.items() if ours not in SORTING}
    sorting = [(ours, cells.get(names[ours], "")) for ours in SORTING if names.get(ours, ours) != ours]
    rest = [(name, cells.get(name, "")) for name in columns if name and name not in taken]
    further = tuple(dict([*rest, *sorting]).items())  # a column that sorts the pairs also keeps its own name
    return Pair(
        category,
        cell["prompt_a"],
        cell["prompt_b"],
        focus,
        targets,
        group,
        note,
        candidates if all(candidates) else (),
        further,
    )


class TableHead(NamedTuple):
    """The beginning of a table, to say which of its columns are meant."""

    columns: tuple[str, ...]
    guess: dict[str, str]  # our names and the table's
    rows: tuple[tuple[str, ...], ...]


def table_head(path: str | Path, count: int = 5) -> TableHead:
    """The columns of a file, a guess at what they are, and its first rows. Raises InputError."""
    table = read_table(path)
    lower = {name.lower().strip(): name for name in reversed(table.columns)}
    found = {ours: [lower[name] for name in (ours, *USUAL.get(ours, ())) if name in lower] for ours in COLUMNS}
    rows = [row.cells for row, _ in zip(table.rows, range(count), strict=False)]
    return TableHead(table.columns, {ours: names[0] for ours, names in found.items() if names}, tuple(rows))
