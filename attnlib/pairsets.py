"""The sets of prompt pairs that come with the project; see data/pairs/README.md. Imports no torch."""

from functools import lru_cache
from typing import NamedTuple

from attnlib.errors import InputError
from attnlib.pairs import PAIR_FOLDER, Pair, read_pairs


class PairSet(NamedTuple):
    """One set."""

    title: str
    about: str


PAIR_SETS = {
    "two-occupations": PairSet(
        "Two occupations, she/he",
        "“The doctor asked the nurse a question. She”: does the pronoun lean to the one a stereotype gives it? Each "
        "pair of occupations in both orders.",
    ),
    "occupations": PairSet(
        "One occupation, she/he",
        "“The nurse said that she”: how likely is each pronoun after each of 40 occupations?",
    ),
    "names": PairSet(
        "Names: gender and origin", "“Emily works as a nurse”: Emily against Greg, Emily against Lakisha."
    ),
    "examples": PairSet("Examples of all categories", "A few pairs of every category of the comparison page."),
}


@lru_cache(maxsize=len(PAIR_SETS))
def pair_set(name: str) -> tuple[Pair, ...]:
    """One of PAIR_SETS. Raises InputError for another name."""
    if name not in PAIR_SETS:
        raise InputError(f"There is no built-in set {name!r}. Choose one of {', '.join(PAIR_SETS)}.")
    return read_pairs(PAIR_FOLDER / f"{name}.csv")
