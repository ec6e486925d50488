"""One number per dimension as bars: a click chooses a dimension, or leaves it out again."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.session import ask_for_rerun

if TYPE_CHECKING:
    import numpy as np

CHART = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}
FIRST = 4  # chosen at first
MOST = 12  # dimensions chosen at once


def dimension_chart(
    values: "np.ndarray",
    low: "np.ndarray | None",
    high: "np.ndarray | None",
    title: str,
    *,
    key: str,
    strongest: list[int] | None = None,
) -> None:
    """The largest of one number per dimension, with intervals, and a button that chooses the strongest."""
    from attnlib.behaviour.head_profile import strongest_dimensions

    strongest = strongest or strongest_dimensions(values, FIRST)
    from attnlib.behaviour.charts import dimension_bars

    figure = dimension_bars(values, low, high, title, chosen=st.session_state.get("dimensions", ()))
    st.plotly_chart(figure, key=key, on_select=lambda: _on_bar(key), selection_mode="points", config=CHART)
    names = ", ".join(map(str, strongest))
    st.button(
        f"Choose the strongest: {names}",
        icon=":material/check_box:",
        key=f"take {key}",
        help="For the sliders below. Click a bar to add its dimension, or to remove it again.",
        on_click=choose_strongest,
        args=(strongest,),
    )


def _on_bar(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        dimension = int(points[0]["customdata"][0])
        now = list(st.session_state.get("dimensions", []))
        chosen = [one for one in now if one != dimension] if dimension in now else [*now, dimension]
        st.session_state["dimensions"] = chosen[:MOST]
        ask_for_rerun()


def choose_strongest(dimensions: list[int]) -> None:
    """Choose these dimensions instead of the current ones."""
    st.session_state["dimensions"] = sorted(dimensions[:MOST])
    ask_for_rerun()  # bars of other charts are framed anew, too
