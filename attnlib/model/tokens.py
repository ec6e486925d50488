"""What a token looks like to a reader: its text, its word, its segment. Not here: the model."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from attnlib.errors import InputError
from attnlib.prompts.splitting import split_words, word_numbers

# ---------------------------------------------------------------------------------------------- the token row


@dataclass(frozen=True)
class Tokens:
    """One row of tokens, as the tokenizer names them and as a reader sees them; all tuples have one entry each."""

    names: tuple[str, ...]  # the tokenizer's own, e.g. "Ġdoctor"
    labels: tuple[str, ...]  # as shown, e.g. " doctor"
    segments: tuple[int, ...]  # 0 for the first sentence, 1 for the second
    special: tuple[bool, ...]  # [CLS], </s>, <|im_end|>, …, whether the tokenizer or the writer put them there
    words: tuple[tuple[int, ...], ...]  # positions of the pieces of each word, in order, each exactly once

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Each word as it is written, without spaces around it."""
        return tuple(word_text(self, word).strip() for word in self.words)

    @cached_property
    def places(self) -> dict[str, tuple[tuple[int, ...], ...]]:
        """Where each word is, as it is written."""
        found: dict[str, tuple[tuple[int, ...], ...]] = {}
        for word, text in zip(self.words, self.texts, strict=True):
            text = _exact(text)
            found[text] = (*found.get(text, ()), word)
        return found

    def __add__(self, other: "Tokens") -> "Tokens":
        """Both rows, one after the other."""
        shifted = tuple(tuple(i + len(self) for i in word) for word in other.words)
        return Tokens(
            self.names + other.names,
            self.labels + other.labels,
            self.segments + other.segments,
            self.special + other.special,
            self.words + shifted,
        )

    def first(self, count: int | None) -> "Tokens":
        """The first `count` tokens (all, for None)."""
        if count is None or count >= len(self):
            return self
        words = tuple(kept for word in self.words if (kept := tuple(i for i in word if i < count)))
        return Tokens(self.names[:count], self.labels[:count], self.segments[:count], self.special[:count], words)

    def renamed(self, positions: Sequence[int], name: str) -> "Tokens":
        """The row with `name` at `positions`."""
        names, labels = list(self.names), list(self.labels)
        for i in positions:
            names[i] = labels[i] = name
        return replace(self, names=tuple(names), labels=tuple(labels))

    @classmethod
    def plain(cls, names: Sequence[str], segments: Sequence[int] | None = None) -> "Tokens":
        """A row of tokens that come from anywhere: shown as they are, each a word of its own."""
        names = tuple(str(name) for name in names)
        segments = (0,) * len(names) if segments is None else tuple(int(s) for s in segments)
        if len(segments) != len(names):
            raise InputError(f"There are {len(names)} tokens and {len(segments)} segments. Give one for each.")
        return cls(
            names=names,
            labels=tuple(visible(name) for name in names),
            segments=segments,
            special=(False,) * len(names),
            words=tuple((i,) for i in range(len(names))),
        )


def read_tokens(tokenizer: Any, ids: Sequence[int], encoding: Any = None, text: Sequence[str] = ()) -> Tokens:
    """Describe token `ids` of a Hugging Face tokenizer.

    `encoding` is the fast tokenizer's own (it knows which character came from which sentence), `text` the
    sentences it encoded. Without them every token is a word of its own in segment 0.
    """
    names = tuple(str(name) for name in tokenizer.convert_ids_to_tokens(list(ids)))
    written = {getattr(tokenizer, f"{kind}_token_id", None) for kind in ("unk", "mask")}
    languages = (getattr(tokenizer, "lang_code_to_id", None) or {}).values()  # which M2M100 does not count as special
    added = {*tokenizer.all_special_ids, *languages} - written
    special = tuple(int(i) in added for i in ids)
    style = token_style(tokenizer)
    labels = tuple(
        label(name, "plain" if is_special else style) for name, is_special in zip(names, special, strict=True)
    )
    segments = _segments(encoding, len(names))
    words = _words(encoding, text, special)
    return Tokens(names, labels, segments, special, words)


def _segments(encoding: Any, length: int) -> tuple[int, ...]:
    """The sentence each token belongs to; a special token belongs to the sentence it follows."""
    if encoding is None:
        return (0,) * length
    result, last = [], 0
    for sequence in encoding.sequence_ids:
        last = last if sequence is None else sequence
        result.append(last)
    return tuple(result)


def _words(encoding: Any, text: Sequence[str], special: Sequence[bool]) -> tuple[tuple[int, ...], ...]:
    """Positions by words, from where their characters stand in the text; a special token is a word of its own."""
    if encoding is None or not text:
        return tuple((i,) for i in range(len(special)))
    word_of = [word_numbers(sentence) for sentence in text]
    groups: list[list[int]] = []
    previous: tuple[int, int] | None = None
    for i, (sequence, (start, stop)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True)):
        if sequence is not None and stop == start + 1 and text[sequence][start] == " ":
            stop += 1  # a space alone is the first piece of the word it stands before
        word = None if sequence is None or special[i] else _word_at(word_of[sequence], start, stop)
        here = None if word is None else (sequence, word)
        if here is not None and here == previous:
            groups[-1].append(i)
        else:
            groups.append([i])
        previous = here
    return tuple(tuple(group) for group in groups)


def _word_at(numbers: list[int], start: int, stop: int) -> int | None:
    """The word of the first character from `start` to `stop` that is not a space."""
    for number in numbers[start:stop]:
        if number >= 0:
            return number
    return None


# ---------------------------------------------------------------------------------------------- words in a row


def word_text(tokens: Tokens, positions: Sequence[int]) -> str:
    """Tokens side by side as they are written: pieces joined, bytes of one character decoded."""
    text = tokens.labels[positions[0]] if len(positions) == 1 else _joined(tokens, positions)
    if "⟨" not in text and "␣" not in text:
        return text
    text = re.sub(r"(?:⟨[0-9A-F]{2}(?: [0-9A-F]{2})*⟩)+", _joined_bytes, text)
    return re.sub("^␣(?=.)", " ", text)


def _joined(tokens: Tokens, positions: Sequence[int]) -> str:
    starts = {word[0] for word in tokens.words}
    spaces_written = any(label.startswith(" ") for label in tokens.labels)
    text = ""
    for n, i in enumerate(positions):
        piece = tokens.labels[i]
        if n and i not in starts:
            piece = piece.removeprefix("##")
        elif n and not spaces_written:
            piece = " " + piece
        text += piece
    return text


def _joined_bytes(shown: re.Match[str]) -> str:
    """The character that pieces of bytes make together; parts of one stay written out."""
    return _show_bytes(bytes.fromhex("".join(re.findall(r"[0-9A-F]{2}", shown[0]))))


def find_word(tokens: Tokens, word: str) -> tuple[tuple[int, ...], ...]:
    """The positions of every occurrence of a word (or several words in a row), each a run of whole words.

    As written; where it is not, without regard to case and accents (a tokenizer may have dropped both).
    """
    if _exact(word.strip()) in tokens.places:  # also a word of several signs, such as [MASK]
        return tokens.places[_exact(word.strip())]
    for normal in (_exact, _loose):
        wanted = [normal(part) for part in _wanted(word)]
        row = [(group, normal(text)) for group, text in zip(tokens.words, tokens.texts, strict=True) if text]
        found = tuple(
            tuple(i for group, _ in row[n : n + len(wanted)] for i in group)
            for n in range(len(row) - len(wanted) + 1)
            if wanted and [text for _, text in row[n : n + len(wanted)]] == wanted
        )
        if found:
            return found
    return ()


@lru_cache(maxsize=1000)
def _wanted(word: str) -> tuple[str, ...]:
    return tuple(split_words(word))


def _exact(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _loose(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if unicodedata.category(char) != "Mn").casefold()


# ---------------------------------------------------------------------------------------------- display text


def token_style(tokenizer: Any) -> str:
    """How a tokenizer writes its tokens: "bytes" (Ġ), "metaspace" (▁), "wordpiece" (##) or "plain"."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = repr(getattr(backend, "decoder", None)) + repr(getattr(backend, "pre_tokenizer", None))
    for mark, style in (
        ("ByteLevel", "bytes"),
        ("WordPiece", "wordpiece"),
        ("Metaspace", "metaspace"),
        ("▁", "metaspace"),
    ):
        if mark in decoder:
            return style
    return "plain" if backend is not None else _style_of_vocabulary(tokenizer)


def _style_of_vocabulary(tokenizer: Any) -> str:
    """The style of a tokenizer without a backend, from the marks its vocabulary carries."""
    vocabulary = list(tokenizer.get_vocab())
    counts = {
        "bytes": sum(token.startswith("Ġ") for token in vocabulary),
        "metaspace": sum(token.startswith("▁") for token in vocabulary),
        "wordpiece": sum(token.startswith("##") for token in vocabulary),
    }
    best = max(counts, key=lambda style: counts[style])
    return best if counts[best] * 100 > len(vocabulary) else "plain"


@lru_cache(maxsize=100_000)
def label(name: str, style: str) -> str:
    """The display text of one token: spaces as spaces, bytes decoded, what is invisible made visible."""
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", name)
    if style == "bytes":
        shown = _from_bytes(name)
    elif style == "metaspace" and byte:
        shown = _show_bytes(bytes([int(byte[1], 16)]))
    else:
        shown = visible(name.replace("▁", " ") if style == "metaspace" else name.removesuffix("</w>"))
    return shown if shown.strip() else "␣" * len(shown)


@lru_cache(maxsize=1)
def _byte_of_char() -> dict[str, int]:
    """GPT-2's alphabet: printable bytes stand for themselves, the others for characters from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(printable)]
    return {chr(b): b for b in printable} | {chr(0x100 + i): b for i, b in enumerate(others)}


def _from_bytes(name: str) -> str:
    table = _byte_of_char()
    if any(char not in table for char in name):
        return visible(name)  # an added token, written as it is
    return _show_bytes(bytes(table[char] for char in name))


def _show_bytes(raw: bytes) -> str:
    """Text where the bytes are text; a part of a character as its bytes, e.g. ⟨F0 9F⟩."""
    shown, rest = "", raw
    while rest:
        try:
            return shown + visible(rest.decode("utf-8"), after=shown)
        except UnicodeDecodeError as error:
            good, bad, rest = rest[: error.start], rest[error.start : error.end], rest[error.end :]
            shown += visible(good.decode("utf-8"), after=shown) + f"⟨{bad.hex(' ').upper()}⟩"
    return shown


_NAMED = {"\n": "⏎", "\r": "␍", "\t": "⇥", "\u00a0": "⍽", "\u3000": "⟨U+3000⟩"}


def visible(text: str, after: str = "") -> str:
    """`text` with every invisible or direction-changing character written out; ordinary spaces stay spaces."""
    shown = after
    for i, char in enumerate(text):
        shown += _visible_char(char, alone=i == 0 and not after, joined=0 < i < len(text) - 1)
    return shown[len(after) :]


def _visible_char(char: str, alone: bool, joined: bool) -> str:
    if char == " ":
        return char
    if char in _NAMED:
        return _NAMED[char]
    category = unicodedata.category(char)
    if category == "Cc":
        code = ord(char)
        return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
    if char == "\u200d" and joined:
        return char  # the joiner inside an emoji
    if category in ("Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"):
        return f"⟨U+{ord(char):04X}⟩"
    if category[0] == "M" and alone:
        return "◌" + char  # a combining mark without its letter
    return char
