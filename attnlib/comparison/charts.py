"""Arrays in, Plotly figures out. Charts only: the views of attention are drawn on canvas (views/)."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from attnlib.charts import LESS, MORE, SIDES, escaped, layout, name_axis, padded, short
from attnlib.wording import number
from attnlib.words.predictions import WordChange


def target_bars(targets: Sequence[str], prompts: Sequence[str], masses: Sequence[Sequence[float]]) -> go.Figure:
    """Attention from the focus word to each target, one bar per prompt; `masses` is [prompt][target]."""
    bars = [
        go.Bar(
            name=short(prompt),
            x=list(range(len(targets))),
            y=list(values),
            text=[number(value) for value in values],
            textposition="outside",
            cliponaxis=False,
            marker_color=SIDES[n % len(SIDES)],
            customdata=[short(target) for target in targets],
            hovertemplate=f"{short(prompt)} → %{{customdata}}: %{{y:.3f}}<extra></extra>",
        )
        for n, (prompt, values) in enumerate(zip(prompts, masses, strict=True))
    ]
    top = max([0.05, *(value for values in masses for value in values)])
    figure = go.Figure(bars)
    figure.update_layout(barmode="group", **layout(300))
    name_axis(figure.update_xaxes, targets)
    figure.update_yaxes(title="attention", range=[0, min(1.1, top * 1.2)])
    return figure


def word_bars(words: Sequence[WordChange], names: tuple[str, str] = ("A", "B")) -> go.Figure:
    """log p(word | B) − log p(word | A) of each word, with both probabilities; the first word on top."""
    shown = list(reversed(words))
    bar = go.Bar(
        orientation="h",
        y=list(range(len(shown))),
        customdata=[short(word.word.strip() or word.word) for word in shown],
        x=[word.log_ratio for word in shown],
        text=[f"{number(word.p_a)} → {number(word.p_b)}" for word in shown],
        textposition="auto",
        cliponaxis=False,
        marker_color=[MORE if word.log_ratio > 0 else LESS for word in shown],
        hovertemplate="%{customdata}: %{text}, log-ratio %{x:+.2f}<extra></extra>",
    )
    figure = go.Figure(bar)
    figure.update_layout(**layout(60 + 26 * max(1, len(shown))), showlegend=False)
    title = f"← likelier under {names[0]}   log-ratio   likelier under {names[1]} →"
    figure.update_xaxes(title=title, zeroline=True, range=padded([word.log_ratio for word in shown], 0.35))
    name_axis(figure.update_yaxes, [word.word.strip() or word.word for word in shown])
    return figure


def effect_scatter(
    moves: Float[np.ndarray, "layer head"],
    effects: Float[np.ndarray, "layer head"],
    names: tuple[str, str],
    selected: tuple[int, int] | None = None,
    named: int = 5,
) -> go.Figure:
    """Each head as a point: how far its attention moves against what that does to the odds; the largest are named.

    `names` are the titles of the two axes. A point's customdata is its layer and head.
    """
    layers, heads = np.nonzero(np.isfinite(moves) & np.isfinite(effects))
    x, y = np.abs(moves[layers, heads]), effects[layers, heads]
    rank = np.maximum(x / max(x.max(initial=0), 1e-12), np.abs(y) / max(np.abs(y).max(initial=0), 1e-12))
    large = {n for n in np.argsort(-rank)[:named].tolist() if rank[n] > 0.1}
    places = [(int(layer), int(head)) for layer, head in zip(layers, heads, strict=True)]
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
            "color": [MORE if value > 0 else LESS for value in y],
            "line": {"width": [2 if place == selected else 0 for place in places]},
        },
        hovertemplate="head %{customdata[0]}-%{customdata[1]}: moves %{x:.3f}, effect %{y:+.3f}<extra></extra>",
    )
    figure = go.Figure(points)
    figure.update_layout(**layout(360), showlegend=False, clickmode="event+select")
    figure.update_xaxes(title=names[0], rangemode="tozero", zeroline=True)
    figure.update_yaxes(title=names[1], zeroline=True)
    return figure


def largest_heads(own: tuple[str, float], references: Sequence[tuple[str, Sequence[float]]], title: str) -> go.Figure:
    """The size of the largest head beside that of others that should show nothing: a short row each, `own` on top.

    `own` is a name and a number with its sign, which gives the colour; a reference has a dot per model that was
    measured. `title` names the number.
    """
    name, value = own
    rows = [(name, (abs(value),)), *references]
    dots = [
        go.Scatter(
            name=short(label),
            x=list(sizes),
            y=[len(rows) - 1 - n] * len(sizes),
            mode="markers",
            marker=_dot(n, len(sizes), value),
            cliponaxis=False,
            hovertemplate=f"{short(label)}: %{{x:.3f}}<extra></extra>",
        )
        for n, (label, sizes) in enumerate(rows)
    ]
    figure = go.Figure(dots)
    figure.update_layout(**layout(56 + 22 * len(rows)), showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 16, "t": 4, "b": 8})
    figure.add_vline(abs(value), line={"width": 1, "dash": "dot", "color": SIDES[0]})
    most = max(size for _, sizes in rows for size in sizes)
    figure.update_xaxes(title=escaped(title), range=[-0.03 * most, 1.05 * most], zeroline=False, automargin=True)
    name_axis(figure.update_yaxes, [label for label, _ in reversed(rows)])
    figure.update_yaxes(range=[-0.6, len(rows) - 0.4], zeroline=False, showgrid=False, automargin=True)
    return figure


def _dot(row: int, count: int, value: float) -> dict:
    """The first row is filled, in the colour of its sign; a single reference is open; many are translucent."""
    if row == 0:
        return {"size": 11, "symbol": "diamond", "color": MORE if value > 0 else LESS}
    if count == 1:
        return {"size": 9, "symbol": "circle-open", "color": SIDES[0], "line": {"width": 2}}
    return {"size": 9, "color": SIDES[0], "opacity": 0.55}
