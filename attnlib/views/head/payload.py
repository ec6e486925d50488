"""The payload of the attention-head view: one layer of a text, or of two prompts over the same rows of units."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt16

from attnlib.errors import InputError
from attnlib.tracing.checks import refuse_failed
from attnlib.views.payload import (
    MOST_WEIGHTS,
    check_layer_labels,
    check_pair_rows,
    lower_triangle,
    pack,
    quantize,
    token_row,
)

if TYPE_CHECKING:
    from attnlib.tracing.trace import Trace


def head_payload(trace: "Trace", layer: int, stack: str | None = None, **header: Any) -> bytes:
    """The attention-head view of one layer: its weights, tokens and predictions. `header` is passed on.

    `labels` in it says what each head does (see `check_labels`).
    """
    refuse_failed(trace)
    attention = trace.stack(stack)
    weights = attention.layer(layer).weights
    _check_size(weights.shape)
    check_layer_labels(header, layer, len(weights))
    same = attention.keys is attention.queries
    triangle = trace.causal and weights.shape[1] == weights.shape[2] and attention.name == "self"
    about = {
        **_head_header(trace.model, attention.name, layer, len(weights), triangle),
        "queries": token_row(attention.queries),
        "keys": None if same else token_row(attention.keys),
        "hidden": list(trace.hidden),
    }
    arrays: dict[str, np.ndarray] = {"weights": _packed(weights, triangle)}
    if trace.predictions is not None and attention.name in ("self", "decoder"):
        about["predictions"] = [list(words) for words in trace.predictions.labels]
        about["predicts"] = "next" if trace.causal or attention.name == "decoder" else "here"
        arrays["probabilities"] = trace.predictions.probabilities.astype(np.float32)
    return pack({**about, **header}, arrays)


def head_pair_payload(
    queries: dict[str, Any],
    keys: dict[str, Any] | None,
    a: Float[np.ndarray, "head query key"],
    b: Float[np.ndarray, "head query key"],
    *,
    model: str,
    stack: str,
    layer: int,
    causal: bool,
    **header: Any,
) -> bytes:
    """The attention-head view of one layer of two prompts, A and B, over the same rows of units.

    `queries` and `keys` (None: the queries) are rows as `token_row` makes them, with "a" and "b", the text of each
    unit in A and in B (None where it is not there), and "kinds" (`align.Unit.kind`). Rows of `a` and `b` may be NaN
    there. `labels` in `header` as in `head_payload`.
    InputError where shapes do not fit or are too many.
    """
    units = tuple(len(row["labels"]) for row in (queries, queries if keys is None else keys))
    if a.shape != b.shape or a.shape[1:] != units:
        raise InputError(
            f"The attention of A {a.shape} and of B {b.shape} must both be (heads, {units[0]}, {units[1]}), "
            "one row and one column per unit. Take both from the same alignment and from models of the same shape."
        )
    check_pair_rows(queries, queries if keys is None else keys)
    _check_size(a.shape, prompts=2)
    check_layer_labels(header, layer, len(a))
    triangle = causal and keys is None and stack == "self"
    about = {
        **_head_header(model, stack, layer, len(a), triangle),
        "pair": True,
        "queries": queries,
        "keys": keys,
        "hidden": [],
    }
    weights = {"weights": _packed(np.nan_to_num(a), triangle), "weights_b": _packed(np.nan_to_num(b), triangle)}
    return pack({**about, **header}, weights)


def _head_header(model: str, stack: str, layer: int, heads: int, triangle: bool) -> dict[str, Any]:
    return {"view": "head", "model": model, "stack": stack, "layer": layer, "heads": heads, "triangle": triangle}


def _packed(weights: Float[np.ndarray, "head query key"], triangle: bool) -> UInt16[np.ndarray, "head ..."]:
    return quantize(lower_triangle(weights) if triangle else weights)


def _check_size(shape: tuple[int, ...], prompts: int = 1) -> None:
    """InputError where a browser would hold too many weights, of one prompt or of two together."""
    heads, queries, keys = shape
    if prompts * heads * queries * keys <= MOST_WEIGHTS:
        return
    longest = int((MOST_WEIGHTS / heads / prompts) ** 0.5)
    if prompts > 1:
        raise InputError(
            f"{prompts} prompts x {queries:,} tokens x {heads} heads are too many to draw at once. "
            f"Shorten both texts to about {longest:,} tokens."
        )
    raise InputError(
        f"{queries:,} tokens x {heads} heads are too many to draw at once. "
        f"Shorten the text to about {longest:,} tokens."
    )
