"""Recurring patterns: what every head of a model does over many texts, and the texts that show it best."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from attnlib.progress import Progress
from attnlib.wording import short_number
from pages.behaviour.by_example import by_example
from pages.behaviour.texts import Texts, choose_texts
from pages.ui import cached
from pages.ui.cached import SMALL
from pages.ui.component import head_grid, head_view
from pages.ui.controls import plain
from pages.ui.exhibits import offer
from pages.ui.session import ask_for_page, page_asked_for
from pages.ui.state import Choices, choices, show_head, turn_to
from pages.ui.terms import explained

if TYPE_CHECKING:
    from attnlib import HeadPatterns
    from attnlib.behaviour.patterns import Relation

NO_OTHER = "no other model"
KINDS = 5  # groups of heads at first
SHOWN = 3  # examples side by side
NAMED = 8  # heads told of each pattern
CHART = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


def page() -> None:
    """The whole page; every error is a sentence and leaves the rest alive."""
    chosen = choices()
    if chosen.model is None:
        return
    st.caption(
        "What does each head do, whatever the text says? Every head is scored on known patterns over many texts, and "
        "is "
        "named after its strongest patterns in every view."
    )
    with st.container():
        texts = choose_texts()
    with st.container():
        relations = by_example(chosen.model)
    if texts is None:
        return
    with st.container():
        found = _measured(chosen.name, texts, relations)
    if found is not None:
        _results(chosen, texts, found, relations)
    _turn()


# ---------------------------------------------------------------------------------------------- measuring


def _measured(name: str, texts: Texts, relations: "tuple[Relation, ...]") -> "HeadPatterns | None":
    """Patterns known from disk, or measured: at once for a small model, on request for a large one."""
    from attnlib.behaviour.store import load_patterns

    try:
        key = cached.patterns_key(name, texts.texts, relations)
        kept = cached.kept_patterns()
        found = kept.get(key) or load_patterns(key)
        if found is None:
            found = _measure(name, texts, relations, key)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if found is not None:
        kept[key] = found
        while len(kept) > 32:  # the oldest go
            kept.pop(next(iter(kept)), None)
    return found


def _measure(name: str, texts: Texts, relations: "tuple[Relation, ...]", key: str) -> "HeadPatterns | None":
    from attnlib.behaviour.measure import measure_patterns
    from attnlib.behaviour.store import save_patterns
    from attnlib.wording import duration

    model = cached.load_model(name)
    if model.parameters >= SMALL:
        title = f"Measure {plain(name)} ({duration(cached.patterns_seconds(name, texts.texts))})"
        if not st.button(title, icon=":material/play_arrow:", key=f"measure {name}"):
            return None
    bar = st.progress(0.0, f"Reading texts with {plain(name)} … Changing any setting stops it.")

    def show(now: Progress) -> None:
        bar.progress(now.share)

    found = measure_patterns(model, texts.texts, relations, progress=show)
    bar.empty()
    save_patterns(found, key)
    cached.head_labels.clear()  # heads may have got their names
    return found


# ---------------------------------------------------------------------------------------------- results


def _results(chosen: Choices, texts: Texts, found: "HeadPatterns", relations: "tuple[Relation, ...]") -> None:
    from attnlib.behaviour.labels import coreference_findings, head_labels, pattern_finding
    from attnlib.behaviour.patterns import COREFERENCES

    labels = head_labels(found)
    _told(found)
    _named(found)
    numbering = cached.load_model(chosen.name).numbering
    if numbering:
        st.info(plain(numbering))
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        name = _choose_pattern(found)
    with right:
        other = _other_model(chosen, texts, relations)
    place = _place(chosen, found, name)
    pattern = found.patterns[found.number(name)]
    unit = "share of attention" if pattern.share else f"in {pattern.unit}"
    st.caption(f"{plain(pattern.title)}: {plain(pattern.about)} ({unit})")
    st.markdown(plain(pattern_finding(found, name)))
    with st.container():
        if pattern in COREFERENCES:
            told = "".join(f"\n- {plain(sentence)}" for sentence in coreference_findings(found, *place))
            st.caption(f"Head {place[0]}-{place[1]}, attention to the word meant minus attention to the other:{told}")
    with st.container():
        _grids(chosen, found, other, name, place, labels)
    left, right = st.columns(2)
    with left:
        _one_head(chosen, found, place, labels)
    with right:
        _kinds(found, place)
    with st.container():
        _gallery(chosen, found, name, place)
    with st.container():
        _table(found, labels, name)


def _told(found: "HeadPatterns") -> None:
    """How many texts were read, and what happened to the others."""
    facts = [f"{found.read:,} texts read"]
    if found.cut:
        facts.append(f"{found.cut:,} of them truncated to what the model can read")
    st.caption(" · ".join(facts) + f" · measured in {found.seconds:.1f} s")
    if found.not_read:
        first = found.not_read[0]
        st.warning(f"Text {first.number + 1} was left out: {plain(first.reason)}")


def _named(found: "HeadPatterns") -> None:
    """Which heads are named after each pattern."""
    from attnlib.behaviour.labels import named_heads, unnamed_finding
    from attnlib.wording import short_number

    lines, groups = [], named_heads(found)
    for title, heads in groups.items():
        shown = ", ".join(
            f"{'weak: ' if one.weak else ''}{one.layer}-{one.head} ({short_number(one.score)})"
            for one in heads[:NAMED]
        )
        more = f" and {len(heads) - NAMED} more" if len(heads) > NAMED else ""
        lines.append(f"- **{plain(title)}**: {plain(shown)}{more}")
    if lines:
        st.markdown("\n".join(lines))
    st.caption(unnamed_finding(found))


def _choose_pattern(found: "HeadPatterns") -> str:
    from attnlib.behaviour.labels import named_heads

    by_title = {pattern.title: pattern for pattern in found.patterns}
    named = named_heads(found)
    has_texts = [
        title
        for title, heads in named.items()
        if found.best_texts(by_title[title].name, heads[0].layer, heads[0].head)
    ]
    strongest = next(iter([*has_texts, *named, *by_title]))
    titles = dict.fromkeys([strongest, *by_title])  # the first is the one that a link need not name
    wanted = st.session_state.pop("pattern_next", None)
    if wanted in titles:
        st.session_state["pattern"] = wanted
    elif st.session_state.get("pattern") not in titles:
        st.session_state.pop("pattern", None)
    about = explained("pattern score", "pattern baseline", "entropy", "induction", "coreference")
    title = st.selectbox(
        "Pattern", list(titles), key="pattern", bind="query-params", persist_state="session", help=about
    )
    return by_title[title or strongest].name


def _other_model(
    chosen: Choices, texts: Texts, relations: "tuple[Relation, ...]"
) -> "tuple[str, HeadPatterns] | None":
    """The patterns of another model, to compare with."""
    recent = st.session_state.get("recent_models", [])
    known = [name for name in dict.fromkeys([*demo_models(), *recent]) if name != chosen.name]
    name = st.selectbox("Compare with", [NO_OTHER, *known], key="other_model", persist_state="session")
    if name in (None, NO_OTHER):
        return None
    try:
        cached.load_model(name)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    found = _measured(name, texts, relations)
    return None if found is None else (name, found)


def _place(chosen: Choices, found: "HeadPatterns", name: str) -> tuple[int, int]:
    """The head chosen in the sidebar or, if there is none, the one that shows the pattern most."""
    import numpy as np

    if chosen.head is not None:
        return chosen.layer, chosen.head
    score = found.of(name)
    if np.isnan(score).all():
        return 0, 0
    layer, head = np.unravel_index(np.nanargmax(score), score.shape)
    return int(layer), int(head)


def _grids(
    chosen: Choices,
    found: "HeadPatterns",
    other: "tuple[str, HeadPatterns] | None",
    name: str,
    place: tuple[int, int],
    labels: list[list[str]],
) -> None:
    from attnlib.views.grid.payload import HeadGrid, grid_payload

    pattern = found.patterns[found.number(name)]
    score = found.of(name).astype("float32")
    drawn = [HeadGrid(chosen.name, score, pattern.about)]
    differs = None
    if other is not None and name in other[1].names:
        theirs = other[1].of(name).astype("float32")
        if theirs.shape == score.shape:
            drawn.append(HeadGrid(other[0], theirs, pattern.about))
            differs = HeadGrid(f"{chosen.name} − {other[0]}", score - theirs, "difference of the scores")
        else:
            st.info(
                "The two models have different layers or heads, so they cannot be compared head by head. Both are "
                "shown."
            )
            payload = grid_payload([HeadGrid(other[0], theirs, pattern.about)], statistic=pattern.title, signed=False)
            head_grid(payload, key="patterns_theirs", on_pick=lambda layer, head: None)
    payload = grid_payload(drawn, statistic=pattern.title, signed=False, selected=place, labels=labels)
    head_grid(payload, key="patterns_grid", on_pick=_pick)
    if differs is not None:
        names = (chosen.name, other[0] if other else "")
        payload = grid_payload(
            [differs],
            statistic=f"{pattern.title}, difference",
            signed=True,
            selected=place,
            names=names,
            labels=labels,
        )
        head_grid(payload, key="patterns_difference", on_pick=_pick)


def _pick(layer: int, head: int) -> None:
    show_head(layer, head)


def _one_head(chosen: Choices, found: "HeadPatterns", place: tuple[int, int], labels: list[list[str]]) -> None:
    from attnlib.behaviour.charts import pattern_bars

    layer, head = place
    label = labels[layer][head]
    st.markdown(f"##### Head {layer}-{head}{f': {plain(label)}' if label else ''}")
    st.plotly_chart(pattern_bars(found, layer, head), key="profile", config=CHART)
    with st.container(horizontal=True):
        st.button("All layers and heads", icon=":material/open_in_new:", on_click=_open, args=("model", place))
        st.button("Its neurons", icon=":material/tune:", on_click=_open, args=("neurons", place))


def _kinds(found: "HeadPatterns", place: tuple[int, int]) -> None:
    """Heads by their whole profile."""
    from attnlib.behaviour.charts import cluster_map
    from attnlib.behaviour.labels import head_clusters

    st.markdown("##### Kinds of heads")
    heads = int((found.texts.max() > 0) and (found.score == found.score).any(0).sum())
    if heads < 3:
        st.caption("Grouping needs at least three heads.")
        return
    count = st.slider("Groups", 2, min(8, heads - 1), min(KINDS, heads - 1), key="kinds") if heads > 3 else 2
    clusters = head_clusters(found, count)
    st.plotly_chart(
        cluster_map(clusters, place),
        key="kinds_map",
        on_select=lambda: _on_point("kinds_map"),
        selection_mode="points",
        config=CHART,
    )
    st.caption(
        "Grouped by all scores (Ward's method). Each group is named after the patterns in which it exceeds the "
        "others most."
    )


def _on_point(key: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points:
        layer, head = points[0]["customdata"][:2]
        show_head(int(layer), int(head))


# ---------------------------------------------------------------------------------------------- examples


def _gallery(chosen: Choices, found: "HeadPatterns", name: str, place: tuple[int, int]) -> None:
    """The texts in which the head does this most."""
    from attnlib.views.head.payload import head_payload

    pattern = found.patterns[found.number(name)]
    best = found.best_texts(name, *place)[:SHOWN]
    st.markdown(f"##### Texts in which head {place[0]}-{place[1]} shows it most: {plain(pattern.title)}")
    if not best:
        st.caption("This pattern is measured on random tokens. To see it, open a text that repeats itself.")
        return
    layer, head = place
    for n, (column, (text, score)) in enumerate(zip(st.columns(SHOWN), best, strict=False)):
        with column:
            st.caption(f"{short_number(score)}: {plain(text)}")
            st.button(
                "Open", icon=":material/open_in_new:", key=f"open {n}", on_click=_open, args=("head", place, text)
            )
            try:
                trace = cached.trace_layer(chosen.name, text, None, layer, True, ())
            except InputError as error:
                st.error(plain(str(error)), icon=":material/error:")
                continue
            payload = head_payload(trace, layer, chosen.stack, head=head, layers=chosen.layers, can_hide=False)
            head_view(payload, key=f"example {n}", on_event=lambda event: None)


def _table(found: "HeadPatterns", labels: list[list[str]], name: str) -> None:
    """All scores of all heads, and a file of what was measured."""
    from attnlib.spreadsheet import safe_csv

    wide = found.table().pivot(index=["layer", "head"], columns="pattern", values="score")
    wide = wide[[one for one in found.names if one in wide.columns]].reset_index()
    titles = {pattern.name: pattern.title for pattern in found.patterns}
    wide.insert(2, "what it does", [labels[row.layer][row.head] for row in wide.itertuples()])
    st.markdown("##### All heads")
    shown = st.dataframe(
        wide.sort_values(name, ascending=False) if name in wide.columns else wide,
        hide_index=True,
        key="patterns_table",
        on_select="rerun",
        selection_mode="single-row",
        column_config={one: st.column_config.NumberColumn(title, format="%.2f") for one, title in titles.items()},
    )
    _follow_row(shown, wide.sort_values(name, ascending=False) if name in wide.columns else wide)
    offer("Scores of all heads (CSV)", lambda: safe_csv(found.table()), "patterns.csv", "text/csv")


def _follow_row(shown: Any, rows: Any) -> None:
    """Selecting a row chooses its head."""
    chosen = tuple(shown["selection"]["rows"])
    if chosen and chosen != st.session_state.get("patterns_row"):
        row = rows.iloc[chosen[0]]
        show_head(int(row["layer"]), int(row["head"]))
        st.session_state["patterns_row"] = chosen
        st.rerun()
    st.session_state["patterns_row"] = chosen


# ---------------------------------------------------------------------------------------------- going on


def _open(where: str, place: tuple[int, int], text: str | None = None) -> None:
    """Turn to another page with this head and this text."""
    show_head(*place)
    ask_for_page(where, text)


def _turn() -> None:
    where, text = page_asked_for()
    pages = {"head": "views/head.py", "model": "views/model.py", "neurons": "behaviour/dimensions.py"}
    if where in pages:
        turn_to(pages[where], text=text)


page()
