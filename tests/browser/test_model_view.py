"""The model view on saved pages, in a real browser: mouse, keyboard, filters, sides. No server."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import attnlib
from attnlib import Trace
from attnlib.tracing.overview import overview_of
from attnlib.views.html import View
from attnlib.views.model.payload import model_payload
from attnlib.wording import number
from tests.browser.pages import DEAF, HEARD, NASTY, is_cut

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


def arrays(layers: int, heads: int, tokens: int = 12, seed: int = 0) -> Trace:
    """Causal attention of random heads, each as sharp as it likes."""
    rng = np.random.default_rng(seed)
    weights = np.tril(rng.random((layers, heads, tokens, tokens)) ** rng.integers(1, 30, (layers, heads, 1, 1)))
    return Trace.from_arrays(weights / weights.sum(-1, keepdims=True), [f"t{i}" for i in range(tokens)])


class Opened:
    """A saved page; what it sends is kept (`live`) or, as saved, shows the chosen head beside the grid."""

    def __init__(self, page: Page, path: Path, view: View, live: bool = True) -> None:
        html = view.to_html()
        file = path / "model.html"
        file.write_text(html.replace(DEAF, HEARD) if live else html, "utf-8")
        page.goto(file.as_uri())
        self.page, self.root = page, page.locator(".attn-model")
        page.locator(".attn-model[data-painted]").wait_for()

    def __call__(self, selector: str) -> Locator:
        return self.root.locator(selector)

    def point(self, layer: int, head: int) -> dict[str, float]:
        """The middle of a head, after it has been scrolled into sight."""
        x, y = self.root.evaluate(
            "(root, head) => { const v = root.modelView; v.walkTo(head); v.setCursor(null); v.draw();"
            " const [x, y] = v.cornerOf(head); return [x + v.layout.cell / 2, y + v.layout.cell / 2]; }",
            [layer, head],
        )
        return {"x": x, "y": y}

    def click(self, layer: int, head: int) -> None:
        self(".overlay").click(position=self.point(layer, head))

    def sent(self, name: str = "pick") -> list[Any]:
        return [told["value"] for kind, told in self.page.evaluate("window.sent ?? []") if kind == name]

    def color(self, layer: int, head: int, dx: float, dy: float) -> list[int]:
        """A pixel of a head's drawing, as shares of its width and height."""
        return self.root.evaluate(
            "(root, [head, dx, dy]) => { const v = root.modelView, r = devicePixelRatio || 1;"
            " const [x, y] = v.cornerOf(head), { cell, strip } = v.layout;"
            " return [...v.canvas.getContext('2d')"
            ".getImageData((x + dx * cell) * r, (y + strip + dy * cell) * r, 1, 1).data].slice(0, 3); }",
            [[layer, head], dx, dy],
        )

    def fits(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


CORNERS = [(0, 0), (0, 11), (11, 0), (11, 11), (5, 6)]


@pytest.mark.parametrize("order", ["place", "layers", "heads", "all"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_click_returns_exactly_its_head(page: Page, tmp_path: Path, order: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    view = Opened(page, tmp_path, attnlib.model_view(arrays(12, 12)))
    view("[data-option=order]").select_option(order)
    for place in CORNERS:
        view.click(*place)
    assert view.sent() == [f"{layer}-{head}" for layer, head in CORNERS]
    view.click(*CORNERS[-1])
    assert view.sent()[-1] == "none", "a second click closes"
    assert view.fits()


def test_filters_leave_the_true_numbers(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, attnlib.model_view(arrays(12, 12)))
    for name, text in (("layers", "3, 9-10"), ("heads", "1-2, 11")):
        view(f"[data-option={name}]").fill(text)
        view(f"[data-option={name}]").press("Enter")
    for place in [(3, 1), (3, 11), (10, 1), (10, 11), (9, 2)]:
        view.click(*place)
        assert view.sent()[-1] == f"{place[0]}-{place[1]}"
    assert view.root.evaluate("root => root.modelView.cornerOf([0, 0])") is None
    view("[data-option=layers]").fill("7-99")
    view("[data-option=layers]").press("Enter")
    expect(view(".wrong").first).to_have_text(
        "“7-99” is not a layer of this model. Write numbers from 0 to 11, such as “0-2, 5”."
    )
    assert view.root.evaluate("root => root.modelView.state.layers") == [3, 9, 10], "nothing is lost"


def test_the_score_that_colours_sorts_and_is_said(page: Page, tmp_path: Path) -> None:
    trace = arrays(3, 4)
    scores = overview_of(trace).stack().scores["first"]
    view = Opened(page, tmp_path, attnlib.model_view(trace))
    view("[data-option=by]").select_option("first")
    view("[data-option=order]").select_option("all")
    best = np.unravel_index(np.argmax(scores), scores.shape)
    assert view.root.evaluate("root => root.modelView.rows[0].cells[0]") == [int(i) for i in best]
    view(".overlay").hover(position=view.point(2, 1))
    expect(view(".words")).to_have_text(f"layer 2 head 1 · First-token share {number(scores[2, 1])}")
    view("summary").click()
    rows = view("tbody tr")
    expect(rows).to_have_count(12)  # filled once it is open
    shown = [float(row.split("\t")[-1]) for row in rows.all_inner_texts()]
    assert shown == pytest.approx(sorted(scores.ravel().tolist(), reverse=True), abs=6e-4)


def test_the_grid_by_keyboard(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, attnlib.model_view(arrays(4, 4)))
    view(".overlay").focus()
    for key, head in (
        ("ArrowRight", "layer 0 head 0"),
        ("ArrowRight", "layer 0 head 1"),
        ("ArrowDown", "layer 1 head 1"),
        ("End", "layer 1 head 3"),
        ("ArrowRight", "layer 1 head 3"),
        ("Control+Home", "layer 0 head 0"),
        ("Control+End", "layer 3 head 3"),
    ):
        view(".overlay").press(key)
        expect(view(".spoken")).to_contain_text(f"{head} · Entropy")
    view(".overlay").press("Space")
    view(".overlay").press("Enter")
    assert (view.sent("pick"), view.sent("open")) == (["3-3"], ["3-3"])
    view(".overlay").press("Escape")
    expect(view(".tip")).to_be_hidden()


def test_a_single_strong_weight_is_seen_among_thousands(page: Page, tmp_path: Path) -> None:
    """One weight of .9 among 600 x 600 flat ones, in a cell of a few pixels."""
    tokens = 600
    weights = np.full((12, 12, tokens, tokens), 1 / tokens, np.float32)
    weights[7, 3, 450, 151] = 0.9
    weights[7, 3, 450] /= weights[7, 3, 450].sum()
    view = Opened(page, tmp_path, attnlib.model_view(Trace.from_arrays(weights, ["x"] * tokens)))
    view("[data-option=draw]").select_option("matrix")
    view.point(7, 3)
    row, column = (450.5 / tokens), (151.5 / tokens)
    around = [view.color(7, 3, column + dx / 100, row + dy / 100) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    flat = view.color(7, 3, 0.8, 0.2)
    assert min(pixel[0] for pixel in around) < flat[0] - 100
    expect(view(".note")).to_contain_text("600 tokens are drawn in blocks: each is the largest of up to")


def test_a_pair_shows_a_b_and_their_difference_in_two_colours(page: Page, tmp_path: Path) -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE, small=True)
    view = Opened(page, tmp_path, attnlib.model_view(found, ("nurse", "doctor")))
    view("[data-option=draw]").select_option("matrix")
    at = {"doctor": (1.5 / 9, 8.5 / 9), "nurse": (4.5 / 9, 8.5 / 9)}
    red, _, blue = view.color(0, 2, *at["doctor"])
    assert red > blue + 100, "She → He looks more at the doctor: orange"
    red, _, blue = view.color(0, 2, *at["nurse"])
    assert blue > red + 100, "and less at the nurse: blue"
    shares = {}
    for side in ("a", "b"):
        view(f"[data-side-choice={side}]").click()
        shares[side] = [255 - view.color(0, 2, *at[word])[0] for word in ("doctor", "nurse")]
    assert shares["a"][0] < shares["a"][1]
    assert shares["b"][0] > shares["b"][1]
    view(".overlay").hover(position=view.point(0, 2))
    expect(view(".words")).to_have_text("layer 0 head 2 · Target shift G −.898")
    view(".overlay").press("-")
    assert view.root.evaluate("root => root.modelView.state.show") == "diff"


def test_a_saved_page_shows_the_chosen_head_large(page: Page, tmp_path: Path) -> None:
    trace = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE)
    view = Opened(page, tmp_path, attnlib.model_view(trace), live=False)
    detail = page.locator("#detail")
    expect(detail).to_be_hidden()
    view.click(2, 1)
    expect(detail.locator("h2")).to_have_text("Layer 2, head 1")
    expect(detail.locator("[data-h='1']")).to_have_attribute("aria-pressed", "true")
    expect(detail.locator("[data-h='0']")).to_have_attribute("aria-pressed", "false")
    for column, row in (("q", 8), ("k", 1)):  # hovering works on both sides
        detail.locator(f".column.{column} .token").nth(row).hover()
        expect(detail.locator(".readout table")).to_be_visible()
    view.click(2, 1)
    expect(detail).to_be_hidden()


@pytest.mark.parametrize(("layers", "heads"), [(32, 32), (48, 25)])
@pytest.mark.parametrize("width", [390, 1280])
def test_large_models_stay_usable(page: Page, tmp_path: Path, layers: int, heads: int, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    view = Opened(page, tmp_path, attnlib.model_view(arrays(layers, heads)))
    for place in [(0, 0), (0, heads - 1), (layers - 1, 0), (layers - 1, heads - 1)]:
        view.click(*place)
        view(".overlay").hover(position=view.point(*place))
        expect(view(".words")).to_contain_text(f"layer {place[0]} head {place[1]} · Entropy")
        expect(view(".lens")).to_be_visible()
    assert len(view.sent()) == 4
    assert view.fits()
    view(".zoom").last.click()
    view.click(layers - 1, heads - 2)
    assert view.sent()[-1] == f"{layers - 1}-{heads - 2}"


def test_sentences_are_chosen(page: Page, tmp_path: Path) -> None:
    model = attnlib.load_model("demo/bert-biased")
    view = Opened(page, tmp_path, attnlib.model_view(attnlib.trace(model, "The nurse spoke.", "She left.")))
    view("[data-option=draw]").select_option("matrix")
    view("[data-option=segments]").select_option("AB")
    assert view.color(0, 0, 0.1, 0.1) == [255, 255, 255], "A → A is empty"
    expect(view(".note")).to_contain_text("Scores are computed over the whole text")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_are_readable_in_both_themes(page: Page, tmp_path: Path, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    view = Opened(page, tmp_path, attnlib.model_view(arrays(4, 4)))
    page.emulate_media(color_scheme=scheme)
    ink = view.root.evaluate("root => root.modelView.theme")
    assert ink["dark"] is (scheme == "dark")
    axis = view.root.evaluate(
        "root => { const v = root.modelView, r = devicePixelRatio || 1;"
        " const { data } = v.canvas.getContext('2d').getImageData(0, 0, v.shown[0] * r, 16 * r);"
        " return Math.max(...data.filter((_, i) => i % 4 === 3)); }"
    )
    assert axis > 200, "the heads' numbers are there"


def test_tokens_stay_text(page: Page, tmp_path: Path) -> None:
    nasty = ["<img src=x onerror=alert(1)>", "</script>", "**b**"]
    view = Opened(page, tmp_path, attnlib.model_view(Trace.from_arrays(np.ones((1, 1, 3, 3)) / 3, nasty)))
    view(".overlay").hover(position=view.point(0, 0))
    assert page.locator("img[src=x]").count() == 0


def test_heads_are_named_by_what_they_do(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    small = overview_of(arrays(2, 3))
    labels = [["", "previous token .93", ""], ["", "", NASTY]]
    view = Opened(page, tmp_path, View("t", {"Self": model_payload(small, labels=labels)}, "model"))
    view(".overlay").hover(position=view.point(0, 1))
    expect(view(".words")).to_have_text(re.compile(r"^layer 0 head 1 · previous token \.93 · Entropy \.\d{3}$"))
    view(".overlay").press("Home")
    view(".overlay").press("ArrowRight")
    expect(view(".spoken")).to_contain_text("layer 0 head 1 · previous token .93 · Entropy")
    view("summary").click()
    expect(view("thead th")).to_contain_text(["Layer", "Head", "What it does", "Entropy"])
    told = [row.split("\t")[:3] for row in view("tbody tr").all_inner_texts()]
    assert told[1] == ["0", "1", "previous token .93"]
    assert told[0][2] == ""
    view(".overlay").hover(position=view.point(1, 2))
    expect(view(".words")).to_have_text(re.compile(r" · Entropy \.\d{3}$"))
    assert is_cut(view(".words .named"))
    assert is_cut(view("td.does").last)
    expect(view("td.does").last).to_have_attribute("title", NASTY)
    assert view("img").count() == 0
    assert view.fits()


@pytest.mark.parametrize("labels", [[], [["", ""]]])
def test_without_labels_the_table_is_as_it_was(page: Page, tmp_path: Path, labels: list[list[str]]) -> None:
    view = Opened(
        page, tmp_path, View("t", {"Self": model_payload(overview_of(arrays(1, 2)), labels=labels)}, "model")
    )
    view("summary").click()
    expect(view("thead th")).to_have_text(["Layer", "Head", "Entropy", "Mean distance", "First-token share"])
