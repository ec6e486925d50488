"""The payload of the neuron view: the vectors of one head, of a text or of a pair. Draws nothing.

Queries and keys go as 24-bit steps of each vector's largest number, which is as exact as float32 in a product;
values as 16-bit steps. What the browser makes of them is checked here: `deviation` in the header.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped, UInt8, UInt16

from attnlib.comparison.align import Alignment
from attnlib.comparison.result import Comparison
from attnlib.errors import InputError
from attnlib.model.tokens import Tokens
from attnlib.tracing.checks import refuse_failed
from attnlib.tracing.layer import LayerAttention
from attnlib.tracing.trace import Trace
from attnlib.tracing.vectors import HeadVectors, head_vectors
from attnlib.views.payload import check_layer_labels, pack, token_row

STEPS_24 = 2**23 - 1
STEPS_16 = 2**15 - 1
MOST_NUMBERS = 8_000_000  # of one text's vectors: 41,000 tokens of 64 dimensions
KEPT = ("labels", "segments")  # of a token row


def neuron_payload(trace: Trace, layer: int, head: int, stack: str | None = None, **header: Any) -> bytes:
    """One head of one text. `header` is passed on; `labels` in it says what each head of the layer does."""
    refuse_failed(trace)
    vectors = head_vectors(trace, layer, head, stack)
    about = {
        "pair": False,
        "queries": _row(vectors.queries),
        "keys": None if vectors.keys is vectors.queries else _row(vectors.keys),
        "start": len(vectors.queries) - 1 if trace.causal else 0,
    }
    scales = _scales(trace.stack(stack).layer(layer), head)
    return _payload(trace, vectors, {"a": vectors}, scales, {**about, **header})


def neuron_pair_payload(comparison: Comparison, layer: int, head: int, **header: Any) -> bytes:
    """One head of two prompts, which the view shows as A, B and B − A. `header` as in `neuron_payload`."""
    refuse_failed(comparison)
    stack = comparison.stack
    sides = {
        name: head_vectors(trace, layer, head, stack) for name, trace in (("a", comparison.a), ("b", comparison.b))
    }
    if len({(side.query.shape[1], side.value.shape[1]) for side in sides.values()}) > 1:
        raise InputError("The heads of A and B have different dimensions and cannot be subtracted.")
    alignment, keys = comparison.alignment, comparison.key_alignment
    focus = (comparison.focus.a[-1], comparison.focus.b[-1])
    about = {
        "pair": True,
        "queries": _pair_row(alignment),
        "keys": None if keys is alignment else _pair_row(keys),
        "start": next((n for n, pair in enumerate(alignment.token_pairs) if focus[0] == pair[0]), 0),
    }
    layers = [trace.stack(stack).layer(layer) for trace in (comparison.a, comparison.b)]
    found = [_scales(one, head) for one in layers]
    scales = {where: {n: max(one[where][n] for one in found) for n in found[0][where]} for where in found[0]}
    scales["change"] = _change_scale(sides["a"], sides["b"], (alignment, keys))
    return _payload(comparison.a, sides["a"], sides, scales, {**about, **header})


def _payload(
    trace: Trace, first: HeadVectors, sides: dict[str, HeadVectors], scales: dict[str, Any], header: dict[str, Any]
) -> bytes:
    heads = len(trace.stack(first.stack).layer(first.layer).weights)
    check_layer_labels(header, first.layer, heads)
    arrays: dict[str, np.ndarray] = {}
    described = {}
    for name, vectors in sides.items():
        encoded, described[name] = _side(vectors)
        arrays |= {f"{name}_{part}": array for part, array in encoded.items()}
    about = {
        "view": "neuron",
        "model": trace.model,
        "stack": first.stack,
        "layer": first.layer,
        "head": first.head,
        "heads": heads,
        "dims": first.query.shape[1],
        "value_dims": first.value.shape[1],
        "sides": described,
        "scales": scales,
        "state": "",
    }
    return pack({**about, **header}, arrays)


# ---------------------------------------------------------------------------------------------- one text's numbers


def _side(vectors: HeadVectors) -> tuple[dict[str, Shaped[np.ndarray, "..."]], dict[str, Any]]:
    """The arrays of one text, and what else its arithmetic needs."""
    numbers = sum(array.size for array in (vectors.query, vectors.key, vectors.value))
    if numbers > MOST_NUMBERS:
        raise InputError(
            f"{len(vectors.queries):,} tokens of {vectors.query.shape[1]} dimensions are too many to send. "
            "Shorten the text."
        )
    query, key = Steps.of(vectors.query), Steps.of(vectors.key)
    kind, bias = _bias(vectors.bias)
    arrays: dict[str, np.ndarray] = {
        "query": query.packed,
        "query_scale": query.scale,
        "key": key.packed,
        "key_scale": key.scale,
        "value": (value := Steps.of(vectors.value, STEPS_16)).packed,
        "value_scale": value.scale,
    }
    if bias is not None:
        arrays["bias"] = bias
    sent = replace(vectors, query=query.numbers, key=key.numbers)
    about = {
        "scaling": vectors.scaling,
        "softcap": vectors.softcap,
        "sink": vectors.sink,
        "bias": kind,
        "edited": vectors.edited,
        "deviation": sent.deviation,
        "tolerance": vectors.tolerance,
    }
    return arrays, about


@dataclass(frozen=True, eq=False)
class Steps:
    """Vectors as whole steps; the scale of each is its largest number divided by their count."""

    packed: UInt8[np.ndarray, "token width 3"] | UInt16[np.ndarray, "token width"]
    scale: Float[np.ndarray, " token"]
    numbers: Float[np.ndarray, "token width"]  # what the reader of the steps will have

    @classmethod
    def of(cls, vectors: Float[np.ndarray, "token width"], steps: int = STEPS_24) -> "Steps":
        """24 bits each, little-endian two's complement; or (STEPS_16) 16 bits, counted from the middle."""
        largest = np.abs(vectors).max(1).astype(np.float32)
        scale = np.where(largest > 0, largest / steps, 1).astype(np.float32)
        whole = np.rint(vectors / scale[:, None].astype(np.float64)).clip(-steps, steps).astype("<i4")
        numbers = (whole * scale[:, None].astype(np.float64)).astype(np.float64)
        if steps == STEPS_16:
            return cls((whole + steps).astype(np.uint16), scale, numbers)
        return cls(whole[..., None].view(np.uint8)[..., :3].copy(), scale, numbers)


def _bias(bias: Float[np.ndarray, "query key"]) -> tuple[str, Float[np.ndarray, "..."] | None]:
    """The bias in as few numbers as say it exactly: none, one per distance (key − query), or all."""
    if not bias.any():
        return "none", None
    queries, keys = bias.shape
    diagonals = np.concatenate([bias[::-1, 0], bias[0, 1:]])  # of key − query from 1 − queries to keys − 1
    places = np.arange(keys)[None, :] - np.arange(queries)[:, None] + queries - 1
    if np.array_equal(diagonals[places], bias):
        return "distance", diagonals.astype(np.float32)
    return "all", bias.astype(np.float32)


# ---------------------------------------------------------------------------------------------- scales of colour


def _scales(layer: LayerAttention, head: int) -> dict[str, dict[str, float]]:
    """The largest size of a vector's number, a product and a value: of this head, and of all heads of the layer."""
    largest = _largest(layer)
    return {
        "head": {name: float(values[head]) for name, values in largest.items()},
        "layer": {name: float(values.max()) for name, values in largest.items()},
    }


def _largest(layer: LayerAttention) -> dict[str, Float[np.ndarray, " head"]]:
    query, key, value = (np.abs(vectors) for vectors in (layer.query, layer.key, layer.value))
    of_query, of_key = query.max(1), key.max(1)  # [head, dim]
    return {
        "vector": np.maximum(of_query, of_key).max(1),
        "product": (of_query * of_key).max(1),  # at most: of any query with any key
        "value": value.max((1, 2)),
    }


def _change_scale(a: HeadVectors, b: HeadVectors, alignments: tuple[Alignment, Alignment]) -> dict[str, float]:
    """The largest change B − A of vectors, products and values of each head, over the tokens both prompts have."""

    def pairs(one: np.ndarray, two: np.ndarray, alignment: Alignment) -> tuple[np.ndarray, np.ndarray]:
        both = [(i, j) for i, j in alignment.token_pairs if i is not None and j is not None]
        left, right = one[[i for i, _ in both]], two[[j for _, j in both]]
        return np.abs(right - left).max(0), np.abs(right + left).max(0) / 2

    change_q, mean_q = pairs(a.query, b.query, alignments[0])
    change_k, mean_k = pairs(a.key, b.key, alignments[1])
    change_v, _ = pairs(a.value, b.value, alignments[1])
    return {
        "vector": float(max(change_q.max(), change_k.max())),
        "product": float((change_q * mean_k + mean_q * change_k).max()),
        "value": float(max(change_v.max(), np.abs(a.value).max(), np.abs(b.value).max())),
    }


# ---------------------------------------------------------------------------------------------- rows


def _row(tokens: Tokens) -> dict[str, Any]:
    row = token_row(tokens)
    return {name: row[name] for name in KEPT if name in row}


def _pair_row(alignment: Alignment) -> dict[str, Any]:
    """Single tokens of A and B beside each other: labels of both, and their positions in each."""
    pairs = alignment.token_pairs
    in_a = [None if i is None else alignment.a.labels[i] for i, _ in pairs]
    in_b = [None if j is None else alignment.b.labels[j] for _, j in pairs]
    both = [
        (one if two is None else two if one is None else one if one == two else f"{one} → {two.strip()}") or ""
        for one, two in zip(in_a, in_b, strict=True)
    ]
    return {"labels": both, "a": in_a, "b": in_b, "at_a": [i for i, _ in pairs], "at_b": [j for _, j in pairs]}
