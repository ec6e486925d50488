"""Recurring patterns of attention, each a matrix of marks: a head's score is the attention on the marked places.

A pattern marks, in the row of a query token, the keys it is about. Its score in a text is the attention on the marks,
summed over the keys of a row and averaged over the rows that have a mark. All scores of a layer are therefore one
matrix product, whatever the patterns are, and the baseline is the same product with even attention. Only evenness
(entropy) is not such a sum. Not here: texts and runs (measure.py).

Definitions: previous, next, first token and delimiters after Clark et al. 2019 and Kovaleva et al. 2019; induction
and duplicate token after Olsson et al. 2022.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.batches import TextBatch
from attnlib.model.tokens import Tokens, find_word
from attnlib.prompts.texts import CoreferenceText, Word, class_of
from attnlib.tracing.head_scores import row_entropy

Marks = Float[Tensor, "text query key"]  # how much each place counts; rows without a mark are all 0


@dataclass(frozen=True)
class Pattern:
    """A recurring pattern of attention: which tokens a head looks at."""

    name: str
    title: str
    about: str
    in_causal: bool = True  # whether it is possible if no token sees a later one
    share: bool = True  # a share of attention, from 0 to 1; else in `unit`
    unit: str = ""
    held_against: str = "even attention"  # what the baseline is
    names: bool = True  # whether heads may be named after it


class Marked(NamedTuple):
    """The marks of a pattern in the texts of a batch, and those of its baseline.

    `baseline` None: the baseline is attention spread evenly over all visible tokens. Otherwise: attention to these
    marks.
    """

    marks: Marks
    baseline: Marks | None = None


Marker = Callable[[TextBatch], dict[str, Marked]]

PATTERNS = (
    Pattern("previous", "previous token", "to the token just before"),
    Pattern("next", "next token", "to the token just after", in_causal=False),
    Pattern("self", "itself", "to the token itself"),
    Pattern(
        "same",
        "same token",
        "to other occurrences of the same token (earlier ones in models that read from left to right)",
    ),
    Pattern("first", "first token", "to the first token of the text"),
    Pattern("special", "delimiters", "to tokens that the tokenizer adds, such as [CLS] and [SEP]"),
    Pattern("punctuation", "punctuation", "to punctuation marks"),
    Pattern(
        "uniform",
        "even attention",
        "entropy of the row, divided by its maximum: 1 if every token gets the same",
        names=False,
    ),
    Pattern(
        "distance",
        "mean distance",
        "tokens between a token and what it looks at",
        share=False,
        unit="tokens",
        names=False,
    ),
)
AGAIN = "from the second occurrence to the token after the first"
REPEATED = (
    Pattern("induction", "induction", f"in random tokens that are said twice: {AGAIN}"),
    Pattern(
        "duplicate",
        "duplicate token",
        "in random tokens that are said twice: from the second occurrence to the first",
    ),
)
REPEATED_WORDS = (
    Pattern("induction_words", "induction on words", f"in random nouns of all kinds that are said twice: {AGAIN}"),
    Pattern(
        "duplicate_words",
        "duplicate word",
        "in random nouns of all kinds that are said twice: from the second occurrence to the first",
    ),
)
COREFERENCE = Pattern(
    "coreference",
    "coreference",
    "from a pronoun to the word it refers to, where only the pronoun rules out another word",
    held_against="to the other word",
)
TO_PERSON = Pattern(
    "person",
    "pronoun to person",
    "from she, he and it to the person in the text, whether the person or a thing is meant",
    held_against="to the thing",
)


class Choice(NamedTuple):
    """What a pronoun decides: which of two words is meant. A head resolves it if it finds either of them."""

    about: str
    meant: tuple[str, str]  # as CoreferenceText.meant
    called: tuple[str, str]  # the same in a sentence


CHOICES = (
    Choice("she or he (a woman or a man)", ("woman", "man"), ("the woman", "the man")),
    Choice("she, he or it (a person or a thing)", ("person", "thing"), ("the person", "the thing")),
    Choice("they or it (several things or one)", ("several", "one"), ("the plural word", "the singular word")),
)
RESOLVED = 2  # choices that a head must resolve to be named after coreference
_PRONOUNS = {"woman": "she", "man": "he", "person": "she, he", "thing": "it", "several": "they", "one": "it"}
MEANT = {  # by CoreferenceText.meant: coreference in the texts that mean this
    meant: Pattern(
        f"coreference_{meant}",
        f"{_PRONOUNS[meant]} → {meant}",
        f"from {_PRONOUNS[meant]} to the word it refers to ({meant}), where the other possible word is not ({other})",
        held_against="to the other word",
        names=False,
    )
    for choice in CHOICES
    for meant, other in (choice.meant, choice.meant[::-1])
}
COREFERENCES = (COREFERENCE, TO_PERSON, *MEANT.values())
KNOWN = {pattern.name: pattern for pattern in (*PATTERNS, *REPEATED, *REPEATED_WORDS, *COREFERENCES)}


# ---------------------------------------------------------------------------------------------- scores


def scores_of(
    weights: Float[Tensor, "text head query key"], marks: Float[Tensor, "text pattern query key"]
) -> Float[Tensor, "text pattern head"]:
    """The mean attention on the marks, over the rows that have any; NaN for a text without marks."""
    rows = (marks != 0).any(-1).sum(-1)  # [text, pattern]
    sums = marks.flatten(2) @ weights.float().flatten(2).mT
    return sums / rows.float().masked_fill(rows == 0, torch.nan)[..., None]


def even_weights(length: int, causal: bool) -> Float[Tensor, "1 1 query key"]:
    """Even attention: every token that can be seen gets the same weight."""
    seen = torch.ones(length, length, dtype=torch.float32)
    seen = seen.tril() if causal else seen
    return (seen / seen.sum(-1, keepdim=True))[None, None]


def evenness(weights: Float[Tensor, "text head query key"], causal: bool) -> Float[Tensor, "text head"]:
    """The mean of H(row) ÷ ln(keys seen), over the rows that see more than one key; NaN if there are none."""
    texts, heads, queries, _ = weights.shape
    start = 1 if causal or queries == 1 else 0
    if start >= queries:
        return torch.full((texts, heads), torch.nan, dtype=torch.float32)
    rows = weights[:, :, start:].float().flatten(0, 1)
    return row_entropy(rows, start, causal).mean(-1).view(texts, heads)


# ---------------------------------------------------------------------------------------------- marks of tokens


def text_marks(batch: TextBatch) -> dict[str, Marked]:
    """The marks of PATTERNS, except evenness, which has none, and patterns that the model cannot show."""
    ids, causal = batch.ids, batch.causal
    texts, length = ids.shape
    at = torch.arange(length)
    apart = at[:, None] - at  # query − key
    choice = ((at > 0) if causal else torch.ones_like(at, dtype=torch.bool)).float()[:, None]  # rows that have one
    seen = ((apart >= 0) if causal else torch.ones_like(apart, dtype=torch.bool)).float()
    everywhere = {
        "previous": (apart == 1).float(),
        "self": (apart == 0).float() * choice,
        "first": (at == 0).float() * choice,
        "distance": apart.abs() * seen * choice,
    }
    if not causal:
        everywhere["next"] = (apart == -1).float()
    same = (ids[:, :, None] == ids[:, None]) & (apart != 0)
    columns = {"special": _columns(batch, _special), "punctuation": _columns(batch, _punctuation)}
    found = {name: marks.expand(texts, length, length) for name, marks in everywhere.items()}
    found["same"] = same.float() * seen
    found |= {name: marks[:, None] * seen for name, marks in columns.items()}
    return {name: Marked(marks) for name, marks in found.items()}


def _columns(batch: TextBatch, chosen: Callable[[Tokens], Sequence[bool]]) -> Float[Tensor, "text key"]:
    return torch.tensor([chosen(read.tokens) for read in batch.reads], dtype=torch.float32)


def _special(tokens: Tokens) -> Sequence[bool]:
    return tokens.special


def _punctuation(tokens: Tokens) -> Sequence[bool]:
    written = zip(tokens.labels, tokens.special, strict=True)
    return [not special and class_of(label) == "punctuation" for label, special in written]


# ---------------------------------------------------------------------------------------------- repeated tokens


def repeated_marks(
    ids: Int[Tensor, "text token"], start: int, length: int, patterns: Sequence[Pattern] = REPEATED
) -> dict[str, Marked]:
    """The marks of induction and of duplicate token in texts whose tokens from `start` on are `length`, twice."""
    texts, total = ids.shape
    induction, duplicate = torch.zeros(2, total, total, dtype=torch.float32)
    second = torch.arange(start + length, start + 2 * length)
    duplicate[second, second - length] = 1
    after = second[: length - 1]  # of the last one, what follows is its own second time
    induction[after, after - length + 1] = 1
    marks = zip(patterns, (induction, duplicate), strict=True)
    return {pattern.name: Marked(one.expand(texts, total, total)) for pattern, one in marks}


# ---------------------------------------------------------------------------------------------- words


def coreference_marks(batch: TextBatch, about: Sequence[CoreferenceText]) -> dict[str, Marked]:
    """The marks of COREFERENCES; `about` says of each text of the batch which words there are and which is meant.

    The two words stand at different distances. The texts are balanced, each being meant as often as the first and as
    the second, so that a head which looks at the nearer one, or at one kind of word, scores the baseline.
    """
    shape = (len(about), batch.ids.shape[1], batch.ids.shape[1])
    marks = {pattern.name: torch.zeros(2, *shape, dtype=torch.float32) for pattern in COREFERENCES}
    for n, (read, one) in enumerate(zip(batch.reads, about, strict=True)):
        pronoun = [[i] for i in occurrence(read.tokens, one.pronoun)]
        both = [list(occurrence(read.tokens, word)) for word in (one.antecedent, one.other)]
        named = {COREFERENCE: both, MEANT[one.meant]: both}
        if one.meant in ("person", "thing"):
            named[TO_PERSON] = both if one.meant == "person" else both[::-1]
        for pattern, words in named.items():
            for side, keys in enumerate(words):
                marks[pattern.name][side, n, pronoun, keys] = 1.0
    return {name: Marked(*sides) for name, sides in marks.items()}


def occurrence(tokens: Tokens, word: Word) -> tuple[int, ...]:
    """The tokens of one occurrence of a word. Raises InputError if the text has fewer occurrences."""
    found = find_word(tokens, word.text)
    if not 1 <= word.at <= len(found):
        raise InputError(f"Occurrence {word.at} of “{word.text}” was asked for, but the text has {len(found)}.")
    return found[word.at - 1]


# ---------------------------------------------------------------------------------------------- by example


@dataclass(frozen=True)
class Kind:
    """Words of one kind."""

    title: str  # as the page calls it: "verb", or the words themselves
    words: frozenset[str]  # in lower case; empty: those of the class `title`

    def holds(self, word: str) -> bool:
        """Whether this word of a text is of the kind."""
        word = word.strip().lower()
        return word in self.words if self.words else class_of(word) == self.title


@dataclass(frozen=True)
class Relation:
    """A pattern described by example: from every word of one kind to the nearest one of another, before or after."""

    source: Kind
    target: Kind
    side: str = "before"  # where the target is: "before" or "after"

    @property
    def pattern(self) -> Pattern:
        """Its name and what it says."""
        title = f"{self.source.title} → {self.target.title} {self.side}"
        about = f"from {self.source.title} to the nearest {self.target.title} {self.side} it"
        return Pattern(f"relation {title}", title, about, in_causal=self.side == "before")

    def marks(self, batch: TextBatch) -> dict[str, Marked]:
        """From each token of a source word to all tokens of its target."""
        return {self.pattern.name: Marked(torch.stack([self._of_text(read.tokens) for read in batch.reads]).float())}

    def _of_text(self, tokens: Tokens) -> Bool[Tensor, "query key"]:
        marks = torch.zeros(len(tokens), len(tokens), dtype=torch.bool)
        words = [(word, text) for word, text in zip(tokens.words, tokens.texts, strict=True)]
        targets = [n for n, (word, text) in enumerate(words) if _written(tokens, word) and self.target.holds(text)]
        for n, (word, text) in enumerate(words):
            if not _written(tokens, word) or not self.source.holds(text):
                continue
            there = [m for m in targets if (m < n if self.side == "before" else m > n)]
            if there:
                nearest = there[-1] if self.side == "before" else there[0]
                marks[[[i] for i in word], list(words[nearest][0])] = True
        return marks


def _written(tokens: Tokens, word: Sequence[int]) -> bool:
    return not any(tokens.special[i] for i in word)


def kinds_of(word: str) -> tuple[Kind, ...]:
    """How a word that was picked may be meant: any of its class, or just this word."""
    name = class_of(word)
    known = (Kind(name, frozenset()),) if name else ()
    return (*known, Kind(f"“{word.strip()}”", frozenset([word.strip().lower()])))
