"""What was measured of all patterns in all heads: the frozen result."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from attnlib.behaviour.patterns import Pattern
from attnlib.errors import InputError
from attnlib.model.batches import NotRead

EXAMPLES = 5  # texts kept of each pattern and head: those that show it best
Scores = Float[np.ndarray, "pattern layer head"]


@dataclass(frozen=True, eq=False)
class HeadPatterns:
    """What every head of a model does, over texts. NaN where there is no such head or no text has an occasion."""

    model: str
    patterns: tuple[Pattern, ...]
    score: Scores  # means over the texts
    baseline: Scores  # of what each is held against: attention that makes no choice, for coreference the other word
    reach: Scores  # half the 95 % interval of the score's mean over texts; NaN for fewer than FEWEST_UNITS
    excess_reach: Scores  # the same of score − baseline
    texts: Int[np.ndarray, " pattern"]  # that have an occasion
    best: Int[np.ndarray, "rank pattern layer head"]  # numbers of the texts that show it best; −1: there is none
    best_scores: Float[np.ndarray, "rank pattern layer head"]
    examples: dict[int, str]  # by number
    read: int  # texts that were given and could be read
    cut: int  # of these, how many were cut to what the model reads
    not_read: tuple[NotRead, ...]  # the first of those that could not be
    seconds: float = field(default=0.0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the patterns, in their order."""
        return tuple(pattern.name for pattern in self.patterns)

    def number(self, name: str) -> int:
        """Which of the patterns this is. Raises InputError where it was not measured."""
        if name not in self.names:
            raise InputError(f"The pattern {name} was not measured. There are {', '.join(self.names)}.")
        return self.names.index(name)

    def of(self, name: str) -> Float[np.ndarray, "layer head"]:
        """One pattern's scores."""
        return self.score[self.number(name)]

    @property
    def strength(self) -> Scores:
        """How far the score is from the baseline to 1: (score − baseline) ÷ (1 − baseline); NaN for no share."""
        shares = np.array([pattern.share for pattern in self.patterns])[:, None, None]
        room = np.where(shares & (self.baseline < 1), 1 - self.baseline, np.nan)
        return (self.score - self.baseline) / room

    def best_texts(self, name: str, layer: int, head: int) -> list[tuple[str, float]]:
        """The texts in which a head does this most, with its score there, the best first."""
        place = (slice(None), self.number(name), layer, head)
        found = zip(self.best[place].tolist(), self.best_scores[place].tolist(), strict=True)
        return [(self.examples[number], score) for number, score in found if number in self.examples]

    def table(self) -> pd.DataFrame:
        """One row per pattern and head: layer, head, pattern, score, its interval, the baseline, texts."""
        places = np.argwhere(np.isfinite(self.score))
        index = tuple(places.T)
        number, layer, head = index
        score, reach = self.score[index], self.reach[index]
        return pd.DataFrame(
            {
                "layer": layer,
                "head": head,
                "pattern": [self.names[n] for n in number],
                "score": score,
                "low": score - reach,
                "high": score + reach,
                "baseline": self.baseline[index],
                "texts": self.texts[number],
            }
        ).sort_values(["layer", "head"], kind="stable", ignore_index=True)
