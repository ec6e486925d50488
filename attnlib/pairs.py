"""Prompt pairs to compare: those that come with the project, and those of a CSV file. Not here: comparing them.

Nothing in this file imports torch. A format of pairs is one function: a path in, a tuple of `Pair` out.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from attnlib.errors import InputError

PAIR_FOLDER = Path(__file__).resolve().parent.parent / "data" / "pairs"
COLUMNS = ("category", "prompt_a", "prompt_b", "focus", "targets", "group", "note")
REQUIRED = ("prompt_a", "prompt_b")


@dataclass(frozen=True)
class Pair:
    """Two prompts, the word whose attention is asked about, and the words it may look at; see data/pairs."""

    category: str
    prompt_a: str
    prompt_b: str
    focus: str = ""  # as prompt A writes it; empty: the word that differs
    targets: tuple[str, ...] = ()  # words of both prompts
    group: str = ""  # the contrast, e.g. "she/he"
    note: str = ""  # what a reader should know first, e.g. that a stereotype is shown
    candidates: tuple[str, ...] = ()  # two continuations: the first fits prompt A, the second prompt B
    further: tuple[tuple[str, str], ...] = ()  # further columns of the source, by name


@dataclass(frozen=True)
class Dropped:
    """A row that is no pair, and why."""

    place: str
    reason: str


@lru_cache(maxsize=1)
def builtin_pairs() -> tuple[Pair, ...]:
    """The pairs that come with the project, in the order of data/pairs/examples.csv."""
    return read_pairs(PAIR_FOLDER / "examples.csv")


def categories() -> tuple[str, ...]:
    """The categories of the built-in pairs, each once, in the file's order."""
    return tuple(dict.fromkeys(pair.category for pair in builtin_pairs()))


def read_pairs(path: str | Path) -> tuple[Pair, ...]:
    """Read pairs from a CSV file with the columns of `Pair`; targets have a | between them.

    Only the prompts must be there; further columns are ignored. Raises InputError, which names the file, the line
    and the remedy.
    """
    path = Path(path)
    lines = _records(path.name, _text(path))
    at, header = next(lines, (1, []))
    columns = [name.strip() for name in header]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise InputError(
            f"{path.name}, line {at}: no column {' and no column '.join(missing)}. The first line names the columns, "
            f"separated by commas: {','.join(COLUMNS)}."
        )
    pairs = tuple(_pair(f"{path.name}, line {line}", columns, cells) for line, cells in lines)
    if not pairs:
        raise InputError(f"{path.name}, line {at}: no pair follows. Add a line for each pair of prompts.")
    return pairs


def _text(path: Path) -> str:
    """The file's text, with or without the mark that spreadsheets put first."""
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise InputError(
            f"{path.name} cannot be read ({type(error).__name__}). Check that the file exists."
        ) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path.name}, line {line}: this is not UTF-8. Save the file as CSV with UTF-8.") from None


def _records(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{name}, line {line}: not CSV from here on ({error}). "
                'Put a cell that has quotation marks between quotation marks, and write each of its own twice: "".'
            ) from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _pair(place: str, columns: Sequence[str], cells: Sequence[str]) -> Pair:
    if len(cells) > len(columns):
        raise InputError(
            f"{place}: {len(cells)} cells, and there are {len(columns)} columns. "
            'Put a cell that has a comma between quotation marks: "Yes, she".'
        )
    cell = dict(zip(columns, cells, strict=False))  # a short line lacks its last cells
    for name in REQUIRED:
        if not cell.get(name, "").strip():
            raise InputError(f"{place}: {name} is empty. Write a prompt there, or take the line out.")
    category, focus, group, note = (cell.get(name, "").strip() for name in ("category", "focus", "group", "note"))
    targets = tuple(word.strip() for word in cell.get("targets", "").split("|") if word.strip())
    return Pair(category, cell["prompt_a"], cell["prompt_b"], focus, targets, group, note)


def iter_pairs(
    path: str | Path, format: str = "csv", columns: dict[str, str] | None = None
) -> Iterator[Pair | Dropped]:
    """The pairs of a file, one after the other."""
    return iter(read_pairs(path))


def frame_pairs(frame: Any, columns: dict[str, str] | None = None) -> Iterator[Pair | Dropped]:
    """The pairs of a DataFrame."""
    return iter(Pair("", str(a), str(b)) for a, b in zip(frame["prompt_a"], frame["prompt_b"], strict=True))
