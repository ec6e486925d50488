"""Effects in words, suggested candidates, heads switched off."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_model

import attnlib
from attnlib import HeadEffects, InputError
from attnlib.findings import effects_finding
from attnlib.mediation import estimate
from attnlib.predictions import WordChange, telling_words, words_without

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


def effects(indirect: list[list[float]], total: float = 3.0) -> HeadEffects:
    values = np.array(indirect)
    layer = values[:, 0]
    odds = np.array([[0.5, 0.25], [0.5, 0.25 * (1 + total)]])
    return HeadEffects("m", ("a", "b"), ("she", "he"), odds, values, values, layer, layer, 2.5, 0.4)


def test_the_head_that_moves_and_does_most() -> None:
    said = effects_finding(effects([[0.0, 2.0], [0.01, 0.0]]), np.array([[0.1, -0.9], [0.0, 0.2]]))
    assert said == (
        "Going from A to B multiplies the odds of “he” against “she” by 4.00 (from 0.5 to 2): a total effect of "
        "+3.000. With the attention of all heads taken from B, and all else as in A, it is +2.500. Head 0-1 moves "
        "most and does most: alone it changes the odds by +2.000."
    )


def test_one_head_moves_and_another_does() -> None:
    said = effects_finding(effects([[1.5, 0.001], [-0.004, 0.0]]), np.array([[0.3, 0.9], [0.4, 0.0]]))
    assert "Head 0-1 moves most and changes the odds by +.001; head 0-0 does most, +1.500." in said
    assert said.endswith("Head 1-0 moves, too, but changes nothing (−.004).")


def test_an_effect_against_the_whole_and_none_at_all() -> None:
    against = effects_finding(effects([[-0.5, 0.0], [0.0, 0.0]]), np.array([[0.9, 0.0], [0.0, 0.0]]))
    assert "alone it changes the odds by −.500, against the direction of the whole." in against
    none = effects_finding(effects([[0.001, 0.0], [0.0, 0.0]], 0.0), np.zeros((2, 2)))
    assert none.endswith("No single head changes the odds by .02 or more.")
    partly = effects_finding(replace(effects([[np.nan] * 2] * 2), done=0.0), np.zeros((2, 2)))
    assert partly.endswith("it is +2.500.")


def test_words_that_tell_the_prompts_apart() -> None:
    def word(text: str, a: float, b: float, place: str = "next") -> WordChange:
        return WordChange(place, text, a, b)

    words = (word(" she", 0.4, 0.1), word(" .", 0.01, 0.5), word(" he", 0.1, 0.4), word(" was", 0.2, 0.2))
    assert telling_words(words) == ("she", "he")
    assert telling_words(words[:1]) is None
    assert telling_words(()) is None
    assert telling_words((words[0], word(" he", 0.1, 0.4, "mask 2"))) is None
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE)
    assert telling_words(found.words) == ("comforted", "prescribed")


def test_words_without_heads_are_those_of_the_edited_run() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    words = {word.word.strip(): word for word in words_without(model, SHE, None, [(0, 2)])}
    plain, without = (
        attnlib.trace(model, SHE, edits=edits).predictions for edits in ([], [attnlib.zero_heads([(0, 2)])])
    )
    assert plain is not None
    assert without is not None
    for rank, label in enumerate(plain.labels[-1]):
        assert words[label.strip()].p_a == pytest.approx(plain.probabilities[-1, rank], abs=1e-5)
    for rank, label in enumerate(without.labels[-1]):
        assert words[label.strip()].p_b == pytest.approx(without.probabilities[-1, rank], abs=1e-5)
    assert words_without(attnlib.load_model("demo/bert-biased"), "No mask here.", None, [(0, 0)]) == ()


def test_switches_that_are_not_there_say_so() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    with pytest.raises(InputError, match="no head 9-0"):
        words_without(model, SHE, None, [(9, 0)])
    with pytest.raises(InputError, match="cannot be switched off"):
        words_without(tiny_model("gptj", "causal"), "a", None, [(0, 0)])


def test_the_estimate_is_time_and_says_what_cannot_be_done() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    assert 0 < estimate(model, SHE, HE, ("comforted", "prescribed")) < 60
    with pytest.raises(InputError, match="cannot be taken"):
        estimate(model, SHE, "He", ("comforted", "prescribed"))
