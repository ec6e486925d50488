"""The neuron view: one head from query and key vectors to the weight, of one text or of a pair."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.component import NeuronEvents, neuron_view
from pages.ui.controls import pair_status, plain, text_status
from pages.ui.names import names_in_layer
from pages.ui.reading import CONTROLS_ELSEWHERE, compare_pair
from pages.ui.session import ask_for_page, ask_for_rerun, page_asked_for, rerun_if_asked
from pages.ui.state import Choices, choices, show_head, turn_to
from pages.ui.terms import explained
from pages.ui.view_state import set_view, step_layer, view_state

if TYPE_CHECKING:
    from attnlib import Comparison, Trace


def page() -> None:
    """The whole page; every error is a sentence and leaves the rest alive."""
    chosen = choices()
    if chosen.model is None:
        return
    if chosen.model.no_vectors:
        _outside(chosen, chosen.model.no_vectors)
        return
    with st.container():  # messages come and go; what is below stays where it is (sidebar.py, _places)
        shown = _trace(chosen) if chosen.pair is None else _pair(chosen)
    if shown is None:
        return
    with st.container():
        _view(chosen, shown)
    if chosen.pair is not None:
        st.info(CONTROLS_ELSEWHERE, icon=":material/balance:")


def _outside(chosen: Choices, why: str) -> None:
    """A model whose vectors are not available: why, and what works instead."""
    st.info(
        f"The query and key vectors of **{plain(chosen.name)}** are not available: {plain(why)} "
        "The head view and the view of all layers and heads show its weights. GPT-2, BERT, Llama, Qwen, Gemma, "
        "T5 and most other models work here."
    )
    with st.container(horizontal=True):
        st.button("Open in the head view", icon=":material/open_in_new:", on_click=_open, args=("head",))
        st.button("All layers and heads", icon=":material/open_in_new:", on_click=_open, args=("model",))
    _turn(chosen)


def _trace(chosen: Choices) -> "Trace | None":
    assert chosen.model is not None
    try:
        with st.spinner("Reading the text …", show_time=False):
            read = (chosen.name, chosen.text, chosen.text_b, chosen.layer, chosen.cut, (), chosen.spoken)
            trace = cached.trace_layer(*read)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    text_status(chosen.model, trace)
    return trace


def _pair(chosen: Choices) -> "Comparison | None":
    assert chosen.model is not None
    compared = compare_pair(chosen, matrices=True)
    if compared is None:
        return None
    comparison, _ = compared
    pair_status(chosen.model, comparison)
    return comparison


@st.fragment
def _view(chosen: Choices, shown: "Trace | Comparison") -> None:
    head = chosen.head or 0
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        st.markdown(f"##### Layer {chosen.layer}, head {head}", help=explained("query and key", "dimension"))
        if chosen.head is None:
            st.caption(
                "No head is chosen in the sidebar: this is the first one. Press a digit for another head, [ or ] for "
                "another layer."
            )
    with right.container(horizontal=True, horizontal_alignment="right"):
        where = "the head view" if chosen.pair is None else "the comparison"
        st.button(f"Open in {where}", icon=":material/open_in_new:", on_click=_open, args=("head",))
        st.button("All layers and heads", icon=":material/open_in_new:", on_click=_open, args=("model",))
    try:
        payload = _payload(chosen, shown, head)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        neuron_view(payload, key="neuron_view", on_event=_on_event)
    _turn(chosen)
    rerun_if_asked()  # what the view changed is shown by the sidebar


def _payload(chosen: Choices, shown: "Trace | Comparison", head: int) -> bytes:
    from attnlib import Comparison
    from attnlib.views.neuron.payload import neuron_pair_payload, neuron_payload

    about = {"layers": chosen.layers, "named": chosen.head is not None, "state": view_state("neuron")}
    about["labels"] = names_in_layer(chosen)
    if isinstance(shown, Comparison):
        return neuron_pair_payload(shown, chosen.layer, head, **about)
    return neuron_payload(shown, chosen.layer, head, chosen.stack, **about)


def _on_event(event: NeuronEvents) -> None:
    """Bring what was done in the view into the sidebar and the URL."""
    if event.view is not None:
        set_view(event.view)
    if event.head is not None:
        show_head(choices().layer, event.head)
        ask_for_rerun()
    elif event.layer_step and step_layer(choices(), event.layer_step):
        ask_for_rerun()


def _open(where: str) -> None:
    """Turn to another page with the current head."""
    chosen = choices()
    show_head(chosen.layer, chosen.head or 0)
    ask_for_page(where)


def _turn(chosen: Choices) -> None:
    where, _ = page_asked_for()
    if where == "model":
        turn_to("views/model.py", chosen.pair is not None)
    elif where == "head":
        turn_to("views/head.py" if chosen.pair is None else "bias/compare.py")


page()
