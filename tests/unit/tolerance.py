"""How far two right answers in floating point may lie apart, derived and not tried out.

Processors, threads and batches add the same numbers in another order. What only differs by that is equal for a test:
by the product's own tolerance where two forward passes are compared, by a bound where numbers are added up here.
"""

import numpy as np

from attnlib.comparison.run import OTHER_LENGTHS


def of_weights() -> float:
    """Of one attention weight, of two passes: the product's own."""
    return OTHER_LENGTHS


def of_rows() -> float:
    """Of what is added up over the keys of a row of weights (a distance, a target shift, a score), of two passes.

    Scores s that are off by e put a weight off by at most w(1 − w)·2e, and half the sum over all keys by at most e:
    with w = 1/2, four times as much as one weight, however many keys there are.
    """
    return 4 * OTHER_LENGTHS


def of_odds() -> float:
    """Of a ratio of odds (two words, two passes), relative to its size.

    The product's tolerance lets a weight be off by 1e-5, and so a score by twice that (w(1 − w) ≤ 1/4); a ratio of
    odds has four scores in its exponent.
    """
    return 4 * 2 * OTHER_LENGTHS


def of_sum(count: int, size: float = 1.0, dtype: type[np.floating] = np.float32) -> float:
    """Of two sums of the same `count` numbers, of which none is larger than `size`, in different orders.

    Each is off by at most (count − 1)·u·Σ|x| with u half of eps (Higham 2002, section 4.2); the sum is at most
    `size` where the numbers are shares of it.
    """
    return float(count * np.finfo(dtype).eps * size)
