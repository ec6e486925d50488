"""Hostile files at the size that the server takes: `python -m tests.benchmarks.hostile` writes docs/reliability.md.

Only its own section; ATTNLIB_FUZZ says how many damaged files of each kind are tried beside them.
"""

import os
import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from attnlib.bounded import MOST_UPLOADED
from tests.hostile import Answer, Case, Readers, cases
from tests.unit.project.test_hostile_files import GOOD, damaged, good_parquet

REPORT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
TITLE = "## Files that strangers hand in"
FUZZED = int(os.environ.get("ATTNLIB_FUZZ", 500))


def run() -> tuple[list[tuple[Case, Answer]], list[tuple[Case, Answer]]]:
    """What came of the named files, and of damaged ones."""
    with Readers() as readers:
        named = [(case, readers.read(case)) for case in cases(MOST_UPLOADED)]
        fuzzed = list[tuple[Case, Answer]]()
        kinds = {**GOOD, "parquet": ("a.parquet", good_parquet())}
        for reader, (name, content) in kinds.items():
            count = FUZZED // 5 if reader == "parquet" else FUZZED  # each of those is a process
            fuzzed += _damaged(readers, "texts" if reader == "parquet" else reader, name, content, count)
    return named, fuzzed


def _damaged(readers: Readers, reader: str, name: str, content: bytes, count: int) -> list[tuple[Case, Answer]]:
    found = []

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(content))
    def tried(raw: bytes) -> None:
        case = Case(name, reader, lambda path: path.write_bytes(raw))
        found.append((case, readers.read(case)))

    tried()
    return found


def section(named: list[tuple[Case, Answer]], fuzzed: list[tuple[Case, Answer]]) -> str:
    both = [*named, *fuzzed]
    broken = [f"{case.reader} {case.name}: {answer.broken}" for case, answer in both if answer.broken]
    memory, held, slow = (max(both, key=lambda one, at=at: one[1][at]) for at in (3, 4, 2))
    rows = [
        ("files made to break a reader, of up to 20 MiB", f"{len(named):,}", ""),
        ("damaged files (bits turned, pieces put in, cut, repeated)", f"{len(fuzzed):,}", ""),
        ("of these not read and not refused in a sentence", f"{len(broken):,}", "; ".join(broken[:3])),
        (
            "most memory above idle, with the process that unpacks Parquet",
            f"{memory[1].megabytes:,.0f} MB",
            memory[0].name,
        ),
        ("longest for which no other thread could run", f"{held[1].held:.2f} s", held[0].name),
        ("longest that one file took", f"{slow[1].seconds:.0f} s", slow[0].name),
    ]
    table = "\n".join(f"| {what} | {figure} | {which} |" for what, figure, which in rows)
    return f"{TITLE}\n\n{ABOUT}\n\n| | | |\n|---|---|---|\n{table}\n"


ABOUT = """Written by `python -m tests.benchmarks.hostile`. Pairs (CSV, Parquet, WinoBias, Winogender, CrowS-Pairs,
StereoSet), texts, lessons, saved states and templates, each read as the pages read it, one after the other in one
process; a test reads smaller ones at every run. A line, a cell, a row, a column's name, the number of columns and of
blank lines, a file and what is kept of it have limits (`attnlib/bounded.py`, `attnlib/prompts/tables.py`), which are
looked at before anything of that size is made. Parquet, which can unpack to thousands of times its size whatever it
says of itself, is read in a process of its own with a limit of memory (on Windows without one); a file that ends that
process is a sentence. Time in which nobody else could run is processor time of the process between two turns of
another thread, without what that waited for a processor. Idle is the process after its first file."""


def main() -> None:
    written = section(*run())
    report = REPORT.read_text("utf-8") if REPORT.exists() else "# Reliability\n\nWhat was attacked, and what held.\n"
    rest = re.sub(rf"^{TITLE}\n.*?(?=^## |\Z)", "", report, flags=re.MULTILINE | re.DOTALL).rstrip()
    REPORT.write_text(f"{rest}\n\n{written}", "utf-8")
    print(written)


if __name__ == "__main__":
    main()
