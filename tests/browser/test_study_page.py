"""Studying many pairs in the dashboard: upload, run, leave, come back, choose a head, open a pair."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from attnlib.prompts.builtin import pair_set
from data.pairs.build import as_csv
from tests.browser.pages import box, choice, picked, settle
from tests.server import start_server, stop_server


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A dashboard of its own, and the folder of its studies."""
    root = tmp_path_factory.mktemp("studies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNLIB_STUDIES", str(root))
        server, url = start_server(tmp_path_factory.mktemp("server") / "log.txt")
    yield url, root
    stop_server(server)


def test_upload_run_leave_come_back_open_a_pair(page: Page, studies: tuple[str, Path], tmp_path: Path) -> None:
    url, root = studies
    pairs = [pair for pair in pair_set("two-occupations") if " asked " in pair.prompt_a]
    file = tmp_path / "my pairs.csv"
    file.write_text(as_csv(pairs).replace("prompt_a,prompt_b", "this,that") + "broken line\n", "utf-8")
    page.goto(f"{url}/study")
    page.get_by_role("radio", name="Upload a file").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("Choose which columns are prompt_a and prompt_b")).to_be_visible(timeout=180_000)
    picked(page, "prompt_a", "this")
    picked(page, "prompt_b", "that")
    expect(page.get_by_text("40 pairs")).to_be_visible()
    expect(page.get_by_text("1 row left out").first).to_be_visible()
    expect(page.get_by_text(re.compile("of measuring, and"))).to_be_visible(timeout=180_000)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("The study runs in the background")).to_be_visible()
    page.wait_for_url(re.compile("study=my_pairs"))
    page.get_by_role("link", name="Compare prompts").click()  # leave …
    page.locator(".attn-matrix[data-painted]").wait_for(timeout=180_000)
    page.goto(f"{url}/study?study=my_pairs")  # … and come back
    head = page.get_by_role("heading", name=re.compile("40 pairs, averaged to 20 units.*0-2"))
    expect(head).to_be_visible(timeout=180_000)
    grid = page.locator(".st-key-study_grid .attn-grid")
    grid.locator('[data-place="1-0"]').first.click()
    expect(page.get_by_text("Head 1-0 in demo/gpt2-biased")).to_be_visible(timeout=180_000)
    grid.locator('[data-place="0-2"]').first.click()
    expect(page.get_by_text("Head 0-2 in demo/gpt2-biased")).to_be_visible(timeout=180_000)
    _open_the_first_pair(page)
    expect(page.get_by_text("Head 0-2 as a matrix")).to_be_visible(timeout=180_000)
    expect(box(page, "Prompt A")).to_have_value(
        re.compile(r"^The \w+ asked the \w+ a question. She$"), timeout=180_000
    )
    expect(box(page, "Target words")).to_have_value(re.compile(r"^\w+, \w+$"), timeout=180_000)
    settle(page)
    assert choice(page, "prompt_b").endswith(" He")
    assert (root / "my_pairs" / "manifest.json").exists()
    page.go_back()  # once: to the study, its head and the pair that was chosen there
    expect(page.get_by_role("button", name=re.compile("^Open “The "))).to_be_visible(timeout=180_000)
    assert (choice(page, "study"), choice(page, "study_head")) == ("my_pairs", "0-2")
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Open “The "))).to_be_visible(timeout=180_000)
    expect(page.get_by_text("Head 0-2 in demo/gpt2-biased")).to_be_visible()


def _open_the_first_pair(page: Page) -> None:
    """The table is a canvas: its first cell of the first row chooses the row."""
    settle(page)
    table = page.locator("[data-testid=stDataFrame]").first
    table.scroll_into_view_if_needed()
    frame = table.bounding_box()
    assert frame is not None
    page.mouse.click(frame["x"] + 18, frame["y"] + 54)
    page.wait_for_url(re.compile("study_pair="))  # an entry of its own, if nobody is faster than its answer
    page.get_by_role("button", name=re.compile("^Open “The ")).click()


def test_a_click_on_a_point_of_a_chart_chooses_the_head(page: Page, studies: tuple[str, Path]) -> None:
    url, _ = studies
    page.goto(f"{url}/study?study=my_pairs")
    expect(page.get_by_text("Head 0-2 in demo/gpt2-biased")).to_be_visible(timeout=180_000)
    chart = page.locator(".st-key-volcano")
    chart.scroll_into_view_if_needed()
    chart.locator(".scatterlayer .point").nth(4).click(force=True)  # of 16 heads in their order: 1-0
    expect(page.get_by_text("Head 1-0 in demo/gpt2-biased")).to_be_visible(timeout=180_000)


def test_a_study_can_be_stopped_and_goes_on(page: Page, studies: tuple[str, Path]) -> None:
    url, root = studies
    page.goto(f"{url}/study")
    picked(page, "^.*Set$", "Names: gender")
    expect(page.get_by_text("480 pairs").first).to_be_visible(timeout=180_000)
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".st-key-stop").get_by_role("button").click()
    ended = page.get_by_text(re.compile("Not finished|averaged to"))
    expect(ended.first).to_be_visible(timeout=180_000)
    go_on = page.get_by_role("button", name="Go on")
    if go_on.is_visible():
        go_on.click()
    expect(page.get_by_role("heading", name=re.compile("averaged to"))).to_be_visible(timeout=180_000)
    assert (root / "names" / "progress.json").read_text().count('"done"') >= 1


def test_the_report_needs_nothing_else(page: Page, studies: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = studies
    page.goto(f"{url}/study?study=my_pairs")
    button = page.get_by_role("button", name="Report (HTML)")
    with page.expect_download(timeout=180_000) as waiting:
        button.click(timeout=180_000)
    path = tmp_path / "report.html"
    waiting.value.save_as(path)
    page.goto(path.as_uri())
    expect(page.get_by_role("heading", name="Target shift G").first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    for heading in ("Methods", "Limits", "Where the numbers come from", "Pairs that were not measured"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
