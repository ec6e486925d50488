"""What all tests share: folders of their own, one thread each, and attnlib checked as they run."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, also by servers; small models are slower on more

from collections.abc import Iterator

import pytest

from tests import shapes

shapes.install()


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is measured and studied, here or by a server, goes into folders of this worker."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("cache", "studies"):
            patch.setenv(f"ATTNLIB_{name.upper()}", str(tmp_path_factory.mktemp(name)))
        yield
