"""Charts of what heads and their dimensions do, over texts. A head's customdata is its [layer, head].

Not here: charts of one pair (comparison/charts.py), of a study (study/charts.py).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float

from attnlib.behaviour.head_patterns import HeadPatterns
from attnlib.behaviour.head_profile import HeadProfile, strongest_dimensions
from attnlib.behaviour.labels import HeadClusters
from attnlib.behaviour.silencing import MEASURES, Remaining
from attnlib.charts import LESS, MORE, SIDES, layout, name_axis, padded, short

LINES = ("solid", "dot", "dash", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "pentagon")
SIGNED = [[0.0, LESS], [0.5, "rgba(138,148,163,0.12)"], [1.0, MORE]]  # less blue, more orange, nothing: nearly clear


def pattern_bars(found: HeadPatterns, layer: int, head: int) -> go.Figure:
    """Every score of a head that is a share of attention, with its interval, and a mark for the baseline."""
    shown = [
        n for n, pattern in enumerate(found.patterns) if pattern.share and np.isfinite(found.score[n, layer, head])
    ]
    shown.reverse()
    rows = list(range(len(shown)))
    score, reach, baseline = (
        [float(values[n, layer, head]) for n in shown] for values in (found.score, found.reach, found.baseline)
    )
    bars = go.Bar(
        orientation="h",
        name="score",
        x=score,
        y=rows,
        marker_color=SIDES[1],
        error_x={"type": "data", "array": np.nan_to_num(reach).tolist(), "thickness": 1.2, "color": SIDES[0]},
        customdata=[[short(found.patterns[n].title), int(found.texts[n])] for n in shown],
        hovertemplate="%{customdata[0]}: %{x:.3f}, %{customdata[1]} texts<extra></extra>",
    )
    marks = go.Scatter(
        name="baseline",
        mode="markers",
        x=baseline,
        y=rows,
        marker={"symbol": "line-ns-open", "size": 16, "line": {"width": 2}, "color": MORE},
        hovertemplate="baseline %{x:.3f}<extra></extra>",
    )
    figure = go.Figure([bars, marks])
    figure.update_layout(**layout(70 + 24 * max(1, len(rows))))
    figure.update_xaxes(range=[0, 1.04], title="share of attention")
    name_axis(figure.update_yaxes, [found.patterns[n].title for n in shown])
    return figure


def cluster_map(clusters: HeadClusters, selected: tuple[int, int] | None = None) -> go.Figure:
    """Heads as points, close together if they behave alike, with a colour and a shape for each kind."""
    traces = []
    for number, title in enumerate(clusters.titles):
        places = [(int(layer), int(head)) for layer, head in np.argwhere(clusters.number == number)]
        traces.append(
            go.Scatter(
                name=f"{number + 1}: {short(title)} ({len(places)})",
                mode="markers+text",
                x=[clusters.x[place] for place in places],
                y=[clusters.y[place] for place in places],
                text=[f"{layer}-{head}" for layer, head in places] if len(places) <= 24 else None,
                textposition="top center",
                customdata=[list(place) for place in places],
                marker={
                    "symbol": SYMBOLS[number % len(SYMBOLS)],
                    "color": SIDES[(number + 1) % len(SIDES)],
                    "size": [15 if place == selected else 10 for place in places],
                    "line": {"width": [2.5 if place == selected else 0 for place in places]},
                },
                hovertemplate="head %{customdata[0]}-%{customdata[1]}<extra>" + short(title) + "</extra>",
                cliponaxis=False,
            )
        )
    figure = go.Figure(traces)
    figure.update_layout(**layout(400), clickmode="event+select", showlegend=True)
    x, y = clusters.explained
    figure.update_xaxes(title=f"first component ({x:.0%} of the variance)", zeroline=False)
    figure.update_yaxes(title=f"second ({y:.0%})", zeroline=False)
    return figure


# ---------------------------------------------------------------------------------------------- dimensions


def product_map(profile: HeadProfile, order: Sequence[int]) -> go.Figure:
    """Dimensions × distances: the mean product q_d · k_d, signed, with the rows in the given order."""
    values = profile.products[:, list(order)].T
    top = float(np.abs(values).max()) or 1.0
    heat = go.Heatmap(
        z=values,
        x=profile.distances,
        y=list(range(len(order))),
        zmin=-top,
        zmax=top,
        colorscale=SIGNED,
        customdata=np.broadcast_to(np.array(order)[:, None], values.shape),
        hovertemplate="dimension %{customdata}, distance %{x}: %{z:+.3f}<extra></extra>",
        colorbar={"title": "q·k", "thickness": 12},
    )
    figure = go.Figure(heat)
    figure.update_layout(**layout(120 + 12 * len(order)))
    figure.update_xaxes(title="distance (tokens from key to query)")
    figure.update_yaxes(
        title="dimension",
        autorange="reversed",
        tickmode="array",
        tickvals=list(range(len(order))),
        ticktext=[str(one) for one in order],
    )
    return figure


def decay_curves(profile: HeadProfile, dimensions: Sequence[int]) -> go.Figure:
    """The mean score by distance, and what each of these dimensions adds to it."""
    lines = [("the head", profile.products.sum(1), SIDES[0], 3.5)]
    lines += [
        (f"dimension {d}", profile.products[:, d], SIDES[1 + n % (len(SIDES) - 1)], 2.0)
        for n, d in enumerate(dimensions)
    ]
    traces = [
        go.Scatter(
            name=name,
            mode="lines",
            x=profile.distances,
            y=values,
            line={"color": colour, "width": width, "dash": LINES[n % len(LINES)] if n else "solid"},
            hovertemplate=f"{name}, distance %{{x}}: %{{y:+.3f}}<extra></extra>",
        )
        for n, (name, values, colour, width) in enumerate(lines)
    ]
    figure = go.Figure(traces)
    figure.update_layout(**layout(340), showlegend=True)
    figure.update_xaxes(title="distance (tokens from key to query)")
    figure.update_yaxes(title="mean of scaling · q·k", zeroline=True)
    return figure


def dimension_bars(
    values: Float[np.ndarray, " head_dim"],
    low: Float[np.ndarray, " head_dim"] | None,
    high: Float[np.ndarray, " head_dim"] | None,
    title: str,
    *,
    chosen: Sequence[int] = (),
    most: int = 16,
) -> go.Figure:
    """The largest of one number per dimension, with intervals; a frame around the chosen ones. Customdata: [d]."""
    low, high = (values if ends is None else np.where(np.isfinite(ends), ends, values) for ends in (low, high))
    order = strongest_dimensions(values, most)
    order.sort(key=lambda d: values[d])
    bars = go.Bar(
        x=list(range(len(order))),
        y=[float(values[d]) for d in order],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [float(high[d] - values[d]) for d in order],
            "arrayminus": [float(values[d] - low[d]) for d in order],
            "thickness": 1.2,
            "color": SIDES[0],
        },
        marker_color=[MORE if values[d] > 0 else LESS for d in order],
        marker_line={"width": [2.5 if d in chosen else 0 for d in order], "color": SIDES[0]},
        customdata=[[d] for d in order],
        hovertemplate="dimension %{customdata[0]}: %{y:+.4f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(**layout(300), showlegend=False, clickmode="event+select")
    figure.update_yaxes(title=title, zeroline=True)
    name_axis(figure.update_xaxes, [str(d) for d in order])
    figure.update_xaxes(title="dimension", tickangle=0)
    return figure


def before_after(curve: pd.DataFrame) -> go.Figure:
    """Mean attention by distance in one text, unchanged and with dimensions scaled."""
    traces = [
        go.Scatter(
            name=name,
            mode="lines+markers",
            x=curve["distance"],
            y=curve[column],
            line={"color": colour, "dash": dash},
            hovertemplate=f"{name}, distance %{{x}}: %{{y:.3f}}<extra></extra>",
        )
        for name, column, colour, dash in (
            ("as it is", "before", SIDES[0], "solid"),
            ("scaled", "after", MORE, "dash"),
        )
    ]
    figure = go.Figure(traces)
    figure.update_layout(**layout(260), showlegend=True)
    figure.update_xaxes(title="distance (tokens from key to query)")
    figure.update_yaxes(title="mean attention", rangemode="tozero")
    return figure


def remaining_bars(remaining: Remaining) -> go.Figure:
    """Means over units, with intervals: unchanged, with the chosen dimensions silenced, with random ones silenced."""
    names = ("as it is", "chosen silenced", "random silenced")
    values = [remaining.before, remaining.found, remaining.control]
    low, high = remaining.intervals[:3].T
    bars = go.Bar(
        x=list(range(3)),
        y=values,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - values).tolist(),
            "arrayminus": np.nan_to_num(values - low).tolist(),
            "color": SIDES[0],
        },
        marker_color=[SIDES[0], MORE, SIDES[1]],
        customdata=[[name] for name in names],
        hovertemplate="%{customdata[0]}: %{y:+.3f}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(**layout(300), showlegend=False)
    name_axis(figure.update_xaxes, names)
    figure.update_yaxes(title=MEASURES[remaining.measure], range=padded([*values, *low, *high]), zeroline=True)
    return figure
