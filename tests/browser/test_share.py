"""Sharing in Chromium: the link, the state as a file, a view that opens without a network."""

import hashlib
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import settle

LINK = "model=demo%2Fgpt2-biased&layer=1&head=2&view=pins%3Aq8"


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.locator(".attn-head[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    return page


def test_the_link_is_copied(page: Page, dashboard: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, f"{dashboard}/?{LINK}")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".attn-share [role=status]")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url
    assert "layer=1" in copied
    assert "view=pins" in copied


def test_where_copying_is_forbidden_the_link_is_shown(page: Page, dashboard: str) -> None:
    opened(page, f"{dashboard}/?{LINK}")
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')) }")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_label("Link to this page")).to_have_value(page.url)


def test_a_state_is_saved_and_opened(page: Page, dashboard: str, tmp_path: Path) -> None:
    text = "The doctor asked the nurse a question. " * 12 + "She"
    opened(page, f"{dashboard}/")
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Text", exact=True).fill(text)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("97 tokens")).to_be_visible(timeout=180_000)
    settle(page)
    page.get_by_role("button", name="Share").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="State (JSON)").click()
    file = tmp_path / "state.json"
    saved.value.save_as(file)
    assert json.loads(file.read_text("utf-8"))["choices"]["text"] == text
    page.goto(f"{dashboard}/compare")
    page.locator(".attn-head[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    page.get_by_role("button", name="Share").click()
    page.get_by_test_id("stFileUploaderDropzone").locator("input").set_input_files(file)
    with page.context.expect_page() as other:
        page.get_by_role("link", name="Open it").click()
    expect(other.value.get_by_role("textbox", name="Text", exact=True)).to_have_value(text, timeout=180_000)


def test_a_saved_view_opens_from_disk_without_a_network(page: Page, dashboard: str, browser: Browser) -> None:
    opened(page, f"{dashboard}/?{LINK}")
    numbers = "root => JSON.stringify([...root.headView.raw.w]) + root.headView.state.pins"
    there = page.locator(".attn-head").first.evaluate(numbers)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Attention heads (HTML)").click()
    context = browser.new_context(offline=True)
    try:
        alone = context.new_page()
        asked: list[str] = []
        alone.on("request", lambda request: asked.append(request.url))
        file = saved.value.path().rename(saved.value.path().with_suffix(".html"))
        alone.goto(f"file://{file}")
        alone.locator(".attn-head[data-painted]").wait_for()
        assert alone.locator(".attn-head").evaluate(numbers) == there
        assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    finally:
        context.close()


def test_the_evidence_pack_holds_the_page(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/compare?layer=0&head=2")
    page.locator(".attn-grid[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    page.get_by_role("button", name="Share").click()
    with page.expect_download(timeout=180_000) as saved:
        page.get_by_role("button", name="Evidence pack").click()
    expect(page.locator(".attn-share [role=status]")).to_have_text("Saved evidence.zip.")
    pack = zipfile.ZipFile(saved.value.path())
    files = {name: pack.read(name) for name in pack.namelist()}
    pictures = [name for name in files if name.endswith(".svg")]
    assert {"pictures/alignment.svg", "pictures/heads-layer-0-b-minus-a.svg", "pictures/chart-bars.svg"} <= set(
        pictures
    )
    for name in pictures:
        assert ElementTree.fromstring(files[name]).tag.endswith("svg")
        assert files[name.replace(".svg", ".png")].startswith(b"\x89PNG")
    assert {"tables/ranking.csv", "tables/comparison.json", "views/pair_view.html"} <= set(files)
    about = json.loads(files["provenance.json"])
    assert about["asked"]["Prompt B"].endswith("question. He")
    assert about["models"][0]["model"] == "demo/gpt2-biased"
    assert len(about["files"]) == len(files) - 2
    for name, digest in about["files"].items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    assert json.loads(files["state.json"])["choices"]["head"] == "2"
    assert "one pair of texts, is an anecdote" in files["README.md"].decode()
