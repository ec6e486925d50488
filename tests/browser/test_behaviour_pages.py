"""The pages of behaviour as people use them: patterns, examples, sliders, and what remains of a bias."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import box, choice, picked, settle
from tests.server import start_server, stop_server

MARKUP = "<img src=x onerror=alert(1)> said the cat to the cat."


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard that keeps nothing of earlier runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNLIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        server, url = start_server(tmp_path_factory.mktemp("server") / "log.txt")
    yield url
    stop_server(server)


def opened(page: Page, url: str, width: int = 1400) -> Page:
    """A page with its views painted and its script at rest."""
    page.set_viewport_size({"width": width, "height": 1800})
    page.goto(url)
    page.locator(".attn-head[data-painted]").first.wait_for(timeout=180_000)
    page.wait_for_timeout(500)
    settle(page)
    return page


def grid(page: Page, key: str = "patterns_grid") -> Locator:
    return page.locator(f".st-key-{key} .attn-grid")


def test_a_pattern_a_head_and_its_best_text(page: Page, url: str) -> None:
    opened(page, f"{url}/patterns?model=demo%2Fbert-biased")
    expect(page.get_by_text("next token: 0-0 (.93), 2-3 (.80)")).to_be_visible()
    expect(page.get_by_role("heading", name="Head 0-0: next token .93")).to_be_visible()
    expect(page.locator(".attn-head")).to_have_count(3)
    picked(page, "Pattern", "previous token")
    expect(page.get_by_text(re.compile(r"Head 1-2 has the highest: \.90"))).to_be_visible()
    assert choice(page, "pattern") == "previous token"
    expect(grid(page).locator('[data-place="1-2"]').first).to_have_attribute(
        "aria-label", re.compile("previous token .90")
    )
    grid(page).locator('[data-place="2-3"]').first.click()
    expect(page.get_by_role("heading", name="Head 2-3: next token .80")).to_be_visible()
    settle(page)
    assert (choice(page, "layer"), choice(page, "head")) == ("2", "3")
    opened(page, page.url)
    expect(page.get_by_role("heading", name="Head 2-3: next token .80")).to_be_visible()
    example = page.locator(".st-key-open_0 button, .st-key-open-0 button").first
    text = page.get_by_text(re.compile(r"^\.\d\d: ")).first.inner_text().split(": ", 1)[1]
    example.scroll_into_view_if_needed()
    example.click()
    expect(page.get_by_role("heading", name="Attention heads")).to_be_visible(timeout=180_000)
    settle(page)
    assert (choice(page, "layer"), choice(page, "head")) == ("2", "3")
    expect(box(page, "Text")).to_have_value(text)
    assert choice(page, "text") == text
    expect(page.get_by_text("head 3 · next token .80").first).to_be_visible(timeout=180_000)


def test_a_point_of_the_map_and_a_second_model(page: Page, url: str) -> None:
    opened(page, f"{url}/patterns?pattern=coreference")
    expect(page.get_by_role("heading", name="Head 0-2: weak pronoun to person .34")).to_be_visible()
    points = page.locator(".st-key-kinds_map .scatterlayer .point")
    expect(points).to_have_count(16)
    points.nth(3).click(force=True)
    expect(page.get_by_role("heading", name="Head 0-2: weak pronoun to person .34")).to_be_hidden()
    picked(page, "Compare with", "demo/gpt2-balanced")
    expect(grid(page).get_by_role("heading", name="demo/gpt2-balanced")).to_be_visible(timeout=180_000)
    difference = grid(page, "patterns_difference")
    expect(difference.get_by_role("heading", name="demo/gpt2-biased − demo/gpt2-balanced")).to_be_visible()


def test_a_pattern_described_by_example(page: Page, url: str) -> None:
    opened(page, f"{url}/patterns")
    page.get_by_text("Describe a pattern by example").click()
    page.wait_for_timeout(500)
    settle(page)
    page.get_by_role("button", name="Find heads: verb → noun before").click()
    expect(page.get_by_text("Measured below: verb → noun before")).to_be_visible(timeout=180_000)
    settle(page)
    assert choice(page, "pattern") == "verb → noun before"
    picked(page, "From", "2 doctor")
    picked(page, "^To", "5 nurse")
    expect(page.get_by_text("no token sees a later one")).to_be_visible()


def test_uploaded_texts_stay_text(page: Page, url: str, tmp_path: Path) -> None:
    opened(page, f"{url}/patterns?pattern=same+token")
    page.get_by_role("radio", name="Upload a file").click()
    (tmp_path / "mine.txt").write_text(f"{MARKUP}\nOne, two, one.\n", "utf-8")
    page.locator("input[type=file]").set_input_files(tmp_path / "mine.txt")
    expect(page.get_by_text("2 texts read")).to_be_visible(timeout=180_000)
    expect(page.get_by_text(re.compile(re.escape(MARKUP))).first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    (tmp_path / "broken.csv").write_text("id,words\n1,One\n", "utf-8")
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.csv")
    expect(page.get_by_text("broken.csv, line 1: no column text. There are id, words.")).to_be_visible()


def scaled(page: Page) -> str:
    """When the head with scaled dimensions was painted."""
    return page.locator(".attn-head").get_attribute("data-painted") or ""


def test_sliders_move_the_head_and_the_words(page: Page, url: str) -> None:
    opened(page, f"{url}/neurons?layer=0&head=2")
    expect(page.get_by_role("heading", name="Layer 0, head 2: weak pronoun to person .34")).to_be_visible()
    bars = page.locator(".st-key-scaled_words .barlayer text")
    expect(bars.first).to_be_visible()
    before, painted = bars.all_text_contents(), scaled(page)
    slider = page.get_by_role("slider", name="Multiply them by")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
        page.wait_for_timeout(300)
    settle(page)
    page.wait_for_timeout(1000)
    assert scaled(page) != painted
    assert bars.all_text_contents() != before
    tags = page.locator(".st-key-dimensions [data-tag]")
    expect(tags).to_have_count(4)
    page.get_by_text("One slider per dimension").click()
    expect(page.get_by_role("slider", name=re.compile(r"^Dimension \d+"))).to_have_count(4)
    settle(page)
    page.locator(".st-key-slopes .barlayer .point").first.click(force=True)
    expect(tags).not_to_have_count(4)


def test_what_remains_of_the_bias_without_four_dimensions(page: Page, url: str) -> None:
    opened(page, f"{url}/neurons?layer=0&head=2")
    page.get_by_role("button", name="Silence them in 480 pairs").click()
    expect(page.get_by_text(re.compile(r"Target shift of the head \(B − A\): 56% remain"))).to_be_visible(
        timeout=180_000
    )
    expect(
        page.get_by_text(re.compile(r"How differently the model continues \(JSD, bits\): 50% remain"))
    ).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Choose the strongest: 2, 23, 9, 16").click()
    tags = page.locator(".st-key-dimensions [data-tag]")
    expect(tags).to_have_text(["2", "9", "16", "23"], timeout=180_000)
    expect(page.get_by_text(re.compile("56% remain"))).to_be_visible()
    box(page, "Text").fill("The engineer thanked the librarian. He")
    box(page, "Text").press("Control+Enter")
    settle(page)
    expect(page.get_by_role("heading", name="Layer 0, head 2: weak pronoun to person .34")).to_be_visible()


@pytest.mark.parametrize("asked", ["patterns?", "neurons?"])
def test_a_narrow_window_does_not_scroll_sideways(page: Page, url: str, asked: str) -> None:
    opened(page, f"{url}/{asked}layer=0&head=2", width=700)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
