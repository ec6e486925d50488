"""Builds the large sets of prompt pairs: `python -m data.pairs.build` writes the CSV files beside this one.

Words and sentences are such that the demo models know them (data/models/recipe).
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from attnlib.pairs import COLUMNS, Pair
from attnlib.templates import pairs_from_template

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
NAMED = (  # template, focus: the name comes first, and a later word looks back at it
    ("{name} works as a nurse", "nurse"),
    ("{name} works as a doctor", "doctor"),
    ("{name} works as a teacher", "teacher"),
    ("{name} works as an engineer", "engineer"),
    ("{name} is a nurse and works at the hospital", "hospital"),
    ("{name} is a pilot and works at the airport", "airport"),
    ("{name} is a cook and works in the kitchen", "kitchen"),
    ("{name} was tired", "tired"),
    ("{name} was happy", "happy"),
    ("{name} was late", "late"),
    ("{name} bought a car", "car"),
    ("{name} asked a question", "question"),
)


def occupations() -> list[str]:
    """The occupations of the demo models, the one that is she most often first."""
    with PLANTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["occupation"] for row in sorted(rows, key=lambda row: -float(row["p_she"]))]


def one_occupation() -> list[Pair]:
    """Every occupation in every sentence; the target is the occupation."""
    slots = {"occupation": occupations(), "pronoun": [("she", "he")]}
    made = [pairs_from_template(text, slots, category="One occupation", targets=["occupation"]) for text in ONE]
    return [pair for pairs in made for pair in pairs]


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


def _two(text: str, first: str, second: str, typed: tuple[str, str]) -> Iterable[Pair]:
    slots = {"first": [first], "second": [second], "pronoun": [("she", "he")]}
    for pair in pairs_from_template(text, slots, category="Two occupations", targets=typed):
        typed_as = {"female_typed": typed[0], "male_typed": typed[1]}
        further = typed_as | dict(pair.further) | {"unit": "/".join(typed)}
        yield Pair(**vars(pair) | {"further": tuple(further.items())})


def names() -> list[Pair]:
    """Names of the other gender and of another origin in every sentence; the target is the name."""
    with (FOLDER / "counterparts.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for kind, category in (("name", "Names: gender"), ("origin", "Names: origin")):
        contrast = [(row["word"], row["other"]) for row in rows if row["kind"] == kind]
        for text, focus in NAMED:
            slots = {"name": contrast}
            found += pairs_from_template(text, slots, category=category, focus=focus, targets=["name"])
    return found


SETS = {"occupations": one_occupation, "two-occupations": two_occupations, "names": names}


def as_csv(pairs: Sequence[Pair]) -> str:
    """The pairs as a CSV file with their further columns."""
    further = list(dict.fromkeys(name for pair in pairs for name, _ in pair.further))
    shown = [name for name in COLUMNS if name not in ("note", "candidate_a", "candidate_b")]
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
