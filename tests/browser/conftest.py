"""A Streamlit server with the dashboard on a free port, and a Chromium that is already on the machine."""

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.install import HELP, chromium

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = re.compile(r"^(https?|wss?)://(?!127\.0\.0\.1)")
NO_FILE = re.compile(r"^(?!file:|blob:)")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def start_server(log: Path, app: str = "dashboard.py", timeout: float = 60) -> tuple[subprocess.Popen[bytes], str]:
    """A server that answers, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", app, f"--server.port={port}", "--server.address=127.0.0.1"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--server.headless=true", "--server.fileWatcherType=none"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url, start = f"http://127.0.0.1:{port}", time.monotonic()
    while server.poll() is None and time.monotonic() - start < timeout:
        try:
            if urllib.request.urlopen(url + "/_stcore/health", timeout=1).read() == b"ok":
                return server, url
        except OSError:
            time.sleep(0.05)
    server.kill()
    raise RuntimeError("The dashboard did not start:\n" + log.read_text())


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running dashboard."""
    server, url = start_server(tmp_path_factory.mktemp("server") / "log.txt")
    yield url
    server.terminate()
    server.wait(20)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """pytest-playwright has no option for the executable; this fixture is the way."""
    path = chromium()
    if path is None:
        pytest.fail(HELP)
    return {**browser_type_launch_args, "executable_path": path, "args": FLAGS}


@pytest.fixture(autouse=True)
def watched(page: Page) -> Iterator[None]:
    """Every test also checks that no script failed and that nothing was asked for from outside the machine.

    A saved page asks for nothing at all.
    """
    problems: list[str] = []
    page.set_default_timeout(20000)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))

    def asked(url: str) -> None:
        if (NO_FILE if page.url.startswith("file:") else OUTSIDE).match(url):
            problems.append(f"request: {url}")

    page.on("request", lambda request: asked(request.url))
    yield
    assert not problems
