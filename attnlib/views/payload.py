"""What crosses from Python to the browser: one frame of bytes, a JSON header and typed arrays.

Frame: b"ATTN" · uint32 header length · header (UTF-8 JSON) · zero padding · arrays, each at a multiple of 8.
The header's "arrays" says of each its dtype, shape and offset from the first array. shared.js reads it.
Needs numpy only.
"""

import json
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt16

from attnlib.errors import InputError

if TYPE_CHECKING:
    from attnlib.tokens import Tokens
    from attnlib.tracing import Trace

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
    """The attention-head view of one layer: its weights, tokens and predictions. `header` is passed on."""
    attention = trace.stack(stack)
    weights = attention.layer(layer).weights
    heads, queries, keys = weights.shape
    if weights.size > MOST_WEIGHTS:
        longest = int((MOST_WEIGHTS / heads) ** 0.5)
        raise InputError(
            f"{queries:,} tokens x {heads} heads are too many to draw at once. "
            f"Shorten the text to about {longest:,} tokens."
        )
    triangle = trace.causal and queries == keys and attention.name == "self"
    same = attention.keys is attention.queries
    about = {
        "view": "head",
        "model": trace.model,
        "stack": attention.name,
        "layer": layer,
        "heads": heads,
        "triangle": triangle,
        "queries": _row(attention.queries),
        "keys": None if same else _row(attention.keys),
        "hidden": list(trace.hidden),
    }
    arrays: dict[str, np.ndarray] = {"weights": quantize(lower_triangle(weights) if triangle else weights)}
    if trace.predictions is not None and attention.name in ("self", "decoder"):
        about["predictions"] = [list(words) for words in trace.predictions.labels]
        about["predicts"] = "next" if trace.causal or attention.name == "decoder" else "here"
        arrays["probabilities"] = trace.predictions.probabilities.astype(np.float32)
    return pack({**about, **header}, arrays)


def _row(tokens: "Tokens") -> dict[str, Any]:
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
