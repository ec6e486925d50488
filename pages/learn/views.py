"""The views in a lesson: what a show block names, drawn as its page draws it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from attnlib.address import PAGES, address
from attnlib.errors import InputError
from attnlib.lessons.parse import Show
from pages.ui import cached
from pages.ui.component import HeadEvents, ModelEvents, NeuronEvents, head_grid, head_view, model_view, neuron_view
from pages.ui.controls import plain
from pages.ui.names import demo_names


def shown(show: Show, key: str, *, named: bool = True) -> None:
    """Draw a page's view in its state, and a link to the page; an error is a sentence.

    `named`: with what heads are called, and their scores.
    """
    place = st.session_state.get(_place_of(key))
    if place is not None:
        show = show.changed({"layer": str(place[0]), "head": str(place[1])})
    draw = _DRAW.get(show.page)
    try:
        if draw is not None:
            with st.spinner("Reading the text …", show_time=False):
                draw(show, key, named)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
    read = [plain(show.get(name)) for name in ("model", "text", "prompt_a", "prompt_b") if show.get(name)]
    link = f"[Open the page “{PAGES[show.page]}” like this](.{address(show.page, show.choices)})"
    st.markdown(f":small[{' · '.join([*read, link])}]")


def _head(show: Show, key: str, named: bool) -> None:
    from attnlib.views.head.payload import head_payload

    layer, head = _known(show)
    trace = cached.trace_layer(
        show.model, show.get("text"), show.get("text_b") or None, layer, False, (), show.languages
    )
    payload = head_payload(trace, layer, None, **_about(show, layer, head, named), state=show.get("view"))
    head_view(payload, key=key, on_event=_follow_head(show, key))


def _model(show: Show, key: str, named: bool) -> None:
    from attnlib.views.model.payload import model_payload

    overview = cached.overview(show.model, show.get("text"), show.get("text_b") or None, False, show.languages)
    layer, head = show.place
    selected = None if head is None else (layer, head)
    labels = demo_names(show.model) if named else []
    payload = model_payload(overview, None, selected=selected, state=show.get("view"), labels=labels)
    model_view(payload, key=key, on_event=_follow_model(key))


def _neuron(show: Show, key: str, named: bool) -> None:
    from attnlib.views.neuron.payload import neuron_pair_payload, neuron_payload

    layer, head = _known(show)
    about = {"layers": _layers(show), "named": True, "state": show.get("view"), "labels": _labels(show, layer, named)}
    if show.get("prompt_b"):
        payload = neuron_pair_payload(_compared(show, layer), layer, head or 0, **about)
    else:
        trace = cached.trace_layer(
            show.model, show.get("text"), show.get("text_b") or None, layer, False, (), show.languages
        )
        payload = neuron_payload(trace, layer, head or 0, None, **about)
    neuron_view(payload, key=key, on_event=_follow_neuron(show, key))


def _compare(show: Show, key: str, named: bool) -> None:
    from attnlib.comparison.result import STATISTICS
    from attnlib.views.grid.payload import HeadGrid, grid_payload
    from attnlib.views.pair.payload import pair_head_payload

    layer, head = _known(show)
    comparison = _compared(show, layer)
    targets = tuple(word.strip() for word in show.get("targets").split(",") if word.strip())
    name = "shift" if targets else "jsd"
    statistic = STATISTICS[name]
    left, right = st.columns([2, 3])
    with left:
        grid = grid_payload(
            [HeadGrid(statistic.title, comparison.statistic(name, targets), show.model)],
            statistic=statistic.title,
            signed=statistic.signed,
            selected=None if head is None else (layer, head),
            labels=demo_names(show.model) if named else [],
        )
        head_grid(grid, key=f"{key}_grid", on_pick=lambda *picked: _go(key, *picked))
    with right:
        payload = pair_head_payload(comparison, layer, **_about(show, layer, head, named), state=show.get("view"))
        head_view(payload, key=key, on_event=_follow_head(show, key))


_DRAW: dict[str, Callable[[Show, str, bool], None]] = {
    "head": _head,
    "model": _model,
    "neuron": _neuron,
    "compare": _compare,
}


def _compared(show: Show, layer: int) -> Any:
    if not show.get("prompt_a") or not show.get("prompt_b"):
        raise InputError("A comparison needs two prompts: set prompt_a and prompt_b in the show block.")
    prompts = ((show.get("prompt_a"), None), (show.get("prompt_b"), None))
    stack = cached.load_model(show.model).stacks[0]
    focus, models = show.get("focus") or None, (show.model, show.model)
    return cached.compare(models, prompts, stack, layer, focus, spoken=show.languages)


def _known(show: Show) -> tuple[int, int | None]:
    """Layer and head, checked against the model."""
    layer, head = show.place
    heads = cached.load_model(show.model).heads
    counts = heads[next(iter(heads))]
    if layer >= len(counts) or (head or 0) >= counts[layer]:
        raise InputError(f"{show.model} has no head {layer}-{head or 0}: set layer and head in the show block.")
    return layer, head


def _layers(show: Show) -> int:
    heads = cached.load_model(show.model).heads
    return len(heads[next(iter(heads))])


def _labels(show: Show, layer: int, named: bool) -> list[str]:
    names = demo_names(show.model) if named else []
    return names[layer] if layer < len(names) else []


def _about(show: Show, layer: int, head: int | None, named: bool) -> dict[str, Any]:
    return {"head": head, "layers": _layers(show), "can_hide": False, "labels": _labels(show, layer, named)}


# ---------------------------------------------------------------------------------------------- what is clicked


def _place_of(key: str) -> str:
    return f"place_{key}"


def _go(key: str, layer: int, head: int | str) -> None:
    st.session_state[_place_of(key)] = (layer, head)


def _follow_head(show: Show, key: str) -> Callable[[HeadEvents], None]:
    def follow(event: HeadEvents) -> None:
        layer = show.place[0] + event.layer_step
        if event.layer_step and 0 <= layer < _layers(show):
            _go(key, layer, show.get("head", "all"))

    return follow


def _follow_model(key: str) -> Callable[[ModelEvents], None]:
    def follow(event: ModelEvents) -> None:
        place = event.picked or event.opened
        if place is not None:
            _go(key, *place)

    return follow


def _follow_neuron(show: Show, key: str) -> Callable[[NeuronEvents], None]:
    def follow(event: NeuronEvents) -> None:
        layer, head = show.place
        if event.head is not None:
            _go(key, layer, event.head)
        elif event.layer_step and 0 <= layer + event.layer_step < _layers(show):
            _go(key, layer + event.layer_step, head or 0)

    return follow
