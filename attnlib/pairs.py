"""Prompt pairs: those that come with the project, and a person's own from CSV. Making one: rewording.py."""

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from attnlib.errors import InputError

PAIR_FOLDER = Path(__file__).resolve().parent.parent / "data" / "pairs"
COLUMNS = ("category", "prompt_a", "prompt_b", "focus", "targets", "group", "note")
NEEDED = ("prompt_a", "prompt_b")


@dataclass(frozen=True)
class Pair:
    """Two prompts that differ in a word, and what is asked about them."""

    category: str
    prompt_a: str
    prompt_b: str
    focus: str = ""  # the word whose attention is asked about, as in prompt A; empty: the word that differs
    targets: tuple[str, ...] = ()  # the words it may look at
    group: str = ""  # the contrast, e.g. "she/he"
    note: str = ""  # a content note, where a stereotype is shown


@lru_cache(maxsize=1)
def builtin_pairs() -> tuple[Pair, ...]:
    """The pairs of data/pairs/examples.csv, in its order."""
    return read_pairs(PAIR_FOLDER / "examples.csv")


def categories() -> tuple[str, ...]:
    """The categories of the built-in pairs, in their order."""
    return tuple(dict.fromkeys(pair.category for pair in builtin_pairs()))


def read_pairs(path: str | Path) -> tuple[Pair, ...]:
    """The pairs of a CSV file with the columns prompt_a and prompt_b, and perhaps the others of `COLUMNS`.

    `targets` are separated by "|"; further columns are ignored. Raises InputError naming file, line and remedy.
    """
    path = Path(path)
    rows = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        missing = [column for column in NEEDED if column not in (rows.fieldnames or ())]
        if missing:
            raise InputError(f"{path.name}: there is no column {missing[0]}. The first line must name the columns.")
        pairs = tuple(_pair(path.name, rows.line_num, row) for row in rows)
    except csv.Error as error:
        raise InputError(f"{path.name}, line {rows.line_num}: this is not CSV ({error}). Save it as CSV.") from None
    if not pairs:
        raise InputError(f"{path.name}: there are no pairs under the names of the columns. Add a line.")
    return pairs


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not UTF-8 text. Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}. Check the path.") from None


def _pair(file: str, line: int, row: dict[str, str | None]) -> Pair:
    values = {column: (row.get(column) or "").strip() for column in COLUMNS}
    empty = [column for column in NEEDED if not values[column]]
    if empty:
        raise InputError(f"{file}, line {line}: {empty[0]} is empty. Write a prompt there, or delete the line.")
    targets = tuple(word.strip() for word in values.pop("targets").split("|") if word.strip())
    return Pair(targets=targets, **values)
