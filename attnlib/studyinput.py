"""What goes into a study before it begins: how many pairs a file has, and a name for its folder."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from attnlib.errors import InputError
from attnlib.pairfiles import iter_pairs
from attnlib.pairs import Dropped, Pair

SAMPLE = 32  # pairs that are looked at before a study begins
LONGEST_NAME = 60


@dataclass(frozen=True)
class SourceRead:
    """What is in a source of pairs."""

    pairs: int
    dropped: int
    reasons: tuple[tuple[str, int], ...]  # why rows are no pairs, the commonest first
    sample: tuple[Pair, ...]  # the first ones
    more: bool = False  # whether it has more rows than were read


def read_source(path: str | Path, format: str, columns: Mapping[str, str], most: int) -> SourceRead:
    """Go through at most `most` rows of a file. Raises InputError where the whole file is not what it should be."""
    records = iter_pairs(path, format, columns or None)
    pairs, sample, reasons = 0, list[Pair](), Counter[str]()
    for record in islice(records, most):
        if isinstance(record, Dropped):
            reasons[record.reason] += 1
            continue
        pairs += 1
        if len(sample) < SAMPLE:
            sample.append(record)
    more = next(records, None) is not None
    return SourceRead(pairs, reasons.total(), tuple(reasons.most_common(5)), tuple(sample), more)


def source_of(pairs: tuple[Pair, ...]) -> SourceRead:
    """The same of pairs that are there."""
    return SourceRead(len(pairs), 0, (), pairs[:SAMPLE])


def folder_name(text: str) -> str:
    """A name for a study's folder. Raises InputError for one that no folder can have everywhere."""
    name = text.strip()
    if not re.fullmatch(r"[\w][\w ,+().-]*", name) or name.endswith(".") or len(name) > LONGEST_NAME:
        raise InputError(
            f"“{name[:LONGEST_NAME]}” cannot name a study: use up to {LONGEST_NAME} letters, digits, spaces and "
            "- _ . , + ( ), and begin with a letter or digit."
        )
    return name


def free_name(text: str, root: Path) -> str:
    """The same name, with a number where there is such a study already."""
    name, number = text, 2
    while (root / name).exists():
        name, number = f"{text} {number}", number + 1
    return name
