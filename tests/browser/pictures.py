"""`make pictures`: the pictures of the docs, taken from the running dashboard; with file names only these."""

import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from playwright.sync_api import sync_playwright

from attnlib.study.run import run_study
from tests.browser.conftest import FLAGS
from tests.browser.install import chromium
from tests.server import ROOT, start_server, stop_server

FOLDER = ROOT / "docs" / "pictures"
PICTURES: dict[str, tuple[str, int, dict[str, str]]] = {  # file → page, height, choices in the link
    "compare.png": ("compare", 1330, {}),
    "model-view.png": ("model", 1180, {"with_pair": "true", "layer": "0", "head": "2"}),
    "effects.png": ("compare", 900, {"off": "0-2"}),
    "study.png": ("study", 1500, {"study": "Two occupations"}),
    "patterns.png": ("patterns", 1500, {"model": "demo/bert-biased", "pattern": "previous token"}),
    "neurons.png": ("neurons", 2000, {"layer": "0", "head": "2"}),
    "sharing.png": ("compare", 900, {}),
    "lessons.png": ("lessons", 900, {}),
    "neuron-view.png": (
        "neuron",
        1080,
        {"with_pair": "true", "layer": "0", "head": "2", "view": "dims:16,dim:16"},
    ),
    "head-view.png": ("", 640, {"view": "pins:q8"}),
    "head-view-dark.png": (
        "",
        640,
        {"model": "demo/bert-biased", "text": "The cat sat on the mat.", "text_b": "It slept."},
    ),
}
PRESSED = {  # what is done first, and what to wait for then
    "neurons.png": (".st-key-silence button", ".st-key-remaining-words"),
    "sharing.png": (".stPopover button:has-text('Share')", ".attn-share"),
}
SCROLLED = {
    "effects.png": ".st-key-fits_a",
    "neurons.png": ".st-key-dimensions",
}  # what is to stand at the top, where the page is longer
VIEWS = {"neuron": "neuron", "study": "grid"}  # the view to wait for, where it is not the head view


def main() -> None:
    """Start the dashboard, take every picture, stop it."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["ATTNLIB_STUDIES"] = folder
        run_study("two-occupations", ["demo/gpt2-biased", "demo/gpt2-balanced"], Path(folder) / "Two occupations")
        server, url = start_server(Path(folder) / "log.txt")
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            wanted = sys.argv[1:] or list(PICTURES)
            for file, (where, height, choices) in ((file, PICTURES[file]) for file in wanted):
                scheme = "dark" if "dark" in file else "light"
                context = browser.new_context(viewport={"width": 1360, "height": height}, color_scheme=scheme)
                page = context.new_page()
                page.goto(f"{url}/{where}?{urlencode(choices, quote_via=quote)}")
                page.locator(f".attn-{VIEWS.get(where, 'head')}[data-painted]").first.wait_for(timeout=60000)
                page.wait_for_timeout(2500)
                if file in PRESSED:
                    button, shown = PRESSED[file]
                    page.locator(button).click()
                    page.locator(shown).wait_for(timeout=60000)
                    page.wait_for_timeout(2500)
                if file in SCROLLED:
                    page.locator(SCROLLED[file]).evaluate(
                        "part => { part.style.scrollMarginTop = '110px'; part.scrollIntoView() }"
                    )
                    page.wait_for_timeout(1500)
                page.screenshot(path=FOLDER / file)
                context.close()
        finally:
            stop_server(server)


if __name__ == "__main__":
    main()
