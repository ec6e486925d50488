"""The grids of the comparison page: one number per head for the edit, and beside it for controls."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.model.sources import twin_of
from pages.ui.cached import SMALL
from pages.ui.component import head_grid
from pages.ui.controls import plain
from pages.ui.exhibits import hold
from pages.ui.names import head_names
from pages.ui.pair import choose_control, links
from pages.ui.reading import Reading, run, untrained_runs
from pages.ui.session import ask_for_rerun, rerun_if_asked
from pages.ui.state import Choices, show_head
from pages.ui.terms import explained

if TYPE_CHECKING:
    from attnlib import Comparison
    from attnlib.comparison.controls import Controls
    from attnlib.views.grid.payload import HeadGrid

EDIT, TWIN, UNTRAINED = "a control edit", "the twin model", "random weights"
CALLED = {EDIT: f"{EDIT} was", TWIN: f"{TWIN} was", UNTRAINED: "untrained copies were"}  # in a sentence


def grids(reading: Reading) -> "Controls":
    """The statistic of every head, and beside it the same for edits and models that should show none.

    Returns the controls, for the headline: what was measured, and what was not.
    """
    chosen, pair = reading.chosen, reading.chosen.pair
    assert pair is not None
    assert chosen.model is not None
    left, middle, right = st.columns([5, 5, 2], vertical_alignment="bottom")
    with left:
        offered, shown = _choose_controls(chosen)
    with middle:
        focus = reading.comparison.focus_in_a
        control = choose_control(chosen.model, chosen.text, pair.prompt_b, reading.targets, focus)
    right.toggle("Largest first", key="order", bind="query-params", persist_state="session")
    found: dict[str, Comparison] = {}
    missing: list[str] = [f"{CALLED[name]} not run" for name in offered if name not in shown]
    with st.container():  # the grid below stays where it is (compare.py, _place)
        for name in shown:
            try:
                with st.spinner("Comparing …", show_time=False):
                    found[name] = _control(reading, name, control)
                    found[name].statistic(reading.statistic, reading.targets)
            except InputError as error:
                found.pop(name, None)
                absent = name == EDIT and not control
                missing.append("no control edit could be made" if absent else f"{CALLED[name]} not measured")
                st.warning(f"{name.capitalize()}: {plain(str(error))}")
        unlike = _unlike(reading, found.get(EDIT))
    beside = [_titled(reading, name, one, control, unlike) for name, one in found.items()]
    _draw(reading, [_grid(reading, reading.comparison, "Your edit"), *beside])
    controls = _controls(reading, found, missing, unlike)
    _reference(reading, controls)
    return controls


def _controls(reading: Reading, beside: "dict[str, Comparison]", missing: list[str], unlike: str) -> "Controls":
    """The controls; for small models with random weights, the largest heads of several random copies."""
    from attnlib.comparison.controls import Controls, measured_control
    from attnlib.comparison.untrained import untrained_of

    assert reading.chosen.pair is not None
    if reading.chosen.pair.name_b is not None:
        missing = ["none is known for a change of models"]
    others = tuple(
        measured_control(name + unlike * (name == EDIT), one, reading.comparison, reading.statistic, reading.targets)
        for name, one in beside.items()
        if name != UNTRAINED
    )
    if UNTRAINED not in beside:
        return Controls(others, missing=tuple(missing))
    with st.container(), st.spinner("Untrained copies …", show_time=False):
        copies = untrained_runs(reading) or (beside[UNTRAINED],)
    found = untrained_of([one.statistic(reading.statistic, reading.targets) for one in copies])
    return Controls(others, found, tuple(missing))


def _reference(reading: Reading, controls: "Controls") -> None:
    """The largest head beside those of untrained copies and of the other controls, where there are copies."""
    from attnlib.comparison.charts import largest_heads
    from attnlib.comparison.controls import reference_sentence, rows_in_words
    from attnlib.comparison.result import STATISTICS
    from attnlib.wording import largest

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


def _choose_controls(chosen: Choices) -> tuple[list[str], list[str]]:
    """The available controls, and those chosen to be shown; for two models, the edit in the first one."""
    assert chosen.model is not None
    assert chosen.pair is not None
    twin = [TWIN] if twin_of(chosen.name) else []
    offered = [EDIT, *twin, UNTRAINED] if chosen.pair.name_b is None else [EDIT]
    first = offered if chosen.model.parameters < SMALL else offered[:1]
    shown = st.pills(
        "Compare with",
        offered,
        selection_mode="multi",
        required=False,
        default=None if "controls" in st.session_state else first,
        key="controls",
        persist_state="session",
        help=explained(
            "control edit",
            "twin model",
            "untrained copies",
            first="A head that moves as much in these does not respond to your edit in particular.",
        ),
    )
    return offered, shown


def _control(reading: Reading, name: str, control: str) -> "Comparison":
    chosen, pair, focus = reading.chosen, reading.chosen.pair, reading.comparison.focus_in_a
    assert pair is not None
    if name == EDIT:
        if not control:
            raise InputError(
                "no neutral replacement is known for any word of prompt A. Write a control edit yourself."
            )
        return run(chosen, control, focus, name=chosen.name, second=chosen.text_b)
    if name == TWIN:
        return run(chosen, pair.prompt_b, reading.focus, links(), twin_of(chosen.name))
    return run(chosen, pair.prompt_b, reading.focus, links(), chosen.name, untrained=True)


def _unlike(reading: Reading, control: "Comparison | None") -> str:
    """What is added to the control edit's name if the model reads its words differently from A's; may be empty."""
    from attnlib.comparison.spelling import control_unlike

    unlike = None if control is None else control_unlike(reading.chosen.name, control.alignment)
    if unlike is None:
        return ""
    st.caption(plain(f"Control edit: {unlike.text}"))
    return f" {unlike.name}"


def _titled(reading: Reading, name: str, found: "Comparison", about: str, unlike: str) -> "HeadGrid":
    titles = {
        EDIT: (f"Control edit{unlike}", about),
        TWIN: ("Twin model", twin_of(reading.chosen.name) or ""),
        UNTRAINED: ("Random weights", "the same architecture, untrained"),
    }
    return _grid(reading, found, *titles[name])


def _grid(reading: Reading, comparison: "Comparison", title: str, about: str = "") -> "HeadGrid":
    from attnlib.views.grid.payload import HeadGrid

    about = about or f"{comparison.a.model}"
    return HeadGrid(title, comparison.statistic(reading.statistic, reading.targets), about)


@st.fragment
def _draw(reading: Reading, grids: "list[HeadGrid]") -> None:
    from attnlib.comparison.result import STATISTICS
    from attnlib.views.grid.payload import grid_payload

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
    rerun_if_asked()


def _on_pick(layer: int, head: int) -> None:
    show_head(layer, head)
    ask_for_rerun()
