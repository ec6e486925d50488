"""Simulated studies whose truth is known: fewer than in docs/statistics.md, with fixed seeds."""

import math

import numpy as np
import pytest
from scipy import stats

from attnlib.stats.groups import group_means
from tests.benchmarks import statistics as simulated

pytestmark = pytest.mark.simulation
STUDIES = 150


def most(share: float, of: int) -> int:
    """More than so many would be seen once in a thousand times, were this the true share."""
    return int(stats.binom.isf(0.001, of, share))


@pytest.mark.parametrize("data", simulated.DATA)
@pytest.mark.parametrize("shape", simulated.SHAPES)
def test_studies_of_nothing_rarely_find_something(shape: tuple[int, int], data: str) -> None:
    assert simulated.error(*shape, data, STUDIES, draws=199) * STUDIES <= most(0.06, STUDIES)


@pytest.mark.parametrize("data", ["normal", "exponential"])
@pytest.mark.parametrize("units", [6, 10, 20, 50])
def test_intervals_hold_the_mean(units: int, data: str) -> None:
    """.92 at least; four standard errors of as many intervals, of which 50 share their draws."""
    of = 2_000
    assert simulated.coverage(units, data, of, draws=399) >= 0.92 - 4 * math.sqrt(0.92 * 0.08 / of)


@pytest.mark.parametrize("shape", [(10, 16), (12, 64), (20, 16), (50, 144)])
def test_the_power_that_is_told_is_had(shape: tuple[int, int]) -> None:
    studies = 200
    found = simulated.power(*shape, studies, draws=199)
    assert found == pytest.approx(0.8, abs=0.04 + 2 * math.sqrt(0.16 / studies))


@pytest.mark.parametrize(("items", "rho"), [(6, 0.95), (10, 0.0), (20, 0.5), (50, 0.95)])
def test_intervals_of_correlations_hold_them(items: int, rho: float) -> None:
    held, _ = simulated.correlated(items, rho, 300, draws=399)
    assert held >= 0.92 - 3 * math.sqrt(0.92 * 0.08 / 300)


def test_groups_of_nothing_rarely_differ_from_it() -> None:
    """8 groups of 10 units of 3 pairs that share what their unit adds."""
    rng, found = np.random.default_rng(0), 0
    labels, units = (np.repeat(np.arange(80) // step, 3).astype(str).tolist() for step in (10, 1))
    for seed in range(STUDIES):
        numbers = np.repeat(rng.normal(size=80), 3) + rng.normal(size=240) / 3
        found += bool((group_means(numbers, labels, units, draws=199, seed=seed)["p_corrected"] <= 0.05).any())
    assert found <= most(0.06, STUDIES)
