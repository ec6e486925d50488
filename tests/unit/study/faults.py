"""Not a test: a small study, what can happen to its files, and what is read of them then. Also for the benchmarks."""

import contextlib
import errno
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import attnlib
from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.study import run as study_module
from attnlib.study.results import Study, open_study
from attnlib.study.run import run_study
from attnlib.study.untrained import run_untrained

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
ROWS = (
    Pair("", SHE, HE, targets=("nurse", "doctor"), group="she/he", further=(("occupation", "doctor"),)),
    Dropped("pairs.csv, line 3", "prompt_b is empty. Write a prompt there, or take the line out."),
    Pair("", "The nurse slept because she was tired", "The nurse slept because he was tired", targets=("nurse",)),
    Pair("", "word " * 200, "She slept"),
    Pair("", "The night nurse slept", "The nurse slept", focus="slept"),
)
FILES = ("manifest.json", "input.parquet", "progress.json", "heads.parquet", "pairs.parquet", "seals", "untrained")


@cache
def model() -> Model:
    return attnlib.load_model("demo/gpt2-biased")


def small_study(out: Path) -> Study:
    """Five rows in parts of two, and one untrained copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_module, "PART", 2)
        study = run_study(ROWS, model(), out)
    run_untrained(study, model(), copies=1)
    return study


def files_of(out: Path) -> list[Path]:
    """Everything that a study is read from."""
    found = [out / name for name in FILES]
    return sorted(file for one in found for file in ([one] if one.is_file() else one.rglob("*")) if file.is_file())


@dataclass(frozen=True, eq=False)
class Read:
    """What is read of a study."""

    heads: pd.DataFrame
    pairs: pd.DataFrame
    counts: dict[str, int]
    manifest: dict[str, Any]
    copies: list[bytes]

    def same(self, other: "Read") -> bool:
        tables = self.heads.equals(other.heads) and self.pairs.equals(other.pairs)
        return tables and (self.counts, self.manifest, self.copies) == (other.counts, other.manifest, other.copies)


def read_study(out: Path) -> Read:
    """Every number of a study. Raises InputError where something is damaged."""
    study = open_study(out)
    if not study.complete:
        raise InputError(study.damage())
    for part in range(study.store.parts):
        study.store.records(part)
    copies = [copy.read_bytes() for copy in study.store.copies(0).values()]
    if not copies:
        raise InputError("no untrained copy")  # the page offers to measure it
    return Read(study.head_table(), study.pair_table(), study.counts(), study.manifest, copies)


def flip(source: Path, out: Path, chance: random.Random) -> Path:
    """A copy of a study with one bit of one file flipped: of any bit, or of any file. Returns the file."""
    shutil.copytree(source, out)
    files = files_of(out)
    sizes = [file.stat().st_size for file in files]
    file = chance.choices(files, sizes if chance.random() < 0.5 else None)[0]
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    return file


def flips(source: Path, folder: Path, count: int, seed: int = 1) -> dict[str, int]:
    """How many of so many flipped bits were told, changed nothing that is read, or gave other numbers."""
    whole, chance = read_study(source), random.Random(seed)
    found = {"detected": 0, "harmless": 0, "silently wrong": 0}
    for n in range(count):
        flip(source, folder / str(n), chance)
        try:
            read = read_study(folder / str(n))
        except InputError as error:
            found["detected" if str(error) else "silently wrong"] += 1
        else:
            harmless = read.same(whole) or all(a == b for a, b in zip(_numbers(read), _numbers(whole), strict=True))
            found["harmless" if harmless else "silently wrong"] += 1
        shutil.rmtree(folder / str(n))
    return found


def _numbers(read: Read) -> tuple[str, str, str]:
    return read.heads.to_csv(), read.pairs.to_csv(), str(read.counts)


class FullDisk:
    """A disk that is full at the nth time something is written, synced, renamed or made; half of it may be there."""

    def __init__(self, patch: pytest.MonkeyPatch, nth: int) -> None:
        self.nth, self.count, self.unharmed = nth, 0, False
        for owner, name in (
            *((Path, name) for name in ("replace", "write_text", "mkdir")),
            (os, "fsync"),
            (pq, "write_table"),
            (pq.ParquetWriter, "write_table"),
        ):
            patch.setattr(owner, name, self._full(getattr(owner, name), name == "write_text"))

    def _full(self, usual: Callable[..., Any], text: bool) -> Callable[..., Any]:
        def write(*arguments: Any, **named: Any) -> Any:
            self.count += 1
            if self.count != self.nth:
                return usual(*arguments, **named)
            if text:
                usual(arguments[0], arguments[1][: len(arguments[1]) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        return write


def full_at_every_write(folder: Path) -> int:
    """A small study with a disk that is full at its 1st, 2nd, … write, which then goes on: how many writes there are.

    Raises AssertionError where a study ends with other tables, or a full disk is not told.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_module, "PART", 1)
        whole, nth = run_study(ROWS[:2], model(), folder / "whole"), 1
        while True:
            out = folder / str(nth)
            with pytest.MonkeyPatch.context() as broken:
                disk = FullDisk(broken, nth)
                with contextlib.suppress(InputError):
                    run_study(ROWS[:2], model(), out)
                    disk.unharmed = True
            assert disk.unharmed == (disk.count < nth), "a full disk is told"
            study = run_study(ROWS[:2], model(), out)
            assert study.complete
            assert study.head_table().equals(whole.head_table())
            assert study.pair_table().equals(whole.pair_table())
            assert not [file.name for file in out.rglob(".*")]
            if disk.count < nth:
                return nth - 1
            nth += 1
