"""Locks and turns between real processes: one at a time, none lost to a clock, none kept by the dead."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attnlib.errors import InputError
from attnlib.paths import PROJECT
from attnlib.study.folder import StudyFolder
from attnlib.study.lock import is_held, take
from attnlib.study.queue import before, studies_at_once, turn

RACERS, TRIES = 4, 12
RACE = """
import sys
from pathlib import Path
from attnlib.study.lock import take
print("there", flush=True)
for line in sys.stdin:
    lock = take(Path(line.strip()))
    print("mine" if lock else "other", flush=True)
    sys.stdin.readline()
    if lock:
        lock.release()
"""
HOLD = """
import sys, time
from pathlib import Path
from attnlib.study.lock import take
from attnlib.study.queue import turn
place = Path(sys.argv[2])
if sys.argv[1] == "lock":
    lock = take(place)
    print("mine", flush=True)
    sys.stdin.read()
else:
    with turn(place, lambda ahead: print(f"waits {ahead}", flush=True) or True) as mine:
        print("mine", flush=True)
        sys.stdin.readline()
"""
Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins Python processes, which end with the test."""
    begun: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        begun.append(subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment, **pipes))  # type: ignore[call-overload]
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def hear(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_four_at_a_dead_ones_lock_one_gets_it(begin: Begin, tmp_path: Path) -> None:
    racers = [begin(RACE) for _ in range(RACERS)]
    assert [hear(racer) for racer in racers] == ["there"] * RACERS
    for n in range(TRIES):
        file = tmp_path / f"{n}.lock"
        file.write_text('{"pid": 1}')  # left behind
        for racer in racers:
            say(racer, str(file))
        assert sorted(hear(racer) for racer in racers) == ["mine", *["other"] * (RACERS - 1)]
        for racer in racers:
            say(racer, "")
    while is_held(file):  # the last of them lets go in its own time
        time.sleep(0.01)


def test_a_lock_ends_with_its_process_and_not_with_its_file(begin: Begin, tmp_path: Path) -> None:
    file = tmp_path / "running.lock"
    holder = begin(HOLD, "lock", str(file))
    assert hear(holder) == "mine"
    assert is_held(file)
    assert take(file, tries=1) is None
    holder.kill()
    holder.wait()
    assert not is_held(file)
    lock = take(file)
    assert lock is not None
    lock.release()
    lock.release()
    assert not is_held(tmp_path / "nowhere")


def test_who_only_looks_keeps_nobody_from_the_lock(tmp_path: Path) -> None:
    file = tmp_path / "running.lock"
    for _ in range(200):
        is_held(file)
        lock = take(file, tries=1)
        assert lock is not None
        assert is_held(file)
        lock.release()


@pytest.mark.parametrize("step", [-86_400.0, -1.0, 1.0, 86_400.0])
def test_a_clock_that_steps_stops_no_study(step: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StudyFolder(tmp_path)
    running = {"state": "running", "done": 2, "total": 4, "seconds": 1.0, "left": 2.0, "message": ""}
    with folder.alone():
        for state in ("starting", "running"):
            folder.write("progress.json", running | {"state": state})
            now = time.time()
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda stepped=now + step: stepped)
                for file in tmp_path.iterdir():
                    os.utime(file, (now - step, now - step))
                assert folder.progress()["state"] == state
                with pytest.raises(InputError, match="Another process is already working"), folder.alone():
                    pass
    assert folder.progress()["state"] == "stopped"


def test_the_first_who_came_are_first(begin: Begin, tmp_path: Path) -> None:
    few = {"ATTNLIB_STUDIES_AT_ONCE": "2"}
    first, second = (begin(HOLD, "turn", str(tmp_path), **few) for _ in range(2))
    assert hear(first) == hear(second) == "mine"
    third = begin(HOLD, "turn", str(tmp_path), **few)
    assert hear(third) == "waits 2"
    fourth = begin(HOLD, "turn", str(tmp_path), **few)
    assert hear(fourth) == "waits 3"
    second.kill()  # it holds nobody up
    second.wait()
    while (heard := hear(third)) != "mine":
        assert heard.startswith("waits")
    say(third, "")
    say(first, "")
    while (heard := hear(fourth)) != "mine":
        assert heard.startswith("waits")
    say(fourth, "")
    for process in (first, third, fourth):
        assert process.wait(timeout=60) == 0
    assert before(tmp_path, 1000) == 0


def test_who_no_longer_wants_to_wait_has_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNLIB_STUDIES_AT_ONCE", "1")
    with turn(tmp_path, lambda _: True) as first, turn(tmp_path, lambda _: False) as second:
        assert (first, second) == (True, False)
    assert [file.name for file in tmp_path.iterdir()] == ["drawing"]


def test_how_many_at_once_is_a_whole_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATTNLIB_STUDIES_AT_ONCE", raising=False)
    assert studies_at_once() in (1, 2)
    monkeypatch.setenv("ATTNLIB_STUDIES_AT_ONCE", "12")
    assert studies_at_once() == 12
    for wrong in ("0", "many", "-1", "9" * 5000, "²"):
        monkeypatch.setenv("ATTNLIB_STUDIES_AT_ONCE", wrong)
        with pytest.raises(InputError, match="Set it to a whole number"):
            studies_at_once()
