"""What pages of a pair read: the comparison, its statistic, its targets, the chosen head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.comparison.focus import default_focus
from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.pair import keep_focus, kept_focus, linked_before, links
from pages.ui.state import Choices

if TYPE_CHECKING:
    from attnlib import Comparison
    from attnlib.comparison.focus import Span

CONTROLS_ELSEWHERE = (
    "**One pair is an anecdote.** Before you report a difference, look at the controls on the page *Compare "
    "prompts*: "
    "edits and models that should show none."
)


@dataclass(frozen=True)
class Reading:
    """A comparison and how it is read: by which statistic, towards which targets, in which head."""

    chosen: Choices
    comparison: "Comparison"
    focus: "str | Span"  # as given; or the tokens that were chosen, which the address keeps
    statistic: str
    targets: tuple[str, ...]
    head: int  # the head whose matrix and bars are shown

    @property
    def place(self) -> tuple[int, int]:
        return self.chosen.layer, self.head


def run(
    chosen: Choices,
    prompt_b: str,
    focus: "str | Span | None",
    corrected: cached.Links = (),
    name: str | None = None,
    untrained: bool = False,
    second: str | None = None,
    matrices: bool = False,
    small: bool = False,
) -> "Comparison":
    """Prompt A against another prompt, as the sidebar says; in another model with `name` or `untrained`.

    `second` is the other prompt's second text, by default that of prompt B. With `matrices` those of the chosen
    layer are there; the scores alone are the same for every layer, so that choosing a head does not run them again;
    with `small` the maps of the model view, too.
    """
    pair = chosen.pair
    assert pair is not None
    names = (name or chosen.name, name or pair.name_b or chosen.name)
    prompts = ((chosen.text, chosen.text_b), (prompt_b, second or pair.second_b))
    layer = chosen.layer if matrices else None
    options = (focus, corrected, chosen.cut, untrained, small, chosen.spoken)
    return cached.compare(names, prompts, chosen.stack, layer, *options)


def untrained_runs(reading: Reading) -> "tuple[Comparison, ...]":
    """A and B compared in random copies of a small model, none for a large one; the first is that of `untrained`."""
    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None
    prompts = ((chosen.text, chosen.text_b), (pair.prompt_b, pair.second_b))
    options = (reading.focus, links(), chosen.cut, chosen.spoken)
    return cached.compare_untrained(chosen.name, prompts, chosen.stack, *options)


def compare_pair(
    chosen: Choices, *, matrices: bool = False, small: bool = False
) -> "tuple[Comparison, str | Span] | None":
    """A and B compared, and the focus word used: without it, or without corrections, where they do not fit.

    What does not fit is said on the page; None where nothing can be compared. The address always has the tokens
    of the focus; a link from before that was so keeps the word that differs.
    """
    pair = chosen.pair
    assert pair is not None
    told = []
    kept = None if pair.focus else kept_focus(chosen.name)
    for focus, corrected in dict.fromkeys([(pair.focus or kept, links()), (None, links()), (None, ())]):
        try:
            with st.spinner("Comparing …", show_time=False):
                found = run(chosen, pair.prompt_b, focus, corrected, matrices=matrices, small=small)
                if focus is None and linked_before():
                    edited = default_focus(found.alignment)
                    found = run(chosen, pair.prompt_b, edited, corrected, matrices=matrices, small=small)
        except InputError as error:
            if str(error) not in told:
                st.error(plain(str(error)), icon=":material/error:")
            told.append(str(error))
            continue
        keep_focus(found.focus, chosen.name, linked=focus is not None and not isinstance(focus, str))
        return found, focus if isinstance(focus, str) else found.focus
    return None


def known_targets(comparison: "Comparison", targets: tuple[str, ...]) -> tuple[str, ...]:
    """The targets, or none where one is not in the prompts, and a sentence for each that is not.

    Of two targets the difference is asked for: attention to the other one alone would be another number.
    """
    known = []
    for word in targets:
        try:
            comparison.target(word)
            known.append(word)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
    if len(known) == len(targets):
        return tuple(known)
    if known:
        left = " and ".join(f"“{plain(word)}”" for word in known)
        told = "No target shift is measured until both target words are found."
        st.info(f"{told} To measure {left} alone, remove the other.")
    return ()


def further_comparisons(reading: Reading) -> "tuple[list[tuple[str, Comparison]], list[str]]":
    """Prompt A against each further prompt, and a sentence for each that cannot be compared; cached."""
    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None
    found, problems = [], []
    for name, prompt in zip("CDEF", pair.further, strict=False):
        try:
            found.append((name, run(chosen, prompt, reading.comparison.focus_in_a, second=chosen.text_b)))
        except InputError as error:
            problems.append(f"Prompt {name}: {error}".replace("Prompt B: ", "").replace("prompt B", f"prompt {name}"))
    return found, problems
