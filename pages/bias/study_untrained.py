"""The head of a study that moves most, beside those of untrained copies; and the button that measures these."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.progress import Progress
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.terms import explained

if TYPE_CHECKING:
    from attnlib.stats.summaries import HeadSummary
    from pages.ui.studies import Shown


def untrained(shown: "Shown", summaries: "dict[str, HeadSummary]") -> None:
    """The drawing if copies were measured, and the offer to measure those that are missing."""
    from attnlib.comparison.controls import rows_in_words
    from attnlib.comparison.many import MEASURES
    from attnlib.study.charts import largest_means, largest_rows
    from attnlib.study.untrained import copies_missing, untrained_heads, why_no_copies

    if shown.statistic not in MEASURES or why_no_copies(shown.study, shown.model):
        return
    if st.session_state.pop("measure_copies", None) == (shown.study.name, shown.model):
        _measure_copies(shown)
    copies = untrained_heads(shown.study, shown.statistic, shown.model, shown.unit)
    if len(copies):
        st.plotly_chart(
            largest_means(summaries, shown.model, copies, shown.title),
            key="reference",
            alt=rows_in_words(*largest_rows(summaries, shown.model, copies)),
            config={"displayModeBar": False},
        )
    missing = copies_missing(shown.study, shown.model)
    if missing:
        st.button(
            f"Measure {missing} untrained {'copy' if missing == 1 else 'copies'}",
            icon=":material/casino:",
            key="measure_untrained",
            on_click=st.session_state.__setitem__,
            args=("measure_copies", (shown.study.name, shown.model)),
            help=explained(
                "untrained copies",
                first=f"It takes as long as {missing} such studies of one model; finished copies are kept.",
            ),
        )


def _measure_copies(shown: "Shown") -> None:
    """Measure the copies that are missing, with a bar; any click stops it, and finished copies are kept."""
    from attnlib.comparison.untrained import COPIES
    from attnlib.study.untrained import run_untrained

    left, right = st.columns([5, 1], vertical_alignment="center")
    bar = left.progress(0.0, "Loading …")
    right.button("Stop", icon=":material/stop:", key="stop_untrained")

    def show(now: Progress) -> None:
        bar.progress(now.share, f"{now.model.capitalize()} of {COPIES}")

    try:
        run_untrained(shown.study, cached.load_model(shown.model), show)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        st.rerun()
