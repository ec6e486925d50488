"""One dashboard for the tests of a worker, and a Chromium that is already on the machine."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.install import HELP, chromium
from tests.server import start_server, stop_server

OUTSIDE = re.compile(r"^(https?|wss?)://(?!127\.0\.0\.1)")
NO_FILE = re.compile(r"^(?!file:|blob:)")
FLAGS = [
    "--process-per-site",  # pages of one dashboard share what their scripts were compiled to
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

expect.set_options(timeout=60_000)  # four browsers and servers may share two cores


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[str]:
    """The address of a running dashboard that has shown its first view: what it imports is there."""
    server, url = start_server(tmp_path_factory.mktemp("server") / "log.txt")
    page = browser.new_page()
    page.goto(url)
    page.locator(".attn-head[data-painted]").wait_for(timeout=300_000)
    page.close()
    yield url
    stop_server(server)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """pytest-playwright has no option for the executable; this fixture is the way."""
    path = chromium()
    if path is None:
        pytest.fail(HELP)
    return {**browser_type_launch_args, "executable_path": path, "args": FLAGS}


@pytest.fixture(scope="session")
def _one_context(browser: Browser, browser_context_args: dict) -> Iterator[BrowserContext]:
    context = browser.new_context(**browser_context_args)
    yield context
    context.close()


@pytest.fixture
def context(_one_context: BrowserContext) -> Iterator[BrowserContext]:
    """One for all tests of a worker: scripts are fetched once. What a test leaves there is taken away."""
    yield _one_context
    for page in _one_context.pages:
        if page.url.startswith("http"):
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.close()
    _one_context.set_offline(False)
    _one_context.clear_permissions()
    _one_context.clear_cookies()


@pytest.fixture(autouse=True)
def watched(page: Page) -> Iterator[None]:
    """Every test also checks that no script failed, that nothing was asked for from outside the machine, and that the
    server's policy (pages/guard.py) held up nothing.

    A saved page asks for nothing at all.
    """
    problems: list[str] = []
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))

    def asked(url: str) -> None:
        if (NO_FILE if page.url.startswith("file:") else OUTSIDE).match(url):
            problems.append(f"request: {url}")

    def told(text: str) -> None:
        if "Content Security Policy" in text:
            problems.append(f"refused by the policy: {text}")

    page.on("request", lambda request: asked(request.url))
    page.on("console", lambda message: told(message.text))
    yield
    assert not problems
