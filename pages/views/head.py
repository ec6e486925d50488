"""The attention-head view: which token looks at which, in every head of one layer."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from attnlib.views.head.payload import head_payload
from pages.ui import cached
from pages.ui.ablation import switches
from pages.ui.component import head_view
from pages.ui.controls import plain, text_status
from pages.ui.names import names_in_layer
from pages.ui.session import rerun_if_asked
from pages.ui.sidebar import DEFAULT_TEXT
from pages.ui.state import Choices, choices, neuron_button, show_head, turn_to
from pages.ui.terms import explained
from pages.ui.view_state import follow_head_view, hidden_tokens, set_hidden, view_state

if TYPE_CHECKING:
    from attnlib import Trace

BIASED = "demo/gpt2-biased"


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
    with st.container():  # messages come and go; what is below stays where it is (sidebar.py, _places)
        text_status(chosen.model, trace)
        if trace.hidden:
            _show_all_button()
    with st.container():
        _view(chosen, trace)
    with st.container():
        _first_steps(chosen)
    with st.container():
        switches(chosen, [("The text", chosen.text, chosen.text_b, chosen.name)])


def _trace(chosen: Choices) -> "Trace":
    hide = hidden_tokens(chosen)
    with st.spinner("Reading the text …", show_time=False):
        read = (chosen.name, chosen.text, chosen.text_b, chosen.layer, chosen.cut, hide, chosen.spoken)
        return cached.trace_layer(*read)


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
    rerun_if_asked()  # what the view changed is shown by the sidebar


def _can_hide(chosen: Choices) -> bool:
    return chosen.stack in ("self", "encoder")


def _first_steps(chosen: Choices) -> None:
    """What to do first, as long as the first text is shown."""
    if chosen.text != DEFAULT_TEXT or chosen.name != BIASED:
        return
    st.markdown(
        "##### Five minutes to the first finding", help=explained("token", "special token", "attention weight")
    )
    look, compare, count = st.columns(3)
    with look.container(border=True):
        st.markdown(
            "**1. Look.** Hover a token to see where each head looks from it, click to keep it. The coloured squares "
            "switch heads: choose head 2 and hover “She”."
        )
    with compare.container(border=True):
        st.markdown(
            "**2. Change one word.** In this model “She” looks at the nurse and “He” at the doctor. Which head does "
            "that, and does it matter?"
        )
        label, icon = "Compare she and he", ":material/compare_arrows:"
        if st.button(label, icon=icon, key="first_pair", on_click=show_head, args=(0, 2)):
            turn_to("bias/compare.py")
    with count.container(border=True):
        st.markdown(
            "**3. Count.** One pair is an anecdote. Measure 480 pairs in this model and in its balanced twin: what "
            "still "
            "holds?"
        )
        if st.button("Study many pairs", icon=":material/monitoring:", key="first_study"):
            turn_to("bias/study.py")


page()
