"""What crosses from Python to the browser: one frame of bytes, a JSON header and typed arrays.

Frame: b"ATTN" · uint32 header length · header (UTF-8 JSON) · zero padding · arrays, each at a multiple of 8.
The header's "arrays" says of each its dtype, shape and offset from the first array. shared/dom.js reads it.
Needs numpy only.
"""

import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt16

from attnlib.errors import InputError

if TYPE_CHECKING:
    from attnlib.model.tokens import Tokens
    from attnlib.tracing.trace import Trace

MAGIC = b"ATTN"
STEPS = 65535  # a weight of 1; steps of 1.5e-5 keep three decimals, also of a sum over tokens
MOST_WEIGHTS = 32_000_000  # of one layer, in the browser's memory: 12 heads x 1,600 tokens


def pack(header: dict[str, Any], arrays: dict[str, Shaped[np.ndarray, "..."]]) -> bytes:
    """One frame of a JSON-able header and named arrays (uint8, uint16, float32)."""
    described, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        described[name] = {"dtype": str(array.dtype), "shape": list(array.shape), "offset": offset}
        padded = blob + b"\0" * (-len(blob) % 8)
        blobs.append(padded)
        offset += len(padded)
    text = json.dumps({**header, "arrays": described}, ensure_ascii=False, separators=(",", ":")).encode()
    padding = b"\0" * (-(8 + len(text)) % 8)
    return b"".join([MAGIC, struct.pack("<I", len(text)), text, padding, *blobs])


def unpack(frame: bytes) -> tuple[dict[str, Any], dict[str, Shaped[np.ndarray, "..."]]]:
    """The header and arrays of a frame made by `pack`."""
    if frame[:4] != MAGIC:
        raise InputError("These bytes are not an attention payload.")
    (length,) = struct.unpack_from("<I", frame, 4)
    header = json.loads(frame[8 : 8 + length])
    start = (8 + length + 7) // 8 * 8
    arrays = {}
    for name, about in header.pop("arrays").items():
        count = int(np.prod(about["shape"]))
        array = np.frombuffer(frame, about["dtype"], count, start + about["offset"])
        arrays[name] = array.reshape(about["shape"])
    return header, arrays


def head_payload(trace: "Trace", layer: int, stack: str | None = None, **header: Any) -> bytes:
    """The attention-head view of one layer: its weights, tokens and predictions. `header` is passed on.

    `labels` in it says what each head does (see `check_labels`).
    """
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


def check_pair_rows(*rows: dict[str, Any]) -> None:
    """InputError where a row of a pair does not say what each unit is called in A and in B, and what became of it."""
    for row in rows:
        if any(len(row.get(name, ())) != len(row["labels"]) for name in ("a", "b", "kinds")):
            raise InputError(
                "A pair's rows need “a” and “b”, the text of each unit in A and in B (None: not there), and “kinds”."
            )


def check_labels(labels: Sequence[Sequence[str]], counts: Sequence[int], first: int = 0) -> None:
    """InputError unless `labels` says of every head what it does, as [layer][head]; an empty text is none.

    No labels at all are fine. `counts` has the heads of each layer, `first` is the first layer's number.
    """
    if not labels:
        return
    if len(labels) != len(counts):
        raise InputError(
            f"There are labels of {len(labels)} layers for {len(counts)} layers of heads. "
            "Take labels and heads from the same model."
        )
    for layer, (row, heads) in enumerate(zip(labels, counts, strict=True), first):
        if isinstance(row, str):  # whose letters would pass for labels
            raise InputError(f"The labels of layer {layer} are one text, not a list with one per head.")
        if len(row) != heads:
            raise InputError(
                f"There are {len(row)} labels for the {heads} heads of layer {layer}. "
                "Every head needs one, an empty text where nothing is known."
            )


def check_layer_labels(header: dict[str, Any], layer: int, heads: int) -> None:
    """Check a header's `labels` of one layer [head] as `check_labels` does."""
    labels = header.get("labels")
    check_labels([labels] if labels else [], [heads], layer)


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


def token_row(tokens: "Tokens") -> dict[str, Any]:
    """Tokens as the views need them; what is the same for all of them is left out."""
    row: dict[str, Any] = {"labels": list(tokens.labels)}
    if any(tokens.segments):
        row["segments"] = list(tokens.segments)
    if any(tokens.special):
        row["special"] = [i for i, special in enumerate(tokens.special) if special]
    if any(len(word) > 1 for word in tokens.words):
        row["words"] = [list(word) for word in tokens.words]
    return row


def quantize(weights: Float[np.ndarray, "..."]) -> UInt16[np.ndarray, "..."]:
    """Weights in [0, 1] as steps of 1/65535, rounded."""
    return (weights * np.float32(STEPS) + np.float32(0.5)).astype(np.uint16)


def lower_triangle(weights: Float[np.ndarray, "head token token"]) -> Float[np.ndarray, "head pair"]:
    """What a causal model can be other than zero: row by row, each up to its diagonal."""
    heads, tokens, _ = weights.shape
    return weights.reshape(heads, -1)[:, _lower(tokens)]  # [head, token * (token + 1) / 2]


@lru_cache(maxsize=4)
def _lower(tokens: int) -> Int[np.ndarray, " pair"]:
    rows, columns = np.tril_indices(tokens)
    return rows * tokens + columns
