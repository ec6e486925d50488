"""Which tokens of prompt A stand for which tokens of prompt B. Decided from names alone; no attention here.

Words are aligned by the fewest edits (Levenshtein); equal words token by token, a changed word as one unit. What a
person links by hand holds, and the rest is aligned around it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from attnlib.errors import InputError
from attnlib.model.tokens import Tokens, word_text

Kind = Literal["equal", "replaced", "deleted", "inserted"]


class Unit(NamedTuple):
    """Tokens of A and the tokens of B that correspond to them; one side is empty for deletions and insertions."""

    kind: Kind
    a: tuple[int, ...]
    b: tuple[int, ...]


class Link(NamedTuple):
    """A correction by hand: these tokens of A correspond to these of B; an empty side means no counterpart."""

    a: tuple[int, ...]
    b: tuple[int, ...]


@dataclass(frozen=True)
class Alignment:
    """The units of two token rows, in order; every token of A and of B is in exactly one."""

    a: Tokens
    b: Tokens
    units: tuple[Unit, ...]
    links: tuple[Link, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.units)

    def __str__(self) -> str:
        """One plain sentence, e.g. "13 and 14 tokens: 12 equal, 1 replaced by 2"."""
        counts = dict.fromkeys(("equal", "replaced", "deleted", "inserted"), (0, 0))
        for unit in self.units:
            in_a, in_b = counts[unit.kind]
            counts[unit.kind] = in_a + len(unit.a), in_b + len(unit.b)
        old, new = counts["replaced"]
        parts = [
            f"{counts['equal'][0]} equal",
            f"{old} replaced" if old == new else f"{old} replaced by {new}",
            f"{counts['deleted'][0]} only in A",
            f"{counts['inserted'][1]} only in B",
        ]
        said = [part for part in parts if not part.startswith("0 ")] or parts[:1]
        return f"{len(self.a)} and {len(self.b)} tokens: {', '.join(said)}"

    @cached_property
    def shared(self) -> tuple[int, ...]:
        """The units that exist in both prompts."""
        return tuple(u for u, unit in enumerate(self.units) if unit.a and unit.b)

    @cached_property
    def first_edit(self) -> int | None:
        """The first unit that is not equal; None where the rows are the same."""
        return next((u for u, unit in enumerate(self.units) if unit.kind != "equal"), None)

    @property
    def groups_a(self) -> tuple[tuple[int, ...], ...]:
        return tuple(unit.a for unit in self.units)

    @property
    def groups_b(self) -> tuple[tuple[int, ...], ...]:
        return tuple(unit.b for unit in self.units)

    @cached_property
    def token_pairs(self) -> tuple[tuple[int | None, int | None], ...]:
        """Single tokens of A paired with those of B, for what can only be compared between two vectors.

        In a unit of several tokens the last ones are paired; the others stay alone.
        """
        pairs: list[tuple[int | None, int | None]] = []
        for unit in self.units:
            extra = len(unit.a) - len(unit.b)
            a = (None,) * -min(0, extra) + unit.a
            b = (None,) * max(0, extra) + unit.b
            pairs += zip(a, b, strict=True)
        return tuple(pairs)

    @cached_property
    def labels(self) -> tuple[tuple[str, str | None, str | None], ...]:
        """For each unit its text as shown, in A and in B: ("She → He", "She", "He"); None where it is not there."""
        return tuple(_label(self, unit) for unit in self.units)

    @cached_property
    def segments(self) -> tuple[int, ...]:
        """For each unit 0 or 1: the sentence it belongs to."""
        return tuple(self.a.segments[u.a[0]] if u.a else self.b.segments[u.b[0]] for u in self.units)

    def counterpart(self, positions: Sequence[int], of: Literal["a", "b"]) -> tuple[int, ...]:
        """The tokens of the other prompt that correspond to exactly these; none if the unit has more."""
        chosen = set(positions)
        sides = [(unit.a, unit.b) if of == "a" else (unit.b, unit.a) for unit in self.units]
        found = [(mine, other) for mine, other in sides if chosen & set(mine)]
        whole = {i for mine, _ in found for i in mine} == chosen
        return tuple(i for _, other in found for i in other) if whole else ()


def _label(alignment: Alignment, unit: Unit) -> tuple[str, str | None, str | None]:
    a = word_text(alignment.a, unit.a) if unit.a else None
    b = word_text(alignment.b, unit.b) if unit.b else None
    if a is None or b is None or a == b:
        return (a if b is None else b) or "", a, b
    return f"{a} → {b.strip()}", a, b


def align(a: Tokens, b: Tokens, links: Sequence[Link | tuple[Sequence[int], Sequence[int]]] = ()) -> Alignment:
    """Align two token rows; align(b, a) is its mirror image.

    `links` are corrections, (positions in A, positions in B) each; InputError where they cross, overlap, have gaps
    or name tokens that are not there.
    """
    if not links and a.words == b.words:
        units = _one_word(a, b)
        if units is not None:
            return Alignment(a, b, units)
    fixed = tuple(Link(tuple(sorted(set(left))), tuple(sorted(set(right)))) for left, right in links)
    _check_links(fixed, len(a), len(b))
    anchors = sorted(link for link in fixed if link.a and link.b)
    alone_a = {i for link in fixed if not link.b for i in link.a}
    alone_b = {i for link in fixed if not link.a for i in link.b}
    found: list[Unit] = []
    done_a = done_b = 0
    for anchor in [*anchors, None]:
        to_a, to_b = (anchor.a[0], anchor.b[0]) if anchor else (len(a), len(b))
        found += _align_words(_words(a, done_a, to_a, alone_a), _words(b, done_b, to_b, alone_b))
        if anchor:
            found += _linked(a, b, anchor)
            done_a, done_b = anchor.a[-1] + 1, anchor.b[-1] + 1
    return Alignment(a, b, tuple(found), fixed)


def _one_word(a: Tokens, b: Tokens) -> tuple[Unit, ...] | None:
    """The units of equally long rows that differ in at most one word: a shortcut with the same result."""
    changed = [i for i, (one, two) in enumerate(zip(a.names, b.names, strict=True)) if one != two]
    word = next((word for word in a.words if changed and changed[0] in word), ())
    if not set(changed) <= set(word):
        return None
    units = [Unit("equal", (i,), (i,)) for i in range(len(a)) if i not in word]
    if word:
        units.insert(word[0], Unit("replaced", word, word))
    return tuple(units)


def _linked(a: Tokens, b: Tokens, link: Link) -> list[Unit]:
    if _name(a, link.a) == _name(b, link.b):
        return [Unit("equal", (i,), (j,)) for i, j in zip(link.a, link.b, strict=True)]
    return [Unit("replaced", link.a, link.b)]


def _check_links(links: Sequence[Link], length_a: int, length_b: int) -> None:
    for name, length in (("A", length_a), ("B", length_b)):
        taken: set[int] = set()
        for link in links:
            group = link.a if name == "A" else link.b
            missing = [i for i in group if not 0 <= i < length]
            if missing:
                raise InputError(f"Prompt {name} has {length} tokens; there is no token {missing[0]} to link.")
            if group and len(group) != group[-1] - group[0] + 1:
                raise InputError(
                    f"The linked tokens of prompt {name} must stand side by side. Choose a run of tokens."
                )
            if taken & set(group):
                raise InputError(f"A token of prompt {name} is linked twice. Reset the alignment to automatic.")
            taken |= set(group)
    both = sorted(link for link in links if link.a and link.b)
    if any(one.b[-1] >= two.b[0] for one, two in pairwise(both)):
        raise InputError("Two links cross each other: an alignment keeps the order of both prompts.")


# ---------------------------------------------------------------------------------------------- words


class _Word(NamedTuple):
    name: tuple[str, ...]  # its tokens as the tokenizer names them
    positions: tuple[int, ...]
    alone: bool  # has no counterpart, by hand


def _words(tokens: Tokens, start: int, stop: int, alone: set[int]) -> list[_Word]:
    """The words between two positions; a token that was set apart by hand is a word of its own."""
    words = []
    for word in tokens.words:
        run: list[int] = []
        for i in [*(i for i in word if start <= i < stop), None]:
            if run and (i is None or i in alone or run[-1] in alone):
                words.append(_Word(_name(tokens, run), tuple(run), run[0] in alone))
                run = []
            if i is not None:
                run.append(i)
    return words


def _name(tokens: Tokens, positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(tokens.names[i] for i in positions)


def _align_words(a: list[_Word], b: list[_Word]) -> Iterator[Unit]:
    """Equal words token by token; between them runs of changed words, one unit per word if equally long."""
    changed: tuple[list[_Word], list[_Word]] = ([], [])
    for left, right in _edits(a, b):
        together = left is not None and right is not None and left.name == right.name
        alone = (left is not None and left.alone) or (right is not None and right.alone)
        if not together and not alone:
            changed[0].extend([left] if left else [])
            changed[1].extend([right] if right else [])
            continue
        yield from _changed(*changed)
        changed = ([], [])
        if left is not None and right is not None:
            yield from (Unit("equal", (i,), (j,)) for i, j in zip(left.positions, right.positions, strict=True))
        else:
            yield from _changed([left] if left else [], [right] if right else [])
    yield from _changed(*changed)


def _changed(a: list[_Word], b: list[_Word]) -> Iterator[Unit]:
    """A run of changed words: word for word or, if their numbers differ, as one unit."""
    if not a or not b:
        yield from (Unit("deleted", (i,), ()) for word in a for i in word.positions)
        yield from (Unit("inserted", (), (i,)) for word in b for i in word.positions)
    elif len(a) == len(b):
        yield from (Unit("replaced", one.positions, two.positions) for one, two in zip(a, b, strict=True))
    else:
        yield Unit("replaced", tuple(i for w in a for i in w.positions), tuple(i for w in b for i in w.positions))


def _edits(a: list[_Word], b: list[_Word]) -> list[tuple[_Word | None, _Word | None]]:
    """The fewest insertions, deletions and replacements of words, as pairs in order; the same from either side."""
    start = _common(a, b)
    stop = _common(a[start:][::-1], b[start:][::-1])
    head = list(zip(a[:start], b[:start], strict=True))
    tail = list(zip(a[len(a) - stop :], b[len(b) - stop :], strict=True))
    middle_a, middle_b = a[start : len(a) - stop], b[start : len(b) - stop]
    middle: list[tuple[_Word | None, _Word | None]]
    if not middle_a or not middle_b:
        middle = [*((word, None) for word in middle_a), *((None, word) for word in middle_b)]
    elif len(middle_a) == len(middle_b) == 1 and not (middle_a[0].alone or middle_b[0].alone):
        middle = [(middle_a[0], middle_b[0])]
    elif [w[::2] for w in middle_b] < [
        w[::2] for w in middle_a
    ]:  # by name and alone; ties are broken alike for (a, b) and (b, a)
        middle = [(left, right) for right, left in _path(middle_b, middle_a)]
    else:
        middle = _path(middle_a, middle_b)
    return [*head, *middle, *tail]


def _common(a: list[_Word], b: list[_Word]) -> int:
    """How many words both lists begin with."""
    pairs = zip(a, b, strict=False)
    same = (one.name == two.name and not one.alone and not two.alone for one, two in pairs)
    return next((n for n, equal in enumerate(same) if not equal), min(len(a), len(b)))


def _path(a: list[_Word], b: list[_Word]) -> list[tuple[_Word | None, _Word | None]]:
    """The cheapest way through the table of edits, read from its end."""
    replace = _costs(a, b)
    table = _edit_table(replace)
    i, j, found = len(a), len(b), []
    while i or j:
        left = a[i - 1] if i else None
        right = b[j - 1] if j else None
        if i and j and table[i, j] == table[i - 1, j - 1] + replace[i - 1, j - 1]:
            i, j = i - 1, j - 1
        elif i and table[i, j] == table[i - 1, j] + 1:
            i, right = i - 1, None
        else:
            j, left = j - 1, None
        found.append((left, right))
    return found[::-1]


def _costs(a: list[_Word], b: list[_Word]) -> Int[np.ndarray, "a b"]:
    """0 for equal words, 1 for different ones, 3 (more than leaving both out) if one was set apart by hand."""
    number: dict[tuple[str, ...], int] = {}
    left, right = (np.array([number.setdefault(w.name, len(number)) for w in words], np.int32) for words in (a, b))
    cost = (left[:, None] != right[None, :]).astype(np.int32)
    cost[[w.alone for w in a], :] = 3
    cost[:, [w.alone for w in b]] = 3
    return cost


def _edit_table(replace: Int[np.ndarray, "a b"]) -> Int[np.ndarray, "a1 b1"]:
    """Levenshtein's table, a row at a time."""
    rows, columns = replace.shape
    steps = np.arange(columns + 1, dtype=np.int32)
    table = np.empty((rows + 1, columns + 1), np.int32)
    table[0] = steps
    for i in range(rows):
        row = table[i + 1]
        row[0] = i + 1
        np.minimum(table[i, 1:] + 1, table[i, :-1] + replace[i], out=row[1:])
        row[:] = np.minimum.accumulate(row - steps) + steps  # insertions, from left to right
    return table
