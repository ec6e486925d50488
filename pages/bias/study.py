"""The study page: many pairs instead of one. A new study, one that runs, or the results of one on disk."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.progress import Progress
from attnlib.study.folder import ACTIVE
from attnlib.study.process import start
from pages.bias.study_form import new_study
from pages.bias.study_results import results
from pages.ui.controls import plain
from pages.ui.state import keep_choices, turn_to_pair
from pages.ui.studies import NEW, choose_study, known_studies, open_next

if TYPE_CHECKING:
    from attnlib import Study
    from attnlib.study.folder import StudyFolder


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
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        with left:
            name = choose_study()
        study = known_studies().get(name)
        with right:
            if study is not None:
                _rename_or_delete(study)
    with st.container():
        _told(name)
    with st.container():
        if study is None:
            new_study()
        else:
            _one(study)


def _told(name: str) -> None:
    """What was refused, and the offer to take back what was just deleted."""
    refused = st.session_state.pop("study_error", "")
    if refused and name != NEW:
        st.error(plain(refused), icon=":material/error:")
    entry = st.session_state.get("deleted_study")
    if entry and name == NEW:
        from attnlib.study.trash import KEPT, name_in_trash

        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(
                f"“{plain(name_in_trash(Path(entry)))}” was deleted. The last {KEPT} deleted studies are kept.",
                icon=":material/delete:",
            )
            st.button("Undo", icon=":material/undo:", key="undo_delete", on_click=_take_back, args=(entry,))


def _one(folder: "StudyFolder") -> None:
    from attnlib.study.results import open_study

    try:
        study = open_study(folder.path)
        with st.container():
            if folder.progress()["state"] in ACTIVE:
                _running(study)
            elif not study.complete:
                _unfinished(study)
        results(study)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")


@st.fragment(run_every=1.0)
def _running(study: "Study") -> None:
    """Progress, updated every second; the whole page runs again when the study has ended."""
    from attnlib.study.words import progress_in_words

    progress = study.folder.progress()
    if progress["state"] not in ACTIVE:
        st.rerun()
    bar, button = st.columns([5, 1], vertical_alignment="center")
    share = Progress(progress["done"], max(1, progress["total"])).share
    bar.progress(share, plain(progress_in_words(progress, study.manifest)))
    button.button(
        "Stop",
        icon=":material/stop:",
        key="stop",
        on_click=_stop,
        args=(study.folder,),
        disabled=progress["state"] == "stopping",
    )
    st.caption("The study runs in the background: you can leave this page and come back.")


def _stop(folder: "StudyFolder") -> None:
    try:
        folder.ask_to_stop()
    except InputError as error:
        st.session_state["study_error"] = str(error)


def _unfinished(study: "Study") -> None:
    from attnlib.study.words import counts_in_words

    left, right = st.columns([5, 1], vertical_alignment="center")
    why = study.damage() or study.folder.progress()["message"] or "It was stopped, or its process has ended."
    left.warning(f"Not finished: {counts_in_words(study.counts())} {plain(why)}")
    right.button("Go on", icon=":material/play_arrow:", key="go_on", on_click=_go_on, args=(study.folder,))


def _go_on(folder: "StudyFolder") -> None:
    try:
        start(folder)
    except InputError as error:
        st.session_state["study_error"] = str(error)
    open_next(folder.path.name)


# ---------------------------------------------------------------------------------------------- rename, delete


def _rename_or_delete(study: "StudyFolder") -> None:
    busy = study.busy()
    with st.popover("Rename or delete", icon=":material/edit:", width="stretch"):
        if busy:
            st.caption("While it is being measured a study cannot be renamed or deleted. Stop it first.")
        key = f"rename {study.path.name}"
        st.text_input("Name", study.path.name, key=key, disabled=busy)
        st.button("Rename", key="rename_study", on_click=_rename, args=(study, key), disabled=busy)
        st.button(
            "Delete this study",
            icon=":material/delete:",
            key="delete_study",
            on_click=_delete,
            args=(study,),
            disabled=busy,
        )


def _rename(study: "StudyFolder", key: str) -> None:
    from attnlib.study.trash import rename_study

    try:
        open_next(rename_study(study, st.session_state[key]).path.name)
    except InputError as error:
        st.session_state["study_error"] = str(error)


def _delete(study: "StudyFolder") -> None:
    from attnlib.study.trash import delete_study

    try:
        st.session_state["deleted_study"] = str(delete_study(study))
        open_next(NEW)
    except InputError as error:
        st.session_state["study_error"] = str(error)


def _take_back(entry: str) -> None:
    from attnlib.study.trash import take_back

    try:
        open_next(take_back(Path(entry)).path.name)
    except InputError as error:
        st.session_state["form_error"] = str(error)
    st.session_state.pop("deleted_study", None)


page()
