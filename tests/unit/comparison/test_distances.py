"""Grouped attention against a plain loop; distances against loops and scipy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from attnlib.comparison.distances import RowDistances, group_attention, row_distances

SEEDS = st.integers(0, 10_000)


def attention(seed: int, heads: int, queries: int, keys: int, sharp: float = 2.0) -> torch.Tensor:
    scores = torch.randn(heads, queries, keys, generator=torch.Generator().manual_seed(seed)) * sharp
    return scores.softmax(-1)


def groups_of(sizes: list[int]) -> tuple[tuple[int, ...], ...]:
    """Runs of these sizes, one after the other; size 0 is an empty group."""
    ends = np.cumsum(sizes)
    return tuple(tuple(range(end - size, end)) for size, end in zip(sizes, ends.tolist(), strict=True))


# ---------------------------------------------------------------------------------------------- groups


def test_to_a_group_the_sum_from_a_group_the_mean_by_hand() -> None:
    weights = torch.tensor([[[0.1, 0.2, 0.7], [0.5, 0.1, 0.4], [0.3, 0.3, 0.4]]])
    grouped = group_attention(weights, [(0,), (1, 2)], [(0, 1), (2,)])
    np.testing.assert_allclose(grouped, [[[0.3, 0.7], [0.6, 0.4]]], atol=1e-7)


@given(
    SEEDS, st.lists(st.integers(0, 3), min_size=1, max_size=5), st.lists(st.integers(0, 3), min_size=1, max_size=5)
)
def test_grouping_is_what_a_plain_loop_gives(seed: int, rows: list[int], columns: list[int]) -> None:
    queries, keys = groups_of(rows), groups_of(columns)
    weights = attention(seed, 2, max(1, sum(rows)), max(1, sum(columns)))
    grouped = group_attention(weights, queries, keys)
    for head in range(2):
        for r, query in enumerate(queries):
            for c, key in enumerate(keys):
                found = float(grouped[head, r, c])
                if not query:  # of a missing unit's attention to a missing one see below
                    assert np.isnan(found) or not key
                    continue
                expected = sum(float(weights[head, i, j]) for i in query for j in key) / len(query)
                assert found == pytest.approx(expected, abs=1e-6)


@given(SEEDS, st.lists(st.integers(1, 3), min_size=1, max_size=5))
def test_grouping_keeps_the_sums_of_rows(seed: int, sizes: list[int]) -> None:
    groups = groups_of(sizes)
    grouped = group_attention(attention(seed, 3, sum(sizes), sum(sizes)), groups, groups)
    np.testing.assert_allclose(grouped.sum(-1), 1, atol=1e-5)


def test_a_unit_the_prompt_does_not_have_gets_nothing_and_has_no_row() -> None:
    weights = attention(0, 2, 2, 2)
    grouped = group_attention(weights, [(0,), (), (1,)], [(0,), (), (1,)])
    assert torch.isnan(grouped[:, 1, [0, 2]]).all()
    assert (grouped[:, [0, 2], 1] == 0).all()
    np.testing.assert_array_equal(grouped[:, [0, 2]][:, :, [0, 2]], weights)


def test_a_missing_unit_has_no_attention_to_itself_either() -> None:
    assert torch.isnan(group_attention(attention(0, 2, 2, 2), [(0,), (), (1,)], [(0,), (), (1,)])[:, 1]).all()


def test_tokens_each_for_themselves_need_no_copy() -> None:
    weights = attention(0, 2, 3, 3)
    every = ((0,), (1,), (2,))
    assert group_attention(weights, every, every).data_ptr() == weights.data_ptr()


def test_grouping_leaves_the_weights_as_they_are() -> None:
    weights = attention(0, 2, 3, 3)
    before = weights.clone()
    group_attention(weights, [(0, 1), (), (2,)], [(0,), (), (1, 2)])
    np.testing.assert_array_equal(weights, before)


def test_grouping_may_choose_fewer_tokens_than_there_are() -> None:
    weights = attention(0, 1, 3, 3)
    np.testing.assert_array_equal(group_attention(weights, [(2,)], [(1,)])[0, 0], weights[0, 2, 1:2])


# ---------------------------------------------------------------------------------------------- distances


def by_loop(p: np.ndarray, q: np.ndarray, keys: list[int]) -> tuple[float, float, float, float]:
    """TV, JSD, and what lies outside `keys`, in float64."""
    p, q = p.astype(np.float64), q.astype(np.float64)
    inside_p, inside_q = sum(p[k] for k in keys), sum(q[k] for k in keys)
    shared = [(p[k] / inside_p, q[k] / inside_q) for k in keys]
    tv = 0.5 * sum(abs(x - y) for x, y in shared)
    jsd = jensenshannon([x for x, _ in shared], [y for _, y in shared], base=2) ** 2
    return tv, 0.0 if np.isnan(jsd) else jsd, p.sum() - inside_p, q.sum() - inside_q


def as_tuple(found: RowDistances, head: int, row: int) -> list[float]:
    return [float(getattr(found, name)[head, row]) for name in ("tv", "jsd", "outside_a", "outside_b")]


@given(SEEDS, st.integers(2, 40), st.sampled_from([0.1, 1.0, 4.0]))
def test_distances_are_the_loops_and_scipys(seed: int, keys: int, sharp: float) -> None:
    a, b = attention(seed, 2, 3, keys, sharp), attention(seed + 1, 2, 3, keys, sharp)
    found = row_distances(a, b, range(3), range(keys))
    for head in range(2):
        for row in range(3):
            expected = by_loop(a[head, row].numpy(), b[head, row].numpy(), list(range(keys)))
            np.testing.assert_allclose(as_tuple(found, head, row), expected, atol=1e-6)


@given(SEEDS, st.sets(st.integers(0, 7), min_size=1, max_size=7))
def test_unshared_keys_are_left_out_and_reported_apart(seed: int, chosen: set[int]) -> None:
    keys = sorted(chosen)
    a, b = attention(seed, 2, 3, 8), attention(seed + 1, 2, 3, 8)
    found = row_distances(a, b, range(3), keys)
    for head in range(2):
        for row in range(3):
            expected = by_loop(a[head, row].numpy(), b[head, row].numpy(), keys)
            np.testing.assert_allclose(as_tuple(found, head, row), expected, atol=2e-6)


@given(SEEDS)
def test_distances_are_the_same_from_either_side(seed: int) -> None:
    a, b = attention(seed, 2, 4, 6), attention(seed + 1, 2, 4, 6)
    there, back = (row_distances(*pair, range(4), [0, 2, 3]) for pair in ((a, b), (b, a)))
    np.testing.assert_array_equal(there.tv, back.tv)
    np.testing.assert_array_equal(there.jsd, back.jsd)
    np.testing.assert_array_equal(there.outside_a, back.outside_b)


@given(SEEDS, st.integers(1, 30))
def test_identical_rows_are_exactly_nothing_apart(seed: int, keys: int) -> None:
    a = attention(seed, 2, 3, keys)
    found = row_distances(a, a.clone(), range(3), range(keys))
    assert not found.tv.any()
    assert not found.jsd.any()
    assert not found.outside_a.any()


def test_disjoint_rows_are_exactly_one_apart() -> None:
    a = torch.tensor([[[1.0, 0, 0, 0], [0.5, 0.5, 0, 0]]])
    b = torch.tensor([[[0, 0, 0, 1.0], [0, 0, 0, 1.0]]])
    found = row_distances(a, b, range(2), range(4))
    assert found.tv.tolist() == [[1.0, 1.0]]
    assert found.jsd.tolist() == [[1.0, 1.0]]


@given(SEEDS, st.integers(1, 20), st.integers(1, 20))
def test_disjoint_rows_of_any_length_are_one_apart_and_never_more(seed: int, left: int, right: int) -> None:
    a = torch.cat([attention(seed, 2, 3, left), torch.zeros(2, 3, right)], -1)
    b = torch.cat([torch.zeros(2, 3, left), attention(seed, 2, 3, right)], -1)
    found = row_distances(a, b, range(3), range(left + right))
    for values in (found.tv, found.jsd):
        np.testing.assert_allclose(values, 1, atol=1e-6)
        assert values.max() <= 1


def test_one_weight_moved_by_a_tenth_by_hand() -> None:
    """JSD of (.5, .5) and (.6, .4), by pencil: H(.55) − (1 + H(.6)) / 2 in bits."""
    found = row_distances(torch.tensor([[[0.5, 0.5]]]), torch.tensor([[[0.6, 0.4]]]), [0], [0, 1])
    assert found.tv[0, 0] == pytest.approx(0.1, abs=1e-7)
    assert found.jsd[0, 0] == pytest.approx(0.992774 - (1 + 0.970951) / 2, abs=2e-6)


def test_a_row_that_was_not_chosen_has_no_distance() -> None:
    found = row_distances(attention(0, 2, 3, 3), attention(1, 2, 3, 3), [0, 2], [0, 1, 2])
    for values in (found.tv, found.jsd, found.outside_a, found.outside_b):
        assert np.isnan(values[:, 1]).all()
        assert np.isfinite(values[:, [0, 2]]).all()


def test_a_row_that_spends_nothing_on_shared_keys_is_not_a_number_and_all_outside() -> None:
    a, b = torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[1.0, 0.0]]])
    found = row_distances(a, b, [0], [0])
    assert np.isnan(found.tv[0, 0])
    assert (found.outside_a[0, 0], found.outside_b[0, 0]) == (1.0, 0.0)


def test_tv_bounds_jsd() -> None:
    """Lin 1991: JSD (base 2) is never above the total variation."""
    a, b = attention(5, 4, 50, 12), attention(6, 4, 50, 12)
    found = row_distances(a, b, range(50), range(12))
    assert (found.jsd <= found.tv + 1e-6).all()
