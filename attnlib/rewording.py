"""The other one of a prompt (she → he, mother → father, Emily → Greg), and control edits that change no gender.

A table of words (data/pairs/counterparts.csv) and rules for the pronouns English writes alike: "her" is "his" before
what it belongs to and "him" elsewhere; "his" is "hers" where nothing follows that it could belong to.
"""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from attnlib.pairs import PAIR_FOLDER

WORD = re.compile(r"[^\W\d_]+")
PRONOUNS = {"she": "he", "he": "she", "him": "her", "hers": "his", "himself": "herself", "herself": "himself"}
# what can follow "him" but does not begin the thing that "his" belongs to
_NEVER_OWNED = """
a about after again all alone although always an and another any as asked at away back because before but by down
during even every everything for from here home if in into is it later like more my never no nothing now of off often
on once or out outside over she he quickly slowly so some something sometimes soon that the their them then there they
this through to today together tomorrow tonight too two under until up very was we well were what when where whether
which while who why with without yesterday yet you your
"""
NEVER_OWNED = frozenset(_NEVER_OWNED.split())


@dataclass(frozen=True)
class Rewording:
    """A prompt with words changed."""

    text: str
    changes: tuple[tuple[str, str], ...]  # as written, e.g. (("She", "He"),)
    kind: str  # "other", "they", "same-gender", "synonym"


def other_one(text: str) -> Rewording | None:
    """Every gendered word of a text changed to the other gender, case kept; None where there is none."""
    table = _both_ways("noun") | _both_ways("name")

    def other(word: str, rest: str) -> str | None:
        low = word.lower()
        if low in ("her", "his"):
            return _possessive(low, rest)
        return PRONOUNS.get(low) or _looked_up(table, word)

    return _reworded(text, other, "other")


def control_edits(prompt_a: str, prompt_b: str, keep: Sequence[str] = ()) -> tuple[Rewording, ...]:
    """Edits of prompt A that change one word and should not matter to what A and B differ in; the closest first.

    A name of the same gender for the name that differs, then synonyms (of the words in `keep` last), then "they".
    """
    differing = {word.lower() for word in WORD.findall(prompt_a)} - {w.lower() for w in WORD.findall(prompt_b)}
    kept = {word.lower() for word in keep}
    words = sorted(dict.fromkeys(WORD.findall(prompt_a)), key=lambda word: word.lower() in kept)
    found = []
    for kind in ("same-gender", "synonym"):
        table = _both_ways(kind)
        for word in sorted(words, key=lambda word: word.lower() not in differing):
            other = _looked_up(table, word)
            if other:
                found.append(_one_word(prompt_a, word, other, kind))
    pronouns = [word for word in words if word.lower() in differing & {"she", "he"}]
    found += [_one_word(prompt_a, word, _cased("they", word), "they") for word in pronouns]
    return tuple(dict.fromkeys(found))


def _possessive(word: str, rest: str) -> str:
    """What "her" or "his" becomes, from the text after it."""
    follows = re.match(r"\s+([^\W\d_]+)", rest)
    belongs = follows is not None and follows[1].lower() not in NEVER_OWNED
    if word == "her":
        return "his" if belongs else "him"
    return "her" if belongs else "hers"


def _one_word(text: str, word: str, other: str, kind: str) -> Rewording:
    """The last occurrence of a word changed."""
    last = [found for found in WORD.finditer(text) if found[0] == word][-1]
    return Rewording(text[: last.start()] + other + text[last.end() :], ((word, other),), kind)


def _reworded(text: str, other: Callable[[str, str], str | None], kind: str) -> Rewording | None:
    changes = []

    def change(found: re.Match[str]) -> str:
        new = other(found[0], text[found.end() :])
        if new is None:
            return found[0]
        changes.append((found[0], _cased(new, found[0])))
        return changes[-1][1]

    changed = WORD.sub(change, text)
    return Rewording(changed, tuple(changes), kind) if changes else None


def _cased(word: str, like: str) -> str:
    """`word` in capitals, capitalised or as it is, like the word it replaces."""
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word


def _looked_up(table: dict[str, str], word: str) -> str | None:
    """The counterpart of a word; names only where they are written as names."""
    exact = table.get(word) or table.get(word.capitalize() if word.isupper() else "")
    if exact or (word.lower() in table):
        return _cased(exact or table[word.lower()], word)
    return None


@lru_cache(maxsize=8)
def _both_ways(kind: str) -> dict[str, str]:
    """The words of a kind with their counterparts; of several counterparts the first."""
    with (PAIR_FOLDER / "counterparts.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["word"], row["other"]) for row in csv.DictReader(file) if row["kind"] == kind]
    table: dict[str, str] = {}
    for word, other in rows:
        table.setdefault(word, other)
    for word, other in rows:
        table.setdefault(other, word)
    return table
