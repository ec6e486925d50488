"""The report of a study: one HTML page that needs nothing else, with results, methods, versions and limits."""

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from attnlib.errors import InputError
from attnlib.stats.groups import correlate, group_means, join_column
from attnlib.study.basis import unit_numbers
from attnlib.study.charts import effect_histogram, forest, group_scatter, largest_means, strongest, volcano
from attnlib.study.findings import difference_finding, study_finding, summary_table
from attnlib.study.results import HEAD_STATISTICS, SCORES, Study, group_columns, outside_columns
from attnlib.study.untrained import untrained_heads
from attnlib.study.words import counts_in_words
from attnlib.version import VERSION

LIMITS = (
    "**Attention is not an explanation.** A shift of attention does not show that a head matters for what the model "
    "says; causal effects do (the columns candidate_a and candidate_b, with the option effects).",
    "**The pairs are a selection.** What holds for them need not hold for other sentences, names or languages.",
    "**Not finding a difference is not proof that there is none.** Every summary says how large a mean it could "
    "find.",
)
POWER = "Detectable: the smallest mean that passes the correction with 80 % power."
WIDENED = "every tested statistic, model and difference of models in this report together"
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8885; }
.chart { background: #fff; color: #000; margin: 1rem 0; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; overflow-wrap: anywhere; }
"""
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def study_report(study: Study) -> str:
    """The report as HTML. Raises InputError where a study has no results."""
    if not study.models:
        raise InputError(f"{study.name} has no results yet.")
    parts = [
        f"<h1>{escape(study.name)}</h1>",
        _paragraphs([_what(study), *_first(study)]),
        *(part for statistic in study.statistics for part in _statistic(study, statistic)),
        *_scores(study),
        "<h2>Pairs that were not measured</h2>",
        _table(study.reasons().head(50)),
        "<h2>Methods</h2>",
        _paragraphs(_methods(study)),
        "<h2>Limits</h2>",
        _paragraphs(LIMITS),
        "<h2>Where the numbers come from</h2>",
        _versions(study),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(study.name)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>{''.join(parts)}</body></html>"
    )


def write_report(study: Study, path: str | Path) -> None:
    """Write the report to a file."""
    Path(path).write_text(study_report(study), "utf-8")


def _what(study: Study) -> str:
    manifest = study.manifest
    done = "" if study.complete else " The study is not finished: these are the pairs measured so far."
    return (
        f"{manifest['pairs']['source']} in {', '.join(study.models)}. {counts_in_words(study.counts())} Started "
        f"{manifest['created']}. "
        f"Every difference is prompt B minus prompt A.{done}"
    )


# ---------------------------------------------------------------------------------------------- results


def _first(study: Study) -> list[str]:
    """The summary on top: the first statistic in every model."""
    found = [name for name in study.statistics if HEAD_STATISTICS[name].signed] or list(study.statistics)
    return [
        f"**{model}.** {study_finding(study, found[0], model, None, study.summary(found[0], model))}"
        for model in (study.models if found else ())
    ]


def _statistic(study: Study, statistic: str) -> Iterator[str]:
    """One statistic of heads: sentences, forest, volcano, table."""
    about = HEAD_STATISTICS[statistic]
    summaries = {model: study.summary(statistic, model) for model in study.models}
    yield f"<h2>{escape(about.title)}</h2>"
    yield _paragraphs([f"{about.about[0].upper()}{about.about[1:]}."])
    yield _chart(forest(summaries, strongest(summaries), about.title))
    for model, summary in summaries.items():
        yield f"<h3>{escape(model)}</h3>"
        yield _paragraphs([study_finding(study, statistic, model, None, summary)])
        copies = untrained_heads(study, statistic, model)
        if len(copies):
            yield _chart(largest_means(summaries, model, copies, about.title))
        if summary.tests:
            yield _chart(volcano(summary, about.title))
        yield _table(summary_table(summary).head(20))
    for first, other in study.differences():
        try:
            difference = study.model_difference(statistic, other, first)
        except InputError as error:
            yield _paragraphs([str(error)])
            continue
        yield f"<h3>{escape(first)} − {escape(other)}, pair by pair</h3>"
        yield _paragraphs([difference_finding(study, statistic, (first, other), difference)])


def _scores(study: Study) -> Iterator[str]:
    """What the models say: per group against what is known of the groups."""
    for name, title in SCORES.items():
        for model in study.models:
            table = study.numbers(name, model, (0, 0))
            if table.empty:
                continue
            yield f"<h2>{escape(title)}: {escape(model)}</h2>"
            yield _chart(effect_histogram(table["number"].to_numpy(), None, title))
            yield from _groups(table, title, study.unit)


def _groups(table: pd.DataFrame, title: str, unit: str) -> Iterator[str]:
    for by in group_columns(table):
        for column, numbers in outside_columns(table, by).items():
            counted = unit_numbers(table, by, unit)
            means = group_means(counted["number"].to_numpy(), counted[by].astype(str).tolist())
            joined = join_column(means, numbers, column)
            try:
                found = correlate(joined[column], joined["mean"])
            except InputError:
                continue
            yield _chart(group_scatter(joined, column, found, (column, f"{title}, mean by {by}")))


# ---------------------------------------------------------------------------------------------- methods, versions


def _methods(study: Study) -> list[str]:
    summaries = [study.summary(name) for name in study.statistics if HEAD_STATISTICS[name].signed]
    tested = next((one.method for one in summaries if one.tests), "")
    over = WIDENED if study.together else "the heads of one statistic in one model; this report has several"
    tested = tested and (
        f"{tested} p is corrected over {over}. Effect size d: mean divided by standard deviation. {POWER}"
    )
    return [
        "Prompts are aligned word by word (fewest edits); attention to a word is the sum over its tokens, from a "
        "word the mean. The focus is the word that differs unless a pair names another. Target shift G: attention "
        "from the focus word to the first target minus the second, in B minus in A.",
        "Log-odds: log p(A's word) − log p(B's word) at the edit, natural logarithm. Effects: Vig et al. "
        "2020, as log odds ratios.",
        tested,
        "In causal models the rows before the first edited token must be the same in both prompts; the column "
        f"“deviation” of the pairs says by how much they differ: at most {_deviation(study):.2g}.",
    ]


def _deviation(study: Study) -> float:
    return float(study.pair_table()["deviation"].fillna(0).max())


def _versions(study: Study) -> str:
    manifest = study.manifest
    began = manifest.get("version", "an earlier version")
    rows = {"Attention microscope": f"{began} began the study, {VERSION} wrote this report"}
    rows |= {"Pairs, SHA-256": manifest["pairs"]["sha256"], "Settings": str(manifest["settings"])}
    for model, about in manifest["provenance"].items():
        told = {name: value for name, value in about.items() if name not in ("model", "heads", "special_tokens")}
        rows[model] = "; ".join(f"{name}: {value}" for name, value in told.items())
    items = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return f"<dl>{''.join(items)}</dl>"


# ---------------------------------------------------------------------------------------------- HTML


def _paragraphs(texts: Sequence[str]) -> str:
    """Paragraphs; **bold** at their beginning is bold, all else is text."""
    return "".join(f"<p>{_bold(text)}</p>" for text in texts if text)


def _bold(text: str) -> str:
    before, mark, rest = text.partition("**")
    bold, end, after = rest.partition("**")
    if before or not mark or not end:
        return escape(text)
    return f"<b>{escape(bold)}</b>{escape(after)}"


def _table(table: pd.DataFrame) -> str:
    if table.empty:
        return "<p>None.</p>"
    return table.to_html(index=False, escape=True, border=0, float_format=lambda value: f"{value:.4g}")


def _chart(figure: go.Figure) -> str:
    plain = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})
    return f'<div class="chart">{plain}</div>'
