"""The model view: server's side as ratios to the plain forward pass, size, and how time and memory grow."""

import importlib.util
import statistics
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from playwright.sync_api import sync_playwright
from plotly.subplots import make_subplots

import attnlib
from attnlib.views.model.payload import model_payload
from tests.benchmarks import memory
from tests.benchmarks.models import gpt2_shape, text_of, tokenizer, wrapped
from tests.benchmarks.server import interleaved, ratio
from tests.browser.conftest import FLAGS
from tests.browser.install import chromium

LENGTHS = (32, 128, 512, 1024, 2048)
DEPTHS = (6, 12, 24)
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "growth.png"
FORWARD, VIEW = "plain forward", "model view"
Points = dict[str, list[float]]  # the two kinds of run, a number for each size


def run() -> dict[str, Any]:
    """A row per text length; the growth with tokens and with layers, drawn and fitted."""
    rows = [_row(12, tokens) for tokens in LENGTHS]
    deep = [_row(layers, 512) for layers in DEPTHS]
    grown = LENGTHS[2:]
    tokens_mb = {
        name: [memory.peak(12, what, tokens) for tokens in grown]
        for name, what in ((FORWARD, "forward"), (VIEW, "overview"))
    }
    layers_mb = {
        name: [memory.peak(layers, what, 512) for layers in DEPTHS]
        for name, what in ((FORWARD, "forward"), (VIEW, "overview"))
    }
    panels = [
        ("Seconds by tokens, 12 layers", LENGTHS, _seconds(rows)),
        ("MB by tokens, 12 layers", grown, tokens_mb),
        ("Seconds by layers, 512 tokens", DEPTHS, _seconds(deep)),
        ("MB by layers, 512 tokens", DEPTHS, layers_mb),
    ]
    _draw(panels)
    exponents = [
        (title, *(_exponent(sizes, points[name]) for name in (FORWARD, VIEW))) for title, sizes, points in panels
    ]
    largest = tokens_mb[VIEW][-1] / tokens_mb[FORWARD][-1]
    return {"rows": rows, "exponents": exponents, "memory_ratio": largest, "tokens_mb": tokens_mb, "grown": grown}


@lru_cache(maxsize=1)
def _models(layers: int) -> tuple[Any, attnlib.Model]:
    return gpt2_shape(layers), wrapped(gpt2_shape(layers))


def _row(layers: int, tokens: int) -> dict[str, Any]:
    plain, model = _models(layers)
    text = text_of(tokens)
    ids = tokenizer()(text, return_tensors="pt").input_ids
    sizes: list[int] = []

    def forward() -> None:
        with torch.inference_mode():
            plain(ids, use_cache=False)

    def view() -> None:
        sizes.append(len(model_payload(attnlib.overview(model, text))))

    forwards, views = interleaved([forward, view], max(3, min(20, 4000 // tokens)))
    return {
        "tokens": tokens,
        "forward_s": statistics.median(forwards),
        "view_s": statistics.median(views),
        "view": ratio(views, forwards),
        "payload_MB": sizes[-1] / 1e6,
        **(_bertviz(plain, ids, tokens) if layers == 12 else {}),
    }


def _bertviz(plain: Any, ids: torch.Tensor, tokens: int) -> dict[str, Any]:
    """Size and seconds of BertViz's model view of the same model, where BertViz is installed."""
    if importlib.util.find_spec("bertviz") is None or tokens > 128:
        return {}
    from bertviz import model_view

    with torch.inference_mode():
        start = time.perf_counter()
        attention = plain(ids, use_cache=False, output_attentions=True).attentions
        page = model_view(attention, tokenizer().convert_ids_to_tokens(ids[0]), html_action="return").data
    return {"bertviz_MB": len(page) / 1e6, "bertviz_s": time.perf_counter() - start}


def _seconds(rows: list[dict[str, Any]]) -> Points:
    return {FORWARD: [row["forward_s"] for row in rows], VIEW: [row["view_s"] for row in rows]}


def _exponent(sizes: tuple[int, ...], values: list[float]) -> float:
    """The power with which values grow, over the larger half of the sizes: the slope on two logarithmic axes."""
    upper = slice(len(sizes) // 2 - (len(sizes) < 4), None)
    return float(np.polyfit(np.log(sizes[upper]), np.log(values[upper]), 1)[0])


def _draw(panels: list[tuple[str, tuple[int, ...], Points]]) -> None:
    figure = make_subplots(rows=2, cols=2, subplot_titles=[title for title, _, _ in panels])
    for n, (_, sizes, points) in enumerate(panels):
        for name, color in ((FORWARD, "#57606a"), (VIEW, "#0b63b0")):
            line = go.Scatter(
                x=sizes, y=points[name], name=name, line={"color": color}, mode="lines+markers", showlegend=n == 0
            )
            figure.add_trace(line, row=n // 2 + 1, col=n % 2 + 1)
        figure.update_xaxes(type="log", tickvals=sizes, row=n // 2 + 1, col=n % 2 + 1)
    figure.update_yaxes(type="log")
    figure.update_layout(width=900, height=640, template="plotly_white", margin={"t": 60, "b": 40, "l": 50, "r": 20})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 920, "height": 660})
        page.set_content(figure.to_html(include_plotlyjs=True, config={"staticPlot": True}))
        page.locator(".main-svg").first.wait_for()
        page.screenshot(path=PICTURE)
