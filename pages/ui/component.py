"""Mounts the views of attnlib as Streamlit components, and turns what they send back into plain values."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from attnlib.views.html import script, style

_head = st.components.v2.component(
    "attn_head", html='<div class="attn-head"></div>', css=style("head.css"), js=script("head.js")
)
_grid = st.components.v2.component(
    "attn_grid", html='<div class="attn-grid"></div>', css=style("grid.css"), js=script("grid.js")
)
_matrix = st.components.v2.component(
    "attn_matrix", html='<div class="attn-matrix"></div>', css=style("matrix.css"), js=script("matrix.js")
)
_alignment = st.components.v2.component(
    "attn_alignment", html='<div class="attn-alignment"></div>', css=style("alignment.css"), js=script("alignment.js")
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


def head_grid(payload: bytes, *, key: str, on_pick: Callable[[int, int], None]) -> None:
    """Draw a grid payload (attnlib.views.grid); `on_pick` gets the layer and head of a click, before the next run."""

    def picked() -> None:
        value = getattr(st.session_state[key], "pick", None)
        layer, _, head = str(value).partition("-")
        if _is_number(layer) and _is_number(head):
            on_pick(int(layer), int(head))

    _grid(key=key, data=payload, on_pick_change=picked)


def matrix(payload: bytes, *, key: str) -> None:
    """Draw a matrix payload (attnlib.views.matrix)."""
    _matrix(key=key, data=payload)


@dataclass(frozen=True)
class Link:
    """Tokens of prompt A and of prompt B that a person says stand for each other; one side may be empty."""

    a: tuple[int, ...]
    b: tuple[int, ...]


def alignment(payload: bytes, *, key: str, on_link: Callable[[Link | None], None]) -> None:
    """Draw an alignment payload; `on_link` gets a correction by hand, or None for back to automatic."""

    def linked() -> None:
        value = getattr(st.session_state[key], "link", None)
        if not isinstance(value, dict):
            return
        if value.get("reset") is True:
            on_link(None)
        sides = [_positions(value.get(side)) for side in ("a", "b")]
        if any(sides):
            on_link(Link(*sides))

    _alignment(key=key, data=payload, on_link_change=linked)


def _positions(value: object) -> tuple[int, ...]:
    """Token positions out of what a browser sent."""
    numbers = value if isinstance(value, list) else []
    return tuple(int(i) for i in numbers if isinstance(i, int | float) and 0 <= i < 10**6)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 5
