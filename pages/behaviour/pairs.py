"""Dimensions that carry the difference of paired prompts, and what remains of it without them, over many pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from attnlib.errors import InputError
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.pairs import Pair, builtin_pairs, read_pairs
from pages.behaviour.charts import CHART, dimension_chart
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.exhibits import offer
from pages.ui.session import rerun_if_asked
from pages.ui.state import Choices
from pages.ui.terms import explained
from pages.ui.uploads import read_once, upload

if TYPE_CHECKING:
    from attnlib import Silenced

UPLOAD, ONE = "Upload a file", "One pair of prompts"
FOUND, MINE = "the dimensions that carry most", "the dimensions chosen above"
MOST_PAIRS = 5_000
LISTED = 200  # pairs offered one by one


class Asked(NamedTuple):
    """What is to be measured; results are kept as long as none of it changes."""

    model: str
    pairs: tuple[Pair, ...]
    layer: int
    head: int
    most: int
    dimensions: tuple[int, ...]


@st.fragment
def over_pairs(chosen: Choices, head: int) -> None:
    """Choose pairs and dimensions; measure when asked; every error is a sentence."""
    st.markdown(
        "##### Over many pairs: which dimensions carry the difference, and what remains without them",
        help=explained("silencing", "independent unit"),
    )
    st.caption(
        "Dimensions are chosen on one half of the pairs and tested on the other, then the other way round, and "
        "compared "
        "with as many dimensions drawn at random."
    )
    with st.container():
        pairs = _choose_pairs()
    if pairs is None:
        return
    with st.container():
        count, dimensions = _choose_dimensions(len(pairs))
    if len(pairs) == 1 and not dimensions:
        return
    asked = Asked(chosen.name, pairs, chosen.layer, head, count, dimensions)
    where = "this pair" if len(pairs) == 1 else f"{len(pairs):,} pairs"
    if st.button(
        f"Silence them in {where}",
        icon=":material/play_arrow:",
        key="silence",
    ):
        st.session_state["silence_asked"] = asked
    if st.session_state.get("silence_asked") != asked:
        return
    try:
        with st.spinner("Silencing …", show_time=False):
            found = cached.silenced(*asked)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _results(found)
    rerun_if_asked()


def _choose_pairs() -> tuple[Pair, ...] | None:
    names = [name for name in PAIR_SETS if any(pair.targets for pair in pair_set(name))]
    left, right = st.columns([2, 3])
    name = left.selectbox(
        "Pairs",
        [*names, UPLOAD, ONE],
        format_func=lambda one: PAIR_SETS[one].title if one in PAIR_SETS else one,
        key="silence_pairs",
        persist_state="session",
    )
    if name in PAIR_SETS:
        right.caption(PAIR_SETS[name].about)
        return pair_set(name)
    if name == ONE:
        return _one_pair()
    with right:
        file = upload("CSV with prompt_a, prompt_b, targets (see data/pairs)", ["csv", "parquet"], key="silence_file")
    if file is None:
        return None
    try:
        pairs = read_once(file, _read)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if len(pairs) > MOST_PAIRS:
        st.warning(f"Only the first {MOST_PAIRS:,} pairs are measured here; attnlib measures all of them.")
    return pairs[:MOST_PAIRS]


def _read(path: Path) -> tuple[Pair, ...]:
    """The pairs of a file, one more than are measured."""
    return read_pairs(path, most=MOST_PAIRS + 1)


def _one_pair() -> tuple[Pair, ...] | None:
    """Prompts as they were last typed on the comparison page, or typed here."""
    first = builtin_pairs()[0]
    left, right, targets = st.columns([3, 3, 2])
    a = left.text_input("Prompt A", st.session_state.get("prompt_a") or first.prompt_a, key="silence_a")
    b = right.text_input("Prompt B", st.session_state.get("prompt_b") or first.prompt_b, key="silence_b")
    known = st.session_state.get("targets") or ", ".join(first.targets)
    typed = targets.text_input(
        "Targets", known, key="silence_targets", help="One or two words that are in both prompts."
    )
    words = tuple(word.strip() for word in (typed or "").split(",") if word.strip())
    if not (a or "").strip() or not (b or "").strip() or not words:
        st.info("Type both prompts and one or two target words.")
        return None
    return (Pair("", a, b, targets=words),)


def _choose_dimensions(pairs: int) -> tuple[int, tuple[int, ...]]:
    """How many are chosen, or which are given."""
    mine = tuple(sorted(st.session_state.get("dimensions", [])))
    if pairs == 1:
        if not mine:
            st.info("Choose dimensions above: one pair cannot be split into a selection and a test half.")
        else:
            st.caption("The dimensions chosen above are silenced: " + ", ".join(map(str, mine)))
        return len(mine), mine
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    which = left.segmented_control("Silence", [FOUND, MINE], default=FOUND, required=True, key="silence_which")
    if which == MINE and mine:
        right.caption("Dimensions " + ", ".join(map(str, mine)))
        return len(mine), mine
    if which == MINE:
        right.caption("None are chosen above, so those that carry most are used.")
    return right.slider("How many", 1, 16, 4, key="silence_count"), ()


def _results(found: "Silenced") -> None:
    from attnlib.behaviour.charts import remaining_bars
    from attnlib.behaviour.findings import carried_finding, remaining_finding
    from attnlib.behaviour.silencing import MEASURES

    if found.dropped:
        st.warning(f"{len(found.dropped):,} pairs were left out. The first: {plain(found.dropped[0])}")
    mean, interval = found.carried_mean
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        title = "contribution to the change of the score, B − A"
        dimension_chart(mean, interval[:, 0], interval[:, 1], title, key="carried")
    with right:
        st.markdown(plain(carried_finding(found)))
    remaining = [one for one in (found.remaining(measure) for measure in MEASURES) if one is not None]
    for column, one in zip(st.columns(2), remaining, strict=False):
        with column:
            st.plotly_chart(remaining_bars(one), key=f"remaining {one.measure}", config=CHART)
            st.markdown(plain(remaining_finding(one)))
    _pair_by_itself(found)
    _downloads(found)


def _pair_by_itself(found: "Silenced") -> None:
    """What the dimensions carry in one of the pairs."""
    if len(found.pairs) < 2:
        return
    with st.expander("A single pair"):
        names = [f"{pair.prompt_a} | {pair.prompt_b}" for pair in found.pairs[:LISTED]]
        n = st.selectbox("Pair", range(len(names)), format_func=names.__getitem__, key="silence_one")
        dimension_chart(
            found.carried[n], None, None, "contribution to the change of the score, B − A", key="carried_one"
        )
        st.caption("One pair is an anecdote.")


def _downloads(found: "Silenced") -> None:
    from attnlib.spreadsheet import safe_csv

    with st.container(horizontal=True):
        offer("What each dimension carries (CSV)", lambda: safe_csv(found.dimensions()), "carried.csv", "text/csv")
        offer("Every pair (CSV)", lambda: safe_csv(found.table()), "silenced.csv", "text/csv")
