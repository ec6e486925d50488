"""The payload of the model view: every head's map, small, and its scores; of a text or of a pair. Draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped

from attnlib.comparison.overview import PairOverview, empty_pair_overview
from attnlib.comparison.result import STATISTICS, Comparison
from attnlib.errors import InputError
from attnlib.tracing.checks import refuse_failed
from attnlib.tracing.head_scores import HEAD_SCORES
from attnlib.tracing.overview import Overview
from attnlib.tracing.pooling import Blocks
from attnlib.views.pair.payload import unit_rows
from attnlib.views.payload import STEPS, check_labels, pack, quantize, token_row

KEPT = ("labels", "segments", "a", "b")  # of a token row


@dataclass(frozen=True, eq=False)
class ShownScore:
    """One number per head that cells are coloured and sorted by; NaN where there is no such head."""

    name: str
    title: str
    about: str
    values: Float[np.ndarray, "layer head"]
    signed: bool = False


def model_payload(overview: Overview, stack: str | None = None, **header: Any) -> bytes:
    """One attention of a text: all its layers and heads. `header` is passed on.

    `labels` in it says what each head does, as [layer][head].
    """
    refuse_failed(overview)
    shown = overview.stack(stack)
    scores = [ShownScore(name, *HEAD_SCORES[name], values) for name, values in shown.scores.items()]
    rows = token_row(shown.queries), None if shown.keys is shown.queries else token_row(shown.keys)
    about = {"model": overview.model, "stack": shown.name, "pair": False, "triangle": shown.causal}
    arrays = {"maps": _packed(shown.maps, shown.causal)}
    return _payload(rows, (shown.query_blocks, shown.key_blocks), scores, shown.maps, arrays, {**about, **header})


def pair_model_payload(comparison: Comparison, targets: Sequence[str] = (), **header: Any) -> bytes:
    """All layers and heads of two prompts, A, B and B − A. `header` is passed on, as by `model_payload`.

    Scores are the comparison's STATISTICS; those of a target shift need `targets`. InputError where the comparison
    neither was made with `small` nor kept every layer.
    """
    refuse_failed(comparison)
    triangle = comparison.a.causal and comparison.b.causal and comparison.stack == "self"
    small = comparison.small or _small(comparison, triangle)
    about = {"model": comparison.a.model, "stack": comparison.stack, "pair": True, "triangle": triangle}
    sides = {"maps": [layer.a for layer in small.layers], "maps_b": [layer.b for layer in small.layers]}
    arrays = {name: _packed(maps, triangle) for name, maps in sides.items()}
    if not small.exact:
        arrays["change"] = _packed_change([layer.change for layer in small.layers], triangle)
    blocks = small.query_blocks, small.key_blocks
    scores = pair_scores(comparison, targets)
    return _payload(unit_rows(comparison), blocks, scores, sides["maps"], arrays, {**about, **header})


def _small(comparison: Comparison, triangle: bool) -> PairOverview:
    """The maps of a comparison that kept every layer."""
    kept = comparison.a.stack(comparison.stack).layers
    if len(kept) < len(comparison.changes):
        raise InputError("This comparison has neither small maps nor every layer. Compare with `small=True`.")
    heads = [len(layer.weights) for layer in kept.values()]
    small = empty_pair_overview(comparison.alignment, comparison.key_alignment, heads, triangle)
    for layer in kept:
        a, b = comparison.attention(layer)
        small = small.with_layer(torch.tensor(a), torch.tensor(b))
    return small


def pair_scores(comparison: Comparison, targets: Sequence[str] = ()) -> list[ShownScore]:
    """The statistics of a comparison that can be had with these targets."""
    found = []
    for name, (title, signed, about) in STATISTICS.items():
        if signed and not targets:
            continue
        try:
            found.append(ShownScore(name, title, about, comparison.statistic(name, targets), signed))
        except InputError:  # a target is the sink itself
            continue
    return found


def _payload(
    rows: tuple[dict[str, Any], dict[str, Any] | None],
    blocks: tuple[Blocks, Blocks],
    scores: Sequence[ShownScore],
    maps: Sequence[Float[np.ndarray, "..."]],
    arrays: dict[str, Shaped[np.ndarray, "..."]],
    header: dict[str, Any],
) -> bytes:
    queries, keys = ({name: row[name] for name in KEPT if name in row} if row else None for row in rows)
    counts = [len(layer) for layer in maps]
    check_labels(header.get("labels") or [], counts)
    about = {
        "view": "model",
        "layers": len(counts),
        "heads": max(counts),
        "counts": counts,
        "queries": queries,
        "keys": keys,
        "blocks": {"q": list(blocks[0].edges), "k": None if keys is None else list(blocks[1].edges)},
        "scores": [{"name": s.name, "title": s.title, "about": s.about, "signed": s.signed} for s in scores],
        "selected": None,
        "state": "",
    }
    values = np.stack([score.values for score in scores]).astype(np.float32)
    return pack({**about, **header}, {**arrays, "scores": values})


def _packed(maps: Sequence[Float[np.ndarray, "_ row column"]], triangle: bool) -> Shaped[np.ndarray, " number"]:
    """Maps of all heads one after the other, row by row; of a causal model only what is not after its row."""
    return quantize(np.concatenate([_cells(layer, triangle).ravel() for layer in maps]))


def _packed_change(
    maps: Sequence[Float[np.ndarray, "_ row column"]], triangle: bool
) -> Shaped[np.ndarray, " number"]:
    """Maps of differences in [−1, 1] of all heads, row by row, in steps of 1/32767 around 32768."""
    cells = np.concatenate([_cells(layer, triangle).ravel() for layer in maps])
    return np.round(cells * (STEPS // 2) + STEPS // 2 + 1).astype(np.uint16)


def _cells(maps: Float[np.ndarray, "head row column"], triangle: bool) -> Float[np.ndarray, "head cell"]:
    if not triangle:
        return maps.reshape(len(maps), -1)
    return maps[:, *np.tril_indices(maps.shape[1])]
