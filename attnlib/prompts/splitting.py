"""A text split into words: runs of letters, runs of other signs."""

import unicodedata
from functools import lru_cache


def word_numbers(text: str) -> list[int]:
    """For each character the number of its word, -1 for spaces: runs of letters, runs of other signs."""
    numbers, word, previous = [], -1, "space"
    for i, char in enumerate(text):
        kind = _kind(char)
        inside = char in "'’-" and previous == "letter" and _kind(text[i + 1 : i + 2]) == "letter"
        kind = "letter" if inside else previous if kind == "joiner" and previous != "space" else kind
        if kind not in ("space", previous) or kind == "ideograph":
            word += 1
        numbers.append(-1 if kind == "space" else word)
        previous = kind
    return numbers


@lru_cache(maxsize=10_000)
def _kind(char: str) -> str:
    if not char or char.isspace():
        return "space"
    category = unicodedata.category(char)
    if category[0] == "M" or char == "\u200d":
        return "joiner"  # a combining mark or zero-width joiner belongs to what it follows
    if category == "Lo" and unicodedata.name(char, "").startswith("CJK"):
        return "ideograph"  # written without spaces: each is a word
    return "letter" if category[0] in "LN" or char == "_" else "sign"


def split_words(text: str) -> list[str]:
    """The words of a text, as `read_tokens` groups its tokens: runs of letters, runs of other signs."""
    words: list[str] = []
    last = -1
    for char, number in zip(text, word_numbers(text), strict=True):
        if number < 0:
            continue
        if number != last:
            words.append("")
        words[-1] += char
        last = number
    return words
