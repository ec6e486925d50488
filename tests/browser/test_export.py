"""Views as files: SVG with as many lines as are drawn, PNG, CSV with the model's numbers; all without a network."""

import csv
import io
import struct
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import attnlib
from attnlib.views.html import View
from attnlib.views.pair.payload import pair_alignment_payload, pair_matrix_payload
from tests.browser.pages import settle

MODEL, SHE, HE = (
    "demo/gpt2-biased",
    "The doctor asked the nurse a question. She",
    "The doctor asked the nurse a question. He",
)
SVG = "{http://www.w3.org/2000/svg}"
COUNTED = """for (const name of ["lineTo"]) {
  const real = Path2D.prototype[name];
  window.strokes = 0;
  Path2D.prototype[name] = function (...point) { window.strokes += 1; return real.apply(this, point); };
}"""


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Callable[..., Page]:
    """A function that opens a view from disk, where there is no network."""

    def open_view(view: View, **look: object) -> Page:
        view.to_html(tmp_path / "view.html")
        page = browser.new_context(offline=True, **look).new_page()
        page.add_init_script(COUNTED)
        page.goto(f"file://{tmp_path / 'view.html'}")
        page.locator("[data-painted]").first.wait_for()
        return page

    return open_view


def saved(page: Page | Locator, kind: str) -> bytes:
    """What the first Export button of a kind saves."""
    owner = page if isinstance(page, Page) else page.page
    with owner.expect_download() as download:
        page.get_by_role("button", name=f"Export {kind}").first.click()
    assert download.value.suggested_filename.endswith(f".{kind.lower()}")
    return download.value.path().read_bytes()


def drawing(page: Page | Locator) -> ElementTree.Element:
    """The SVG; it is well-formed, and says what it is."""
    root = ElementTree.fromstring(saved(page, "SVG"))
    assert root.tag == f"{SVG}svg"
    assert root.findtext(f"{SVG}title")
    return root


def words(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def rows(page: Page | Locator) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(saved(page, "CSV").decode("utf-8-sig"))))


def lines_drawn(page: Page, view: str) -> int:
    """How many lines a view strokes when it draws itself once more."""
    redraw = f"""root => {{ const view = root.{view}View; window.strokes = 0;
        view.forgetPictures?.(); view.draw(); return window.strokes; }}"""
    return int(page.locator(f".attn-{view}").first.evaluate(redraw))


@pytest.mark.parametrize("pins", [None, "q8", "k1"])
def test_the_head_view_as_it_stands(opened: Callable[..., Page], pins: str | None) -> None:
    trace = attnlib.trace(attnlib.load_model(MODEL), SHE)
    page = opened(attnlib.head_view(trace, layers=[1]))
    if pins:
        side = "Query" if pins[0] == "q" else "Key"
        page.get_by_role("group", name=side).get_by_role("button").nth(int(pins[1:])).click()
        page.mouse.move(2, 2)
    svg = drawing(page)
    assert len(list(svg.iter(f"{SVG}line"))) == lines_drawn(page, "head") > 8
    for token in ("The", "doctor", "asked", "the", "nurse", "a", "question", ".", "She"):
        assert words(svg).count(token) == 2
    table = rows(page)
    shown = {"q": lambda row: row["query"], "k": lambda row: row["key"]}
    weights = trace.weights[1]
    for row in table:
        there = weights[int(row["head"]), int(row["query"]), int(row["key"])]
        assert abs(float(row["weight"]) - there) < 1e-4
        assert pins is None or shown[pins[0]](row) == pins[1:]
    if pins is None:
        assert np.isclose(sum(float(row["weight"]) for row in table), 4 * 9, atol=1e-2)


def test_a_picture_is_sharp_and_as_large_as_the_drawing(opened: Callable[..., Page]) -> None:
    page = opened(attnlib.head_view(attnlib.trace(attnlib.load_model(MODEL), SHE)))
    svg, png = drawing(page), saved(page, "PNG")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (2 * int(svg.get("width", 0)), 2 * int(svg.get("height", 0)))
    expect(page.get_by_role("status").filter(has_text="Saved")).to_have_text("Saved heads-layer-0.png")


def test_what_is_scrolled_out_of_sight_is_in_the_picture(opened: Callable[..., Page]) -> None:
    trace = attnlib.trace(attnlib.load_model(MODEL), "The doctor asked the nurse a question. " * 6 + SHE)
    page = opened(attnlib.head_view(trace, layers=[0]))
    scroller = page.locator(".scroller")
    scroller.evaluate("e => { e.scrollTop = 200 }")
    size = "e => [e.clientWidth, e.clientHeight]"
    before = scroller.evaluate(size)
    svg = drawing(page)
    assert int(svg.get("height", 0)) > len(trace.tokens) * 20
    assert [word for word in words(svg) if word == "nurse"] == ["nurse"] * 14
    assert scroller.evaluate(size) == before
    assert scroller.evaluate("e => e.scrollTop") == 200
    assert page.locator(".exporting").count() == 0


@pytest.mark.parametrize("draw", ["lines", "matrix"])
def test_the_model_view_draws_every_head(opened: Callable[..., Page], draw: str) -> None:
    trace = attnlib.trace(attnlib.load_model(MODEL), SHE)
    page = opened(attnlib.model_view(trace))
    if draw == "matrix":
        page.locator("[data-option=draw], select").filter(has_text="matri").first.select_option("matrix")
    svg = drawing(page)
    lines = len(list(svg.iter(f"{SVG}line")))
    assert lines == (lines_drawn(page, "model") if draw == "lines" else 0)
    assert {f"{layer}-{head}" for layer in range(4) for head in range(4)} <= set(words(svg))
    assert not list(svg.iter(f"{SVG}image")), "nothing is a bitmap"
    table = rows(page)
    assert len(table) == 16
    first = trace.weights[:, :, 1:, 0].mean(-1)  # the first query can look nowhere else
    for row in table:
        assert abs(float(row["First-token share"]) - first[int(row["layer"]), int(row["head"])]) < 1e-3


def test_the_neuron_view_and_its_numbers_add_up(opened: Callable[..., Page]) -> None:
    trace = attnlib.trace(attnlib.load_model(MODEL), SHE)
    page = opened(attnlib.neuron_view(trace, 0, 2))
    svg = drawing(page)
    assert {"nurse", "doctor", "key k", "q × k"} <= set(words(svg))
    assert not list(svg.iter(f"{SVG}image"))
    query, *keys = rows(page)
    assert query["row"] == "query"
    vectors = attnlib.head_vectors(trace, 0, 2)
    at = int(query["token"])
    for row in keys:
        products = [float(value) for name, value in row.items() if name.startswith("q × k ")]
        there = float(vectors.query[at] @ vectors.key[int(row["token"])])
        assert abs(sum(products) - there) < 1e-3
        assert abs(float(row["q·k"]) - there) < 1e-3


def test_views_of_a_pair(opened: Callable[..., Page]) -> None:
    compared = attnlib.compare(attnlib.load_model(MODEL), SHE, HE)
    page = opened(View("t", {"t": pair_matrix_payload(compared, 0, 2)}, kind="matrix"))
    assert {"nurse", "She → He"} <= set(words(drawing(page)))
    a, b = (side.weights[0, 2] for side in (compared.a, compared.b))
    for row in rows(page):
        at = int(row["query"]), int(row["key"])
        assert abs(float(row["A"]) - a[at]) < 1e-4
        assert abs(float(row["B − A"]) - (b[at] - a[at])) < 1e-4
    page = opened(View("t", {"t": pair_alignment_payload(compared)}, kind="alignment"))
    assert words(drawing(page)).count("nurse") == 2
    assert [row["unit"] for row in rows(page)] == ["equal"] * 8 + ["replaced"]


def test_tokens_are_text_in_every_file(opened: Callable[..., Page]) -> None:
    text = '<script>alert(1)</script> =1+1 & "she" said'
    page = opened(attnlib.head_view(attnlib.trace(attnlib.load_model(MODEL), text), layers=[0]))
    svg = drawing(page)
    assert not list(svg.iter(f"{SVG}script"))
    assert "<" in "".join(words(svg))
    assert not any(cell.startswith(("=", "@")) for row in rows(page) for cell in row.values())


def test_a_picture_has_the_page_s_colours(opened: Callable[..., Page]) -> None:
    view = attnlib.head_view(attnlib.trace(attnlib.load_model(MODEL), SHE), layers=[0])
    backs = [drawing(opened(view, color_scheme=scheme)).find(f"{SVG}rect") for scheme in ("light", "dark")]
    assert [back.get("fill") for back in backs if back is not None] == ["#ffffff", "#14171c"]


def test_the_dashboard_s_views_are_saved_too(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/compare")
    page.locator(".attn-grid[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    grid = page.locator(".attn-grid").first
    svg = drawing(grid)
    table = rows(grid)
    assert len(table) == 16
    largest = max(table, key=lambda row: abs(float(row["Your edit"])))
    assert (largest["layer"], largest["head"]) == ("0", "2")
    assert "−.90" in words(svg)
