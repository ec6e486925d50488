"""The model page in the dashboard: choosing a head, going on to the head view, links, pairs."""

import re
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import box, choice, settle


def visit(page: Page, dashboard: str, **choices: object) -> None:
    page.goto(f"{dashboard}/model?{urlencode(choices, quote_via=quote)}")
    page.locator(".attn-model[data-painted]").wait_for(timeout=180_000)
    settle(page)


def point(page: Page, layer: int, head: int) -> dict[str, float]:
    x, y = page.locator(".attn-model").evaluate(
        "(root, head) => { const v = root.modelView, [x, y] = v.cornerOf(head);"
        " return [x + v.layout.cell / 2, y + v.layout.cell / 2]; }",
        [layer, head],
    )
    return {"x": x, "y": y}


def click(page: Page, layer: int, head: int) -> None:
    page.locator(".attn-model .overlay").click(position=point(page, layer, head))


def test_a_click_draws_the_head_beside_and_a_second_one_closes_it(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    for place in [(0, 0), (0, 3), (3, 0), (3, 3)]:
        click(page, *place)
        expect(page.get_by_text(f"Layer {place[0]}, head {place[1]}", exact=True)).to_be_visible()
        settle(page)
        assert (choice(page, "layer") or "0", choice(page, "head")) == (str(place[0]), str(place[1]))
    head = page.locator(".attn-head")
    expect(head.locator("[data-h='3']")).to_have_attribute("aria-pressed", "true")
    for column in ("q", "k"):
        head.locator(f".column.{column} .token").nth(4).hover()
        expect(head.locator(".readout table")).to_be_visible()
    click(page, 3, 3)
    expect(page.locator(".attn-head")).to_have_count(0)
    expect(page.locator(".attn-model canvas").first).to_be_visible()


def test_enter_goes_on_to_the_head_view_at_that_head(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    overlay = page.locator(".attn-model .overlay")
    overlay.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        overlay.press(key)
    page.locator(".attn-head[data-painted]").wait_for()
    expect(page.get_by_role("heading", name="Attention heads")).to_be_visible()
    expect(page.locator(".attn-head [data-h='2']")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".attn-head [data-h='0']")).to_have_attribute("aria-pressed", "false")
    page.wait_for_url(re.compile("layer=2.*head=2"))


def test_a_button_goes_there_too(page: Page, dashboard: str) -> None:
    visit(page, dashboard, model="demo/bert-biased", text="The nurse spoke to us.", layer=1, head=3)
    page.get_by_role("button", name="Open in the head view").click()
    expect(page.get_by_role("heading", name="Attention heads")).to_be_visible()
    expect(page.locator(".attn-head [data-h='3']")).to_have_attribute("aria-pressed", "true")
    page.wait_for_url(re.compile("layer=1"))
    chosen = {name: choice(page, name) for name in ("model", "text", "layer", "head")}
    assert chosen == {"model": "demo/bert-biased", "text": "The nurse spoke to us.", "layer": "1", "head": "3"}


def test_a_link_restores_everything(page: Page, browser: Browser, dashboard: str) -> None:
    visit(page, dashboard)
    page.locator(".attn-model [data-option=draw]").select_option("matrix")
    page.locator(".attn-model [data-option=by]").select_option("distance")
    page.locator(".attn-model [data-option=order]").select_option("all")
    page.locator(".attn-model [data-option=layers]").fill("1-3")
    page.locator(".attn-model [data-option=layers]").press("Enter")
    page.wait_for_url(re.compile("view=.*layers"))
    settle(page)
    click(page, 2, 1)
    page.wait_for_url(re.compile("head=1"))
    other = browser.new_context().new_page()
    other.set_default_timeout(60_000)
    other.goto(page.url)
    other.locator(".attn-model[data-painted]").wait_for(timeout=180_000)
    state = other.locator(".attn-model").evaluate("root => root.modelView.state")
    assert (state["draw"], state["by"], state["order"], state["layers"]) == ("matrix", "distance", "all", [1, 2, 3])
    assert other.locator(".attn-model").evaluate("root => root.modelView.selected") == [2, 1]
    expect(other.get_by_text("Layer 2, head 1", exact=True)).to_be_visible()
    other.context.close()


def test_what_was_chosen_stays_when_a_head_is_chosen(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    page.locator(".attn-model [data-option=draw]").select_option("matrix")
    page.locator(".attn-model").evaluate("root => (root.modelView.mine = true)")
    click(page, 1, 1)
    expect(page.get_by_text("Layer 1, head 1", exact=True)).to_be_visible()
    settle(page)
    view = page.locator(".attn-model")
    assert view.evaluate("root => root.modelView.state.draw") == "matrix"
    assert view.evaluate("root => root.modelView.mine"), "the view is the same, not made anew"


@pytest.mark.parametrize("pause", [50])
@pytest.mark.parametrize("first", ["state", "click"])
def test_what_is_chosen_while_python_answers_is_not_lost(page: Page, dashboard: str, first: str, pause: int) -> None:
    visit(page, dashboard)
    steps = ["v.change({ by: 'distance' })", "v.select([1, 1])"]
    now, later = steps if first == "state" else steps[::-1]
    page.locator(".attn-model").evaluate(
        f"root => {{ const v = root.modelView; {now}; setTimeout(() => {{ {later}; }}, {pause}); }}"
    )
    expect(page.get_by_text("Layer 1, head 1", exact=True)).to_be_visible()
    page.wait_for_url(lambda url: "layer=1" in url and "head=1" in url and "view=by%3Adistance" in url)
    page.wait_for_timeout(1500)  # nothing takes it back
    assert (choice(page, "layer"), choice(page, "head"), choice(page, "view")) == ("1", "1", "by:distance")
    page.reload()
    page.locator(".attn-model[data-painted]").wait_for(timeout=180_000)
    expect(page.get_by_text("Layer 1, head 1", exact=True)).to_be_visible()
    view = page.locator(".attn-model")
    assert view.evaluate("root => [root.modelView.state.by, root.modelView.selected]") == ["distance", [1, 1]]


def test_the_last_of_several_fast_clicks_counts(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    page.locator(".attn-model").evaluate(
        "root => { for (const head of [[0, 1], [2, 3], [1, 2]]) root.modelView.select(head); }"
    )
    expect(page.get_by_text("Layer 1, head 2", exact=True)).to_be_visible(timeout=180_000)
    page.wait_for_timeout(1500)
    assert (choice(page, "layer"), choice(page, "head")) == ("1", "2")
    assert page.locator(".attn-model").evaluate("root => root.modelView.selected") == [1, 2]


def test_a_pair_and_its_sides_follow_each_other(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    page.get_by_text("Compare two prompts").click()
    expect(box(page, "Prompt B")).to_have_value("The doctor asked the nurse a question. He")
    expect(page.locator(".attn-model .sides")).to_be_visible()
    settle(page)
    click(page, 0, 2)
    page.locator(".attn-head[data-painted]").wait_for()
    page.locator(".attn-model [data-side-choice=a]").click()
    expect(page.locator(".attn-head [data-side-choice=a]")).to_have_attribute("aria-pressed", "true")
    page.locator(".attn-model .overlay").hover(position=point(page, 0, 2))
    expect(page.locator(".attn-model .words")).to_have_text(
        "layer 0 head 2 · weak pronoun to person .34 · Target shift G −.898"
    )


def test_a_pairs_head_is_opened_in_the_comparison(page: Page, dashboard: str) -> None:
    pair = {"prompt_a": "The pilot met the dancer. She", "prompt_b": "The pilot met the dancer. He"}
    visit(page, dashboard, with_pair="true", targets="dancer, pilot", **pair)
    page.locator(".attn-model .overlay").dblclick(position=point(page, 0, 2))
    page.locator(".attn-matrix[data-painted]").wait_for()
    expect(page.get_by_text("Head 0-2 as a matrix")).to_be_visible()
    page.wait_for_url(re.compile("head=2"))
    assert {name: choice(page, name) for name in pair} == pair


def test_the_scores_are_downloaded(page: Page, dashboard: str) -> None:
    visit(page, dashboard)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Scores of all heads (CSV)").click()
    text = waiting.value.path().read_text()
    assert text.splitlines()[0] == "layer,head,entropy,distance,first"
    assert len(text.splitlines()) == 17
