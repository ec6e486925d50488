"""How the two sides of an edit are spelled: into how many tokens, and which words would be spelled alike.

A head can move because a name is one token and the other three, under a control edit as well. Not here: what a
tokenizer did to one text, which words a control edit may change (prompts/rewording.py).
"""

import csv
import re
from functools import lru_cache
from typing import NamedTuple

from attnlib.comparison.align import Alignment
from attnlib.errors import InputError
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model
from attnlib.model.token_notes import COUNTS, is_demo, known_words, trained
from attnlib.model.tokenizing import encoded
from attnlib.model.tokens import find_word
from attnlib.paths import PAIR_FOLDER
from attnlib.prompts.rewording import Reader

MOST = 3  # matches that are offered


class Pieces(NamedTuple):
    """A replaced word and how many tokens each side has."""

    a: str
    b: str
    tokens_a: int
    tokens_b: int

    @property
    def text(self) -> str:
        """A sentence."""
        one, two = _count(self.tokens_a), _count(self.tokens_b)
        noun = " token" + "s" * (self.tokens_a > 1)
        return f"“{self.a}” is {one}{noun} and “{self.b}” {two}: part of any difference comes from that."


def _count(number: int) -> str:
    return COUNTS[number] if number < len(COUNTS) else str(number)


def pieces(alignment: Alignment) -> tuple[Pieces, ...]:
    """The replaced words with a different number of tokens in A and in B."""
    found = []
    for unit, (_, a, b) in zip(alignment.units, alignment.labels, strict=True):
        if unit.kind == "replaced" and len(unit.a) != len(unit.b):
            found.append(Pieces((a or "").strip(), (b or "").strip(), len(unit.a), len(unit.b)))
    return tuple(found)


def matches(model: Model, prompt_b: str, edit: Pieces) -> tuple[tuple[str, str], ...]:
    """Words from the same lists as B's with as many tokens as A's, each with prompt B rewritten to use it."""
    found = []
    for word in alternatives(edit.b):
        text = re.sub(rf"(?<!\w){re.escape(edit.b)}(?!\w)", word, prompt_b, flags=re.IGNORECASE)
        if word.lower() in (edit.a.lower(), edit.b.lower()) or text == prompt_b:
            continue
        try:
            runs = find_word(read_inputs(model, text, None, truncate=False).tokens, word)
        except InputError:
            continue
        if runs and {len(run) for run in runs} == {edit.tokens_a}:
            found.append((word, text))
        if len(found) == MOST:
            break
    return tuple(found)


def reader_of(model: Model) -> Reader:
    """How a model reads the words of control edits: in how many tokens, and (demo models) whether it knows them."""

    @lru_cache(maxsize=10_000)
    def tokens(word: str) -> int:
        return len(encoded(model.tokenizer, f" {word}", add_special_tokens=False)["input_ids"])

    def unlike(word: str, other: str) -> int:
        unknown = is_demo(model.name) and not trained(other)
        return abs(tokens(other) - tokens(word)) + int(unknown)

    return Reader(unlike, not model.causal)


class Unlike(NamedTuple):
    """How a model reads a control edit differently from what it replaces."""

    name: str  # within a sentence: "with more tokens"
    text: str  # a sentence


def control_unlike(model: str, control: Alignment) -> Unlike | None:
    """What a control edit changes besides the words, given its alignment with prompt A; None if nothing."""
    unequal = pieces(control)
    unknown = _new_unknown(control) if is_demo(model) else ""
    if not unequal:
        return Unlike("with unknown words", unknown) if unknown else None
    more = sum(one.tokens_b - one.tokens_a for one in unequal)
    name = "with more tokens" if more > 0 else "with fewer tokens" if more else "with other tokens"
    return Unlike(name, " ".join([*(one.text for one in unequal), *([unknown] if unknown else [])]))


def _new_unknown(control: Alignment) -> str:
    """A sentence about words of a control edit that a demo model never read and that prompt A does not have."""
    before = known_words(control.a).unknown
    new = [word.partition(" (")[0] for word in known_words(control.b).unknown if word not in before]
    return f"This demo model has never read {' and '.join(new)}." if new else ""


@lru_cache(maxsize=100)
def alternatives(word: str) -> tuple[str, ...]:
    """Words that stand in the same column, under the same kind, of the table of counterparts (names, nouns, …).

    Case makes no difference: a tokenizer may have written `word` in lower case.
    """
    with (PAIR_FOLDER / "counterparts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for column in ("other", "word"):
        kinds = {row["kind"] for row in rows if row[column].lower() == word.lower() and row["kind"] != "synonym"}
        for kind in ("origin", *sorted(kinds)):
            if kind in kinds:
                return tuple(dict.fromkeys(row[column] for row in rows if row["kind"] == kind))
    return ()
