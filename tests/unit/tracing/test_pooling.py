"""Pooling: nothing strong vanishes, blocks respect sentences, the budget holds."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.tracing.pooling import (
    BUDGET,
    FEWEST,
    MOST,
    PER_HEAD,
    Blocks,
    blocks_of,
    fitting_blocks,
    pool,
    pool_change,
)


def slowly(weights: np.ndarray, rows: Blocks, columns: Blocks, signed: bool = False) -> np.ndarray:
    """An independent pooling, cell by cell."""
    out = np.zeros((len(weights), len(rows), len(columns)), np.float32)
    for head, q, k in np.ndindex(out.shape):
        block = weights[head, rows.edges[q] : rows.edges[q + 1], columns.edges[k] : columns.edges[k + 1]].ravel()
        out[head, q, k] = max(block, key=abs) if signed else block.max()
    return out


segments = st.builds(
    lambda first, second: [0] * first + [1] * second, st.integers(1, 20), st.one_of(st.just(0), st.integers(1, 20))
)


@given(segments, segments, st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_pooling_keeps_the_maximum_of_every_block(
    query_segments: list[int], key_segments: list[int], tall: int, wide: int, seed: int
) -> None:
    rows, columns = blocks_of(query_segments, tall), blocks_of(key_segments, wide)
    shape = (2, len(query_segments), len(key_segments))
    a, b = np.random.default_rng(seed).random((2, *shape)).astype(np.float32)
    pooled = pool(torch.tensor(a), rows, columns).numpy()
    np.testing.assert_array_equal(pooled, slowly(a, rows, columns))
    np.testing.assert_array_equal(pooled.max((1, 2)), a.max((1, 2)))
    change = pool_change(torch.tensor(a), torch.tensor(b), rows, columns)
    np.testing.assert_array_equal(np.abs(change), np.abs(slowly(b - a, rows, columns, signed=True)))
    assert np.array_equal(np.abs(change).max((1, 2)), np.abs(b - a).max((1, 2)))


def test_a_change_keeps_its_sign() -> None:
    a = torch.zeros(1, 4, 4)
    b = torch.zeros(1, 4, 4)
    b[0, 0, 1], a[0, 1, 0] = 0.3, 0.7  # in one block: +0.3 and −0.7
    b[0, 3, 3] = 0.2
    blocks = blocks_of([0] * 4, 2)
    np.testing.assert_allclose(pool_change(a, b, blocks, blocks)[0], [[-0.7, 0], [0, 0.2]], atol=1e-7)


def test_a_causal_layer_stays_a_triangle() -> None:
    weights = torch.tril(torch.rand(3, 50, 50))
    blocks = blocks_of([0] * 50, 8)
    assert not np.triu(pool(weights, blocks, blocks).numpy(), 1).any()


def test_no_block_reaches_across_sentences() -> None:
    blocks = blocks_of([0] * 5 + [1] * 4, 3)
    assert blocks.edges == (0, 3, 5, 8, 9)
    assert len(blocks) == 4
    assert not blocks.exact
    assert blocks_of([0, 0, 1], 1).edges == (0, 1, 2, 3)


@given(
    st.integers(1, 3000),
    st.one_of(st.none(), st.integers(1, 3000)),
    st.sampled_from([1, 16, 144, 1024, 1200]),
    st.integers(1, 3),
    st.booleans(),
)
def test_blocks_fit_the_budget_and_are_the_smallest(
    queries: int, keys: int | None, heads: int, maps: int, triangle: bool
) -> None:
    triangle = triangle and keys is None
    rows, columns = fitting_blocks(
        [0] * queries, None if keys is None else [0] * keys, heads, maps, triangle=triangle
    )

    def taken(q: int, k: int) -> int:
        return 2 * heads * maps * (q * (q + 1) // 2 if triangle else q * k)

    longest = max(len(rows), len(columns))
    assert longest <= FEWEST or (taken(len(rows), len(columns)) <= max(BUDGET, PER_HEAD * heads) and longest <= MOST)
    if max(queries, keys or 0) <= MOST and taken(queries, keys or queries) <= BUDGET:
        assert rows.exact
        assert columns.exact


@pytest.mark.parametrize("maps", [1, 2, 3])
@pytest.mark.parametrize("triangle", [True, False])
@pytest.mark.parametrize("tokens", [10, 47, 66, 512, 2048])
def test_gpt2s_heads_take_at_most_their_budget(tokens: int, triangle: bool, maps: int) -> None:
    rows, columns = fitting_blocks([0] * tokens, None, 144, maps, triangle=triangle)
    cells = len(rows) * (len(rows) + 1) // 2 if triangle else len(rows) * len(columns)
    assert 2 * 144 * maps * cells <= BUDGET
