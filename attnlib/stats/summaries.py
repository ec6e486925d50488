"""What many prompt pairs say together: means per head with intervals, tests and effect sizes. Not here: measuring.

Values are [unit, layer, head], one number per unit and head (a target shift, an effect); NaN where a unit has none.
Units are what is drawn at random: pairs that share an occupation or a name are averaged first (`unit_means`).
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
from attnlib.stats.power import smallest_effect, smallest_shift
from attnlib.stats.resampling import FEWEST_UNITS, Sample, Tested, critical_size, mean_tests

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
        """The same of numbers that cannot be outside: no interval goes where no mean can be."""
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
        return f"There is neither an interval nor a test, because all {self.noun}s have the same number."

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


@dataclass(frozen=True)
class GroupSummaries:
    """The heads of every group of units, in the order in which the groups come; corrected together."""

    groups: Mapping[str, HeadSummary]

    def table(self) -> pd.DataFrame:
        """A row per group and head, sorted like HeadSummary.table."""
        parts = [summary.table().assign(group=group) for group, summary in self.groups.items()]
        table = pd.concat(parts, ignore_index=True)
        return _sorted(table[["group", *table.columns.drop("group")]])


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
        raise InputError(f"A level of {alpha:g} with {draws} draws is no test. Usual are .05 and 10,000.")
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


def by_group(
    values: Values, groups: Sequence[str], *, alpha: float = 0.05, draws: int = DRAWS, seed: int = 0
) -> GroupSummaries:
    """`summarize` for the units of each group, corrected over heads x groups. `groups` has one name per unit."""
    if len(groups) != len(values) or not len(groups):
        raise InputError(
            f"There are {len(values)} pairs and {len(groups)} names of groups. Give a name for each pair."
        )
    names = np.array(groups, dtype=object)
    members = {name: values[names == name] for name in dict.fromkeys(groups)}
    found = summarize_family(list(members.values()), same_units=False, alpha=alpha, draws=draws, seed=seed)
    return GroupSummaries(dict(zip(members, found, strict=True)))


def compare_models(
    values_a: Float[np.ndarray, "..."],
    values_b: Float[np.ndarray, "..."],
    *,
    sides: ArrayLike | None = None,
    alpha: float = 0.05,
    draws: int = DRAWS,
    seed: int = 0,
) -> HeadSummary:
    """`summarize` of b − a: the same units in two models of as many heads; a unit counts where both have a number."""
    if values_a.shape != values_b.shape:
        sizes = " and ".join(" x ".join(map(str, values.shape)) for values in (values_a, values_b))
        raise InputError(
            f"The models' numbers are {sizes} (pairs x layers x heads). Measure the same pairs, in models with the "
            "same heads."
        )
    return summarize(difference(values_a, values_b), sides=sides, alpha=alpha, draws=draws, seed=seed)


def difference(values_a: Float[np.ndarray, "..."], values_b: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """b − a in float64, where both have a finite number; else NaN."""
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


def group_means(
    values: Float[np.ndarray, " pair"],
    labels: Sequence[str],
    units: Sequence[str] | None = None,
    *,
    alpha: float = 0.05,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """One head's mean over the units of each label (an occupation), with its bootstrap-t interval and test.

    `units` has a name per pair: pairs of one unit are averaged within each label first, and a unit that has several
    labels is drawn with all of them; without it every pair is a unit. Columns: label, n (pairs), units, mean, low,
    high (of each label by itself), wide_low, wide_high (of all labels at once), p, p_corrected (over the labels);
    labels in the order in which they come. NaN where a label has fewer than FEWEST_UNITS units.
    """
    for others, what in ((labels, "labels"), (values if units is None else units, "units")):
        if len(others) != len(values):
            raise InputError(
                f"There are {len(values)} numbers and {len(others)} {what}. Give one of the {what} for each number."
            )
    codes, names = pd.factorize(np.array(labels, dtype=object))
    members = [np.flatnonzero(codes == n) for n in range(len(names))]
    samples = [Sample(values[rows][np.isfinite(values[rows]), None]) for rows in members]
    counts = [len(sample.values) for sample in samples]
    if units is not None:
        samples = [Sample(_by_unit(values, codes, len(names), units))] if len(names) else []
    tested = mean_tests(samples, alpha, draws, seed, same_units=False)
    columns = {name: _joined(tested, name) for name in ("low", "high", "wide_low", "wide_high", "p", "p_corrected")}
    about = {"label": list(names), "n": counts, "units": _joined(samples, "n"), "mean": _joined(samples, "mean")}
    return pd.DataFrame(about | columns)


def _by_unit(
    values: Float[np.ndarray, " pair"], codes: Int[np.ndarray, " pair"], labels: int, units: Sequence[str]
) -> Float[np.ndarray, "unit label"]:
    """The mean of every unit and label; NaN where there is none."""
    spread = np.full((len(values), 1, labels), np.nan)
    spread[np.arange(len(values)), 0, codes] = values
    found = unit_means(spread, units)[:, 0]
    return found[np.isfinite(found).any(1)]


def _joined(parts: Sequence[object], name: str) -> np.ndarray:
    return np.concatenate([np.zeros(0), *(getattr(part, name) for part in parts)])


def join_column(means: pd.DataFrame, outside: Mapping[str, float], name: str = "outside") -> pd.DataFrame:
    """The rows of `group_means` that an outside list has a number for, with that number as a further column."""
    joined = means.assign(**{name: means["label"].map(outside).astype(float)})
    return joined[np.isfinite(joined[[name, "mean"]]).all(axis=1)].reset_index(drop=True)


class Correlation(NamedTuple):
    """Pearson's r with its 95 % interval over the items, and p of “r is 0” from the same draws."""

    r: float
    low: float  # NaN, as high and p, with fewer than FEWEST_UNITS items
    high: float
    items: int
    p: float


def correlate(a: ArrayLike, b: ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> Correlation:
    """Pearson's r of two columns, with a 95 % bootstrap-t interval over their rows on Fisher's scale, z = artanh r.

    The standard error of z is that of its influence function (Efron & Tibshirani 1993, ch. 12 and 22), so that
    neither column need be normal. For Winogender the rows are occupations: a strong r can show bias, a weak one
    cannot prove its absence. Rows must be independent: average pairs of one item first (`group_means`).
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    if len(x) != len(y) or len(x) < 3 or not np.isfinite([*x, *y]).all():
        raise InputError(
            f"A correlation needs two columns of at least three numbers; these have {len(x)} and {len(y)}."
        )
    if not (np.ptp(x) and np.ptp(y)):
        raise InputError("A column whose numbers are all the same correlates with nothing. Choose another.")
    (r,), (z,), (error,) = _fisher(x[None], y[None])
    if len(x) < FEWEST_UNITS or not error > 0:
        return Correlation(float(r), math.nan, math.nan, len(x), math.nan)
    rows = np.random.default_rng(seed).integers(0, len(x), (draws, len(x)))
    _, drawn, errors = _fisher(x[rows], y[rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = np.nan_to_num(np.abs(drawn - z) / errors, nan=np.inf, posinf=np.inf)
    p = (np.count_nonzero(sizes >= abs(z) / error) + 1) / (draws + 1)
    reach = critical_size(sizes[:, None], 0.05)[0] * error
    return Correlation(float(r), float(np.tanh(z - reach)), float(np.tanh(z + reach)), len(x), float(p))


def _fisher(
    x: Float[np.ndarray, "draw item"], y: Float[np.ndarray, "draw item"]
) -> tuple[Float[np.ndarray, " draw"], Float[np.ndarray, " draw"], Float[np.ndarray, " draw"]]:
    """r, z = artanh r and the standard error of z; of numbers on a line, z is infinite and the error 0 or NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = (
            (u - u.mean(-1, keepdims=True)) / np.where(np.ptp(u, -1) > 0, u.std(-1), np.nan)[:, None] for u in (x, y)
        )
        r = np.clip((x * y).mean(-1), -1, 1)
        influence = (x * y - r[:, None] * (x**2 + y**2) / 2) / (1 - r**2)[:, None]
        return r, np.arctanh(r), np.sqrt((influence**2).sum(-1)) / x.shape[1]


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
        """Half the 95 % t interval of the mean; NaN for fewer than FEWEST_UNITS numbers."""
        count = np.asarray(self.count, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(self.squares - self.total * self.mean, 0) / (count - 1)
            quantile = stats.t.ppf(0.975, np.maximum(count - 1, 1))
            return np.where(count >= FEWEST_UNITS, quantile * np.sqrt(variance / count), np.nan)
