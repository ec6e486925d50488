"""How large a mean must be for n units to show it, and how many units a mean needs. Not here: tests of data.

The power is that of the test that is run (resampling.py): bootstrap-t with step-down max-T, of normal numbers that
are independent from head to head. It has no formula: SHIFTS is a table of simulated studies
(`python -m tests.benchmarks.statistics shifts`), between whose rows and columns we interpolate. Skewed numbers need
more; heads that move together need less.
"""

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from attnlib.errors import InputError
from attnlib.stats.resampling import FEWEST_UNITS, LARGE

HEADS = (1, 4, 16, 64, 256, 1024)
SHIFTS = {  # units: the mean, in standard errors, that one of so many HEADS shows at 5 % with 50 and with 80 % power
    6: ((3.069, 4.548), (5.451, 8.256), (11.070, 16.363), (24.507, 36.962), (48.063, 77.933), (111.909, 166.626)),
    8: ((2.580, 3.679), (4.011, 5.398), (6.353, 8.436), (10.008, 12.832), (15.972, 20.609), (27.909, 36.698)),
    10: ((2.355, 3.353), (3.481, 4.637), (4.980, 6.431), (6.928, 8.743), (9.674, 12.221), (13.446, 16.124)),
    12: ((2.310, 3.262), (3.200, 4.268), (4.263, 5.455), (5.799, 7.231), (7.484, 9.123), (9.385, 11.451)),
    15: ((2.266, 3.209), (3.007, 4.000), (3.846, 4.913), (4.859, 6.051), (6.170, 7.469), (7.671, 9.138)),
    20: ((2.108, 3.015), (2.853, 3.786), (3.536, 4.514), (4.275, 5.307), (5.077, 6.167), (6.105, 7.286)),
    30: ((2.004, 2.872), (2.715, 3.609), (3.275, 4.195), (3.872, 4.816), (4.459, 5.454), (4.988, 5.982)),
    50: ((2.045, 2.910), (2.560, 3.434), (3.093, 3.976), (3.594, 4.490), (4.065, 4.976), (4.602, 5.533)),
    100: ((2.007, 2.858), (2.549, 3.405), (3.030, 3.890), (3.453, 4.320), (3.870, 4.741), (4.232, 5.111)),
    500: ((1.992, 2.834), (2.482, 3.325), (2.941, 3.787), (3.367, 4.214), (3.751, 4.599), (4.066, 4.916)),
}


def fewest_pairs() -> int:
    """The number of units below which no head is tested, however large its mean."""
    return FEWEST_UNITS


def power_of(effect: float, n: int, heads: int = 1, alpha: float = 0.05) -> float:
    """How probably n units show a mean of `effect` standard deviations, tested among `heads`.

    Exact, up to the table, where it is .5 or .8; between and beyond, that of a normal limit that goes through both.
    """
    if n < FEWEST_UNITS:
        return 0.0
    half, most = _shifts(n, heads, alpha)
    far, spread = abs(effect) * math.sqrt(n), (most - half) / stats.norm.ppf(0.8)
    return float(stats.norm.cdf((far - half) / spread) + stats.norm.cdf((-far - half) / spread))


def _shifts(n: int, heads: int, alpha: float) -> tuple[float, float]:
    """The shifts of 50 and 80 % power, between rows in 1 / n and between columns in log heads, both on the log scale.

    A level of alpha counts as .05 / alpha times as many heads at 5 %.
    """
    many = math.log(max(1.0, heads * 0.05 / alpha))
    columns = np.log(HEADS)
    right = min(max(1, int(np.searchsorted(columns, many))), len(HEADS) - 1)
    share = (many - columns[right - 1]) / (columns[right] - columns[right - 1])  # above 1 beyond the last column
    sizes = sorted(SHIFTS)
    rows = [(1 / size, np.array(SHIFTS[size])) for size in sizes] + [(0.0, _limits())]
    at = min(sum(size <= n for size in sizes), len(sizes)) or 1
    (left, upper), (low, lower) = rows[at - 1], rows[at]
    mixed = (left - 1 / n) / (left - low) if left > low else 0.0
    logs = (1 - mixed) * np.log(upper) + mixed * np.log(lower)  # [column, power]
    half, most = np.exp(logs[right - 1] + share * (logs[right] - logs[right - 1]))
    return float(half), float(most)


def _limits() -> np.ndarray:
    """The row of infinitely many units: independent normal numbers (Šidák 1967)."""
    passed = stats.norm.isf(-np.expm1(np.log(0.95) / np.array(HEADS)) / 2)
    return np.stack([passed, passed + stats.norm.ppf(0.8)], 1)


@lru_cache(maxsize=4096)
def smallest_effect(n: int, heads: int = 1, alpha: float = 0.05, power: float = 0.8) -> float:
    """The mean, in standard deviations, that n units show with this power; NaN where they are too few for a test."""
    _check(alpha, power)
    if n < FEWEST_UNITS:
        return math.nan
    half, most = _shifts(n, heads, alpha)
    far = half + (most - half) * stats.norm.ppf(power) / stats.norm.ppf(0.8)
    return float(max(0.0, far) / math.sqrt(n))


@lru_cache(maxsize=4096)
def smallest_shift(critical: float, freedom: float, power: float = 0.8) -> float:
    """The mean, in standard errors, whose |t| passes `critical` with this power (normal numbers: noncentral t).

    |t| passes where the standard error is less than |z + mean| / critical: the chance of that is averaged over the
    normal z. SciPy's own noncentral t has no number, or none that converges, where critical values are large.
    NaN where nothing passes: `critical` is infinite.
    """
    if not math.isfinite(critical):
        return math.nan

    width = critical / math.sqrt(2 * freedom)  # in which the chance, given z, goes from 0 to 1
    z = np.linspace(-9, 9, 1 + math.ceil(18 / min(0.1, width)))
    weights = stats.norm.pdf(z) * (z[1] - z[0])

    def passing(far: float) -> float:
        if freedom > LARGE:
            return float(stats.norm.sf(critical - far) + stats.norm.cdf(-critical - far))
        return float(weights @ special.chdtr(freedom, freedom * ((z + far) / critical) ** 2))

    high = critical + 1
    while passing(high) < power:
        high *= 2
    return float(optimize.brentq(lambda far: passing(far) - power, 0, high, xtol=1e-9))


def detectable(n: int, sd: float, heads: int = 1, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest |mean| that n units with this standard deviation show; NaN where they could show none."""
    return sd * smallest_effect(n, heads, alpha, power)


def pairs_needed(mean: float, sd: float, heads: int = 1, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many units show this mean with this power. Raises InputError for a mean of 0, which none can show."""
    _check(alpha, power)
    if not (mean and sd >= 0 and math.isfinite(mean) and math.isfinite(sd)):
        raise InputError(
            f"No number of pairs shows a mean of {mean:g} with a standard deviation of {sd:g}. Give a mean that is "
            "not 0 and a standard deviation that is not negative."
        )
    low, high = FEWEST_UNITS - 1, FEWEST_UNITS
    while detectable(high, sd, heads, alpha, power) > abs(mean):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if detectable(middle, sd, heads, alpha, power) > abs(mean) else (low, middle)
    return high


def _check(alpha: float, power: float) -> None:
    if not 0 < alpha < power < 1:
        raise InputError(
            f"A level of {alpha:g} with a power of {power:g} is not a test: the level must be above 0 and below the "
            "power, and the power below 1. Usual values are .05 and .8."
        )
