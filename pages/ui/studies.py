"""Studies of the dashboard: which there are, which one a page shows, and what of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import streamlit as st

from attnlib.paths import studies_root
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


def stamp(study: StudyFolder) -> float:
    """A number that changes whenever results do; cached results of a study belong to it."""
    folders = (study.path / name for name in ("heads.parquet", "pairs.parquet", "seals"))
    return float(crc32(repr([folder.stat().st_mtime_ns if folder.exists() else 0 for folder in folders]).encode()))


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
