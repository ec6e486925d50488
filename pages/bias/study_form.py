"""A new study: which pairs, which models, what it will take. Nothing is measured here but a few pairs."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from attnlib.paths import studies_root
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.files import FORMATS
from attnlib.prompts.pairs import COLUMNS, REQUIRED, table_head
from attnlib.prompts.templates import pairs_from_template, read_slots
from attnlib.study.source import advice, counted, folder_name, free_name, source_of
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.studies import PAGE_ROWS, known_studies, open_next
from pages.ui.terms import explained
from pages.ui.uploads import upload

if TYPE_CHECKING:
    from attnlib.study.source import SourceRead

BUILT_IN, UPLOAD, TEMPLATE = "Built-in set", "Upload a file", "Template"
FIRST_MODELS = ("demo/gpt2-biased", "demo/gpt2-balanced")
FEW = 4  # pairs that are timed where each takes long
FIRST_TEMPLATE = "The {occupation} said that {pronoun}"
FIRST_SLOTS = "occupation: nurse, teacher, doctor, engineer, mechanic\npronoun: she / he"


class Source(NamedTuple):
    """Pairs to study: what `begin_study` takes, and what is known of them."""

    pairs: "Any"  # a set's name, a file, or the pairs themselves
    name: str  # for the study's folder
    read: "SourceRead"
    format: str = "csv"
    columns: dict[str, str] | None = None
    command: str = ""  # how the command line is told


def new_study() -> None:
    """The form, from top to bottom; the button appears when everything above it is right."""
    kind = st.segmented_control(
        "Pairs",
        [BUILT_IN, UPLOAD, TEMPLATE],
        default=None if "pairs_from" in st.session_state else BUILT_IN,
        required=True,
        key="pairs_from",
        persist_state="session",
    )
    choose: dict[str, Callable[[], Source | None]] = {BUILT_IN: _built_in, UPLOAD: _upload, TEMPLATE: _template}
    with st.container():
        try:
            source = choose[kind or BUILT_IN]()
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
            source = None
    if source is None:
        return
    _show(source.read)
    if not source.read.pairs:
        st.error("There are no pairs to study.", icon=":material/error:")
        return
    if source.read.more:
        _too_many(source)
        return
    unit = _choose_unit(source.read)
    models, effects, scores = _choose_models()
    if not models:
        st.info("Choose at least one model.")
        return
    told = st.container()
    _begin(source, models, effects, scores, unit)
    with told:  # measured after the button is there, so that nobody has to wait for it
        _estimate(source, models, effects, scores)


# ---------------------------------------------------------------------------------------------- pairs


def _built_in() -> Source:
    names = list(PAIR_SETS)
    name = st.selectbox("Set", names, format_func=lambda one: PAIR_SETS[one].title, key="pair_set")
    st.caption(PAIR_SETS[name].about)
    return Source(name, name, source_of(pair_set(name)), command=f"--pairs {name}")


def _upload() -> Source | None:
    left, right = st.columns([3, 2])
    with left:
        file = upload("File of pairs", ["csv", "tsv", "txt", "dev", "test", "parquet", "json"], key="upload")
    format = right.selectbox(
        "Format",
        list(FORMATS),
        format_func=lambda one: FORMATS[one].title,
        key="upload_format",
        persist_state="session",
    )
    right.caption(FORMATS[format].about)
    if file is None:
        return None
    path = file.path
    columns = _map_columns(path) if format == "csv" else {}
    if columns is None:
        return None
    with st.spinner("Reading …", show_time=False):
        read = cached.read_source(str(path), path.stat().st_mtime, format, tuple(columns.items()), PAGE_ROWS)
    told = f"--pairs FILE --format {format}"
    if columns:
        told += " --columns " + ",".join(f"{ours}={theirs}" for ours, theirs in columns.items())
    return Source(path, path.stem, read, format, columns or None, told)


def _map_columns(path: Path) -> dict[str, str] | None:
    """Which of the file's columns are ours, with its first rows; None until both prompts are mapped."""
    head = table_head(path)
    if not head.columns:
        raise InputError(f"{path.name} is empty. Choose a file whose first line names its columns.")
    st.dataframe(
        [dict(zip(head.columns, row, strict=False)) for row in head.rows], hide_index=True, key="upload_preview"
    )
    nothing = "—"
    with st.expander("Columns of the file", expanded=not {"prompt_a", "prompt_b"} <= set(head.guess)):
        places = st.columns(4)
        chosen = {
            ours: places[n % 4].selectbox(
                ours,
                [nothing, *head.columns],
                index=head.columns.index(head.guess[ours]) + 1 if ours in head.guess else 0,
                key=f"column {ours} {path.parent.name}",
                persist_state="session",
            )
            for n, ours in enumerate((*REQUIRED, *(name for name in COLUMNS if name not in REQUIRED)))
        }
    columns = {ours: theirs for ours, theirs in chosen.items() if theirs != nothing}
    if not {"prompt_a", "prompt_b"} <= set(columns):
        st.info("Choose which columns are prompt_a and prompt_b.")
        return None
    return columns


def _template() -> Source:
    template = st.text_input("Sentence with {slots}", FIRST_TEMPLATE, key="template")
    slots = st.text_area(
        "Words of each slot",
        FIRST_SLOTS,
        key="slots",
        help="One line per slot. One slot has pairs of words separated by /: what prompts A and B differ in.",
    )
    known = read_slots(slots)
    targets = st.multiselect("Target words (up to two slots)", list(known), max_selections=2, key="slot_targets")
    pairs = tuple(pairs_from_template(template, known, targets=targets, most=PAGE_ROWS))
    return Source(pairs, "template", source_of(pairs))


def _show(read: "SourceRead") -> None:
    """How many pairs there are, what was left out, and the first few."""
    more = "More than " if read.more else ""
    left_out = f" · {counted(read.dropped, 'row')} left out" if read.dropped else ""
    st.markdown(f"**{more}{counted(read.pairs, 'pair')}**{left_out}")
    with st.container():
        _look_at(read)
    rows = [
        {
            "prompt A": pair.prompt_a,
            "prompt B": pair.prompt_b,
            "focus": pair.focus,
            "targets": " | ".join(pair.targets),
        }
        for pair in read.sample[:5]
    ]
    if rows:
        st.dataframe(rows, hide_index=True, key="first_pairs")


def _look_at(read: "SourceRead") -> None:
    """Rows that are left out, and rows that should be looked at, each with its reason."""
    rows = [{"row": one.place, "reason": one.reason} for one in read.left_out]
    if rows:
        with st.expander(f"{counted(read.dropped, 'row')} left out", expanded=True):
            st.dataframe(rows, hide_index=True, key="left_out")
    told = [{"row": one.place, "remark": one.text} for one in read.remarks]
    if told:
        with st.expander(f"{counted(read.remarked, 'row')} to check", expanded=True):
            st.dataframe(told, hide_index=True, key="remarks")


def _choose_unit(read: "SourceRead") -> str:
    """Which pairs belong together, with the number of units; empty for the pairs' own unit."""
    from attnlib.prompts.units import EVERY_PAIR

    counts = {units.name: units.count for units in read.units} | {EVERY_PAIR: read.pairs}
    chosen = st.selectbox(
        "Independent unit (pairs that belong together)",
        list(counts),
        format_func=lambda name: f"{name}: {counts[name]:,}",
        key=f"unit of {read.pairs} {' '.join(counts)}",
        help=explained("independent unit"),
    )
    with st.container():
        for sentence in advice(read):
            st.caption(plain(sentence))
    return "" if chosen == next(iter(counts)) else chosen


def _too_many(source: Source) -> None:
    st.warning(
        f"This page handles up to {PAGE_ROWS:,} rows. For more, use the command line: it resumes where it was "
        "stopped and "
        "also runs on a cluster. The study then appears here:",
        icon=":material/terminal:",
    )
    st.code(
        f"python -m attnlib study {source.command} --model {FIRST_MODELS[0]} --out {studies_root().name}/NAME",
        language="bash",
    )


# ---------------------------------------------------------------------------------------------- models, estimate, run


def _choose_models() -> tuple[list[str], bool, bool]:
    known = list(dict.fromkeys([*demo_models(), *st.session_state.get("recent_models", [])]))
    models = st.multiselect(
        "Models",
        known,
        default=[name for name in FIRST_MODELS if name in known],
        key="study_models",
        accept_new_options=True,
        help="Demo models, hub ids (owner/name) or folders. Two models are also compared pair by pair.",
    )
    left, right = st.columns(2)
    effects = left.toggle(
        "Causal effects of every head",
        key="study_effects",
        help=explained(
            "indirect effect",
            "direct effect",
            first="Slow. For pairs that name two continuations (columns candidate_a and candidate_b).",
        ),
    )
    scores = right.toggle(
        "Likelihood of both sentences (masked models, slow)",
        key="study_scores",
        help="How likely a BERT finds both prompts (CrowS-Pairs): one forward pass per token. GPT scores are always "
        "there.",
    )
    return models, effects, scores


def _estimate(source: Source, models: list[str], effects: bool, scores: bool) -> None:
    """How long it will take: at once for demo models, on request for others, which must be loaded first."""
    wanted = all(name.startswith("demo/") for name in models) or st.button("Estimate", key="estimate")
    if not wanted:
        return
    seconds = size = 0.0
    for name in models:
        try:
            with st.spinner("Timing a few pairs …", show_time=False):
                few = source.read.sample[:FEW] if effects or scores else source.read.sample
                found = cached.estimate(name, few, source.read.pairs, effects, scores)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        seconds, size = seconds + found.seconds, size + found.bytes
    from attnlib.wording import duration

    st.caption(f"{duration(seconds).capitalize()} of measuring, and {size / 1e6:.1f} MB on disk.")


def _begin(source: Source, models: list[str], effects: bool, scores: bool, unit: str) -> None:
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    suggested = free_name(re.sub(r"[^\w-]+", " ", source.name).strip() or "study", studies_root())
    typed = left.text_input("Name of the study", suggested, key=f"name {suggested}")
    right.button(
        "Run",
        type="primary",
        icon=":material/play_arrow:",
        key="run_study",
        on_click=_run,
        args=(source, models, effects, scores, unit, typed),
    )
    with st.container():
        refused = st.session_state.pop("form_error", "")
        if refused:
            st.error(plain(refused), icon=":material/error:")


def _run(source: Source, models: list[str], effects: bool, scores: bool, unit: str, typed: str) -> None:
    """Begin the study and have the next run show it: in a callback, so that the form is not drawn once more."""
    from attnlib.study.process import start
    from attnlib.study.run import begin_study

    this = (typed, source.name, tuple(models), effects, scores, unit)
    try:
        name = folder_name(typed)
        if name in known_studies():
            if st.session_state.get("begun_study") == this:
                return open_next(name)  # pressed twice
            raise InputError(f"A study named “{name}” already exists. Choose another name.")
        study = begin_study(
            source.pairs,
            models,
            studies_root() / name,
            format=source.format,
            columns=source.columns,
            effects=effects,
            scores=scores,
            unit=unit,
        )
    except InputError as error:
        st.session_state["form_error"] = str(error)
        return None
    st.session_state["begun_study"] = this
    open_next(name)
    try:
        start(study.folder)
    except InputError as error:
        st.session_state["study_error"] = str(error)
    return None
