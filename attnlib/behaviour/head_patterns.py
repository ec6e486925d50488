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
    """What every head of a model does, over texts; made by `measure_patterns`.

    NaN stands where there is no such head, or no text in which the pattern can occur.

    Attributes:
        model (str): The model's name.
        patterns (tuple of Pattern): What was measured; their order is the first axis of the arrays.
        score (array [pattern, layer, head]): The mean over texts: attention on the tokens that the pattern marks.
        baseline (array [pattern, layer, head]): What even attention scores in the same places; for coreference,
            attention to the other word that could be meant.
        reach (array [pattern, layer, head]): Half the width of the score's 95 % interval over texts; NaN for fewer
            than 6 texts.
        excess_reach (array [pattern, layer, head]): The same for score − baseline.
        texts (array [pattern]): How many texts each pattern occurs in.
        best (array [rank, pattern, layer, head]): Numbers of the texts with the highest score; −1 if there is none.
        best_scores (array [rank, pattern, layer, head]): Their scores.
        examples (dict of int to str): These texts, by number.
        read (int): How many of the given texts were read.
        cut (int): How many of them were cut to the model's limit.
        not_read (tuple of NotRead): The first of those that could not be read, with reasons.
        seconds (float): The time it took.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> found = attnlib.measure_patterns(model, ["The cat saw the cat.", "She said that she was tired."])
        >>> found.best_texts("same", 0, 0)[0][0]
        'The cat saw the cat.'
    """

    model: str
    patterns: tuple[Pattern, ...]
    score: Scores
    baseline: Scores
    reach: Scores
    excess_reach: Scores
    texts: Int[np.ndarray, " pattern"]
    best: Int[np.ndarray, "rank pattern layer head"]
    best_scores: Float[np.ndarray, "rank pattern layer head"]
    examples: dict[int, str]
    read: int
    cut: int
    not_read: tuple[NotRead, ...]
    seconds: float = field(default=0.0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the patterns, in their order."""
        return tuple(pattern.name for pattern in self.patterns)

    def number(self, name: str) -> int:
        """The place of a pattern on the first axis of the arrays.

        Args:
            name (str): One of `names`.

        Returns:
            int.

        Raises:
            InputError: If it was not measured.
        """
        if name not in self.names:
            raise InputError(f"The pattern {name} was not measured. There are {', '.join(self.names)}.")
        return self.names.index(name)

    def of(self, name: str) -> Float[np.ndarray, "layer head"]:
        """The scores of one pattern.

        Args:
            name (str): One of `names`.

        Returns:
            array [layer, head].

        Raises:
            InputError: If it was not measured.
        """
        return self.score[self.number(name)]

    @property
    def strength(self) -> Scores:
        """How far each score is from the baseline on the way to 1: (score − baseline) ÷ (1 − baseline).

        An array [pattern, layer, head]; NaN for patterns that are not a share of attention.
        """
        shares = np.array([pattern.share for pattern in self.patterns])[:, None, None]
        room = np.where(shares & (self.baseline < 1), 1 - self.baseline, np.nan)
        return (self.score - self.baseline) / room

    def best_texts(self, name: str, layer: int, head: int) -> list[tuple[str, float]]:
        """The texts in which a head shows a pattern best.

        Args:
            name (str): One of `names`.
            layer (int): Counted from 0.
            head (int): Counted from 0.

        Returns:
            list of (str, float): Texts and scores, the best first; empty for patterns measured on random tokens.

        Raises:
            InputError: If the pattern was not measured.
        """
        place = (slice(None), self.number(name), layer, head)
        found = zip(self.best[place].tolist(), self.best_scores[place].tolist(), strict=True)
        return [(self.examples[number], score) for number, score in found if number in self.examples]

    def table(self) -> pd.DataFrame:
        """All scores in a table.

        Returns:
            DataFrame: One row per head and pattern: layer, head, pattern, score, low, high, baseline, texts.
        """
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
