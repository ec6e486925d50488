"""What the model would say under A and B, against the softmax of its logits."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch

import attnlib
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model
from attnlib.model.tokens import read_tokens
from attnlib.words.predictions import LEAST, WordChange, compare_words, largest_changes, says_words, speaking_places
from tests.unit.tiny import tiny_model


@pytest.fixture(scope="module")
def gpt2() -> Model:
    return tiny_model("gpt2", "causal")


@pytest.fixture(scope="module")
def bert() -> Model:
    return tiny_model("bert", "masked")


def logits(*probabilities: float) -> torch.Tensor:
    """One token's logits that give these probabilities, shifted as logits are."""
    return torch.tensor([probabilities]).log() + 3.0


def test_words_and_probabilities_by_hand(gpt2: Model) -> None:
    words = compare_words(gpt2, (logits(0.7, 0.2, 0.1), logits(0.1, 0.2, 0.7)), ([0], [0]))
    assert [(w.p_a, w.p_b) for w in words] == [pytest.approx(p) for p in [(0.7, 0.1), (0.2, 0.2), (0.1, 0.7)]]
    assert [w.word for w in words] == list(read_tokens(gpt2.tokenizer, [0, 1, 2]).labels)
    assert {w.place for w in words} == {"next"}
    assert [w.log_ratio for w in words] == pytest.approx([-math.log(7), 0, math.log(7)], abs=1e-5)


def test_words_unlikely_under_both_are_left_out(gpt2: Model) -> None:
    least = LEAST
    a, b = (least * 0.9, least * 1.1, least * 0.5, 0.9), (least * 0.9, least * 0.5, least * 1.1, 0.9)
    a, b = ((*p[:3], 1 - sum(p[:3])) for p in (a, b))
    words = compare_words(gpt2, (logits(*a), logits(*b)), ([0], [0]))
    assert [w.word for w in words] == list(read_tokens(gpt2.tokenizer, [1, 2, 3]).labels)


def test_a_word_that_cannot_follow_has_a_finite_ratio(gpt2: Model) -> None:
    words = compare_words(gpt2, (logits(1.0, 0.0), logits(0.5, 0.5)), ([0], [0]))
    assert all(math.isfinite(w.log_ratio) for w in words)
    assert words[1].log_ratio > 50


def unchecked(function: Any) -> Any:
    """The function without its shape checks."""
    return inspect.unwrap(function)


def test_the_annotation_allows_tables_of_different_sizes(gpt2: Model) -> None:
    compare_words(gpt2, (logits(0.5, 0.5), logits(0.25, 0.25, 0.5)), ([0], [0]))


def test_tables_padded_to_different_sizes_are_compared_over_what_both_know(gpt2: Model) -> None:
    words = unchecked(compare_words)(gpt2, (logits(0.5, 0.5), logits(0.25, 0.25, 0.5)), ([0], [0]))
    assert [(w.p_a, w.p_b) for w in words] == [pytest.approx((0.5, 0.25))] * 2


@pytest.mark.parametrize(
    ("text_a", "text_b"), [("The doctor asked", "The nurse asked"), ("The doctor", "The doctor asked the nurse")]
)
def test_the_next_word_is_read_at_the_end_of_each_prompt(gpt2: Model, text_a: str, text_b: str) -> None:
    rows = []
    for text in (text_a, text_b):
        with torch.inference_mode():
            rows.append(gpt2.hf(**gpt2.tokenizer(text, return_tensors="pt")).logits[0])
    places = [speaking_places(gpt2, read_inputs(gpt2, text, None, truncate=False)) for text in (text_a, text_b)]
    assert places == [(len(rows[0]) - 1,), (len(rows[1]) - 1,)]
    p_a, p_b = (row[-1].double().softmax(-1).numpy() for row in rows)
    known = range(len(gpt2.tokenizer))  # the table has rows that stand for no word
    expected = [i for i in known if max(p_a[i], p_b[i]) >= LEAST]
    found = compare_words(gpt2, (rows[0], rows[1]), (places[0], places[1]))
    assert len(found) == len(expected)
    np.testing.assert_allclose([w.p_a for w in found], p_a[expected], rtol=1e-4)
    np.testing.assert_allclose([w.p_b for w in found], p_b[expected], rtol=1e-4)


def test_each_mask_is_a_place_of_its_own(bert: Model) -> None:
    a, b = "The <mask> asked the <mask>.", "The <mask> thanked the <mask>."
    found = attnlib.compare(bert, a, b)
    assert list(dict.fromkeys(w.place for w in found.words)) == ["mask 1", "mask 2"]
    sides = []
    for text in (a, b):
        given = bert.tokenizer(text, return_tensors="pt")
        masks = (given.input_ids[0] == bert.tokenizer.mask_token_id).nonzero()[:, 0]
        with torch.inference_mode():
            sides.append(bert.hf(**given).logits[0, masks].double().softmax(-1).numpy())
    for n in range(2):
        p_a, p_b = sides[0][n], sides[1][n]
        expected = np.flatnonzero(np.maximum(p_a, p_b)[: len(bert.tokenizer)] >= LEAST)
        words = [w for w in found.words if w.place == f"mask {n + 1}"]
        assert len(words) == len(expected)
        np.testing.assert_allclose([w.p_a for w in words], p_a[expected], rtol=1e-3)
        np.testing.assert_allclose([w.p_b for w in words], p_b[expected], rtol=1e-3)


def test_a_masked_model_without_a_mask_says_nothing(bert: Model) -> None:
    assert attnlib.compare(bert, "The doctor asked.", "The nurse asked.").words == ()


def test_only_masks_that_both_prompts_have_are_compared(bert: Model) -> None:
    found = attnlib.compare(bert, "The <mask> asked a <mask>.", "The <mask> asked a nurse.")
    assert {w.place for w in found.words} == {"mask 1"}


def test_a_model_without_a_head_says_nothing() -> None:
    model = tiny_model("bert")
    assert not says_words(model)
    assert attnlib.compare(model, "The <mask> asked.", "A <mask> asked.").words == ()
    assert compare_words(model, (None, None), ((), ())) == ()


def test_largest_changes_are_chosen_by_size_and_told_from_b_to_a() -> None:
    ratios = {"a": (0.1, 0.2), "b": (0.4, 0.1), "c": (0.1, 0.11), "d": (0.1, 0.8), "e": (0.3, 0.1)}
    words = [WordChange("next", word, *p) for word, p in ratios.items()]
    assert [w.word for w in largest_changes(words, 3)] == ["d", "e", "b"]
    assert [w.word for w in largest_changes(words)] == ["d", "a", "c", "e", "b"]
    assert largest_changes([]) == ()
