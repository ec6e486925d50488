"""What the parts of the comparison page read: the comparison, its statistic, its targets, the chosen head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.state import Choices

if TYPE_CHECKING:
    from attnlib import Comparison


@dataclass(frozen=True)
class Reading:
    """A comparison and how it is read: by which statistic, towards which targets, in which head."""

    chosen: Choices
    comparison: "Comparison"
    focus: str | None  # as given; None: the word that differs
    statistic: str
    targets: tuple[str, ...]
    head: int  # the head whose matrix and bars are shown

    @property
    def place(self) -> tuple[int, int]:
        return self.chosen.layer, self.head


def run(
    chosen: Choices,
    prompt_b: str,
    focus: str | None,
    corrected: cached.Links = (),
    name: str | None = None,
    untrained: bool = False,
) -> "Comparison":
    """Prompt A against another prompt, as the sidebar says; in another model with `name` or `untrained`."""
    pair = chosen.pair
    assert pair is not None
    names = (name or chosen.name, name or pair.name_b or chosen.name)
    prompts = ((chosen.text, chosen.text_b), (prompt_b, pair.second_b))
    return cached.compare(names, prompts, chosen.stack, chosen.layer, focus, corrected, chosen.cut, untrained)


def further_comparisons(reading: Reading) -> "list[tuple[str, Comparison]]":
    """Prompt A against each further prompt that can be compared; cached, so asking twice costs nothing."""
    pair = reading.chosen.pair
    assert pair is not None
    found = []
    for name, prompt in zip("CDEF", pair.further, strict=False):
        try:
            found.append((name, run(reading.chosen, prompt, reading.comparison.focus_in_a)))
        except InputError as error:
            st.warning(f"Prompt {name}: {plain(str(error)).removeprefix('Prompt B: ')}")
    return found
