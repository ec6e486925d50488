"""The list of slow tests names tests that there are."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]


def test_every_slow_test_exists() -> None:
    listed = [line for line in (TESTS / "slow.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert listed == sorted(set(listed))
    for name in listed:
        file, _, function = name.partition("::")
        body = ast.parse((TESTS / file).read_text("utf-8")).body
        assert any(isinstance(one, ast.FunctionDef) and one.name == function for one in body), name
