"""The focus word and target words in both prompts, on rows small enough to count by eye."""

import re

import pytest

from attnlib import InputError
from attnlib.comparison.align import Alignment, align
from attnlib.comparison.focus import Span, default_focus, find_span, sinks_of, units_of
from attnlib.model.tokens import Tokens


def row(text: str) -> Tokens:
    """Words between spaces, pieces between plus signs, special tokens in brackets."""
    pieces = [word.split("+") for word in text.split()]
    names = tuple(piece if n == 0 else f"##{piece}" for word in pieces for n, piece in enumerate(word))
    starts = [sum(map(len, pieces[:n])) for n in range(len(pieces))]
    words = tuple(tuple(range(s, s + len(word))) for s, word in zip(starts, pieces, strict=True))
    return Tokens(names, names, (0,) * len(names), tuple(name.startswith("[") for name in names), words)


def pair(a: str, b: str, *links: tuple) -> Alignment:
    return align(row(a), row(b), links)


# ---------------------------------------------------------------------------------------------- the default focus


def test_the_default_focus_is_the_last_word_that_differs() -> None:
    assert default_focus(pair("he saw her here", "she saw him here")) == Span("her → him", (2,), (2,))


def test_the_default_focus_may_have_several_tokens() -> None:
    assert default_focus(pair("the nurse left", "the para+medic left")) == Span("nurse → paramedic", (1,), (1, 2))


def test_where_nothing_is_replaced_it_is_the_last_word_both_have() -> None:
    assert default_focus(pair("[CLS] the nurse [SEP]", "[CLS] the old nurse [SEP]")) == Span("nurse", (2,), (3,))


def test_in_equal_prompts_it_is_the_last_word_and_no_special_token() -> None:
    assert default_focus(pair("[CLS] a b [SEP]", "[CLS] a b [SEP]")) == Span("b", (2,), (2,))


def test_where_only_special_tokens_are_shared_it_is_the_last_of_them() -> None:
    alignment = pair("[CLS] [SEP]", "[CLS] a [SEP]")
    assert default_focus(alignment) == Span("[SEP]", (1,), (2,))


def test_prompts_without_a_shared_token_have_no_focus() -> None:
    with pytest.raises(InputError, match="nothing can be compared"):
        default_focus(pair("a", "b", ((0,), ()), ((), (0,))))


# ------------------------------------------------------------------------------------------- a word in both prompts


def test_a_word_that_both_have() -> None:
    assert find_span(pair("a nurse x", "a old nurse y"), "nurse", "target word", last=False) == Span(
        "nurse", (1,), (2,)
    )


def test_of_several_occurrences_a_target_is_all_of_them() -> None:
    alignment = pair("nurse b nurse", "nurse c nurse")
    assert find_span(alignment, "nurse", "target word", last=False) == Span("nurse", (0, 2), (0, 2))


def test_of_several_occurrences_a_focus_is_the_last_one_and_what_stands_for_it() -> None:
    alignment = pair("nurse b nurse d", "nurse c nurse d")
    assert find_span(alignment, "nurse", "focus word", last=True) == Span("nurse", (2,), (2,))
    alignment = pair("she b she d", "she c he d")
    assert find_span(alignment, "she", "focus word", last=True) == Span("she", (2,), (2,))


@pytest.mark.parametrize("last", [True, False])
def test_a_word_that_one_prompt_lacks_is_what_stands_for_it_there(last: bool) -> None:
    alignment = pair("the nurse left", "the para+medic left")
    assert find_span(alignment, "nurse", "target word", last) == Span("nurse", (1,), (1, 2))
    assert find_span(alignment, "paramedic", "target word", last) == Span("paramedic", (1,), (1, 2))


def test_several_words_in_a_row() -> None:
    alignment = pair("so the nurse left", "so the doctor left")
    assert find_span(alignment, "the nurse", "target word", last=False) == Span("the nurse", (1, 2), (1, 2))


def test_case_does_not_matter_where_the_prompts_have_it_otherwise() -> None:
    assert find_span(pair("a nurse", "a doctor"), "NURSE", "target word", last=False).a == (1,)


def test_a_word_in_neither_prompt() -> None:
    said = "The target word “pilot” is in neither prompt. Choose a word of the prompts, as written there."
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        find_span(pair("a nurse", "a doctor"), "pilot", "target word", last=False)


@pytest.mark.parametrize(("a", "b", "side"), [("a nurse", "a old nurse", "A"), ("a old nurse", "a nurse", "B")])
def test_a_word_that_one_prompt_lacks_without_a_counterpart(a: str, b: str, side: str) -> None:
    said = f"The focus word “old” is not in prompt {side}, and no word there corresponds to it. Choose another word."
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        find_span(pair(a, b), "old", "focus word", last=True)


def test_half_of_a_unit_has_no_counterpart() -> None:
    alignment = pair("x p q y", "x r y")  # p and q together became r
    with pytest.raises(InputError, match="not in prompt B"):
        find_span(alignment, "p", "target word", last=False)
    assert find_span(alignment, "p q", "target word", last=False) == Span("p q", (1, 2), (1,))


def test_a_focus_word_that_moved_is_in_both_prompts() -> None:
    alignment = pair("dog a b c d", "a b c d dog")
    assert find_span(alignment, "dog", "focus word", last=True) == Span("dog", (0,), (4,))


# ---------------------------------------------------------------------------------------------- units, sinks


def test_units_of_a_span_are_those_that_hold_its_tokens() -> None:
    alignment = pair("a nurse b", "a para+medic old b")
    assert units_of(alignment, Span("a", (0,), (0,))) == [0]
    holding = units_of(alignment, Span("medic", (), (2,)))
    assert [set(alignment.units[u].b) >= {2} for u in holding] == [True]


def test_sinks_are_the_special_tokens_or_else_the_first() -> None:
    assert sinks_of(row("[CLS] a b [SEP] c [SEP]")) == [0, 3, 5]
    assert sinks_of(row("a b")) == [0]
