"""Every page for everybody: no serious finding of axe-core, in both themes; and reachable by keyboard."""

import importlib.resources
from itertools import groupby

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import settle

AXE = (importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
PAGES = ("", "model", "neuron", "compare", "study", "patterns", "neurons", "lessons")
# Streamlit's own list of pages has headings between its items (1.67): nothing of ours, and nothing we can change.
STREAMLITS = "[data-testid=stSidebarNavItems]"
IN_A_TABLE = 8  # Streamlit's tables take Tab from cell to cell before they let it go on
RUN = "exclude => axe.run({ exclude }, { resultTypes: ['violations'] })"
WHERE = """() => {
  let e = document.activeElement;
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  const box = e.getBoundingClientRect();
  const name = e.getAttribute("aria-label") ?? e.textContent ?? "";
  return [e.tagName, e.dataset.testid ?? e.className, name.slice(0, 40), box.x | 0, box.y + scrollY | 0].join(" ");
}"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everybody(page: Page, dashboard: str, name: str) -> None:
    """No serious finding in the light and in the dark theme; Tab goes through the page and is never caught."""
    page.set_viewport_size({"width": 1300, "height": 1400})
    page.goto(f"{dashboard}/{name}")
    expect(page.get_by_role("heading").first).to_be_visible(timeout=180_000)
    page.wait_for_timeout(1500)
    settle(page)
    page.evaluate(AXE)
    background = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert not serious(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(1000)
    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor") != background
    assert not serious(page)
    reached = tabbed(page, 50)
    caught = [where for where, times in groupby(reached) if len(list(times)) > IN_A_TABLE]
    assert not [where for where in caught if "BODY" not in where]
    assert any("stSidebarNavLink" in where for where in reached)
    assert len(set(reached)) > 12


def test_what_is_under_share_is_for_everybody(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/compare")
    page.locator(".attn-grid[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    page.get_by_role("button", name="Share").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy link")).to_be_focused()
    page.evaluate(AXE)
    assert not serious(page)
    reached = " ".join(tabbed(page, 10))
    assert all(name in reached for name in ("Evidence pack", "State (JSON)", "Upload"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy link")).to_have_count(0)


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """What axe finds that keeps people from using the page: the rule, and where it is broken."""
    return [
        (finding["id"], [node["html"][:200] for node in finding["nodes"]])
        for finding in page.evaluate(RUN, [[STREAMLITS]])["violations"]
        if finding["impact"] in ("serious", "critical")
    ]


def tabbed(page: Page, times: int) -> list[str]:
    """What has the focus after each Tab."""
    reached = []
    for _ in range(times):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(WHERE))
    return reached
