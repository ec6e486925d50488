"""The largest head of untrained copies of a model: what "the head that moves most" is where nothing was learned.

Some head is always the largest. Random copies say how large it is by chance. They are no null distribution of a
trained model (their weights are smaller, and no head of a copy stands for one of the model): a reference to draw
and to name, never a p. What is measured is for the caller to say: one pair, or a mean over many.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attnlib.model.loading import Model, random_copy

COPIES = 20
MOST_PARAMETERS = 20_000_000  # of a model that is copied so often in a few seconds

HeadValues = Float[np.ndarray, "layer head"]


@dataclass(frozen=True, eq=False)
class Untrained:
    """The size of the largest head in each of some random copies, smallest first; NaN left out."""

    largest: Float[np.ndarray, " copy"]

    def __len__(self) -> int:
        return len(self.largest)

    @property
    def name(self) -> str:
        """What they are called within a sentence: "20 untrained copies"."""
        return "an untrained copy" if len(self) == 1 else f"{len(self)} untrained copies"

    @property
    def low(self) -> float:
        """The smallest of the copies' largest heads."""
        return float(self.largest[0])

    @property
    def high(self) -> float:
        """The largest head of any copy: what a trained model's head has to exceed to be remarkable at all."""
        return float(self.largest[-1])

    def as_large(self, value: float) -> int:
        """In how many copies the largest head is at least as large as `value`, ignoring signs."""
        return int((self.largest >= abs(value)).sum())


def seeds_for(model: Model, copies: int = COPIES) -> range:
    """The seeds of a model's copies; none if it is too large to be copied so often."""
    return range(copies if model.parameters <= MOST_PARAMETERS else 0)


def largest_untrained(model: Model, measure: Callable[[Model], HeadValues], copies: int = COPIES) -> Untrained:
    """`measure` (one number per head: a statistic of a pair, a mean over pairs) in random copies of a model.

    Copies have the seeds 0, 1, 2, …; the first is the one that pages show as “random weights”. `measure` gets each
    copy in turn and never two at once, so that memory holds one. Copies in which nothing can be measured (all NaN)
    count for nothing. Raises what `measure` raises, and InputError where there is no memory for a copy.
    """
    return untrained_of(measure(random_copy(model, seed)) for seed in range(copies))


def untrained_of(found: Iterator[HeadValues] | list[HeadValues]) -> Untrained:
    """The reference from values that were measured before, an array [layer, head] per copy."""
    sizes = [float(np.nanmax(np.abs(values))) for values in found if np.isfinite(values).any()]
    return Untrained(np.sort(np.array(sizes, np.float64)))
