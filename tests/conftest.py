"""What all tests share: folders of their own, one thread each, and attnlib checked as they run."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, also by servers; small models are slower on more

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import shapes, workers

shapes.install()
TESTS = Path(__file__).parent
SLOW = TESTS / "slow.txt"


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is measured and studied, here or by a server, goes into folders of this worker."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("cache", "studies"):
            patch.setenv(f"ATTNLIB_{name.upper()}", str(tmp_path_factory.mktemp(name)))
        yield


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return workers.number(config.option.numprocesses)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> workers.Groups:
    return workers.Groups(config, log)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = set(SLOW.read_text("utf-8").split("\n"))
    for item in items:
        if f"{item.path.relative_to(TESTS).as_posix()}::{item.name.partition('[')[0]}" in slow:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: workers.place_of(item.nodeid))
