"""The comparison: what changes in the attention when a prompt changes, where, by how much, and what does not."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from pages.bias import details
from pages.bias.effects import effects
from pages.bias.grids import grids
from pages.ui.component import Link, alignment
from pages.ui.controls import pair_status, plain
from pages.ui.exhibits import hold
from pages.ui.pair import add_link, set_links
from pages.ui.reading import Reading, compare_pair, known_targets
from pages.ui.session import ask_for_rerun, rerun_if_asked
from pages.ui.state import Choices, choices, show_head
from pages.ui.terms import explained

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from attnlib import Comparison
    from attnlib.comparison.controls import Controls
    from attnlib.comparison.focus import Span


def page() -> None:
    """The whole page, top to bottom; every error is a sentence and leaves the rest alive."""
    chosen = choices()
    if chosen.model is None or chosen.pair is None:
        return
    with _place():
        compared = compare_pair(chosen, matrices=True)
    if compared is None:
        return
    comparison, focus = compared
    from attnlib.comparison.findings import ONE_PAIR

    with _place():
        _status(chosen, comparison)
    with _place():
        _alignment(comparison)
    with _place():
        reading = _reading(chosen, comparison, focus)
    headline = _place()
    with _place():
        controls = grids(reading)
    with headline:
        _finding(reading, controls)
    for part in (details.head, details.details, details.words, effects, details.heads_off, details.further):
        with _place():
            part(reading)
    st.info(ONE_PAIR, icon=":material/balance:")
    details.downloads(reading, controls)


def _place() -> "DeltaGenerator":
    """A place of its own for a part of the page, so that a message that comes or goes in one moves no other.

    A widget that moves is no longer kept in the URL (sidebar.py, _places), and a click in a fragment that has moved
    since is lost.
    """
    return st.container()


def _status(chosen: Choices, comparison: "Comparison") -> None:
    model = chosen.model
    assert model is not None
    tokens = f"{len(comparison.alignment.a)} and {len(comparison.alignment.b)} tokens"
    pair_status(model, comparison, tokens)


@st.fragment
def _alignment(comparison: "Comparison") -> None:
    from attnlib.views.pair.payload import pair_alignment_payload

    alignment(pair_alignment_payload(comparison), key="alignment", on_link=_on_link)
    rerun_if_asked()


def _on_link(link: Link | None) -> None:
    if link is None:
        set_links(())
    else:
        add_link(link.a, link.b)
    ask_for_rerun()


def _reading(chosen: Choices, comparison: "Comparison", focus: "str | Span") -> Reading:
    """The statistic to read by, with its choice on the page; and the head that is looked at closely."""
    from attnlib.wording import largest

    assert chosen.pair is not None
    with _place():
        targets = known_targets(comparison, chosen.pair.targets)
    statistic = _choose_statistic(bool(targets))
    messages = _place()
    about = "" if chosen.pair.focus else comparison.sight.about(comparison.focus)
    if about:
        messages.caption(plain(about))
    try:
        values = comparison.statistic(statistic, targets)
    except InputError as error:  # a target is the sink itself
        messages.warning(plain(str(error)))
        statistic = "shift"
        values = comparison.statistic(statistic, targets)
    head = largest(values, chosen.layer)[1] if chosen.head is None else chosen.head
    reading = Reading(chosen, comparison, focus, statistic, targets, head)
    if chosen.head is None and not st.session_state.setdefault("compared_once", False):
        st.session_state["compared_once"] = True
        show_head(*largest(values))
        st.rerun()
    st.session_state["compared_once"] = True
    return reading


def _choose_statistic(with_targets: bool) -> str:
    """The name of the statistic; the link has its title."""
    from attnlib.comparison.result import STATISTICS

    titles = {s.title: name for name, s in STATISTICS.items() if with_targets or not s.needs_targets}
    left, right = st.columns([3, 5], vertical_alignment="bottom")
    title = left.selectbox(
        "Measure of change",
        list(titles),
        key="stat" if with_targets else "distance",
        bind="query-params",
        persist_state="session",
        help=explained("target shift G", "attention sink", "JSD", "TV", first="One number per head."),
    )
    right.caption(f"{STATISTICS[titles[title]].about}")
    return titles[title]


def _offer_matches(reading: Reading) -> None:
    """If the sides of the edit have different numbers of tokens: words for B with as many as A's."""
    from attnlib.comparison.spelling import matches, pieces

    chosen, unequal = reading.chosen, pieces(reading.comparison.alignment)
    if len(unequal) != 1 or chosen.model is None or chosen.pair is None:
        return
    with st.container(horizontal=True):
        for word, text in matches(chosen.model, chosen.pair.prompt_b, unequal[0]):
            st.button(
                f"Use “{plain(word)}” in prompt B",
                key=f"match {word}",
                help=f"It has as many tokens as “{plain(unequal[0].a)}”.",
                on_click=st.session_state.__setitem__,
                args=("prompt_b", text),
            )


def _finding(reading: Reading, controls: "Controls") -> None:
    from attnlib.comparison.findings import finding

    found = finding(reading.comparison, reading.statistic, reading.targets, controls)
    hold("what was found, beside which controls", f"{found.text}\n", "finding.txt")
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.markdown(f"#### {plain(found.headline)}\n\n{plain(found.details)}")
    _offer_matches(reading)
    if found.measured and reading.place != (found.layer, found.head):
        right.button(
            f"Show head {found.layer}-{found.head}",
            on_click=show_head,
            args=(found.layer, found.head),
            type="primary",
        )


page()
