"""A view's own state: in the URL, and beside the sidebar that it may change."""

import streamlit as st

from pages.ui.component import HeadEvents
from pages.ui.exhibits import drawn
from pages.ui.session import ask_for_rerun
from pages.ui.state import Choices, choices

MOST_HIDDEN = 2_000  # tokens that an address may name


def view_state(page: str) -> str:
    """The state a view starts in: from the link, or as it was when the page was left."""
    if st.session_state.get("page") != page:
        st.session_state["page"] = page
        st.session_state["view_at_start"] = st.query_params.get("view", "")[:2000]
    return st.session_state["view_at_start"]


def set_view(view: str) -> None:
    """Put the view's state into the URL."""
    drawn().view = view
    if not view:
        st.query_params.pop("view", None)
    elif view != st.query_params.get("view"):
        st.query_params["view"] = view


def follow_head_view(event: "HeadEvents") -> None:
    """Bring what was done in the head view into sidebar and URL; where the sidebar changed, everything runs again."""
    chosen = choices()
    changed = event.view is not None and _set_head_view(chosen, event.view)
    if event.hide:
        toggle_hidden(event.hide)
        changed = True
    if event.layer_step:
        changed = step_layer(chosen, event.layer_step) or changed
    if changed:  # never taken back: the run before this one may have been broken off
        ask_for_rerun()


def _set_head_view(chosen: Choices, view: str) -> bool:
    """Put the view's state into the URL and a single head that is on into the sidebar; True if that changed."""
    set_view(view)
    heads = dict(part.split(":", 1) for part in view.split(",") if ":" in part).get("heads", "")
    head = heads if heads.isdigit() else "all"
    known = "all" if chosen.head is None else str(chosen.head)
    if head == known == st.session_state.get("head", known):  # the browser may not have heard of the last one yet
        return False
    st.session_state["head"] = head
    return True


def step_layer(chosen: Choices, step: int) -> bool:
    """Choose the next or previous layer; True if there is one."""
    layer = chosen.layer + step
    if not 0 <= layer < chosen.layers:
        return False
    st.session_state["layer"] = layer
    return True


def hidden_tokens(chosen: Choices) -> tuple[int, ...]:
    """The tokens hidden from the model; another model or text shows all again."""
    text = (chosen.name, chosen.text, chosen.text_b)
    if st.session_state.setdefault("hidden_in", text) != text:
        st.session_state["hidden_in"] = text
        set_hidden(())
    parts = st.query_params.get("hide", "").split(".")[:MOST_HIDDEN]
    return tuple(sorted({int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 7}))


def set_hidden(tokens: tuple[int, ...]) -> None:
    """Hide these tokens from the model."""
    if tokens:
        st.query_params["hide"] = ".".join(map(str, tokens))
    else:
        st.query_params.pop("hide", None)


def toggle_hidden(tokens: tuple[int, ...]) -> None:
    """Hide tokens, or show them again where they are hidden."""
    hidden = set(hidden_tokens(choices()))
    set_hidden(tuple(sorted(hidden - set(tokens) if set(tokens) <= hidden else hidden | set(tokens))))
