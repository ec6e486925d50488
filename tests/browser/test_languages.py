"""Languages of a translation model in Chromium: chosen, kept in the address and on the way to other pages."""

import re
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.pages import choice, picked, settle
from tests.unit.translators import translator

NONE_CHOSEN = "expects the token of a target language first, but none is chosen"


def test_languages_are_in_the_address_and_kept(page: Page, dashboard: str, tmp_path: Path) -> None:
    model = translator("mbart-50")
    model.hf.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    page.goto(f"{dashboard}/?model={quote(str(tmp_path), safe='')}&text=The+doctor.&text_b=Le&stack=cross")
    page.locator(".attn-head[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    target = page.get_by_role("combobox", name=re.compile("Target language"))
    expect(page.get_by_role("combobox", name=re.compile("Source language"))).to_have_value("en_XX")
    expect(page.get_by_text(NONE_CHOSEN)).to_be_visible()
    picked(page, "Target language", "de_DE")
    expect(page.get_by_text(NONE_CHOSEN)).to_be_hidden()
    assert choice(page, "target_language") == "de_DE"
    assert choice(page, "source_language") == "", "it is the model's own"
    page.reload()
    page.locator(".attn-head[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    expect(target).to_have_value("de_DE")
    for name in ("All layers and heads", "Compare prompts", "Query × key (neurons)"):
        page.get_by_role("link", name=name).click()
        settle(page)
        expect(target).to_have_value("de_DE", timeout=180_000)
        settle(page)
        assert choice(page, "target_language") == "de_DE", name
    picked(page, "Model", "demo/gpt2-biased")
    expect(target).to_be_hidden()
    settle(page)
    assert choice(page, "target_language") == ""
