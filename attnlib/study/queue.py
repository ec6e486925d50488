"""Who measures now and who waits: so many studies at once, the others in the order in which they came.

There is no server of turns. Each study has a ticket, a numbered file whose lock its process holds as long as it
lives. Whoever has fewer living tickets before its own than may be at once has its turn. A process that was killed has
lost its lock, so it holds nobody up. Waiting costs a look at the folder now and then, before anything large is
imported.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attnlib.errors import InputError
from attnlib.study.lock import Lock, is_held, take

AT_ONCE = "ATTNLIB_STUDIES_AT_ONCE"
FEW = 2  # studies at once: each has a model in memory and wants all cores
LOOKS = 0.3  # seconds between two looks at the tickets
TICKET = re.compile(r"ticket-(\d{1,12})")


def studies_at_once() -> int:
    """How many studies of a folder are measured at once: ATTNLIB_STUDIES_AT_ONCE, else 2, or 1 on a single core."""
    asked = os.environ.get(AT_ONCE, "").strip()
    if not asked:
        return min(FEW, os.cpu_count() or 1)
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:6]) <= 1000:
        raise InputError(f"{AT_ONCE} is “{asked[:20]}”. Set it to a whole number from 1 to 1000, or leave it out.")
    return int(asked)


@contextlib.contextmanager
def turn(folder: Path, waiting: Callable[[int], bool]) -> Iterator[bool]:
    """Wait for a turn, and have it until the block ends; gives whether it came.

    `waiting` hears again and again how many studies come before, and ends the waiting by returning False.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number, ticket = _draw(folder)
    try:
        most = studies_at_once()
        while (ahead := before(folder, number)) >= most:
            if not waiting(ahead):
                yield False
                return
            time.sleep(LOOKS)
        yield True
    finally:
        with contextlib.suppress(OSError):
            (folder / f"ticket-{number}").unlink()
        ticket.release()


def before(folder: Path, number: int) -> int:
    """How many living tickets have a smaller number."""
    return sum(1 for other, file in _tickets(folder).items() if other < number and is_held(file))


def _tickets(folder: Path) -> dict[int, Path]:
    found = ((TICKET.fullmatch(file.name), file) for file in folder.iterdir())
    return {int(match[1]): file for match, file in found if match}


def _draw(folder: Path) -> tuple[int, Lock]:
    """The next ticket, locked; those of processes that have ended are cleared away. One process draws at a time."""
    with _patiently(folder / "drawing"):
        living = {}
        for number, file in _tickets(folder).items():
            if is_held(file):
                living[number] = file
            else:
                file.unlink(missing_ok=True)
        number = max(living, default=0) + 1
        return number, _patiently(folder / f"ticket-{number}")


def _patiently(path: Path) -> Lock:
    """A lock that others have for moments only."""
    lock = take(path, tries=1000)
    if lock is None:
        raise InputError(f"{path.name} in {path.parent} stays locked. End the process that has it open.")
    return lock
