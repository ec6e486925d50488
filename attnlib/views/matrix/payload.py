"""The payload of the matrix view: one head's attention, token by token, of a text or of a pair. Draws nothing."""

from typing import Any

import numpy as np
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.views.payload import MOST_WEIGHTS, check_pair_rows, pack, quantize

MOST_CELLS = MOST_WEIGHTS // 8  # of one matrix: 2,000 x 2,000


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
    """One head. With `b` the view shows A, B or B − A; `header` is passed on.

    `queries` and `keys` (None: the queries) are rows as `token_row` makes them, for a pair with "a", "b" and "kinds"
    as in `head_pair_payload`. NaN (rows of units that one prompt lacks) is sent as 0.
    Raises InputError where shapes do not fit or are too many.
    """
    columns = queries if keys is None else keys
    shape = len(queries["labels"]), len(columns["labels"])
    for weights in (a,) if b is None else (a, b):
        if weights.shape != shape:
            raise InputError(
                f"The matrix has shape {weights.shape}, and there are {shape[0]} rows and {shape[1]} columns."
            )
    if 0 in shape:
        raise InputError("A matrix needs at least one row and one column.")
    if a.size > MOST_CELLS:
        longest = int(MOST_CELLS**0.5)
        raise InputError(
            f"{shape[0]:,} x {shape[1]:,} tokens are too many for a matrix. Shorten the text to {longest:,} tokens."
        )
    if b is not None:
        check_pair_rows(queries, columns)
    about = {"view": "matrix", "layer": layer, "head": head, "pair": b is not None, "queries": queries, "keys": keys}
    arrays = {"a": quantize(np.nan_to_num(a))} | ({} if b is None else {"b": quantize(np.nan_to_num(b))})
    return pack({**about, **header}, arrays)
