"""The list of slow tests names tests that there are."""

import ast
from itertools import groupby
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]


def test_every_slow_test_exists() -> None:
    listed = [line for line in (TESTS / "slow.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert listed == sorted(set(listed))
    for file, names in groupby(listed, lambda name: name.partition("::")[0]):
        body = ast.parse((TESTS / file).read_text("utf-8")).body
        there = {f"{file}::{one.name}" for one in body if isinstance(one, ast.FunctionDef)}
        assert not set(names) - there
