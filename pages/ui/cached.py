"""The only caches of the dashboard. Keys are names and texts, never arrays; what is kept is read-only.

attnlib's heavy parts (torch, transformers) are imported when first called, after the page has been painted.
"""

from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    import pandas as pd

    from attnlib import Comparison, HeadPatterns, HeadProfile, Model, Overview, Silenced, Trace
    from attnlib.behaviour.patterns import Relation
    from attnlib.behaviour.scaling import ScaledHead
    from attnlib.comparison.focus import Span
    from attnlib.comparison.result import Prompt
    from attnlib.effects.mediation import HeadEffects
    from attnlib.effects.patching import HeadChanges
    from attnlib.lessons.measures import Measure
    from attnlib.lessons.parse import Show
    from attnlib.model.shelf import Shelf
    from attnlib.prompts.pairs import Pair
    from attnlib.stats.summaries import HeadSummary
    from attnlib.study.run import Estimate
    from attnlib.study.source import SourceRead
    from attnlib.words.predictions import WordChange

    Relations = tuple[Relation, ...]

Links = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
Spoken = tuple[str | None, str | None]  # source and target language; None: the model's own
OWN: Spoken = (None, None)
SMALL = 100_000_000  # parameters of a model that is quickly run a few times more


def _languages(spoken: Spoken) -> dict[str, Any]:
    return dict(zip(("source_language", "target_language"), spoken, strict=True))


@st.cache_resource(max_entries=1, show_spinner=False)
def models() -> "Shelf[tuple[Model, ...]]":
    """Models that are loaded, and random copies of them, of all sessions; as many as memory allows."""
    from attnlib.model.shelf import Shelf, models_memory

    return Shelf(lambda kept: sum(model.size for model in kept), models_memory())


def load_model(name: str) -> "Model":
    """A model, shared by all sessions. Raises InputError."""
    return models().get(name, lambda: (_loaded(name),))[0]


def _loaded(name: str) -> "Model":
    """A model from its folder; one that is not ours is tried in a process of its own first."""
    import attnlib
    from attnlib.model.sources import find_model, model_root
    from attnlib.model.trial import try_model

    if not name.startswith("demo/"):
        try_model(name, find_model(name, model_root()))
    return attnlib.load_model(name, root=model_root())


@st.cache_resource(max_entries=8, show_spinner=False)
def trace_layer(
    name: str,
    text: str,
    text_b: str | None,
    layer: int,
    truncate: bool,
    hide: tuple[int, ...],
    spoken: Spoken = OWN,
) -> "Trace":
    """The trace of one layer (of each attention that has it). Raises InputError."""
    import attnlib

    options: dict[str, Any] = {"truncate": truncate, "hide": hide, **_languages(spoken)}
    return attnlib.trace(load_model(name), text, text_b, layers=[layer], **options)


@st.cache_resource(max_entries=8, show_spinner=False)
def overview(name: str, text: str, text_b: str | None, truncate: bool, spoken: Spoken = OWN) -> "Overview":
    """Every layer and head of a text, small. Raises InputError."""
    import attnlib

    options: dict[str, Any] = {"truncate": truncate, **_languages(spoken)}
    return attnlib.overview(load_model(name), text, text_b, **options)


def random_copy(name: str) -> "Model":
    """A model's architecture with random weights. Raises InputError."""
    from attnlib.model.loading import random_copy as copy

    return models().get((name, "random copy"), lambda: (copy(load_model(name)),))[0]


@st.cache_resource(max_entries=24, show_spinner=False)
def compare(
    names: tuple[str, str],
    prompts: "tuple[Prompt, Prompt]",
    stack: str,
    layer: int | None,
    focus: "str | Span | None",
    links: Links = (),
    truncate: bool = False,
    untrained: bool = False,
    small: bool = False,
    spoken: Spoken = OWN,
) -> "Comparison":
    """Two prompts compared, with the matrices of one layer or none; `untrained`: in a random copy. InputError.

    `small`: with the maps of the model view.
    """
    import attnlib

    models = [random_copy(name) if untrained else load_model(name) for name in names]
    return attnlib.compare(
        models[0],
        *prompts,
        model_b=models[1],
        focus=focus,
        stack=stack,
        layers=[] if layer is None else [layer],
        links=links,
        truncate=truncate,
        small=small,
        **_languages(spoken),
    )


def random_copies(name: str) -> "tuple[Model, ...]":
    """Random copies of a small model, of the seeds 0, 1, …; none of a large one. Raises InputError."""
    from attnlib.comparison.untrained import seeds_for
    from attnlib.model.loading import random_copy as copy

    model = load_model(name)
    return models().get((name, "random copies"), lambda: tuple(copy(model, seed) for seed in seeds_for(model)))


@st.cache_resource(max_entries=6, show_spinner=False)
def compare_untrained(
    name: str,
    prompts: "tuple[Prompt, Prompt]",
    stack: str,
    focus: "str | Span | None",
    links: Links = (),
    truncate: bool = False,
    spoken: Spoken = OWN,
) -> "tuple[Comparison, ...]":
    """Two prompts compared in each random copy of a small model. Raises InputError."""
    import attnlib

    options: dict[str, Any] = {"focus": focus, "stack": stack, "links": links, "truncate": truncate}
    options |= _languages(spoken)
    return tuple(attnlib.compare(copy, *prompts, layers=[], **options) for copy in random_copies(name))


@st.cache_resource(max_entries=1, show_spinner=False)
def compare_whole(
    names: tuple[str, str],
    prompts: "tuple[Prompt, Prompt]",
    stack: str,
    focus: "str | Span | None",
    links: Links = (),
    truncate: bool = False,
    spoken: Spoken = OWN,
) -> "Comparison":
    """Two prompts compared with the matrices of all layers, for a download. Raises InputError."""
    import attnlib

    a, b = (load_model(name) for name in names)
    options: dict[str, Any] = {"focus": focus, "stack": stack, "links": links, "truncate": truncate}
    options |= _languages(spoken)
    return attnlib.compare(a, *prompts, model_b=b, **options)


@st.cache_resource(max_entries=16, show_spinner=False)
def head_effects(name: str, prompt_a: str, prompt_b: str, candidates: tuple[str, str]) -> "HeadEffects":
    """Causal effects of every head. Raises InputError."""
    from attnlib.effects.mediation import head_effects as measure

    return measure(load_model(name), prompt_a, prompt_b, candidates)


@st.cache_resource(max_entries=16, show_spinner=False)
def effects_seconds(name: str, prompt_a: str, prompt_b: str, candidates: tuple[str, str]) -> float:
    """The longest that measuring causal effects of every head may take. Raises InputError."""
    from attnlib.effects.mediation import estimate as measure

    return measure(load_model(name), prompt_a, prompt_b, candidates)


@st.cache_resource(max_entries=16, show_spinner=False)
def patched_heads(name: str, prompt_a: str, prompt_b: str, candidates: tuple[str, str]) -> "HeadChanges":
    """What each head's output from prompt B does in prompt A. Raises InputError."""
    from attnlib.effects.patching import patched_heads as patch

    return patch(load_model(name), prompt_a, prompt_b, candidates)


@st.cache_resource(max_entries=32, show_spinner=False)
def words_without(
    name: str,
    text: str,
    text_b: str | None,
    heads: tuple[tuple[int, int], ...],
    stack: str,
    truncate: bool,
    spoken: Spoken = OWN,
) -> "tuple[WordChange, ...]":
    """What a model would say with these heads silenced, compared with all heads on. Raises InputError."""
    from attnlib.words.predictions import words_without as silence

    options: dict[str, Any] = {"stack": stack, "truncate": truncate, **_languages(spoken)}
    return silence(load_model(name), text, text_b, heads, **options)


# ---------------------------------------------------------------------------------------------- behaviour


@st.cache_resource(max_entries=32, show_spinner=False)
def patterns_key(name: str, texts: tuple[str, ...], relations: "Relations") -> str:
    """What identifies the patterns of a model over texts."""
    from attnlib.behaviour.store import patterns_key as key

    return key(load_model(name), texts, relations)


@st.cache_resource(max_entries=1, show_spinner=False)
def kept_patterns() -> "dict[str, HeadPatterns]":
    """Patterns that were measured, of all sessions, by their key; the latest last."""
    return {}


@st.cache_resource(max_entries=8, show_spinner=False)
def patterns_seconds(name: str, texts: tuple[str, ...]) -> float:
    """About how long measuring the patterns takes."""
    from attnlib.behaviour.measure import estimate_seconds

    return estimate_seconds(load_model(name), texts)


@st.cache_resource(max_entries=8, show_spinner=False)
def head_labels(name: str) -> "list[list[str]]":
    """[layer][head]: what each head does on the built-in texts; empty where that was not measured yet."""
    from attnlib.behaviour.labels import head_labels as labels
    from attnlib.behaviour.store import has_patterns, load_patterns
    from attnlib.prompts.texts import builtin_texts

    if not has_patterns(name):
        return []
    found = load_patterns(patterns_key(name, builtin_texts(), ()))
    return [] if found is None else labels(found)


@st.cache_resource(max_entries=24, show_spinner=False)
def head_profile(name: str, layer: int, head: int, texts: tuple[str, ...]) -> "HeadProfile":
    """A head's dimensions by distance and word class. Raises InputError."""
    from attnlib.behaviour.head_profile import head_profile as profile

    return profile(load_model(name), layer, head, texts)


@st.cache_resource(max_entries=24, show_spinner=False)
def silenced(
    name: str, pairs: "tuple[Pair, ...]", layer: int, head: int, most: int, dimensions: tuple[int, ...]
) -> "Silenced":
    """What remains of a difference with dimensions silenced, over pairs. Raises InputError."""
    from attnlib.behaviour.silencing import silence_dimensions

    return silence_dimensions(load_model(name), pairs, layer, head, most, dimensions=dimensions or None)


@st.cache_resource(max_entries=32, show_spinner=False)
def head_width(name: str, layer: int) -> int:
    """How many dimensions the heads of a layer have."""
    from attnlib.behaviour.scaling import head_width as width

    return width(load_model(name), layer)


@st.cache_resource(max_entries=32, show_spinner=False)
def scaled_head(
    name: str, text: str, layer: int, head: int, factors: tuple[tuple[int, float], ...], of: str, truncate: bool
) -> "ScaledHead":
    """A head with dimensions scaled. Raises InputError."""
    from attnlib.behaviour.scaling import scaled_head as scale

    return scale(load_model(name), text, layer, head, dict(factors), of=of, truncate=truncate)


# ---------------------------------------------------------------------------------------------- studies


@st.cache_resource(max_entries=4, show_spinner=False)  # each with the units of up to 50,000 pairs
def read_source(
    path: str, stamp: float, format: str, columns: tuple[tuple[str, str], ...], most: int
) -> "SourceRead":
    """How many pairs a file has, why rows are none, and the first few. Raises InputError."""
    from attnlib.study.source import read_source as read

    return read(path, format, dict(columns), most)


@st.cache_resource(max_entries=16, show_spinner=False)
def estimate(name: str, pairs: "tuple[Pair, ...]", count: int, effects: bool, scores: bool) -> "Estimate":
    """How long so many pairs take in a model, from measuring these few. Raises InputError."""
    from attnlib.study.part import Settings
    from attnlib.study.run import estimate_study

    return estimate_study(load_model(name), pairs, count, Settings(effects, scores))


@st.cache_resource(max_entries=48, show_spinner=False)
def study_summary(folder: str, stamp: float, unit: str, key: tuple[str, ...]) -> "HeadSummary":
    """What a study's pairs say of each head; `key`: statistic and model, or statistic, model and the one taken off.

    Raises InputError.
    """
    from attnlib.study.results import open_study

    study, (statistic, model, *other) = open_study(folder), key
    if not other:
        return study.summary(statistic, model, unit)
    return study.model_difference(statistic, other[0], model, unit)


@st.cache_resource(max_entries=8, show_spinner=False)
def study_family(folder: str, stamp: float, unit: str) -> "dict[tuple[str, ...], HeadSummary]":
    """Summaries of all tested statistics, models and differences, corrected together; keys as in `study_summary`."""
    from attnlib.study.results import open_study

    return open_study(folder).family(unit)


@st.cache_resource(max_entries=24, show_spinner=False)
def study_numbers(folder: str, stamp: float, name: str, model: str, head: tuple[int, int]) -> "pd.DataFrame":
    """One number per pair of a study, beside its row. Raises InputError."""
    from attnlib.study.results import open_study

    return open_study(folder).numbers(name, model, head)


@st.cache_resource(max_entries=8, show_spinner=False)
def study_reasons(folder: str, stamp: float) -> "pd.DataFrame":
    """Which rows of a study were not measured, and why."""
    from attnlib.study.results import open_study

    return open_study(folder).reasons()


@st.cache_resource(max_entries=2, show_spinner=False)
def study_report(folder: str, stamp: float, unit: str, together: bool, copies: tuple[int, ...]) -> str:
    """The report of a study as HTML, with the units and the correction of the page. Raises InputError.

    `copies`: how many untrained ones of each model were measured.
    """
    from attnlib.study.report import study_report as report
    from attnlib.study.results import open_study

    return report(open_study(folder, unit, together))


# ---------------------------------------------------------------------------------------------- lessons


@st.cache_resource(max_entries=500, show_spinner=False)
def measured(show: "Show", measure: "Measure") -> float:
    """What a lesson asks for, in what its step shows. Raises InputError."""
    from attnlib.lessons.answers import measured as measure_now
    from attnlib.lessons.answers import model_of

    return measure_now(load_model(model_of(show, measure)), show, measure)
