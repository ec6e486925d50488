"""The payload of the alignment view: the tokens of two prompts and which stand for which."""

from collections.abc import Sequence
from typing import Any

from attnlib.errors import InputError
from attnlib.views.payload import pack


def alignment_payload(
    a: dict[str, Any],
    b: dict[str, Any],
    units: Sequence[tuple[str, Sequence[int], Sequence[int]]],
    *,
    corrected: bool = False,
    sentence: str = "",
) -> bytes:
    """Token rows `a` and `b` (as for the head view) and units (kind, positions in A, positions in B), in order.

    Raises InputError where a token is in no unit or in two.
    """
    for name, row, side in (("A", a, 1), ("B", b, 2)):
        positions = [i for unit in units for i in unit[side]]
        if sorted(positions) != list(range(len(row["labels"]))):
            raise InputError(f"Every token of prompt {name} must be in exactly one unit of the alignment.")
    header = {
        "view": "alignment",
        "a": a,
        "b": b,
        "units": [[kind, list(in_a), list(in_b)] for kind, in_a, in_b in units],
        "corrected": corrected,
        "sentence": sentence,
    }
    return pack(header, {})
