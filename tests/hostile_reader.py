"""The process of tests/hostile.py: reads each file that it is told of as pages do, and measures what that takes."""

import contextlib
import faulthandler
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from attnlib.bounded import kept
from attnlib.errors import InputError
from attnlib.lessons.parse import parse_lesson
from attnlib.prompts.pairs import read_pairs, table_head
from attnlib.prompts.templates import pairs_from_template, read_slots
from attnlib.prompts.texts import read_texts
from attnlib.study.source import read_source, source_of
from pages.ui.share import read_state

ROOT = Path(__file__).resolve().parents[1]
ROWS, TEXTS, PAIRS = 50_000, 20_000, 5_000  # what the pages read at most
MEMORY = 3_000_000_000  # bytes of address space, nearly all of which is never touched
DOUBTFUL = 0.2  # seconds without a turn that may be the machine's doing: the file is read again
SECONDS = 60  # after which the process ends


def _pairs(path: Path, format: str) -> object:
    columns: dict[str, str] = {}
    if format == "csv":
        columns = table_head(path).guess
        if not {"prompt_a", "prompt_b"} <= set(columns):
            return "the page asks which columns are meant"
    read = read_source(path, format, columns, ROWS)
    if format == "csv":
        with contextlib.suppress(InputError):  # as the page of dimensions does
            read_pairs(path, most=PAIRS)
    return f"{read.pairs} pairs, {read.dropped} rows left out"


def _texts(path: Path) -> object:
    return f"{len(tuple(islice(kept(read_texts(path), sys.getsizeof), TEXTS)))} texts"


def _template(path: Path) -> object:
    template, _, words = path.read_text("utf-8", "replace").partition("\n")
    return f"{source_of(pairs_from_template(template, read_slots(words), most=ROWS)).pairs} pairs"


READERS: dict[str, Callable[[Path], object]] = {
    "texts": _texts,
    "lesson": lambda path: parse_lesson(path.read_bytes(), path.name).title,
    "state": lambda path: read_state(path.read_bytes(), ["", "model", "study"])[0],
    "template": _template,
}


class Ticker(threading.Thread):
    """Another person's session: it wants to run every 2 ms. The longest it could not because another thread did.

    Time in which a busy machine let it wait for a processor is not counted.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.longest, self.unpacking = 0.0, 0.0  # seconds; MB that a process which unpacks Parquet had at most

    def run(self) -> None:
        before, waited = time.process_time(), _waited()
        while True:
            time.sleep(0.002)
            self.unpacking = max(self.unpacking, _unpacking())
            now, waits = time.process_time(), _waited()
            self.longest = max(self.longest, now - before - (waits - waited))
            before, waited = now, waits


def _waited() -> float:
    """Seconds for which this thread has been ready to run and had no processor, as Linux counts them."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def _unpacking() -> float:
    """The most that the process which unpacks a Parquet file has had, once it is that; 0 without one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    with contextlib.suppress(OSError, StopIteration):  # it has ended meanwhile
        for child in (Path("/proc", number) for number in children):
            if b"attnlib.prompts.parquet" in (child / "cmdline").read_bytes():
                lines = (child / "status").read_text().splitlines()
                return next(int(line.split()[1]) / 1_000 for line in lines if line.startswith("VmHWM"))
    return 0.0


def _megabytes(field: str) -> float:
    """VmRSS (now) or VmHWM (the most) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1_000 for line in lines if line.startswith(field))


def _read(reader: str, path: Path) -> tuple[str, str]:
    try:
        read = READERS[reader](path) if reader in READERS else _pairs(path, reader)
    except InputError as error:
        return str(error)[:500], ""
    except Exception as error:
        return str(error)[:200], type(error).__name__
    return f"read: {read}"[:200], ""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _read("csv", ROOT / "data" / "pairs" / "examples.csv")  # what is imported then, an idle server has, too
    ticker = Ticker()
    ticker.start()
    for line in sys.stdin:
        reader, name = json.loads(line)
        tries = [_measured(ticker, reader, Path(name))]
        while len(tries) < 3 and tries[-1][-1] > DOUBTFUL:
            tries.append(_measured(ticker, reader, Path(name)))
        print(json.dumps([*tries[0][:-1], min(tried[-1] for tried in tries)]), flush=True)


def _measured(ticker: Ticker, reader: str, path: Path) -> tuple[str, str, float, float, float]:
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM counts anew
    ticker.unpacking = 0.0
    idle, ticker.longest, start = _megabytes("VmRSS"), 0.0, time.monotonic()
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    said, broken = _read(reader, path)
    faulthandler.cancel_dump_traceback_later()
    seconds = time.monotonic() - start
    time.sleep(0.01)  # a last tick
    taken = _megabytes("VmHWM") - idle + ticker.unpacking
    return said, broken, seconds, taken, ticker.longest


if __name__ == "__main__":
    main()
