"""The payload of the grid view: one number per head, of one case or of several on one colour scale. Draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from attnlib.errors import InputError
from attnlib.views.payload import check_labels, pack

LEAST = 0.05  # the smallest end of the colour scale: noise is not to look like a finding
ORDERS = ("place", "rank")


@dataclass(frozen=True, eq=False)
class HeadGrid:
    """One number per head; NaN where there is no such head or it was not measured."""

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
    names: tuple[str, str] = ("B", "A"),
    least: float = LEAST,
    meaning: str = "",
    labels: Sequence[Sequence[str]] = (),
) -> bytes:
    """Grids side by side, on one colour scale that ends at the largest size, at least at `least`.

    `order`: "place" (layers x heads) or "rank" (by size in the first grid, the others alike). `names`: what a signed
    value compares, more in the first than in the second; `meaning` says in other words what its colours mean.
    `labels`: what each head does, as [layer][head]; heads that no grid has may be left out at a layer's end. A
    `selected` head that the first grid lacks is left out. Raises InputError where there is no grid, shapes differ,
    labels do not fit, or the order is unknown.
    """
    if order not in ORDERS:
        raise InputError(f"Heads stand by “place” or by “rank”, not by “{order}”.")
    layers, heads = _shape(grids)
    values = [np.where(np.isfinite(grid.values), grid.values, np.nan).astype(np.float32) for grid in grids]
    check_labels(labels, _counts(values, labels))
    sizes = [float(np.nanmax(np.abs(v))) for v in values if not np.isnan(v).all()]
    header = {
        "view": "grid",
        "statistic": statistic,
        "signed": signed,
        "scale": max([least, *sizes]),
        "least": least,
        "selected": list(selected) if selected is not None and _is_there(values[0], selected) else None,
        "order": order,
        "names": list(names),
        "meaning": meaning,
        "labels": [list(row) for row in labels],
        "layers": layers,
        "heads": heads,
        "grids": [{"title": grid.title, "about": grid.about} for grid in grids],
    }
    return pack(header, {f"values{n}": v for n, v in enumerate(values)})


def _shape(grids: Sequence[HeadGrid]) -> tuple[int, int]:
    """The layers and heads that all grids have."""
    if not grids:
        raise InputError("There is no grid to draw. Give at least one.")
    shapes = sorted({grid.values.shape for grid in grids})
    if len(shapes) > 1:
        raise InputError(f"Grids side by side must have the same layers and heads; these have {shapes}.")
    if len(shapes[0]) != 2 or 0 in shapes[0]:
        raise InputError(f"A grid has one number per layer and head; this one has the shape {shapes[0]}.")
    return shapes[0][0], shapes[0][1]


def _counts(values: Sequence[Shaped[np.ndarray, "layer head"]], labels: Sequence[Sequence[str]]) -> list[int]:
    """How many labels each layer needs: as many as it has, from the last head that some grid has to all."""
    there = ~np.isnan(np.stack(values)).all(0)  # [layer, head]
    heads = there.shape[1]
    ends = [int(np.flatnonzero(row).max(initial=-1)) + 1 for row in there]
    rows = [*labels, *[()] * len(ends)]  # layers without labels are told apart by their number, not here
    return [max(end, min(heads, len(row))) for end, row in zip(ends, rows, strict=False)]


def _is_there(values: Shaped[np.ndarray, "layer head"], place: tuple[int, int]) -> bool:
    layer, head = place
    layers, heads = values.shape
    return 0 <= layer < layers and 0 <= head < heads and not np.isnan(values[layer, head])
