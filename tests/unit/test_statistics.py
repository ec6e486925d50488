"""Statistics of a study against SciPy, brute force, pencil and paper, and simulated studies whose truth is known."""

import itertools
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attnlib import InputError, resampling
from attnlib.power import (
    detectable,
    fewest_pairs,
    pairs_needed,
    power_curve,
    power_of,
    smallest_effect,
)
from attnlib.resampling import holm, mean_intervals, sign_flip_test
from attnlib.statistics import (
    HeadSummary,
    by_group,
    compare_models,
    correlate,
    group_means,
    join_column,
    summarize,
)

BENCHMARKS = Path(__file__).resolve().parents[3] / "shared" / "benchmarks"


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def study(pairs: int, layers: int = 2, heads: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.2, 1, (pairs, layers, heads)).astype(np.float32)


def quick(values: np.ndarray, **options: float) -> HeadSummary:
    return summarize(values, resamples=500, **options)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- against oracles


def test_the_moments_are_numpys() -> None:
    values = study(40)
    found = quick(values)
    assert (found.n == 40).all()
    np.testing.assert_allclose(found.mean, values.astype(float).mean(0))
    np.testing.assert_allclose(found.sd, values.astype(float).std(0, ddof=1))
    np.testing.assert_allclose(found.effect, found.mean / found.sd)


def test_the_interval_is_scipys_percentile_bootstrap() -> None:
    values = study(30)
    found = summarize(values, resamples=2_000, seed=3)
    own = stats.bootstrap(
        (values.astype(float),), np.mean, axis=0, n_resamples=2_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval  # draws each head by itself: the same up to the chance of resampling
    np.testing.assert_allclose(found.low, own.low, atol=0.03)
    np.testing.assert_allclose(found.high, own.high, atol=0.03)
    one = stats.bootstrap(
        (values[:, 0, 0].astype(float),),
        np.mean,
        n_resamples=2_000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval  # the same draws
    assert (found.low[0, 0], found.high[0, 0]) == pytest.approx((one.low, one.high), abs=1e-9)


def test_the_interval_does_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    values = study(20, 1, 7)
    whole = quick(values)
    monkeypatch.setattr(resampling, "TOGETHER", 2)
    np.testing.assert_allclose(quick(values).low, whole.low, atol=1e-12)
    monkeypatch.setattr(resampling, "CHUNK", 1_000)
    np.testing.assert_allclose(quick(values).high, whole.high, atol=1e-12)
    np.testing.assert_allclose(quick(values).p, whole.p, atol=1e-12)


@pytest.mark.parametrize("pairs", [1, 2, 3, 7, 10])
def test_few_pairs_have_the_p_of_all_signs(pairs: int) -> None:
    values = study(pairs)
    signs = np.array(list(itertools.product([1, -1], repeat=pairs)))
    flat = values.reshape(pairs, -1).astype(float)
    expected = (np.abs(signs @ flat) >= np.abs(flat.sum(0)) - 1e-9).mean(0)
    np.testing.assert_array_equal(quick(values).p.ravel(), expected)


def test_p_is_scipys_permutation_test_of_paired_samples() -> None:
    values = study(9, 1, 2)
    for head in range(2):
        x = values[:, 0, head].astype(float)
        oracle = stats.permutation_test(
            (x, -x),
            lambda a, b, axis: np.mean(a, axis) - np.mean(b, axis),
            permutation_type="samples",
            vectorized=True,
        )
        assert quick(values).p[0, head] == pytest.approx(oracle.pvalue)


def test_random_flips_come_near_all_of_them() -> None:
    values = study(12).reshape(12, -1).astype(float)
    exact, random = sign_flip_test(values, 4_096, 0), sign_flip_test(values, 4_095, 0)
    assert (exact.p != random.p).any()
    np.testing.assert_allclose(random.p, exact.p, atol=4 * 0.5 / math.sqrt(4_095))
    assert sign_flip_test(np.full((40, 1), 1.0), 999, 0).p == [1 / 1_000]


def test_many_pairs_take_the_normal_limit_and_say_so() -> None:
    values = study(20_001, 1, 2) / 10
    found = quick(values)
    assert (found.resamples, found.flips) == (0, 0)
    assert found.method.count("normal limit") == 2
    oracle = stats.ttest_1samp(values.astype(float), 0)
    np.testing.assert_allclose(np.log(found.p), np.log(oracle.pvalue), rtol=0.05)
    interval = oracle.confidence_interval()
    np.testing.assert_allclose(found.low, interval.low, atol=1e-6)
    np.testing.assert_allclose(found.high, interval.high, atol=1e-6)


def test_the_normal_limits_continue_what_resampling_says(monkeypatch: pytest.MonkeyPatch) -> None:
    values = study(400)
    resampled = summarize(values)
    monkeypatch.setattr(resampling, "LARGE", 399)
    limit = summarize(values)
    assert (resampled.resamples, limit.resamples) == (10_000, 0)
    np.testing.assert_allclose(limit.low, resampled.low, atol=0.01)
    np.testing.assert_allclose(limit.p, resampled.p, atol=0.01)


def test_too_much_work_means_fewer_resamples_and_no_random_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "WORK", 1)
    monkeypatch.setattr(resampling, "FLIP_WORK", 1)
    found = summarize(study(30))
    assert (found.resamples, found.flips) == (1_000, 0)
    assert "1,000 resamples" in found.method
    assert quick(study(30)).resamples == 500, "never more than asked for"


def test_enough_flips_that_holm_can_be_passed() -> None:
    values = np.random.default_rng(0).normal(1, 0.1, (40, 1, 400)).astype(np.float32)
    found = summarize(values, resamples=100)
    assert found.flips == 20_000
    assert found.significant.all()


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([[0.01, 0.04, np.nan], [0.03, 0.005, 0.9]]))
    np.testing.assert_allclose(adjusted, [[0.04, 0.09, np.nan], [0.09, 0.025, 0.9]])
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]
    assert np.isnan(holm(np.full(3, np.nan))).all()
    assert holm(np.zeros(0)).shape == (0,)


# ---------------------------------------------------------------------------------------------- invariants


@pytest.mark.parametrize("pairs", [8, 60])
def test_changed_signs_turn_everything_around(pairs: int) -> None:
    values = study(pairs)
    a, b = quick(values), quick(-values)
    np.testing.assert_allclose(b.mean, -a.mean)
    np.testing.assert_allclose(b.effect, -a.effect)
    np.testing.assert_allclose(b.low, -a.high, atol=1e-12)
    np.testing.assert_allclose(b.high, -a.low, atol=1e-12)
    np.testing.assert_array_equal(b.p, a.p)


def test_the_order_of_pairs_changes_nothing_that_is_exact() -> None:
    values = study(12)
    a, b = quick(values), quick(np.random.default_rng(1).permutation(values))
    np.testing.assert_allclose(a.mean, b.mean)
    np.testing.assert_allclose(a.sd, b.sd)
    np.testing.assert_array_equal(a.p, b.p)


@pytest.mark.parametrize("pairs", [12, 60])
def test_a_unit_changes_neither_p_nor_d(pairs: int) -> None:
    a, b = quick(study(pairs)), quick(study(pairs) * np.float32(1024))
    np.testing.assert_array_equal(a.p, b.p)
    np.testing.assert_allclose(a.effect, b.effect)
    np.testing.assert_allclose(a.detectable * 1024, b.detectable)


def test_the_same_seed_gives_the_same_numbers() -> None:
    a, b, other = (quick(study(60), seed=seed) for seed in (1, 1, 2))
    assert a.low.tolist() == b.low.tolist() != other.low.tolist()
    assert a.p.tolist() == b.p.tolist() != other.p.tolist()


# ---------------------------------------------------------------------------------------------- what is missing


def test_a_head_with_gaps_is_as_if_only_its_pairs_were_there() -> None:
    values = study(40)
    values[:7, 0, 0] = np.nan
    values[30:, 1, 2] = np.nan
    values[[1, 5, 9], 1, 1] = np.nan
    found = quick(values)
    for place, rows in (((0, 0), slice(7, None)), ((1, 2), slice(30)), ((1, 1), np.delete(np.arange(40), [1, 5, 9]))):
        alone = quick(values[rows][:, place[0] : place[0] + 1, place[1] : place[1] + 1])
        for name in ("n", "mean", "sd", "effect"):
            assert getattr(found, name)[place] == pytest.approx(getattr(alone, name).item()), name
        assert (found.low[place], found.high[place]) == pytest.approx((alone.low.item(), alone.high.item()), abs=1e-9)
        assert found.p[place] == pytest.approx(alone.p.item(), abs=0.025), "other flips"
    assert (found.pairs, found.tests) == (40, 6)


def test_few_pairs_of_one_head_are_exact_among_many_of_others() -> None:
    values = study(60)
    values[5:, 0, 1] = np.nan
    assert quick(values).p[0, 1] == quick(values[:5]).p[0, 1]


def test_heads_without_numbers_are_no_tests() -> None:
    values = study(12)
    values[:, 0] = np.nan
    found = quick(values)
    assert found.tests == 3
    assert np.isnan([found.mean[0], found.p[0], found.p_holm[0], found.low[0], found.effect[0]]).all()
    np.testing.assert_allclose(found.p_holm[1:], holm(found.p[1:]))
    assert not found.significant[0].any()
    assert found.table()["layer"].tolist()[-3:] == [0, 0, 0]


def test_infinite_numbers_are_left_out_and_counted() -> None:
    values = study(20)
    values[3, 1, 1], values[4, 0, 0] = np.inf, -np.inf
    found = quick(values)
    assert (found.infinite, found.n[1, 1], found.n[0, 1]) == (2, 19, 20)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.p).all()


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_too_few_pairs_for_an_interval(pairs: int) -> None:
    found = quick(study(pairs))
    assert np.isnan([found.low, found.high, found.detectable]).all()
    assert not found.significant.any()
    assert np.isnan(found.mean).all() == (pairs == 0)
    assert np.isnan(found.sd).all() == (pairs < 2)
    if pairs:
        assert (found.p >= 2 / 2**pairs).all()


@pytest.mark.parametrize("pairs", [1, 2, 5, 40])
def test_zeros_have_p_one(pairs: int) -> None:
    found = quick(np.zeros((pairs, 1, 2), np.float32))
    assert (found.p == 1).all()
    assert (found.mean == 0).all()
    assert np.isnan(found.effect).all()


def test_equal_numbers_have_no_spread_and_no_effect_size() -> None:
    found = quick(np.full((40, 1, 1), 0.1, np.float32))
    exactly = float(np.float32(0.1))
    assert (found.mean, found.low, found.high, found.sd) == (exactly, exactly, exactly, 0)
    assert np.isnan(found.effect).all()
    assert found.detectable == 0
    assert found.significant.all()


def test_no_heads_are_no_error() -> None:
    assert len(quick(np.zeros((4, 0, 0), np.float32)).table()) == 0


@pytest.mark.parametrize(("alpha", "resamples"), [(0.0, 100), (1.0, 100), (0.05, 0)])
def test_a_test_without_a_level_says_so(alpha: float, resamples: int) -> None:
    with pytest.raises(InputError, match="is no test"):
        summarize(study(5), alpha=alpha, resamples=resamples)


def test_the_table_has_a_row_per_head_the_surest_first() -> None:
    values = study(60)
    values[:, 1, 0] += 1
    values[:, 0, 2] -= 3
    table = quick(values).table()
    assert len(table) == 6
    assert table[["layer", "head"]].to_numpy()[:2].tolist() == [[0, 2], [1, 0]], "equal p: the larger mean"
    assert table["p_holm"].is_monotonic_increasing
    found = quick(values)
    assert table["mean"][0] == found.mean[0, 2]


# ---------------------------------------------------------------------------------------------- groups and models


def test_groups_are_corrected_together() -> None:
    values = study(40)
    groups = ["b", "a"] * 20
    found = by_group(values, groups, resamples=500)
    assert list(found.groups) == ["b", "a"]
    alone = quick(values[1::2])
    np.testing.assert_array_equal(found.groups["a"].mean, alone.mean)
    np.testing.assert_array_equal(found.groups["a"].low, alone.low)
    together = holm(np.stack([summary.p for summary in found.groups.values()]))
    np.testing.assert_array_equal(together[1], found.groups["a"].p_holm)
    assert found.groups["a"].tests == 12
    assert (found.groups["a"].detectable > alone.detectable).all(), "more tests need more"
    table = found.table()
    assert len(table) == 12
    assert table.columns[0] == "group"
    assert table["p_holm"].is_monotonic_increasing


def test_groups_must_be_as_many_as_pairs() -> None:
    with pytest.raises(InputError, match="4 pairs and 3 names"):
        by_group(study(4), ["a"] * 3)
    with pytest.raises(InputError, match="0 pairs"):
        by_group(study(0), [])


def test_models_are_compared_pair_by_pair() -> None:
    a, b = study(30), study(30, seed=1)
    a[0, 0, 0], b[1, 0, 0] = np.nan, np.nan
    found = compare_models(a, b, resamples=500)
    assert (found.n[0, 0], found.n[0, 1]) == (28, 30)
    np.testing.assert_allclose(found.mean, np.nanmean(b.astype(float) - a, axis=0))
    same = compare_models(a, a, resamples=500)
    assert (same.p == 1).all()
    a[2, 0, 0] = b[2, 0, 0] = np.inf
    assert compare_models(a, b, resamples=500).n[0, 0] == 27


def test_models_of_other_heads_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="5 x 2 x 3 and 5 x 2 x 4"):
        compare_models(study(5), study(5, 2, 4))


def test_means_of_labels_have_the_intervals_of_their_pairs() -> None:
    values = study(50)[:, 0, 0]
    labels = ["nurse", "engineer"] * 20 + ["clerk"] * 8 + ["judge", "nurse"]
    values[3] = np.nan
    table = group_means(values, labels, resamples=500)
    assert table["label"].tolist() == ["nurse", "engineer", "clerk", "judge"]
    assert table["n"].tolist() == [21, 19, 8, 1]
    for row in table.itertuples():
        mine = values[np.array(labels) == row.label][:, None].astype(float)
        assert row.mean == pytest.approx(np.nanmean(mine))
        low, high, _ = mean_intervals(mine, 0.95, 500, 0)
        np.testing.assert_allclose([row.low, row.high], [low[0], high[0]], atol=1e-12)
    assert math.isnan(table["low"][3])


def test_means_of_nothing_are_an_empty_table() -> None:
    assert list(group_means(np.zeros(0), []).columns) == ["label", "n", "mean", "low", "high"]
    nothing = group_means(np.array([np.nan]), ["nurse"])
    assert nothing["n"].tolist() == [0]
    with pytest.raises(InputError, match="2 numbers and 1 labels"):
        group_means(np.zeros(2), ["nurse"])


def test_an_outside_column_is_joined_by_label() -> None:
    means = group_means(np.array([1.0, 2.0, 3.0, np.nan]), ["nurse", "judge", "clerk", "cook"])
    joined = join_column(means, {"clerk": 0.5, "nurse": 0.9, "cook": 0.1, "judge": math.nan}, "women")
    assert joined[["label", "women"]].to_numpy().tolist() == [["nurse", 0.9], ["clerk", 0.5]]


# ---------------------------------------------------------------------------------------------- correlation


def test_the_published_statistics_correlate_as_published() -> None:
    path = BENCHMARKS / "winogender" / "occupations-stats.tsv"
    if not path.exists():
        pytest.skip(f"{path} is not here: the public benchmark files are not part of the project")
    table = pd.read_csv(path, sep="\t")
    found = correlate(table["bergsma_pct_female"], table["bls_pct_female"])
    assert (found.items, round(found.r, 4)) == (60, 0.6719)
    assert found.low < found.r < found.high
    assert found == correlate(table["bergsma_pct_female"], table["bls_pct_female"]), "the same at every call"


def test_a_correlation_is_scipys() -> None:
    x, y = study(25, 1, 2)[:, 0].T.astype(float)
    found = correlate(x, y, resamples=2_000, seed=5)
    oracle = stats.bootstrap(
        (x, y),
        lambda u, v: stats.pearsonr(u, v).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2_000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    known = stats.pearsonr(x, y)
    assert found == pytest.approx((known.statistic, oracle.low, oracle.high, 25, known.pvalue), abs=1e-9)


def test_a_correlation_of_few_items_has_an_interval() -> None:
    found = correlate([0.1, 0.2, 0.7], [0.3, 0.1, 0.5])  # one resample in nine is of one item, and has no r
    assert (found.low, found.high) == (pytest.approx(-1), pytest.approx(1))


def test_a_correlation_of_too_little_says_so() -> None:
    with pytest.raises(InputError, match="at least three numbers"):
        correlate([1, 2], [1, 2])
    with pytest.raises(InputError, match="these have 3 and 2"):
        correlate([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="all the same"):
        correlate([1, 1, 1], [1, 2, 3])


# ---------------------------------------------------------------------------------------------- power


@pytest.mark.parametrize(("n", "heads"), [(12, 1), (30, 16), (500, 1024), (5_000, 144)])
def test_the_smallest_effect_has_eighty_percent_power(n: int, heads: int) -> None:
    d, limit = smallest_effect(n, heads), stats.t.isf(0.025 / heads, n - 1)
    assert stats.nct.sf(limit, n - 1, d * math.sqrt(n)) == pytest.approx(0.8, abs=1e-5)
    assert power_of(0.0, n, heads) == pytest.approx(0.05 / heads, rel=1e-3)


def test_power_by_simulated_studies() -> None:
    n, heads, rng = 30, 16, np.random.default_rng(0)
    data = rng.normal(smallest_effect(n, heads), 1, (4_000, n))
    seen = stats.ttest_1samp(data, 0, axis=1).pvalue <= 0.05 / heads
    assert seen.mean() == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / 4_000))
    flipped = sign_flip_test(data[:800].T, 10_000, 0).p <= 0.05 / heads
    assert flipped.mean() == pytest.approx(0.8, abs=0.06), "the sign-flip test sees about as much"


def test_power_continues_beyond_the_limit() -> None:
    assert smallest_effect(20_001, 16) == pytest.approx(smallest_effect(20_000, 16), rel=1e-3)
    assert detectable(100, 0.5, 16) == 0.5 * smallest_effect(100, 16)


def test_the_smallest_effect_of_a_study_is_that_of_its_pairs() -> None:
    values = study(40)
    values[:10, 0, 0] = np.nan
    found = quick(values)
    assert found.detectable[0, 0] == pytest.approx(found.sd[0, 0] * smallest_effect(30, 6))
    assert found.detectable[1, 1] == pytest.approx(found.sd[1, 1] * smallest_effect(40, 6))


def test_where_no_head_can_pass_no_mean_is_detectable() -> None:
    assert fewest_pairs(16) == 10
    values = np.full((10, 4, 4), 1.0) + study(10, 4, 4) / 1_000
    assert quick(values.astype(np.float32)).significant.all()
    assert not quick(values[:9].astype(np.float32)).significant.any()
    assert math.isnan(smallest_effect(9, 16))
    assert math.isfinite(smallest_effect(10, 16))


@pytest.mark.parametrize(
    ("mean", "sd", "heads"), [(0.5, 1.0, 1), (-0.1, 1.0, 16), (0.004, 0.1, 1024), (3.0, 1.0, 16), (1.0, 0.0, 1)]
)
def test_as_many_pairs_as_needed_and_not_one_less(mean: float, sd: float, heads: int) -> None:
    n = pairs_needed(mean, sd, heads)
    assert detectable(n, sd, heads) <= abs(mean) + 1e-6
    assert n == fewest_pairs(heads) or detectable(n - 1, sd, heads) > abs(mean) - 1e-6


def test_a_textbook_number_of_pairs() -> None:
    assert pairs_needed(0.5, 1.0) == 34  # Cohen's medium effect, d = .5, alpha = .05, power = .8 (G*Power)
    assert pairs_needed(0.2, 1.0) == 199


def test_a_mean_that_nothing_can_show() -> None:
    for mean, sd in ((0.0, 1.0), (math.nan, 1.0), (1.0, -1.0)):
        with pytest.raises(InputError, match="No number of pairs"):
            pairs_needed(mean, sd)
    with pytest.raises(InputError, match="no test"):
        pairs_needed(1.0, 1.0, power=1.0)


def test_a_power_curve_falls() -> None:
    table = power_curve(0.5, 16, pairs=[5, 20, 80, 320])
    assert math.isnan(table["detectable"][0])
    assert table["detectable"][1:].is_monotonic_decreasing
    assert table["detectable"][3] == pytest.approx(0.5 * 3.83 / math.sqrt(320), rel=0.01)


# ---------------------------------------------------------------------------------------------- simulated studies


def test_studies_of_nothing_find_something_in_at_most_one_of_twenty() -> None:
    """1,000 null studies of 60 pairs x 16 heads, with heavy tails and dependent heads.

    With a true rate of 5 % more than 69 find something once in 200 times (binomial); the seed is fixed.
    """
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(1_000):
        noise = rng.normal(size=(60, 16)) + rng.normal(size=(60, 1))
        p = sign_flip_test(noise * np.abs(noise), 1_600, seed).p
        found += bool((holm(p) <= 0.05).any())
    assert stats.binom.sf(69, 1_000, 0.05) < 0.005
    assert 10 < found <= 69


def test_the_interval_holds_the_mean_in_95_of_100_studies() -> None:
    """1,600 intervals of 60 pairs: 95 % ± 4 standard errors, less one point by which percentiles fall short there."""
    values = np.random.default_rng(1).normal(0.3, 1, (60, 40, 40)).astype(np.float32)
    low, high, _ = mean_intervals(values.reshape(60, -1), 0.95, 1_000, 0)
    covered = ((low <= 0.3) & (high >= 0.3)).mean()
    assert 0.95 - 0.01 - 4 * math.sqrt(0.05 * 0.95 / 1_600) < covered < 0.95 + 4 * math.sqrt(0.05 * 0.95 / 1_600)


def test_a_planted_head_is_found_and_it_alone() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, (100, 4, 4)).astype(np.float32)
    values[:, 2, 1] += np.float32(0.08)
    found = summarize(values, resamples=2_000)
    assert np.argwhere(found.significant).tolist() == [[2, 1]]
    assert found.low[2, 1] < 0.08 < found.high[2, 1]
    assert found.table()[["layer", "head"]].to_numpy()[0].tolist() == [2, 1]
    assert found.detectable[2, 1] < 0.08
