"""The results of a study: what holds for all pairs, one head closely, groups, pairs, downloads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.component import head_grid
from pages.ui.controls import plain
from pages.ui.drawn import offer
from pages.ui.names import demo_names
from pages.ui.state import show_pair
from pages.ui.studies import stamp

if TYPE_CHECKING:
    import pandas as pd

    from attnlib import Study
    from attnlib.statistics import HeadSummary
    from attnlib.studyfolder import StudyFolder

EVERY_PAIR = "every pair"


@dataclass(frozen=True)
class Shown:
    """What of a study is shown."""

    study: "Study"
    stamp: float
    model: str
    statistic: str
    title: str
    signed: bool
    unit: str  # the column that says which pairs belong together; empty: none do

    def summary(self, model: str | None = None, against: str | None = None) -> "HeadSummary":
        return cached.study_summary(
            str(self.study.folder.path), self.stamp, self.statistic, model or self.model, self.unit, against
        )

    def numbers(self, name: str, head: tuple[int, int]) -> "pd.DataFrame":
        return cached.study_numbers(str(self.study.folder.path), self.stamp, name, self.model, head)


def results(folder: "StudyFolder") -> None:
    """Everything that is there so far."""
    from attnlib.studyresults import open_study

    study, when = open_study(folder.path), stamp(folder)
    _source(study)
    if not study.statistics:
        if study.models:
            _not_measured(study, when)
        return
    shown = _choose(study, when)
    head = _heads(shown)
    _closely(shown, head)
    _scores(shown)
    _not_measured(study, when)
    _downloads(shown)
    st.info(
        "**What this shows.** Averages over these pairs in these models. Pairs of one unit (an occupation, a name) "
        "are averaged first, as they are not independent. That attention moves does not show that a head matters: "
        "run a study with effects. That nothing was found does not show that there is nothing.",
        icon=":material/balance:",
    )


def _source(study: "Study") -> None:
    told = study.manifest["pairs"]
    facts = [
        f"**{plain(study.name)}**",
        f"{told['count']:,} rows of {plain(told['source'])}",
        ", ".join(plain(name) for name in study.manifest["models"]),
        f"begun {plain(study.manifest['created'][:16].replace('T', ' '))}",
    ]
    st.caption(" · ".join(facts))


def _choose(study: "Study", when: float) -> Shown:
    """Model, statistic and unit."""
    from attnlib.studyresults import HEAD_STATISTICS, group_columns

    left, middle, right = st.columns(3)
    model = left.selectbox("Model", study.models, key="study_model")
    titles = {HEAD_STATISTICS[name].title: name for name in study.statistics}
    title = middle.selectbox("Heads are read by", list(titles), key="study_statistic")
    columns = group_columns(study.pair_table(model), most=100_000)
    units = [*([study.unit] if study.unit in columns else []), EVERY_PAIR, *(c for c in columns if c != study.unit)]
    unit = right.selectbox(
        "What counts as one",
        units,
        key="study_unit",
        help="Pairs with the same text in this column (an occupation) are not independent: they are averaged first.",
    )
    statistic = HEAD_STATISTICS[titles[title]]
    return Shown(study, when, model, titles[title], title, statistic.signed, "" if unit == EVERY_PAIR else unit)


# ---------------------------------------------------------------------------------------------- all heads


def _heads(shown: Shown) -> tuple[int, int]:
    """What holds for all heads; returns the one that is looked at closely."""
    from attnlib.studyfigures import forest, strongest, volcano
    from attnlib.studyfindings import summary_sentences
    from attnlib.studyreport import distance_sentence

    with st.spinner("Resampling …", show_time=False):
        summaries = {model: shown.summary(model) for model in shown.study.models}
    summary = summaries[shown.model]
    first = strongest({shown.model: summary})
    head = _chosen(summary, first[0] if first else (0, 0))
    told = summary_sentences(summary, shown.title) if shown.signed else distance_sentence(summary)
    st.markdown(f"#### {plain(told)}")
    _against(shown)
    left, right = st.columns(2)
    with left:
        _clickable(forest(summaries, strongest(summaries), shown.title), "forest")
    with right:
        if shown.signed:
            _clickable(volcano(summary, shown.title, head), "volcano")
        else:
            st.info("A distance is never below 0: it is not tested against 0. Compare it with another model's.")
    _grid(shown, summaries, head)
    return head


def _against(shown: Shown) -> None:
    """The chosen model against the others, pair by pair."""
    from attnlib.studyfindings import summary_sentences

    for other in shown.study.models:
        if other == shown.model:
            continue
        try:
            difference = shown.summary(against=other)
        except InputError as error:
            st.caption(plain(str(error)))
            continue
        told = summary_sentences(difference, f"{shown.title}, {shown.model} − {other}")
        st.markdown(f"**Pair by pair.** {plain(told)}")


def _chosen(summary: "HeadSummary", first: tuple[int, int]) -> tuple[int, int]:
    """The head in the session, if this model has it; else the one that moves most."""
    layer, head = st.session_state.get("study_head", first)
    layers, heads = summary.mean.shape
    return (layer, head) if layer < layers and head < heads and summary.n[layer, head] else first


def _clickable(figure: Any, key: str) -> None:
    """A chart whose points are heads: a click chooses one."""
    st.plotly_chart(
        figure,
        key=key,
        on_select=lambda: _on_point(key),
        selection_mode="points",
        config={"displaylogo": False},
    )


def _on_point(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        layer, head = points[0]["customdata"][:2]
        _pick(int(layer), int(head))


def _pick(layer: int, head: int) -> None:
    st.session_state["study_head"] = (layer, head)


def _grid(shown: Shown, summaries: "dict[str, HeadSummary]", head: tuple[int, int]) -> None:
    """The means of all heads, of each model of the same shape."""
    from attnlib.views.grid import HeadGrid, grid_payload

    shape = summaries[shown.model].mean.shape
    drawn = [
        HeadGrid(model, summary.mean.astype("float32"), "mean over pairs")
        for model, summary in sorted(summaries.items(), key=lambda item: item[0] != shown.model)
        if summary.mean.shape == shape
    ]
    payload = grid_payload(
        drawn,
        statistic=f"{shown.title}, mean",
        signed=shown.signed,
        selected=head,
        least=0.02,
        labels=demo_names(shown.model),
    )
    head_grid(payload, key="study_grid", on_pick=_pick)


# ---------------------------------------------------------------------------------------------- one head


def _closely(shown: Shown, head: tuple[int, int]) -> None:
    """How one head's numbers spread, by group, and the pairs behind them."""
    from attnlib.studyfigures import effect_histogram
    from attnlib.studyfindings import head_power

    st.markdown(f"##### Head {head[0]}-{head[1]} in {plain(shown.model)}")
    table = shown.numbers(shown.statistic, head)
    summary = shown.summary()
    left, right = st.columns(2)
    with left:
        mean = tuple(float(values[head]) for values in (summary.mean, summary.low, summary.high))
        figure = effect_histogram(table["number"].to_numpy(), (mean[0], mean[1], mean[2]), shown.title)
        st.plotly_chart(figure, key="histogram", config={"displaylogo": False})
        if shown.signed:
            st.caption(plain(head_power(summary, head)))
    with right:
        _groups(table, shown.title, "head")
    _pairs(shown, table, head)


def _groups(table: "pd.DataFrame", title: str, key: str) -> None:
    """Means by a column, against what is known of its groups where something is."""
    from attnlib.statistics import correlate, group_means, join_column
    from attnlib.studyfigures import group_forest, group_scatter
    from attnlib.studyresults import group_columns, outside_columns

    columns = group_columns(table)
    if not columns:
        st.caption("The pairs have no column that sorts them into groups.")
        return
    left, right = st.columns(2)
    first = next((n for n, name in enumerate(columns) if outside_columns(table, name)), 0)
    by = left.selectbox("Groups", columns, index=first, key=f"by {key}")
    outside = outside_columns(table, by)
    against = right.selectbox("Against", ["—", *outside], index=min(1, len(outside)), key=f"against {key} {by}")
    means = group_means(table["number"].to_numpy(), table[by].astype(str).tolist())
    if against not in outside:
        st.plotly_chart(group_forest(means, f"{title}, mean"), key=f"groups {key}", config={"displaylogo": False})
        return
    joined = join_column(means, outside[against], against)
    try:
        found = correlate(joined[against], joined["mean"])
    except InputError:
        found = None
    figure = group_scatter(joined, against, found, (against, f"{title}, mean by {by}"))
    st.plotly_chart(figure, key=f"groups {key}", config={"displaylogo": False})


def _pairs(shown: Shown, table: "pd.DataFrame", head: tuple[int, int]) -> None:
    """The pairs by size; a click on one offers to open it."""
    st.caption("The pairs, the largest change first. Choose one to open it on the comparison page.")
    columns = ["number", "prompt_a", "prompt_b", "targets", "group", "log_odds", "aligned"]
    chosen = st.dataframe(
        table[columns].head(1000),
        hide_index=True,
        key=f"pairs {shown.study.name} {shown.model} {shown.statistic} {head}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={"number": st.column_config.NumberColumn(shown.title, format="%+.4f")},
    )
    rows = chosen["selection"]["rows"]
    if rows:
        pair = table.iloc[rows[0]]
        st.button(
            f"Open “{plain(str(pair['prompt_a'])[:60])}” on the comparison page",
            icon=":material/open_in_new:",
            type="primary",
            key="open_pair",
            on_click=show_pair,
            args=(
                shown.model,
                *(str(pair[name] or "") for name in ("prompt_a", "prompt_b", "focus", "targets")),
                head,
            ),
        )


# ---------------------------------------------------------------------------------------------- what the model says


def _scores(shown: Shown) -> None:
    """Numbers of whole pairs: log-odds, likelihoods, total effects."""
    from attnlib.studyfigures import effect_histogram
    from attnlib.studyresults import SCORES

    known = {title: name for name, title in SCORES.items() if len(shown.numbers(name, (0, 0)))}
    if not known:
        return
    st.markdown(f"##### What {plain(shown.model)} says")
    title = st.selectbox("Number of a pair", list(known), key="study_score")
    table = shown.numbers(known[title], (0, 0))
    left, right = st.columns(2)
    with left:
        figure = effect_histogram(table["number"].to_numpy(), None, title)
        st.plotly_chart(figure, key="score_histogram", config={"displaylogo": False})
    with right:
        _groups(table, title, "score")


# ---------------------------------------------------------------------------------------------- the rest


def _not_measured(study: "Study", when: float) -> None:
    reasons = cached.study_reasons(str(study.folder.path), when)
    if len(reasons):
        with st.expander(f"{int(reasons['pairs'].sum()):,} pairs were not measured"):
            st.dataframe(reasons, hide_index=True, key="reasons")


def _downloads(shown: Shown) -> None:
    from attnlib.export import safe_csv

    study = shown.study
    with st.container(horizontal=True):
        offer(
            "Report (HTML)",
            lambda: cached.study_report(str(study.folder.path), shown.stamp),
            f"{study.name}.html",
            "text/html",
        )
        offer("Heads (CSV)", lambda: safe_csv(shown.summary().table()), f"{study.name} heads.csv", "text/csv")
        offer("Pairs (CSV)", lambda: safe_csv(study.pair_table()), f"{study.name} pairs.csv", "text/csv")
        offer(
            "All numbers (Parquet)",
            lambda: study.head_parquet(),
            f"{study.name} heads.parquet",
            "application/octet-stream",
        )
