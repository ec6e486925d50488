"""What resampling says of means: bootstrap intervals, sign-flip tests, Holm's correction. Not here: means of what.

Columns (heads) share their draws, so that all means of one draw are one row of a matrix product: counts or signs
[draw, pair] times values [pair, head]. Columns may lack numbers (NaN); those with as many numbers go together.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

LARGE = 20_000  # pairs: with more of them, the normal limit stands for resampling
WORK = 20_000_000_000  # multiplications of one bootstrap; beyond, it has fewer resamples
FEWEST = 1_000  # resamples of a bootstrap, whatever they cost
FLIP_WORK = 100_000_000_000  # of one sign-flip test, which cannot do with fewer flips; beyond, its normal limit
DRAW = 100  # multiplications that take as long as one random number
CHUNK = 4_000_000  # numbers held at once
TOGETHER = 1_000  # columns of one bootstrap, all of whose means are held


class Intervals(NamedTuple):
    """Where the mean of each column lies; NaN for fewer than three numbers. No resamples: the normal limit."""

    low: Float[np.ndarray, " head"]
    high: Float[np.ndarray, " head"]
    resamples: int


def mean_intervals(values: Float[np.ndarray, "pair head"], level: float, resamples: int, seed: int) -> Intervals:
    """The percentile bootstrap interval of every column's mean over its pairs (Efron & Tibshirani 1993, ch. 13)."""
    groups = list(_by_count(values))
    cost = sum(n * (DRAW + numbers.shape[1]) for n, _, numbers in groups)
    used = min(resamples, max(FEWEST, WORK // max(1, cost)))
    if max((n for n, _, _ in groups), default=0) > LARGE:
        used = 0
    low, high = np.full((2, values.shape[1]), np.nan)
    for n, columns, numbers in groups:
        if n >= 3:
            for part in np.array_split(np.arange(len(columns)), len(columns) // TOGETHER + 1):
                found = _bootstrap(numbers[:, part], level, used, seed) if used else _normal(numbers[:, part], level)
                low[columns[part]], high[columns[part]] = found
    return Intervals(low, high, used)


def _by_count(
    values: Float[np.ndarray, "pair head"],
) -> Iterator[tuple[int, Int[np.ndarray, " some"], Float[np.ndarray, "number some"]]]:
    """The columns with n numbers, and these numbers without gaps; for every n but 0."""
    there = np.isfinite(values)
    counts = there.sum(0)
    for n in np.unique(counts[counts > 0]).tolist():
        columns = np.flatnonzero(counts == n)
        numbers = values.T[columns][there.T[columns]].reshape(len(columns), n).T
        yield n, columns, numbers.astype(np.float64)


def _bootstrap(numbers: Float[np.ndarray, "pair head"], level: float, resamples: int, seed: int) -> np.ndarray:
    """SciPy's bootstrap of the pairs' row numbers; a resample is how often each row was drawn. Returns [2, head]."""
    rows, centre = len(numbers), numbers.mean(0)
    off = numbers - centre

    def means(drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        flat = drawn + rows * np.arange(len(drawn))[:, None]
        counts = np.bincount(flat.ravel(), minlength=drawn.size).reshape(drawn.shape)  # [resample, pair]
        return (counts @ off).T / rows  # [head, resample]

    found = stats.bootstrap(
        (np.arange(rows),),
        means,
        vectorized=True,
        confidence_level=level,
        n_resamples=resamples,
        batch=max(1, CHUNK // (rows + numbers.shape[1])),
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return np.stack(found.confidence_interval) + centre


def _normal(numbers: Float[np.ndarray, "pair head"], level: float) -> np.ndarray:
    reach = stats.norm.isf((1 - level) / 2) * numbers.std(0, ddof=1) / np.sqrt(len(numbers))
    return np.stack([numbers.mean(0) - reach, numbers.mean(0) + reach])


class Tested(NamedTuple):
    """Two-sided p of “the mean is 0” per column, NaN without a number. No flips: the normal limit."""

    p: Float[np.ndarray, " head"]
    flips: int


def sign_flip_test(values: Float[np.ndarray, "pair head"], flips: int, seed: int) -> Tested:
    """How often random signs before the pairs give a sum at least as large as theirs (Fisher 1935, § 21).

    All 2ⁿ signs where that is at most `flips`; else (b + 1) / (flips + 1) (Phipson & Smyth 2010). What is missing
    adds nothing to a sum, so that columns with gaps share the flips of the others.
    """
    there = np.isfinite(values)
    counts = there.sum(0)
    p = np.full(len(counts), np.nan)
    for n, columns, numbers in _by_count(values):
        if n < 63 and 2**n <= flips:
            p[columns] = _as_large(numbers, 2**n, partial(_signs, n)) / 2**n
    many = np.isnan(p) & (counts > 0)
    if not many.any():
        return Tested(p, flips)
    filled = np.where(there, values, 0)[there[:, many].any(1)][:, many].astype(np.float64)
    pairs, heads = filled.shape
    if (
        counts.max() > LARGE or flips * pairs * (heads + 2) > FLIP_WORK
    ):  # a sign costs less than a whole random number
        p[many] = _normal_p(filled)
        return Tested(p, 0)
    rng = np.random.default_rng(seed)
    p[many] = (_as_large(filled, flips, partial(_random_signs, rng, pairs)) + 1) / (flips + 1)
    return Tested(p, flips)


def _signs(n: int, start: int, stop: int) -> Float[np.ndarray, "flip pair"]:
    """Some of all 2ⁿ: the binary digits of their number."""
    return 1.0 - 2.0 * ((np.arange(start, stop)[:, None] >> np.arange(n)) & 1)


def _random_signs(rng: np.random.Generator, n: int, start: int, stop: int) -> Float[np.ndarray, "flip pair"]:
    """A bit for each sign, drawn in whole words: the same signs however the work is cut."""
    words = rng.integers(0, 2**64, (stop - start, -(-n // 64)), np.uint64)
    return 1.0 - 2.0 * np.unpackbits(words.view(np.uint8), axis=1, count=n)


def _as_large(
    numbers: Float[np.ndarray, "pair head"], flips: int, signs: Callable[[int, int], np.ndarray]
) -> Int[np.ndarray, " head"]:
    """How many flips give a sum as large as the observed, whose rounding must not part what is equal."""
    enough = np.abs(numbers.sum(0)) - 1e-12 * np.abs(numbers).sum(0)
    size = max(1, CHUNK // sum(numbers.shape))
    found = np.zeros(numbers.shape[1], np.int64)
    for start in range(0, flips, size):
        sums = signs(start, min(start + size, flips)) @ numbers  # [flip, head]
        found += (np.abs(sums) >= enough).sum(0)
    return found


def _normal_p(numbers: Float[np.ndarray, "pair head"]) -> Float[np.ndarray, " head"]:
    """Under random signs a sum has variance Σ x²."""
    scale = np.sqrt((numbers**2).sum(0))
    return 2 * stats.norm.sf(np.abs(numbers.sum(0)) / np.where(scale > 0, scale, 1))


def holm(p: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """p corrected for as many tests as there are numbers (Holm 1979); NaN stays NaN and counts for nothing."""
    flat, adjusted = p.ravel(), np.full(p.size, np.nan)
    order = np.argsort(flat, kind="stable")[: np.count_nonzero(~np.isnan(flat))]  # NaN are sorted last
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(flat[order] * factors))
    return adjusted.reshape(p.shape)
