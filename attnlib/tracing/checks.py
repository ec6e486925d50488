"""Is what is drawn what the model computed? The checks of a trace, made in float64 from its own vectors.

PyTorch once returned attention without the causal mask (huggingface/transformers PR 30652), so nothing here
trusts the weights: rows must sum to one, the future must be unseen, and softmax(q·kᵀ·scale + bias) must give
the weights again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int

from attnlib.errors import InputError
from attnlib.model.recomputing import recompute

if TYPE_CHECKING:
    from attnlib.tracing.layer import LayerAttention

ROWS = 64  # query tokens checked in each layer and head: all of a short text, spread evenly over a long one


@dataclass(frozen=True)
class Check:
    """One thing that was verified, with the largest deviation found."""

    name: str  # "row sums", "causal", "recomputed", "untouched"
    deviation: float
    tolerance: float
    rows: int  # attention rows looked at, over all layers and heads

    @property
    def passed(self) -> bool:
        return self.deviation <= self.tolerance

    def merged(self, other: "Check") -> "Check":
        """This check and that of another trace as one, passed only if both are."""
        return _worst([self, other])

    def __str__(self) -> str:
        verdict = "verified" if self.passed else "FAILED"
        return f"{_SAYS[self.name]}: {verdict} (largest deviation {self.deviation:.1e}, {self.rows:,} rows)"


def _worst(checks: "Sequence[Check]") -> Check:
    """Several runs of one check as one: a failed one first, then the largest deviation; rows are added up."""
    worst = max(checks, key=lambda check: (not check.passed, check.deviation))
    return replace(worst, rows=sum(check.rows for check in checks))


_SAYS = {
    "row sums": "rows sum to 1",
    "causal": "no token sees a later one",
    "recomputed": "softmax(q·kᵀ·scale + bias) gives these weights",
    "untouched": "every row before the first edit is the same in both prompts",
}


def verify(layers: "Sequence[tuple[LayerAttention, bool]]", rows: int = ROWS) -> tuple[Check, ...]:
    """Check layers, each given with whether it must be causal. Edited layers are left out."""
    found: dict[str, list[tuple[float, float, int]]] = {}
    for layer, causal in layers:
        if layer.edited:
            continue
        chosen = _spread(layer.weights.shape[1], rows)
        weights = layer.weights[:, chosen].astype(np.float64)
        count, slack = weights.shape[0] * len(chosen), _rounding(layer)
        if layer.call is None or layer.call.sinks is None:
            deviation = float(np.abs(weights.sum(-1) - 1).max())
            found.setdefault("row sums", []).append((deviation, max(1e-4, slack), count))
        if causal:
            future = np.arange(weights.shape[2]) > chosen[:, None]  # [row, key]
            found.setdefault("causal", []).append((float((weights * future).max()), 0.0, count))
        if layer.call is not None:
            again, largest_score = recompute(layer.call, chosen)
            deviation = float(np.abs(again - weights).max())
            found.setdefault("recomputed", []).append((deviation, max(1e-5, slack * largest_score), count))
    return tuple(_worst([Check(name, *result) for result in results]) for name, results in found.items())


def _spread(length: int, rows: int) -> Int[np.ndarray, " row"]:
    return np.unique(np.linspace(0, length - 1, min(rows, length)).round().astype(int))


def _rounding(layer: "LayerAttention") -> float:
    """The step of the dtype the model computed in: bfloat16 weights cannot agree to five places."""
    dtype = torch.float32 if layer.call is None else layer.call.weights.dtype
    return torch.finfo(dtype).eps


@runtime_checkable
class Checked(Protocol):
    """Something that was checked: a trace, an overview, a comparison."""

    @property
    def checks(self) -> tuple[Check, ...]: ...


def refuse_failed(shown: Checked) -> None:
    """Refuse what fails its own check: it is drawn and exported nowhere. Raises InputError.

    Weights that were given as arrays are drawn as they are: they are the caller's claim, not a model's.
    """
    failed = [] if getattr(shown, "given", False) else [check for check in shown.checks if not check.passed]
    if failed:
        raise InputError(
            f"This attention fails its own check, so nothing is shown of it: {failed[0]}. Shorten the text, or "
            "choose another model or dtype."
        )
