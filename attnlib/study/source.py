"""What goes into a study before it begins: how many pairs a file has, and a name for its folder."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from attnlib.bounded import kept
from attnlib.errors import InputError
from attnlib.prompts.checks import Remark, checked, remarks
from attnlib.prompts.files import iter_pairs
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.prompts.units import Contrast, PairTexts, Units, by_column, contrast_of, proposals

SAMPLE = 32  # pairs that are looked at before a study begins
TOLD = 200  # rows that are told one by one
LONGEST_NAME = 60


@dataclass(frozen=True)
class SourceRead:
    """What is in a source of pairs."""

    pairs: int
    dropped: int
    left_out: tuple[Dropped, ...]  # the first rows that are no pairs, each with its reason
    remarks: tuple[Remark, ...]  # the first of what should be looked at
    remarked: int  # how many there are
    units: tuple[Units, ...]  # which pairs belong together, by column or by what they share, the best first
    targets: frozenset[int]  # how many targets pairs name
    contrast: Contrast | None  # two kinds of pairs, of which the difference is asked
    sample: tuple[Pair, ...]  # the first ones
    more: bool = False  # whether it has more rows than were read


def read_source(path: str | Path, format: str, columns: Mapping[str, str], most: int) -> SourceRead:
    """Go through at most `most` rows of a file, as many as fit into memory.

    Raises InputError where the whole file is not what it should be.
    """
    records = kept(checked(iter_pairs(path, format, columns or None)), lambda record: record.size)
    read = list(islice(records, most))
    return _source(read, next(records, None) is not None)


def source_of(pairs: Iterable[Pair]) -> SourceRead:
    """Summarise pairs that are already in memory."""
    return _source(list(pairs), False)


def _source(records: Sequence[Pair | Dropped], more: bool) -> SourceRead:
    pairs = [record for record in records if isinstance(record, Pair)]
    dropped = [record for record in records if isinstance(record, Dropped)]
    told, remarked = list[Remark](), 0
    for number, record in enumerate(records, 1):
        found = remarks(number, record) if isinstance(record, Pair) else []
        told += found[: TOLD - len(told)]
        remarked += len(found)
    return SourceRead(
        pairs=len(pairs),
        dropped=len(dropped),
        left_out=tuple(dropped[:TOLD]),
        remarks=tuple(told),
        remarked=remarked,
        units=units_in(pairs),
        targets=frozenset(len(pair.targets) for pair in pairs),
        contrast=contrast_of(dict(pair.further).get("contrast") for pair in pairs),
        sample=tuple(pairs[:SAMPLE]),
        more=more,
    )


def units_in(pairs: Sequence[Pair]) -> tuple[Units, ...]:
    """Which pairs belong together: by their column `unit` if they have one, otherwise as found in them."""
    further = [dict(pair.further) for pair in pairs]
    cells = [one.get("unit") for one in further]
    columns = [by_column("unit", cells)] if any(cells) else []
    texts = [
        PairTexts(pair.prompt_a, pair.prompt_b, pair.focus, pair.targets, one.get("contrast", ""))
        for pair, one in zip(pairs, further, strict=True)
    ]
    return (*columns, *proposals(texts))


def advice(read: SourceRead) -> list[str]:
    """What to know before a study begins: what determines the sign, what is contrasted, what is not tested."""
    told = []
    if read.contrast is not None:
        told.append(f"The difference is tested: {read.contrast.first} minus {read.contrast.second}.")
    elif 1 in read.targets and 2 not in read.targets:
        told.append(
            "The pairs have one target, and no column contrast with two labels: the target shift is described and "
            "not tested, because any model attends differently to two different words."
        )
    if 2 in read.targets:
        told.append(
            "The order of the two targets determines the sign: the first must be the one that is expected with "
            "prompt A."
        )
    if read.units and read.units[0].blank:
        told.append(f"{counted(read.units[0].blank, 'pair')} without a unit, each of which counts by itself.")
    return told


def counted(n: int, noun: str) -> str:
    """ "1 pair", "480 pairs"."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


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
    """A name that no study has yet: `text`, with a number if it is taken."""
    name, number = text, 2
    while (root / name).exists():
        name, number = f"{text} {number}", number + 1
    return name
