"""What crosses from Python to the browser: one frame of bytes, a JSON header and typed arrays.

Frame: b"ATTN" · uint32 header length · header (UTF-8 JSON) · zero padding · arrays, each at a multiple of 8.
The header's "arrays" says of each its dtype, shape and offset from the first array. shared/payload.js reads it.
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
