"""Mounts the views of attnlib as Streamlit components, and turns what they send back into plain values."""

import re
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from attnlib.views.html import script, style
from attnlib.views.payload import unpack
from pages.ui.exhibits import drawn


def _component(noun: str, inside: str = "") -> Callable[..., Any]:
    """A view as a Streamlit component; its folder in attnlib/views has script and style."""
    html = f'<div class="attn-{noun}">{inside}</div>'
    return st.components.v2.component(f"attn_{noun}", html=html, css=style(noun), js=script(noun))


_head = _component("head")
_grid = _component("grid")
_model = _component("model")
_neuron = _component("neuron")
_matrix = _component("matrix")
_alignment = _component("alignment")
_share = _component(
    "share",
    '<button type="button" class="copy">Copy link</button><input readonly hidden aria-label="Link to this page">'
    '<button type="button" class="pack">Evidence pack (ZIP)</button><p role="status"></p>',
)

_history = st.components.v2.component("attn_history", html="", js=script("history"))

PICTURE = ("name", "title", "svg", "png", "csv")
MOST_PICTURES = 100_000_000  # characters that a browser may send


@dataclass(frozen=True)
class Picture:
    """A drawing of the page as the browser made it: SVG, PNG, and its numbers as CSV (empty where it has none)."""

    name: str
    title: str
    svg: str
    png: bytes
    csv: str


def share_tools(pack: bytes | None, *, key: str, on_pack: Callable[[list[Picture]], None]) -> None:
    """Buttons that copy the address and ask for the evidence pack: `on_pack` gets the page's pictures before the next
    run, which gives `pack` for the browser to save."""
    _share(
        key=key, data=pack, on_pack_change=lambda: on_pack(_pictures(getattr(st.session_state[key], "pack", None)))
    )


def entries(tops: int, listens: bool, *, key: str, on_listens: Callable[[], None]) -> None:
    """What makes one entry of the browser's history for each change; another number of `tops` scrolls to the top.

    `on_listens` hears that the browser has it, as long as that is not known.
    """
    _history(key=key, data={"tops": tops, "listens": listens}, on_listens_change=on_listens)


def _pictures(told: object) -> list[Picture]:
    """The pictures that a browser sent; anything else it sent is ignored."""
    found = []
    for one in told if isinstance(told, list) else []:
        values: list[Any] = [one.get(name) for name in PICTURE] if isinstance(one, dict) else []
        if not values or not all(isinstance(value, str) for value in values):
            continue
        name, title, svg, png, csv = values
        with suppress(ValueError):  # no base64; half a character, which no file can hold
            "".join((name, title, svg, csv)).encode()
            found.append(Picture(name[:80], title[:300], svg, b64decode(png, validate=True), csv))
    return found if sum(len(p.svg) + len(p.png) + len(p.csv) for p in found) <= MOST_PICTURES else []


def _event(state: object, name: str) -> tuple[object, str | None]:
    """What a view asked, and its own state as text, which every event brings along (attnlib/views/shared/report.js).

    Both come from a browser and are not trusted.
    """
    told = getattr(state, name, None)
    if not isinstance(told, dict):
        return None, None
    view = told.get("view")
    return told.get("value"), view[:2000] if isinstance(view, str) else None


def _as_of_now(key: str) -> str:
    """The key of a view that keeps its own state: another one after Back, so that it begins in the entry's."""
    turns = st.session_state.get("turns", 0)
    return f"{key} {turns}" if turns else key


@dataclass(frozen=True)
class HeadEvents:
    """What a user did in the head view; fields that do not apply are neutral."""

    view: str | None  # the view's state as text (attnlib/views/head/state.js)
    hide: tuple[int, ...]  # tokens to hide from the model, or to show again
    layer_step: int  # -1, 0 or 1


def head_view(payload: bytes, *, key: str, on_event: Callable[[HeadEvents], None]) -> None:
    """Draw a head payload (attnlib.views.head.payload); `on_event` is called before the next run."""

    mounted = _as_of_now(key)

    def called(name: str) -> Callable[[], None]:
        return lambda: on_event(_head_events(st.session_state[mounted], name))

    drawn().views[key] = ("head", payload)
    _head(
        key=mounted,
        data=payload,
        on_view_change=called("view"),
        on_mask_change=called("mask"),
        on_layer_change=called("layer"),
    )


def _head_events(state: object, name: str) -> HeadEvents:
    value, view = _event(state, name)
    tokens = value if name == "mask" and isinstance(value, list) else []
    return HeadEvents(
        view=view,
        hide=tuple(token for token in tokens if isinstance(token, int) and token >= 0),
        layer_step=_step(value) if name == "layer" else 0,
    )


def _step(value: object) -> int:
    """To the layer before or after; 0 for anything else."""
    return int(value) if isinstance(value, (int, float)) and value in (-1, 1) else 0


def head_grid(payload: bytes, *, key: str, on_pick: Callable[[int, int], None]) -> None:
    """Draw a grid payload (attnlib.views.grid); `on_pick` gets a click's layer and head, before the next run."""

    def picked() -> None:
        place = _place(getattr(st.session_state[key], "pick", None), unpack(payload)[0])
        if place is not None:
            on_pick(*place)

    drawn().views[key] = ("grid", payload)
    _grid(key=key, data=payload, on_pick_change=picked)


@dataclass(frozen=True)
class ModelEvents:
    """What a user did in the model view; fields that do not apply are neutral."""

    view: str | None = None  # the view's state as text (attnlib/views/model/shown.js)
    picked: tuple[int, int] | None = None  # the layer and head of a click
    closed: bool = False  # whether the chosen head was chosen once more
    opened: tuple[int, int] | None = None  # the layer and head to go on to


def model_view(payload: bytes, *, key: str, on_event: Callable[[ModelEvents], None]) -> None:
    """Draw a model payload (attnlib.views.model.payload); `on_event` is called before the next run."""

    mounted = _as_of_now(key)

    def called(name: str) -> Callable[[], None]:
        return lambda: on_event(_model_events(st.session_state[mounted], name, payload))

    drawn().views[key] = ("model", payload)
    _model(
        key=mounted,
        data=payload,
        on_view_change=called("view"),
        on_pick_change=called("pick"),
        on_open_change=called("open"),
    )


def _model_events(state: object, name: str, payload: bytes) -> ModelEvents:
    value, view = _event(state, name)
    if name == "pick" and value == "none":
        return ModelEvents(view, closed=True)
    place = _place(value, unpack(payload)[0])
    return ModelEvents(view, picked=place if name == "pick" else None, opened=place if name == "open" else None)


@dataclass(frozen=True)
class NeuronEvents:
    """What a user did in the neuron view; fields that do not apply are neutral."""

    view: str | None = None  # the view's state as text (attnlib/views/neuron/state.js)
    head: int | None = None  # the head to turn to
    layer_step: int = 0  # -1, 0 or 1


def neuron_view(payload: bytes, *, key: str, on_event: Callable[[NeuronEvents], None]) -> None:
    """Draw a neuron payload (attnlib.views.neuron.payload); `on_event` is called before the next run."""

    mounted = _as_of_now(key)

    def called(name: str) -> Callable[[], None]:
        return lambda: on_event(_neuron_events(st.session_state[mounted], name, payload))

    drawn().views[key] = ("neuron", payload)
    _neuron(
        key=mounted,
        data=payload,
        on_view_change=called("view"),
        on_head_change=called("head"),
        on_layer_change=called("layer"),
    )


def _neuron_events(state: object, name: str, payload: bytes) -> NeuronEvents:
    value, view = _event(state, name)
    heads = range(unpack(payload)[0]["heads"])
    head = int(value) if name == "head" and isinstance(value, (int, float)) and value in heads else None
    return NeuronEvents(view, head, layer_step=_step(value) if name == "layer" else 0)


def _place(value: object, header: dict[str, Any]) -> tuple[int, int] | None:
    """“0-2” from a browser as the layer and head of a grid; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,4})-([0-9]{1,4})", value) if isinstance(value, str) else None
    if found is None:
        return None
    layer, head = int(found[1]), int(found[2])
    return (layer, head) if layer < header["layers"] and head < header["heads"] else None


def matrix(payload: bytes, *, key: str) -> None:
    """Draw a matrix payload (attnlib.views.matrix.payload)."""
    drawn().views[key] = ("matrix", payload)
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
            return
        link = _link(value, unpack(payload)[0])
        if link is not None:
            on_link(link)

    drawn().views[key] = ("alignment", payload)
    _alignment(key=key, data=payload, on_link_change=linked)


def _link(value: dict[str, Any], header: dict[str, Any]) -> Link | None:
    """A link of existing tokens, at least one, from what a browser sent; None for anything else."""
    a, b = (_positions(value.get(side), len(header[side]["labels"])) for side in ("a", "b"))
    return Link(a, b) if a is not None and b is not None and (a or b) else None


def _positions(value: object, tokens: int) -> tuple[int, ...] | None:
    """Distinct token positions, in order; None if something else was sent. Whole floats count as numbers."""
    if not isinstance(value, list) or len(value) > tokens:
        return None
    if not all(type(i) in (int, float) and 0 <= i < tokens and i == int(i) for i in value):
        return None
    return tuple(sorted({int(i) for i in value}))
