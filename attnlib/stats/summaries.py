"""What many prompt pairs say together: means per head with intervals, tests and effect sizes. Not here: measuring.

Values are [unit, layer, head], one number per unit and head (a target shift, an effect); NaN where a unit has none.
Units are what is drawn at random: pairs that share an occupation or a name are averaged first (`unit_means`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

from attnlib.errors import InputError
from attnlib.stats.power import smallest_effect, smallest_shift
from attnlib.stats.resampling import FEWEST_UNITS, Sample, Tested, mean_tests

Values = Float[np.ndarray, "unit layer head"]
Heads = Float[np.ndarray, "layer head"]
DRAWS = 10_000


@dataclass(frozen=True)
class HeadSummary:
    """What the units say of each head; NaN where it cannot be said.

    A head is tested where FEWEST_UNITS have a number (on either side of a contrast) and these are not all equal. An
    interval is that of one head; a wide one holds for all heads of the family together, and leaves out 0, or ends at
    it, exactly where the corrected p is at most alpha.
    """

    n: Int[np.ndarray, "layer head"]  # units with a finite number
    mean: Heads  # of a contrast: of the +1 units less that of the −1 units
    sd: Heads  # over units, ddof = 1; of a contrast within the sides
    low: Heads  # bootstrap-t interval of the mean
    high: Heads
    wide_low: Heads  # the same, of all heads of the family at once
    wide_high: Heads
    p: Heads  # of “the mean is 0”, two-sided, from the same draws
    p_corrected: Heads  # over all `tests`, by step-down max-T over the same draws
    effect: Heads  # Cohen's d = mean / sd; NaN where the numbers do not vary
    detectable: Heads  # the smallest |mean| that passes with at least 80 % power; NaN where there is no test
    pairs: int  # units of the study, with those that have no number
    infinite: int  # numbers that were left out because they are infinite
    tests: int  # heads that are tested, in all that is corrected together
    alpha: float
    draws: int  # 0: the normal limit instead
    noun: str = "pair"  # what is counted: pairs, or units of pairs that belong together
    contrast: bool = False  # between two sides of units
    bounds: tuple[float, float] = (-np.inf, np.inf)  # between which a mean lies, whatever is measured

    @property
    def significant(self) -> Bool[np.ndarray, "layer head"]:
        """Which means differ from 0 after the correction."""
        return self.p_corrected <= self.alpha

    def within(self, least: float, most: float) -> "HeadSummary":
        """This summary with its intervals cut at the bounds of what a mean can be."""
        names = ("low", "high", "wide_low", "wide_high")
        return replace(self, bounds=(least, most), **{name: getattr(self, name).clip(least, most) for name in names})

    @property
    def untested(self) -> str:
        """Why there is neither an interval nor a test of any head, in a sentence; empty where there is one."""
        if np.isfinite(self.p).any():
            return ""
        side = " on each side" if self.contrast else ""
        if (self.n < (2 if self.contrast else 1) * FEWEST_UNITS).all() or (self.sd > 0).any():
            return f"There is neither an interval nor a test with fewer than {FEWEST_UNITS} {self.noun}s{side}."
        return f"There is neither an interval nor a test, because all {self.noun}s have the same value."

    @property
    def method(self) -> str:
        """How the intervals and p were made, in a sentence."""
        if not self.draws:
            how = f"the normal limit, because there are more {self.noun}s than can be resampled"
            over = "for as many independent tests"
        else:
            within = " within each side" if self.contrast else ""
            how = f"a bootstrap-t over {self.noun}s{within} with {self.draws:,} draws"
            over = "by step-down max-T over the same draws"
        return f"{1 - self.alpha:.0%} intervals and p by {how}; p corrected {over} ({self.tests:,} tests together)."

    def table(self) -> pd.DataFrame:
        """A row per head: the smallest p_corrected first, of equal ones the largest |mean|."""
        layer, head = np.indices(self.n.shape)
        columns = {"layer": layer, "head": head} | {name: getattr(self, name) for name in COLUMNS}
        return _sorted(pd.DataFrame({name: values.ravel() for name, values in columns.items()}))


COLUMNS = (
    *("n", "mean", "sd", "low", "high", "wide_low", "wide_high"),
    *("effect", "p", "p_corrected", "detectable"),
)


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    order = np.lexsort((-table["mean"].abs(), table["p_corrected"]))
    return table.iloc[order].reset_index(drop=True)


def summarize(
    values: Values, *, sides: ArrayLike | None = None, alpha: float = 0.05, draws: int = DRAWS, seed: int = 0
) -> HeadSummary:
    """Mean over units of every head, its bootstrap-t interval, p (corrected over all heads), effect size, power.

    `sides` has +1 or −1 for each unit, and asks for a contrast: the mean of the +1 units less that of the −1 units
    (female-typed less male-typed occupations), drawn within the sides. Infinite numbers are left out and counted.
    Where work or units are very many, fewer draws or the normal limit are used (resampling.py); `method` says so.
    """
    return summarize_family([values], sides=sides, alpha=alpha, draws=draws, seed=seed)[0]


def summarize_family(
    studies: Sequence[Float[np.ndarray, "..."]],
    *,
    sides: ArrayLike | None = None,
    same_units: bool = True,
    alpha: float = 0.05,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[HeadSummary]:
    """`summarize` of several statistics or models that are shown together, corrected over all their heads.

    Studies with as many rows are of the `same_units`, row by row, and share their draws and `sides`; groups of
    different units are not (same_units=False). InputError where the sides do not fit the units.
    """
    if not 0 < alpha < 0.8 or draws < 1:
        raise InputError(f"A level of {alpha:g} with {draws} draws is not a test. Usual values are .05 and 10,000.")
    signs = [None if sides is None else _sides(sides, values) for values in studies]
    samples = [
        _sample(values, signs, studies if same_units else [values])
        for values, signs in zip(studies, signs, strict=True)
    ]
    tested = mean_tests(samples, alpha, draws, seed, same_units)
    tests = sum(int((~np.isnan(found.p)).sum()) for found in tested)
    return [_summary(*of, tests, alpha) for of in zip(studies, samples, tested, strict=True)]


def _sides(sides: ArrayLike, values: Values) -> Int[np.ndarray, " unit"]:
    signs = np.asarray(sides)
    if signs.shape != values.shape[:1] or not np.isin(signs, (1, -1)).all():
        raise InputError(
            f"There are {len(values)} units: a contrast needs +1 or −1 for each of them, in one list of that length."
        )
    return signs.astype(int)


def _sample(
    values: Values, sides: Int[np.ndarray, " unit"] | None, together: Sequence[Float[np.ndarray, "..."]]
) -> Sample:
    """The rows that have a number in any study of these units: empty ones are no units to draw."""
    same = [other for other in together if len(other) == len(values)]
    used = np.any([np.isfinite(other).any((1, 2)) for other in same], 0)
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    return Sample(flat[used], None if sides is None else sides[used])


def _summary(values: Values, sample: Sample, tested: Tested, tests: int, alpha: float) -> HeadSummary:
    shape = values.shape[1:]
    sd = sample.sd
    numbers = {name: getattr(tested, name) for name in ("low", "high", "wide_low", "wide_high", "p", "p_corrected")}
    numbers |= {"mean": sample.mean, "sd": sd, "effect": sample.mean / np.where(sd == 0, np.nan, sd)}
    numbers["detectable"] = np.where(np.isnan(tested.p), np.nan, sample.error * _shifts(sample, tested, tests, alpha))
    return HeadSummary(
        n=sample.n.reshape(shape),
        **{name: found.reshape(shape) for name, found in numbers.items()},
        pairs=len(values),
        infinite=int(np.isinf(values).sum()),
        tests=tests,
        alpha=alpha,
        draws=tested.draws,
        contrast=sample.sides is not None,
    )


def _shifts(sample: Sample, tested: Tested, tests: int, alpha: float) -> Float[np.ndarray, " head"]:
    """The mean, in standard errors, that passes with 80 % probability or more.

    The larger of what the study's own draws ask for (more where numbers are skewed), taken as if the next study's
    were the same, and of what the draws of simulated normal studies ask for on average (power.py).
    """
    freedom = np.where(np.isnan(tested.p), np.nan, np.floor(sample.freedom))
    shifts = {
        df: max(
            smallest_shift(tested.critical, df),
            smallest_effect(max(FEWEST_UNITS, round(df) + 1), tests, alpha) * math.sqrt(max(FEWEST_UNITS, df + 1)),
        )
        for df in np.unique(freedom[freedom > 0]).tolist()
    }
    return np.array([shifts.get(df, np.nan) for df in freedom.tolist()])


def difference(values_a: Float[np.ndarray, "..."], values_b: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """b − a in float64; NaN unless both are finite."""
    both = np.isfinite(values_a) & np.isfinite(values_b)
    return np.where(both, values_b, np.nan).astype(np.float64) - np.where(both, values_a, np.nan)


def unit_means(
    values: Float[np.ndarray, "pair layer head"], units: Sequence[str]
) -> Float[np.ndarray, "unit layer head"]:
    """The mean over the pairs of each unit, so that units are what is counted: [unit, layer, head].

    Pairs that share an occupation or a name are not independent; their means are. Units stand in the order in which
    they come; NaN where no pair of a unit has a number.
    """
    if len(units) != len(values):
        raise InputError(f"There are {len(values)} pairs and {len(units)} units. Give a unit for each pair.")
    codes, names = pd.factorize(np.array(units, dtype=object))
    known = np.isfinite(values)
    sums, counts = (np.zeros((len(names), *values.shape[1:])) for _ in range(2))
    np.add.at(sums, codes, np.where(known, values, 0))
    np.add.at(counts, codes, known)
    with np.errstate(invalid="ignore"):
        return (sums / counts).astype(values.dtype)


# ---------------------------------------------------------------------------------------------- groups of one head


# ---------------------------------------------------------------------------------------------- added up
