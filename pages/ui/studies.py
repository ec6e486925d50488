"""Studies of the dashboard: each runs in a process of its own, so that its page can be left and come back to."""

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.paths import child_environment, studies_root
from attnlib.study.folder import StudyFolder, studies
from pages.ui import cached

if TYPE_CHECKING:
    import pandas as pd

    from attnlib import Study
    from attnlib.stats.summaries import HeadSummary

NEW = "New study"
PAGE_ROWS = 50_000  # of a study begun on the page; more belong to the command line


def known_studies() -> dict[str, StudyFolder]:
    """The studies on disk by name, the newest first."""
    return {study.path.name: study for study in studies(studies_root())}


def choose_study() -> str:
    """Which study the page shows; NEW for none yet."""
    opened = st.session_state.pop("open_study", None)
    if opened is not None:
        st.session_state["study"] = opened
    asked = st.session_state.get("study") or st.query_params.get("study")
    options = [NEW, *known_studies()]
    if asked not in options:
        st.session_state["study"] = NEW
        if asked:
            st.warning(f"There is no study with that name in the folder {studies_root().name}.")
    return st.selectbox("Study", options, key="study", bind="query-params", persist_state="session") or NEW


def start(study: StudyFolder) -> None:
    """Start a process that resumes a study. Raises InputError if it cannot be started."""
    if study.worker() is not None:
        return
    before = study.progress()
    study.write("progress.json", before | {"state": "starting", "message": ""})
    try:
        with (study.path / "study.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-P", "-m", "attnlib", "study", "--out", str(study.path), "--json"],
                env=child_environment(),  # where this server runs, so that a model's relative folder is the same one
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # it goes on when the dashboard is stopped
            )
    except OSError as error:
        study.write("progress.json", before | {"state": "stopped"})
        raise InputError(f"The study could not be started: {error.strerror or error}.") from None


def stamp(study: StudyFolder) -> float:
    """A number that changes whenever results do; cached results of a study belong to it."""
    folder = study.path / "pairs.parquet"
    return folder.stat().st_mtime if folder.exists() else 0.0


def open_next(name: str) -> None:
    """Have the next run show this study."""
    st.session_state["open_study"] = name


@dataclass(frozen=True)
class Shown:
    """What of a study is shown."""

    study: "Study"
    stamp: float
    model: str
    statistic: str
    title: str
    signed: bool
    unit: str  # the column, or what pairs share, that says which belong together
    family: bool  # whether p is corrected over all that the page shows

    def summary(self, model: str | None = None) -> "HeadSummary":
        return self._summary((self.statistic, model or self.model))

    def difference(self, first: str, other: str) -> "HeadSummary":
        return self._summary((self.statistic, first, other))

    def _summary(self, key: tuple[str, ...]) -> "HeadSummary":
        where = str(self.study.folder.path), self.stamp
        if self.family:
            found = cached.study_family(*where, self.unit)
            if key in found:
                return found[key]
        return cached.study_summary(*where, self.unit, key)

    def numbers(self, name: str, head: tuple[int, int]) -> "pd.DataFrame":
        return cached.study_numbers(str(self.study.folder.path), self.stamp, name, self.model, head)
