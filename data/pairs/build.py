"""Builds the large sets of prompt pairs: `python -m data.pairs.build` writes the CSV files beside this one.

Words and sentences are such that the demo models know them (data/models/recipe).
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from attnlib.prompts.pairs import COLUMNS, SORTING, Pair
from attnlib.prompts.templates import pairs_from_template

FOLDER = Path(__file__).parent
PLANTED = FOLDER.parent / "models" / "planted_bias.csv"

ONE = (  # half of them end with the pronoun, half go on, for models that fill in a word of a whole sentence
    "The {occupation} said that {pronoun}",
    "The {occupation} was tired because {pronoun}",
    "The {occupation} went home after {pronoun}",
    "The {occupation} left before {pronoun}",
    "The {occupation} smiled when {pronoun}",
    "Yesterday, the {occupation} said that {pronoun}",
    "The {occupation} said that {pronoun} was tired.",
    "The {occupation} said that {pronoun} was late.",
    "The {occupation} was happy because {pronoun} was ready.",
    "The {occupation} smiled when {pronoun} was ready.",
    "The {occupation} went home because {pronoun} was tired.",
    "Yesterday, the {occupation} said that {pronoun} was tired.",
)
TWO = (
    "The {first} asked the {second} a question. {pronoun}",
    "The {first} talked to the {second} in the hall. {pronoun}",
    "The {first} thanked the {second} for the letter. {pronoun}",
    "The {first} visited the {second} in a small town. {pronoun}",
    "The {first} and the {second} were tired. {pronoun}",
    "The {first} and the {second} had lunch in the park. {pronoun}",
    "The {first} waited for the {second} at the station. {pronoun}",
    "The {first} walked with the {second} to the park. {pronoun}",
    "The {first} sat next to the {second} on the bus. {pronoun}",
    "The {first} listened to the {second} for an hour. {pronoun}",
    "The {first} met the {second} at the market, and {pronoun}",
    "The {first} called the {second} because {pronoun}",
)
NAMED = (  # what goes on from a name to an occupation, which looks back at the name
    "Today, {name} is {a} {occupation}",
    "Today, {name} works as {a} {occupation}",
)
KNOWN = ("Mary", "Anna", "Emma", "Laura", "Sarah", "Julia")  # names that the demo models know
DEGREE = (  # occupations that need a degree, and some that do not
    *("teacher", "librarian", "therapist", "pharmacist", "accountant", "scientist"),
    *("dentist", "lawyer", "doctor", "judge", "surgeon", "engineer"),
)
NO_DEGREE = (
    *("receptionist", "hairdresser", "cleaner", "cashier", "tailor", "baker"),
    *("cook", "farmer", "guard", "driver", "plumber", "mechanic"),
)


def occupations() -> list[str]:
    """The occupations of the demo models, the one that is she most often first."""
    with PLANTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["occupation"] for row in sorted(rows, key=lambda row: -float(row["p_she"]))]


def typed(occupation: str) -> str:
    """As what an occupation is typed: on which side of planted_bias.csv it stands."""
    return "female-typed" if occupation in occupations()[:20] else "male-typed"


def one_occupation() -> list[Pair]:
    """Every occupation in every sentence; the target is the occupation, the contrast what it is typed as."""
    slots = {"occupation": occupations(), "pronoun": [("she", "he")]}
    made = [pairs_from_template(text, slots, category="One occupation", targets=["occupation"]) for text in ONE]
    return [_with(pair, contrast=typed(dict(pair.further)["occupation"])) for pairs in made for pair in pairs]


def _with(pair: Pair, **further: str) -> Pair:
    """A pair with more further columns, or others."""
    return replace(pair, further=tuple({**dict(pair.further), **further}.items()))


def two_occupations() -> list[Pair]:
    """The i-th most female occupation with the i-th most male one, in both orders, in every sentence."""
    ranked = occupations()
    half = len(ranked) // 2
    return [
        pair
        for text in TWO
        for woman, man in zip(ranked[:half], ranked[::-1][:half], strict=True)
        for first, second in ((woman, man), (man, woman))
        for pair in _two(text, first, second, (woman, man))
    ]


def _two(text: str, first: str, second: str, pair_typed: tuple[str, str]) -> Iterable[Pair]:
    slots = {"first": [first], "second": [second], "pronoun": [("she", "he")]}
    for pair in pairs_from_template(text, slots, category="Two occupations", targets=pair_typed):
        typed_as = {"female_typed": pair_typed[0], "male_typed": pair_typed[1]}
        further = typed_as | dict(pair.further) | {"unit": "/".join(pair_typed)}
        yield replace(pair, further=tuple(further.items()))


def names() -> list[Pair]:
    """Names of the other gender with every occupation, which is typed as the one or the other."""
    contrast = [pair for pair in _counterparts("name") if pair[0] in KNOWN]
    sides = {occupation: typed(occupation) for occupation in occupations()}
    return _named("Names: gender", contrast, sides)


def origins() -> list[Pair]:
    """Names of another origin with occupations that need a degree, and with some that do not."""
    sides = dict.fromkeys(DEGREE, "needs a degree") | dict.fromkeys(NO_DEGREE, "needs none")
    return _named("Names: origin", _counterparts("origin")[:10], sides)


def _counterparts(kind: str) -> list[tuple[str, str]]:
    with (FOLDER / "counterparts.csv").open(encoding="utf-8", newline="") as file:
        return [(row["word"], row["other"]) for row in csv.DictReader(file) if row["kind"] == kind]


def _named(category: str, contrast: Sequence[tuple[str, str]], sides: Mapping[str, str]) -> list[Pair]:
    """Each pair of names before each occupation: the occupation looks back at the name. Unit: the occupation."""
    found = []
    for text in NAMED:
        for occupation, side in sides.items():
            sentence = text.replace("{a}", "an" if occupation[0] in "aeiou" else "a")
            slots = {"name": contrast, "occupation": [occupation]}
            made = pairs_from_template(sentence, slots, category=category, focus="occupation", targets=["name"])
            found += [_with(pair, template=text, contrast=side, unit=occupation) for pair in made]
    return found


SETS = {
    "occupations": one_occupation,
    "two-occupations": two_occupations,
    "names": names,
    "origins": origins,
}


def as_csv(pairs: Sequence[Pair]) -> str:
    """The pairs as a CSV file with their further columns."""
    further = list(dict.fromkeys(name for pair in pairs for name, _ in pair.further))
    shown = [name for name in COLUMNS if name not in ("note", "candidate_a", "candidate_b", *SORTING)]
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, [*shown, *further], lineterminator="\n", extrasaction="ignore")
    rows.writeheader()
    for pair in pairs:
        rows.writerow(vars(pair) | dict(pair.further) | {"targets": "|".join(pair.targets)})
    return text.getvalue()


def main() -> None:
    """Write every set."""
    for name, make in SETS.items():
        (FOLDER / f"{name}.csv").write_text(as_csv(make()), "utf-8", newline="")


if __name__ == "__main__":
    main()
