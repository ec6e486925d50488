"""The sets of prompt pairs that come with the project; see data/pairs/README.md. Imports no torch."""

from functools import lru_cache
from typing import NamedTuple

from attnlib.errors import InputError
from attnlib.paths import PAIR_FOLDER
from attnlib.prompts.pairs import Pair, read_pairs


class PairSet(NamedTuple):
    """One set."""

    title: str
    about: str


PAIR_SETS = {
    "two-occupations": PairSet(
        "Two occupations, she/he",
        "“The doctor asked the nurse a question. She”: does the pronoun look at the one a stereotype suggests? Each "
        "pair of occupations in both orders.",
    ),
    "occupations": PairSet(
        "One occupation, she/he",
        "“The nurse said that she”: does attention to the 20 female-typed occupations change differently from she to "
        "he "
        "than attention to the 20 male-typed ones?",
    ),
    "names": PairSet(
        "Names: gender",
        "“Today, Mary works as a nurse”, and John: does a female-typed occupation look at the name differently from "
        "a "
        "male-typed one?",
    ),
    "origins": PairSet(
        "Names: origin",
        "“Today, Emily works as a doctor”, and Lakisha: does an occupation that needs a degree look at the name "
        "differently from one that needs none?",
    ),
    "examples": PairSet("Examples of all categories", "A few pairs of every category of the comparison page."),
}


@lru_cache(maxsize=len(PAIR_SETS))
def pair_set(name: str) -> tuple[Pair, ...]:
    """One of PAIR_SETS. Raises InputError for another name."""
    if name not in PAIR_SETS:
        raise InputError(f"There is no built-in set {name!r}. Choose one of {', '.join(PAIR_SETS)}.")
    return read_pairs(PAIR_FOLDER / f"{name}.csv")
