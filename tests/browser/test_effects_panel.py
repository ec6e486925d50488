"""“Does it matter?” in the dashboard: clicks in a grid or the scatter choose the head; words and switches stay."""

import re

from playwright.sync_api import Page, expect

from tests.browser.pages import box, choice, settle
from tests.browser.test_neuron_page import visit

PAIR = {
    "prompt_a": "The doctor asked the nurse a question. She",
    "prompt_b": "The doctor asked the nurse a question. He",
}


def test_a_click_in_the_grid_of_effects_chooses_the_head(page: Page, dashboard: str) -> None:
    visit(page, dashboard, "compare", layer=1, head=0, **PAIR)
    grid = page.locator(".attn-grid").filter(has_text="Indirect effect").first
    grid.locator('[data-place="0-2"]').first.click()
    expect(page.get_by_text("Head 0-2 as a matrix")).to_be_visible()
    settle(page)
    assert choice(page, "head") == "2"
    expect(grid.locator('[data-place="0-2"]').first).to_have_attribute("aria-selected", "true")


def test_a_click_on_a_point_chooses_the_head(page: Page, dashboard: str) -> None:
    visit(page, dashboard, "compare", layer=1, head=0, **PAIR)
    chart = page.locator(".st-key-scatter")
    chart.scroll_into_view_if_needed()
    point = chart.locator(".scatterlayer .point").nth(2)  # head 0-2, the third
    point.click(force=True)
    expect(page.get_by_text("Head 0-2 as a matrix")).to_be_visible()


def test_words_and_switches_are_in_the_link(page: Page, dashboard: str) -> None:
    visit(page, dashboard, "compare", **PAIR)
    field = box(page, "Fits prompt A")
    field.fill("bandaged")
    field.press("Enter")
    expect(page.get_by_text(re.compile("against “bandaged”"))).to_be_visible()
    page.wait_for_url(re.compile("fits_a=bandaged"))
    settle(page)
    switch = page.get_by_role("combobox", name="Heads switched off")
    switch.click()
    switch.press_sequentially("0-2")
    expect(page.get_by_role("option")).to_have_count(1)
    switch.press("ArrowDown")
    switch.press("Enter")
    expect(page.get_by_text("Prompt B, next word")).to_be_visible()
    page.wait_for_url(re.compile("off=0-2"))
    page.reload()
    page.locator(".attn-matrix[data-painted]").wait_for(timeout=180_000)
    expect(page.get_by_text(re.compile("against “bandaged”"))).to_be_visible()
    expect(page.get_by_text("Prompt B, next word")).to_be_visible()
