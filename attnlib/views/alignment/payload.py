"""The payload of the alignment view: the tokens of two prompts and which stand for which. It aligns nothing."""

from collections.abc import Sequence
from typing import Any

from attnlib.errors import InputError
from attnlib.views.payload import pack

HAS = {"equal": (True, True), "replaced": (True, True), "deleted": (True, False), "inserted": (False, True)}


def alignment_payload(
    a: dict[str, Any],
    b: dict[str, Any],
    units: Sequence[tuple[str, Sequence[int], Sequence[int]]],
    *,
    corrected: bool = False,
    sentence: str = "",
) -> bytes:
    """Token rows `a` and `b` (as for the head view) and units (kind, positions in A, positions in B), in order.

    `corrected`: whether a person changed it; `sentence`: what stands above it. Raises InputError where a token is in
    no unit or in two, or a unit's kind does not fit the sides it has.
    """
    for kind, in_a, in_b in units:
        if HAS.get(kind) != (len(in_a) > 0, len(in_b) > 0):
            raise InputError(
                f"A unit of kind “{kind}” with {len(in_a)} tokens of A and {len(in_b)} of B is none. Equal and "
                "replaced ones have both, deleted ones only A's, inserted ones only B's."
            )
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
