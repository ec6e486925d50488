"""What the tokenizer made of a text that its writer may not expect, each with its remedy; nothing where all is well.

Pure: a text, its tokens, a tokenizer. Not here: how a token looks (tokens.py); pieces of two prompts
(comparison/spelling.py).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from attnlib.model.tokenizing import encoded
from attnlib.model.tokens import Tokens
from attnlib.paths import DEMO_FOLDER
from attnlib.prompts.splitting import split_words

WORDS = DEMO_FOLDER / "words.txt"
ENOUGH = 0.8  # of the words of a prompt must be known, else what a demo model shows of it is noise
MANY = 4  # pieces of a word, of fewer than LETTERS letters each: the model does not know it
LETTERS = 2
UNKNOWN = "[UNK]"  # of the demo BERT
DEMO = "This demo model was trained on generated sentences about occupations"
NAMED = 4  # words, at most, that a sentence names
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class TokenNote:
    """One thing that the tokenizer did."""

    kind: str  # "twice", "space", "unknown", "pieces", "words" or "language"
    text: str  # a sentence
    remedy: str = ""  # what a button that mends it says; empty where nothing can be mended
    mended: str = ""  # the text after that


NO_LANGUAGE = TokenNote(
    "language",
    "This model's decoder expects the token of a target language first, but none is chosen. Choose one.",
)


def token_notes(
    name: str, tokenizer: Any, text: str, ids: Sequence[int], tokens: Tokens, added: tuple[int, int]
) -> tuple[TokenNote, ...]:
    """The notes on `text`, the first (or only) text of the model `name`, which was read as `ids`."""
    found = [
        _twice(tokenizer, text, ids, added),
        _space(tokenizer, text),
        _unknown(tokenizer, text, ids, tokens),
        _words(name, tokens) if is_demo(name) else _pieces(tokens),
    ]
    return tuple(note for note in found if note is not None)


def _twice(tokenizer: Any, text: str, ids: Sequence[int], added: tuple[int, int]) -> TokenNote | None:
    """Special tokens that were typed or pasted although the tokenizer adds them anyway."""
    before, behind = added
    mended, names = text, list[str]()
    while before and len(ids) > before + behind and ids[before] in ids[:before]:
        name = str(tokenizer.convert_ids_to_tokens(int(ids[before])))
        rest = mended.lstrip().removeprefix(name)
        if rest == mended:
            break
        mended, names, ids = rest.lstrip(" "), [*names, name], [*ids[:before], *ids[before + 1 :]]
    end = len(ids) - behind
    if behind and end > before and ids[end - 1] in ids[end:]:
        name = str(tokenizer.convert_ids_to_tokens(int(ids[end - 1])))
        if mended.rstrip().endswith(name):
            mended, names = mended.rstrip().removesuffix(name).rstrip(" "), [*names, name]
    if not names or not mended.strip():
        return None
    written = " and ".join(f"“{name}”" for name in dict.fromkeys(names))
    return TokenNote(
        "twice",
        f"The text has {written}, which the tokenizer also adds, so the model reads it twice.",
        "Do not add special tokens again",
        mended,
    )


def _space(tokenizer: Any, text: str) -> TokenNote | None:
    """White space that becomes tokens of its own, except the line break that ends a chat template."""
    chat = any(str(token) in text for token in tokenizer.all_special_tokens)
    mended = re.sub(r"(?<=\S) {2,}(?=\S)", " ", text.strip(" ") if chat else text.strip())
    if mended == text or not mended:
        return None
    ids = [encoded(tokenizer, one, add_special_tokens=False)["input_ids"] for one in (text, mended)]
    if ids[0] == ids[1]:
        return None
    ends = [where for where, one in (("begins", text.lstrip()), ("ends", text.rstrip())) if one != text]
    what = f"{' and '.join(ends)} with white space" if ends else "has several spaces in a row"
    end = " The model's next word comes after it." if text.rstrip(" ") != text.rstrip() else ""
    return TokenNote("space", f"The text {what}, which the model reads as tokens of its own.{end}", "Trim", mended)


def _unknown(tokenizer: Any, text: str, ids: Sequence[int], tokens: Tokens) -> TokenNote | None:
    token, number = getattr(tokenizer, "unk_token", None), getattr(tokenizer, "unk_token_id", None)
    count = sum(int(i) == number for i in ids)
    if token is None or not count or str(token) in text:
        return None
    signs = "One place" if count == 1 else f"{count} places"
    return TokenNote(
        "unknown", f"{signs} of the text cannot be written with this model's tokens; it reads {token} there."
    )


def _pieces(tokens: Tokens) -> TokenNote | None:
    """Words that are split into single letters or less."""
    apart = [
        f"“{text}” ({len(word)} pieces)"
        for word, text in dict(zip(tokens.words, tokens.texts, strict=True)).items()
        if len(word) >= MANY and text.isalpha() and len(text) < LETTERS * len(word)
    ]
    if not apart:
        return None
    return TokenNote("pieces", f"The model does not know these words and spells them out: {listed(apart)}.")


def listed(names: Sequence[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


# ---------------------------------------------------------------------------------------------- demo models


@dataclass(frozen=True)
class KnownWords:
    """How many words of a prompt a demo model knows."""

    known: int
    total: int
    unknown: tuple[str, ...]  # with their pieces: "“Muslim” (5 pieces)"

    @property
    def enough(self) -> bool:
        return self.known >= ENOUGH * self.total

    @property
    def text(self) -> str:
        """A sentence."""
        share = 100 * self.known / self.total
        return (
            f"{DEMO} and knows {self.known} of the "
            f"{self.total} words ({share:.0f} %); it has never read {listed(self.unknown)}."
        )


def is_demo(name: str) -> bool:
    return name.startswith("demo/")


@lru_cache(maxsize=1)
def training_words() -> frozenset[str]:
    """The words of the demo models' corpus, in lower case (data/models/recipe writes them)."""
    return frozenset(WORDS.read_text("utf-8").split())


def known_words(*rows: Tokens) -> KnownWords:
    """The words of these token rows that were in the demo models' training, or are one token."""
    words = {
        text: len(word)
        for tokens in rows
        for word, text in zip(tokens.words, tokens.texts, strict=True)
        if any(char.isalpha() for char in text) and not any(tokens.special[i] for i in word) and "[MASK]" not in text
    }
    unknown = [text for text, pieces in words.items() if text == UNKNOWN or (pieces > 1 and not trained(text))]
    named = tuple(f"“{text}”" + (f" ({words[text]} pieces)" if words[text] > 1 else "") for text in unknown)
    return KnownWords(len(words) - len(unknown), len(words), named)


def known_in(*texts: str) -> KnownWords:
    """The words of plain texts that were in the demo models' training, without a tokenizer."""
    written = (word for text in texts for word in split_words(text.replace("[MASK]", " ")))
    words = dict.fromkeys(word for word in written if any(char.isalpha() for char in word))
    unknown = tuple(f"“{word}”" for word in words if not trained(word))
    return KnownWords(len(words) - len(unknown), len(words), unknown)


@lru_cache(maxsize=100_000)
def trained(text: str) -> bool:
    """Whether all parts of a word ("sister-in-law", "doctor's") were in the corpus; a letter a–z counts as there.

    A letter of another script was not: a word of Chinese is often one sign.
    """
    parts = re.findall(r"[^\W\d_]+", text.lower())
    return all(part in training_words() or (len(part) == 1 and part.isascii()) for part in parts)


def _words(name: str, tokens: Tokens) -> TokenNote | None:
    known = known_words(tokens)
    return None if known.known == known.total else TokenNote("words", known.text)
