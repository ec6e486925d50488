"""How far apart two attention distributions are, row by row, over aligned units. Tensors in, arrays out.

Definitions: total variation ½ Σ|a − b|, and the Jensen-Shannon divergence in base 2 (its square root is a metric);
both in [0, 1], over the keys both prompts have, each row divided by what it spends on them. What a row spends on
keys of one prompt only is reported apart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

Groups = Sequence[tuple[int, ...]]
TINY = 1e-38


@dataclass(frozen=True, eq=False)
class RowDistances:
    """One layer's distances, a row per query unit; NaN where the unit is in one prompt only."""

    tv: Float[np.ndarray, "head unit"]
    jsd: Float[np.ndarray, "head unit"]
    outside_a: Float[np.ndarray, "head unit"]  # attention of A to keys that B does not have
    outside_b: Float[np.ndarray, "head unit"]


def group_attention(
    weights: Float[Tensor, "head query key"], queries: Groups, keys: Groups
) -> Float[Tensor, "head query_unit key_unit"]:
    """Attention between groups of tokens: to a group the sum, from a group the mean.

    An empty group stands for a unit the prompt does not have: nothing goes to it (0), and it has no row (NaN).
    """
    columns = _gathered(weights, keys, 2, mean=False)  # [head, query, key_unit]
    return _gathered(
        columns, queries, 1, mean=True
    )  # [head, query_unit, key_unit]; last, so that no row is overwritten


def _gathered(weights: Tensor, groups: Groups, axis: int, mean: bool) -> Tensor:
    """One axis's tokens gathered into groups; only groups of several tokens or none cost more than a copy."""
    if list(groups) == [(i,) for i in range(weights.shape[axis])]:
        return weights
    firsts = torch.tensor([group[0] if group else 0 for group in groups], device=weights.device)
    gathered = weights.index_select(axis, firsts)
    for unit, group in enumerate(groups):
        if len(group) == 1:
            continue
        chosen = weights.index_select(axis, torch.tensor(group, dtype=torch.long, device=weights.device))
        if not group:
            gathered.select(axis, unit).fill_(torch.nan if mean else 0.0)
        else:
            gathered.select(axis, unit).copy_(chosen.mean(axis) if mean else chosen.sum(axis))
    return gathered


def row_distances(
    a: Float[Tensor, "head unit key_unit"],
    b: Float[Tensor, "head unit key_unit"],
    rows: Sequence[int],
    keys: Sequence[int],
) -> RowDistances:
    """Distances of the chosen `rows` over the chosen `keys`: those both prompts have."""
    every_row, every_key = len(rows) == a.shape[1], len(keys) == a.shape[2]
    chosen = torch.tensor(rows, dtype=torch.long, device=a.device)
    columns = torch.tensor(keys, dtype=torch.long, device=a.device)
    found = []
    for head_a, head_b in zip(a, b, strict=True):  # one by one: a layer's temporaries at once would cost more memory
        mine, other = (w if every_row else w.index_select(0, chosen) for w in (head_a, head_b))
        shared = [w if every_key else w.index_select(1, columns) for w in (mine, other)]
        outside = [w.sum(-1) - s.sum(-1) for w, s in zip((mine, other), shared, strict=True)]
        found.append(torch.stack([*tv_and_jsd(*shared), *outside]))  # [measure, row]
    measures = torch.stack(found, 1).clamp(0, 1)  # [measure, head, row]
    return RowDistances(*(_spread(values, chosen, a.shape[1]) for values in measures))


class Rows(NamedTuple):
    """For many pairs: which units count, 1 or 0."""

    rows: Float[Tensor, "pair unit"]  # those both prompts have
    keys: Float[Tensor, "pair key_unit"]
    focus: Float[Tensor, "pair unit"]  # rows of the focus word


def mean_distances(
    a: Float[Tensor, "pair head unit key_unit"], b: Float[Tensor, "pair head unit key_unit"], which: Rows
) -> tuple[Float[Tensor, "pair head"], ...]:
    """Of many pairs at once, the mean JSD and TV of the focus word's rows, then of all rows; NaN where none counts.

    As `row_distances`: over the keys both prompts have, each row divided by what it spends on them.
    """
    if not bool(which.keys.all()):
        a, b = a * which.keys[:, None, None], b * which.keys[:, None, None]
    tv, jsd = (distance.clamp(0, 1) for distance in tv_and_jsd(a, b))  # [pair, head, unit]
    return tuple(_mean(values, rows) for rows in (which.focus, which.rows) for values in (jsd, tv))


def _mean(values: Float[Tensor, "pair head unit"], rows: Float[Tensor, "pair unit"]) -> Float[Tensor, "pair head"]:
    """The mean of the rows that count and have a value."""
    counted = rows[:, None] * values.isfinite()
    return (values.nan_to_num() * counted).sum(-1) / counted.sum(-1)


def tv_and_jsd(
    a: Float[Tensor, "*rows key"], b: Float[Tensor, "*rows key"]
) -> tuple[Float[Tensor, "*rows"], Float[Tensor, "*rows"]]:
    """Total variation and Jensen–Shannon divergence of each row; NaN if a row is all 0."""
    p, q = a / a.sum(-1, keepdim=True), b / b.sum(-1, keepdim=True)
    jsd = (_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2) / math.log(2)
    return (p - q).abs().sum(-1) / 2, jsd


def _entropy(p: Float[Tensor, "*rows key"]) -> Float[Tensor, "*rows"]:
    return -(p.clamp_min(TINY).log_() * p).sum(-1)  # 0 · ln TINY is 0; half the time of torch.special.entr


def _spread(values: Float[Tensor, "head row"], rows: Tensor, units: int) -> Float[np.ndarray, "head unit"]:
    """The values of chosen rows at their places among all units."""
    everywhere = torch.full((values.shape[0], units), torch.nan, dtype=torch.float32, device=values.device)
    everywhere[:, rows] = values.float()
    return everywhere.cpu().numpy()
