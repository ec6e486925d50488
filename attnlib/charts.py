"""What all charts share: colours, layout, names on an axis, text from outside made safe for Plotly."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

MORE, LESS = "#d0661a", "#2f7fd0"  # more in B, less in B: readable on white and on black, safe for colour blindness
SIDES = ("#8a94a3", "#3b6fb6", "#7a5195", "#2a8c82", "#b5495b", "#9a7d0a")  # prompt A grey, then the others


def name_axis(update: Callable[..., object], names: Sequence[str]) -> None:
    """Names on an axis by position: Plotly would draw equal names as one, and read "1950" as a number."""
    update(tickmode="array", tickvals=list(range(len(names))), ticktext=[short(name) for name in names])


def padded(values: Iterable[float], share: float = 0.08) -> list[float]:
    """A range of an axis: 0 and all finite values, and room for labels, a share of its length, at each end."""
    known = [0.0, *(float(value) for value in values if np.isfinite(value))]
    low, high = min(known), max(known)
    room = share * (high - low) or 1.0
    return [low - room, high + room]


def layout(height: int) -> dict:
    """What all charts share; colours of text and background are the theme's."""
    return {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 8},
        "legend": {"orientation": "h", "y": 1.12, "x": 0},
    }


def short(text: str) -> str:
    """Text from outside as a label: Plotly reads HTML tags, so their signs are written out."""
    return escaped(text if len(text) <= 28 else text[:27] + "…")


def escaped(text: str) -> str:
    """Text from outside as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
