"""The grids of the comparison page: one number per head for the edit, and beside it for controls."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.sources import twin_of
from pages.bias.reading import Reading, run, untrained_runs
from pages.ui.component import head_grid
from pages.ui.controls import plain
from pages.ui.drawn import hold
from pages.ui.names import head_names
from pages.ui.pair import choose_control, links
from pages.ui.state import Choices, show_head

if TYPE_CHECKING:
    from attnlib import Comparison
    from attnlib.findings import Controls
    from attnlib.views.grid import HeadGrid

EDIT, TWIN, UNTRAINED = "a control edit", "the twin model", "random weights"
SMALL = 100_000_000  # parameters of a model that is quickly run a few times more


def grids(reading: Reading) -> "Controls":
    """The statistic of every head, and beside it the same for edits and models that should show none.

    Returns how far the largest head moves in each of these, for the headline.
    """
    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None
    assert chosen.model is not None
    left, middle, right = st.columns([5, 5, 2], vertical_alignment="bottom")
    with left:
        shown = _choose_controls(chosen)
    with middle:
        control = choose_control(
            chosen.model, chosen.text, pair.prompt_b, (*reading.targets, reading.comparison.focus_in_a)
        )
    right.toggle("Largest first", key="order", bind="query-params", persist_state="session")
    beside: dict[str, HeadGrid] = {}
    with st.container():  # the grid below stays where it is (compare.py, _place)
        for name in shown:
            try:
                with st.spinner("Comparing …", show_time=False):
                    named, grid = _control(reading, name, control)
                    beside[named] = grid
            except InputError as error:
                st.warning(f"{name.capitalize()}: {plain(str(error))}")
    _draw(reading, [_grid(reading, reading.comparison, "Your edit"), *beside.values()])
    controls = _controls(reading, beside)
    _reference(reading, controls)
    return controls


def _controls(reading: Reading, beside: "dict[str, HeadGrid]") -> "Controls":
    """The largest heads of the controls; of small models with random weights, those of some random copies."""
    from attnlib.findings import Control, Controls, largest
    from attnlib.untrained import untrained_of

    sizes = {name: grid.values[largest(grid.values)] for name, grid in beside.items()}
    others = tuple(Control(name, abs(float(size))) for name, size in sizes.items() if name != UNTRAINED)
    if UNTRAINED not in beside:
        return Controls(others)
    with st.container(), st.spinner("Untrained copies …", show_time=False):
        found = [one.statistic(reading.statistic, reading.targets) for one in untrained_runs(reading)]
    return Controls(others, untrained_of(found or [beside[UNTRAINED].values]))


def _reference(reading: Reading, controls: "Controls") -> None:
    """The largest head beside those of untrained copies and of the other controls, where there are copies."""
    from attnlib.comparison import STATISTICS
    from attnlib.figures import largest_heads
    from attnlib.findings import largest, reference_sentence, rows_in_words

    copies = controls.untrained
    values = reading.comparison.statistic(reading.statistic, reading.targets)
    layer, head = largest(values)
    value = float(values[layer, head])
    if copies is None or len(copies) < 2 or not abs(value) > 0:  # NaN: nothing was measured
        return
    name = f"head {layer}-{head}, your edit"
    title = f"{STATISTICS[reading.statistic].title}, size of the largest head"
    figure, told = largest_heads((name, value), controls.rows(), title), rows_in_words((name, value), controls.rows())
    st.plotly_chart(figure, key="reference", alt=told, config={"displayModeBar": False})
    meant = reference_sentence(f"head {layer}-{head} here", value, copies)
    st.caption(meant)
    hold("the largest head beside those of the controls", f"{title}. {told} {meant}\n", "largest-heads.txt")


def _choose_controls(chosen: Choices) -> list[str]:
    """Which controls stand beside the edit; with two models only the edit's, since the models are what differs."""
    assert chosen.model is not None
    assert chosen.pair is not None
    twin = [TWIN] if twin_of(chosen.name) else []
    offered = [EDIT, *twin, UNTRAINED] if chosen.pair.name_b is None else [EDIT]
    first = offered if chosen.model.parameters < SMALL else offered[:1]
    return st.pills(
        "Compare with",
        offered,
        selection_mode="multi",
        required=False,
        default=None if "controls" in st.session_state else first,
        key="controls",
        persist_state="session",
        help="Controls: a head that moves as much here is not about your edit.",
    )


def _control(reading: Reading, name: str, control: str) -> "tuple[str, HeadGrid]":
    """A control's name within a sentence, and its grid."""
    chosen, pair, focus = reading.chosen, reading.chosen.pair, reading.comparison.focus_in_a
    assert pair is not None
    if name == EDIT:
        if not control:
            raise InputError("no word of prompt A is known that could be changed without a difference. Write one.")
        return _control_edit(reading, run(chosen, control, focus, name=chosen.name, second=chosen.text_b), control)
    if name == TWIN:
        twin = twin_of(chosen.name)
        return name, _grid(
            reading, run(chosen, pair.prompt_b, reading.focus, links(), twin), "Twin model", twin or ""
        )
    untrained = run(chosen, pair.prompt_b, reading.focus, links(), chosen.name, untrained=True)
    return name, _grid(reading, untrained, "Random weights", "the same architecture, untrained")


def _control_edit(reading: Reading, comparison: "Comparison", control: str) -> "tuple[str, HeadGrid]":
    """The same of a control edit, which is named otherwise where the model reads its words otherwise than A's."""
    from attnlib.spelling import control_unlike

    unlike = control_unlike(reading.chosen.name, comparison.alignment)
    if unlike is None:
        return EDIT, _grid(reading, comparison, "Control edit", control)
    st.caption(plain(f"Control edit: {unlike.text}"))
    return f"{EDIT} {unlike.name}", _grid(reading, comparison, f"Control edit {unlike.name}", control)


def _grid(reading: Reading, comparison: "Comparison", title: str, about: str = "") -> "HeadGrid":
    from attnlib.views.grid import HeadGrid

    about = about or f"{comparison.a.model}"
    return HeadGrid(title, comparison.statistic(reading.statistic, reading.targets), about)


@st.fragment
def _draw(reading: Reading, grids: "list[HeadGrid]") -> None:
    from attnlib.comparison import STATISTICS
    from attnlib.views.grid import grid_payload

    statistic = STATISTICS[reading.statistic]
    payload = grid_payload(
        grids,
        statistic=statistic.title,
        signed=statistic.signed,
        selected=reading.place,
        order="rank" if st.session_state.get("order") else "place",
        labels=head_names(reading.chosen),
    )
    head_grid(payload, key="grid", on_pick=_on_pick)
    if st.session_state.pop("rerun_all", False):
        st.rerun()


def _on_pick(layer: int, head: int) -> None:
    show_head(layer, head)
    st.session_state["rerun_all"] = True
