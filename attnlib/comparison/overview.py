"""All layers and heads of two prompts, made small as they pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.comparison.align import Alignment
from attnlib.tracing.overview import Maps, compact
from attnlib.tracing.pooling import Blocks, fitting_blocks, pool, pool_change


@dataclass(frozen=True, eq=False)
class PairMaps:
    """One layer of two prompts over aligned units, pooled; 0 from and to units that a prompt does not have."""

    a: Maps
    b: Maps
    change: Maps  # B − A, of each pair of blocks the largest in size; 0 in rows that cannot be compared


@dataclass(frozen=True, eq=False)
class PairOverview:
    """All layers of two prompts, small."""

    query_blocks: Blocks
    key_blocks: Blocks
    layers: tuple[PairMaps, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every block is one unit."""
        return self.query_blocks.exact and self.key_blocks.exact

    def with_layer(
        self, a: Float[Tensor, "head unit key_unit"], b: Float[Tensor, "head unit key_unit"]
    ) -> "PairOverview":
        """This overview and one more layer; NaN in rows of units that a prompt does not have."""
        blocks = self.query_blocks, self.key_blocks
        rows = torch.isfinite(a[0, :, 0]) & torch.isfinite(b[0, :, 0])
        a, b = a.nan_to_num(), b.nan_to_num()
        small_a, small_b = (compact(pool(side, *blocks)) for side in (a, b))
        if not bool(rows.all()):
            a, b = a * rows[:, None], b * rows[:, None]
        return replace(self, layers=(*self.layers, PairMaps(small_a, small_b, pool_change(a, b, *blocks))))


def empty_pair_overview(alignment: Alignment, keys: Alignment, heads: Sequence[int], triangle: bool) -> PairOverview:
    """An overview without any layer yet. `triangle`: no unit sees a later one, in A or in B."""
    columns = None if keys is alignment else keys.segments
    exact = fitting_blocks(alignment.segments, columns, sum(heads), 2, triangle=triangle)
    if exact[0].exact and exact[1].exact:  # the browser can subtract itself
        return PairOverview(*exact)
    return PairOverview(*fitting_blocks(alignment.segments, columns, sum(heads), 3, triangle=triangle))
