"""Dimensions of a head scaled or silenced, live: its attention, its distance curve, and what the model then says."""

import time
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from pages.behaviour.charts import CHART, MOST
from pages.ui import cached
from pages.ui.component import head_view
from pages.ui.controls import plain
from pages.ui.names import names_in_layer
from pages.ui.state import Choices

if TYPE_CHECKING:
    from attnlib.behaviour.scaling import ScaledHead

PAINTS = 0.06  # seconds in which the browser paints the head view, before charts keep it busy


@st.fragment
def acting(chosen: Choices, head: int) -> None:
    """Sliders, and beside them what they do to the text of the sidebar."""
    st.markdown("##### Scale or silence dimensions in your text")
    with st.container():
        factors, of = _choose(chosen, head)
    if not chosen.text.strip():
        st.info("Type a text in the sidebar.")
        return
    try:
        scaled = cached.scaled_head(chosen.name, chosen.text, chosen.layer, head, factors, of, chosen.cut)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _draw(chosen, scaled, factors)


def _choose(chosen: Choices, head: int) -> tuple[tuple[tuple[int, float], ...], str]:
    """Which dimensions, and by how much each is multiplied."""
    width = cached.head_width(chosen.name, chosen.layer)
    kept = [one for one in st.session_state.get("dimensions", []) if one < width]
    if kept != st.session_state.get("dimensions", []):
        st.session_state["dimensions"] = kept
    left, middle, right = st.columns([4, 3, 2], vertical_alignment="bottom")
    dimensions = left.multiselect(
        "Dimensions",
        list(range(width)),
        key="dimensions",
        max_selections=MOST,
        persist_state="session",
        placeholder="Choose dimensions here, or click bars",
    )
    every = middle.slider(
        "Multiply them by", -1.0, 3.0, 0.0, 0.1, key="factor", help="0 silences, 1 changes nothing."
    )
    of = right.segmented_control(
        "of the",
        ["query", "key"],
        default="query",
        required=True,
        key="factor_of",
        help="For one head both give the same result. If heads share their keys, changing the key changes all of "
        "them.",
    )
    factors = dict.fromkeys(dimensions, every)
    if dimensions and st.toggle("One slider per dimension", key="factor_each"):
        for column, dimension in zip(st.columns(4) * 3, dimensions, strict=False):
            factors[dimension] = column.slider(
                f"Dimension {dimension}", -1.0, 3.0, every, 0.1, key=f"factor {dimension}"
            )
    return tuple(sorted(factors.items())), of or "query"


def _draw(chosen: Choices, scaled: "ScaledHead", factors: tuple[tuple[int, float], ...]) -> None:
    from attnlib.behaviour.charts import before_after
    from attnlib.comparison.charts import word_bars
    from attnlib.views.pair.payload import scaled_head_payload
    from attnlib.words.predictions import largest_changes

    left, right = st.columns([3, 2])
    with left:
        st.caption(
            "A: unchanged. B: with these dimensions multiplied." if factors else "Choose dimensions to see B change."
        )
        try:
            about = {"layers": chosen.layers, "can_hide": False, "labels": names_in_layer(chosen)}
            payload = scaled_head_payload(scaled, chosen.name, **about)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            head_view(payload, key="scaled_view", on_event=lambda event: None)
    time.sleep(PAINTS)
    with right:
        st.plotly_chart(before_after(scaled.curve()), key="before_after", config=CHART)
        places = list(dict.fromkeys(word.place for word in scaled.words))
        if not places:
            st.caption("Nothing to predict: add some text (causal models) or a mask (masked models).")
            return
        st.caption(f"What the model says, {places[0]} word".replace("mask 1 word", "at its first mask"))
        here = [word for word in scaled.words if word.place == places[0]]
        figure = word_bars(largest_changes(here), names=("unchanged", "scaled"))
        st.plotly_chart(figure, key="scaled_words", config=CHART)
