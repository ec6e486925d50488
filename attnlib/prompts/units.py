"""Which pairs belong together, as they are not independent: a column of the pairs, or what their sentences share.

Every function takes one text per pair and returns as many labels. Not here: averaging, testing
(stats/summaries.py).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attnlib.prompts.splitting import split_words

NO_UNIT = " (no unit)"  # how the label of a pair ends whose cell is empty
EVERY_PAIR = "every pair"
FOUND = {  # what pairs may share, the most telling first: name of the unit, and its noun
    "same targets": "target set",
    "same focus": "focus word",
    "same prompt A": "shared prompt",
    "same change": "change",
    "same sentence": "sentence",
}
NEARLY_ALL = 0.9  # units per pair: with more of them, hardly any pairs belong together


@dataclass(frozen=True)
class Units:
    """Pairs sorted into units."""

    name: str  # a column, one of FOUND, or EVERY_PAIR
    labels: tuple[str, ...]  # of each pair
    found: bool = False  # whether they were found in the pairs, and nobody wrote them down
    blank: int = 0  # pairs without a label: each is a unit by itself
    joined: int = 0  # units before those that share a word were joined; 0: none were
    shared: tuple[str, int] | None = None  # a word that stands in several units, and in how many

    @property
    def count(self) -> int:
        return len(set(self.labels))

    @property
    def one_by_one(self) -> bool:
        """Whether every pair counts."""
        return self.name == EVERY_PAIR


class PairTexts(NamedTuple):
    """What is read of a pair to sort it."""

    prompt_a: str
    prompt_b: str
    focus: str = ""
    targets: tuple[str, ...] = ()
    side: str = ""  # of a contrast


def by_pair(count: int) -> Units:
    """Every pair by itself."""
    return Units(EVERY_PAIR, tuple(f"pair {n}" for n in range(count)))


def by_column(name: str, cells: Sequence[str | None]) -> Units:
    """The units of a column: as they are written; an empty cell is a unit of its own."""
    plain = [" ".join((cell or "").split()) for cell in cells]
    labels = tuple(cell or f"row {n}{NO_UNIT}" for n, cell in enumerate(plain, 1))
    written = set(plain) - {""}
    return Units(name, labels, blank=plain.count(""), shared=_shared({label: _words(label) for label in written}))


def proposals(pairs: Sequence[PairTexts]) -> tuple[Units, ...]:
    """Units that are found in the pairs, the best first: those that leave enough units for a test, in FOUND's order.

    Units that share a word are joined where enough of them remain. A unit that would stand on both sides of a
    contrast is none.
    """
    from attnlib.stats.resampling import FEWEST_UNITS  # it loads SciPy

    keys = [_keys(pair) for pair in pairs]
    sides = [pair.side for pair in pairs]
    units = [_proposal(name, [key[name] for key in keys], sides, FEWEST_UNITS) for name in FOUND]
    there = [one for one in units if one is not None]
    return tuple(sorted(there, key=lambda one: (one.count < FEWEST_UNITS, one.count > NEARLY_ALL * len(pairs))))


def _keys(pair: PairTexts) -> dict[str, str]:
    """What a pair is like, by each of FOUND; empty where it has no such thing."""
    a, b = (split_words(text.lower()) for text in (pair.prompt_a, pair.prompt_b))
    only_a, only_b = ([w for w in dict.fromkeys(one) if w not in set(two)] for one, two in ((a, b), (b, a)))
    focus = pair.focus.lower()
    return {
        "same targets": "/".join(sorted(word.lower() for word in pair.targets)),
        "same focus": "" if focus in only_a or focus in only_b else focus,
        "same prompt A": pair.prompt_a.strip(),
        "same change": f"{' '.join(only_a)}/{' '.join(only_b)}" if only_a or only_b else "",
        "same sentence": frame(pair.prompt_a, pair.prompt_b),
    }


def frame(prompt_a: str, prompt_b: str) -> str:
    """The words that both prompts have, with _ where they differ."""
    a, b = (split_words(text.lower()) for text in (prompt_a, prompt_b))
    common = set(a) & set(b)
    return re.sub(r"(_ )+", "_ ", " ".join(word if word in common else "_" for word in a) + " ").strip()


def _proposal(name: str, labels: Sequence[str], sides: Sequence[str], fewest: int) -> Units | None:
    """Units by one kind of likeness; None where it does not sort the pairs. Joined where at least `fewest` remain."""
    if not all(labels) or not 2 <= len(set(labels)) < len(labels):
        return None
    if len(set(sides)) == 2 and len(set(zip(labels, sides, strict=True))) > len(set(labels)):
        return None
    if name not in ("same targets", "same change"):
        return Units(name, tuple(labels), found=True)
    words = {label: frozenset(label.replace("/", " ").split()) for label in set(labels)}
    joined = _components(words)
    count = len(set(joined.values()))
    if fewest <= count < len(words):
        return Units(name, tuple(joined[label] for label in labels), found=True, joined=len(words))
    return Units(name, tuple(labels), found=True, shared=_shared(words))


# ---------------------------------------------------------------------------------------------- words of labels


def _words(label: str) -> frozenset[str]:
    """The words of a label that is two of them, "Emily/Lakisha" or "nurse mechanic"; none of a sentence."""
    parts = [part.strip() for part in re.split(r"[/|,;]", label.lower())]
    words = parts if len(parts) > 1 else label.lower().split()
    return frozenset(words if len(words) == 2 and all(words) else ())


def _crossing(words: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Words of several labels, and of how many; a word that all of them have distinguishes none and is left out."""
    counts = Counter(word for found in words.values() for word in found)
    return {word: count for word, count in counts.items() if 1 < count < len(words)}


def _shared(words: Mapping[str, frozenset[str]]) -> tuple[str, int] | None:
    """The word that most labels share."""
    crossing = _crossing(words)
    return max(crossing.items(), key=lambda item: (item[1], item[0])) if crossing else None


def _components(words: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Of each label the component it is in: labels that share a word, directly or through others, are one."""
    crossing = set(_crossing(words))
    by_word = defaultdict(list)
    for label in sorted(words):
        for word in words[label] & crossing:
            by_word[word].append(label)
    found: dict[str, str] = {}
    for start in sorted(words):
        queue = [start]
        while queue:
            label = queue.pop()
            if label in found:
                continue
            found[label] = start
            queue += [other for word in words[label] & crossing for other in by_word[word]]
    return found


# ---------------------------------------------------------------------------------------------- contrasts


class Contrast(NamedTuple):
    """Two kinds of pairs; the quantity of interest is the mean of the first minus that of the second."""

    first: str
    second: str


def contrast_of(cells: Iterable[str | None]) -> Contrast | None:
    """The two labels of a contrast, in the order in which they come; None where there are not exactly two."""
    labels = list(dict.fromkeys(cell.strip() for cell in cells if cell and cell.strip()))
    return Contrast(*labels) if len(labels) == 2 else None
