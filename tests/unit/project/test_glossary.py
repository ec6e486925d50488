"""One glossary: docs/glossary.md has each term with the sentences that the pages show as help, and nothing else."""

import re

import pytest

from attnlib.glossary import GLOSSARY, terms_in
from attnlib.paths import PROJECT
from pages.ui.terms import explained

DOCS = PROJECT / "docs"
ENTRIES = {
    heading: " ".join(text.split())
    for heading, text in re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}


def test_the_guide_has_every_term_in_the_same_order() -> None:
    assert [heading.lower() for heading in ENTRIES] == [term.lower() for term in GLOSSARY]


@pytest.mark.parametrize("term", GLOSSARY)
def test_an_entry_begins_with_what_the_pages_say_and_leads_to_a_guide(term: str) -> None:
    entry = ENTRIES[f"{term[0].upper()}{term[1:]}"]
    assert entry.startswith(f"{GLOSSARY[term]} ")
    assert "**On the pages**" in entry
    assert "](" in entry


@pytest.mark.parametrize("term", GLOSSARY)
def test_the_index_of_the_guide_links_every_term(term: str) -> None:
    link = f"[{term}](#{term.lower().replace(' ', '-')})"
    assert link in (DOCS / "glossary.md").read_text("utf-8")


def test_links_into_a_page_of_the_docs_lead_to_a_heading() -> None:
    for page, place in re.findall(r"\]\(([\w-]+\.md)#([\w-]+)\)", (DOCS / "glossary.md").read_text("utf-8")):
        headings = re.findall(r"^#+ (.+)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
        assert place in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings], place


def test_every_term_is_help_somewhere_on_the_pages() -> None:
    source = "\n".join(file.read_text("utf-8") for file in (PROJECT / "pages").rglob("*.py"))
    shown = set(re.findall(r'"([^"\n]+)"', "\n".join(re.findall(r"explained\(([^)]*)\)", source))))
    assert sorted(set(GLOSSARY) - shown) == []


def test_help_on_one_term_is_its_meaning_and_on_several_a_paragraph_each() -> None:
    assert explained("JSD") == GLOSSARY["JSD"]
    assert explained("JSD", first="A measure.") == f"A measure. {GLOSSARY['JSD']}"
    told = explained("JSD", "target shift G", first="Choose one.").split("\n\n")
    assert told == [
        "Choose one.",
        f"**JSD**: {GLOSSARY['JSD']}",
        f"**Target shift G**: {GLOSSARY['target shift G']}",
    ]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Two heads, one HEAD", ["head"]),
        ("ahead of the headline", []),
        ("How large is the indirect effect of head 0-2?", ["head", "indirect effect"]),
    ],
)
def test_terms_are_found_in_a_text(text: str, terms: list[str]) -> None:
    assert terms_in(text) == terms
