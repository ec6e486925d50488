"""Grid, matrix and alignment on saved pages, in a real browser: mouse, keyboard and words. No server, no model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from attnlib.views.alignment.payload import alignment_payload
from attnlib.views.grid.payload import HeadGrid, grid_payload
from attnlib.views.html import View
from attnlib.views.matrix.payload import matrix_payload
from tests.browser.pages import DEAF, HEARD, NASTY, is_cut

EDIT = np.array([[0.1, -0.6, 0.532], [0.2, np.nan, 0.0]])
CONTROL = np.array([[0.02, 0.03, -0.012], [0.0, 0.01, 0.0]])


class Opened:
    """A saved page with one view, mounted as Streamlit does it (`live`) or as saved."""

    def __init__(self, page: Page, path: Path, kind: str, frames: tuple[bytes, ...], live: bool) -> None:
        html = View("t", {f"frame {n}": frame for n, frame in enumerate(frames)}, kind=kind).to_html()
        assert DEAF in html
        file = path / f"{kind}.html"
        file.write_text(html.replace(DEAF, HEARD) if live else html, "utf-8")
        page.goto(file.as_uri())
        self.page, self.root = page, page.locator(f".attn-{kind}")
        page.locator(f".attn-{kind}[data-painted]").wait_for()

    def __call__(self, selector: str) -> Locator:
        return self.root.locator(selector)

    def sent(self) -> list[list[Any]]:
        return self.page.evaluate("window.sent ?? []")

    def show(self, n: int) -> None:
        self.page.locator("#frame").select_option(f"frame {n}")

    def fits(self) -> bool:
        """Whether the page scrolls in no direction sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.fixture
def open_view(page: Page, tmp_path: Path) -> Any:
    def opened(kind: str, *frames: bytes, live: bool = True) -> Opened:
        return Opened(page, tmp_path, kind, frames, live)

    return opened


# ---- the grid


def grid(*values: np.ndarray, **changes: Any) -> bytes:
    titles = ["Your edit", "Control edit"]
    grids = [HeadGrid(titles[n], v, "about it") for n, v in enumerate(values)]
    return grid_payload(grids, **{"statistic": "Target shift", "signed": True, **changes})


def place(view: Opened, name: str, n: int = 0) -> Locator:
    return view(".grid").nth(n).locator(f'[data-place="{name}"]')


def test_hovering_a_head_says_it_in_all_grids_and_outlines_it(open_view: Any) -> None:
    view = open_view("grid", grid(EDIT, CONTROL))
    place(view, "0-2").hover()
    expect(view(".tip")).to_have_text("head 0-2: Your edit +.532 · Control edit −.012")
    assert view(".marked").evaluate_all("all => all.map(cell => cell.dataset.place)") == ["0-2", "0-2"]
    view(".legend").hover()
    expect(view(".tip")).to_be_hidden()
    assert view(".marked").count() == 0


def test_one_grid_says_only_the_number(open_view: Any) -> None:
    view = open_view("grid", grid(EDIT))
    place(view, "0-1").hover()
    expect(view(".tip")).to_have_text("head 0-1: −.600")
    expect(place(view, "0-1")).to_have_text("−.60")
    expect(place(view, "0-1")).to_have_attribute("aria-label", "layer 0 head 1, −.600")


def test_heads_are_named_by_what_they_do(open_view: Any, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    view = open_view("grid", grid(EDIT, labels=[["", "previous token .93", NASTY], ["", "", ""]]))
    place(view, "0-1").hover()
    expect(view(".tip")).to_have_text("head 0-1 · previous token .93: −.600")
    expect(place(view, "0-1")).to_have_attribute("aria-label", "layer 0 head 1, previous token .93, −.600")
    expect(place(view, "0-0")).to_have_attribute("aria-label", "layer 0 head 0, +.100")
    place(view, "0-1").click()
    expect(view(".chosen")).to_have_text("Chosen head 0-1 · previous token .93: −.600")
    place(view, "0-2").hover()
    expect(view(".tip")).to_have_text(f"head 0-2 · {NASTY}: +.532")
    assert is_cut(view(".tip .named"))
    assert view("img").count() == 0
    assert view.fits()


def test_a_click_chooses_a_head_again_and_again(open_view: Any) -> None:
    view = open_view("grid", grid(EDIT, CONTROL))
    for name in ("0-2", "1-0", "0-2", "0-2"):
        place(view, name, 1).click()
    assert view.sent() == [["pick", name] for name in ("0-2", "1-0", "0-2", "0-2")]
    for n in (0, 1):
        expect(place(view, "0-2", n)).to_have_attribute("aria-selected", "true")
    assert view("[aria-selected=true]").count() == 2
    expect(view(".chosen")).to_have_text("Chosen head 0-2: Your edit +.532 · Control edit −.012")


def test_a_head_that_is_not_there_cannot_be_chosen(open_view: Any) -> None:
    view = open_view("grid", grid(EDIT, CONTROL))
    place(view, "1-1").click(force=True)
    assert view.sent() == []
    expect(place(view, "1-1")).to_have_attribute("aria-disabled", "true")
    place(view, "1-1", 1).hover()
    expect(view(".tip")).to_have_text("head 1-1: Your edit no number · Control edit +.010")


def test_the_grid_by_keyboard(open_view: Any, page: Page) -> None:
    view = open_view("grid", grid(EDIT, CONTROL, selected=(0, 0)))
    place(view, "0-0").focus()
    for key, at in (
        ("ArrowRight", "0-1"),
        ("ArrowDown", "0-1"),
        ("End", "0-2"),
        ("ArrowDown", "1-2"),
        ("ArrowLeft", "1-0"),
        ("Control+End", "1-2"),
        ("Control+Home", "0-0"),
        ("End", "0-2"),
    ):
        page.keyboard.press(key)
        expect(place(view, at)).to_be_focused()
    expect(view(".tip")).to_contain_text("head 0-2")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    assert view.sent() == [["pick", "0-2"], ["pick", "0-1"]]
    page.keyboard.press("Tab")
    expect(place(view, "0-1", 1)).to_be_focused()


def test_another_selection_leaves_cells_and_focus_in_place(open_view: Any) -> None:
    view = open_view("grid", grid(EDIT, CONTROL, selected=(0, 0)), grid(EDIT, CONTROL, selected=(1, 2)))
    cell = place(view, "0-1").element_handle()
    view.show(1)
    expect(place(view, "1-2")).to_have_attribute("aria-selected", "true")
    assert cell.evaluate("cell => cell.isConnected")


def test_heads_by_size_stand_alike_in_all_grids(open_view: Any) -> None:
    view = open_view("grid", grid(EDIT, CONTROL, order="rank"))
    orders = [
        view(".grid").nth(n).locator("[data-place]").evaluate_all("all => all.map(cell => cell.dataset.place)")
        for n in (0, 1)
    ]
    assert orders == [["0-1", "0-2", "1-0", "0-0", "1-2"]] * 2
    expect(place(view, "0-2")).to_have_text("0-2.53")


@pytest.mark.parametrize("order", ["place", "rank"])
@pytest.mark.parametrize("shape", [(4, 4), (32, 32), (48, 25)])
@pytest.mark.parametrize("width", [320, 1200])
def test_grids_of_any_size_fit(open_view: Any, page: Page, shape: tuple[int, int], order: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    values = np.random.default_rng(0).normal(0, 0.2, shape)
    view = open_view("grid", grid(values, values / 9, order=order, selected=(1, 1)))
    assert view.fits()
    size = place(view, "1-1").bounding_box()
    assert size is not None
    assert 12 <= size["width"] <= 56
    if shape == (4, 4):
        assert size["width"] >= 44
    last = f"{shape[0] - 1}-{shape[1] - 1}"
    place(view, last).scroll_into_view_if_needed()
    place(view, last).click()
    assert view.sent() == [["pick", last]]


def test_boxes_scroll_together(open_view: Any, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    values = np.random.default_rng(0).normal(0, 0.2, (32, 32))
    view = open_view("grid", grid(values, values))
    view(".box").nth(0).evaluate("box => (box.scrollLeft = 60)")
    page.wait_for_function(
        "() => document.querySelectorAll('.box')[1].scrollLeft === 60"
    )  # no eval: the page forbids it


# ---- the matrix

ROW: dict[str, Any] = {
    "labels": ["The", "doctor", "really", "old", "<b>x</b>", "She → He"],
    "a": ["The", "doctor", None, "old", "<b>x</b>", "She"],
    "b": ["The", "doctor", "really", None, "<b>x</b>", "He"],
    "kinds": ["equal", "equal", "inserted", "deleted", "equal", "replaced"],
}


def attention(side: str) -> np.ndarray:
    """Rows that fall off to the left; the last one looks at “doctor” by .213 in A, .603 in B."""
    missing = [i for i, name in enumerate(ROW[side]) if name is None]
    weights = np.tril(np.full((6, 6), 1.0))
    weights[:, missing] = 0
    weights[5, 1] = 0
    weights[5] *= (0.787 if side == "a" else 0.397) / weights[5].sum()
    weights[5, 1] = 0.213 if side == "a" else 0.603
    weights /= weights.sum(-1, keepdims=True)
    weights[missing] = np.nan
    return weights.astype(np.float32)


PAIR = matrix_payload(ROW, None, attention("a"), attention("b"), layer=0, head=2)
SAID = "“She → He” looks at “doctor”: A .213  B .603  B − A +.390"


def point(view: Opened, query: int, key: int) -> dict[str, float]:
    layout = view.root.evaluate("root => root.matrixView.layout")
    cell = layout["cell"]
    return {"x": layout["left"] + (key + 0.5) * cell, "y": layout["top"] + (query + 0.5) * cell}


def color(view: Opened, query: int, key: int) -> list[int]:
    """The picture's colour a little beside a cell's middle."""
    at = point(view, query, key)
    return view("canvas").first.evaluate(
        "(canvas, [x, y]) => { const r = devicePixelRatio || 1;"
        " return [...canvas.getContext('2d').getImageData(x * r, y * r, 1, 1).data]; }",
        [at["x"] + 2, at["y"] + 1],
    )


def test_hovering_a_cell_says_both_weights(open_view: Any) -> None:
    view = open_view("matrix", PAIR)
    for query, key, said in (
        (5, 1, SAID),
        (5, 2, "“really” is only in B"),
        (2, 0, "“really” is only in B: no row to compare"),
        (4, 4, "“<b>x</b>” looks at “<b>x</b>”"),
    ):
        view(".overlay").hover(position=point(view, query, key))
        expect(view(".tip")).to_contain_text(said)
    assert view("b").count() == 0
    view(".legend").hover()
    expect(view(".tip")).to_be_hidden()


def test_hovering_does_not_draw_the_picture_again(open_view: Any) -> None:
    view = open_view("matrix", PAIR)
    view.root.evaluate("root => { root.drawn = 0; root.matrixView.draw = () => root.drawn++; }")
    for key in range(6):
        view(".overlay").hover(position=point(view, 5, key))
    expect(view(".tip")).to_contain_text("“She → He” looks at “She → He”")
    assert view.root.evaluate("root => root.drawn") == 0


def test_the_matrix_by_keyboard(open_view: Any, page: Page) -> None:
    view = open_view("matrix", PAIR)
    view(".overlay").focus()
    page.keyboard.press("ArrowDown")
    expect(view(".spoken")).to_contain_text("“The” looks at “The”")
    for key in ("Control+End", "Home", "ArrowRight"):
        page.keyboard.press(key)
    expect(view(".spoken")).to_have_text(SAID)
    expect(view(".tip")).to_have_text(SAID)
    page.keyboard.press("Escape")
    expect(view(".tip")).to_be_hidden()


def test_the_sides_of_a_pair(open_view: Any, page: Page) -> None:
    view = open_view("matrix", PAIR)
    expect(view("[data-side-choice=diff]")).to_have_attribute("aria-pressed", "true")
    expect(view(".legend")).to_contain_text("+.390")
    red, _, blue, _ = color(view, 5, 1)
    assert red > blue
    red, _, blue, _ = color(view, 5, 0)
    assert red < blue
    view("[data-side-choice=b]").click()
    expect(view(".legend")).to_have_text("01")
    strong, weak = color(view, 5, 1), color(view, 5, 0)
    assert sum(strong[:3]) < sum(weak[:3])
    view(".overlay").focus()
    page.keyboard.press(",")
    expect(view("[data-side-choice=a]")).to_have_attribute("aria-pressed", "true")


def test_the_matrix_shows_the_side_that_other_views_show(open_view: Any, page: Page) -> None:
    view = open_view("matrix", PAIR)
    page.evaluate("""() => {
        document.addEventListener("attn-side", (event) => (window.heard = event.detail));
        document.dispatchEvent(new CustomEvent("attn-side", { detail: "b" }));
    }""")
    expect(view("[data-side-choice=b]")).to_have_attribute("aria-pressed", "true")
    view("[data-side-choice=a]").click()
    assert page.evaluate("window.heard") == "a"


def test_one_text_has_no_sides_and_the_side_of_a_pair_is_kept(open_view: Any) -> None:
    one = matrix_payload({"labels": ["x", "y"]}, None, np.array([[1.0, 0.0], [0.25, 0.75]]), layer=0, head=0)
    view = open_view("matrix", PAIR, one)
    view("[data-side-choice=b]").click()
    view.show(1)
    expect(view(".sides")).to_be_hidden()
    view(".overlay").hover(position=point(view, 1, 0))
    expect(view(".tip")).to_have_text("“y” looks at “x”: .250")
    view.show(0)
    expect(view("[data-side-choice=b]")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("width", [320, 1200])
def test_a_large_matrix_is_drawn_and_reached_to_its_last_cell(open_view: Any, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(512), (2, 512)).astype(np.float32)
    labels = [f"t{i}" for i in range(512)]
    row = {"labels": labels, "a": labels, "b": labels, "kinds": ["equal"] * 512}
    view = open_view("matrix", matrix_payload(row, None, weights[0], weights[1], layer=0, head=0))
    assert view.fits()
    view(".overlay").focus()
    for key in ("ArrowDown", "Control+End"):
        page.keyboard.press(key)
    expect(view(".spoken")).to_contain_text("“t511” looks at “t511”")
    # what lies under the mouse is what is said, also when scrolled
    box, layout = view(".overlay").bounding_box(), view.root.evaluate("root => root.matrixView.layout")
    assert box is not None
    view(".overlay").hover(position={"x": box["width"] - 5 - layout["cell"] / 2, "y": box["height"] - 6})
    expect(view(".tip")).to_contain_text("“t511” looks at “t511”")


# ---- the alignment

TOKENS_A = ["[CLS]", "The", "doctor", "saw", "old", "She", "<b>x</b>"]
TOKENS_B = ["[CLS]", "The", "doc", "tor", "saw", "He", "<b>x</b>", "now"]
UNITS: list[tuple[str, list[int], list[int]]] = [
    ("equal", [0], [0]),
    ("equal", [1], [1]),
    ("equal", [2], [2, 3]),
    ("equal", [3], [4]),
    ("deleted", [4], []),
    ("replaced", [5], [5]),
    ("equal", [6], [6]),
    ("inserted", [], [7]),
]


def aligned(**changes: Any) -> bytes:
    a, b = {"labels": TOKENS_A, "special": [0]}, {"labels": TOKENS_B, "special": [0]}
    return alignment_payload(a, b, UNITS, sentence="7 and 8 tokens", **changes)


def long_alignment(tokens: int, every: int) -> bytes:
    """`tokens` in both prompts, each `every`th replaced."""
    a, b = ([f"{'w' if i % every else name}{i}" for i in range(tokens)] for name in ("old", "new"))
    units = [("equal" if i % every else "replaced", [i], [i]) for i in range(tokens)]
    return alignment_payload({"labels": a}, {"labels": b}, units)


def chip(view: Opened, side: str, i: int) -> Locator:
    return view(f'.chip[data-side="{side}"][data-i="{i}"]')


def tool(view: Opened, name: str) -> Locator:
    return view.root.get_by_role("button", name=name)


def test_units_are_columns_and_said(open_view: Any) -> None:
    view = open_view("alignment", aligned())
    said = view("[role=listitem] > .spoken").all_inner_texts()
    assert said[2] == "“doctor” in both"
    assert said[4:6] == ["“old” only in A", "“She” replaced by “He”"]
    assert said[7] == "“now” only in B"
    expect(view(".deleted .none")).to_have_text("only in A")
    expect(view(".sentence")).to_have_text("7 and 8 tokens")
    assert view("b").count() == 0
    tops = [chip(view, side, 5).bounding_box() for side in ("a", "b")]
    assert tops[0] is not None
    assert tops[1] is not None
    assert tops[0]["y"] + tops[0]["height"] < tops[1]["y"]


def test_tokens_of_both_prompts_are_linked(open_view: Any) -> None:
    view = open_view("alignment", aligned())
    chip(view, "a", 3).click()
    chip(view, "b", 4).click()
    chip(view, "b", 5).click(modifiers=["Shift"])
    expect(chip(view, "b", 5)).to_have_attribute("aria-pressed", "true")
    expect(view("> .spoken")).to_have_text("A “saw”, B “sawHe”")
    tool(view, "Align these tokens").click()
    assert view.sent() == [["link", {"a": [3], "b": [4, 5]}]]


def test_tokens_of_one_prompt_have_no_counterpart(open_view: Any, page: Page) -> None:
    view = open_view("alignment", aligned())
    chip(view, "b", 5).click()
    tool(view, "Has no counterpart").click()
    chip(view, "b", 5).click()
    expect(chip(view, "b", 5)).to_have_attribute("aria-pressed", "false")
    expect(tool(view, "Has no counterpart")).to_have_count(0)
    chip(view, "a", 2).click()
    page.keyboard.press("Escape")
    expect(view("[aria-pressed=true]")).to_have_count(0)
    assert view.sent() == [["link", {"a": [], "b": [5]}]]


def test_back_to_automatic_only_where_it_was_corrected(open_view: Any) -> None:
    view = open_view("alignment", aligned(), aligned(corrected=True))
    expect(tool(view, "Reset to automatic")).to_have_count(0)
    chip(view, "a", 2).click()
    view.show(1)
    expect(view("[aria-pressed=true]")).to_have_count(0)
    tool(view, "Reset to automatic").click()
    assert view.sent() == [["link", {"reset": True}]]


def test_the_alignment_by_keyboard(open_view: Any, page: Page) -> None:
    view = open_view("alignment", aligned())
    page.locator("#frame").focus()
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.matches('.chip')"):
        page.keyboard.press("Tab")
    expect(chip(view, "a", 0)).to_be_focused()
    for key, side, i in (
        ("ArrowRight", "a", 1),
        ("ArrowRight", "a", 2),
        ("ArrowDown", "b", 2),
        ("ArrowUp", "a", 2),
        ("ArrowLeft", "a", 1),
    ):
        page.keyboard.press(key)
        expect(chip(view, side, i)).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    tool(view, "Align these tokens").press("Enter")
    assert view.sent() == [["link", {"a": [1], "b": [1]}]]


def test_a_saved_page_corrects_nothing(open_view: Any) -> None:
    view = open_view("alignment", aligned(corrected=True), live=False)
    assert view(".columns button, .tools button").count() == 0
    expect(view(".tools")).to_be_hidden()
    expect(view(".chip").nth(1)).to_be_visible()


def test_long_runs_are_folded_and_open(open_view: Any, page: Page) -> None:
    view = open_view("alignment", long_alignment(120, 60))
    folds = view(".fold")
    assert folds.all_inner_texts() == ["… 51 equal …", "… 53 equal …"]
    folds.first.focus()
    page.keyboard.press("Enter")
    expect(view(".fold")).to_have_count(1)
    expect(chip(view, "a", 5)).to_be_focused()
    expect(chip(view, "b", 30)).to_be_visible()


@pytest.mark.parametrize("every", [2, 60, 5000])
def test_two_thousand_tokens_are_aligned(open_view: Any, page: Page, every: int) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    view = open_view("alignment", long_alignment(2000, every))
    assert view.fits()
    assert view(".unit").count() <= 402
    if every == 2:
        expect(view(".more")).to_have_text("… and 1,600 more units, which count but are not drawn here.")


# ---- all of them

VIEWS = {"grid": grid(EDIT, CONTROL, selected=(0, 2)), "matrix": PAIR, "alignment": aligned(corrected=True)}


@pytest.mark.parametrize("kind", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_every_view_fits_in_light_and_dark(open_view: Any, page: Page, kind: str, scheme: Any, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    view = open_view(kind, VIEWS[kind])
    assert view.fits()
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    page.wait_for_timeout(100)
    dark = view.root.evaluate("root => getComputedStyle(root).color")
    assert (int(json.loads("[" + dark[4:-1] + "]")[0]) > 128) == (scheme == "light")
