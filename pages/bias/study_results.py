"""The results of a study: what holds for all pairs, one head closely, groups, pairs, downloads."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from pages.bias.study_untrained import untrained
from pages.ui import cached
from pages.ui.component import head_grid
from pages.ui.controls import plain
from pages.ui.exhibits import hold, offer
from pages.ui.history import choose, chosen, turns_back
from pages.ui.names import demo_names
from pages.ui.state import show_pair
from pages.ui.studies import Shown, stamp
from pages.ui.terms import explained

if TYPE_CHECKING:
    import pandas as pd

    from attnlib import Study
    from attnlib.stats.summaries import HeadSummary


def results(study: "Study") -> None:
    """Everything that has been measured so far."""
    when = stamp(study.folder)
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
        "**What this shows.** Averages over these pairs in these models. A shift of attention does not show that a "
        "head "
        "matters: for that, run a study with effects. Finding nothing does not show that there is nothing.",
        icon=":material/balance:",
    )


def _source(study: "Study") -> None:
    from attnlib.study.words import source_in_words

    facts = [
        f"**{plain(study.name)}**",
        plain(source_in_words(study.manifest)),
        ", ".join(plain(name) for name in study.manifest["models"]),
        f"started {plain(study.manifest['created'][:16].replace('T', ' '))}",
    ]
    st.caption(" · ".join(facts))


def _choose(study: "Study", when: float) -> Shown:
    """Model, statistic, unit and the range of the correction; all of them are in the address."""
    from attnlib.prompts.units import EVERY_PAIR
    from attnlib.study.results import HEAD_STATISTICS, group_columns

    keep: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}
    left, middle, right = st.columns(3)
    model = left.selectbox("Model", study.models, key="study_model", **keep)
    titles = {HEAD_STATISTICS[name].title: name for name in study.statistics}
    about = explained("target shift G", "attention sink", "JSD", "TV", "indirect effect", "direct effect")
    title = middle.selectbox("Measure of change", list(titles), key="study_statistic", help=about, **keep)
    columns = group_columns(study.pair_table(model), most=100_000)
    found = [units.name for units in study.found_units]
    units = list(dict.fromkeys([study.unit, *(["unit"] if "unit" in columns else []), *found, EVERY_PAIR, *columns]))
    unit = right.selectbox(
        "Independent unit (pairs that belong together)",
        units,
        key="study_unit",
        help=explained("independent unit", first="“same …” was found in the pairs; the others are their columns."),
        **keep,
    )
    family = st.toggle(
        "Correct p across all measures and models on this page",
        key="study_family",
        help=explained("corrected p", first="If off, p is corrected over the heads of one measure in one model."),
        **keep,
    )
    statistic = HEAD_STATISTICS[titles[title]]
    return Shown(study, when, model, titles[title], title, statistic.signed, unit, family)


# ---------------------------------------------------------------------------------------------- all heads


def _heads(shown: Shown) -> tuple[int, int]:
    """What holds for all heads; returns the one that is looked at closely."""
    from attnlib.study.charts import forest, strongest, volcano
    from attnlib.study.findings import study_sentences

    with st.spinner("Resampling …", show_time=False):
        summaries = {model: shown.summary(model) for model in shown.study.models}
    summary = summaries[shown.model]
    first = strongest({shown.model: summary})
    head = _chosen(summary, first[0] if first else (0, 0))
    headline, rest = study_sentences(shown.study, shown.statistic, shown.model, shown.unit, summary)
    st.markdown(f"#### {plain(headline)}")
    if rest:
        st.markdown(plain(rest))
    found = [" ".join(part for part in (headline, rest) if part), *_against(shown)]
    hold("what was found", "\n\n".join(found) + "\n", "finding.txt")
    left, right = st.columns(2)
    with left:
        _clickable(forest(summaries, strongest(summaries), shown.title), "forest")
    with right:
        if summary.tests:
            _clickable(volcano(summary, shown.title, head), "volcano")
        else:
            st.info("Nothing is tested here; the text above says why.")
    _grid(shown, summaries, head)
    with st.container():
        untrained(shown, summaries)
    return head


def _against(shown: Shown) -> list[str]:
    """The first model minus each other one, pair by pair; returns the sentences."""
    from attnlib.study.findings import difference_finding

    told = []
    for first, other in shown.study.differences():
        try:
            difference = shown.difference(first, other)
        except InputError as error:
            st.caption(plain(str(error)))
            continue
        told.append(difference_finding(shown.study, shown.statistic, (first, other), difference))
        st.markdown(f"**Pair by pair.** {plain(told[-1])}")
    return told


def _chosen(summary: "HeadSummary", first: tuple[int, int]) -> tuple[int, int]:
    """The head that was chosen, if this model has it; else the one that moves most."""
    layer, head = _place(chosen("study_head")) or first
    layers, heads = summary.mean.shape
    return (layer, head) if layer < layers and head < heads and summary.n[layer, head] else first


def _place(text: str) -> tuple[int, int] | None:
    """The head that an address names, "0-2"; anybody may have written it."""
    layer, _, head = text[:9].partition("-")
    return (int(layer), int(head)) if layer.isdecimal() and head.isdecimal() else None


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
    choose("study_head", f"{layer}-{head}")


def _grid(shown: Shown, summaries: "dict[str, HeadSummary]", head: tuple[int, int]) -> None:
    """The means of all heads, of each model of the same shape."""
    from attnlib.views.grid.payload import HeadGrid, grid_payload

    shape = summaries[shown.model].mean.shape
    drawn = [
        HeadGrid(model, summary.mean.astype("float32"), f"mean over {summary.noun}s")
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
    from attnlib.study.charts import effect_histogram
    from attnlib.study.findings import head_power

    about = explained("confidence interval", "effect size", "power")
    st.markdown(f"##### Head {head[0]}-{head[1]} in {plain(shown.model)}", help=about)
    table = shown.numbers(shown.statistic, head)
    summary = shown.summary()
    left, right = st.columns(2)
    with left:
        mean = (float(summary.mean[head]), float(summary.low[head]), float(summary.high[head]))
        figure = effect_histogram(table["number"].to_numpy(), None if summary.contrast else mean, shown.title)
        st.plotly_chart(figure, key="histogram", config={"displaylogo": False})
        st.caption(plain(head_power(summary, head)))
    with right:
        _groups(table, shown, shown.title, "head")
    _pairs(shown, table, head)


def _groups(table: "pd.DataFrame", shown: Shown, title: str, key: str) -> None:
    """Means by a column, plotted against what is known about its groups, if anything is."""
    from attnlib.stats.groups import correlate, group_means, join_column
    from attnlib.study.basis import unit_numbers
    from attnlib.study.charts import group_forest, group_scatter
    from attnlib.study.results import group_columns, outside_columns

    columns = group_columns(table)
    if not columns:
        st.caption("The pairs have no column to group them by.")
        return
    left, right = st.columns(2)
    first = next((n for n, name in enumerate(columns) if outside_columns(table, name)), 0)
    keep: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}
    by = left.selectbox("Groups", columns, index=first, key=f"by_{key}", **keep)
    outside = outside_columns(table, by)
    places = ["—", *outside]
    against = right.selectbox("Against", places, index=min(1, len(outside)), key=f"against_{key}_{by}", **keep)
    counted = unit_numbers(table, by, shown.unit)
    means = group_means(counted["number"].to_numpy(), counted[by].astype(str).tolist())
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
    st.caption("All pairs, the largest change first. Select one to open it on the comparison page.")
    columns = ["number", "prompt_a", "prompt_b", "targets", "group", "log_odds", "aligned"]
    listed = table.head(1000)
    key = f"pairs {shown.study.name} {shown.model} {shown.statistic} {head} {turns_back()}"
    rows = [n for n, pair in enumerate(listed["pair"]) if str(pair) == chosen("study_pair")]

    def pick() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        choose("study_pair", str(listed["pair"].iloc[rows[0]]) if rows else "")

    st.dataframe(
        listed[columns],
        hide_index=True,
        key=key,
        on_select=pick,
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        column_config={"number": st.column_config.NumberColumn(shown.title, format="%+.4f")},
    )
    if rows:
        pair = listed.iloc[rows[0]]
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
    from attnlib.study.charts import effect_histogram
    from attnlib.study.results import SCORES

    known = {title: name for name, title in SCORES.items() if len(shown.numbers(name, (0, 0)))}
    if not known:
        return
    st.markdown(f"##### What {plain(shown.model)} predicts")
    keep: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}
    title = st.selectbox("Score of a pair", list(known), key="study_score", **keep)
    table = shown.numbers(known[title], (0, 0))
    left, right = st.columns(2)
    with left:
        figure = effect_histogram(table["number"].to_numpy(), None, title)
        st.plotly_chart(figure, key="score_histogram", config={"displaylogo": False})
    with right:
        _groups(table, shown, title, "score")


# ---------------------------------------------------------------------------------------------- the rest


def _not_measured(study: "Study", when: float) -> None:
    from attnlib.study.words import missing_in_words

    reasons = cached.study_reasons(str(study.folder.path), when)
    if len(reasons):
        with st.expander(missing_in_words(reasons)):
            st.dataframe(reasons, hide_index=True, key="reasons")


def _downloads(shown: Shown) -> None:
    from attnlib.spreadsheet import safe_csv
    from attnlib.study.findings import summary_table
    from attnlib.study.untrained import copies_done

    study = shown.study
    where = str(study.folder.path), shown.stamp
    copies = tuple(len(copies_done(study, model)) for model in study.models)
    with st.container(horizontal=True):
        offer(
            "Report (HTML)",
            lambda: cached.study_report(*where, shown.unit, shown.family, copies),
            f"{study.name}.html",
            "text/html",
        )
        offer("Heads (CSV)", lambda: safe_csv(summary_table(shown.summary())), f"{study.name} heads.csv", "text/csv")
        offer("Pairs (CSV)", lambda: safe_csv(study.pair_table()), f"{study.name} pairs.csv", "text/csv")
        offer(
            "All numbers (Parquet)",
            lambda: study.head_parquet(),
            f"{study.name} heads.parquet",
            "application/octet-stream",
        )
