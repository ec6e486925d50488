"""The neuron view on saved pages, in a real browser: numbers, mouse, keyboard, sides, worksheet. No server."""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import attnlib
from attnlib.views.html import View
from attnlib.views.neuron.payload import neuron_payload
from attnlib.wording import number
from tests.browser.pages import DEAF, HEARD, NASTY, is_cut
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


class Opened:
    """A saved page, as it is or (`live`) with what it sends kept."""

    def __init__(self, page: Page, path: Path, view: View, live: bool = False) -> None:
        html = view.to_html()
        if live:
            html = html.replace(DEAF, HEARD)
        file = path / "neuron.html"
        file.write_text(html, "utf-8")
        page.goto(file.as_uri())
        self.page, self.root = page, page.locator(".attn-neuron")
        page.locator(".attn-neuron[data-painted]").wait_for()

    def __call__(self, selector: str) -> Locator:
        return self.root.locator(selector)

    def state(self, name: str) -> Any:
        return self.root.evaluate(f"root => root.neuronView.state.{name}")

    def shown(self, expression: str) -> Any:
        return self.root.evaluate(f"root => {{ const shown = root.neuronView.shown; return {expression}; }}")

    def token(self, i: int) -> Locator:
        return self(f".text .token[data-i='{i}']")

    def at(self, key: int, dim: int | None = None, strip: int = 0) -> dict[str, float]:
        """The middle of a key's label or of a dimension's cell in one of its strips; scrolled into sight."""
        x, y = self.root.evaluate(
            "(root, [key, dim, strip]) => { const v = root.neuronView, n = v.shown.rows.indexOf(key);"
            " v.walkTo(n, -1); v.setCursor(null);"
            " const y = 48 + n * 20 - v.scroller.scrollTop + 10; if (dim === null) return [30, y];"
            " const { strips, cell } = v.layout;"
            " return [strips[strip].x + (v.shown.dims.indexOf(dim) + .5) * cell, y]; }",
            [key, dim, strip],
        )
        return {"x": x, "y": y}

    def color(self, at: dict[str, float]) -> list[int]:
        return self.root.evaluate(
            "(root, { x, y }) => { const r = devicePixelRatio || 1, c = root.neuronView.canvas.getContext('2d');"
            " return [...c.getImageData(x * r, y * r, 1, 1).data].slice(0, 3); }",
            at,
        )

    def numbers(self) -> list[list[str]]:
        """The page's table of all numbers: one list per key."""
        if not self("details.numbers").evaluate("details => details.open"):
            self(".numbers summary").click()
        expect(self(".numbers tbody tr")).to_have_count(self.shown("shown.rows.length"))
        return [row.split("\t") for row in self(".numbers tbody tr").all_inner_texts()]


def read(text: str) -> float:
    return float(text.replace("−", "-"))


def gpt2() -> View:
    return attnlib.neuron_view(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)


def pair(a: str = SHE, b: str = HE) -> View:
    return attnlib.neuron_view(attnlib.compare(attnlib.load_model("demo/gpt2-biased"), a, b), 0, 2)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "t5"])
def test_the_pages_numbers_give_the_models_weights(page: Page, tmp_path: Path, name: str) -> None:
    if name == "gpt2":
        trace, head = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 2
    else:
        model = tiny_model(name, "seq2seq" if name == "t5" else "causal")
        trace, head = attnlib.trace(model, SHE, "He answered" if name == "t5" else None), 3
    stack = trace.stack("encoder" if name == "t5" else None)
    view = Opened(page, tmp_path, attnlib.neuron_view(trace, 1, head, stack=stack.name))
    for query in (1, len(stack.queries) // 2, len(stack.queries) - 1):
        view.token(query).click()
        rows = view.numbers()
        weights = stack.layer(1).weights[head, query]
        scores = [read(row[-2]) for row in rows]
        total = sum(math.exp(score - max(scores)) for score in scores)
        for key, (row, score) in enumerate(zip(rows, scores, strict=True)):
            assert read(row[-1]) == pytest.approx(weights[key], abs=1e-4)
            assert math.exp(score - max(scores)) / total == pytest.approx(weights[key], abs=1e-4)
        vectors = attnlib.head_vectors(trace, 1, head, stack.name)
        scaled = [read(row[2]) for row in rows]
        assert scaled == pytest.approx(vectors.scaled[query, : len(rows)].tolist(), abs=1e-4, rel=2e-3)
    expect(view(".proof")).to_contain_text("gives the model's own weights")


def test_the_query_is_previewed_by_the_mouse_and_chosen_by_a_click(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    assert view.shown("shown.rows.length") == 9
    view.token(4).hover()
    assert view.shown("shown.rows.length") == 5
    expect(view("h4").first).to_have_text("“nurse” → “nurse”")
    expect(view(".note")).to_have_text("4 later tokens, which it does not see, are left out.")
    view("h4").first.hover()
    assert view.shown("shown.rows.length") == 9
    view.token(4).click()
    view("h4").first.hover()
    assert view.shown("shown.rows.length") == 5
    expect(view.token(4)).to_have_attribute("aria-pressed", "true")


def test_the_table_is_of_the_query_whose_numbers_it_has(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    view.token(4).hover()
    view(".numbers summary").focus()
    page.keyboard.press("Enter")
    expect(view(".numbers tbody tr")).to_have_count(5)
    expect(view(".numbers caption")).to_have_text("Query “nurse”")


def test_the_text_is_read_by_keyboard(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    view.token(8).focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(view.token(6)).to_be_focused()
    assert view.shown("shown.rows.length") == 7
    page.keyboard.press("Home")
    expect(view.token(0)).to_be_focused()
    page.keyboard.press("Enter")
    assert view.state("query") == 0
    expect(view(".spoken")).to_contain_text("The → The")


def test_numbers_on_hover_and_a_key_closely(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)
    overlay = view(".overlay")
    overlay.hover(position=view.at(1))
    expect(view(".tip")).to_have_text("She → doctor: q·k 18.246, × .1768 3.225, weight .213")
    expect(view("h4").first).to_have_text("“She” → “doctor”")
    expect(view(".steps tbody tr")).to_have_text(["q·k18.246", "× .17683.225", "weight.213"])
    overlay.hover(position=view.at(1, 16, 1))
    q, k = vectors.query[8, 16], vectors.key[1, 16]
    expect(view(".tip")).to_have_text(f"She → doctor, dimension 16: {number(q)} × {number(k)} = {number(q * k)}")
    terms = vectors.terms(8)[1]
    largest = np.argsort(-np.abs(terms))[:6]
    expect(view(".dims .dim")).to_have_text([str(d) for d in largest])
    view(".legend").hover()
    expect(view(".tip")).to_be_hidden()
    expect(view("h4").first).to_have_text("“She” → “nurse”")


def test_how_many_dimensions_make_the_score(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)
    terms = vectors.terms(8)[4]
    sums = np.cumsum(terms[np.argsort(-np.abs(terms))])
    outside = np.nonzero(np.abs(sums - sums[-1]) > 0.2 * abs(sums[-1]))[0]
    expect(view(".reading .small")).to_contain_text(f"{outside[-1] + 2} of 32 dimensions make 80 % of the score")
    expect(view(".curve")).to_have_attribute("aria-label", re.compile("32 dimensions"))


def test_cells_have_the_colour_of_their_sign(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)
    largest = np.abs(vectors.query).max(), np.abs(vectors.key).max()
    for key, dim in ((4, int(vectors.key[4].argmax())), (4, int(vectors.key[4].argmin()))):
        value = vectors.key[key, dim]
        share = math.sqrt(abs(value) / max(largest))
        full = (194, 84, 0) if value > 0 else (11, 95, 184)
        expected = [255 + (channel - 255) * share for channel in full]
        assert view.color(view.at(key, dim)) == pytest.approx(expected, abs=4)


def test_pins_are_kept_and_released(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    for key in (1, 6):
        view(".overlay").click(position=view.at(key))
    assert view.state("pins") == [1, 6]
    view(".legend").hover()
    expect(view("h4").first).to_have_text("“She” → “question”")
    view(".overlay").click(position=view.at(6))
    assert view.state("pins") == [1]
    view(".overlay").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert view.state("pins") == []


def test_a_cursor_on_a_key_that_another_query_does_not_see_is_gone(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    view(".overlay").focus()
    page.keyboard.press("End")
    expect(view(".tip")).to_contain_text("She → She")
    view.root.evaluate("root => root.neuronView.setPreview(2)")
    expect(view(".tip")).to_be_hidden()
    assert view.root.evaluate("root => root.neuronView.cursor") is None


def test_keys_and_dimensions_by_keyboard(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    view(".overlay").focus()
    for key, said in (
        ("ArrowDown", "She → The: q·k −.534, × .1768 −.094, weight .008"),
        ("ArrowDown", "She → doctor: q·k 18.246, × .1768 3.225, weight .213"),
        ("End", "She → She: q·k 2.575, × .1768 .455, weight .013"),
    ):
        page.keyboard.press(key)
        expect(view(".spoken")).to_have_text(said)
    page.keyboard.press("ArrowRight")
    expect(view(".spoken")).to_contain_text("She → She, dimension 0: ")
    page.keyboard.press("Space")
    assert view.state("dim") == 0
    page.keyboard.press("Enter")
    assert view.state("pins") == [8]
    expect(view(".spoken")).to_contain_text("pinned: She → She")


def test_a_dimension_is_followed_over_the_text(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)
    view(".overlay").click(position=view.at(4, 16))
    expect(view(".dimension h4")).to_have_text("Dimension 16 of 32 over the text")
    order = np.argsort(-np.abs(vectors.key[:, 16]))[:5]
    words = ["The", "doctor", "asked", "the", "nurse", "a", "question", ".", "She"]
    listed = ", ".join(f"“{words[i]}” {number(vectors.key[i, 16])}" for i in order)
    expect(view(".largest").nth(1)).to_have_text(f"largest: {listed}")
    expect(view(".along").nth(0).locator(".tinted")).to_have_count(9)
    expect(view(".along").nth(0).locator(".tinted").nth(8)).to_have_attribute("title", "She: 2.268")
    view(".dimension .plain").click()
    expect(view(".dimension")).to_be_hidden()
    view(".dims .dim").first.click()
    expect(view(".dimension h4")).to_have_text("Dimension 16 of 32 over the text")


def test_dimensions_sorted_and_the_order_kept(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)

    def order(query: int, key: int) -> list[int]:
        return np.argsort(-np.abs(vectors.terms(query)[key]), kind="stable").tolist()

    expect(view("[data-option=keep]")).to_be_hidden()
    view("[data-option=dims]").select_option("size")
    assert view.shown("shown.dims") == order(8, 4)
    view("[data-option=keep]").check()
    view.token(6).click()
    assert view.shown("shown.dims") == order(8, 4)
    view("[data-option=keep]").uncheck()
    assert view.shown("shown.dims") == order(6, view.shown("shown.leading"))
    view("[data-option=dims]").select_option("8")
    assert len(view.shown("shown.dims")) == 8
    expect(view(".note")).to_contain_text("8 of 32 dimensions are drawn; the numbers are of all.")
    view("[data-option=keys]").select_option("weight")
    weights = [read(row[-1]) for row in view.numbers()]
    assert weights == sorted(weights, reverse=True)


def test_the_value_side(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 2)
    view("[data-option=part]").select_option("value")
    rows = [[read(cell) for cell in row[1:]] for row in view.numbers()]
    np.testing.assert_allclose([row[0] for row in rows], np.linalg.norm(vectors.value, axis=1), atol=2e-3)
    np.testing.assert_allclose([row[2] for row in rows], vectors.value_norms[8], atol=2e-3)
    output = np.linalg.norm(vectors.outputs[8])
    expect(view(".reading .small")).to_have_text(f"length of the head's output Σ w · v: {number(output)}")


def test_a_pair_as_a_b_and_the_change(page: Page, tmp_path: Path) -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE)
    a, b = (attnlib.head_vectors(side, 0, 2) for side in (found.a, found.b))
    change = attnlib.score_change(a, b, (8, 8), (4, 4))
    view = Opened(page, tmp_path, pair())
    expect(view("h4").first).to_have_text("“She → He” → “nurse”")
    expect(view(".steps tbody tr").nth(1)).to_have_text("× .17684.4612.159−2.302")
    rows = view.numbers()
    assert read(rows[4][2]) == pytest.approx(change.score_b - change.score_a, abs=1e-4)
    assert read(rows[4][3]) == pytest.approx(found.difference[0, 2, 8, 4], abs=1e-4)
    expect(view(".split")).to_have_text(
        "The changed query contributes −2.302, the changed key .000 (their joint effect is split equally)."
    )
    view("[data-option=dims]").select_option("size")
    assert view.shown("shown.dims") == np.argsort(-np.abs(change.terms), kind="stable").tolist()
    terms = [read(cell) for cell in view(".dims tbody td:last-child").all_inner_texts()]
    expected = sorted(change.terms / a.scaling, key=abs, reverse=True)[:6]
    assert terms == pytest.approx(expected, abs=6e-4)
    for side, vectors, name in (("a", a, "She"), ("b", b, "He")):
        view(f"[data-side-choice={side}]").click()
        expect(view.token(8)).to_have_text(name)
        weights = [read(row[-1]) for row in view.numbers()]
        np.testing.assert_allclose(weights, vectors.weights[8], atol=1e-4)
    view.token(8).focus()
    page.keyboard.press("-")
    assert view.state("show") == "diff"


def test_a_word_that_only_one_prompt_has(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, pair(SHE, "The doctor asked the old nurse a question. He"))
    old = view(".text .token").filter(has_text="old")
    old.click()
    expect(view(".note")).to_have_text("“old” is only in prompt B: there is nothing to subtract.")
    expect(view(".reading")).to_have_text("There is no key to show.")
    view("[data-side-choice=b]").click()
    expect(view(".note")).to_contain_text("later tokens")
    view("[data-side-choice=diff]").click()
    view.token(9).click()
    row = next(row for row in view.numbers() if row[0] == "old")
    assert row[1:3] == ["–", "–"]
    assert read(row[3]) > 0


def test_the_worksheet_multiplies_out_and_is_saved(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2())
    view("[data-option=dims]").select_option("8")
    for key in (1, 4):
        view(".overlay").click(position=view.at(key))
    view(".check summary").click()
    expect(view(".sheet tbody tr")).to_have_count(8 + 7)  # filled once it is open
    cells = [row.split("\t") for row in view(".sheet tbody tr").all_inner_texts()]
    sums = [0.0, 0.0]
    for _, q, *rest in cells[:8]:
        for n in (0, 1):
            k, product = read(rest[2 * n]), read(rest[2 * n + 1])
            assert read(q) * k == pytest.approx(product, abs=5.1e-5)
            sums[n] += product
    with page.expect_download() as waiting:
        view(".save").click()
    assert waiting.value.suggested_filename == "worksheet-0-2.csv"
    rows = list(csv.reader(io.StringIO(waiting.value.path().read_text("utf-8-sig"))))
    assert rows[1] == ["dimension", "q", "k “doctor”", "q × k", "k “nurse”", "q × k"]
    saved = {row[0]: [float(row[3]), float(row[5])] for row in rows[10:17]}
    assert saved["sum of these 8 products"] == pytest.approx(sums, abs=1e-9)
    assert saved["weight in the model"] == [0.213, 0.732]


def test_unusual_heads_are_handled(page: Page, tmp_path: Path) -> None:
    """A hidden key is masked and named, a sink is said, 256 dimensions fit, one token is enough."""
    hidden = attnlib.trace(tiny_model("gpt2", "causal"), SHE, hide=[1])
    view = Opened(page, tmp_path, attnlib.neuron_view(hidden, 0, 0))
    rows = view.numbers()
    assert rows[1][2:] == ["masked", ".00000"]
    view(".overlay").hover(position=view.at(1))
    expect(view(".tip")).to_contain_text("hidden by a mask, weight .000")
    expect(view(".reading")).to_contain_text("A mask hides this key from the query")
    sink = attnlib.trace(tiny_model("gpt_oss", "causal"), "The doctor")
    view = Opened(page, tmp_path, attnlib.neuron_view(sink, 0, 0))
    expect(view(".note")).to_contain_text("A learned sink takes")
    wide = tiny_model("gemma2", "causal", head_dim=256)
    view = Opened(page, tmp_path, attnlib.neuron_view(attnlib.trace(wide, "The"), 0, 0))
    assert view.shown("shown.dims.length") == 256
    assert view.shown("shown.rows") == list(range(view.shown("shown.keyRows.length")))


def test_cross_attention_has_its_own_keys(page: Page, tmp_path: Path) -> None:
    trace = attnlib.trace(tiny_model("t5", "seq2seq"), SHE, "He answered")
    view = Opened(page, tmp_path, attnlib.neuron_view(trace, 2, 1, stack="cross"))
    expect(view(".text .token")).to_have_count(len(trace.cross.queries))
    assert view.shown("shown.rows.length") == len(trace.cross.keys)
    assert view.shown("shown.later") == 0


def test_512_tokens_at_60_hz(page: Page, tmp_path: Path) -> None:
    """Not a benchmark: that a move of the mouse never draws more than what is in sight."""
    changes = {"n_embd": 256, "max_position_embeddings": 600}
    model = tiny_model("gpt2", "causal", **changes)
    text = " ".join(["The doctor asked the nurse a question."] * 60)
    view = Opened(page, tmp_path, attnlib.neuron_view(attnlib.trace(model, text), 1, 0))
    assert view.shown("shown.rows.length") > 400
    assert view(".overlay").evaluate("canvas => canvas.clientHeight") <= 520
    view(".overlay").hover(position=view.at(300))
    expect(view(".tip")).to_contain_text("weight")
    assert view(".scroller").evaluate("scroller => scroller.scrollTop") > 1000
    view.token(100).scroll_into_view_if_needed()
    view.token(100).click()
    assert view.shown("shown.rows.length") == 101


@pytest.mark.parametrize("width", [320, 700, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_width(page: Page, tmp_path: Path, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    view = Opened(page, tmp_path, pair())
    view("[data-option=dims]").select_option("16")
    view(".check summary").click()
    view(".dims .dim").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width == 320:
        expect(view(".note")).to_contain_text("Only one strip fits")
        view("[data-option=strip]").select_option("key")
        assert view.root.evaluate("root => root.neuronView.layout.strips[0].kind") == "key"


def test_what_is_chosen_is_reported_once_it_is_quiet(page: Page, tmp_path: Path) -> None:
    view = Opened(page, tmp_path, gpt2(), live=True)
    view.token(4).click()
    view("[data-option=dims]").select_option("16")
    page.wait_for_function("() => (window.sent ?? []).length > 0")
    page.wait_for_timeout(400)
    assert page.evaluate("window.sent") == [["view", {"value": None, "view": "q:4,dims:16"}]]
    view("[data-option=dims]").select_option("8")
    view(".overlay").focus()
    for key in ("3", "9", "]"):
        page.keyboard.press(key)
    page.wait_for_timeout(400)
    assert page.evaluate("window.sent.slice(1)") == [
        ["head", {"value": 3, "view": "q:4,dims:8"}],
        ["layer", {"value": 1, "view": "q:4,dims:8"}],
    ]


@pytest.mark.parametrize("live", [False, True])
def test_only_keys_that_do_something_are_said(page: Page, tmp_path: Path, live: bool) -> None:
    """A saved page has one head: nothing answers a digit or a bracket."""
    said = Opened(page, tmp_path, gpt2(), live=live)(".overlay").get_attribute("aria-label") or ""
    assert "Enter pins a key" in said
    assert ("other layers" in said) == live


def test_tokens_and_names_are_text(page: Page, tmp_path: Path) -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    view = attnlib.neuron_view(attnlib.trace(model, "<img src=x onerror=alert(1)> </script><b>"), 0, 0)
    opened = Opened(page, tmp_path, View(f"<img src=x> {view.title}", view.frames, "neuron"))
    opened(".check summary").click()
    opened(".dims .dim").first.click()
    opened.numbers()
    assert page.locator("img").count() == 0
    assert opened("b").filter(has_text="onerror").count() == 0


def test_the_head_is_named_by_what_it_does(page: Page, tmp_path: Path) -> None:
    trace = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE)
    labels = ["", "previous token .93", NASTY, ""]
    frames = {f"head {head}": neuron_payload(trace, 0, head, labels=labels) for head in range(3)}
    view = Opened(page, tmp_path, View("t", {"plain": neuron_payload(trace, 0, 1), **frames}, "neuron"))
    named, show = view(".named"), page.locator("#frame").select_option
    expect(named).to_be_hidden()
    assert (view(".overlay").get_attribute("aria-label") or "").startswith("Keys of the query")
    show("head 0")
    expect(named).to_have_text("layer 0 head 0")
    show("head 1")
    expect(named).to_have_text("layer 0 head 1 · previous token .93")
    expect(view(".spoken")).to_have_text("layer 0 head 1, previous token .93")
    said = view(".overlay").get_attribute("aria-label") or ""
    assert said.startswith("layer 0 head 1, previous token .93. Keys of the query")
    show("head 2")
    expect(named).to_have_attribute("title", f"layer 0 head 2 · {NASTY}")
    assert is_cut(named)
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
