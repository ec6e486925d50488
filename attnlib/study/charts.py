"""Charts of a study: many pairs, and what stats/summaries.py says of them.

Not here: charts of one pair (comparison/charts.py).

A point's customdata is its [layer, head], so that a click can open the head; of groups it is [label].
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float
from scipy import stats

from attnlib.charts import LESS, MORE, SIDES, escaped, layout, name_axis, padded, short
from attnlib.comparison.charts import largest_heads
from attnlib.comparison.untrained import Untrained
from attnlib.stats.groups import Correlation
from attnlib.stats.summaries import HeadSummary
from attnlib.wording import interval, largest, p_value, places_of

HeadPlace = tuple[int, int]
ZERO = {"zeroline": True, "zerolinewidth": 1.5, "zerolinecolor": SIDES[0], "automargin": True}
LEAST_P = 1e-300  # what is drawn of a normal limit's p that is too small for a number
NAMED = 40  # labels that fit into a chart; of more, those farthest from the line are named
BINS = 60


def strongest(summaries: Mapping[str, HeadSummary], count: int = 10) -> list[HeadPlace]:
    """The heads with the largest |mean| in any of the models, the largest first."""
    sizes: dict[HeadPlace, float] = {}
    for summary in summaries.values():
        for place in _known(summary):
            sizes[place] = max(sizes.get(place, 0.0), abs(float(summary.mean[place])))
    return sorted(sizes, key=lambda place: (-sizes[place], place))[:count]


def _known(summary: HeadSummary) -> list[HeadPlace]:
    return [(int(layer), int(head)) for layer, head in np.argwhere(np.isfinite(summary.mean))]


def forest(summaries: Mapping[str, HeadSummary], heads: Sequence[HeadPlace], title: str) -> go.Figure:
    """Means of some heads with their intervals, the first head on top; a marker per model, each with a row's share.

    `title` names the number. A head that a model lacks is left out there. Full markers: significant, open: not.
    """
    traces, ends = [], [0.0]
    for n, (name, summary) in enumerate(summaries.items()):
        known = set(_known(summary))
        rows = [(len(heads) - 1 - nth, place) for nth, place in enumerate(heads) if place in known]
        offset = (0.5 - (n + 0.5) / len(summaries)) * 0.6
        traces.append(_markers(name, summary, rows, offset, SIDES[(n + 1) % len(SIDES)]))
        for _, place in rows:
            ends += [summary.mean[place], summary.low[place], summary.high[place]]
    figure = go.Figure(traces)
    height = 80 + max(1, len(heads)) * (14 + 12 * max(1, len(summaries)))
    figure.update_layout(**layout(height), showlegend=len(summaries) > 1, clickmode="event+select")
    figure.update_xaxes(title=escaped(title), range=padded(ends), **ZERO)
    _rows(figure, [f"{layer}-{head}" for layer, head in reversed(heads)])
    return figure


def _markers(
    name: str, summary: HeadSummary, rows: Sequence[tuple[int, HeadPlace]], offset: float, colour: str
) -> go.Scatter:
    places = [place for _, place in rows]
    mean, low, high = (_at(values, places) for values in (summary.mean, summary.low, summary.high))
    passed = [bool(summary.significant[place]) for place in places]
    return go.Scatter(
        name=short(name),
        mode="markers",
        x=mean,
        y=[row + offset for row, _ in rows],
        error_x=_whiskers(mean, low, high, colour),
        marker={"size": 9, "color": colour, "symbol": ["circle" if known else "circle-open" for known in passed]},
        customdata=[list(place) for place in places],
        hovertext=[f"{short(name)}: {_told(summary, place)}" for place in places],
        hovertemplate="%{hovertext}<extra></extra>",
        cliponaxis=False,
    )


def _at(values: Float[np.ndarray, "layer head"], places: Sequence[HeadPlace]) -> Float[np.ndarray, " place"]:
    return np.array([float(values[place]) for place in places])


def _whiskers(
    mean: Float[np.ndarray, " item"],
    low: Float[np.ndarray, " item"],
    high: Float[np.ndarray, " item"],
    colour: str = SIDES[0],
) -> dict:
    """Error bars; none where there is no interval. Plotly's own colour for markers of several colours is black."""
    up, down = np.nan_to_num(high - mean), np.nan_to_num(mean - low)
    look = {"color": colour, "thickness": 1.5, "width": 3}
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down} | look


def _told(summary: HeadSummary, place: HeadPlace) -> str:
    """One head's numbers for the tooltip."""
    mean, low, high = (float(values[place]) for values in (summary.mean, summary.low, summary.high))
    told = interval(mean, low, high, places_of(summary.mean))
    d = f", d = {summary.effect[place]:.2f}" if np.isfinite(summary.effect[place]) else ""
    p = escaped(p_value(summary.p_corrected[place]))
    return f"head {place[0]}-{place[1]}, mean {told}{d}, {p} corrected, {_pairs(int(summary.n[place]))}"


def _rows(figure: go.Figure, names: Sequence[str]) -> None:
    name_axis(figure.update_yaxes, names)
    figure.update_yaxes(range=[-0.6, max(1, len(names)) - 0.4], zeroline=False, automargin=True)


def volcano(
    summary: HeadSummary, title: str, selected: HeadPlace | None = None, by: str = "mean", named: int = 5
) -> go.Figure:
    """Every head: its mean (or `by="effect"`: d) against −log10 of the corrected p, and the line that p must pass."""
    values = getattr(summary, by)
    places = [place for place in _known(summary) if np.isfinite(values[place])]
    x, y = _at(values, places), -np.log10(np.maximum(_at(summary.p_corrected, places), LEAST_P))
    order = np.lexsort((-np.abs(x), -y)).tolist()
    large = {n for n in order[:named] if n == order[0] or summary.significant[places[n]]}
    points = go.Scatter(
        x=x,
        y=y,
        mode="markers+text",
        text=[f"{layer}-{head}" if n in large else "" for n, (layer, head) in enumerate(places)],
        textposition="top center",
        cliponaxis=False,
        customdata=[list(place) for place in places],
        marker={
            "size": [13 if place == selected else 9 for place in places],
            "color": [MORE if value > 0 else LESS for value in x],
            "opacity": [1.0 if summary.significant[place] else 0.5 for place in places],
            "line": {"width": [2 if place == selected else 0 for place in places]},
        },
        hovertext=[_told(summary, place) for place in places],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    passing = -math.log10(summary.alpha)
    figure = go.Figure(points)
    figure.update_layout(**layout(360), showlegend=False, clickmode="event+select")
    figure.add_hline(passing, line={"width": 1, "dash": "dot", "color": SIDES[0]})
    figure.add_annotation(
        text=f"{summary.alpha:.2g} corrected",
        x=1,
        xref="paper",
        y=passing,
        showarrow=False,
        xanchor="right",
        yshift=9,
    )
    figure.update_xaxes(title=escaped(title) + (", d" if by == "effect" else ""), range=padded(x), **ZERO)
    top = max(passing, y.max(initial=0))
    figure.update_yaxes(title="−log10 p (corrected)", range=[-0.04 * top, 1.15 * top], **ZERO)
    return figure


def largest_rows(
    summaries: Mapping[str, HeadSummary], model: str, copies: Untrained
) -> tuple[tuple[str, float], list[tuple[str, tuple[float, ...]]]]:
    """The head of `model` that moves most, and as references that of the other models and of untrained copies."""
    mean = {name: _largest(summary) for name, summary in summaries.items()}
    place, value = mean.pop(model)
    others = [(name, (abs(size),)) for name, (_, size) in mean.items() if np.isfinite(size)]
    return (f"head {place[0]}-{place[1]} here", value), [*others, (copies.name, tuple(copies.largest.tolist()))]


def _largest(summary: HeadSummary) -> tuple[HeadPlace, float]:
    place = largest(summary.mean)
    return place, float(summary.mean[place])


def largest_means(summaries: Mapping[str, HeadSummary], model: str, copies: Untrained, title: str) -> go.Figure:
    """The largest mean of any head beside those of the other models and of untrained copies; `title`: the number."""
    return largest_heads(*largest_rows(summaries, model, copies), f"{title}, size of the largest mean")


def group_forest(table: pd.DataFrame, title: str) -> go.Figure:
    """Means per label with their intervals (statistics.group_means), sorted, the largest on top."""
    shown = table[np.isfinite(table["mean"])].sort_values("mean", kind="stable")
    mean, low, high = (shown[name].to_numpy(float) for name in ("mean", "low", "high"))
    points = go.Scatter(
        mode="markers",
        x=mean,
        y=list(range(len(shown))),
        error_x=_whiskers(mean, low, high),
        marker={"size": 9, "color": [MORE if value > 0 else LESS for value in mean]},
        customdata=[[short(str(label))] for label in shown["label"]],
        hovertext=[
            f"{_pairs(int(n))}, mean {interval(*row)}" for n, *row in zip(shown["n"], mean, low, high, strict=True)
        ],
        hovertemplate="%{customdata[0]}: %{hovertext}<extra></extra>",
        cliponaxis=False,
    )
    figure = go.Figure(points)
    figure.update_layout(**layout(80 + 22 * max(1, len(shown))), showlegend=False)
    figure.update_xaxes(title=escaped(title), range=padded([*mean, *low, *high]), **ZERO)
    _rows(figure, [str(label) for label in shown["label"]])
    return figure


def _pairs(n: int) -> str:
    return f"{n:,} pair{'s' * (n != 1)}"


def group_scatter(
    means: pd.DataFrame, column: str, correlation: Correlation | None, titles: tuple[str, str]
) -> go.Figure:
    """Each label's mean against an outside column of the table, with the least-squares line and r above it.

    `titles` name the column and the mean. `correlation` is of these two columns; None where it cannot be had.
    """
    shown = means[np.isfinite(means[["mean", column]]).all(axis=1)]
    x, y, low, high = (shown[name].to_numpy(float) for name in (column, "mean", "low", "high"))
    line = stats.linregress(x, y) if len(x) > 1 and np.ptp(x) else None
    off = np.abs(y - (line.intercept + line.slope * x)) if line else np.abs(y)
    named = set(np.argsort(-off, kind="stable")[: NAMED if len(x) <= NAMED else NAMED // 2].tolist())
    labels = [short(str(label)) for label in shown["label"]]
    points = go.Scatter(
        mode="markers+text",
        x=x,
        y=y,
        error_y=_whiskers(y, low, high) | {"thickness": 1},
        text=[label if n in named else "" for n, label in enumerate(labels)],
        textposition=["top left" if value > np.mean(_around(x)) else "top right" for value in x],  # into the chart
        cliponaxis=False,
        marker={"size": 8, "color": [MORE if value > 0 else LESS for value in y]},
        customdata=[[label] for label in labels],
        hovertext=[f"mean {interval(*row, places_of(y))}" for row in zip(y, low, high, strict=True)],
        hovertemplate="%{customdata[0]}: %{hovertext}, at %{x:.3g}<extra></extra>",
    )
    figure = go.Figure([*_line(line, x), points])
    figure.update_layout(**layout(440), showlegend=False)
    figure.update_layout(title={"text": _correlated(correlation), "font": {"size": 14}}, margin_t=44)
    figure.update_xaxes(title=escaped(titles[0]), range=_around(x), **ZERO)
    figure.update_yaxes(title=escaped(titles[1]), range=padded([*y, *low, *high], 0.12), **ZERO)
    return figure


def _line(line: object, x: Float[np.ndarray, " label"]) -> list[go.Scatter]:
    if line is None:
        return []
    ends = np.array([x.min(), x.max()])
    y = line.intercept + line.slope * ends  # type: ignore[attr-defined]
    return [go.Scatter(x=ends, y=y, mode="lines", line={"width": 1.5, "color": SIDES[0]}, hoverinfo="skip")]


def _around(values: Float[np.ndarray, " label"]) -> list[float]:
    """A range of an outside column, whose 0 may be far away."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    room = 0.1 * (high - low) or 1.0
    return [low - room, high + room]


def _correlated(correlation: Correlation | None) -> str:
    if correlation is None:
        return "Too few items for a correlation"
    r = interval(correlation.r, correlation.low, correlation.high, 2)
    return f"r = {r}, {escaped(p_value(correlation.p))}, {correlation.items} items"


def effect_histogram(
    values: Float[np.ndarray, " pair"], mean: tuple[float, float, float] | None, title: str
) -> go.Figure:
    """How one head's numbers spread over the pairs; `mean` with its interval is a line with a band.

    A bar's customdata is where it begins and ends: a pair counts from the first up to the second.
    """
    known = values[np.isfinite(values)].astype(np.float64)
    edges = _edges(known)
    counts = np.histogram(known, edges)[0]
    bars = go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": [MORE if middle > 0 else LESS for middle in (edges[:-1] + edges[1:]) / 2], "opacity": 0.75},
        customdata=np.stack([edges[:-1], edges[1:]], 1),
        hovertemplate="%{customdata[0]:.3g} to %{customdata[1]:.3g}: %{y} pairs<extra></extra>",
    )
    figure = go.Figure(bars if len(known) else [])
    figure.update_layout(**layout(300), showlegend=False, bargap=0)
    _mark(figure, mean)
    ends: Iterable[float] = [*edges, *(mean or ())] if len(known) else mean or ()
    figure.update_xaxes(title=escaped(title), range=padded(ends), **ZERO)
    figure.update_yaxes(title="pairs", rangemode="tozero", automargin=True)
    return figure


def _edges(values: Float[np.ndarray, " pair"]) -> Float[np.ndarray, " edge"]:
    """Bins of one width with an edge at 0, so that no bar is of both signs."""
    if not len(values):
        return np.array([0.0, 1.0])
    span = max(np.ptp(values), 1e-6 * np.abs(values).max(), 1e-12)
    width = span / min(BINS, max(5, len(np.histogram_bin_edges(values, "auto")) - 1)) if np.ptp(values) else span
    first, last = math.floor(values.min() / width), math.floor(values.max() / width) + 1
    return width * np.arange(first, last + 1)


def _mark(figure: go.Figure, mean: tuple[float, float, float] | None) -> None:
    if mean is None or not math.isfinite(mean[0]):
        return
    if math.isfinite(mean[1]):
        figure.add_vrect(mean[1], mean[2], fillcolor=SIDES[0], opacity=0.35, line_width=0)
    figure.add_vline(mean[0], line={"width": 2, "dash": "dash", "color": SIDES[0]})
    figure.add_annotation(
        text=f"mean {interval(*mean, places_of(np.array(mean)))}",
        x=1,
        xref="paper",
        xanchor="right",
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
    )
