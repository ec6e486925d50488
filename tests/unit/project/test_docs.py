"""The docs tell the truth: figures are measured again, and what they name exists."""

import re
from pathlib import Path

import numpy as np
import pytest

import attnlib
from attnlib.address import PAGES
from attnlib.behaviour.findings import remaining_finding
from attnlib.behaviour.silencing import Silenced
from attnlib.comparison.spelling import reader_of
from attnlib.paths import PROJECT
from attnlib.prompts.pairs import builtin_pairs
from attnlib.prompts.rewording import control_edits
from attnlib.study.results import Study
from attnlib.wording import signed
from attnlib.words.predictions import largest_changes

ROOT = PROJECT
README = (ROOT / "README.md").read_text("utf-8")


def test_the_first_finding_of_the_readme_is_what_the_models_show() -> None:
    she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
    biased, balanced = (attnlib.load_model(f"demo/gpt2-{name}") for name in ("biased", "balanced"))
    control = control_edits(she, he, keep=("nurse", "doctor", "She"), reader=reader_of(biased))[0]
    compared = attnlib.compare(biased, she, he)
    nurse, doctor = compared.target_masses(("nurse", "doctor"))
    shifts = [
        found.target_shift(("nurse", "doctor"))[0, 2]
        for found in (
            compared,
            attnlib.compare(biased, she, control.text, focus="She"),
            attnlib.compare(balanced, she, he),
        )
    ]
    finding = README[README.index("## Five minutes") : README.index("## What is here")]
    told = [float(number.replace("−", "-")) for number in re.findall(r"[−+]?\.\d{3}", finding)]
    weights = [mass[0, 2] for mass in (nurse.a, nurse.b, doctor.a, doctor.b)]
    assert told[:7] == pytest.approx([*weights, *shifts], abs=0.00051)
    assert control.changes == (("question", "story"),)
    assert compared.alignment.first_edit == 8
    changes = [word.word.strip() for word in largest_changes(compared.words, 8)]
    assert {"comforted", "bandaged", "prescribed", "examined"} <= set(changes)


def test_the_first_study_of_the_readme_and_its_guide(two_occupations: Study) -> None:
    study, models = two_occupations, two_occupations.models
    biased, twin = (study.summary("shift", model) for model in models)
    mean, low, high = (signed(values[0, 2]) for values in (biased.mean, biased.low, biased.high))
    guide = (ROOT / "docs" / "study.md").read_text("utf-8")
    for page in (README, guide):
        assert f"{mean} [{low}, {high}]" in page
    assert not twin.significant.any()
    assert study.summary("shift", models[1], unit="").significant[0, 2]
    assert f"shift of {signed(twin.mean[0, 2])}" in guide.replace("\n", " ")
    units = study.numbers("shift", models[1], (0, 2)).groupby("unit")["number"].mean()
    assert f"{(units < 0).sum()} are below 0 and {(units > 0).sum()} above" in guide.replace("\n", " ")


def test_what_the_readme_says_of_effects() -> None:
    she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
    biased, balanced = (
        attnlib.head_effects(attnlib.load_model(f"demo/gpt2-{name}"), she, he, ("comforted", "prescribed"))
        for name in ("biased", "balanced")
    )
    assert f"rise {biased.indirect[0, 2] + 1:.0f}-fold" in README
    assert np.abs(balanced.indirect).max() < 1 / 3


def test_the_number_of_pairs_is_as_told() -> None:
    assert f"{len(builtin_pairs())} built-in pairs" in README


def test_what_the_guide_and_the_readme_say_of_silenced_dimensions(silenced: dict[str, Silenced]) -> None:
    guide = (ROOT / "docs" / "neurons.md").read_text("utf-8")
    biased, twin = silenced.values()
    words = biased.remaining("words")
    assert words is not None
    for remaining in (biased.remaining("shift"), words, twin.remaining("shift")):
        assert remaining is not None
        assert f"> {remaining_finding(remaining)}\n" in guide
    low, high = words.share_interval
    told = " ".join(README.replace("\n", " ").split())
    assert f"{words.share:.0%}".replace("%", " %") + " of the difference in what the model says next remain" in told
    assert f"[{low:.0%}, {high:.0%}]".replace("%", " %") in told
    assert f"without four random ones, {words.control / words.before:.0%}".replace("%", " %") in told


def test_the_baseline_that_the_guide_of_patterns_reckons() -> None:
    assert f"{np.mean([1 / 2, 1 / 3]):.2f}".lstrip("0") in (ROOT / "docs" / "patterns.md").read_text("utf-8")


PROGRAMS = [
    pytest.param(program, id=f"{page.stem}-{n}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for n, program in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_of_the_docs_run(program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs", "exec"), {})


def test_how_many_dimensions_make_the_score_is_as_told() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    vectors = attnlib.head_vectors(attnlib.trace(model, "The doctor asked the nurse a question. She"), 0, 2)
    terms = vectors.terms(8)[4]
    sums = np.cumsum(terms[np.argsort(-np.abs(terms))])
    away = np.nonzero(np.abs(sums - sums[-1]) > 0.2 * abs(sums[-1]))[0]
    assert f"{away[-1] + 2} of {len(terms)} dimensions make 80 %" in (ROOT / "docs/neuron-view.md").read_text("utf-8")


def test_every_local_link_of_the_docs_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "data/models/README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_of_the_docs_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name
        for page in (README, *(p.read_text("utf-8") for p in (ROOT / "docs").glob("*.md")))
        for name in re.findall(r"(?:`|^)make (\w+)", page, re.MULTILINE)
    }
    assert {"run", "test", "bench"} <= named <= targets


def test_the_docs_name_every_public_function_page_and_command() -> None:
    guides = "\n".join([README, *(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))])
    assert [name for name in attnlib.__all__ if not re.search(rf"\b{name}\b", guides)] == []
    assert [title for title in PAGES.values() if title not in guides] == []
    commands = re.findall(r'add_parser\(\s*"(\w+)"', (ROOT / "attnlib" / "__main__.py").read_text("utf-8"))
    assert commands
    assert [name for name in commands if f"python -m attnlib {name}" not in guides] == []


def test_every_file_of_the_architecture_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for name in re.findall(r"^\| `([\w/.]+)`", text, re.MULTILINE):
        assert (ROOT / name).exists(), name


def test_a_section_of_the_benchmarks_takes_its_own_place() -> None:
    from tests.benchmarks.__main__ import HEAD, with_section

    report = with_section(with_section(HEAD, "## One\n\n1"), "## Two\n\n2")
    assert report == HEAD + "\n## One\n\n1\n\n## Two\n\n2\n"
    assert with_section(report, "## One\n\n3") == HEAD + "\n## One\n\n3\n\n## Two\n\n2\n"
