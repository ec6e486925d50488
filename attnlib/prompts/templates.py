"""Prompt pairs from a sentence with slots, "The {occupation} said that {pronoun}", and words for each slot."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from attnlib.bounded import short
from attnlib.errors import InputError
from attnlib.prompts.pairs import Pair

SLOT = re.compile(r"\{([^{}]*)\}")
Words = Sequence[str | tuple[str, str]]  # single words, or words of A and of B
MOST = 100_000
MOST_SLOTS = 10
MOST_CHARACTERS = 20_000_000  # of all prompts together
LONGEST = 2_000  # characters of a template
LONGEST_WORD = 200
LONGEST_LIST = 200_000  # characters of all lines of words


def pairs_from_template(
    template: str,
    slots: Mapping[str, Words],
    *,
    category: str = "",
    focus: str = "",
    targets: Sequence[str] = (),
    most: int = MOST,
) -> list[Pair]:
    """All combinations of the slots' words. One slot has pairs of words, one for A and one for B: the contrast.

    `focus` and `targets` are slots or words; the focus is the word of the contrast where none is given. Two slots
    with the same list never take the same word. Further columns: each slot's word, the template, and `unit`, the
    words beside the contrast: pairs of one unit are not independent. Raises InputError.
    """
    names = _names(template)
    contrast = _contrast(names, slots)
    count = math.prod(len(slots[name]) for name in names)
    if count > most:
        raise InputError(f"That makes {count:,} pairs; {most:,} are possible at once. Shorten a list.")
    _check_size(template, slots, count)
    chosen = (dict(zip(names, words, strict=True)) for words in itertools.product(*(slots[name] for name in names)))
    alike = [(one, two) for one, two in itertools.combinations(names, 2) if list(slots[one]) == list(slots[two])]
    return [
        _pair(template, words, contrast, category, focus or contrast, targets)
        for words in chosen
        if all(words[one] != words[two] for one, two in alike)
    ]


def _names(template: str) -> list[str]:
    if not template.strip():
        raise InputError("The template is empty. Write a sentence with slots: The {occupation} said that {pronoun}")
    if len(template) > LONGEST:
        raise InputError(f"The template has {len(template):,} characters; {LONGEST:,} are read at most. Shorten it.")
    if re.search("[{}]", SLOT.sub("", template)):
        raise InputError("A brace has no partner. Write each slot as {name}.")
    names = list(dict.fromkeys(name.strip() for name in SLOT.findall(template)))
    if len(names) > MOST_SLOTS:
        raise InputError(f"The template has {len(names)} slots; {MOST_SLOTS} are read at most. Take some out.")
    return names


def _check_size(template: str, slots: Mapping[str, Words], count: int) -> None:
    """Refuse words, and pairs of them, that would be very long. Raises InputError."""
    longest = {}
    for name in {found.strip() for found in SLOT.findall(template)}:
        sides = [side for word in slots[name] for side in ([word] if isinstance(word, str) else word)]
        long = max(sides, key=len)
        if len(long) > LONGEST_WORD:
            raise InputError(
                f"{{{name}}} has “{short(long)}” of {len(long):,} characters; a word has {LONGEST_WORD} at most."
            )
        longest[name] = len(long)
    filled = len(template) + sum(longest[name.strip()] for name in SLOT.findall(template))
    if 2 * filled * count > MOST_CHARACTERS:
        raise InputError(
            f"That makes prompts of about {2 * filled * count:,} characters together; {MOST_CHARACTERS:,} are "
            "possible at once. Shorten a list or the template."
        )


def _contrast(names: Sequence[str], slots: Mapping[str, Words]) -> str:
    """The slot that has pairs of words."""
    for name in names:
        words = slots.get(name)
        if not words:
            raise InputError(f"There are no words for {{{name}}}. Give a line “{name}: …” with at least one.")
        twice = next((word for word, count in Counter(words).items() if count > 1), None)
        if twice is not None:
            raise InputError(
                f"{{{name}}} has “{short(twice if isinstance(twice, str) else ' / '.join(twice))}” twice."
            )
        if len({isinstance(word, str) for word in words}) > 1:
            raise InputError(f"{{{name}}} has single words and pairs. Write all of them with a / or none.")
    paired = [name for name in names if not isinstance(slots[name][0], str)]
    if len(paired) != 1:
        found = "no slot has" if not paired else f"{' and '.join(paired)} have"
        raise InputError(f"One slot must say what A and B differ in, as in “pronoun: she / he”; {found} such words.")
    return paired[0]


def _pair(
    template: str,
    words: Mapping[str, str | tuple[str, str]],
    contrast: str,
    category: str,
    focus: str,
    targets: Sequence[str],
) -> Pair:
    sides = [{name: word if isinstance(word, str) else word[side] for name, word in words.items()} for side in (0, 1)]
    a, b = (_filled(template, side) for side in sides)
    rest = " ".join(word for name, word in sides[0].items() if name != contrast)
    further = [(name, word if isinstance(word, str) else "/".join(word)) for name, word in words.items()]
    return Pair(
        category,
        a,
        b,
        _as_in(a, sides[0].get(focus, focus)),
        tuple(_as_in(a, sides[0].get(target, target)) for target in targets),
        "/".join(words[contrast]),
        further=(*further, ("template", template), ("unit", rest or "/".join(words[contrast]))),
    )


def _filled(template: str, words: Mapping[str, str]) -> str:
    """The sentence; a slot that begins it, or begins another one, gets a capital letter."""

    def word(found: re.Match[str]) -> str:
        text = words[found[1].strip()]
        begins = not template[: found.start()].strip() or bool(re.search(r"[.!?]\s+$", template[: found.start()]))
        return text[:1].upper() + text[1:] if begins else text

    return SLOT.sub(word, template)


def _as_in(sentence: str, word: str) -> str:
    """A word as a sentence writes it: with its capital letter, if it has one there."""
    if re.search(rf"\b{re.escape(word)}\b", sentence):
        return word
    capital = word[:1].upper() + word[1:]
    return capital if capital in sentence else word


def read_slots(text: str) -> dict[str, Words]:
    """What a person types, a line per slot: "occupation: nurse, engineer" and "pronoun: she / he". InputError."""
    if len(text) > LONGEST_LIST:
        raise InputError(
            f"The words have {len(text):,} characters; {LONGEST_LIST:,} are read at most. Shorten a list."
        )
    slots: dict[str, Words] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, mark, words = line.partition(":")
        if not mark or not name.strip():
            raise InputError(f"Line {number} of the words has no name before a colon. Write “occupation: nurse, …”.")
        if name.strip() in slots:
            raise InputError(f"Line {number}: {short(name)} has a line already. Put all its words into one.")
        slots[name.strip()] = [_word(word, number) for word in words.split(",") if word.strip()]
    return slots


def _word(text: str, line: int) -> str | tuple[str, str]:
    sides = [side.strip() for side in text.split("/")]
    if len(sides) == 1:
        return sides[0]
    if len(sides) != 2 or not all(sides):
        raise InputError(f"Line {line}: “{short(text)}” is no pair of words. Write “she / he”.")
    return sides[0], sides[1]
