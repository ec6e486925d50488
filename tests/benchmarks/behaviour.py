"""Patterns over many texts beside the bare forward pass; memory by the number of texts; a slider's step."""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import torch
from playwright.sync_api import expect, sync_playwright

import attnlib
from attnlib.behaviour.measure import measure_patterns
from attnlib.model.batches import TextBatch, keeps_logits, read_batches
from attnlib.model.loading import Model
from attnlib.prompts.texts import builtin_texts
from tests.benchmarks.models import gpt2_shape, wrapped
from tests.browser.conftest import FLAGS
from tests.browser.install import chromium
from tests.server import start_server, stop_server

TEXTS = 1_000
COUNTS = (1_000, 20_000)
STEPS = 12


def run() -> dict[str, Any]:
    """Shares of the limit of both models, peak memory, milliseconds of a slider's step."""
    bare = attnlib.load_model("demo/gpt2-biased", device="cpu").hf
    bare.set_attn_implementation("sdpa")
    return {
        "demo": _speed(attnlib.load_model("demo/gpt2-biased", device="cpu"), bare, 5),
        "gpt2": _speed(wrapped(gpt2_shape()), gpt2_shape(attention="sdpa"), 3),
        "memory": {count: peak(count) for count in COUNTS},
        "slider_ms": slider(),
    }


def texts(count: int) -> list[str]:
    """So many texts: the built-in ones again and again."""
    return list(islice(cycle(builtin_texts()), count))


def _speed(model: Model, bare: Any, rounds: int) -> dict[str, float]:
    """Texts per second of all patterns, and how that stands to the bare forward pass; the two in turn."""
    given = texts(TEXTS)
    rows = [batch.ids for batch in read_batches(model, given) if isinstance(batch, TextBatch)]
    ways: dict[str, Callable[[], object]] = {
        "patterns": lambda: measure_patterns(model, given),
        "bare": lambda: _bare(bare, rows, keeps_logits(model)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    measured, plain = (median(found[1:]) for found in seconds.values())  # the first warms up
    return {"texts_per_s": TEXTS / measured, "share": plain / measured}


def _bare(bare: Any, rows: list[torch.Tensor], last: bool) -> None:
    """The limit: the same tokens in the same batches, without attentions, of the logits the last."""
    options = {"logits_to_keep": 1} if last else {}
    with torch.inference_mode():
        for ids in rows:
            bare(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **options)


def peak(count: int) -> float:
    """Peak resident memory, in MB, of so many texts in the demo model, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.behaviour", str(count)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(count: int) -> float:
    """Peak resident memory of this process, in MB, after the measurement (Linux only)."""
    measure_patterns(attnlib.load_model("demo/gpt2-biased", device="cpu"), islice(cycle(builtin_texts()), count))
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3  # type: ignore[index]


def slider() -> float:
    """Milliseconds from an arrow key on the slider to the painted head view, demo model: the median of STEPS."""
    times = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        server, url = start_server(Path(folder) / "log.txt")
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 2400})
            page.set_default_timeout(120000)
            page.goto(f"{url}/neurons?{urlencode({'layer': 0, 'head': 2})}")
            view = page.locator(".attn-head")
            page.locator(".attn-head[data-painted]").wait_for()
            page.wait_for_timeout(3000)
            thumb = page.get_by_role("slider", name="Multiply them by")
            thumb.focus()
            for _ in range(STEPS + 2):
                before = view.get_attribute("data-painted") or ""
                pressed = page.evaluate("performance.timeOrigin + performance.now()")
                thumb.press("ArrowRight")
                expect(view).not_to_have_attribute("data-painted", before, timeout=20000)
                times.append(float(view.get_attribute("data-painted") or "nan") - pressed)
                page.wait_for_timeout(700)
        finally:
            stop_server(server)
    return statistics.median(times[2:])


if __name__ == "__main__":
    print(measure(int(sys.argv[1])))
