"""The model view: every layer and head at a glance, of one text or of a pair."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.component import HeadEvents, ModelEvents, head_view, model_view
from pages.ui.controls import pair_status, plain, text_status
from pages.ui.exhibits import offer
from pages.ui.names import head_names, names_in_layer
from pages.ui.pair import links
from pages.ui.reading import CONTROLS_ELSEWHERE, compare_pair, known_targets, run
from pages.ui.session import ask_for_page, ask_for_rerun, page_asked_for, rerun_if_asked
from pages.ui.state import Choices, choices, close_head, neuron_button, show_head, turn_to
from pages.ui.view_state import set_view, step_layer, view_state

if TYPE_CHECKING:
    from attnlib import Comparison, Overview
    from attnlib.comparison.focus import Span


@dataclass(frozen=True)
class Shown:
    """What is shown: a text's overview, or a comparison with the focus word and the targets it is read by."""

    overview: "Overview | None" = None
    comparison: "Comparison | None" = None
    focus: "str | Span | None" = None
    targets: tuple[str, ...] = ()


def page() -> None:
    """The whole page; every error is a sentence and leaves the rest alive."""
    chosen = choices()
    if chosen.model is None:
        return
    with st.container():  # messages come and go; what is below stays where it is (sidebar.py, _places)
        shown = _overview(chosen) if chosen.pair is None else _pair(chosen)
    if shown is None:
        return
    with st.container():
        _view(chosen, shown)
    if shown.comparison is not None:
        st.info(CONTROLS_ELSEWHERE, icon=":material/balance:")
    with st.container():
        _download(chosen, shown)


def _overview(chosen: Choices) -> Shown | None:
    assert chosen.model is not None
    try:
        with st.spinner("Reading the text …", show_time=False):
            overview = cached.overview(chosen.name, chosen.text, chosen.text_b, chosen.cut, chosen.spoken)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    text_status(chosen.model, overview)
    return Shown(overview)


def _pair(chosen: Choices) -> Shown | None:
    assert chosen.model is not None
    assert chosen.pair is not None
    compared = compare_pair(chosen, small=True)
    if compared is None:
        return None
    comparison, focus = compared
    pair_status(chosen.model, comparison)
    return Shown(None, comparison, focus, known_targets(comparison, chosen.pair.targets))


@st.fragment
def _view(chosen: Choices, shown: Shown) -> None:
    selected = None if chosen.head is None else (chosen.layer, chosen.head)
    left, right = st.columns([3, 2] if selected else [200, 1])  # the same places, so that the view is not made anew
    with left:
        model_view(_payload(chosen, shown, selected), key="model_view", on_event=_on_event)
    if selected:
        with right:
            _detail(chosen, shown)
    if page_asked_for()[0] == "head":
        turn_to("views/head.py" if chosen.pair is None else "bias/compare.py")
    rerun_if_asked()  # what the view changed is shown by the sidebar


def _payload(chosen: Choices, shown: Shown, selected: tuple[int, int] | None) -> bytes:
    from attnlib.views.model.payload import model_payload, pair_model_payload

    state, names = view_state("model"), head_names(chosen)
    if shown.comparison is not None:
        return pair_model_payload(shown.comparison, shown.targets, selected=selected, state=state, labels=names)
    assert shown.overview is not None
    return model_payload(shown.overview, chosen.stack, selected=selected, state=state, labels=names)


def _detail(chosen: Choices, shown: Shown) -> None:
    """The chosen head, large: its layer as the head view draws it."""
    st.markdown(f"##### Layer {chosen.layer}, head {chosen.head}")
    with st.container(horizontal=True):
        where = "the head view" if chosen.pair is None else "the comparison"
        st.button(f"Open in {where}", icon=":material/open_in_new:", on_click=_open)
        neuron_button(chosen)
        st.button("Close", icon=":material/close:", on_click=_close)
    try:
        with st.spinner("Reading the layer …", show_time=False):
            payload = _detail_payload(chosen, shown)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    head_view(payload, key="model_detail", on_event=_on_detail)


def _detail_payload(chosen: Choices, shown: Shown) -> bytes:
    from attnlib.views.head.payload import head_payload
    from attnlib.views.pair.payload import pair_head_payload

    names = names_in_layer(chosen)
    about: dict[str, Any] = {"head": chosen.head, "layers": chosen.layers, "can_hide": False, "labels": names}
    if chosen.pair is not None:
        comparison = run(chosen, chosen.pair.prompt_b, shown.focus, links(), matrices=True)
        return pair_head_payload(comparison, chosen.layer, **about)
    read = (chosen.name, chosen.text, chosen.text_b, chosen.layer, chosen.cut, (), chosen.spoken)
    trace = cached.trace_layer(*read)
    return head_payload(trace, chosen.layer, chosen.stack, **about)


def _on_event(event: ModelEvents) -> None:
    """Bring what was done in the view into the sidebar and the URL."""
    if event.view is not None:
        set_view(event.view)
    place = event.picked or event.opened
    if place is not None:
        show_head(*place)
    elif event.closed:
        close_head()
    if event.opened is not None:
        ask_for_page("head")
    elif event.closed or event.picked is not None:
        ask_for_rerun()


def _on_detail(event: HeadEvents) -> None:
    """The large head's own state is not kept: it follows the grid."""
    if event.layer_step and step_layer(choices(), event.layer_step):
        ask_for_rerun()


def _open() -> None:
    ask_for_page("head")


def _close() -> None:
    close_head()
    ask_for_rerun()


def _download(chosen: Choices, shown: Shown) -> None:
    def table() -> str:
        if shown.comparison is not None:
            from attnlib.comparison.export import ranking_csv

            return ranking_csv(shown.comparison, "shift" if shown.targets else "jsd", shown.targets)
        assert shown.overview is not None
        from attnlib.spreadsheet import safe_csv

        return safe_csv(shown.overview.stack(chosen.stack).table())

    offer("Scores of all heads (CSV)", table, "heads.csv", "text/csv")


page()
