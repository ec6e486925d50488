"""Effects in words, suggested candidates, heads switched off."""

from dataclasses import replace

import numpy as np
import pytest

import attnlib
from attnlib import HeadEffects, InputError
from attnlib.effects.findings import effects_finding, figures, times
from attnlib.effects.mediation import estimate
from attnlib.model.inputs import read_inputs
from attnlib.words.candidates import candidate_rows
from attnlib.words.predictions import WordChange, speaking_places, telling_words, words_without
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


def effects(indirect: list[list[float]], total: float = 3.0) -> HeadEffects:
    values = np.array(indirect)
    layer = values[:, 0]
    odds = np.array([[0.5, 0.25], [0.5, 0.25 * (1 + total)]])
    return HeadEffects("m", ("a", "b"), ("she", "he"), odds, values, values, layer, layer, 2.5, 0.4)


def test_the_head_that_moves_and_does_most() -> None:
    said = effects_finding(effects([[0.0, 2.0], [0.01, 0.0]]), np.array([[0.1, -0.9], [0.0, 0.2]]), "shift")
    assert said == (
        "Going from A to B multiplies the odds of “he” against “she” by 4.00 (from .500 to 2.00; log odds ratio "
        "+1.386). Taking the attention of all heads from B, with all else as in A, multiplies them by 3.50. Head 0-1 "
        "moves most and has the largest effect: by itself it multiplies the odds by 3.00."
    )


def test_one_head_moves_and_another_does() -> None:
    said = effects_finding(effects([[1.5, 0.001], [-0.004, 0.0]]), np.array([[0.3, 0.9], [0.4, 0.0]]), "shift")
    assert "Head 0-1 moves most and multiplies the odds by 1.00; head 0-0 has the largest effect, by 2.50." in said
    assert said.endswith("Head 1-0 also moves, but changes the odds by less than 2 %.")


def test_the_head_that_does_most_is_that_of_the_log_scale() -> None:
    """A factor of .2 is more than one of 3: −.8 is less than +2 only as ratio − 1."""
    said = effects_finding(effects([[-0.8, 2.0]]), np.array([[0.5, 0.1]]), "shift")
    assert (
        "Head 0-0 moves most and has the largest effect: by itself it multiplies the odds by .200, opposite to"
        in said
    )


def test_an_effect_against_the_whole_and_none_at_all() -> None:
    against = effects_finding(effects([[-0.5, 0.0], [0.0, 0.0]]), np.array([[0.9, 0.0], [0.0, 0.0]]), "shift")
    assert "by itself it multiplies the odds by .500, opposite to the total effect." in against
    none = effects_finding(effects([[0.001, 0.0], [0.0, 0.0]], 0.0), np.zeros((2, 2)), "shift")
    assert none.endswith("No single head changes the odds by 2 % or more.")
    nothing = effects_finding(replace(effects([[np.nan] * 2] * 2), done=0.0), np.zeros((2, 2)), "shift")
    assert nothing.endswith("multiplies them by 3.50.")


def test_no_head_moves_that_the_headline_calls_still() -> None:
    """Headline and effects have one least size: .05 of a shift, .01 of a divergence."""
    found = effects([[1.5, 0.001], [-0.004, 0.0]])
    moves = np.array([[0.03, 0.028], [0.049, -0.0499]])
    said = effects_finding(found, moves, "shift_corrected")
    assert "moves" not in said
    assert said.endswith("Head 0-0 has the largest effect: by itself it multiplies the odds by 2.50.")
    assert "Head 1-1 moves most" in effects_finding(found, moves, "jsd_focus")
    over = effects_finding(found, np.array([[0.06, 0.028], [0.0, 0.0]]), "tv")
    assert over.endswith("Head 0-0 moves most and has the largest effect: by itself it multiplies the odds by 2.50.")


def test_all_heads_against_the_whole_are_said_to_be() -> None:
    """As of the analyst: 6.79 against .520."""
    found = replace(effects([[0.0, 0.0]], total=0.52 - 1), indirect_all=5.79)
    said = effects_finding(found, np.zeros((1, 2)), "shift")
    assert "multiplies them by 6.79, opposite to the total effect." in said
    alike = replace(found, indirect_all=-0.4)
    assert "multiplies them by .600. No" in effects_finding(alike, np.zeros((1, 2)), "shift")
    nothing = replace(found, indirect_all=0.01)
    assert "multiplies them by 1.01. No" in effects_finding(nothing, np.zeros((1, 2)), "shift")


def test_what_is_not_known_is_not_said() -> None:
    unmoved = effects_finding(effects([[1.0, 0.0]]), np.full((1, 2), np.nan), "shift")
    assert unmoved.endswith("Head 0-0 has the largest effect: by itself it multiplies the odds by 2.00.")
    one = effects_finding(effects([[1.0]]), np.array([[0.5]]), "shift")
    assert one.endswith("Head 0-0 by itself multiplies the odds by 2.00.")
    partly = replace(effects([[np.nan, 1.0], [0.0, np.nan]]), done=0.5, indirect_all=np.nan)
    said = effects_finding(partly, np.array([[0.9, 0.1], [0.0, 0.0]]), "shift")
    assert "Of the 2 heads measured so far: Head 0-1 moves most and has the largest effect" in said
    assert "nan" not in said


@pytest.mark.parametrize(
    ("factor", "said"),
    [(194.123, "194"), (1940.4, "1,940"), (4.0, "4.00"), (0.0052, ".00520"), (0.1, ".100"), (19.46, "19.5")],
)
def test_what_odds_are_multiplied_by(factor: float, said: str) -> None:
    assert times(float(np.log(factor))) == said
    assert figures(factor) == said


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


def test_a_trailing_space_changes_no_suggestion() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    plain = attnlib.compare(model, SHE, HE).words
    for a, b in ((f"{SHE} ", f"{HE} "), (f"{SHE} ", HE), (SHE, f"{HE} ")):
        words = attnlib.compare(model, a, b).words
        assert telling_words(words) == ("comforted", "prescribed")
        assert [word.word for word in words] == [word.word for word in plain]
        assert [word.p_b for word in words] == pytest.approx([word.p_b for word in plain], rel=1e-3)
    # the place is that after which candidates are scored; a line break is not trimmed there and not here
    for text in (SHE, f"{SHE} ", f"{SHE}  ", f"{SHE}\n"):
        (place,) = speaking_places(model, read_inputs(model, text, None, truncate=False))
        rows = candidate_rows(model, text, ["comforted", "prescribed"])
        assert {row.places[0] for row in rows} == {place}


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
    with pytest.raises(InputError, match="has no cross attention; it has self"):
        words_without(model, SHE, None, [(0, 0)], stack="cross")
    with pytest.raises(InputError, match="cannot be switched off"):
        words_without(tiny_model("gptj", "causal"), "a", None, [(0, 0)])


def test_the_estimate_is_time_and_says_what_cannot_be_done() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    assert 0 < estimate(model, SHE, HE, ("comforted", "prescribed")) < 60
    with pytest.raises(InputError, match="cannot be taken"):
        estimate(model, SHE, "He", ("comforted", "prescribed"))
