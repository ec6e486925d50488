"""One head by groups of pairs, and beside what is known of them from elsewhere."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from attnlib.errors import InputError
from attnlib.stats.resampling import FEWEST_UNITS, Sample, critical_size, mean_tests
from attnlib.stats.summaries import DRAWS, unit_means


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
