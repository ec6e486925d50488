"""Builds the texts that heads are measured on: `python -m data.texts.build` writes the files beside this one.

Sentences are frames with slots (frames.py), word classes are lists (words.py); the demo models know the words
(data/models/recipe).
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, product
from pathlib import Path
from random import Random
from string import digits

from attnlib.prompts.splitting import split_words
from data.models.recipe.vocabulary import KIN, MEN, OCCUPATIONS, WOMEN
from data.texts import frames
from data.texts.words import CLASSES

FOLDER = Path(__file__).parent
SEED = 1
JOBS = [occupation.name for occupation in OCCUPATIONS]
RELATIVES = [pair for pair in KIN if pair[0] not in ("woman", "girl", "wife", "lady")]
SHE = {"he": "she", "his": "her", "him": "her", "himself": "herself", "He": "She", "she": "he"}
PEOPLE = ("name", "friend", "kin", "other")  # slots whose gender depends on whom the frame is about

Decks = dict[str, Iterator[str]]


def decks(seed: int) -> Decks:
    """The words of every slot in an order of this seed, round and round: each comes equally often."""
    rng = Random(seed)
    lists = frames.SLOTS | {"job": JOBS, "woman": WOMEN, "man": MEN}
    lists |= {"aunt": [woman for woman, _ in RELATIVES], "uncle": [man for _, man in RELATIVES]}
    return {slot: cycle(rng.sample(words, len(words))) for slot, words in lists.items()}


class Slots(dict[str, str]):
    """What `format_map` asks for: pronouns of the person's gender, else the next word of that slot's deck."""

    def __init__(self, drawn: Decks, female: bool = False, **given: str) -> None:
        super().__init__({he: SHE[he] if female else he for he in SHE} | given)
        people = ("woman", "man", "aunt", "uncle") if female else ("man", "woman", "uncle", "aunt")
        self.decks = drawn | {slot: drawn[who] for slot, who in zip(PEOPLE, people, strict=True)}

    def __missing__(self, slot: str) -> str:
        self[slot] = next(self.decks[slot.rstrip(digits)])
        return self[slot]


def fill(frame: str, slots: Slots) -> str:
    """The frame with its slots filled, "an" where a vowel follows and a capital at the beginning."""
    text = re.sub(r"\b([Aa]) (?=[<\[]?(?:[aeiou]|honest))", r"\1n ", frame.format_map(slots))
    return text[0].upper() + text[1:]


# ---------------------------------------------------------------------------------------------- sentences


def sentences() -> list[str]:
    """All texts in an order of the seed; each frame with a person is about women as often as about men."""
    drawn = decks(SEED)
    texts = list(_occupations(drawn))
    for female in (True, False):
        texts += [fill(frame, Slots(drawn, female)) for frame in frames.NAMED * 2 + frames.KIN]
    texts += [fill(frame, Slots(drawn)) for frame in (frames.OCCUPATIONS_ONLY + frames.NOBODY) * 2]
    Random(SEED).shuffle(texts)
    return texts


def _occupations(drawn: Decks) -> Iterator[str]:
    """Every occupation as he in one frame and as she in the next one, which has the same pronouns."""
    for i, job in enumerate(JOBS):
        turn, number = divmod(i, len(frames.OCCUPATION_GROUPS))
        group = frames.OCCUPATION_GROUPS[number]
        for female in (True, False):
            yield fill(group[(turn + female) % len(group)], Slots(drawn, female, job=job))


# ---------------------------------------------------------------------------------------------- coreference


def coreference() -> list[dict[str, str | int]]:
    """All rows: two words of one kind before a pronoun, each meant as often as the first and as the second of them.

    About half of the texts end with the pronoun.
    """
    drawn = decks(SEED + 1)
    rows = []
    for people, kinds in ((frames.TWO_NAMES, ("woman", "man")), (frames.TWO_KIN, ("aunt", "uncle"))):
        for i, frame in enumerate(people):
            rows += _two_people(frame, kinds, drawn, turn=i)
    for female in (True, False):
        for i, job in enumerate(JOBS):
            he = SHE["he"] if female else "he"
            words = (("person", job, he), ("thing", next(drawn["obj"]), "it"))
            rows += _two_nouns(words, drawn, turn=i + 5 * female)
    for i in range(2 * len(frames.TWO_NOUNS)):
        words = (("several", next(drawn["plural"]), "they"), ("one", next(drawn["obj"]), "it"))
        rows += _two_nouns(words, drawn, turn=i)
    return rows


def _two_people(frame: str, kinds: tuple[str, str], drawn: Decks, turn: int) -> Iterator[dict[str, str | int]]:
    """Woman or man first, and the first or the second of them meant; begins elsewhere in every turn."""
    cases = list(product((kinds, kinds[::-1]), kinds))
    for order, meant in cases[turn % 4 :] + cases[: turn % 4]:
        words = [f"<{next(drawn[kind])}>" if kind == meant else f"[{next(drawn[kind])}]" for kind in order]
        text = fill(frame, Slots(drawn, first=words[0], second=words[1]))
        female = meant == kinds[0]
        yield _row(_as_she(text) if female else text, "woman" if female else "man", cut=turn % 2 == 1)


def _two_nouns(words: Sequence[tuple[str, str, str]], drawn: Decks, turn: int) -> Iterator[dict[str, str | int]]:
    """One text about two nouns (what it is, the noun, its pronoun), with the pronoun of the one and of the other.

    The order of the nouns, and whether the text ends with the pronoun, change with the turn.
    """
    rounds, number = divmod(turn, len(frames.TWO_NOUNS))
    ordered = words if rounds % 2 == 0 else words[::-1]
    text = fill(frames.TWO_NOUNS[number], Slots(drawn, first="{0}", second="{1}"))
    for meant, _, pronoun in words:
        marked = [f"<{noun}>" if what == meant else f"[{noun}]" for what, noun, _ in ordered]
        yield _row(text.format(*marked).replace("<he>", f"<{pronoun}>"), meant, cut=rounds // 2 % 2 == number % 2)


def _as_she(text: str) -> str:
    return re.sub("<(he|his|him|himself)>", lambda found: f"<{SHE[found[1]]}>", text)


def _row(marked: str, meant: str, cut: bool) -> dict[str, str | int]:
    """Text, words and occurrences of "the <word meant> and [the other]: <pronoun>"; `cut` behind the pronoun."""
    antecedent, pronoun = re.finditer("<(.*?)>", marked)
    other = re.search(r"\[(.*?)\]", marked)
    assert other is not None, marked
    row: dict[str, str | int] = {"text": _unmarked(marked[: pronoun.end()] if cut else marked), "meant": meant}
    for name, found in (("pronoun", pronoun), ("antecedent", antecedent), ("other", other)):
        at = split_words(_unmarked(marked[: found.end()])).count(found[1])
        row |= {name: found[1], f"{name}_at": at}
    return row


def _unmarked(text: str) -> str:
    return re.sub(r"[<>\[\]]", "", text)


# ---------------------------------------------------------------------------------------------- files


def word_classes() -> list[dict[str, str]]:
    """Every word with its class, by class and then word."""
    return [{"word": word, "class": kind} for kind in sorted(CLASSES) for word in sorted(CLASSES[kind].split())]


def as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a CSV file, their keys as its columns."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def files() -> dict[str, str]:
    """What every file holds."""
    return {
        "sentences.txt": "".join(f"{text}\n" for text in sentences()),
        "coreference.csv": as_csv(coreference()),
        "word_classes.csv": as_csv(word_classes()),
    }


def main() -> None:
    """Write every file."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8", newline="")


if __name__ == "__main__":
    main()
