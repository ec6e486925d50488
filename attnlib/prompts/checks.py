"""Rows of a file of pairs looked at before anything is measured: what cannot be meant, and what should be looked at.

Not here: whether a cell is missing (pairs.py), what a tokenizer makes of a text (comparison/many.py).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from attnlib.prompts.pairs import Dropped, Pair

FORMULA = re.compile(r"=\s*[\w(+@-]")
REMEMBERED = 1_000_000  # rows that are remembered to find duplicates


class Remark(NamedTuple):
    """Something to check in a row that is studied anyway."""

    place: str
    text: str


def checked(records: Iterable[Pair | Dropped]) -> Iterator[Pair | Dropped]:
    """The records, with a reason in place of each pair that shows nothing.

    That is: the same text twice, the copy of an earlier row, a formula of a spreadsheet.
    """
    seen: dict[bytes, int] = {}
    for number, record in enumerate(records, 1):
        why = "" if isinstance(record, Dropped) else _nothing(record) or _copy(record, number, seen)
        yield Dropped(f"row {number}", why) if why else record


def _nothing(pair: Pair) -> str:
    if pair.prompt_a.strip() == pair.prompt_b.strip():
        return "prompt_a and prompt_b are the same text: nothing can differ. Change one, or take the row out."
    for name, text in (("prompt_a", pair.prompt_a), ("prompt_b", pair.prompt_b)):
        if FORMULA.match(text.strip()):
            return f"{name} begins with =: it is a formula, not a prompt. Put the text there, or take the row out."
    return ""


def _copy(pair: Pair, number: int, seen: dict[bytes, int]) -> str:
    """The earlier row that this one repeats: same prompts, focus, targets and candidates."""
    text = "\0".join([pair.prompt_a, pair.prompt_b, pair.focus, "|".join(pair.targets), *pair.candidates])
    key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    if key in seen:
        return f"this row is a copy of row {seen[key]}, which already counts."
    if len(seen) < REMEMBERED:
        seen[key] = number
    return ""


def remarks(number: int, pair: Pair) -> list[Remark]:
    """What to look at in a row: targets that are not in the prompts, a comma between them."""
    place, found = f"row {number}", []
    for word in pair.targets:
        if _there(word, pair):
            continue
        parts = [part.strip() for part in word.split(",")]
        if len(parts) > 1 and all(_there(part, pair) for part in parts):
            found.append(
                Remark(place, f"the target “{word}” has a comma. Separate two targets by |: {'|'.join(parts)}.")
            )
        else:
            found.append(Remark(place, f"the target “{word}” is in neither prompt: this row will not be measured."))
    return found


def _there(word: str, pair: Pair) -> bool:
    return any(word.lower() in prompt.lower() for prompt in (pair.prompt_a, pair.prompt_b))
