"""How long something takes as its input grows: text of strangers must not take time with the square of its length."""

import time
from collections.abc import Callable


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """`work(4 * size)` takes about 4 times as long as `work(size)`, and less than 10: the square would be 16.

    Each is the fastest of three, in processor time; 10 ms are forgiven, below which nothing is measured well.
    """
    short, long = (min(_seconds(work, times * size) for _ in range(3)) for times in (1, 4))
    assert long < 10 * short + 0.01, f"{short:.3f} s for {size:,}, {long:.3f} s for {4 * size:,}"


def _seconds(work: Callable[[int], object], size: int) -> float:
    started = time.process_time()
    work(size)
    return time.process_time() - started
