"""Dimensions of one head's queries or keys, scaled or silenced while the model runs; and what that changes.

score[i, j] = cap(scaling · Σ_d f_d q[i, d] k[j, d]) + bias[i, j]; the weights are the softmax of a row of scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.behaviour.head_profile import check_head
from attnlib.comparison.focus import sinks_of
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, Edit, LayerPlace, repeat_key_heads
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model
from attnlib.model.probing import probe_inputs
from attnlib.model.tokens import Tokens
from attnlib.words.predictions import WordChange, compare_words, speaking_places

OF = ("query", "key")


def scale_dimensions(
    layer: int, head: int, factors: Mapping[int, float], *, of: str = "query", stack: str = "self"
) -> Edit:
    """An edit that multiplies dimensions of a head's query (or key) vectors while the model runs.

    score[i, j] = scaling · Σ_d f_d q[i, d] k[j, d], then whatever the model does with it: softcap, mask, bias,
    softmax. For one head it makes no difference whether query or key is scaled.

    Args:
        layer (int): Counted from 0.
        head (int): Counted from 0.
        factors (mapping of int to float): By dimension: 0 silences it, 1 changes nothing, −1 reverses it.
        of (str): "query" or "key". If heads share their keys, a scaled key changes all of them.
        stack (str): For an encoder-decoder model "encoder", "decoder" or "cross".

    Returns:
        callable: An edit for `trace(..., edits=[...])` or `Model.forward`.

    Raises:
        InputError: If `of` is something else, or a factor is not a number; when the model runs, if there is no such
            dimension.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> edit = attnlib.scale_dimensions(0, 2, {2: 0.0, 9: 0.0})
        >>> text = "The doctor asked the nurse a question. She"
        >>> before, after = attnlib.trace(model, text), attnlib.trace(model, text, edits=[edit])
        >>> bool(after.weights[0, 2, 8, 4] < before.weights[0, 2, 8, 4])  # less attention from “She” to “nurse”
        True
    """
    if of not in OF:
        raise InputError(f"Dimensions of the “query” or of the “key” are scaled, not of the “{of}”.")
    wrong = [factor for factor in factors.values() if not np.isfinite(factor)]
    if wrong:
        raise InputError(f"A dimension cannot be multiplied by {wrong[0]}. Give a number.")
    changed = {dimension: factor for dimension, factor in factors.items() if factor != 1}

    def edit(call: AttentionCall) -> Tensor | None:
        if call.place != LayerPlace(stack, layer) or not changed:
            return None
        width = call.query.shape[-1]
        missing = [dimension for dimension in changed if not 0 <= dimension < width]
        if missing:
            raise InputError(f"There is no dimension {missing[0]}: head {layer}-{head} has {width}, counted from 0.")
        row = torch.ones(width, dtype=torch.float32, device=call.query.device)
        row[list(changed)] = torch.tensor(list(changed.values()), dtype=row.dtype, device=row.device)
        return rescored(call, _heads(call, head, of), row[None])

    return edit


def head_width(model: Model, layer: int) -> int:
    """The number of dimensions of a layer's queries, from a pass over three tokens."""
    check_head(model, layer, 0)
    widths: list[int] = []

    def see(call: AttentionCall) -> None:
        if call.place == LayerPlace(model.stacks[0], layer):
            widths.append(call.query.shape[-1])

    model.forward(probe_inputs(model.hf, model.family), [see])
    return widths[0]


def _heads(call: AttentionCall, head: int, of: str) -> list[int]:
    """Which heads change: this one, or all that share its keys."""
    heads, keys = call.query.shape[1], call.key.shape[1]
    if of == "query" or heads == keys:
        return [head]
    group = heads // keys
    first = head // group * group
    return list(range(first, first + group))


def rescored(
    call: AttentionCall, heads: Sequence[int], factors: Float[Tensor, "#batch head_dim"]
) -> Float[Tensor, "batch head query key"]:
    """The layer's weights with each dimension's product multiplied by its factor in these heads."""
    chosen = list(heads)
    query = call.query[:, chosen].float() * factors[:, None, None]
    key = repeat_key_heads(call.key, call.query.shape[1])[:, chosen].float()
    scores = call.scaling * (query @ key.mT)
    if call.softcap is not None:
        scores = torch.tanh(scores / call.softcap) * call.softcap
    for added in (call.mask, call.position_bias):
        if added is not None:
            mine = added if added.shape[1] == 1 else added[:, chosen]
            scores = scores + mine[..., : scores.shape[-1]].float()
    if call.sinks is not None:
        sink = call.sinks.float()[chosen].view(1, -1, 1, 1).expand(*scores.shape[:3], 1)
        weights = torch.cat([scores, sink], -1).softmax(-1)[..., :-1]
    else:
        weights = scores.softmax(-1)
    changed = call.weights.clone()
    changed[:, chosen] = weights.to(changed.dtype)
    return changed


# ---------------------------------------------------------------------------------------------- one text


@dataclass(frozen=True, eq=False)
class ScaledHead:
    """One head of one text, unchanged and with dimensions scaled, and what the model then says."""

    layer: int
    head: int
    tokens: Tokens
    before: Float[np.ndarray, "head query key"]  # of the whole layer: heads that share keys may change, too
    after: Float[np.ndarray, "head query key"]
    causal: bool
    words: tuple[WordChange, ...]  # p_a as it is, p_b with dimensions scaled; empty where the model says no words

    def curve(self) -> pd.DataFrame:
        """Mean attention by distance (query − key, in tokens), without attention sinks."""
        counted = np.array([i not in set(sinks_of(self.tokens)) for i in range(len(self.tokens))])
        there = counted[:, None] & counted
        at = np.arange(len(self.tokens))
        apart = at[:, None] - at
        before, after = self.before[self.head], self.after[self.head]
        seen = there & (apart >= 0) if self.causal else there
        rows = [
            (distance, before[mine].mean(), after[mine].mean())
            for distance in np.unique(apart[seen]).tolist()
            if (mine := seen & (apart == distance)).any()
        ]
        return pd.DataFrame(rows, columns=["distance", "before", "after"])


def scaled_head(
    model: Model,
    text: str,
    layer: int,
    head: int,
    factors: Mapping[int, float],
    *,
    of: str = "query",
    truncate: bool = False,
) -> ScaledHead:
    """Run a text as it is and with dimensions of one head scaled (`scale_dimensions`).

    Of an encoder-decoder model: of its encoder. Raises InputError as `trace` and `scale_dimensions` do.
    """
    check_head(model, layer, head)
    stack = model.stacks[0]
    inputs = read_inputs(model, text, None, truncate=truncate)
    kept: list[Float[np.ndarray, "head query key"]] = []

    def see(call: AttentionCall) -> None:
        if call.place == LayerPlace(stack, layer):
            kept.append(call.weights[0].float().cpu().numpy().copy())

    edit = scale_dimensions(layer, head, factors, of=of, stack=stack)
    both = [model.forward(inputs.tensors, [see], edits).get("logits") for edits in ([], [edit])]
    places = speaking_places(model, inputs)
    logits = None if both[0] is None else both[0][0], None if both[1] is None else both[1][0]
    words = compare_words(model, logits, (places, places)) if places else ()
    return ScaledHead(layer, head, inputs.tokens, kept[0], kept[1], model.causal, words)
