"""The browser's side: from the server's answer to the painted view, frames while hovering."""

import statistics
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.benchmarks.models import gpt2_shape, text_of, tokenizer
from tests.browser.conftest import FLAGS
from tests.browser.install import chromium
from tests.server import start_server, stop_server

LENGTHS = (32, 128, 512)
MODEL_LENGTHS = (32, 128, 512, 2048)
# Notes when the frame that carries the payload has arrived: the server's answer.
ARRIVAL = """
const add = WebSocket.prototype.addEventListener;
const note = ({ data }) => {
  if ((data?.byteLength ?? data?.size ?? 0) > 4000) window.arrived = performance.timeOrigin + performance.now();
};
const Native = WebSocket;
window.WebSocket = class extends Native { constructor(...a) { super(...a); add.call(this, "message", note); } };
"""
# Milliseconds from frame to frame while something else is hovered in each; `step` is a function of view and i.
HOVER = """
async (root, [name, step]) => {
  const view = root[name], hover = new Function("view", "i", step), frames = [];
  let last = performance.now();
  for (let i = 0; i < 120; i++) {
    hover(view, i);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames.slice(5);
}
"""
STEPS = {  # what is hovered, from frame to frame
    "headView": "const n = Math.min(28, view.shown.queries.length);"
    " view.setHover({ side: i % 2 ? 'q' : 'k', token: (i * 7) % n });",
    "modelView": "view.setCursor([i % view.header.layers, (i * 7) % view.header.heads]);",
    "neuronView": "if (i % 2) view.setPreview((i * 7) % view.header.queries.labels.length);"
    " else view.setCursor({ row: i % Math.min(20, view.shown.rows.length), dim: i % 64 });",
}


def run() -> dict[str, Any]:
    """Paint and hover times at each length with 12 heads, and of a comparison with the demo model."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        gpt2_shape(vocabulary=len(tokenizer())).save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        server, url = start_server(Path(folder) / "log.txt")
        try:
            rows = [_row(browser.new_page(), url, folder, tokens) for tokens in LENGTHS]
            models = [_model(browser.new_page(), url, folder, tokens) for tokens in MODEL_LENGTHS]
            neurons = [_neurons(browser.new_page(), url, folder, tokens) for tokens in LENGTHS]
            compared = _compared(browser.new_page(), url)
        finally:
            stop_server(server)
    return {"compared_ms": compared, "rows": rows, "models": models, "neurons": neurons}


def _open(page: Page, url: str, **choices: object) -> None:
    page.set_default_timeout(120000)
    page.add_init_script(ARRIVAL)
    page.goto(f"{url}/?{urlencode(choices, quote_via=quote)}")
    page.locator(".attn-head[data-painted]").wait_for()


def _compared(page: Page, url: str) -> float:
    """Milliseconds from pressing Ctrl+Enter to the last painted view of the comparison, with the demo model."""
    page.set_default_timeout(120000)
    page.goto(f"{url}/compare")
    views = [page.locator(f".attn-{view}").first for view in ("alignment", "grid", "head", "matrix")]
    prompt = page.get_by_role("textbox", name="Prompt B", exact=True)
    page.locator(".attn-matrix[data-painted]").wait_for()
    page.wait_for_timeout(3000)
    times = []
    for word in ("They", "Mary", "It", "Tom", "Then she", "Then he", "We"):
        before = [view.get_attribute("data-painted") or "" for view in views]
        prompt.fill(f"The doctor asked the nurse a question. {word}")
        pressed = page.evaluate("performance.timeOrigin + performance.now()")
        prompt.press("Control+Enter")
        for view, painted in zip(views, before, strict=True):
            expect(view).not_to_have_attribute("data-painted", painted, timeout=60000)
        times.append(max(float(view.get_attribute("data-painted") or "nan") for view in views) - pressed)
        page.wait_for_timeout(1500)
    page.close()
    return statistics.median(times)


def _row(page: Page, url: str, folder: str, tokens: int) -> dict[str, Any]:
    text = text_of(tokens)
    paints = []
    _open(page, url, model=folder, text=text)
    view = page.locator(".attn-head")  # in a shadow root, which locators see through
    for layer in range(1, 6):
        request = "root => root.headView.reporter.ask('layer', 1)"
        paints.append(_turned(view, request, "root => root.headView.header.layer", layer))
        page.wait_for_timeout(300)
    return _times(page, view, "headView", tokens, paints)


def _paint(view: Locator) -> float:
    """Milliseconds from the server's answer to the painted view."""
    return view.evaluate("root => +root.dataset.painted - window.arrived")


def _turned(view: Locator, request: str, now: str, value: int) -> float:
    """Milliseconds from the answer to a request to the view that shows what was asked for."""
    painted = view.get_attribute("data-painted") or ""
    view.evaluate(request)
    expect(view).not_to_have_attribute("data-painted", painted, timeout=60000)
    assert view.evaluate(now) == value
    return _paint(view)


def _times(page: Page, view: Locator, name: str, tokens: int, paints: list[float]) -> dict[str, Any]:
    """A row of the results, after the view has been hovered, too."""
    frames = sorted(view.evaluate(HOVER, [name, STEPS[name]]))
    page.close()
    return {
        "tokens": tokens,
        "painted_ms": statistics.median(paints),
        "hover_p95_ms": frames[int(0.95 * len(frames))],
    }


def _model(page: Page, url: str, folder: str, tokens: int) -> dict[str, Any]:
    """The model view of all heads: opened five times, so that the text has been read before; then hovered."""
    page.set_default_timeout(240000)
    page.add_init_script(ARRIVAL)
    view, paints = page.locator(".attn-model"), []
    for _ in range(6):
        page.goto(f"{url}/model?{urlencode({'model': folder, 'text': text_of(tokens)}, quote_via=quote)}")
        page.locator(".attn-model[data-painted]").wait_for()
        paints.append(_paint(view))
        page.wait_for_timeout(500)
    return _times(page, view, "modelView", tokens, paints[1:])


def _neurons(page: Page, url: str, folder: str, tokens: int) -> dict[str, Any]:
    """The neuron view of five heads one after the other, turned to by key; then queries and cells hovered in turn."""
    page.set_default_timeout(120000)
    page.add_init_script(ARRIVAL)
    page.goto(f"{url}/neuron?{urlencode({'model': folder, 'text': text_of(tokens)}, quote_via=quote)}")
    view, paints = page.locator(".attn-neuron"), []
    page.locator(".attn-neuron[data-painted]").wait_for()
    page.wait_for_timeout(1000)
    for head in range(1, 6):
        request = f"root => root.neuronView.turnTo({head})"
        paints.append(_turned(view, request, "root => root.neuronView.header.head", head))
        page.wait_for_timeout(800)
    return _times(page, view, "neuronView", tokens, paints)
