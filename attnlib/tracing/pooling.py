"""Attention made small: tokens in blocks, and of each pair of blocks the largest weight, so that none vanishes.

Tensors in, arrays out. A difference keeps, of each pair of blocks, the change that is largest in size, with its sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import max_pool1d

BUDGET = 600_000  # bytes of all maps of one view, at two bytes a number
PER_HEAD = 1_000  # bytes that each head may take, also of many
FEWEST, MOST = 16, 128  # blocks a long row is divided into, whatever the budget


@dataclass(frozen=True)
class Blocks:
    """A row of tokens in blocks of `size`; none spans two segments, whose last block may be shorter."""

    size: int
    segments: tuple[tuple[int, int], ...]  # first token of each segment, and the token after its last

    @cached_property
    def edges(self) -> tuple[int, ...]:
        """The first token of each block, and the number of tokens."""
        starts = (start for first, end in self.segments for start in range(first, end, self.size))
        return (*starts, self.segments[-1][1])

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def exact(self) -> bool:
        """Whether every block is one token."""
        return self.size == 1


def blocks_of(segments: Sequence[int], size: int) -> Blocks:
    """The blocks of a row of tokens, given for each token which segment (0 or 1) it belongs to."""
    changes = [i for i in range(1, len(segments)) if segments[i] != segments[i - 1]]
    edges = [0, *changes, len(segments)]
    return Blocks(size, tuple(pairwise(edges)))


def fitting_blocks(
    queries: Sequence[int], keys: Sequence[int] | None, heads: int, maps: int = 1, *, triangle: bool = False
) -> tuple[Blocks, Blocks]:
    """The smallest blocks with which `maps` maps of all `heads` stay within the budget; of the rows, of the columns.

    Rows and columns are given by their tokens' segments; None for columns that are the rows.
    """
    sizes, budget = [1, 1], max(BUDGET, PER_HEAD * heads)
    while True:
        rows = blocks_of(queries, sizes[0])
        columns = rows if keys is None else blocks_of(keys, sizes[1])
        cells = len(rows) * (len(rows) + 1) // 2 if triangle else len(rows) * len(columns)
        longest = max(len(rows), len(columns))
        if longest <= FEWEST or (longest <= MOST and 2 * heads * maps * cells <= budget):
            return rows, columns
        sizes[0 if len(rows) >= len(columns) else 1] += 1


def pool(
    weights: Float[Tensor, "head query key"], rows: Blocks, columns: Blocks
) -> Float[Tensor, "head query_block key_block"]:
    """The largest weight of every pair of blocks."""
    if rows.exact and columns.exact:
        return weights
    tall = torch.stack([weights[:, first:last].amax(1) for first, last in pairwise(rows.edges)], 1)
    parts = [max_pool1d(tall[:, :, first:last], columns.size, ceil_mode=True) for first, last in columns.segments]
    return torch.cat(parts, 2)


def pool_change(
    a: Float[Tensor, "head query key"], b: Float[Tensor, "head query key"], rows: Blocks, columns: Blocks
) -> Float[np.ndarray, "head query_block key_block"]:
    """B − A, of each pair of blocks the change that is largest in size, with its sign."""
    pooled = []
    for one, other in zip(a, b, strict=True):  # head by head: a whole layer's difference would cost more memory
        change = (other - one)[None]
        up, down = pool(change, rows, columns), pool(-change, rows, columns)
        pooled.append(torch.where(up >= down, up, -down))
    return torch.cat(pooled).cpu().numpy()
