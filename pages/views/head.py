"""The attention-head view: which token looks at which, in every head of one layer."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from attnlib.views.payload import head_payload
from pages.ui import cached
from pages.ui.component import head_view
from pages.ui.controls import plain, text_status
from pages.ui.names import names_in_layer
from pages.ui.state import (
    Choices,
    choices,
    follow_head_view,
    hidden_tokens,
    neuron_button,
    set_hidden,
    view_state,
)
from pages.ui.switches import switches

if TYPE_CHECKING:
    from attnlib import Trace


def page() -> None:
    """The whole page; every error is a sentence and leaves the rest alive."""
    chosen = choices()
    if chosen.model is None:
        return
    try:
        trace = _trace(chosen)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        if hidden_tokens(chosen):
            _show_all_button()
        return
    with st.container():  # messages come and go; what is below stays where it is (state.py, _places)
        text_status(chosen.model, trace)
        if trace.hidden:
            _show_all_button()
    with st.container():
        _view(chosen, trace)
    with st.container():
        switches(chosen, [("The text", chosen.text, chosen.text_b, chosen.name)])


def _trace(chosen: Choices) -> "Trace":
    hide = hidden_tokens(chosen)
    with st.spinner("Reading the text …", show_time=False):
        return cached.trace_layer(chosen.name, chosen.text, chosen.text_b, chosen.layer, chosen.cut, hide)


def _show_all_button() -> None:
    st.button("Show all again", on_click=set_hidden, args=((),), help="Show the hidden tokens to the model again.")


@st.fragment
def _view(chosen: Choices, trace: "Trace") -> None:
    try:
        names = names_in_layer(chosen)
        about: dict[str, Any] = {
            "head": chosen.head,
            "layers": chosen.layers,
            "can_hide": _can_hide(chosen),
            "labels": names,
        }
        payload = head_payload(trace, chosen.layer, chosen.stack, state=view_state("head"), **about)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    head_view(payload, key="head_view", on_event=follow_head_view)
    neuron_button(chosen)
    if st.session_state.pop("rerun_all", False):
        st.rerun()  # what the view changed is shown by the sidebar


def _can_hide(chosen: Choices) -> bool:
    return chosen.stack in ("self", "encoder")


page()
