"""Every figure that the docs print from the demo models, computed again by what the reader would call.

A page's entries are phrases with their values; a phrase that is no longer there fails with the right one in the
message. A number that no entry and no line of NOT_MEASURED covers fails too: a new figure needs an entry.
Not here: sentences of test_docs.py that are held whole.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import attnlib
from attnlib.behaviour.head_patterns import HeadPatterns
from attnlib.behaviour.measure import HALF, SEQUENCES
from attnlib.behaviour.store import load_patterns, patterns_key
from attnlib.comparison.spelling import reader_of
from attnlib.comparison.untrained import largest_untrained
from attnlib.paths import PROJECT
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.pairs import builtin_pairs
from attnlib.prompts.rewording import control_edits
from attnlib.prompts.texts import builtin_texts, coreference_texts
from attnlib.stats.resampling import FEWEST_UNITS
from attnlib.wording import short_number, signed, two_digits

ROOT = PROJECT
SHE, HE = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
TARGETS = ("nurse", "doctor")
VALUE = r"[−+]?[\d.,]*\d"
Phrase = tuple[str, Callable[[], tuple[object, ...]]]


@cache
def model(name: str) -> attnlib.Model:
    return attnlib.load_model(f"demo/{name}", device="cpu")


@cache
def patterns(name: str) -> HeadPatterns:
    found = load_patterns(patterns_key(model(name), builtin_texts()))
    assert found is not None, f"{name} is not measured: python -m data.patterns.build"
    return found


def masses() -> tuple[object, ...]:
    nurse, doctor = attnlib.compare(model("gpt2-biased"), SHE, HE).target_masses(TARGETS)
    return tuple(number3(mass[0, 2]) for mass in (nurse.a, nurse.b, doctor.a, doctor.b))


def number3(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def shift(name: str, b: str = HE, *, focus: str | None = None) -> tuple[object, ...]:
    return (signed(attnlib.compare(model(name), SHE, b, focus=focus).target_shift(TARGETS)[0, 2]),)


def untrained_shifts() -> tuple[object, ...]:
    """The head that moves most of 20 random copies: the least of them and the most."""
    copies = largest_untrained(
        model("gpt2-biased"), lambda copy: attnlib.compare(copy, SHE, HE).target_shift(TARGETS)
    )
    assert len(copies) == 20
    return number3(copies.low), number3(copies.high)


def control_shift() -> tuple[object, ...]:
    control = control_edits(SHE, HE, keep=(*TARGETS, "She"), reader=reader_of(model("gpt2-biased")))[0]
    return shift("gpt2-biased", control.text, focus="She")


def first_study() -> tuple[object, ...]:
    pairs = pair_set("two-occupations")
    return len(pairs), len({dict(pair.further)["unit"] for pair in pairs})


def set_sizes() -> tuple[object, ...]:
    """What the large sets have, each of them."""
    (size,) = {len(pair_set(name)) for name in PAIR_SETS if name != "examples"}
    return (size,)


def head_width() -> tuple[object, ...]:
    return (attnlib.head_vectors(attnlib.trace(model("gpt2-biased"), SHE), 0, 2).terms(8).shape[-1],)


def induction() -> tuple[object, ...]:
    figures = json.loads((ROOT / "data/models/figures.json").read_text())["gpt2-biased"]
    of_corpus = {(layer, head): score for layer, head, score in figures["induction_words"]}[3, 0]
    return short_number(patterns("gpt2-biased").of("induction_words")[3, 0]), short_number(of_corpus)


def to_thing() -> tuple[object, ...]:
    found = patterns("gpt2-biased")
    n = found.number("coreference_thing")
    return (two_digits(float(found.score[n, 0, 2] - found.baseline[n, 0, 2])),)


def has_both() -> tuple[object, ...]:
    return (sum(one.meant in ("person", "thing") for one in coreference_texts()),)


def pieces(*words: str) -> tuple[object, ...]:
    counts = {3: "three", 7: "seven"}
    found = [len(model("bert-biased").tokenizer(word, add_special_tokens=False)["input_ids"]) for word in words]
    return tuple(counts.get(count, count) for count in found)


@cache
def card(name: str) -> dict[str, Any]:
    """What the model card's figures were written from; test_demo_models.py holds it to the weights."""
    return json.loads((ROOT / "data" / "models" / "figures.json").read_text("utf-8"))[name]


def twins() -> tuple[object, ...]:
    """The steepest slope and the largest shift of the two balanced models."""
    found = [card("gpt2-balanced"), card("bert-balanced")]
    slope = max(abs(frame["slope"]) for one in found for frame in one["frames"].values())
    return short_number(slope), short_number(max(one["shift"]["largest_of_all_heads"] for one in found))


def induced(kind: str) -> tuple[object, ...]:
    """The least and the most of the three strongest induction heads of both GPT-2, to a tenth."""
    scores = [score for name in ("gpt2-biased", "gpt2-balanced") for *_, score in card(name)[kind]]
    return tuple(f"{score:.1f}".lstrip("0") for score in (min(scores), max(scores)))


FIGURES: dict[str, list[Phrase]] = {
    "README.md": [
        ("looks at “nurse” with {}, “He” with {}; at “doctor” with {} and {}", masses),
        ("target shift G of {}", lambda: shift("gpt2-biased")),
        ("should not matter, head 0-2 moves by {}", control_shift),
        ("with the pronouns balanced, by {}", lambda: shift("gpt2-balanced")),
        ("whichever it is, moves by {} to {}", lambda: untrained_shifts()),
        ("Over {} pairs ({} pairs of occupations", first_study),
        ("built-in sets of {} pairs each", set_sizes),
        ("*Silence them in {} pairs*", lambda: (len(pair_set("two-occupations")),)),
        ("of its {} dimensions", head_width),
        ("{} built-in pairs", lambda: (len(builtin_pairs()),)),
    ],
    "docs/patterns.md": [
        ("in {} sequences of {} random tokens", lambda: (SEQUENCES, HALF)),
        ("in {} annotated sentences", lambda: (len(coreference_texts()),)),
        ("the {} of them that have both", has_both),
        ("parts of the {}", lambda: (len(coreference_texts()),)),
        ("the previous token gets {} on average", lambda: (short_number(float(np.mean([1 / 2, 1 / 3]))),)),
        ("fewer than {} there is none", lambda: (FEWEST_UNITS,)),
        ("(*it* → thing {})", to_thing),
        ("head 3-0 of demo/gpt2-biased has {} here and {} on those", induction),
    ],
    "docs/compare.md": [
        ("“Emily” is {} tokens and “Lakisha” {} in", lambda: pieces("Emily", "Lakisha")),
    ],
    "data/models/README.md": [
        ("loosely (r {})", lambda: tuple(map(short_number, [card("bert-biased")["shift"]["r_typed"]]))),
        ("slopes within ±{}, no head shifts by more than {}", lambda: twins()),
        ("with the plan ({}, signed {})", lambda: tuple(
            short_number(card("gpt2-balanced")["shift"][of]) for of in ("r_typed", "r_signed"))),
        ("nouns that the corpus repeats ({} to {})", lambda: induced("induction_words")),
        ("less on other nouns ({} to {})", lambda: induced("induction_nouns")),
        ("mean |log-odds|: {} in \"was happy because\", {} in BERT's", lambda: tuple(
            short_number(card(name)["frames"][frame]["mean_absolute"]) for name, frame in (
                ("gpt2-balanced", "The X was happy because"), ("bert-balanced", "Yesterday, the X lost")))),
    ],
}  # fmt: skip
# what looks like a figure and is none: names, settings, definitions; and what is held by test_docs.py or a simulation
NOT_MEASURED: dict[str, list[str]] = {
    "README.md": [
        "1904.02679", "Vig 2019", "GPT-2", "gpt2-", "T5", "localhost:8501", "Python 3.11", "head 0-2", "Apache-2.0",
        r"\n\d\. ", r"rise\s+\d+-fold", r"by −\.\d+\s+\[−\.\d+,\s+−\.\d+\]", r"\d+ %\s+of\s+the\s+difference",
        r"remain\s+\[\d+ %,\s+\d+ %\];\s+without\s+four\s+random\s+ones,\s+\d+ %",
        "lab.example:8501", "at most 20 MB",
    ],
    "docs/patterns.md": [
        "95 % t interval", "95 % interval", "interval lies above 0", "excess lies above 0", "baseline to 1",
        "Olsson et al. 2022", "at least 35 %", "from 15 % on", "seeds 0–19",
        "GPT-2", "gpt2-", "in 20 models each", "head 3-0", "Head 0-2", "need 40 %", "a test measures 40 others",
        "of their 640 heads", "entropy .9 and more", r"\| [^\n]*(?:BERT|initialisation|a name takes)[^\n]*\|",
    ],
}  # fmt: skip


def prose(page: str) -> str:
    """A page without its programs and its links."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\]\([^)]*\)", "]", text)


ENTRIES = [
    pytest.param(page, phrase, values, id=f"{page}: {phrase}")
    for page, phrases in FIGURES.items()
    for phrase, values in phrases
]


@pytest.mark.parametrize(("guide", "phrase", "values"), ENTRIES)
def test_a_figure_is_what_the_library_gives(
    guide: str, phrase: str, values: Callable[[], tuple[object, ...]]
) -> None:
    told, expected = " ".join(prose(guide).split()), phrase.format(*values())
    assert expected in told, f"{guide} should say: {expected}"


def spaced(phrase: str) -> str:
    """A regular expression for a phrase, which may be broken over lines."""
    return r"\s+".join(re.escape(word) for word in phrase.split(" "))


@pytest.mark.parametrize("guide", NOT_MEASURED)
def test_no_figure_is_without_an_entry(guide: str) -> None:
    text = prose(guide)
    for phrase, _ in FIGURES[guide]:
        text = re.sub(VALUE.join(map(spaced, phrase.split("{}"))), " ", text)
    for phrase in NOT_MEASURED[guide]:
        text = re.sub(phrase if "\\" in phrase else spaced(phrase), " ", text)
    left = [line.strip() for line in text.splitlines() if re.search(r"\d", line)]
    assert not left, f"{guide} has figures without an entry in FIGURES or NOT_MEASURED: {left}"
