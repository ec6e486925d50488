"""Files of prompt pairs in every format there is: a path in, pairs out one after the other, and why a row is none."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from attnlib.errors import InputError
from attnlib.prompts import benchmarks as publicsets
from attnlib.prompts.pairs import Dropped, Pair, table_pairs
from attnlib.prompts.tables import read_table

Reader = Callable[[Path], Iterator[Pair | Dropped]]


class Format(NamedTuple):
    """A format of pairs."""

    title: str
    about: str
    read: Reader


FORMATS = {
    "csv": Format(
        "CSV or Parquet", "one row per pair: prompt_a, prompt_b, …", lambda path: table_pairs(read_table(path))
    ),
    "winogender": Format(
        "Winogender", "all_sentences.tsv (Rudinger et al. 2018): she against he", publicsets.winogender
    ),
    "winobias": Format(
        "WinoBias",
        "pro_stereotyped_type1.txt.dev (Zhao et al. 2018), paired as by Vig et al. 2020",
        publicsets.winobias,
    ),
    "crows-pairs": Format("CrowS-Pairs", "crows_pairs_anonymized.csv (Nangia et al. 2020)", publicsets.crows_pairs),
    "stereoset": Format(
        "StereoSet", "dev.json (Nadeem et al. 2021): stereotype against anti-stereotype", publicsets.stereoset
    ),
}


def iter_pairs(
    path: str | Path, format: str = "csv", columns: Mapping[str, str] | None = None
) -> Iterator[Pair | Dropped]:
    """The pairs of a file, in constant memory; a row that is no pair comes with its reason and stops nothing.

    `format` is one of FORMATS, `columns` maps our names to those of a CSV or Parquet file. Raises InputError where
    the whole file is not what it should be.
    """
    if format not in FORMATS:
        raise InputError(f"There is no format {format!r}. Choose one of {', '.join(FORMATS)}.")
    if columns and format != "csv":
        raise InputError(f"The columns of {FORMATS[format].title} are known, so they take no mapping.")
    return table_pairs(read_table(path), columns) if format == "csv" else FORMATS[format].read(Path(path))


@dataclass(frozen=True)
class PairReading:
    """Everything that was read from a file."""

    pairs: tuple[Pair, ...]
    dropped: tuple[Dropped, ...]

    def __str__(self) -> str:
        """How many there are, and why others are not: "240 pairs; 240 left out: neutral, …"."""
        told = f"{len(self.pairs):,} pairs"
        reasons = Counter(one.reason for one in self.dropped).most_common(5)
        if not reasons:
            return f"{told}; nothing was left out."
        said = "; ".join(f"{count:,} × {reason}" for reason, count in reasons)
        return f"{told}; {len(self.dropped):,} left out: {said}"


def read_all(path: str | Path, format: str = "csv", columns: Mapping[str, str] | None = None) -> PairReading:
    """The whole of a file at once. Raises InputError."""
    records = list(iter_pairs(path, format, columns))
    return PairReading(
        tuple(record for record in records if isinstance(record, Pair)),
        tuple(record for record in records if isinstance(record, Dropped)),
    )
