"""Every page as the first request of a fresh server: by its address, with its choices, and no other page's names."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from attnlib.address import PAGES, address
from tests.browser.pages import settle
from tests.server import start_server, stop_server

SEEN = """
window.named = new Set();
const note = () => document.querySelectorAll("[data-testid=stSidebarNavLink]").forEach((link) =>
  window.named.add(link.innerText.trim().split("\\n").pop()));
new MutationObserver(note).observe(document, { childList: true, subtree: true, characterData: true });
"""

CHOSEN = [("model", "demo/gpt2-balanced"), ("layer", "1"), ("head", "2")]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_the_first_request(page: Page, tmp_path: Path, name: str) -> None:
    server, url = start_server(tmp_path / "log.txt")
    try:
        page.add_init_script(SEEN)
        asked = address(name, CHOSEN if name != "lessons" else [])
        page.goto(url + asked)
        expect(page.get_by_role("heading", name=PAGES[name], exact=True).first).to_be_visible(timeout=180_000)
        expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(len(PAGES))
        settle(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert set(page.evaluate("[...window.named]")) - {""} == set(PAGES.values())
        if name not in ("lessons", "study"):
            assert "model=demo%2Fgpt2-balanced" in page.url
            assert "layer=1" in page.url
    finally:
        stop_server(server)
