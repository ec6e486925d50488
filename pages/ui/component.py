"""Mounts the views of attnlib as Streamlit components, and turns what they send back into plain values."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from attnlib.views.html import script, style

_head = st.components.v2.component(
    "attn_head", html='<div class="attn-head"></div>', css=style("head.css"), js=script("head.js")
)


@dataclass(frozen=True)
class HeadEvents:
    """What a person did in the head view; everything has a neutral value when it was something else."""

    view: str | None  # the view's state as text (attnlib/views/state.js)
    hide: tuple[int, ...]  # tokens to hide from the model, or to show again
    layer_step: int  # -1, 0 or 1


def head_view(payload: bytes, *, key: str, on_event: Callable[[HeadEvents], None]) -> None:
    """Draw a head payload (attnlib.views.payload.head_payload); `on_event` is called before the next run."""

    def called(name: str) -> Callable[[], None]:
        return lambda: on_event(_events(st.session_state[key], name))

    _head(
        key=key,
        data=payload,
        on_view_change=called("view"),
        on_mask_change=called("mask"),
        on_layer_change=called("layer"),
    )


def _events(state: object, name: str) -> HeadEvents:
    """One event out of a component's state, which comes from a browser and is not trusted."""
    value = getattr(state, name, None)
    tokens = value if name == "mask" and isinstance(value, list) else []
    return HeadEvents(
        view=value[:2000] if name == "view" and isinstance(value, str) else None,
        hide=tuple(token for token in tokens if isinstance(token, int) and token >= 0),
        layer_step=value if name == "layer" and value in (-1, 1) else 0,
    )
