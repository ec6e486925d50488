"""The installed package as a person uses it: the command in an empty folder, a comparison read, a study begun."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page, expect

import attnlib
from attnlib.wording import signed
from tests.browser.pages import settle
from tests.server import start, stop_server
from tests.wheel import Installed, installed

A, B = "The engineer met the librarian. She", "The engineer met the librarian. He"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def served(package: Installed) -> Iterator[str]:
    command = [package.bin / "attention-microscope", "--headless", "--port"]
    server, url = start(command, package.folder / "log.txt", package.empty, package.variables)
    yield url
    stop_server(server)


def files(folder: Path) -> dict[str, int]:
    """What lies below a folder, and when it was written."""
    return {str(path): os.stat(path).st_mtime_ns for path in folder.rglob("*")}


def test_a_comparison_is_read_from_an_empty_folder_and_nothing_is_written_into_the_package(
    page: Page, package: Installed, served: str
) -> None:
    before = files(package.packages)
    choices = {"prompt_a": A, "prompt_b": B, "targets": "librarian, engineer"}
    page.goto(f"{served}/compare?{urlencode(choices, quote_via=quote)}")
    shift = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), A, B).target_shift(("librarian", "engineer"))
    cell = page.locator(".st-key-grid .attn-grid .grid").first.locator('[data-place="0-2"]')
    cell.click(timeout=180_000)
    expect(page.locator(".st-key-grid .attn-grid .tip")).to_contain_text(f"Your edit {signed(shift[0, 2])}")
    expect(page.get_by_text("Changing “She” to “He” moves head")).to_be_visible()
    expect(page.locator(".stAppDeployButton")).to_have_count(0)  # as .streamlit/config.toml says
    page.goto(f"{served}/study")
    page.get_by_role("button", name="Run", exact=True).click(timeout=180_000)
    expect(page.get_by_role("button", name="Report (HTML)")).to_be_visible(timeout=180_000)
    settle(page)
    studies = package.home / ".local/share/attention-microscope/studies"
    assert len([one for one in studies.iterdir() if not one.name.startswith(".")]) == 1  # beside the queue
    assert files(package.packages) == before
    assert list(package.empty.iterdir()) == []
    assert "Traceback" not in (package.folder / "log.txt").read_text()
