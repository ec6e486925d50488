"""What resampling says of means: bootstrap-t intervals and tests, corrected over many by step-down max-T.

Not here: means of what, or how many of them belong together (summaries.py).

Units are drawn with replacement from numbers that are centred in every column (head), so that the draws know no
effect. Of every draw and column the t statistic is computed, as it is of the data. How far |t| of a column lies in
its own draws gives its p and its interval (Efron & Tibshirani 1993, ch. 12.5 and 16.4; Hall 1988 for |t|); how far it
lies in the largest |t| of each draw, over the columns still in play, gives the corrected p (Westfall & Young 1993,
ch. 2; Romano & Wolf 2005) and the simultaneous interval.

Columns share their draws, so that a draw is one row of a matrix product: counts [draw, unit] times centred numbers
[unit, column], times their squares, and, where numbers are missing (NaN), times what is there. Draws and columns go
in blocks: no array of all draws and all columns is ever held.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

FEWEST_UNITS = 6  # with fewer, no interval holds what it says (docs/statistics.md), and there is no test
LARGE = 20_000  # units: with more of them, the normal limit stands for resampling
WORK = 40_000_000_000  # multiplications of one family; beyond, it has fewer draws
FEWEST = 1_000  # draws, whatever they cost
DRAW = 100  # multiplications that take as long as one random number
CHUNK = 2_000_000  # numbers held at once, in each of a few arrays
MISSING = 0.2  # of a column's numbers; where more are, it is drawn apart
NOTHING = 1e-12  # of the observed variance: a draw with less has equal numbers, but for rounding

Rows = Int[np.ndarray, " some"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Columns of numbers of the same units, and which mean is tested.

    With `sides` (+1 or −1 per unit) the mean of a column is that of the +1 units minus that of the −1 units, and t is
    Welch's; without, it is the mean over units, and t Student's.
    """

    values: Float[np.ndarray, "unit column"]  # NaN: none
    sides: Int[np.ndarray, " unit"] | None = None

    @cached_property
    def parts(self) -> tuple["Part", ...]:
        """The units of each side, or all of them."""
        if self.sides is None:
            return (_part(self.values, 1),)
        return tuple(_part(self.values[self.sides == side], side) for side in (1, -1))

    @cached_property
    def n(self) -> Int[np.ndarray, " column"]:
        """Units with a number."""
        return np.sum([part.n for part in self.parts], 0)

    @cached_property
    def fewest(self) -> Int[np.ndarray, " column"]:
        """Units with a number on the side that has fewer."""
        return np.min([part.n for part in self.parts], 0)

    @cached_property
    def mean(self) -> Float[np.ndarray, " column"]:
        """The mean, or the difference of the sides' means."""
        return np.sum([part.sign * part.mean for part in self.parts], 0)

    @cached_property
    def sd(self) -> Float[np.ndarray, " column"]:
        """Over units, ddof = 1; of two sides the root of their mean variance. 0 only where all numbers are equal."""
        return np.sqrt(np.mean([part.variance for part in self.parts], 0))

    @cached_property
    def error(self) -> Float[np.ndarray, " column"]:
        """The standard error of the mean."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(np.sum([part.variance / part.n for part in self.parts], 0))

    @cached_property
    def freedom(self) -> Float[np.ndarray, " column"]:
        """Degrees of freedom: n − 1, or those of Welch (1947)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.stack([part.variance / part.n for part in self.parts])
            return errors.sum(0) ** 2 / np.sum(
                [e**2 / (part.n - 1) for e, part in zip(errors, self.parts, strict=True)], 0
            )

    @cached_property
    def t(self) -> Float[np.ndarray, " column"]:
        """|mean| in standard errors; NaN where there are too few units or the numbers do not vary."""
        testable = (self.fewest >= FEWEST_UNITS) & (self.error > 0)
        return np.abs(self.mean) / np.where(testable, self.error, np.nan)

    @property
    def normal(self) -> bool:
        """Whether the normal limit stands for draws."""
        return bool(self.fewest.max(initial=0) > LARGE)


@dataclass(frozen=True, eq=False)
class Part:
    """Units whose numbers are drawn together: moments of every column, and centred numbers (0: none)."""

    sign: int
    n: Int[np.ndarray, " column"]
    mean: Float[np.ndarray, " column"]
    variance: Float[np.ndarray, " column"]  # ddof = 1; exactly 0 where all numbers are equal
    centred: Float[np.ndarray, "unit column"]
    there: Float[np.ndarray, "unit column"] | None  # 1 where there is a number; None: everywhere

    @property
    def units(self) -> int:
        return len(self.centred)

    def drawn(
        self, counts: Float[np.ndarray, "draw unit"], columns: Rows
    ) -> tuple[Float[np.ndarray, "draw some"], Float[np.ndarray, "draw some"]]:
        """Of every draw and column the mean, and its squared standard error; NaN of fewer than two numbers."""
        centred = self.centred[:, columns]
        n = np.array(float(self.units))
        if self.there is not None:
            n = counts @ self.there[:, columns]
            n = np.where(n > 1, n, np.nan)
        mean = counts @ centred
        mean /= n
        error = counts @ centred**2
        error /= n
        error -= mean**2
        error /= n - 1
        return mean, error


def _part(values: Float[np.ndarray, "unit column"], sign: int) -> Part:
    there = np.isfinite(values)
    n = there.sum(0)
    filled = np.where(there, values, 0).astype(np.float64)
    least = np.where(there, filled, np.inf).min(0, initial=np.inf)
    most = np.where(there, filled, -np.inf).max(0, initial=-np.inf)
    rounding = 4 * np.finfo(values.dtype).eps * np.maximum(np.abs(least), np.abs(most))
    same = (n > 0) & (least >= most - rounding)  # means of equal numbers may differ in their last digit
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(same & (least == most), least, filled.sum(0) / n)
        centred = np.where(there, filled - mean, 0.0)
        variance = np.where(same, 0.0, (centred**2).sum(0) / (n - 1))
    variance[n < 2] = np.nan
    return Part(sign, n, mean, variance, centred, None if there.all() else there.astype(np.float64))


class Tested(NamedTuple):
    """What the draws say of the columns of one sample; NaN where there is nothing to test."""

    low: Float[np.ndarray, " column"]  # interval of each mean by itself
    high: Float[np.ndarray, " column"]
    wide_low: Float[np.ndarray, " column"]  # all intervals of the family together
    wide_high: Float[np.ndarray, " column"]
    p: Float[np.ndarray, " column"]  # of “the mean is 0”, two-sided
    p_corrected: Float[np.ndarray, " column"]  # over the family, by step-down max-T
    critical: float  # |t| beyond which a column passes at the first step; NaN without any column
    draws: int  # 0: the normal limit


def mean_tests(
    samples: Sequence[Sample], alpha: float, draws: int, seed: int, same_units: bool = True
) -> list[Tested]:
    """Intervals and tests of all columns of all samples, corrected together as one family.

    Samples with as many units share their draws where these are the `same_units`, so that what they have in common
    costs no correction. p = (b + 1) / (draws + 1) (Phipson & Smyth 2010). A head passes at the first step exactly
    where its wide interval leaves out 0; one that passes at a later step has a wide interval that ends at 0: its
    sign is sure, and no more.
    """
    pieces = [piece for number, sample in enumerate(samples) for piece in _pieces(number, sample)]
    used = _affordable([piece.sample for piece in pieces], draws)
    places = [(n, c) for n, piece in enumerate(pieces) for c in np.flatnonzero(~np.isnan(piece.sample.t)).tolist()]
    places.sort(key=lambda place: pieces[place[0]].sample.t[place[1]])
    found = _Family(pieces, used, seed, same_units).count(places, alpha)
    single, stepped = (found.as_large + 1) / (used + 1), (found.as_large_any + 1) / (used + 1)
    stepped = np.maximum.accumulate(stepped[::-1])[::-1]  # the largest t is last: its p is the smallest
    wide = float(critical_size(found.largest[:, None], alpha)[0]) if places else np.nan
    own = [np.full((3, len(sample.t)), np.nan) for sample in samples]
    for (n, c), *numbers in zip(places, found.critical, single, stepped, strict=True):
        own[pieces[n].number][:, pieces[n].columns[c]] = numbers
    return [
        _told(sample, *numbers, wide=wide, draws=used, alpha=alpha)
        for sample, numbers in zip(samples, own, strict=True)
    ]


class _Piece(NamedTuple):
    """Columns of one sample that share draws."""

    number: int  # of the sample
    columns: Rows
    sample: Sample
    apart: bool


def _pieces(number: int, sample: Sample) -> Iterator[_Piece]:
    """Columns that lack many numbers are drawn from the units that they have, each pattern of gaps by itself.

    Drawn with the others, they would have now twice as many numbers and now half, which widens their intervals.
    """
    there = np.isfinite(sample.values)
    apart = (there.sum(0) < (1 - MISSING) * len(there)) & ~np.isnan(sample.t) & (not sample.normal)
    rest = np.flatnonzero(~apart)
    yield _Piece(number, rest, Sample(sample.values[:, rest], sample.sides), False)
    patterns, which = np.unique(there[:, apart], axis=1, return_inverse=True)
    for n, rows in enumerate(patterns.T):
        columns = np.flatnonzero(apart)[which.ravel() == n]
        sides = None if sample.sides is None else sample.sides[rows]
        yield _Piece(number, columns, Sample(sample.values[rows][:, columns], sides), True)


def _told(
    sample: Sample,
    critical: Float[np.ndarray, " column"],
    p: Float[np.ndarray, " column"],
    corrected: Float[np.ndarray, " column"],
    *,
    wide: float,
    draws: int,
    alpha: float,
) -> Tested:
    """Intervals from the sizes that |t| must exceed."""
    if sample.normal:
        critical = np.where(np.isnan(sample.t), np.nan, stats.norm.isf(alpha / 2))
        p = 2 * stats.norm.sf(sample.t)
        corrected = np.maximum(corrected, p)
        draws = 0
    mean, error = sample.mean, np.where(np.isnan(sample.t), np.nan, sample.error)
    low, high = _around(mean, critical * error)
    wide_low, wide_high = _around(mean, wide * error)
    sure = corrected <= alpha
    wide_low = np.where(sure & (mean > 0), np.maximum(wide_low, 0), wide_low)
    wide_high = np.where(sure & (mean < 0), np.minimum(wide_high, 0), wide_high)
    return Tested(low, high, wide_low, wide_high, p, corrected, wide, draws)


def _around(mean: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NaN where the reach is infinite: too many draws have equal numbers."""
    reach = np.where(np.isfinite(reach), reach, np.nan)
    return mean - reach, mean + reach


def critical_size(sizes: Float[np.ndarray, "draw some"], alpha: float) -> Float[np.ndarray, " some"]:
    """The size that exactly alpha of (draws + 1) reach or pass; infinite where there are too few draws to say."""
    place = int(alpha * (len(sizes) + 1) + 1e-9)
    return np.partition(sizes, -place, 0)[-place] if place else np.full(sizes.shape[1:], np.inf)


def _affordable(samples: Sequence[Sample], draws: int) -> int:
    cost = sum(
        sample.values.shape[0] * (DRAW + 2 * sample.values.shape[1]) for sample in samples if not sample.normal
    )
    return min(draws, max(FEWEST, WORK // max(1, cost)))


class _Counted(NamedTuple):
    critical: Float[np.ndarray, " column"]
    as_large: Int[np.ndarray, " column"]  # draws whose |t| of this column is as large as observed
    as_large_any: Int[np.ndarray, " column"]  # … whose largest |t| of this column and all smaller ones is
    largest: Float[np.ndarray, " draw"]


@dataclass(frozen=True)
class _Family:
    """The draws of several samples, made again for every block of columns: the same each time."""

    pieces: Sequence[_Piece]
    draws: int
    seed: int
    same_units: bool

    def count(self, places: Sequence[tuple[int, int]], alpha: float) -> _Counted:
        """Goes through the columns, the smallest |t| first, so that the largest so far is that of those in play."""
        critical, single, together = np.zeros(len(places)), *np.zeros((2, len(places)), np.int64)
        largest = np.zeros(self.draws)
        size = max(1, CHUNK // max(1, self.draws))
        for start in range(0, len(places), size):
            block = places[start : start + size]
            observed = np.array([self.pieces[n].sample.t[c] for n, c in block]) * (
                1 - 1e-9
            )  # rounding must not part what is equal
            sizes = self._sizes(block)  # [draw, some]
            single[start : start + size] = (sizes >= observed).sum(0)
            critical[start : start + size] = critical_size(sizes, alpha)
            sizes[:, 0] = np.maximum(sizes[:, 0], largest)
            np.maximum.accumulate(sizes, axis=1, out=sizes)
            together[start : start + size] = (sizes >= observed).sum(0)
            largest = sizes[:, -1].copy()
        return _Counted(critical, single, together, largest)

    def _sizes(self, places: Sequence[tuple[int, int]]) -> Float[np.ndarray, "draw some"]:
        """|t| of every draw, of these columns."""
        found = np.empty((self.draws, len(places)))
        for number in sorted({number for number, _ in places}):
            at = [place for place, (n, _) in enumerate(places) if n == number]
            sample = self.pieces[number].sample
            columns = np.array([places[place][1] for place in at])
            if sample.normal:  # independent: what columns have in common could only lower the largest
                rng = np.random.default_rng([self.seed, number, *columns[:1].tolist()])
                found[:, at] = np.abs(rng.normal(size=(self.draws, len(at))))
                continue
            start = 0
            for counts in self._counts(number):
                stop = start + len(counts[0])
                found[start:stop, at] = _size(sample, counts, columns)
                start = stop
        return found

    def _counts(self, number: int) -> Iterator[list[Float[np.ndarray, "draw _"]]]:
        """How often each draw has each unit of each part, a block of draws after the other."""
        sample, apart = self.pieces[number].sample, self.pieces[number].apart
        rng = np.random.default_rng([self.seed, *([] if self.same_units and not apart else [number])])
        size = max(1, CHUNK // max(1, len(sample.values)))
        for start in range(0, self.draws, size):
            some = min(size, self.draws - start)
            yield [_counted(rng, some, part.units) for part in sample.parts]


def _counted(rng: np.random.Generator, draws: int, units: int) -> Float[np.ndarray, "draw unit"]:
    drawn = rng.integers(0, units, (draws, units), np.int32) + units * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * units).reshape(draws, units).astype(np.float64)


def _size(
    sample: Sample, counts: Sequence[Float[np.ndarray, "draw _"]], columns: Rows
) -> Float[np.ndarray, "draw some"]:
    """|t| of draws. A draw of equal numbers is as large as can be; one with too few numbers says nothing."""
    parts = [part.drawn(drawn, columns) for part, drawn in zip(sample.parts, counts, strict=True)]
    mean, error = parts[0]
    if len(parts) == 2:
        mean, error = mean - parts[1][0], error + parts[1][1]
    error[error <= NOTHING * sample.error[columns] ** 2] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(mean) / np.sqrt(error)
    size[error == 0] = np.inf
    return np.nan_to_num(size, nan=0.0, posinf=np.inf)


# ---------------------------------------------------------------------------------------------- two kinds of chance


class Crossed(NamedTuple):
    """A mean over units and over random repeats, both drawn; NaN with fewer than FEWEST_UNITS of either."""

    mean: float
    low: float
    high: float
    p: float  # of “the mean is 0”, two-sided


def crossed_test(values: Float[np.ndarray, "unit repeat"], alpha: float, draws: int, seed: int) -> Crossed:
    """Bootstrap-t of a mean of every unit in every repeat: both are drawn with replacement (Owen 2007).

    The squared standard error is that of the units' means plus that of the repeats' means, which is on the safe side.
    """
    mean = float(values.mean())
    undefined = Crossed(mean, np.nan, np.nan, np.nan)
    if min(values.shape) < FEWEST_UNITS:
        return undefined
    off = values - mean
    ones = [np.ones((1, size)) for size in values.shape]
    _, (error,) = _crossed(off, *ones)
    if error <= NOTHING * np.abs(values).max() ** 2:
        return undefined
    rng, sizes = np.random.default_rng(seed), []
    for some in np.array_split(np.arange(draws), draws * max(values.shape) // CHUNK + 1):
        means, errors = _crossed(off, *(_counted(rng, len(some), size) for size in values.shape))
        with np.errstate(divide="ignore", invalid="ignore"):
            sizes.append(np.where(errors > NOTHING * error, np.abs(means) / np.sqrt(errors), np.inf))
    all_sizes = np.concatenate(sizes)
    reach = float(critical_size(all_sizes[:, None], alpha)[0]) * error**0.5
    p = (np.count_nonzero(all_sizes >= abs(mean) / error**0.5) + 1) / (draws + 1)
    return Crossed(mean, mean - reach, mean + reach, p) if np.isfinite(reach) else undefined._replace(p=p)


def _crossed(
    values: Float[np.ndarray, "unit repeat"],
    units: Float[np.ndarray, "draw unit"],
    repeats: Float[np.ndarray, "draw repeat"],
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """Mean and squared standard error of every draw, by how often it has each unit and each repeat."""
    of_units, of_repeats = repeats @ values.T / values.shape[1], units @ values / values.shape[0]
    mean = (units * of_units).sum(1) / values.shape[0]
    error = np.zeros(len(mean))
    for counts, means in ((units, of_units), (repeats, of_repeats)):
        n = counts.shape[1]
        error += (counts * (means - mean[:, None]) ** 2).sum(1) / (n - 1) / n
    return mean, error
