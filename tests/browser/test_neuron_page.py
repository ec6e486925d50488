"""The neuron page in the dashboard: other heads by keyboard, links, pairs, the ways there and back."""

import re
from urllib.parse import quote, urlencode

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import box, choice, settle

SHE = "The doctor asked the nurse a question. She"


def visit(page: Page, dashboard: str, where: str = "neuron", **choices: object) -> None:
    page.goto(f"{dashboard}/{where}?{urlencode(choices, quote_via=quote)}")
    view = {"neuron": ".attn-neuron", "model": ".attn-model"}.get(where, ".attn-head")
    page.locator(f"{view}[data-painted]").wait_for(timeout=180_000)
    settle(page)


def test_a_head_by_its_digit_and_layers_by_brackets(page: Page, dashboard: str) -> None:
    visit(page, dashboard, text=SHE)
    overlay = page.locator(".attn-neuron .overlay")
    for key, place in (("2", (0, 2)), ("]", (1, 2)), ("3", (1, 3)), ("[", (0, 3))):
        overlay.focus()
        page.keyboard.press(key)
        expect(page.get_by_text(f"Layer {place[0]}, head {place[1]}", exact=True)).to_be_visible()
        settle(page)
    assert choice(page, "head") == "3"
    header = page.locator(".attn-neuron").evaluate("root => root.neuronView.header")
    assert (header["layer"], header["head"]) == (0, 3)


def test_a_link_restores_what_was_chosen(page: Page, browser: Browser, dashboard: str) -> None:
    visit(page, dashboard, text=SHE, head=2)
    page.locator(".attn-neuron .token").nth(4).click()
    page.locator(".attn-neuron [data-option=dims]").select_option("16")
    page.locator(".attn-neuron .dims .dim").first.click()
    page.wait_for_url(re.compile("view=.*dim%3A"))
    settle(page)
    state = page.locator(".attn-neuron").evaluate("root => root.neuronView.state")
    other = browser.new_context().new_page()
    other.set_default_timeout(60_000)
    other.goto(page.url)
    other.locator(".attn-neuron[data-painted]").wait_for(timeout=180_000)
    assert other.locator(".attn-neuron").evaluate("root => root.neuronView.state") == state
    expect(other.locator(".attn-neuron .dimension h4")).to_be_visible()
    other.context.close()


def test_what_was_chosen_stays_from_head_to_head(page: Page, dashboard: str) -> None:
    visit(page, dashboard, text=SHE)
    page.locator(".attn-neuron [data-option=dims]").select_option("size")
    page.locator(".attn-neuron .token").nth(6).click()
    page.locator(".attn-neuron").evaluate("root => (root.neuronView.mine = true)")
    settle(page)
    page.locator(".attn-neuron .overlay").focus()
    page.keyboard.press("1")
    expect(page.get_by_text("Layer 0, head 1", exact=True)).to_be_visible()
    settle(page)
    view = page.locator(".attn-neuron")
    assert view.evaluate("root => [root.neuronView.state.query, root.neuronView.state.dims]") == [6, "size"]
    assert view.evaluate("root => root.neuronView.mine"), "the view is the same, not made anew"


def test_a_pair_is_switched_on(page: Page, dashboard: str) -> None:
    visit(page, dashboard, text=SHE, head=2)
    page.get_by_text("Compare two prompts").click()
    expect(box(page, "Prompt B")).to_have_value("The doctor asked the nurse a question. He")
    expect(page.locator(".attn-neuron .sides")).to_be_visible()
    expect(page.locator(".attn-neuron h4").first).to_have_text("“She → He” → “nurse”")
    expect(page.locator(".attn-neuron .steps tbody tr").last).to_have_text("weight.732.224−.508")


def test_from_the_model_view_and_back(page: Page, dashboard: str) -> None:
    visit(page, dashboard, "model", model="demo/bert-biased", text="The nurse spoke to us.", layer=1, head=3)
    page.get_by_role("button", name="Query × key of this head").click()
    page.locator(".attn-neuron[data-painted]").wait_for()
    expect(page.get_by_text("Layer 1, head 3", exact=True)).to_be_visible()
    page.wait_for_url(re.compile("layer=1"))
    chosen = {name: choice(page, name) for name in ("model", "text", "layer", "head")}
    assert chosen == {"model": "demo/bert-biased", "text": "The nurse spoke to us.", "layer": "1", "head": "3"}
    settle(page)
    page.get_by_role("button", name="Open in the head view").click()
    page.locator(".attn-head[data-painted]").wait_for()
    expect(page.locator(".attn-head [data-h='3']")).to_have_attribute("aria-pressed", "true")


def test_from_the_comparison_with_its_pair(page: Page, dashboard: str) -> None:
    pair = {"prompt_a": "The pilot met the dancer. She", "prompt_b": "The pilot met the dancer. He"}
    visit(page, dashboard, "compare", targets="dancer, pilot", layer=0, head=2, **pair)
    page.get_by_role("button", name="Query × key of this head").click()
    page.locator(".attn-neuron[data-painted]").wait_for()
    expect(page.locator(".attn-neuron .sides")).to_be_visible()
    expect(page.get_by_text("Layer 0, head 2", exact=True)).to_be_visible()
    expect(box(page, "Prompt A")).to_have_value(pair["prompt_a"])
    page.wait_for_url(re.compile("with_pair=true"))
    assert {name: choice(page, name) for name in pair} == pair


def test_it_is_opened_first_after_a_start(page: Page, dashboard: str) -> None:
    """By its address alone: the shim in pages/ leads to the dashboard."""
    page.goto(f"{dashboard}/neuron")
    page.locator(".attn-neuron[data-painted]").wait_for(timeout=180_000)
    expect(page.get_by_role("heading", name="Query × key (neurons)")).to_be_visible()
