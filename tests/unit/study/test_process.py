"""Studies in processes of their own: stopped from the first moment and within seconds, in turn, never lost."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from attnlib.__main__ import STOPPED, WRONG, main
from attnlib.errors import InputError
from attnlib.paths import PROJECT
from attnlib.prompts.builtin import pair_set
from attnlib.study import process
from attnlib.study.folder import ACTIVE, StudyFolder
from attnlib.study.lock import is_held
from attnlib.study.process import QUEUE, own_process, start
from attnlib.study.results import open_study
from attnlib.study.run import begin_study, run_study
from tests.unit.study.faults import ROWS

MODEL = "demo/gpt2-biased"
LIGHT = """
import sys, time
from pathlib import Path
from attnlib.study.folder import StudyFolder
from attnlib.study.process import own_process
folder, seconds = StudyFolder(Path(sys.argv[3])), float(sys.argv[1])
with own_process(folder, "--queue" in sys.argv, True) as mine:
    if mine:
        progress = folder.progress()
        folder.write("progress.json", progress | {"state": "running"})
        print("runs", flush=True)
        time.sleep(seconds)
        folder.write("progress.json", progress | {"state": "done"})
"""  # a study's process without torch


def until(what: Callable[[], object], seconds: float = 120.0) -> bool:
    deadline = time.monotonic() + seconds
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(what())


def begun(path: Path) -> StudyFolder:
    return begin_study(ROWS, [MODEL], path).folder


def test_a_wish_to_stop_in_the_first_moment_holds(tmp_path: Path) -> None:
    folder = begun(tmp_path / "study")
    start(folder)
    folder.ask_to_stop()  # long before its process runs
    assert folder.progress()["state"] == "stopping"
    assert folder.busy()
    start(folder)  # pressed twice: one is enough
    with pytest.raises(InputError, match="already working"), folder.alone():
        pass
    assert until(lambda: not folder.busy())
    assert folder.progress()["state"] == "stopped"
    assert open_study(folder.path).counts()["measured"] == 0
    start(folder)  # the wish is forgotten
    assert folder.progress()["state"] != "stopping"
    assert until(lambda: not folder.busy())
    assert folder.progress()["state"] == "done", (folder.path / "study.log").read_text()


def test_it_stops_within_seconds_whatever_it_does(tmp_path: Path) -> None:
    folder = begun(tmp_path / "study")
    command = [sys.executable, "-c", LIGHT, "600", "--out", str(folder.path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "runs\n"
        asked = time.monotonic()
        folder.ask_to_stop()
        assert child.wait(timeout=60) == STOPPED
        assert time.monotonic() - asked < 10  # on an idle machine 1.2 s
    assert folder.progress()["state"] == "stopped"
    assert not folder.busy()


def test_of_twelve_at_once_some_run_and_the_others_wait_and_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTNLIB_STUDIES_AT_ONCE", "2")
    monkeypatch.setattr(process, "COMMAND", ("-c", LIGHT, "0.2"))
    folders = [begun(tmp_path / f"study {n}") for n in range(12)]
    for folder in folders:
        start(folder)
    most, ahead = 0, set()
    while any(folder.busy() for folder in folders):
        states = [folder.progress() for folder in folders]
        most = max(most, sum(state["state"] == "running" for state in states))
        ahead |= {state["ahead"] for state in states if state["state"] == "waiting"}
        time.sleep(0.02)
    assert 1 <= most <= 2
    assert max(ahead) > 2
    assert [folder.progress()["state"] for folder in folders] == ["done"] * 12, folders[0].path
    assert [file.name for file in (tmp_path / QUEUE).iterdir()] == ["drawing"]


def test_a_process_that_waits_is_small_and_stops_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNLIB_STUDIES_AT_ONCE", "1")
    folder, other = begun(tmp_path / "study"), StudyFolder(tmp_path / "other")
    with own_process(other, True, False) as mine:
        assert mine
        start(folder)
        assert until(lambda: folder.progress()["state"] == "waiting")
        assert folder.progress()["ahead"] == 1
        child = next(one for one in psutil.Process().children() if str(folder.path) in " ".join(one.cmdline()))
        assert child.memory_info().rss < 100e6  # torch alone takes twice that
        folder.ask_to_stop()
        assert until(lambda: not folder.busy())
        assert folder.progress()["state"] == "stopped"
        assert is_held(tmp_path / QUEUE / "ticket-1")
        assert not is_held(tmp_path / QUEUE / "ticket-2")


def test_what_goes_wrong_in_the_process_is_told_on_the_page(tmp_path: Path) -> None:
    folder = begun(tmp_path / "study")
    (folder.path / "input.parquet").write_bytes(b"PAR1")
    assert main(["study", "--out", str(folder.path), "--queue"]) == WRONG
    progress = folder.progress()
    assert progress["state"] == "failed"
    assert "The pairs of study (input.parquet) are damaged" in progress["message"]


def test_a_wrong_number_of_studies_at_once_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(tmp_path / "study")
    monkeypatch.setenv("ATTNLIB_STUDIES_AT_ONCE", "many")
    start(folder)
    assert until(lambda: not folder.busy())
    assert "Set it to a whole number" in folder.progress()["message"]


def test_a_study_that_is_no_more_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no study"):
        start(StudyFolder(tmp_path / "gone"))
    assert not (tmp_path / "gone").exists()


def test_the_time_left_is_that_of_pairs_that_were_run(tmp_path: Path) -> None:
    """Rows that are no pairs, or fail before anything runs, say nothing about how long the others take."""
    told: list[tuple[int, int | None, float | None]] = []
    wrong, good = ROWS[3], list(pair_set("two-occupations"))[:20]
    study = run_study(
        [ROWS[1], *[wrong] * 30, *good],
        MODEL,
        tmp_path / "study",
        progress=lambda now: told.append((now.done, now.total, now.left)),
    )
    assert study.counts() == {"rows": 51, "pairs": 50, "models": 1, "measured": 20, "not_measured": 30}
    assert told[-1][:2] == (50, 50)
    assert [left for done, _, left in told if done <= 30] == [None] * sum(done <= 30 for done, _, _ in told)
    assert told[-1][2] == 0
    assert study.folder.progress()["state"] not in ACTIVE
