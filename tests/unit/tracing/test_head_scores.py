"""The scores of a head, by hand and against a loop."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlib.tracing.head_scores import HEAD_SCORES, ROWS, head_scores


def slowly(weights: np.ndarray, causal: bool) -> dict[str, np.ndarray]:
    """An independent loop over rows, in float64."""
    heads, queries, keys = weights.shape
    found: dict[str, list[float]] = {name: [] for name in HEAD_SCORES}
    for head in range(heads):
        rows = [i for i in range(queries) if (i > 0 if causal else keys > 1)]
        entropy, distance, first = [], [], []
        for i in rows:
            row = [float(w) for w in (weights[head, i, : i + 1] if causal else weights[head, i])]
            entropy.append(-sum(w * math.log(w) for w in row if w > 0) / math.log(len(row)))
            distance.append(sum(w * abs(i - j) for j, w in enumerate(row)))
            first.append(row[0])
        for name, values in zip(HEAD_SCORES, (entropy, distance, first), strict=True):
            found[name].append(float(np.mean(values)) if values else math.nan)
    return {name: np.array(values) for name, values in found.items()}


@given(st.integers(1, 2 * ROWS + 3), st.booleans(), st.integers(0, 100))
def test_scores_are_those_of_a_loop(tokens: int, causal: bool, seed: int) -> None:
    weights = np.random.default_rng(seed).random((2, tokens, tokens)).astype(np.float32) ** 4
    weights = np.tril(weights) if causal else weights
    weights /= weights.sum(-1, keepdims=True)
    found = head_scores(torch.tensor(weights), causal=causal)
    for name, expected in slowly(weights, causal).items():
        np.testing.assert_allclose(found[name], expected, rtol=2e-4, atol=1e-5, err_msg=name)


def test_by_hand() -> None:
    """Two rows count: [.5, .5, 0] and [.25, .25, .5]."""
    weights = torch.tensor([[[1, 0, 0], [0.5, 0.5, 0], [0.25, 0.25, 0.5]]])
    found = head_scores(weights, causal=True)
    assert found["entropy"][0] == pytest.approx((1 + 1.5 * math.log(2) / math.log(3)) / 2)
    assert found["distance"][0] == pytest.approx((0.5 + 0.75) / 2)
    assert found["first"][0] == pytest.approx(0.375)


def test_extremes() -> None:
    n = 6
    even = np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]
    previous = np.eye(n, k=-1)
    previous[0, 0] = 1
    found = head_scores(torch.tensor(np.stack([even, previous]), dtype=torch.float32), causal=True)
    assert found["entropy"] == pytest.approx([1, 0], abs=1e-6)
    assert found["distance"][1] == pytest.approx(1)


def test_cross_attention_has_no_distance() -> None:
    assert set(head_scores(torch.rand(2, 3, 5), causal=False, same_row=False)) == {"entropy", "first"}


def test_one_token_has_no_choice() -> None:
    assert all(np.isnan(values).all() for values in head_scores(torch.ones(2, 1, 1), causal=True).values())


def test_bfloat16_is_measured_in_float32() -> None:
    weights = torch.softmax(torch.randn(2, 9, 9, generator=torch.Generator().manual_seed(0)), -1).bfloat16()
    found = head_scores(weights, causal=False)
    for name, expected in slowly(weights.float().numpy(), False).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, err_msg=name)
