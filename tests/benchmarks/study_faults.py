"""What studies survive, counted: the lines of docs/reliability.md, by `python -m tests.benchmarks.study_faults`.

Flipped bits, full disks, 12 studies begun at once, Stop at many moments: each with real files or processes.
"""

import os
import tempfile
import time
from pathlib import Path

import psutil

from attnlib.prompts.builtin import pair_set
from attnlib.study.folder import ACTIVE, StudyFolder
from attnlib.study.process import start
from attnlib.study.results import open_study
from attnlib.study.run import begin_study
from tests.unit.study.faults import ROWS, flips, full_at_every_write, small_study

FLIPS, PRESSES, MODEL = 1_000, 12, "demo/gpt2-biased"
LARGE = 100e6  # bytes of a process that has torch
MOMENTS = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)  # seconds after a study was started


def main() -> None:
    """Print every figure as it is known."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = flips(small_study(root / "study").folder.path, root / "flips", FLIPS)
        told = ", ".join(f"{count:,} {name}" for name, count in found.items())
        print(f"- {FLIPS:,} flipped bits, one at a time, over all files of a study: {told}.", flush=True)
        writes = full_at_every_write(root / "disk")
        print(f"- A disk that is full at each of {writes} writes in turn: {writes} studies went on, same tables.")
        print(_presses(root / "presses"), flush=True)
        print(_stops(root / "stops"), flush=True)


def _presses(root: Path) -> str:
    """Twelve studies begun at once; how many processes measure, how large those are that wait."""
    folders = [begin_study(ROWS, [MODEL], root / str(n)).folder for n in range(PRESSES)]
    begun = time.perf_counter()
    for folder in folders:
        start(folder)
    most, waiting = 0, 0.0
    while any(folder.busy() for folder in folders):
        states = {folder.path.name: folder.progress()["state"] for folder in folders}
        sizes = [_size(child) for child in psutil.Process().children()]
        waiting = max([waiting, *(size for size, name in sizes if states.get(name) == "waiting")])
        most = max(most, sum(size > LARGE and states.get(name) in ACTIVE for size, name in sizes))
        time.sleep(0.1)
    done = sum(open_study(folder.path).complete for folder in folders)
    return (
        f"- {PRESSES} presses of *Run*: at most {most} processes measured at once, the others waited with up to "
        f"{waiting / 1e6:.0f} MB each; {done} of {PRESSES} were done after {time.perf_counter() - begun:.0f} s."
    )


def _size(child: psutil.Process) -> tuple[float, str]:
    """The memory of a study's process in bytes, and the name of its folder."""
    try:
        return child.memory_info().rss, Path(child.cmdline()[6]).name
    except (psutil.Error, IndexError):
        return 0.0, ""


def _stops(root: Path) -> str:
    """Stop pressed at many moments of a study that would take minutes: how long it then takes."""
    os.environ["ATTNLIB_STUDIES_AT_ONCE"] = "1"
    pairs = [pair for _ in range(100) for pair in pair_set("two-occupations")]
    seconds = [_stop(begin_study(pairs, [MODEL], root / str(n)).folder, after) for n, after in enumerate(MOMENTS)]
    return (
        f"- *Stop* pressed {', '.join(f'{after:g}' for after in MOMENTS)} s after *Run* (starting, importing, "
        f"loading, measuring): {len(seconds)} of {len(MOMENTS)} stopped, the slowest after {max(seconds):.1f} s."
    )


def _stop(folder: StudyFolder, after: float) -> float:
    start(folder)
    time.sleep(after)
    asked = time.perf_counter()
    folder.ask_to_stop()
    while folder.busy():
        time.sleep(0.01)
    assert folder.progress()["state"] == "stopped"
    return time.perf_counter() - asked


if __name__ == "__main__":
    main()
