"""Loaded models that many people share, kept as long as there is memory for them."""

import gc
import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import psutil

from attnlib.model.memory import NoRoomError

SHARE = 0.5  # of the machine's memory that kept models may take


def models_memory() -> int:
    """Bytes that models kept by the dashboard may take: ATTNLIB_MODELS_GB, or half of the machine's memory."""
    asked = os.environ.get("ATTNLIB_MODELS_GB", "")
    try:
        return int(float(asked) * 1e9)
    except (ValueError, OverflowError):  # not set, or no number
        return int(psutil.virtual_memory().total * SHARE)


Kept = TypeVar("Kept")


class Shelf(Generic[Kept]):
    """What was made once is given to all who ask, and the one longest not asked for goes first when memory is short.

    Args:
        size_of (callable): How many bytes something kept takes.
        most (int): How many bytes all may take together; what is asked for is kept even if it alone takes more.

    Example:
        >>> from attnlib.model.shelf import Shelf
        >>> shelf = Shelf(len, most=5)
        >>> shelf.get("a", lambda: "aaa"), shelf.get("b", lambda: "bbb")
        ('aaa', 'bbb')
        >>> shelf.names
        ('b',)
    """

    def __init__(self, size_of: Callable[[Kept], int], most: int) -> None:
        self.size_of = size_of
        self.most = most
        self._kept: dict[Hashable, Kept] = {}  # the last asked for is last
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[Hashable, ...]:
        """The names of what is kept, the longest not asked for first."""
        with self._lock:
            return tuple(self._kept)

    def get(self, name: Hashable, make: Callable[[], Kept]) -> Kept:
        """What is kept under a name, made by `make` if it is not there; who asks for the same meanwhile waits for it.

        Raises what `make` raises; if that is for want of memory, others are given up first, one after the other.
        """
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            try:
                with self._lock:
                    if name in self._kept:
                        self._kept[name] = self._kept.pop(name)
                        return self._kept[name]
                made = self._made(make)
                with self._lock:
                    self._kept[name] = made
                self._give_up_over(name)
                return made
            finally:
                with self._lock:  # names of strangers are not kept
                    self._making.pop(name, None)

    def _made(self, make: Callable[[], Kept]) -> Kept:
        while True:
            try:
                return make()
            except NoRoomError:
                if not self._give_up_oldest():
                    raise

    def _give_up_over(self, name: Hashable) -> None:
        """Give up others until all fit into what they may take."""
        while True:
            with self._lock:
                over = sum(self.size_of(one) for one in self._kept.values()) > self.most
            if not over or not self._give_up_oldest(but=name):
                return

    def _give_up_oldest(self, but: Hashable = None) -> bool:
        with self._lock:
            oldest = next((name for name in self._kept if name != but), None)
            given_up = self._kept.pop(oldest, None)
        del given_up
        gc.collect()
        return oldest is not None
