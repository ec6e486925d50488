"""One number per head that says how it attends: how evenly, how far, how much to the first token.

Every score is a mean over the rows that see more than one token: in a causal model all but the first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

TINY = 1e-38
ROWS = 64  # rows measured at once: temporaries stay small beside a layer's weights


class HeadScore(NamedTuple):
    """A score in words."""

    title: str
    about: str


HEAD_SCORES = {
    "entropy": HeadScore("Entropy", "of the row, divided by its maximum: 0 one token, 1 evenly on all"),
    "distance": HeadScore("Mean distance", "tokens between a token and the one it looks at, weighted by attention"),
    "first": HeadScore("First-token share", "attention to the first token"),
}


def head_scores(
    weights: Float[Tensor, "head query key"], *, causal: bool, same_row: bool = True
) -> dict[str, Float[np.ndarray, " head"]]:
    """HEAD_SCORES of every head of a layer; NaN if no row sees more than one token.

    `causal`: no token sees a later one.
    `same_row`: queries and keys are the same tokens; otherwise there is no distance.
    Entropy: −Σ α ln α ÷ ln(number of keys seen), in [0, 1]. Distance: Σ α |i − j|, in tokens.
    """
    heads, queries, keys = weights.shape
    sums = torch.zeros(3, heads, dtype=torch.float64, device=weights.device)
    start = 1 if causal or keys == 1 else 0
    for first in range(start, queries if keys > 1 else 0, ROWS):
        last = min(first + ROWS, queries)
        seen = last if causal else keys
        rows = weights[:, first:last, :seen].float()  # [head, row, key]
        sums += torch.stack([measure(rows, first, causal).sum(-1) for measure in (row_entropy, _distance, _first)])
    counted = (queries - start) if keys > 1 else 0
    means = sums / counted if counted else torch.full_like(sums, torch.nan)
    named = dict(zip(HEAD_SCORES, means.float().cpu().numpy(), strict=True))
    return named if same_row else {name: values for name, values in named.items() if name != "distance"}


def row_entropy(rows: Float[Tensor, "head row key"], first: int, causal: bool) -> Float[Tensor, "head row"]:
    """Entropy of rows `first` and following, divided by its maximum there."""
    last = first + rows.shape[1]
    seen = torch.arange(first + 1, last + 1, device=rows.device) if causal else rows.shape[2]
    logarithms = rows.clamp_min(TINY).log_()  # 0 · ln TINY is 0; half the time of torch.special.entr
    return -logarithms.mul_(rows).sum(-1) / torch.log(torch.as_tensor(seen, dtype=torch.float32))


def _distance(rows: Float[Tensor, "head row key"], first: int, causal: bool) -> Float[Tensor, "head row"]:
    at = torch.arange(first, first + rows.shape[1], device=rows.device, dtype=torch.float32)
    apart = (at[:, None] - torch.arange(rows.shape[2], device=rows.device)).abs()  # [row, key]
    return (rows * apart).sum(-1)


def _first(rows: Float[Tensor, "head row key"], first: int, causal: bool) -> Float[Tensor, "head row"]:
    return rows[:, :, 0]


def by_layer(values: Sequence[np.ndarray]) -> Float[np.ndarray, "layer head"]:
    """One row per layer; NaN after the last head where layers have different numbers of them."""
    widest = max(len(row) for row in values)
    table = np.full((len(values), widest), np.nan, np.float32)
    for layer, row in enumerate(values):
        table[layer, : len(row)] = row
    return table
