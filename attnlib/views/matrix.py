"""The payload of the matrix view: one head's attention, token by token, of one text or of a prompt pair."""

from typing import Any

import numpy as np
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.views.payload import MOST_WEIGHTS, pack, quantize


def matrix_payload(
    queries: dict[str, Any],
    keys: dict[str, Any] | None,
    a: Float[np.ndarray, "query key"],
    b: Float[np.ndarray, "query key"] | None = None,
    *,
    layer: int,
    head: int,
    **header: Any,
) -> bytes:
    """One head. With `b` the view shows A, B or B − A; `queries` and `keys` are rows as for the head view.

    `keys` None: they are the queries. NaN rows (units one prompt does not have) are sent as 0. Raises InputError
    where shapes do not fit or are too many.
    """
    shape = len(queries["labels"]), len((keys or queries)["labels"])
    if a.shape != shape or (b is not None and b.shape != shape):
        raise InputError(f"The matrix has shape {a.shape}, and there are {shape[0]} rows and {shape[1]} columns.")
    if a.size > MOST_WEIGHTS // 8:
        raise InputError(f"{shape[0]:,} x {shape[1]:,} tokens are too many for a matrix. Shorten the text.")
    about = {"view": "matrix", "layer": layer, "head": head, "pair": b is not None, "queries": queries, "keys": keys}
    arrays = {"a": quantize(np.nan_to_num(a))} | ({} if b is None else {"b": quantize(np.nan_to_num(b))})
    return pack({**about, **header}, arrays)
