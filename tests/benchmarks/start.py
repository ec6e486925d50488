"""How long a user waits after `make run`: the server, and the first view of a page opened at once or later."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS
from tests.browser.install import chromium
from tests.server import start_server, stop_server

RUNS = 3
OURS = "attnlib.model.loading, transformers.models.gpt2.modeling_gpt2"  # for a model, transformers imports more
LATER = 8.0  # seconds after the server's start


def run() -> dict[str, float]:
    """Seconds, medians of RUNS."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        log = Path(folder) / "log.txt"
        found = [
            {
                "bare": _import("torch, transformers"),
                "imports": _import(OURS),
                **_first_view(browser, log),
                "later": _first_view(browser, log, LATER)["at_once"],
            }
            for _ in range(RUNS)
        ]
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def _import(modules: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {modules}"], check=True)
    return time.perf_counter() - start


def _first_view(browser: Browser, log: Path, wait: float = 0) -> dict[str, float]:
    """Of a fresh server: seconds until it answers, and from opening the page to the painted view."""
    start = time.perf_counter()
    server, url = start_server(log)
    healthy = time.perf_counter() - start
    try:
        time.sleep(max(0.0, wait - healthy))
        page = browser.new_page()
        page.set_default_timeout(120_000)
        opened = time.perf_counter()
        page.goto(url)
        page.locator(".attn-head[data-painted]").wait_for()
        seconds = time.perf_counter() - opened
        page.close()
    finally:
        stop_server(server)
    return {"healthy": healthy, "at_once": seconds}
