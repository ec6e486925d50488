"""What browser tests share: waiting, fields and the address of the dashboard; what a saved page would send."""

import re
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

# In a saved page nobody hears what a view sends. These keep it, and answer at once.
DEAF = "const setTriggerValue = "
HEARD = "const setTriggerValue = (name, value) => (window.sent ??= []).push([name, value]) > 0, unused = "

# A label as nobody should write one: markup, and longer than any line.
NASTY = f"<img src=x onerror=alert(1)> {'very ' * 80}long"


def is_cut(text: Locator) -> bool:
    """Whether an element's text is longer than what is seen of it, on one line."""
    return bool(text.evaluate("e => e.scrollWidth > e.clientWidth && e.getBoundingClientRect().height < 30"))


def settle(page: Page) -> None:
    """Wait until the server has answered. (Who turns pages within a second of typing can lose what was typed.)"""
    page.wait_for_timeout(100)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=180_000)


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name, exact=True)


def choice(page: Page, name: str) -> str:
    """A choice in the page's address; empty where it is as at the start."""
    return parse_qs(urlparse(page.url).query).get(name, [""])[0]


def picked(page: Page, label: str, option: str) -> None:
    """Choose an option of a select."""
    settle(page)
    field = page.get_by_role("combobox", name=re.compile(label))
    field.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # a list closes when its page scrolls
    found = page.get_by_role("option", name=option, exact=True)
    for _ in range(3):  # a run of the page that ends just now closes the list
        field.click()
        try:
            found.click(timeout=5000)
            break
        except PlaywrightTimeoutError:
            settle(page)
    else:
        found.click()
    settle(page)
