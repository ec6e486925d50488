"""The grids of the comparison page: one number per head for the edit, and beside it for controls."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.sources import twin_of
from pages.bias.reading import Reading, run
from pages.ui.component import head_grid
from pages.ui.controls import plain
from pages.ui.pair import choose_control, links
from pages.ui.state import show_head

if TYPE_CHECKING:
    from attnlib import Comparison
    from attnlib.views.grid import HeadGrid

CONTROLS = {"edit": "a control edit", "twin": "the twin model", "untrained": "random weights"}


def grids(reading: Reading) -> None:
    """The statistic of every head, and beside it the same for edits and models that should show none."""
    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None
    assert chosen.model is not None
    offered = ["edit", *(["twin"] if twin_of(chosen.name) else []), "untrained"]
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    shown = left.pills(
        "Compare with",
        offered,
        selection_mode="multi",
        required=False,
        format_func=lambda name: CONTROLS[name],
        default=offered if chosen.model.parameters < 100_000_000 else offered[:1],
        key="controls",
        persist_state="session",
        help="Controls: a head that moves as much here is not about your edit.",
    )
    with right:
        control = choose_control(chosen.text, pair.prompt_b, (*reading.targets, reading.comparison.focus_in_a))
    drawn = [_grid(reading, reading.comparison, "Your edit")]
    for name in shown:
        try:
            with st.spinner("Comparing …", show_time=False):
                drawn.append(_control(reading, name, control))
        except InputError as error:
            st.warning(f"{CONTROLS[name].capitalize()}: {plain(str(error))}")
    _draw(reading, drawn)


def _control(reading: Reading, name: str, control: str) -> "HeadGrid":
    chosen, pair, focus = reading.chosen, reading.chosen.pair, reading.comparison.focus_in_a
    assert pair is not None
    if name == "edit":
        if not control:
            raise InputError("no word of prompt A is known that could be changed without a difference. Write one.")
        return _grid(reading, run(chosen, control, focus), "Control edit", control)
    if name == "twin":
        twin = twin_of(chosen.name)
        return _grid(reading, run(chosen, pair.prompt_b, reading.focus, links(), twin), "Twin model", twin or "")
    untrained = run(chosen, pair.prompt_b, reading.focus, links(), chosen.name, untrained=True)
    return _grid(reading, untrained, "Random weights", "the same architecture, untrained")


def _grid(reading: Reading, comparison: "Comparison", title: str, about: str = "") -> "HeadGrid":
    from attnlib.views.grid import HeadGrid

    about = about or f"{comparison.a.model}"
    return HeadGrid(title, comparison.statistic(reading.statistic, reading.targets), about)


@st.fragment
def _draw(reading: Reading, grids: "list[HeadGrid]") -> None:
    from attnlib.comparison import STATISTICS
    from attnlib.views.grid import grid_payload

    statistic = STATISTICS[reading.statistic]
    payload = grid_payload(
        grids,
        statistic=statistic.title,
        signed=statistic.signed,
        selected=reading.place,
        order="rank" if st.session_state.get("order") == "by size" else "place",
    )
    head_grid(payload, key="grid", on_pick=_on_pick)
    if st.session_state.pop("rerun_all", False):
        st.rerun()


def _on_pick(layer: int, head: int) -> None:
    show_head(layer, head)
    st.session_state["rerun_all"] = True
