"""The study page: many pairs instead of one. A new study, one that runs, or the results of one on disk."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from pages.bias.study_form import new_study
from pages.bias.study_results import results
from pages.ui.controls import plain
from pages.ui.state import keep_choices, turn_to_pair
from pages.ui.studies import NEW, choose_study, known_studies, open_next, start

if TYPE_CHECKING:
    from attnlib.study.folder import StudyFolder

RUNNING = ("starting", "running")


def page() -> None:
    """The whole page; every error is a sentence."""
    turn_to_pair()
    keep_choices()
    st.caption(
        "One pair is an anecdote. A study measures many pairs and says what holds on average, with what uncertainty, "
        "and "
        "which effects it is too small to show."
    )
    with st.container():
        name = choose_study()
    with st.container():
        if name == NEW:
            new_study()
        else:
            _one(known_studies()[name])


def _one(study: "StudyFolder") -> None:
    progress = study.progress()
    with st.container():
        if progress["state"] in RUNNING:
            _running(study)
        elif progress["state"] != "done":
            _stopped(study, progress)
    try:
        results(study)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")


@st.fragment(run_every=1.0)
def _running(study: "StudyFolder") -> None:
    """Progress, updated every second; the whole page runs again when the study has ended."""
    progress = study.progress()
    if progress["state"] not in RUNNING:
        st.rerun()
    done, total, left = progress["done"], max(1, progress["total"]), progress["left"]
    told = "Loading …" if progress["state"] == "starting" else f"{done:,} of {total:,} pairs"
    if left is not None and progress["state"] == "running":
        told += f" · about {_duration(left)} left"
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(min(1.0, done / total), told)
    button.button("Stop", icon=":material/stop:", key="stop", on_click=study.ask_to_stop)
    st.caption("The study runs in the background: you can leave this page and come back.")


def _duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _stopped(study: "StudyFolder", progress: dict) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center")
    why = plain(progress["message"]) or "It was stopped, or its process has ended."
    left.warning(f"Not finished: {progress['done']:,} of {progress['total']:,} pairs have been measured. {why}")
    refused = st.session_state.pop("study_error", "")
    if refused:
        st.error(plain(refused), icon=":material/error:")
    right.button("Go on", icon=":material/play_arrow:", key="go_on", on_click=_go_on, args=(study,))


def _go_on(study: "StudyFolder") -> None:
    try:
        start(study)
    except InputError as error:
        st.session_state["study_error"] = str(error)
    open_next(study.path.name)


page()
