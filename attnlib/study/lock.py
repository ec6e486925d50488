"""Locks on files, which the system gives back when their holder has ended, however it ended.

A lock belongs to an open file, never to a file's existence or time: a clock may step, a process may be killed. It can
be handed to a child before the child runs, so that nothing lies between starting a process and its having the lock.
Not here: who waits for whom (queue.py).
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

HANDED = "ATTNLIB_STUDY_LOCK"  # the number of an open, locked file that a process was given by its parent
TRIES, PAUSE = 20, 0.02  # a lock is tried so often: somebody who only looks holds it for a moment

_System: TypeAlias = tuple[Callable[[int, bool], None], Callable[[int], None]]


def _system() -> _System:
    """How this system locks an open file (exclusive or shared; OSError where another holds it), and unlocks it."""
    try:
        import fcntl
    except ImportError:
        import msvcrt  # Windows: all locks are exclusive, and none passes to a child

        lock, one = msvcrt.locking, 1  # type: ignore[attr-defined]
        return lambda file, _: lock(file, msvcrt.LK_NBLCK, one), lambda file: lock(file, msvcrt.LK_UNLCK, one)  # type: ignore[attr-defined]
    kinds = {True: fcntl.LOCK_EX, False: fcntl.LOCK_SH}
    return lambda file, alone: fcntl.flock(file, kinds[alone] | fcntl.LOCK_NB), lambda file: None


_lock, _unlock = _system()
PASSES_ON = os.name == "posix"  # whether a child can be given a lock


class Lock:
    """A lock that this process holds until it is released, or ends."""

    def __init__(self, file: int, fresh: bool) -> None:
        self.file, self.fresh = file, fresh  # fresh: taken here, not handed over

    def release(self) -> None:
        """Give it back; a child it was handed to keeps it. Once is enough, twice does no harm."""
        if self.file >= 0:
            if self.fresh:
                _unlock(self.file)
            os.close(self.file)
        self.file = -1

    def hand_over(self) -> None:
        """Have the next `take` of the same file in this process get this lock."""
        os.environ[HANDED] = str(os.dup(self.file))

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.release()


def take(path: Path, tries: int = TRIES) -> Lock | None:
    """The lock on a file, which is made if it is not there; None if somebody else has it. Raises OSError."""
    handed = _handed(path)
    if handed is not None:
        return Lock(handed, False)
    file = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
    for tried in range(tries):
        try:
            _lock(file, True)
        except (BlockingIOError, PermissionError):
            if tried + 1 < tries:
                time.sleep(PAUSE)
        else:
            return Lock(file, True)
    os.close(file)
    return None


def is_held(path: Path) -> bool:
    """Whether somebody has the lock on a file, this process included."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        _lock(file, False)
        _unlock(file)
    except (BlockingIOError, PermissionError):
        return True
    finally:
        os.close(file)
    return False


def _handed(path: Path) -> int | None:
    """The open file that this process was handed with its lock, once; None where it was handed none of this file."""
    try:
        file = int(os.environ.get(HANDED, ""))
        same = os.path.samestat(os.fstat(file), path.stat())
    except (ValueError, OSError):
        return None
    if not same:
        return None
    del os.environ[HANDED]
    os.set_inheritable(file, False)
    if PASSES_ON:
        with contextlib.suppress(OSError):
            _lock(file, True)  # it is ours already: this changes nothing
    return file
