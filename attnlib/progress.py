"""How far long work is: one form for everything that can be watched and stopped."""

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """The progress of a long task, in the pieces that it counts: pairs (once for each model), texts, edits."""

    done: int
    total: int | None  # None where it is known only at the end
    seconds: float = 0.0  # since this run began; 0 where nobody measures them
    left: float | None = None  # seconds, as fast as this run has been; None at its beginning
    model: str = ""  # the one that runs, where there are several

    @property
    def share(self) -> float:
        """From 0 to 1; of a total that is not known, 1."""
        return min(1.0, self.done / self.total) if self.total else 1.0


OnProgress = Callable[[Progress], bool | None]  # called now and then; False stops the work


def goes_on(progress: OnProgress | None, done: int, total: int | None, model: str = "") -> bool:
    """Report progress; returns whether to continue."""
    return progress is None or progress(Progress(done, total, model=model)) is not False
