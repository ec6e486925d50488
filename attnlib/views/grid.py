"""The payload of the grid view: one number per head, of one case or of several on one colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.views.payload import pack

LEAST = 0.05  # the smallest end of the colour scale: noise is not to look like a finding


@dataclass(frozen=True, eq=False)
class HeadGrid:
    """One number per head; NaN where there is no such head."""

    title: str
    values: Float[np.ndarray, "layer head"]
    about: str = ""


def grid_payload(
    grids: Sequence[HeadGrid],
    *,
    statistic: str,
    signed: bool,
    selected: tuple[int, int] | None = None,
    order: str = "place",
) -> bytes:
    """Grids side by side, on one colour scale. `order`: "place" (layers x heads) or "rank" (by size in the first).

    Raises InputError where there is no grid or shapes differ.
    """
    if not grids:
        raise InputError("There is no grid to draw.")
    shapes = {grid.values.shape for grid in grids}
    if len(shapes) > 1:
        raise InputError(f"Grids side by side must have the same layers and heads; these have {sorted(shapes)}.")
    sizes = [float(np.nanmax(np.abs(grid.values))) for grid in grids if np.isfinite(grid.values).any()]
    layers, heads = grids[0].values.shape
    header = {
        "view": "grid",
        "statistic": statistic,
        "signed": signed,
        "scale": max([LEAST, *sizes]),
        "selected": None if selected is None else list(selected),
        "order": order if order in ("place", "rank") else "place",
        "layers": layers,
        "heads": heads,
        "grids": [{"title": grid.title, "about": grid.about} for grid in grids],
    }
    return pack(header, {f"values{n}": grid.values.astype(np.float32) for n, grid in enumerate(grids)})
