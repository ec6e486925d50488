"""How large a mean must be for n pairs to show it, and how many pairs a mean needs. Not here: tests of data.

The power is that of the two-sided one-sample t test at alpha / heads, Holm's threshold for the first of many heads.
The sign-flip test of statistics.py has the same power in the limit and, for few pairs, a smallest p of its own.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import optimize, stats

from attnlib.errors import InputError
from attnlib.resampling import FEWEST_UNITS, LARGE

PAIRS = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


def fewest_pairs(heads: int = 1, alpha: float = 0.05) -> int:
    """With fewer pairs no head is tested, however large its mean."""
    return FEWEST_UNITS


def power_of(effect: float, n: int, heads: int = 1, alpha: float = 0.05) -> float:
    """How probably n pairs show a mean of `effect` standard deviations, tested among `heads` (Cohen 1988, ch. 2)."""
    tail, far = alpha / heads / 2, abs(effect) * math.sqrt(n)
    if n > LARGE:
        limit = stats.norm.isf(tail)
        return float(stats.norm.sf(limit - far) + stats.norm.cdf(-limit - far))
    limit = stats.t.isf(tail, n - 1)
    wrong_sign = np.nan_to_num(stats.nct.cdf(-limit, n - 1, far))  # SciPy has NaN for some that are nearly 0
    return float(stats.nct.sf(limit, n - 1, far) + wrong_sign)


@lru_cache(maxsize=4096)
def smallest_effect(n: int, heads: int = 1, alpha: float = 0.05, power: float = 0.8) -> float:
    """The mean, in standard deviations, that n pairs show with this power; NaN where they could show none."""
    _check(alpha, power)
    if n < fewest_pairs(heads, alpha):
        return math.nan
    high = 1.0
    while power_of(high, n, heads, alpha) < power:
        high *= 2
    return float(optimize.brentq(lambda d: power_of(d, n, heads, alpha) - power, 0, high, xtol=1e-9))


@lru_cache(maxsize=4096)
def smallest_shift(critical: float, freedom: float, power: float = 0.8) -> float:
    """The mean, in standard errors, whose |t| passes `critical` with this power (normal numbers: noncentral t).

    NaN where nothing passes: `critical` is infinite.
    """
    if not math.isfinite(critical):
        return math.nan
    if freedom > LARGE:
        return float(
            optimize.brentq(
                lambda far: stats.norm.sf(critical - far) + stats.norm.cdf(-critical - far) - power, 0, critical + 40
            )
        )

    def passing(far: float) -> float:
        wrong_sign = np.nan_to_num(stats.nct.cdf(-critical, freedom, far))  # SciPy has NaN for some that are nearly 0
        return float(stats.nct.sf(critical, freedom, far) + wrong_sign)

    high = critical + 1
    while passing(high) < power:
        high *= 2
    return float(optimize.brentq(lambda far: passing(far) - power, 0, high, xtol=1e-9))


def detectable(n: int, sd: float, heads: int = 1, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest |mean| that n pairs with this standard deviation show; NaN where they could show none."""
    return sd * smallest_effect(n, heads, alpha, power)


def pairs_needed(mean: float, sd: float, heads: int = 1, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many pairs show this mean with this power. Raises InputError for a mean of 0, which none can show."""
    _check(alpha, power)
    if not (mean and sd >= 0 and math.isfinite(mean) and math.isfinite(sd)):
        raise InputError(
            f"No number of pairs shows a mean of {mean:g} with a standard deviation of {sd:g}. Give a mean that is "
            "not 0 and a standard deviation that is not negative."
        )
    low = high = fewest_pairs(heads, alpha)
    while sd and power_of(mean / sd, high, heads, alpha) < power:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(mean / sd, middle, heads, alpha) >= power else (middle, high)
    return high


def power_curve(
    sd: float, heads: int = 1, alpha: float = 0.05, power: float = 0.8, pairs: Sequence[int] = PAIRS
) -> pd.DataFrame:
    """For each number of pairs the smallest |mean| that they show; columns pairs, detectable."""
    return pd.DataFrame({"pairs": list(pairs), "detectable": [detectable(n, sd, heads, alpha, power) for n in pairs]})


def _check(alpha: float, power: float) -> None:
    if not 0 < alpha < power < 1:
        raise InputError(
            f"A level of {alpha:g} with a power of {power:g} is no test: the level must be above 0 and below the "
            "power, and the power below 1. Usual are .05 and .8."
        )
