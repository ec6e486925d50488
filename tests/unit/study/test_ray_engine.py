"""A study on a real Ray cluster of two workers on this machine: the same table, also when a worker is killed."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from attnlib.errors import InputError
from attnlib.paths import PROJECT
from attnlib.study import run as study_module
from attnlib.study.results import Study
from attnlib.study.run import run_study
from tests.unit.study.killed_study import pairs as many_pairs
from tests.unit.tolerance import of_rows

ray = pytest.importorskip("ray", reason="Ray is in requirements-cluster.txt")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Two cores, so two actors; its workers find attnlib where the tests do."""
    root = str(PROJECT)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=200_000_000,
        _system_config={"worker_niceness": 0},  # Ray's 15 would starve them beside other tests
        runtime_env={"env_vars": {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}},
    )
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return run_study(many_pairs(), "demo/gpt2-biased", tmp_path_factory.mktemp("local") / "study")


def same(study: Study, local: Study) -> None:
    """Row for row: other processes may add in another order."""
    import pandas as pd

    for mine, theirs in ((study.head_table(), local.head_table()), (study.pair_table(), local.pair_table())):
        order = [name for name in ("pair", "layer", "head", "statistic") if name in mine]
        mine, theirs = (table.sort_values(order, ignore_index=True) for table in (mine, theirs))
        pd.testing.assert_frame_equal(mine, theirs, atol=of_rows(), rtol=of_rows())


def is_worker(process: psutil.Process) -> bool:
    """Whether a process, one of our own Ray, measures pairs."""
    try:
        return any("MapWorker" in part for part in process.cmdline())
    except psutil.Error:  # it has ended
        return False


def test_ray_gives_the_same_table(
    cluster: None, local: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_module, "PART", 64)
    told: list[int] = []
    study = run_study(
        many_pairs(), "demo/gpt2-biased", tmp_path / "study", engine="ray", workers=2,
        progress=lambda progress: told.append(progress.done),
    )  # fmt: skip
    assert study.complete
    same(study, local)
    assert told[-1] == 540
    assert told == sorted(told)


def test_a_worker_that_is_killed_is_replaced_and_its_parts_done_again(
    cluster: None, local: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_module, "PART", 16)
    out, killed = tmp_path / "study", []

    def kill() -> None:
        while not killed and not (out / "pairs.parquet").exists():
            time.sleep(0.02)
        workers = [process for process in psutil.Process().children(recursive=True) if is_worker(process)]
        for process in workers[:1]:
            process.kill()
            killed.append(process.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        study = run_study(many_pairs(), "demo/gpt2-biased", out, engine="ray", workers=2)
    finally:
        killed.append(0)
        killer.join()
    assert killed[0], "no worker was killed: this test has shown nothing"
    assert study.complete
    same(study, local)


def test_a_study_begun_here_goes_on_there(
    cluster: None, local: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_module, "PART", 64)
    out = tmp_path / "study"
    begun = run_study(many_pairs(), "demo/gpt2-biased", out, progress=lambda told: told.done < 100)
    assert not begun.complete
    went_on = run_study(None, [], out, engine="ray", workers=1)
    assert went_on.complete
    same(went_on, local)


def test_a_worker_that_cannot_load_the_model_says_so(
    cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study_module, "find_model", lambda name, root: None)  # it is there on the driver's machine
    with pytest.raises(InputError, match="A worker of the cluster: "):
        run_study(many_pairs()[:5], "/no/such/model", tmp_path / "study", engine="ray", workers=1)
