"""Attention made again from a layer's own query and key vectors, in float64 and without the model's own code."""

import numpy as np
import torch
from jaxtyping import Float, Int

from attnlib.model.attention import AttentionCall, repeat_key_heads


def recompute(call: AttentionCall, rows: Int[np.ndarray, " row"]) -> tuple[Float[np.ndarray, "head row key"], float]:
    """softmax(softcap(q·kᵀ·scale) + bias) for chosen query rows, in float64, without the model's own code.

    Also the largest score in size: the model rounded its scores to its dtype, so that a step of a weight is
    that many steps of the dtype.
    """
    chosen = torch.from_numpy(rows)
    query = call.query[0][:, chosen].double()  # [head, row, head_dim]
    key = repeat_key_heads(call.key, call.query.shape[1])[0].double()  # [head, key, head_dim]
    scores = query @ key.transpose(-1, -2) * call.scaling  # [head, row, key]
    if call.softcap is not None:
        scores = torch.tanh(scores / call.softcap) * call.softcap
    largest = float(scores.abs().max())
    for bias in (call.position_bias, call.mask):
        if bias is not None:
            scores = scores + _rows_of(bias, chosen).double()
    if call.sinks is not None:
        sinks = call.sinks.double().reshape(-1, 1, 1).expand(-1, scores.shape[1], 1)
        scores = torch.cat([scores, sinks], -1)
    weights = scores.softmax(-1)[..., : call.key.shape[2]]
    return weights.numpy(), largest


def _rows_of(bias: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """The chosen query rows of a bias [batch, 1 or head, 1 or query, key]."""
    bias = bias[0]
    return bias if bias.shape[-2] == 1 else bias[..., rows, :]


def vectors_give_weights(call: AttentionCall) -> bool:
    """Whether softmax(q·kᵀ·scale + bias) gives a layer's weights, up to the rounding of its dtype."""
    try:
        again, largest = recompute(call, np.arange(call.weights.shape[-2]))
    except RuntimeError:  # vectors of other shapes than the weights ask for
        return False
    tolerance = max(1e-5, torch.finfo(call.weights.dtype).eps * largest)
    return bool(np.abs(again - call.weights[0].double().numpy()).max() <= tolerance)
