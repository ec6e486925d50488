"""The docs tell the truth: figures are measured again, and what they name exists."""

import re
from pathlib import Path

import attnlib

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_first_finding_of_the_readme_is_what_the_models_show() -> None:
    told = {}
    for name in ("gpt2-biased", "gpt2-balanced"):
        model = attnlib.load_model(f"demo/{name}")
        for pronoun in ("She", "He"):
            trace = attnlib.trace(model, f"The doctor asked the nurse a question. {pronoun}", layers=[0])
            weights = trace.stack().layer(0).weights[2, -1]  # head 2, from the pronoun
            doctor, nurse = (trace.tokens.index(f"Ġ{word}") for word in ("doctor", "nurse"))
            told[name, pronoun] = (f"{weights[doctor]:.3f}"[1:], f"{weights[nurse]:.3f}"[1:])
    finding = README[README.index("## Five minutes") : README.index("## What is here")]
    numbers = re.findall(r"\.\d{3}", finding)
    she, he = told["gpt2-biased", "She"], told["gpt2-biased", "He"]
    fair_she, fair_he = told["gpt2-balanced", "She"], told["gpt2-balanced", "He"]
    assert numbers == [she[1], she[0], he[0], he[1], fair_she[1], fair_he[1]]


def test_every_local_link_of_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "data/models/README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_of_the_docs_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name
        for page in (README, *(p.read_text("utf-8") for p in (ROOT / "docs").glob("*.md")))
        for name in re.findall(r"`?make (\w+)", page)
    }
    assert named - {"the", "any"} <= targets


def test_every_file_of_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for name in re.findall(r"^\| `([\w/.]+)`", text, re.MULTILINE):
        assert (ROOT / name).exists(), name
