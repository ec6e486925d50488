"""What many prompt pairs say together: means per head with intervals, tests and effect sizes. Not here: measuring.

Values are [pair, layer, head], one number per pair and head (a target shift, an effect); NaN where a pair has none.
Pairs are the unit, as if drawn independently: pairs that share a sentence tell less than their number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from scipy import stats

from attnlib.errors import InputError
from attnlib.power import smallest_effect
from attnlib.resampling import holm, mean_intervals, sign_flip_test

Values = Float[np.ndarray, "pair layer head"]
Heads = Float[np.ndarray, "layer head"]
FLIPS = 10_000  # of a sign-flip test, or more where there are many heads


@dataclass(frozen=True)
class HeadSummary:
    """What the pairs say of each head; NaN where there are too few of them."""

    n: Int[np.ndarray, "layer head"]  # pairs with a finite number
    mean: Heads
    sd: Heads  # over pairs, ddof = 1
    low: Heads  # bootstrap interval of the mean, from three pairs on
    high: Heads
    p: Heads  # sign-flip test of mean = 0, two-sided
    p_holm: Heads  # corrected for all `tests`
    effect: Heads  # Cohen's d_z = mean / sd; NaN where the numbers do not vary
    detectable: Heads  # the smallest |mean| seen with 80 % power at alpha / tests; NaN where none could be
    pairs: int  # of the study, with those that have no number
    infinite: int  # numbers that were left out because they are infinite
    tests: int  # heads with a number, in all groups that are corrected together
    alpha: float
    resamples: int  # of the bootstrap; 0: the normal limit instead
    flips: int  # of the test; 0: the normal limit instead
    noun: str = "pair"  # what is counted: pairs, or units of pairs that belong together

    @property
    def significant(self) -> Bool[np.ndarray, "layer head"]:
        """Which means differ from 0 after the correction."""
        return self.p_holm <= self.alpha

    @property
    def method(self) -> str:
        """How the intervals and p were made, in a sentence."""
        drawn = f"a bootstrap over pairs with {self.resamples:,} resamples" if self.resamples else "the normal limit"
        flipped = (
            f"{self.flips:,} random sign flips (or all, if fewer)" if self.flips else "the normal limit of sign flips"
        )
        return f"{1 - self.alpha:.0%} intervals by {drawn}; p by {flipped}, Holm-corrected over {self.tests} tests."

    def table(self) -> pd.DataFrame:
        """A row per head: the smallest p_holm first, of equal ones the largest |mean|."""
        layer, head = np.indices(self.n.shape)
        names = ("n", "mean", "sd", "low", "high", "effect", "p", "p_holm", "detectable")
        columns = {"layer": layer, "head": head} | {name: getattr(self, name) for name in names}
        return _sorted(pd.DataFrame({name: values.ravel() for name, values in columns.items()}))


@dataclass(frozen=True)
class GroupSummaries:
    """The heads of every group of pairs, in the order in which the groups come; corrected together."""

    groups: Mapping[str, HeadSummary]

    def table(self) -> pd.DataFrame:
        """A row per group and head, sorted like HeadSummary.table."""
        parts = [summary.table().assign(group=group) for group, summary in self.groups.items()]
        table = pd.concat(parts, ignore_index=True)
        return _sorted(table[["group", *table.columns.drop("group")]])


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    order = np.lexsort((-table["mean"].abs(), table["p_holm"]))
    return table.iloc[order].reset_index(drop=True)


def summarize(values: Values, *, alpha: float = 0.05, resamples: int = 10_000, seed: int = 0) -> HeadSummary:
    """Mean over pairs of every head, its bootstrap interval, sign-flip p (Holm over all heads), effect size, power.

    Infinite numbers are left out and counted. Where work or pairs are very many, fewer resamples or normal limits are
    used (resampling.py); the result says so.
    """
    return _summaries([values], alpha, resamples, seed)[0]


def by_group(
    values: Values, groups: Sequence[str], *, alpha: float = 0.05, resamples: int = 10_000, seed: int = 0
) -> GroupSummaries:
    """`summarize` for the pairs of each group, Holm over heads x groups. `groups` has one name per pair."""
    if len(groups) != len(values) or not len(groups):
        raise InputError(
            f"There are {len(values)} pairs and {len(groups)} names of groups. Give a name for each pair."
        )
    names = np.array(groups, dtype=object)
    members = {name: values[names == name] for name in dict.fromkeys(groups)}
    return GroupSummaries(dict(zip(members, _summaries(list(members.values()), alpha, resamples, seed), strict=True)))


def compare_models(
    values_a: Float[np.ndarray, "..."],
    values_b: Float[np.ndarray, "..."],
    *,
    alpha: float = 0.05,
    resamples: int = 10_000,
    seed: int = 0,
) -> HeadSummary:
    """`summarize` of b − a: the same pairs in two models of as many heads; a pair counts where both have a number."""
    if values_a.shape != values_b.shape:
        sizes = " and ".join(" x ".join(map(str, values.shape)) for values in (values_a, values_b))
        raise InputError(
            f"The models' numbers are {sizes} (pairs x layers x heads). Measure the same pairs, in models with the "
            "same heads."
        )
    both = np.isfinite(values_a) & np.isfinite(values_b)
    return summarize(
        np.where(both, values_b, np.nan).astype(np.float64) - np.where(both, values_a, np.nan),
        alpha=alpha,
        resamples=resamples,
        seed=seed,
    )


def _summaries(studies: Sequence[Values], alpha: float, resamples: int, seed: int) -> list[HeadSummary]:
    if not 0 < alpha < 0.8 or resamples < 1:
        raise InputError(f"A level of {alpha:g} with {resamples} resamples is no test. Usual are .05 and 10,000.")
    tests = sum(int(np.isfinite(values).any(0).sum()) for values in studies)
    found = [_summary(values, tests, alpha, resamples, seed) for values in studies]
    corrected = holm(np.stack([summary.p for summary in found]))
    return [replace(summary, p_holm=p) for summary, p in zip(found, corrected, strict=True)]


def _summary(values: Values, tests: int, alpha: float, resamples: int, seed: int) -> HeadSummary:
    """All but the correction."""
    shape = values.shape[1:]
    flat = values.reshape(len(values), math.prod(shape))
    n, mean, sd = _moments(flat)
    intervals = mean_intervals(flat, 1 - alpha, resamples, seed)
    flips = max(FLIPS, math.ceil(2.5 / alpha) * tests)  # 50 x heads at 5 %: the smallest p passes Holm twice over
    tested = sign_flip_test(flat, flips, seed)
    least = {count: smallest_effect(count, tests, alpha) for count in np.unique(n).tolist() if tests}
    sure = sd == 0
    return HeadSummary(
        n=n.reshape(shape),
        mean=mean.reshape(shape),
        sd=sd.reshape(shape),
        low=np.where(sure & (n >= 3), mean, intervals.low).reshape(shape),
        high=np.where(sure & (n >= 3), mean, intervals.high).reshape(shape),
        p=tested.p.reshape(shape),
        p_holm=np.full(shape, np.nan),
        effect=(mean / np.where(sure, np.nan, sd)).reshape(shape),
        detectable=(sd * np.array([least.get(count, np.nan) for count in n.tolist()])).reshape(shape),
        pairs=len(values),
        infinite=int(np.isinf(values).sum()),
        tests=tests,
        alpha=alpha,
        resamples=intervals.resamples,
        flips=tested.flips,
    )


def _moments(
    values: Float[np.ndarray, "pair head"],
) -> tuple[Int[np.ndarray, " head"], Float[np.ndarray, " head"], Float[np.ndarray, " head"]]:
    """Count, mean and standard deviation of every column; equal numbers have exactly their mean, and none."""
    there = np.isfinite(values)
    n = there.sum(0)
    some, two = np.where(n > 0, n, np.nan), np.where(n > 1, n - 1, np.nan)
    mean = np.where(there, values, 0).sum(0, dtype=np.float64) / some
    sd = np.sqrt((np.where(there, values - mean, 0) ** 2).sum(0) / two)
    least = np.where(there, values, np.inf).min(0, initial=np.inf)
    same = least == np.where(there, values, -np.inf).max(0, initial=-np.inf)
    return n, np.where(same, least, mean), np.where(same & (n > 1), 0.0, sd)


def unit_means(values: Values, units: Sequence[str]) -> Float[np.ndarray, "unit layer head"]:
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


def group_means(
    values: Float[np.ndarray, " pair"],
    labels: Sequence[str],
    *,
    alpha: float = 0.05,
    resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """One head's mean over the pairs of each label (an occupation) with its bootstrap interval, not corrected.

    Columns: label, n, mean, low, high; labels in the order in which they come.
    """
    if len(labels) != len(values):
        raise InputError(f"There are {len(values)} numbers and {len(labels)} labels. Give a label for each number.")
    codes, names = pd.factorize(np.array(labels, dtype=object))
    places = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    table = np.full((int(places.max(initial=-1)) + 1, len(names)), np.nan)  # [pair of the label, label]
    table[places, codes] = values
    n, mean, sd = _moments(table)
    found = mean_intervals(table, 1 - alpha, resamples, seed)
    sure = (sd == 0) & (n >= 3)
    low, high = (np.where(sure, mean, bound) for bound in (found.low, found.high))
    return pd.DataFrame({"label": list(names), "n": n, "mean": mean, "low": low, "high": high})


def join_column(means: pd.DataFrame, outside: Mapping[str, float], name: str = "outside") -> pd.DataFrame:
    """The rows of `group_means` that an outside list has a number for, with that number as a further column."""
    joined = means.assign(**{name: means["label"].map(outside).astype(float)})
    return joined[np.isfinite(joined[[name, "mean"]]).all(axis=1)].reset_index(drop=True)


class Correlation(NamedTuple):
    """Pearson's r with its bootstrap interval over the items, and p of r = 0 (SciPy's, for normal columns)."""

    r: float
    low: float
    high: float
    items: int
    p: float


def correlate(a: ArrayLike, b: ArrayLike, *, resamples: int = 10_000, seed: int = 0) -> Correlation:
    """Pearson's r of two columns, with a 95 % percentile bootstrap interval over their rows.

    For Winogender the rows are occupations: a strong r can show bias, a weak one cannot prove its absence. Resamples
    in which a column does not vary have no r and are left out.
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    if len(x) != len(y) or len(x) < 3 or not np.isfinite([*x, *y]).all():
        raise InputError(
            f"A correlation needs two columns of at least three numbers; these have {len(x)} and {len(y)}."
        )
    if not (np.ptp(x) and np.ptp(y)):
        raise InputError("A column whose numbers are all the same correlates with nothing. Choose another.")
    known = stats.pearsonr(x, y)
    rows = np.random.default_rng(seed).integers(0, len(x), (resamples, len(x)))
    found = _pearson(x[rows], y[rows])
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Correlation(float(known.statistic), float(low), float(high), len(x), float(known.pvalue))


def _pearson(u: Float[np.ndarray, "resample item"], v: Float[np.ndarray, "resample item"]) -> np.ndarray:
    varies = (np.ptp(u, -1) > 0) & (np.ptp(v, -1) > 0)
    u, v = u - u.mean(-1, keepdims=True), v - v.mean(-1, keepdims=True)
    size = np.sqrt((u * u).sum(-1) * (v * v).sum(-1))
    return (u * v).sum(-1) / np.where(varies, size, np.nan)


# ---------------------------------------------------------------------------------------------- added up


@dataclass
class Moments:
    """Sums of numbers that are not kept: for means and intervals over any number of texts. NaN counts for nothing."""

    count: np.ndarray | float = 0.0
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def add(self, values: Float[np.ndarray, "text ..."]) -> None:
        """Numbers of more texts."""
        self.count = self.count + np.isfinite(values).sum(0)
        self.total = self.total + np.nansum(values, 0)
        self.squares = self.squares + np.nansum(values**2, 0)

    @property
    def mean(self) -> Float[np.ndarray, "..."]:
        """NaN without a number."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.total / np.asarray(self.count, np.float64))

    @property
    def reach(self) -> Float[np.ndarray, "..."]:
        """Half the 95 % t interval of the mean; NaN for fewer than three numbers."""
        count = np.asarray(self.count, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(self.squares - self.total * self.mean, 0) / (count - 1)
            quantile = stats.t.ppf(0.975, np.maximum(count - 1, 1))
            return np.where(count > 2, quantile * np.sqrt(variance / count), np.nan)
