"""The comparison as a person uses it, in a real browser: from typing a pair to reading a number."""

import re
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from attnlib.wording import signed
from tests.browser.pages import box, settle
from tests.server import start_server, stop_server

SHE = "The doctor asked the nurse a question. She"
HE = "The doctor asked the nurse a question. He"


def visit(page: Page, dashboard: str, **choices: object) -> None:
    """Open the comparison with choices in its link and wait until everything is painted."""
    page.goto(f"{dashboard}/compare?{urlencode(choices, quote_via=quote)}")
    for view in ("alignment", "grid", "head", "matrix"):
        page.locator(f".attn-{view}[data-painted]").first.wait_for(timeout=180_000)


def cell(page: Page, place: str, grid: int = 0) -> Locator:
    return page.locator(".st-key-grid .attn-grid .grid").nth(grid).locator(f'[data-place="{place}"]')


def type_pair(page: Page, a: str, b: str, targets: str) -> None:
    """Type a pair as a person does: each field is in the address before the next one is typed."""
    fields = (
        ("Prompt A", "prompt_a", a, "Control+Enter"),
        ("Prompt B", "prompt_b", b, "Control+Enter"),
        ("Target words", "targets", targets, "Enter"),
    )
    for name, parameter, text, key in fields:
        box(page, name).fill(text)
        box(page, name).press(key)
        page.wait_for_url(lambda url, p=parameter, t=text: parse_qs(urlparse(url).query).get(p) == [t])


def test_from_typing_a_pair_to_reading_a_number(page: Page, dashboard: str) -> None:
    import attnlib

    visit(page, dashboard)
    a, b = "The engineer met the librarian. She", "The engineer met the librarian. He"
    type_pair(page, a, b, "librarian, engineer")
    expect(page.get_by_text("Changing “She” to “He” moves head")).to_be_visible()
    expect(page.locator(".attn-alignment .sentence")).to_have_text("7 and 7 tokens: 6 equal, 1 replaced")
    comparison = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), a, b)
    shift = comparison.target_shift(("librarian", "engineer"))
    cell(page, "0-2").click()
    expect(cell(page, "0-2")).to_have_attribute("aria-selected", "true")
    said = f"head 0-2 · weak pronoun to person .34: Your edit {signed(shift[0, 2])}"
    expect(page.locator(".st-key-grid .attn-grid .tip")).to_contain_text(said)


def test_a_click_in_the_grid_changes_the_head_view_and_the_matrix(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    cell(page, "3-1").click()
    expect(page.get_by_text("Layer 3, head 1")).to_be_visible()
    view = page.locator(".attn-head")
    page.wait_for_function("root => root.headView.header.layer === 3", arg=view.element_handle())
    assert view.evaluate("root => root.headView.shown.on") == [1]
    matrix = page.locator(".attn-matrix")
    page.wait_for_function("root => root.matrixView.header.head === 1", arg=matrix.element_handle())
    page.wait_for_url(re.compile("head=1"))


def test_a_b_and_the_difference_in_every_view_at_once(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    expect(page.locator(".attn-head [data-side-choice=diff]")).to_have_attribute("aria-pressed", "true")
    page.locator(".attn-head [data-side-choice=b]").click()
    expect(page.locator(".attn-matrix [data-side-choice=b]")).to_have_attribute("aria-pressed", "true")
    page.locator(".attn-matrix [data-side-choice=a]").click()
    expect(page.locator(".attn-head [data-side-choice=a]")).to_have_attribute("aria-pressed", "true")


def test_the_matrix_says_both_weights_and_their_difference(page: Page, dashboard: str) -> None:
    import attnlib

    model = attnlib.load_model("demo/gpt2-biased")
    weights = [attnlib.trace(model, text).weights[0, 2, 8, 1] for text in (SHE, HE)]
    visit(page, dashboard)
    overlay = page.locator(".attn-matrix .overlay")
    overlay.focus()
    for _ in range(9):
        overlay.press("ArrowDown")
    for _ in range(9):
        overlay.press("ArrowLeft")
    overlay.press("ArrowRight")
    said = page.locator(".attn-matrix .tip").inner_text()
    numbers = [float(n.replace("−", "-")) for n in re.findall(r"[+−]?\d?\.\d{3}", said)]
    assert "“She → He” looks at “doctor”" in said
    assert numbers == pytest.approx([*weights, weights[1] - weights[0]], abs=0.0011)


def test_the_signs_have_their_colours(page: Page, dashboard: str) -> None:
    visit(page, dashboard)

    def color(place: str) -> list[int]:
        style = cell(page, place).evaluate("cell => getComputedStyle(cell).backgroundColor")
        return [int(n) for n in re.findall(r"\d+", style)[:3]]

    red, _, blue = color("0-2")  # −.898
    assert blue > red + 100
    red, _, blue = color("3-3")  # +.080
    assert red > blue


def test_a_link_restores_everything(page: Page, browser: Browser, dashboard: str) -> None:
    visit(page, dashboard)
    type_pair(page, "The pilot met the dancer. She", "The pilot met the dancer. He", "dancer, pilot")
    cell(page, "2-1").click()
    page.wait_for_url(re.compile("head=1"))
    page.locator(".attn-head [data-side-choice=a]").click()
    page.wait_for_url(re.compile("show"))
    link = page.url
    wanted = parse_qs(urlparse(link).query)
    assert wanted["prompt_b"] == ["The pilot met the dancer. He"]
    other = browser.new_context().new_page()
    other.set_default_timeout(60_000)
    other.goto(link)
    other.locator(".attn-head[data-painted]").wait_for(timeout=180_000)
    expect(box(other, "Prompt B")).to_have_value("The pilot met the dancer. He")
    expect(box(other, "Target words")).to_have_value("dancer, pilot")
    expect(other.get_by_text("Layer 2, head 1")).to_be_visible()
    expect(other.locator(".attn-head [data-side-choice=a]")).to_have_attribute("aria-pressed", "true")
    other.context.close()


def test_an_alignment_is_corrected_by_hand_and_back(page: Page, dashboard: str) -> None:
    visit(page, dashboard, prompt_a="a b c d", prompt_b="a x y d", targets="", focus="")
    sentence = page.locator(".attn-alignment .sentence")
    expect(sentence).to_have_text("4 and 5 tokens: 2 equal, 2 replaced by 3")
    chips = page.locator(".attn-alignment .chip")
    chips.and_(page.locator('[data-side="a"][data-i="1"]')).click()
    page.get_by_role("button", name="Has no counterpart").click()
    expect(sentence).to_contain_text("1 only in A")
    page.wait_for_url(re.compile("align=1~"))
    page.get_by_role("button", name="Reset to automatic").click()
    expect(sentence).to_have_text("4 and 5 tokens: 2 equal, 2 replaced by 3")


def test_swap_and_the_other_one(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    page.get_by_role("button", name="Swap").click()
    expect(box(page, "Prompt A")).to_have_value(HE)
    expect(page.get_by_text("Changing “He” to “She” moves head 0-2 most")).to_be_visible()
    box(page, "Prompt A").fill("The mother of Emily asked her husband.")
    box(page, "Prompt A").press("Control+Enter")
    page.get_by_role("button", name="Make B from A").click()
    expect(box(page, "Prompt B")).to_have_value(re.compile("The father of .* asked his wife\\."))


def test_prompts_keep_when_another_page_is_visited(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    type_pair(page, "The pilot met the dancer. She", "The pilot met the dancer. He", "dancer, pilot")
    settle(page)
    page.get_by_role("link", name="Attention heads").click()
    expect(page.get_by_role("textbox", name="Text")).to_have_value("The pilot met the dancer. She")
    settle(page)
    page.get_by_role("textbox", name="Text").fill("The pilot met the nurse. She")
    page.get_by_role("textbox", name="Text").press("Control+Enter")
    page.wait_for_url(re.compile("text=The.pilot.met.the.nurse"))
    settle(page)
    page.get_by_role("link", name="Compare prompts").click()
    expect(box(page, "Prompt A")).to_have_value("The pilot met the nurse. She")
    expect(box(page, "Prompt B")).to_have_value("The pilot met the dancer. He")
    expect(box(page, "Target words")).to_have_value("dancer, pilot")
    settle(page)
    type_pair(page, "The pilot called the dancer. She", "The pilot called the dancer. They", "pilot, dancer")


def test_downloads_hold_the_numbers(page: Page, dashboard: str, tmp_path: Path) -> None:
    visit(page, dashboard)
    for name, mark in (
        ("Ranking of heads (CSV)", b"layer,head"),
        ("Difference, all layers (NPZ)", b"PK"),
        ("Whole comparison (JSON)", b"weights_sha256"),
    ):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        file = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(file)
        assert mark in file.read_bytes()


def test_strange_prompts_stay_text(page: Page, dashboard: str) -> None:
    nasty = "<img src=x onerror=alert(1)> **bold** $x$ 😀 שלום 日本語"
    visit(page, dashboard, prompt_a=f"{nasty} She", prompt_b=f"{nasty} He", targets="", focus="")
    assert page.locator("img[src=x]").count() == 0
    expect(page.get_by_text("Changing “She” to “He”")).to_be_visible()


def test_the_first_link_after_a_start_leads_to_the_comparison(page: Page, tmp_path: Path) -> None:
    server, url = start_server(tmp_path / "log.txt")
    try:
        page.goto(f"{url}/compare")
        page.locator(".attn-head[data-painted]").wait_for(timeout=180_000)
        expect(page.get_by_text("Page not found")).to_have_count(0)
        expect(box(page, "Prompt B")).to_be_visible()
    finally:
        stop_server(server)
