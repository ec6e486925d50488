"""The browser's Back, Forward and Reload: the address has all that is chosen, and what it has is shown.

Streamlit (1.67) asks for a run with the entry's address, from which its widgets take their values. Here is the rest:
what this session knows beside the address is forgotten then, and what no person typed gets into the address, too.
Which changes make an entry is decided in the browser (attnlib/views/history).
"""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui.component import entries

OF_THE_LAST = (  # what the session keeps of what was shown last, and what was to be shown next
    *("page", "hidden_in", "linked_in", "focus_in", "focus_kept", "focus_to_write", "chosen"),
    *("go_to", "open_page", "open_study", "pair_to_show", "pattern_next", "turned", "rerun_all"),
)
AT_FIRST = {"head": "all", "layer": 0}  # what the address leaves out; of a text nothing


def begin() -> None:
    """At the beginning of a run of the whole page, before anything is chosen."""
    st.session_state["told"] = []
    st.session_state.pop("to_write", None)
    listen()
    if turned_back():
        st.session_state["turns"] = turns_back() + 1
        for key in OF_THE_LAST:
            st.session_state.pop(key, None)


@st.fragment
def listen() -> None:
    """Mount what makes the entries; where the run before could not write the address, write it now."""
    entries(st.session_state.get("to_top", 0), listens(), key="entries", on_listens=_hear)
    write = st.session_state.pop("to_write", None)
    if write is not None:
        finish(write)


def finish(write: Callable[[], None]) -> None:
    """At the end of a run of the whole page: write the address, now or as soon as the browser listens; `write` helps.

    Earlier, it would be sent without the choices of widgets that have not run yet on a page that was turned to, and
    they would be lost (Streamlit 1.67).
    """
    if listens():
        write()
        _write_told()
    else:
        st.session_state["to_write"] = write


def _hear() -> None:
    st.session_state["listens"] = True


def listens() -> bool:
    """Whether the browser has what makes the entries; before, each writing of the address would be one."""
    return st.session_state.get("listens", False)


def turns_back() -> int:
    """How often Back or Forward was pressed: what keeps a state of its own is made anew with each."""
    return st.session_state.get("turns", 0)


def turned_back() -> bool:
    """Whether Back or Forward asked for this run."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def to_top() -> None:
    """Have the browser scroll to the top of the page."""
    st.session_state["to_top"] = st.session_state.get("to_top", 0) + 1


def tell(*keys: str) -> None:
    """Have the address say what these widgets have, also where a program put it there.

    Streamlit leaves out what was in the session before its widget was first drawn: Back would find the field empty.
    """
    st.session_state["told"].extend(keys)


def tell_texts(first: str, *others: str) -> None:
    """`tell` for a page's texts. The address has the first one always, also empty.

    An entry that lacks it was left before its address was complete: it shows what the session has.
    """
    tell(first, *others)
    st.session_state["told_empty"] = first
    context = get_script_run_ctx()
    if context is None or not turned_back() or first in st.query_params:
        return
    with context.session_state.query_params() as address:
        for key in (first, *others):
            if st.session_state.get(key):
                address.set_with_no_forward_msg(key, st.session_state[key])
        address.set_initial_query_params_from_current()


def chosen(key: str) -> str:
    """A choice that no widget shows, as the address has it; empty for none."""
    kept = st.session_state.setdefault("chosen", {})
    tell(key)
    return kept.setdefault(key, st.query_params.get(key, ""))


def choose(key: str, text: str) -> None:
    """Make a choice that no widget shows; in a callback, or before `chosen`."""
    st.session_state.setdefault("chosen", {})[key] = text


def _write_told() -> None:
    """Write what `tell` was told."""
    context = get_script_run_ctx()
    if context is None:
        return
    own, always = st.session_state.get("chosen", {}), st.session_state.pop("told_empty", None)
    says = {key: own[key] if key in own else _of_widget(key) for key in st.session_state.pop("told", [])}
    with context.session_state.query_params() as address:  # st.query_params refuses what is bound to a widget
        for key, text in says.items():
            if not text and key in own:
                address.remove_param(key)
            elif (text or key == always) and not address.stored_param_matches_corrected_value(
                key, text, "string_value"
            ):
                address.set_corrected_value(key, text, "string_value")


def _of_widget(key: str) -> str:
    value = st.session_state.get(key)
    return "" if value in (None, AT_FIRST.get(key)) else str(value)
