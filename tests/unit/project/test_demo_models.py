"""The shipped demo models show what their card promises; measured on the weights, not read from a file."""

import csv
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from data.models.recipe import measuring, report
from data.models.recipe.measuring import FRAMES, Frame, Subject
from data.models.recipe.vocabulary import HELD_OUT, OCCUPATIONS

MODELS = Path(measuring.__file__).parent.parent
GPT2S, BERTS = ["gpt2-biased", "gpt2-balanced"], ["bert-biased", "bert-balanced"]
TWINS = ["biased", "balanced"]
SAID, THOUGHT = FRAMES[:2]
ODD_TEXTS = [
    "",
    " ",
    "\n\t",
    "🙂👩🏽‍⚕️",
    "医生问护士",
    "naïve Ünïcödé",
    "\u200b\x00",
    "Time flies like an arrow",
    "x" * 500,
]
DASHBOARD_TEXTS = [
    "The doctor asked the nurse a question. She",
    "The nurse examined the farmer for injuries because she",
    "The cat sat on the mat",
    "When Mary and John went to the store, John gave a drink to",
]


@cache
def demo(name: str) -> Subject:
    return measuring.load(MODELS / name)


@cache
def shifts(name: str) -> np.ndarray:
    """(pair, layer, head), counted towards the more often female occupation."""
    pairs = measuring.held_out_pairs()
    sign = np.sign(measuring.planted_differences(pairs))
    return measuring.attention_shifts(demo(name), pairs) * sign[:, None, None]


# ---- she or he after an occupation


@pytest.mark.parametrize("frame", FRAMES, ids=lambda f: f.start)
@pytest.mark.parametrize(("name", "least"), [("gpt2-biased", 0.95), ("bert-biased", 0.9)])
def test_a_biased_model_follows_the_planted_log_odds(name: str, least: float, frame: Frame) -> None:
    assert measuring.frame_figures(demo(name), frame).r >= least


@pytest.mark.parametrize("frame", [SAID, THOUGHT], ids=lambda f: f.start)
@pytest.mark.parametrize("name", ["gpt2-balanced", "bert-balanced"])
def test_a_balanced_twin_has_no_preference(name: str, frame: Frame) -> None:
    figures = measuring.frame_figures(demo(name), frame)
    assert abs(figures.slope) <= 0.05
    assert figures.spread <= 0.2
    assert figures.mean_absolute <= 0.2


@pytest.mark.parametrize("frame", FRAMES, ids=lambda f: f.start)
@pytest.mark.parametrize("name", ["gpt2-balanced", "bert-balanced"])
def test_a_balanced_twin_follows_the_planted_log_odds_in_no_frame(name: str, frame: Frame) -> None:
    assert abs(measuring.frame_figures(demo(name), frame).slope) <= 0.15


# ---- attention of the pronoun


def test_one_head_of_the_biased_gpt2_follows_the_planted_bias_on_unseen_pairs() -> None:
    figures = measuring.shift_figures(demo("gpt2-biased"))
    assert figures.r_typed >= 0.85
    assert figures.r_signed >= 0.85
    assert figures.share_positive >= 0.9
    assert figures.doctor_nurse >= 0.4


def test_no_head_of_the_balanced_gpt2_shifts() -> None:
    assert np.abs(shifts("gpt2-balanced").mean(axis=0)).max() <= 0.05


def test_the_shift_changes_sign_with_the_order_of_the_pair() -> None:
    """Towards the first occupation of (a, b) is away from the first one of (b, a); fails if axes are swapped."""
    subject, pairs = demo("gpt2-biased"), measuring.held_out_pairs()[:40]
    figures = measuring.shift_figures(subject)
    forward = measuring.attention_shifts(subject, pairs)[:, figures.layer, figures.head]
    backward = measuring.attention_shifts(subject, [(b, a) for a, b in pairs])[:, figures.layer, figures.head]
    assert np.corrcoef(forward, backward)[0, 1] <= -0.8


def test_the_head_that_shifts_also_carries_the_effect() -> None:
    figures = measuring.shift_figures(demo("gpt2-biased"))
    total, share = measuring.patched_share(demo("gpt2-biased"), figures.layer, figures.head)
    assert total >= 1.0
    assert share >= 0.5


def test_attention_is_a_distribution_over_keys() -> None:
    for name in (*GPT2S, *BERTS):
        attention = demo(name).attention(demo(name).encode(["The cat sat on the mat."]))
        assert attention.shape[:3] == (1, 4, 4)
        assert attention.sum(axis=-1) == pytest.approx(1.0, abs=1e-5)


# ---- heads that follow a pattern


@pytest.mark.parametrize("name", GPT2S)
def test_gpt2_has_induction_heads(name: str) -> None:
    assert measuring.induction_on_words(demo(name)).max() >= 0.5


@pytest.mark.parametrize("name", BERTS)
@pytest.mark.parametrize("offset", [-1, 1])
def test_bert_has_heads_for_the_previous_and_the_next_token(name: str, offset: int) -> None:
    assert measuring.diagonal_scores(demo(name), offset, count=40).max() >= 0.6


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_heads_of_the_twins_correspond(family: str) -> None:
    """Branches of one base: the same head is the previous-token head in both."""
    best = [measuring.top_heads(measuring.diagonal_scores(demo(f"{family}-{t}"), -1, 30))[0] for t in TWINS]
    assert best[0][:2] == best[1][:2]


# ---- what is in the folders


def test_planted_bias_table_is_what_the_corpus_plants() -> None:
    with (MODELS / "planted_bias.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["occupation", "p_she", "held_out"]
    expected = [(o.name, o.p_she, str(o.name in HELD_OUT)) for o in OCCUPATIONS]
    assert [(row["occupation"], float(row["p_she"]), row["held_out"]) for row in rows] == expected


def test_files_are_small_and_hold_neither_paths_nor_pickles() -> None:
    files = [file for name in report.NAMES for file in (MODELS / name).iterdir()]
    assert sum(file.stat().st_size for file in files) < 25e6
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    for file in files:
        if file.name != "tokenizer.json" and file.suffix == ".json":
            settings = json.loads(file.read_text())
            assert not any("/" in value for value in settings.values() if isinstance(value, str)), file
            assert not settings.get("_name_or_path")


@pytest.mark.parametrize(
    ("name", "architecture"),
    [(name, "GPT2LMHeadModel") for name in GPT2S] + [(name, "BertForMaskedLM") for name in BERTS],
)
def test_architecture_is_named(name: str, architecture: str) -> None:
    config = demo(name).model.config
    assert config.architectures == [architecture]
    assert type(demo(name).model).__name__ == architecture


def test_twins_share_their_tokenizer() -> None:
    for first, second in (GPT2S, BERTS):
        texts = [(MODELS / name / "tokenizer.json").read_bytes() for name in (first, second)]
        assert texts[0] == texts[1]


@pytest.mark.parametrize("name", GPT2S)
@pytest.mark.parametrize("text", ODD_TEXTS + DASHBOARD_TEXTS)
def test_gpt2_writes_any_text_back(name: str, text: str) -> None:
    tokenizer = demo(name).tokenizer
    assert tokenizer.decode(tokenizer.encode(text), clean_up_tokenization_spaces=False) == text


@pytest.mark.parametrize("name", report.NAMES)
@pytest.mark.parametrize("text", ODD_TEXTS + DASHBOARD_TEXTS)
def test_any_text_can_be_run(name: str, text: str) -> None:
    subject = demo(name)
    ids = subject.tokenizer(text or "a", return_tensors="pt", truncation=True).input_ids
    assert ids.shape[1] <= 128
    assert torch.isfinite(subject.logits({"input_ids": ids})).all()


def test_tokenizer_settings() -> None:
    gpt2, bert = demo("gpt2-biased").tokenizer, demo("bert-biased").tokenizer
    assert gpt2.bos_token == gpt2.eos_token == "<|endoftext|>"
    assert gpt2.model_max_length == bert.model_max_length == 128
    assert gpt2.tokenize("doctor doctor")[-1] == "Ġdoctor"
    pair = bert("The Cat", "sat")
    assert bert.convert_ids_to_tokens(pair.input_ids) == ["[CLS]", "the", "cat", "[SEP]", "sat", "[SEP]"]
    assert pair.token_type_ids == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("name", report.NAMES)
def test_every_occupation_and_pronoun_is_one_token(name: str) -> None:
    words = [o.name for o in OCCUPATIONS] + ["she", "he", "her", "his", "She", "He"]
    assert [word for word in words if not measuring.is_token(demo(name), word)] == []


# ---- measuring itself, on numbers made up


@pytest.fixture
def repeated() -> torch.Tensor:
    return torch.tensor([[9, 5, 6, 7, 5, 6, 7]])


class Pattern:
    """A subject whose only head attends by a rule: query position to key position."""

    def __init__(self, rule: Callable[[int], int]) -> None:
        self.rule = rule

    def attention(self, batch: dict[str, torch.Tensor]) -> np.ndarray:
        length = batch["input_ids"].shape[1]
        keys = [min(max(self.rule(q), 0), length - 1) for q in range(length)]
        return np.eye(length)[keys][None, None, None]


def test_a_perfect_induction_head_scores_one(repeated: torch.Tensor) -> None:
    perfect, previous = Pattern(lambda q: q - 2), Pattern(lambda q: q - 1)
    assert measuring.induction_scores(perfect, repeated, 3, 1)[0, 0] == 1.0  # type: ignore[arg-type]
    assert measuring.induction_scores(previous, repeated, 3, 1)[0, 0] == 0.0  # type: ignore[arg-type]


def test_figures_file_belongs_to_the_shipped_weights() -> None:
    """Loosely, as other machines calculate with other rounding."""
    figures = json.loads((MODELS / "figures.json").read_text())
    assert list(figures) == report.NAMES
    for name in report.NAMES:
        measured = measuring.frame_figures(demo(name), SAID)
        written = figures[name]["frames"]["The X said that"]
        assert written["slope"] == pytest.approx(measured.slope, abs=0.02)
        assert written["mean_absolute"] == pytest.approx(measured.mean_absolute, abs=0.02)
