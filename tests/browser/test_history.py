"""Back, Forward and Reload in Chromium: one entry for each change, and each entry shows what it had."""

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlparse

from playwright.sync_api import Page, expect

from tests.browser.pages import box, picked, settle

QUIET = ("view", "at", "answers")  # what is kept in an entry and makes none (attnlib/views/history/view.js)
FIELDS = ("Text", "Prompt A", "Prompt B", "Target words")
Shown = dict[str, object]


def shown(page: Page) -> Shown:
    """What a person sees of an entry: its page, its address, texts, head, and heads that are on in the view."""
    at = urlparse(page.url)
    view = page.locator(".attn-head")
    return {
        "path": at.path,
        "choices": sorted(pair for pair in parse_qsl(at.query) if pair[0] not in QUIET),
        "texts": {name: box(page, name).input_value() for name in FIELDS if box(page, name).count()},
        "chosen": [
            field.input_value()
            for name in ("Layer", "Head", "Pattern", "Lesson", "Step")
            for field in page.get_by_role("combobox", name=name, exact=True).all()
        ],
        "on": view.first.evaluate("root => root.headView.state.heads") if view.count() else None,
    }


def becomes(page: Page, expected: Shown) -> None:
    """Wait until the page shows this, and see that it stays."""
    found: Shown = {}
    for _ in range(120):
        settle(page)
        try:
            found = shown(page)
        except Exception:  # an element has gone while it was read
            continue
        if found == expected:
            return
        page.wait_for_timeout(400)
    assert found == expected


def entries(page: Page) -> int:
    return int(page.evaluate("history.length"))


def typed(page: Page, name: str, text: str) -> None:
    box(page, name).fill(text)
    box(page, name).press("Control+Enter")


def turned(page: Page, link: str, seen: str) -> None:
    page.get_by_role("link", name=link, exact=True).click()
    page.locator(seen).first.wait_for(timeout=180_000)


def test_back_and_forward_go_through_six_pages(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/")
    page.locator(".attn-head[data-painted]").wait_for(timeout=180_000)
    expect(page).to_have_url(re.compile("text=The"))  # also what nobody typed is in the address
    settle(page)
    steps: list[Callable[[], None]] = [
        lambda: typed(page, "Text", "The nurse said that she left early."),
        lambda: picked(page, "^Head$", "2"),
        lambda: turned(page, "All layers and heads", ".attn-model[data-painted]"),
        lambda: turned(page, "Query × key (neurons)", ".attn-neuron[data-painted]"),
        lambda: turned(page, "Compare prompts", ".attn-grid[data-painted]"),
        lambda: typed(page, "Prompt B", "The nurse said that Emily left early."),
        lambda: page.locator('.attn-grid [data-place="1-1"]').first.click(),
        lambda: turned(page, "Recurring patterns", ".attn-grid[data-painted]"),
        lambda: turned(page, "Lessons", ".attn-head[data-painted]"),
        lambda: page.locator(".st-key-next button").click(),
    ]
    first, seen = entries(page), [shown(page)]
    for number, step in enumerate(steps, 1):
        address = page.url
        step()
        page.wait_for_function("address => location.href !== address", arg=address, timeout=180_000)
        settle(page)
        page.wait_for_timeout(1000)  # whatever Python still writes belongs to the same entry
        settle(page)
        seen.append(shown(page))
        assert entries(page) == first + number, seen[-2:]
    for entry in seen[-2::-1]:
        page.go_back()
        becomes(page, entry)
    for number, entry in enumerate(seen[1:], 1):
        page.go_forward()
        becomes(page, entry)
        if number in (2, 7, len(steps)):  # a text and its head, a pair and its head, a step of a lesson
            page.reload()
            becomes(page, entry)
    page.goto("about:blank")
    page.go_back()
    becomes(page, seen[-1])
    assert entries(page) == first + len(steps) + 1


def test_what_is_typed_and_what_python_changes_are_entries_of_their_own(page: Page, dashboard: str) -> None:
    """Also without waiting for the answer; and Back never takes what was typed from the field before."""
    page.goto(f"{dashboard}/")
    page.locator(".attn-head[data-painted]").wait_for(timeout=180_000)
    expect(page).to_have_url(re.compile("text=The"))
    settle(page)
    assert entries(page) == 2  # the empty page, and this
    page.get_by_role("button", name="Compare she and he").click(timeout=180_000)
    page.locator(".attn-grid[data-painted]").first.wait_for(timeout=180_000)
    expect(page).to_have_url(re.compile("targets="))
    settle(page)
    assert entries(page) == 3  # turned to by a button, with a head
    before = shown(page)
    box(page, "Target words").fill("doctor, nurse")
    page.get_by_role("button", name="Swap").click()  # leaving the field is one change, the button another
    expect(box(page, "Prompt A")).to_have_value(re.compile(" He$"), timeout=180_000)
    settle(page)
    page.wait_for_timeout(1000)
    swapped = shown(page)
    assert entries(page) == 5
    page.go_back()
    expect(box(page, "Prompt A")).to_have_value(re.compile(" She$"), timeout=180_000)
    expect(box(page, "Target words")).to_have_value("doctor, nurse")
    page.go_back()
    becomes(page, before)
    page.go_forward()
    page.go_forward()  # before the answer to the first is there
    becomes(page, swapped)
    box(page, "Prompt B").fill("The doctor asked the nurse a question. Emily")
    page.keyboard.press("Alt+ArrowLeft")  # the field is left as the page is
    expect(page).to_have_url(re.compile("Emily"), timeout=180_000)
    assert entries(page) == 6
