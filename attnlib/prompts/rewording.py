"""The other one of a prompt: she → he, names, nouns; and control edits, which change a word but not the group.

Word by word, from the table data/pairs/counterparts.csv; pronouns are here. Not here: grammar. No sentence is
parsed, verbs are left as they are, and what is ambiguous is decided by the words next to it (see `_noun_follows`).
Words are those of `attnlib.model.tokens`: "she-wolf" is one word, and nothing inside a word is ever changed.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from attnlib.paths import PAIR_FOLDER
from attnlib.prompts.splitting import split_words

TABLE = PAIR_FOLDER / "counterparts.csv"
ONE_WAY = frozenset({"synonym", "neutral"})  # a word may have meanings that its synonym lacks
NAMES = frozenset({"name", "origin", "same-gender"})  # never matched in lower case
MOST_EDITS = 20  # each is a whole copy of the prompt


@dataclass(frozen=True)
class Rewording:
    """A prompt with words changed: the new text, the changes as written, and what was done."""

    text: str
    changes: tuple[tuple[str, str], ...]  # ("She", "He"), in the text's order
    kind: str  # "other one"; of control edits "same-gender name", "synonym", "neutral" or "they"


class Reader(NamedTuple):
    """How a model reads the words of a control edit (comparison/spelling.py makes one of a model)."""

    unlike: Callable[[str, str], int]  # how unlike a word its replacement is read; 0: in as many tokens, and known
    both_ways: bool  # whether a word is seen from those before it, too


def other_one(text: str) -> Rewording | None:
    """The text with the gender of every pronoun, noun and name swapped; None if there is nothing to swap."""
    words = _words(text)
    edits = {n: other for n in range(len(words)) if (other := _other(words, n)) is not None}
    return _reworded(text, words, edits, "other one") if edits else None


def control_edits(
    prompt_a: str, prompt_b: str, keep: Sequence[str] = (), reader: Reader | None = None
) -> tuple[Rewording, ...]:
    """Edits of prompt A that should not matter to what distinguishes it from prompt B, most convincing first.

    With a `reader` those come first whose words the model reads as it reads the words they replace: a head that moves
    under an edit of one word into five unknown pieces moves for these. Then: the word that differs gets a name of the
    same gender or a synonym, then a synonym stands elsewhere, then a word that means something else of the same kind;
    words of `keep`, such as the targets, are changed after the others. "They" comes last: it takes a pronoun's gender
    away, so that it is half the edit itself rather than none of it.
    """
    words = _words(prompt_a)
    differing = _differing([word.text for word in words], [word.text for word in _words(prompt_b)])
    replaced = islice(_replacements(words, differing, frozenset(keep), reader), MOST_EDITS)
    edits = [*replaced, (_they(words, differing), "they")]
    found = [_reworded(prompt_a, words, changed, kind) for changed, kind in edits]
    different = {edit.text: edit for edit in found if edit.text not in (prompt_a, prompt_b)}
    return tuple(different.values())


@lru_cache(maxsize=8)
def counterparts(kind: str) -> Mapping[str, str]:
    """The word table of one kind, each word with its other one, as the file writes them and in its order.

    Read both ways, except synonyms. Of several rows for a word the first counts.
    """
    table: dict[str, str] = {}
    for word, other in _table(kind):
        table.setdefault(word, other)
        if kind not in ONE_WAY:
            table.setdefault(other, word)
    return MappingProxyType(table)


def _table(kind: str) -> list[tuple[str, str]]:
    """The rows of one kind as the file has them."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [(row["word"], row["other"]) for row in csv.DictReader(file) if row["kind"] == kind]


# ---------------------------------------------------------------------------------------------- words in a text


class _Word(NamedTuple):
    """A run of letters, or of other signs, and where it begins."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _words(text: str) -> list[_Word]:
    found, at = [], 0
    for word in split_words(text):
        at = text.index(word, at)  # only spaces lie between, and no word begins with one
        found.append(_Word(at, word))
        at += len(word)
    return found


def _reworded(text: str, words: Sequence[_Word], edits: Mapping[int, str], kind: str) -> Rewording:
    parts, at = [], 0
    for n in sorted(edits):
        parts += [text[at : words[n].start], edits[n]]
        at = words[n].end
    changes = tuple((words[n].text, edits[n]) for n in sorted(edits))
    return Rewording("".join([*parts, text[at:]]), changes, kind)


def _parts(word: str) -> tuple[str, str]:
    """A word and what is contracted with it, or the possessive: ("she", "’s")."""
    suffix = re.search(r"['’](?:s|d|ll|ve|re|m)\Z", word, re.IGNORECASE)
    return (word[: suffix.start()], suffix[0]) if suffix else (word, "")


def _as_written(word: str, other: str, name: bool = False) -> Iterator[tuple[str, str]]:
    """A row of a table in each case a text may have it in: she/he, She/He, SHE/HE."""
    yield word, other
    if word.islower():
        yield word[0].upper() + word[1:], other[0].upper() + other[1:]
    if word.islower() or name:
        yield word.upper(), other.upper()


def _in_every_case(table: Mapping[str, str], names: bool = False) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for word, other in table.items():
        for written, replacement in _as_written(word, other, names):
            found.setdefault(written, replacement)
    return MappingProxyType(found)


@lru_cache(maxsize=8)
def _lookup(kind: str) -> Mapping[str, str]:
    return _in_every_case(counterparts(kind), kind in NAMES)


# ---------------------------------------------------------------------------------------------- the other one

_PRONOUNS = _in_every_case(
    {"she": "he", "he": "she", "him": "her", "hers": "his", "herself": "himself", "himself": "herself"}
)
# before a noun, and alone
_POSSESSIVES = _in_every_case({"her": "his", "his": "her"})
_ALONE = _in_every_case({"her": "him", "his": "hers"})
_THEY = _in_every_case(
    {"she": "they", "he": "they", "him": "them", "hers": "theirs", "herself": "themselves", "himself": "themselves"}
)
_THEIR = _in_every_case({"her": "their", "his": "their"})
_THEIR_ALONE = _in_every_case({"her": "them", "his": "theirs"})


def _other(words: Sequence[_Word], n: int) -> str | None:
    """Word n in the other gender; None if it has none."""
    pronoun = _pronoun(words, n, _PRONOUNS, _POSSESSIVES, _ALONE)
    if pronoun is not None:
        return pronoun
    base, suffix = _parts(words[n].text)
    for kind in ("noun", "name"):
        if base in _lookup(kind):
            return _lookup(kind)[base] + suffix
    return None


def _pronoun(
    words: Sequence[_Word],
    n: int,
    plain: Mapping[str, str],
    before_noun: Mapping[str, str],
    alone: Mapping[str, str],
) -> str | None:
    """What tables of pronouns make of word n, None where it is no pronoun of theirs."""
    base, suffix = _parts(words[n].text)
    if suffix and base.lower() not in ("she", "he"):  # "her's" is no word
        return None
    if base in before_noun:
        return (before_noun if _noun_follows(words, n) else alone)[base]
    return plain[base] + suffix if base in plain else None


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# No noun phrase with "her" in front begins so: "told her that", "with her in", "gave her the"; "his is".
_NO_NOUN = _listed(
    """
    a an the this that these those some any no another all both everything something anything nothing
    i you he she it we they me him her us them my your his its our their hers
    myself yourself himself herself itself ourselves themselves
    who whom whose which what when where why how whether if
    and or but nor so because since although though while until unless than as then
    about above across after against along among around at before behind below beside between beyond by despite during
    except for from in inside into like near of off on onto out over through to toward towards under up upon with
    within without
    is are was were be been am has have had do does did can could would shall should may might must not
    again ago almost already also always anymore away down enough even ever everywhere here just later maybe never now
    often once perhaps quite rather sometimes soon still there today together tomorrow tonight too twice very well
    yesterday yet
    """
)
# words in -ly that describe or name something; all others are taken for adverbs ("told her quietly")
_NOT_ADVERBS = _listed(
    """
    ally assembly belly bully butterfly costly cowardly curly daily deadly early elderly family fatherly fly friendly
    holy homely hourly jelly jolly leisurely likely lily lively lonely lovely monthly motherly nightly oily only
    orderly quarterly reply scholarly silly sly smelly supply timely ugly unlikely weekly worldly yearly
    """
)
_SENSES = _listed("saw see sees seen heard hear hears watched watch watches found noticed caught spotted")
_LETTING = _SENSES | _listed("let lets make makes made help helps helped")
_VERBS = _listed(
    """
    be become bring carry choose come cry do eat explain fall feel find finish forget get give go hear keep know laugh
    learn leave look make meet play read realize relax run say see sing sit sleep smile speak stand stay stop take
    talk tell think understand wait walk win work write
    """
)
_OPENINGS = frozenset("\"“‘'«([<*")


def _noun_follows(words: Sequence[_Word], n: int) -> bool:
    """Whether a noun phrase seems to follow word n: then "her" is "his", else "him"; "his" is "her", else "hers".

    It does not at the end, before a sign (other than an opening one), before an article, pronoun, preposition,
    conjunction, auxiliary or common adverb, before an adverb in -ly, and in "saw her leaving", "let her go". Else it
    does, so that "promised her help" and "liked her back" are taken for possessives.
    """
    following = n + 1
    while following < len(words) and (skipped := _skipped(words, following)):
        following += skipped
    if following >= len(words):
        return False
    word = words[following].text.lower()
    if not (word[0].isalnum() or word[0] == "_"):  # "her ___" is a blank to be filled in
        return False
    if word.endswith("ly") and word not in _NOT_ADVERBS:
        return False
    verb = words[n - 1].text.lower() if n > 0 else ""
    if (verb in _SENSES and word.endswith("ing")) or (verb in _LETTING and word in _VERBS):
        return False
    return word not in _NO_NOUN


def _skipped(words: Sequence[_Word], n: int) -> int:
    """How many words to look past at n: an opening quotation mark; "/her" and "or her", before the same noun."""
    sign, following = words[n], words[n + 1] if n + 1 < len(words) else None
    if following is None:
        return 0
    if set(sign.text) <= _OPENINGS and sign.end == following.start and sign.start > words[n - 1].end:
        return 1
    if sign.text.lower() in ("/", "or") and following.text.lower() in ("her", "his", "their"):
        return 2
    return 0


# ---------------------------------------------------------------------------------------------- control edits


def _differing(a: Sequence[str], b: Sequence[str]) -> frozenset[int]:
    """Which words of `a` are not in `b` at their place; of different lengths all between a common begin and end."""
    if len(a) == len(b):
        return frozenset(n for n, (one, other) in enumerate(zip(a, b, strict=True)) if one != other)
    shorter = min(len(a), len(b))
    begin = next((n for n in range(shorter) if a[n] != b[n]), shorter)
    end = next((n for n in range(shorter - begin) if a[-1 - n] != b[-1 - n]), shorter - begin)
    return frozenset(range(begin, len(a) - end))


def _replacements(
    words: Sequence[_Word], differing: frozenset[int], keep: frozenset[str], reader: Reader | None
) -> Iterator[tuple[dict[int, str], str]]:
    """Names, synonyms and neutral words: of words that differ, of words before the last of these, of others.

    A word after it changes nothing for a reader from left to right: as a control it proves least, and it comes last
    where the reader is known to be one. Among equals the table's order counts.
    """
    last = max(differing, default=len(words))
    one_way = reader is not None and not reader.both_ways
    ranked = []
    for n, base, suffix, kind, others in _changeable(words, differing):
        other, unlike = _most_alike(base, others, reader)
        elsewhere, name, behind = n not in differing, kind == "same-gender", n > last
        first = (behind and one_way, unlike, elsewhere, base in keep, kind == "neutral")
        order = (*first, behind, name == elsewhere, _rows(kind)[base], n)
        ranked.append((order, n, other, suffix, kind))
    for _, n, other, suffix, kind in sorted(ranked):
        yield (
            (_renamed(words, n, other), "same-gender name") if kind == "same-gender" else ({n: other + suffix}, kind)
        )


def _changeable(
    words: Sequence[_Word], differing: frozenset[int]
) -> Iterator[tuple[int, str, str, str, tuple[str, ...]]]:
    """The words that have replacements: place, word, what is contracted with it, kind, replacements.

    A neutral word for one that differs would be another edit and no control.
    """
    present = {word.text.lower() for word in words}
    for n, word in enumerate(words):
        base, suffix = _parts(word.text)
        for kind in ("same-gender", "synonym", "neutral"):
            if base in _lookup(kind) and not (kind == "neutral" and n in differing):
                found = [one for one in _offered(kind, base) if one.lower() not in present]
                others = tuple(one for one in found if _fits_article(words, n, one))
                if others:
                    yield n, base, suffix, kind, others


def _most_alike(base: str, others: Sequence[str], reader: Reader | None) -> tuple[str, int]:
    """The first of the words that are read most like `base`, and how unlike it that is."""
    if reader is None:
        return others[0], 0
    unlike = [reader.unlike(base, other) for other in others]
    return others[unlike.index(min(unlike))], min(unlike)


@lru_cache(maxsize=1000)
def _offered(kind: str, base: str) -> tuple[str, ...]:
    """What may stand for a word: that of the table first; for a name then other names of its gender and origin."""
    first = _lookup(kind)[base]
    if kind != "same-gender":
        return (first,)
    elsewhere = {other for _, other in _table("origin")}
    columns = [[name for name in column if name not in elsewhere] for column in zip(*_table("name"), strict=True)]
    return (first, *(name for column in columns if base in column for name in column if name not in (base, first)))


@lru_cache(maxsize=4)
def _rows(kind: str) -> Mapping[str, int]:
    """How far down in the table a word is."""
    return MappingProxyType({word: row for row, word in enumerate(_lookup(kind))})


def _fits_article(words: Sequence[_Word], n: int, other: str) -> bool:
    """Whether "a" or "an" before word n can stay."""
    article = words[n - 1].text.lower() if n > 0 else ""
    return article not in ("a", "an") or (article == "an") == (other[0].lower() in "aeiou")


def _renamed(words: Sequence[_Word], n: int, other: str) -> dict[int, str]:
    """The name at n changed wherever it stands: one person keeps one name."""
    name = _parts(words[n].text)[0]
    parts = [(i, *_parts(word.text)) for i, word in enumerate(words)]
    return {i: other + suffix for i, base, suffix in parts if base == name}


def _they(words: Sequence[_Word], differing: frozenset[int]) -> dict[int, str]:
    """ "They" for every pronoun that differs; not for "she's", which would ask for another verb."""
    found = {n: _pronoun(words, n, _THEY, _THEIR, _THEIR_ALONE) for n in differing}
    return {n: they for n, they in found.items() if they is not None and they.lower() not in ("they's", "they’s")}
