"""Statistics of a study against SciPy, brute force, pencil and paper, and simulated studies whose truth is known."""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from attnlib import InputError
from attnlib.paths import PROJECT
from attnlib.stats import resampling
from attnlib.stats.groups import correlate, group_means, join_column
from attnlib.stats.power import (
    detectable,
    fewest_pairs,
    pairs_needed,
    power_of,
    smallest_effect,
    smallest_shift,
)
from attnlib.stats.resampling import FEWEST_UNITS, Sample
from attnlib.stats.summaries import HeadSummary, difference, summarize, summarize_family, unit_means

BENCHMARKS = PROJECT.parent / "shared" / "benchmarks"


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def study(pairs: int, layers: int = 2, heads: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.2, 1, (pairs, layers, heads)).astype(np.float32)


def quick(values: np.ndarray, **options: float) -> HeadSummary:
    return summarize(values, draws=500, **options)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- against oracles


def test_the_moments_are_numpys() -> None:
    values = study(40)
    found = quick(values)
    assert (found.n == 40).all()
    np.testing.assert_allclose(found.mean, values.astype(float).mean(0))
    np.testing.assert_allclose(found.sd, values.astype(float).std(0, ddof=1))
    np.testing.assert_allclose(found.effect, found.mean / found.sd)


def slow_sizes(columns: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """|t| of every draw and column, in plain loops: the drawn numbers are written out, and NaN left out."""
    found = np.empty((len(counts), columns.shape[1]))
    for draw, often in enumerate(counts.astype(int)):
        for head in range(columns.shape[1]):
            known = columns[np.isfinite(columns[:, head]), head]
            drawn = [x - known.mean() for x, k in zip(columns[:, head], often, strict=True) for _ in range(k)]
            drawn = [x for x in drawn if not math.isnan(x)]
            spread = np.std(drawn, ddof=1) if len(drawn) > 1 else math.nan
            if math.isnan(spread):
                found[draw, head] = 0
            elif spread < 1e-9:
                found[draw, head] = math.inf
            else:
                found[draw, head] = abs(np.mean(drawn)) / (spread / math.sqrt(len(drawn)))
    return found


def observed(columns: np.ndarray) -> np.ndarray:
    return np.abs(stats.ttest_1samp(columns, 0, nan_policy="omit").statistic.astype(float))


def slow_step_down(t: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Westfall & Young's step-down: the largest |t| first, against the largest of what is still in play."""
    left, adjusted, before = list(range(len(t))), np.full(len(t), math.nan), 0.0
    while left:
        first = max(left, key=lambda head: t[head])
        as_large = sum(max(row[head] for head in left) >= t[first] - 1e-9 for row in sizes)
        before = max(before, (as_large + 1) / (len(sizes) + 1))
        adjusted[first] = before
        left.remove(first)
    return adjusted


def counts_of(units: int, draws: int, seed: int = 0) -> np.ndarray:
    """The draws of a family, as documented: whole numbers from a generator of this seed."""
    drawn = np.random.default_rng([seed]).integers(0, units, (draws, units), np.int32)
    return np.stack([np.bincount(row, minlength=units) for row in drawn])


@pytest.mark.parametrize("gaps", [False, True])
def test_intervals_and_corrected_p_are_those_of_plain_loops(gaps: bool) -> None:
    values = study(9, 1, 5).astype(float)
    values[:, 0, 1] += 1.5
    if gaps:
        values[2, 0, 3] = values[7, 0, 4] = math.nan  # of so few no more, else a head is drawn apart
    columns = values[:, 0]
    found = summarize(values, draws=199)
    sizes = slow_sizes(columns, counts_of(9, 199))
    t = observed(columns)
    np.testing.assert_allclose(found.p[0], [(np.sum(sizes[:, h] >= t[h]) + 1) / 200 for h in range(5)])
    np.testing.assert_allclose(found.p_corrected[0], slow_step_down(t, sizes))
    error = np.nanstd(columns, 0, ddof=1) / np.sqrt(np.isfinite(columns).sum(0))
    critical = np.sort(sizes, 0)[-10]  # the tenth largest of 199: (9 + 1) / 200 = 5 %
    np.testing.assert_allclose(found.high[0], np.nanmean(columns, 0) + critical * error)
    np.testing.assert_allclose(found.low[0], np.nanmean(columns, 0) - critical * error)
    wide = np.sort(sizes.max(1))[-10] * error
    low, high = np.nanmean(columns, 0) - wide, np.nanmean(columns, 0) + wide
    first_step = (low > 0) | (high < 0) | ~found.significant[0]
    np.testing.assert_allclose(found.wide_low[0][first_step], low[first_step])
    np.testing.assert_allclose(found.wide_high[0][first_step], high[first_step])


def test_a_contrast_is_welchs_t_drawn_within_its_sides() -> None:
    values = study(15, 1, 3).astype(float)
    sides = np.array([1, -1, 1, 1, -1] * 3)
    found = summarize(values, sides=sides, draws=299)
    plus, minus = values[sides == 1, 0], values[sides == -1, 0]
    welch = stats.ttest_ind(plus, minus, equal_var=False)
    np.testing.assert_allclose(found.mean[0], plus.mean(0) - minus.mean(0))
    np.testing.assert_allclose(found.sd[0], np.sqrt((plus.var(0, ddof=1) + minus.var(0, ddof=1)) / 2))
    rng, sizes = np.random.default_rng([0]), np.empty((299, 3))
    rows = [rng.integers(0, len(side), (299, len(side)), np.int32) for side in (plus, minus)]
    for draw in range(299):
        a, b = ((side - side.mean(0))[row[draw]] for side, row in zip((plus, minus), rows, strict=True))
        sizes[draw] = np.abs(stats.ttest_ind(a, b, equal_var=False).statistic)
    t = np.abs(welch.statistic)
    np.testing.assert_allclose(found.p[0], ((sizes >= t).sum(0) + 1) / 300)
    np.testing.assert_allclose(found.p_corrected[0], slow_step_down(t, sizes))
    reach = np.sort(sizes, 0)[-15] * found.mean[0] / welch.statistic
    np.testing.assert_allclose(found.high[0] - found.mean[0], reach)
    np.testing.assert_allclose(Sample(values[:, 0], sides).freedom, welch.df)
    assert "within each side" in found.method
    with pytest.raises(InputError, match=r"\+1 or −1"):
        summarize(values, sides=[1] * 14 + [0])


def test_step_down_by_hand() -> None:
    t, sizes = np.array([3.0, 1.0, 2.5]), np.array([[2.6, 0, 0], [0, 2.7, 0], [0, 0, 0.5], [3.5, 0, 0]])
    assert slow_step_down(t, sizes).tolist() == [2 / 5, 2 / 5, 2 / 5]
    assert slow_step_down(np.array([3.0, 1.0, 2.0]), sizes).tolist() == [2 / 5, 2 / 5, 2 / 5]
    assert slow_step_down(np.array([4.0, 2.8, 3.0]), sizes).tolist() == [1 / 5, 1 / 5, 1 / 5], "3.5 is out of play"


def test_what_all_heads_share_costs_no_correction() -> None:
    one = study(20, 1, 1)
    found = summarize(np.repeat(one, 40, 2), draws=999)
    alone = summarize(one, draws=999)
    np.testing.assert_array_equal(found.p_corrected, np.repeat(alone.p, 40, 1))
    np.testing.assert_array_equal(found.wide_low, found.low)


def test_p_and_both_intervals_say_the_same() -> None:
    values = study(12, 6, 20)
    values[:, :3] += 0.9
    found = quick(values)
    excludes = (found.low > 0) | (found.high < 0)
    np.testing.assert_array_equal(excludes, found.p <= 0.05)
    wide = (found.wide_low >= 0) | (found.wide_high <= 0)
    np.testing.assert_array_equal(wide, found.significant)
    assert found.significant.any()
    assert (found.p_corrected >= found.p).all()
    assert (found.wide_low <= found.low).all()
    assert (found.wide_high >= found.high).all()


def test_the_draws_do_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    values = study(20, 1, 7)
    values[3, 0, 2] = np.nan
    whole = quick(values)
    monkeypatch.setattr(resampling, "CHUNK", 1_000)
    cut = quick(values)
    for name in ("low", "wide_high", "p", "p_corrected"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), atol=1e-12)


def test_many_units_take_the_normal_limit_and_say_so() -> None:
    values = study(20_001, 1, 2) / 10
    found = quick(values)
    assert found.draws == 0
    assert "normal limit" in found.method
    oracle = stats.ttest_1samp(values.astype(float), 0)
    np.testing.assert_allclose(np.log(found.p), np.log(oracle.pvalue), rtol=0.05)
    interval = oracle.confidence_interval()
    np.testing.assert_allclose(found.low, interval.low, atol=1e-6)
    np.testing.assert_allclose(found.high, interval.high, atol=1e-6)


def test_the_normal_limit_continues_what_the_draws_say(monkeypatch: pytest.MonkeyPatch) -> None:
    values = study(400)
    drawn = summarize(values)
    monkeypatch.setattr(resampling, "LARGE", 399)
    limit = summarize(values)
    assert (drawn.draws, limit.draws) == (10_000, 0)
    for name in ("low", "p", "p_corrected", "wide_low", "detectable"):
        np.testing.assert_allclose(getattr(limit, name), getattr(drawn, name), atol=0.02)


def test_too_much_work_means_fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "WORK", 1)
    found = summarize(study(30))
    assert found.draws == 1_000
    assert "1,000 draws" in found.method
    assert quick(study(30)).draws == 500, "never more than asked for"


def test_statistics_and_models_are_corrected_together() -> None:
    a, b, c = study(20), study(20, seed=1), study(15, 1, 2, seed=2)
    a[:, 1, 1] += 2
    together = summarize_family([a, b, c], draws=500)
    joined = quick(np.concatenate([a, b], 2))
    pair = summarize_family([a, b], draws=500)
    np.testing.assert_array_equal(np.concatenate([found.p_corrected for found in pair], 1), joined.p_corrected)
    assert [found.tests for found in together] == [14] * 3
    np.testing.assert_array_equal(together[0].p, quick(a).p)
    assert (together[0].p_corrected >= quick(a).p_corrected).all()
    twice = summarize_family([a, a], draws=500)
    np.testing.assert_array_equal(twice[1].p_corrected, quick(a).p_corrected)
    apart = summarize_family([a, a], draws=500, same_units=False)
    assert (apart[1].p_corrected >= quick(a).p_corrected).mean() > 0.5, "other units have other draws"


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
        width = alone.high.item() - alone.low.item()
        assert found.high[place] - found.low[place] == pytest.approx(width, rel=0.25), "other draws"
        assert found.p[place] == pytest.approx(alone.p.item(), abs=0.05), "other draws"
    assert (found.pairs, found.tests) == (40, 6)


def test_a_head_that_lacks_most_numbers_has_the_interval_of_those_it_has() -> None:
    values = study(40)
    values[8:, 1, :2] = np.nan
    sides = np.array([1, -1] * 20)
    values[:, 0, 0][(sides < 0) & (np.arange(40) > 13)] = np.nan
    for chosen in (None, sides):
        found = summarize(values, sides=chosen, draws=4_000)
        for place, rows in (((1, 0), slice(8)), ((0, 0), np.isfinite(values[:, 0, 0]))):
            some = None if chosen is None else chosen[rows]
            alone = summarize(values[rows][:, place[0] : place[0] + 1, place[1] : place[1] + 1], sides=some)
            if np.isnan(alone.low):
                assert np.isnan(found.low[place]), "four units on a side"
                continue
            width = alone.high.item() - alone.low.item()
            assert found.high[place] - found.low[place] == pytest.approx(width, rel=0.1)
            assert found.p[place] == pytest.approx(alone.p.item(), abs=0.03)


def test_rows_without_a_number_are_no_units_to_draw() -> None:
    values = np.insert(study(12), [0, 5, 12], np.nan, axis=0)
    found, alone = quick(values), quick(study(12))
    np.testing.assert_array_equal(found.p_corrected, alone.p_corrected)
    assert (found.pairs, alone.pairs) == (15, 12)


def test_heads_without_numbers_are_no_tests() -> None:
    values = study(12)
    values[:, 0] = np.nan
    found = quick(values)
    assert found.tests == 3
    assert np.isnan([found.mean[0], found.p[0], found.p_corrected[0], found.low[0], found.effect[0]]).all()
    np.testing.assert_allclose(found.p_corrected[1:], quick(values[:, 1:]).p_corrected)
    assert not found.significant[0].any()
    assert found.table()["layer"].tolist()[-3:] == [0, 0, 0]


def test_infinite_numbers_are_left_out_and_counted() -> None:
    values = study(20)
    values[3, 1, 1], values[4, 0, 0] = np.inf, -np.inf
    found = quick(values)
    assert (found.infinite, found.n[1, 1], found.n[0, 1]) == (2, 19, 20)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.p).all()


@pytest.mark.parametrize("pairs", [0, 1, 2, FEWEST_UNITS - 1])
def test_too_few_pairs_for_an_interval(pairs: int) -> None:
    found = quick(study(pairs))
    undefined = (found.low, found.high, found.wide_low, found.wide_high, found.p, found.p_corrected)
    assert np.isnan([*undefined, found.detectable]).all()
    assert not found.significant.any()
    assert np.isnan(found.mean).all() == (pairs == 0)
    assert np.isnan(found.sd).all() == (pairs < 2)
    assert found.untested == "There is neither an interval nor a test with fewer than 6 pairs."
    assert quick(study(FEWEST_UNITS)).untested == ""


def test_too_few_pairs_on_one_side() -> None:
    found = summarize(study(12), sides=[1] * 7 + [-1] * 5)
    assert np.isnan([found.low, found.p]).all()
    assert found.untested.endswith("with fewer than 6 pairs on each side.")


@pytest.mark.parametrize("number", [0, 0.1, 1e-9, -3])
def test_equal_numbers_have_neither_an_interval_nor_a_test(number: float) -> None:
    """They may be equal because nothing could differ; nothing is known of how they vary."""
    found = quick(np.full((40, 1, 2), number, np.float32))
    exactly = float(np.float32(number))
    assert (found.mean == exactly).all()
    assert (found.sd == 0).all()
    undefined = (found.low, found.high, found.wide_low, found.p, found.p_corrected, found.effect, found.detectable)
    assert np.isnan(undefined).all()
    assert (found.tests, found.untested) == (0, found.untested)
    assert found.untested.endswith("because all pairs have the same value.")


def test_means_of_equal_numbers_are_equal_but_for_rounding() -> None:
    sizes = [1, 2, 3, 7, 11, 13, 17]
    units = [str(n) for n in sizes for _ in range(n)]
    found = quick(unit_means(np.full((len(units), 1, 1), 0.1), units))
    assert found.sd == 0
    assert found.tests == 0


def test_rare_numbers_have_no_interval_where_many_draws_miss_them() -> None:
    values = np.zeros((10, 1, 1))
    values[3] = 1
    found = quick(values)  # (9 / 10)¹⁰ = 35 % of all draws have zeros only
    assert np.isnan([found.low, found.high]).all()
    assert 0.3 < found.p < 1.01


def test_no_heads_are_no_error() -> None:
    assert len(quick(np.zeros((4, 0, 0), np.float32)).table()) == 0


@pytest.mark.parametrize(("alpha", "draws"), [(0.0, 100), (1.0, 100), (0.05, 0)])
def test_a_test_without_a_level_says_so(alpha: float, draws: int) -> None:
    with pytest.raises(InputError, match="is not a test"):
        summarize(study(5), alpha=alpha, draws=draws)


def test_the_table_has_a_row_per_head_the_surest_first() -> None:
    values = study(60)
    values[:, 1, 0] += 1
    values[:, 0, 2] -= 3
    table = quick(values).table()
    assert len(table) == 6
    assert table[["layer", "head"]].to_numpy()[:2].tolist() == [[0, 2], [1, 0]], "equal p: the larger mean"
    assert table["p_corrected"].is_monotonic_increasing
    found = quick(values)
    assert table["mean"][0] == found.mean[0, 2]


# ---------------------------------------------------------------------------------------------- groups and models


def test_groups_are_corrected_together() -> None:
    values = study(40)
    first, second = summarize_family([values[::2], values[1::2]], same_units=False, draws=500)
    alone = quick(values[1::2])
    np.testing.assert_array_equal(second.mean, alone.mean)
    np.testing.assert_allclose(second.low, alone.low, atol=0.1)
    assert (second.p_corrected >= second.p).all()
    assert first.tests == second.tests == 12
    assert (second.detectable > alone.detectable).all(), "more tests need more"


def test_models_are_compared_pair_by_pair() -> None:
    a, b = study(30), study(30, seed=1)
    a[0, 0, 0], b[1, 0, 0] = np.nan, np.nan
    found = summarize(difference(a, b), draws=500)
    assert (found.n[0, 0], found.n[0, 1]) == (28, 30)
    np.testing.assert_allclose(found.mean, np.nanmean(b.astype(float) - a, axis=0))
    same = summarize(difference(a, a), draws=500)
    assert (same.mean == 0).all()
    assert same.tests == 0
    a[2, 0, 0] = b[2, 0, 0] = np.inf
    assert summarize(difference(a, b), draws=500).n[0, 0] == 27


def test_means_of_labels_have_the_intervals_of_their_pairs() -> None:
    values = study(50)[:, 0, 0]
    labels = ["nurse", "engineer"] * 20 + ["clerk"] * 8 + ["judge", "nurse"]
    values[3] = np.nan
    table = group_means(values, labels, draws=500)
    assert table["label"].tolist() == ["nurse", "engineer", "clerk", "judge"]
    assert table["n"].tolist() == [21, 19, 8, 1]
    for row in table.itertuples():
        mine = values[np.array(labels) == row.label][:, None].astype(float)
        assert row.mean == pytest.approx(np.nanmean(mine))
        alone = summarize(mine[:, None], draws=500)
        np.testing.assert_allclose([row.low, row.high], [alone.low[0, 0], alone.high[0, 0]], atol=0.15)
    assert math.isnan(table["low"][3])


def test_means_of_nothing_are_an_empty_table() -> None:
    assert len(group_means(np.zeros(0), [])) == len(group_means(np.zeros(0), [], [])) == 0
    nothing = group_means(np.array([np.nan]), ["nurse"])
    assert nothing["n"].tolist() == [0]
    with pytest.raises(InputError, match="2 numbers and 1 labels"):
        group_means(np.zeros(2), ["nurse"])


def test_means_of_labels_are_over_units() -> None:
    """Ten sentences of one occupation pair are one number, not ten."""
    once = study(24)[:, 0, 0]
    labels, units = ["a", "b", "b"] * 8, [f"unit {n}" for n in range(24)]
    often = np.repeat(once, 10)
    found = group_means(often, np.repeat(labels, 10).tolist(), np.repeat(units, 10).tolist(), draws=500)
    single = group_means(once, labels, units, draws=500)
    assert found["n"].tolist() == [80, 160]
    assert found["units"].tolist() == [8, 16]
    for name in ("mean", "low", "high", "p", "p_corrected"):
        np.testing.assert_allclose(found[name], single[name], rtol=1e-5)
    pairs = group_means(often, np.repeat(labels, 10).tolist(), draws=500)
    assert ((found["high"] - found["low"]) > 1.5 * (pairs["high"] - pairs["low"])).all()
    assert (found["p_corrected"] >= found["p"]).all()
    with pytest.raises(InputError, match="2 numbers and 1 units"):
        group_means(np.zeros(2), ["a", "b"], ["unit"])


def test_units_that_have_several_labels_are_drawn_with_all_of_them() -> None:
    values = study(20, 1, 2)[:, 0].astype(float)
    units = [f"unit {n}" for n in range(20)]
    found = group_means(values.ravel(), ["a", "b"] * 20, np.repeat(units, 2).tolist(), draws=500)
    heads = summarize(values[:, None], draws=500)
    np.testing.assert_allclose(found["mean"], heads.mean[0])
    np.testing.assert_allclose(found["p_corrected"], heads.p_corrected[0], atol=0.06)


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


def test_the_interval_of_a_correlation_is_that_of_plain_loops() -> None:
    x, y = study(9, 1, 2)[:, 0].T.astype(float)
    found = correlate(x, y, draws=199, seed=5)

    def fisher(u: np.ndarray, v: np.ndarray) -> tuple[float, float]:
        """z and its standard error, from z of the sample with a little more weight on each item in turn."""

        def z(weights: np.ndarray) -> float:
            c = np.cov(u, v, ddof=0, aweights=weights)
            return math.atanh(c[0, 1] / math.sqrt(c[0, 0] * c[1, 1]))

        n, step = len(u), 1e-5
        slopes = [
            (z(1 / n + step * (np.eye(n)[i] - 1 / n)) - z(1 / n - step * (np.eye(n)[i] - 1 / n))) / (2 * step)
            for i in range(n)
        ]
        return z(np.full(n, 1 / n)), math.sqrt(sum(slope**2 for slope in slopes)) / n

    z, error = fisher(x, y)
    sizes = []
    for rows in np.random.default_rng(5).integers(0, 9, (199, 9)):
        if len(set(rows.tolist())) < 3:
            sizes.append(math.inf)
            continue
        drawn, spread = fisher(x[rows], y[rows])
        sizes.append(abs(drawn - z) / spread)
    reach = np.sort(sizes)[-10] * error
    p = (np.sum(np.array(sizes) >= abs(z) / error) + 1) / 200
    expected = (stats.pearsonr(x, y).statistic, math.tanh(z - reach), math.tanh(z + reach), 9, p)
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_interval_and_p_of_a_correlation_say_the_same() -> None:
    for seed in range(40):
        x, y = np.random.default_rng(seed).normal(size=(2, 12))
        found = correlate(x, y + 0.5 * x, draws=999)
        assert (found.p <= 0.05) == (found.low > 0 or found.high < 0)
        assert -1 < found.low < found.r < found.high < 1


@pytest.mark.parametrize("items", [3, FEWEST_UNITS - 1])
def test_a_correlation_of_few_items_has_no_interval(items: int) -> None:
    x, y = study(items, 1, 2)[:, 0].T.astype(float)
    found = correlate(x, y)
    assert found.r == pytest.approx(stats.pearsonr(x, y).statistic)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_numbers_on_a_line_have_no_interval() -> None:
    found = correlate(np.arange(9), 3 - 2 * np.arange(9.0))
    assert found.r == pytest.approx(-1)
    assert np.isnan([found.low, found.high, found.p]).all()


def test_a_correlation_of_too_little_says_so() -> None:
    with pytest.raises(InputError, match="at least three numbers"):
        correlate([1, 2], [1, 2])
    with pytest.raises(InputError, match="these have 3 and 2"):
        correlate([1, 2, 3], [1, 2])
    with pytest.raises(InputError, match="all the same"):
        correlate([1, 1, 1], [1, 2, 3])


# ---------------------------------------------------------------------------------------------- power


@pytest.mark.parametrize(("n", "heads"), [(7, 2), (12, 16), (35, 100), (700, 270), (30_000, 5_000)])
def test_the_smallest_effect_has_its_power(n: int, heads: int) -> None:
    for power in (0.5, 0.8, 0.9):
        assert power_of(smallest_effect(n, heads, power=power), n, heads) == pytest.approx(power, abs=0.002)


def test_of_one_head_and_many_units_power_is_that_of_a_t_test() -> None:
    """Bootstrap-t is then the t test; of few units it asks for more."""
    for n, tolerance in ((50, 0.06), (500, 0.03), (5_000, 0.01)):
        oracle = optimize.brentq(
            lambda far, n=n: stats.nct.sf(stats.t.isf(0.025, n - 1), n - 1, far) - 0.8, 0, 10
        ) / math.sqrt(n)
        assert smallest_effect(n) == pytest.approx(oracle, rel=tolerance)
    assert smallest_effect(10**9, 16) * math.sqrt(1e9) == pytest.approx(2.9478 + 0.8416, abs=0.001), "Šidák"


def test_the_smallest_effect_falls_with_units_and_grows_with_heads() -> None:
    sizes = [*range(6, 60), *range(60, 600, 20), 10_000, 10**6]
    for heads in (1, 3, 16, 270, 4_000):
        found = [smallest_effect(n, heads) for n in sizes]
        assert (np.diff(found) < 0).all()
        assert smallest_effect(20, heads) < smallest_effect(20, heads + 1)
    assert math.isnan(smallest_effect(5, 16))
    assert power_of(9.0, 5, 16) == 0
    assert smallest_effect(30, 16, alpha=0.01) > smallest_effect(30, 16)
    assert detectable(100, 0.5, 16) == 0.5 * smallest_effect(100, 16)


@pytest.mark.parametrize("n", [10, 12, 20, 50])
def test_what_a_study_could_show_is_near_what_such_studies_show(n: int) -> None:
    """HeadSummary.detectable never promises more than the table, and asks for more where numbers are skewed."""
    found = summarize(study(n, 1, 16), draws=4_000)
    skewed = summarize(np.exp(2 * study(n, 1, 16).astype(float)), draws=4_000)
    least = smallest_effect(n, 16)
    assert (found.detectable / found.sd >= least - 1e-9).all()
    assert np.median(found.detectable / found.sd) == pytest.approx(least, rel=0.25 if n < 15 else 0.1)
    assert np.median(skewed.detectable / skewed.sd) > least


@pytest.mark.parametrize(
    ("mean", "sd", "heads"), [(0.5, 1.0, 1), (-0.1, 1.0, 16), (0.004, 0.1, 1024), (3.0, 1.0, 16), (1.0, 0.0, 1)]
)
def test_as_many_pairs_as_needed_and_not_one_less(mean: float, sd: float, heads: int) -> None:
    n = pairs_needed(mean, sd, heads)
    assert detectable(n, sd, heads) <= abs(mean) + 1e-6
    assert n == fewest_pairs() == FEWEST_UNITS or detectable(n - 1, sd, heads) > abs(mean) - 1e-6


def test_a_textbook_number_of_pairs() -> None:
    assert pairs_needed(0.5, 1.0) == pytest.approx(34, abs=2)  # Cohen's d = .5, alpha = .05, power = .8 (G*Power)
    assert pairs_needed(0.2, 1.0) == pytest.approx(199, abs=6)


def test_a_mean_that_nothing_can_show() -> None:
    for mean, sd in ((0.0, 1.0), (math.nan, 1.0), (1.0, -1.0)):
        with pytest.raises(InputError, match="No number of pairs"):
            pairs_needed(mean, sd)
    with pytest.raises(InputError, match="not a test"):
        pairs_needed(1.0, 1.0, power=1.0)


def test_the_noncentral_t_needs_no_warning_and_agrees_with_scipys() -> None:
    """Few units have critical values at which SciPy's series does not converge: it warned before the findings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {(c, df): smallest_shift(c, df) for c in (2.0, 4.5, 40.0, 300.0) for df in (3.0, 7.3, 60.0, 900.0)}
    for (critical, freedom), far in found.items():
        if critical < 10:
            wrong_sign = np.nan_to_num(stats.nct.cdf(-critical, freedom, far))  # SciPy has NaN for some nearly 0
            assert stats.nct.sf(critical, freedom, far) + wrong_sign == pytest.approx(0.8, abs=1e-6)
    rng = np.random.default_rng(0)
    t = (rng.normal(size=200_000) + found[300.0, 7.3]) / np.sqrt(rng.chisquare(7.3, 200_000) / 7.3)
    assert (np.abs(t) > 300).mean() == pytest.approx(0.8, abs=5 * np.sqrt(0.16 / 200_000))


def test_more_pairs_show_less() -> None:
    least = [detectable(n, 0.5, 16) for n in (5, 20, 80, 320)]
    assert math.isnan(least[0])
    assert least[1:] == sorted(least[1:], reverse=True)
    assert least[3] == pytest.approx(0.5 * 3.80 / math.sqrt(320), rel=0.02)


# ---------------------------------------------------------------------------------------------- simulated studies


def test_the_interval_holds_the_mean_in_95_of_100_studies() -> None:
    """1,600 intervals of 60 units: 95 % ± 4 standard errors."""
    values = np.random.default_rng(1).normal(0.3, 1, (60, 40, 40)).astype(np.float32)
    found = summarize(values, draws=1_000)
    covered = ((found.low <= 0.3) & (found.high >= 0.3)).mean()
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / 1_600))


def test_a_planted_head_is_found_and_it_alone() -> None:
    values = np.random.default_rng(2).normal(0, 0.1, (100, 4, 4)).astype(np.float32)
    values[:, 2, 1] += np.float32(0.08)
    found = summarize(values, draws=2_000)
    assert np.argwhere(found.significant).tolist() == [[2, 1]]
    assert found.low[2, 1] < 0.08 < found.high[2, 1]
    assert found.table()[["layer", "head"]].to_numpy()[0].tolist() == [2, 1]
    assert found.detectable[2, 1] < 0.08
