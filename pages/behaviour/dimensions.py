"""Neurons and behaviour: what the dimensions of a head do over many texts, and what happens without them."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from pages.behaviour.charts import CHART, FIRST, choose_strongest, dimension_chart
from pages.behaviour.pairs import over_pairs
from pages.behaviour.scaling import acting
from pages.behaviour.texts import Texts, choose_texts
from pages.ui import cached
from pages.ui.cached import SMALL
from pages.ui.controls import plain
from pages.ui.exhibits import offer
from pages.ui.names import names_in_layer
from pages.ui.session import ask_for_page, forget_rerun, page_asked_for, rerun_if_asked
from pages.ui.state import Choices, choices, neuron_button, show_head, turn_to
from pages.ui.terms import explained

if TYPE_CHECKING:
    from attnlib import HeadProfile


def page() -> None:
    """The whole page; every error is a sentence and leaves the rest alive."""
    chosen = choices()
    if chosen.model is None:
        return
    st.caption(
        "Which dimensions make a head look at nearby tokens, which react to a class of words, which carry a bias? "
        "Find "
        "them over many texts, then scale or silence them and watch the head and the model's words change."
    )
    if chosen.model.no_vectors:
        st.info(
            f"The query and key vectors of **{plain(chosen.name)}** are not available: "
            f"{plain(chosen.model.no_vectors)} GPT-2, BERT, Llama, T5 and most other models work here."
        )
        return
    head = chosen.head or 0
    _heading(chosen, head)
    st.markdown("##### Over many texts", help=explained("query and key", "dimension"))
    with st.container():
        texts = choose_texts()
    with st.container():
        profile = None if texts is None else _profile(chosen, head, texts)
        if profile is not None:
            _choose_at_first(chosen, head, profile)
            _by_distance(profile)
            _by_class(profile)
    with st.container():
        acting(chosen, head)
    with st.container():
        over_pairs(chosen, head)
    with st.container():
        if profile is not None:
            _downloads(profile)
    _turn()
    rerun_if_asked()


def _heading(chosen: Choices, head: int) -> None:
    left, right = st.columns([3, 2], vertical_alignment="center")
    names = names_in_layer(chosen)
    label = names[head] if head < len(names) else ""
    with left:
        st.markdown(f"##### Layer {chosen.layer}, head {head}{f': {plain(label)}' if label else ''}")
        if chosen.head is None:
            st.caption("No head is chosen in the sidebar: this is the first one.")
    with right.container(horizontal=True, horizontal_alignment="right"):
        neuron_button(chosen)
        st.button("Recurring patterns", icon=":material/pattern:", on_click=_open, args=(chosen.layer, head))


def _profile(chosen: Choices, head: int, texts: Texts) -> "HeadProfile | None":
    assert chosen.model is not None
    asked = (chosen.name, chosen.layer, head, texts.texts)
    done: set[tuple[str, int, int, tuple[str, ...]]] = st.session_state.setdefault("profiles", set())
    if chosen.model.parameters >= SMALL and asked not in done:
        if not st.button(f"Measure this head over {len(texts.texts):,} texts", key="measure_profile"):
            return None
        done.add(asked)
    try:
        with st.spinner("Reading texts …", show_time=False):
            return cached.head_profile(*asked)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def _choose_at_first(chosen: Choices, head: int, profile: "HeadProfile") -> None:
    """For a head that was not shown before, choose the dimensions that contribute most to its slope."""
    place = (chosen.name, chosen.layer, head)
    if st.session_state.get("dimensions_of") != place:
        st.session_state["dimensions_of"] = place
        choose_strongest(profile.strongest(FIRST))
        forget_rerun()  # everything that shows them comes below


def _by_distance(profile: "HeadProfile") -> None:
    """Near or far: the heat map, the curves, and how much each dimension contributes to the head's slope."""
    from attnlib.behaviour.charts import decay_curves, product_map
    from attnlib.behaviour.findings import distance_finding

    st.markdown(plain(distance_finding(profile)))
    left, right = st.columns(2)
    with left:
        low, high = profile.slopes - profile.slopes_reach, profile.slopes + profile.slopes_reach
        title = "change of q·k per token of distance"
        dimension_chart(profile.slopes, low, high, title, key="slopes", strongest=profile.strongest(FIRST))
    with right:
        st.plotly_chart(decay_curves(profile, profile.strongest(4)), key="decay", config=CHART)
    with st.expander("Every dimension by distance"):
        st.plotly_chart(product_map(profile, profile.near()), key="products", config=CHART)
        st.caption(
            "Mean scaled product of each dimension by distance; the dimensions that favour nearby tokens most are on "
            "top."
        )


def _by_class(profile: "HeadProfile") -> None:
    """Which dimensions react to a kind of word."""
    from attnlib.behaviour.findings import class_finding

    if not profile.classes:
        return
    names = list(profile.classes)
    if st.session_state.get("word_class") not in names:
        st.session_state.pop("word_class", None)
    first = names.index("noun") if "noun" in names else 0
    name = st.selectbox("Which dimensions react to this word class?", names, index=first, key="word_class")
    n = names.index(name)
    values, reach = profile.reactions[n], profile.reactions_reach[n]
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        title = f"q·k: {name} − other words at the same distance"
        dimension_chart(values, values - reach, values + reach, title, key="reactions")
    with right:
        st.markdown(plain(class_finding(profile, name)))
        st.caption(
            "Classes are word lists (data/texts), not a tagger: a word that belongs to two classes counts as one of "
            "them."
        )


def _downloads(profile: "HeadProfile") -> None:
    from attnlib.spreadsheet import safe_csv

    with st.container(horizontal=True):
        offer("Dimensions (CSV)", lambda: safe_csv(profile.table()), "dimensions.csv", "text/csv")
        offer("By distance (CSV)", lambda: safe_csv(profile.curve()), "distances.csv", "text/csv")


def _open(layer: int, head: int) -> None:
    show_head(layer, head)
    ask_for_page("patterns")


def _turn() -> None:
    if page_asked_for()[0] == "patterns":
        turn_to("behaviour/patterns.py")


page()
