"""The head view of a prompt pair on a saved page, in a real browser: A, B and B − A in place. No server, no model."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from attnlib.views.head.payload import head_pair_payload
from attnlib.views.html import View
from tests.browser.pages import NASTY, is_cut

A = ["The", "doctor", None, "saw", "old", "the", "nurse", ".", "She"]
B = ["The", "doctor", "really", "saw", None, "the", "nurse", ".", "He"]
ROW: dict[str, Any] = {
    "labels": [a if b in (a, None) else b if a is None else f"{a} → {b}" for a, b in zip(A, B, strict=True)],
    "a": A,
    "b": B,
    "kinds": ["equal", "equal", "inserted", "equal", "deleted", "equal", "equal", "equal", "replaced"],
}
LAST, DOCTOR, NURSE = 8, 1, 6


def causal(names: list[str | None], seed: int, heads: int = 4) -> np.ndarray:
    """Random causal attention over units; none to, and NaN from, those that are not there."""
    weights = np.tril(np.random.default_rng(seed).dirichlet(np.full(len(names), 0.3), (heads, len(names))))
    missing = [i for i, name in enumerate(names) if name is None]
    weights[:, :, missing] = 0
    weights = weights / weights.sum(-1, keepdims=True).clip(1e-30)
    weights[:, missing] = np.nan
    return weights.astype(np.float32)


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Attention of A and of B; head 2 moves .5 from the nurse to the doctor, the rest of head 1 stays."""
    a, b = causal(A, 0), causal(B, 1)
    a[2, LAST] = b[2, LAST] = 0
    a[2, LAST, [DOCTOR, NURSE]] = 0.2, 0.8
    b[2, LAST, [DOCTOR, NURSE]] = 0.7, 0.3
    return a, b


def frame(a: np.ndarray, b: np.ndarray, row: dict[str, Any] = ROW, **header: Any) -> bytes:
    return head_pair_payload(row, None, a, b, model="m", stack="self", layer=0, causal=True, **header)


def open_page(page: Page, path: Path, *frames: bytes) -> None:
    View("t", {f"Layer {n}": data for n, data in enumerate(frames)}).to_html(path / "pair.html")
    page.goto((path / "pair.html").as_uri())
    page.locator(".attn-head[data-painted]").wait_for()


@pytest.fixture
def shown(page: Page, pair: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Page:
    open_page(page, tmp_path, frame(*pair))
    return page


def view_of(page: Page, expression: str) -> Any:
    return page.locator(".attn-head").evaluate(f"root => root.headView.{expression}")


def choose(page: Page, side: str) -> None:
    page.locator(f"[data-side-choice={side}]").click()


def tokens(page: Page, side: str = "q") -> list[str]:
    return [text.strip() for text in page.locator(f".column.{side} .token").all_inner_texts()]


def boxes(page: Page) -> Any:
    """Where everything stands that must not move."""
    return page.evaluate(
        """() => [".scroller", ".bar", ".options", ".legend", ".readout", ".column.q", ".column.k", ".token"]
          .flatMap(name => [...document.querySelectorAll(name)].map(e => e.getBoundingClientRect()))
          .map(b => [b.x, b.y, b.width].map(Math.round))"""
    )


def pixels(page: Page, color: str) -> int:
    """How many pixels of the canvas have a hue near this colour, and are opaque enough to be seen."""
    return page.locator("canvas").evaluate(
        """(canvas, color) => {
          const [r, g, b] = [1, 3, 5].map(i => parseInt(color.slice(i, i + 2), 16));
          const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let found = 0;
          for (let i = 0; i < data.length; i += 4) found += data[i + 3] > 120
            && Math.abs(data[i] - r) < 14 && Math.abs(data[i + 1] - g) < 14 && Math.abs(data[i + 2] - b) < 14;
          return found; }""",
        color,
    )


def signed(text: str) -> float:
    return float(text.replace("−", "-"))


def test_a_pair_opens_with_its_difference(shown: Page) -> None:
    expect(shown.locator("[data-side-choice=diff]")).to_have_attribute("aria-pressed", "true")
    assert tokens(shown) == ["The", "doctor", "really", "saw", "old", "the", "nurse", ".", "She → He"]
    expect(shown.locator(".legend")).to_be_visible()
    scale = view_of(shown, "shown.scale")
    texts = [f"less in B −{scale:.3f}", f"+{scale:.3f} more in B"]
    expect(shown.locator(".legend span:not(.ramp)")).to_have_text([text.replace("0.", ".") for text in texts])


def test_switching_moves_nothing(shown: Page) -> None:
    shown.locator(".column.q .token").nth(LAST).click()
    before, found = boxes(shown), {}
    for side in ("a", "b", "diff", "b", "a", "diff"):
        choose(shown, side)
        assert boxes(shown) == before, side
        found[side] = tokens(shown)
        assert view_of(shown, "state.pins") == [LAST]
    assert found["a"] == [name or "–" for name in A]
    assert found["b"] == [name or "–" for name in B]


def test_switching_keeps_the_scroll(page: Page, tmp_path: Path) -> None:
    labels: list[str | None] = [f"word{i}" for i in range(100)]
    row = {"labels": labels, "a": labels, "b": labels, "kinds": ["equal"] * 100}
    open_page(page, tmp_path, frame(causal(labels, 0, 2), causal(labels, 1, 2), row))
    page.locator(".scroller").evaluate("s => s.scrollTop = 700")
    for side in ("a", "b", "diff"):
        choose(page, side)
        assert page.locator(".scroller").evaluate("s => s.scrollTop") == 700


def test_signs_are_colours_and_heads_are_not(shown: Page) -> None:
    signs = view_of(shown, "signs")
    head = view_of(shown, "colors[2]")
    shown.locator(".head").nth(2).dblclick()
    assert pixels(shown, signs["more"]) > 100
    assert pixels(shown, signs["less"]) > 100
    assert pixels(shown, head) == 0
    choose(shown, "b")
    assert pixels(shown, head) > 100
    assert pixels(shown, signs["more"]) == 0


def test_a_line_of_more_is_orange_and_of_less_blue(shown: Page) -> None:
    """The pixel in the middle of the line from the last token, alone on the canvas, has its sign's colour."""
    shown.locator(".head").nth(2).dblclick()
    shown.locator(".column.q .token").nth(LAST).click()
    signs = view_of(shown, "signs")
    for key, sign in ((DOCTOR, "more"), (NURSE, "less")):
        color = shown.locator(".attn-head").evaluate(
            """(root, key) => { const {layout} = root.headView.scene, r = devicePixelRatio;
              const x = layout.left + .75 * (layout.right - layout.left);
              const y = n => 6 + 20 * n + 10;
              const at = [x * r, (y(8) + .75 * (y(key) - y(8))) * r].map(Math.round);
              return [...root.headView.canvas.getContext("2d").getImageData(...at, 1, 1).data]; }""",
            key,
        )
        expected = [int(signs[sign][i : i + 2], 16) for i in (1, 3, 5)]
        assert color[3] > 60
        assert color[:3] == pytest.approx(expected, abs=14)


def test_the_table_agrees_with_the_arrays(shown: Page, pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = (np.nan_to_num(side)[:, LAST] for side in pair)
    shown.locator(".column.q .token").nth(LAST).click()
    expect(shown.locator(".readout h4")).to_have_text("“She → He”: what changes (B − A)")
    shown.locator(".readout summary").click()
    for side, per_head in (("diff", b - a), ("a", a), ("b", b)):
        choose(shown, side)
        rows = shown.locator(".all-numbers tbody tr")
        expect(rows).to_have_count(9)
        for key, row in enumerate(rows.all()):
            cells = row.locator("td").all_inner_texts()
            expected = [
                None if A[key] is None else a[:, key].mean(),
                None if B[key] is None else b[:, key].mean(),
                (b - a)[:, key].mean(),
                *per_head[:, key],
            ]
            for cell, number in zip(cells, expected, strict=True):
                assert cell == "–" if number is None else signed(cell) == pytest.approx(number, abs=0.00052)
    expect(shown.locator(".readout h4")).to_have_text("“He” looks at (in B)")


def test_the_table_is_sorted_by_the_size_of_the_change_and_writes_its_sign(shown: Page) -> None:
    shown.locator(".head").nth(2).dblclick()
    shown.locator(".column.q .token").nth(LAST).hover()
    expect(shown.locator(".readout caption")).to_have_text("head 2")
    rows = shown.locator(".readout tbody tr")
    expect(rows.nth(0).locator("td")).to_have_text([".200", ".700", "+.500"])
    expect(rows.nth(1).locator("td")).to_have_text([".800", ".300", "−.500"])


def test_pinned_tokens_are_summed_with_their_signs(shown: Page, pair: tuple[np.ndarray, np.ndarray]) -> None:
    difference = np.nan_to_num(pair[1]) - np.nan_to_num(pair[0])
    for key in (6, LAST):
        shown.locator(".column.q .token").nth(key).click()
    expect(shown.locator(".readout h4")).to_have_text("“nurse” + “She → He”: what changes (B − A, sum of 2 tokens)")
    shown.locator(".readout summary").click()
    rows = shown.locator(".all-numbers tbody tr")
    expect(rows).to_have_count(9)  # filled once it is open
    for key, row in enumerate(rows.all()):
        change = signed(row.locator("td").nth(2).inner_text())
        assert change == pytest.approx(difference[:, [6, LAST], key].sum(1).mean(), abs=0.00052)
    expect(shown.locator(".spoken")).to_have_text(re.compile(r"what changes .*: .+ \.\d{3} (more|less) in B"))


@pytest.mark.parametrize("width", [360, 1200])
def test_a_line_tells_both_weights_and_the_change(shown: Page, width: int) -> None:
    shown.set_viewport_size({"width": width, "height": 800})
    shown.locator(".head").nth(2).dblclick()
    shown.locator(".column.q .token").nth(LAST).click()
    place = shown.locator(".attn-head").evaluate(
        """root => { const v = root.headView, {layout} = v.scene, b = v.scroller.getBoundingClientRect();
          const y = n => 6 + 20 * n + 10;
          return {x: b.left + 1 + (layout.left + layout.right) / 2, y: b.top + 1 + (y(8) + y(1)) / 2}; }"""
    )
    shown.mouse.move(place["x"], place["y"])
    tip = shown.locator(".tip")
    expect(tip).to_contain_text("head 2: “She → He” looks at “doctor”")
    expect(tip).to_contain_text("A .200   B .700   B − A +.500")
    box = tip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    shown.keyboard.press(".")
    expect(tip).to_be_hidden()
    shown.mouse.move(place["x"], place["y"] + 1)
    expect(tip).to_have_text("head 2: He → doctor .700")


def test_tokens_of_one_prompt_are_marked_and_counted(shown: Page, pair: tuple[np.ndarray, np.ndarray]) -> None:
    expect(shown.locator(".note")).to_have_text("2 tokens are in one prompt only: they have no row to compare.")
    really = shown.locator(".column.q .token").nth(2)
    expect(really).to_have_attribute("title", "only in B: really")
    assert "dotted" in really.locator("bdi").evaluate("e => getComputedStyle(e).textDecoration")
    shown.locator(".column.q .token").nth(LAST).click()
    share = [np.nanmean(pair[0][:, LAST, 4]), np.nanmean(pair[1][:, LAST, 2])]
    said = [f"{100 * v:.1f} %" for v in share]
    expect(shown.locator(".note")).to_contain_text(f"hold {said[0]} of this token's attention in A, {said[1]} in B.")
    shown.keyboard.press("Escape")
    choose(shown, "a")
    really.click()
    assert view_of(shown, "state.pins") == [], "what prompt A does not have cannot be pinned there"
    assert float(really.evaluate("e => getComputedStyle(e).opacity")) < 0.6


def test_where_nothing_differs_the_view_says_so(
    page: Page, pair: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    row = {**ROW, "b": A, "labels": [name or "" for name in A], "kinds": ["equal"] * 9}
    open_page(page, tmp_path, frame(pair[0], pair[0], row))
    expect(page.locator(".note")).to_have_text("No difference in this layer's shown heads.")
    signs = view_of(page, "signs")
    assert pixels(page, signs["more"]) + pixels(page, signs["less"]) == 0


def test_keys_and_other_views_switch_the_side(shown: Page) -> None:
    shown.evaluate("() => { window.heard = []; document.addEventListener('attn-side', e => heard.push(e.detail)); }")
    shown.locator(".column.q .token").first.focus()
    for key, side in ((",", "a"), (".", "b"), ("-", "diff")):
        shown.keyboard.press(key)
        assert view_of(shown, "state.show") == side
    assert shown.evaluate("heard") == ["a", "b", "diff"]
    shown.evaluate("() => document.dispatchEvent(new CustomEvent('attn-side', {detail: 'a'}))")
    assert view_of(shown, "state.show") == "a"
    assert shown.evaluate("heard.length") == 4, "what was heard is not told again"
    expect(shown.locator("[data-side-choice=a]")).to_have_attribute("aria-pressed", "true")


def test_the_side_is_restored_and_stays_with_another_layer(
    page: Page, pair: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    open_page(page, tmp_path, frame(*pair, state=f"show:a,pins:q{LAST}"), frame(*pair))
    expect(page.locator(".readout h4")).to_have_text("“She” looks at (in A)")
    choose(page, "b")
    page.locator("#frame").select_option("Layer 1")
    expect(page.locator(".readout h4")).to_have_text("“He” looks at (in B)")


@pytest.mark.parametrize("width", [360, 1200])
def test_every_width_holds_the_signed_numbers(
    page: Page, pair: tuple[np.ndarray, np.ndarray], tmp_path: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_page(page, tmp_path, frame(*pair))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    room = view_of(page, "scene.layout.gutter") - 5
    widest = page.evaluate(
        """() => { const c = document.querySelector("canvas").getContext("2d"); c.font = "11px system-ui, sans-serif";
          return c.measureText("−.508").width; }"""
    )
    assert widest <= room


def test_512_units_are_painted_and_switched(page: Page, tmp_path: Path) -> None:
    labels: list[str | None] = [f"word{i}" for i in range(512)]
    row = {"labels": labels, "a": labels, "b": labels, "kinds": ["equal"] * 512}
    open_page(page, tmp_path, frame(causal(labels, 0, 12), causal(labels, 1, 12), row))
    assert view_of(page, "shown.lines.index.length") <= 8000
    expect(page.locator(".note")).to_contain_text("differences from")
    for side in ("a", "b", "diff"):
        choose(page, side)
        assert 0 < view_of(page, "shown.lines.index.length") <= 8000


def test_heads_are_named_by_what_they_do(page: Page, tmp_path: Path, pair: tuple[np.ndarray, np.ndarray]) -> None:
    labels = ["", "induction .70", "previous token .93", NASTY]
    open_page(page, tmp_path, frame(*pair, labels=labels), frame(*pair))
    chip = page.locator("[data-h='2']")
    expect(chip).to_have_attribute("aria-label", "head 2, previous token .93")
    expect(chip).to_have_attribute("title", re.compile(r"^Head 2 · previous token \.93 \(key 2\)\."))
    expect(page.locator("[data-h='0']")).to_have_attribute("aria-label", "head 0")
    named = page.locator(".readout .named")
    assert named.count() == 0, "several heads are on"
    page.locator(".column.q .token").nth(LAST).hover()
    column = page.locator(".readout th[aria-label='head 1, induction .70']")
    expect(column).to_have_attribute("title", "head 1 · induction .70")
    chip.dblclick()
    expect(named).to_have_text("head 2 · previous token .93")
    page.locator(".column.q .token").nth(LAST).click()
    expect(named).to_have_text("head 2 · previous token .93")
    page.locator(".attn-head").evaluate(
        "(root, line) => { const v = root.headView; v.marked = line; v.showTip(); }",
        {"head": 2, "query": LAST, "key": DOCTOR, "weight": 0.5},
    )
    tip = page.locator(".attn-head .tip").inner_text().split("\n")
    assert tip[0] == "head 2 · previous token .93"
    assert "B − A +.500" in tip[-1]
    page.locator("[data-h='3']").dblclick()
    expect(named).to_have_text(f"head 3 · {NASTY}")
    page.wait_for_timeout(100)  # the readout follows the mouse, which has left the token
    assert is_cut(named)
    assert page.locator("img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#frame").select_option("Layer 1")  # the same tokens, without labels
    expect(named).to_have_count(0)
    expect(chip).to_have_attribute("aria-label", "head 2")
    expect(chip).to_have_attribute("title", "Head 2 (key 2). Double-click: only this head.")
