"""Pairs from a sentence with slots: every combination, words as sentences write them, every error with its remedy."""

import re

import pytest

from attnlib.errors import InputError
from attnlib.prompts.templates import pairs_from_template, read_slots

SHE = [("she", "he")]


def test_every_combination_once() -> None:
    slots = {"occupation": ["nurse", "doctor"], "pronoun": [("she", "he"), ("her", "his")]}
    pairs = pairs_from_template("The {occupation} said that {pronoun}", slots, targets=["occupation"], category="x")
    assert [(pair.prompt_a, pair.prompt_b) for pair in pairs] == [
        ("The nurse said that she", "The nurse said that he"),
        ("The nurse said that her", "The nurse said that his"),
        ("The doctor said that she", "The doctor said that he"),
        ("The doctor said that her", "The doctor said that his"),
    ]
    first = pairs[0]
    assert (first.focus, first.targets, first.group, first.category) == ("she", ("nurse",), "she/he", "x")
    assert dict(first.further) == {
        "occupation": "nurse", "pronoun": "she/he", "template": "The {occupation} said that {pronoun}",
        "unit": "nurse",
    }  # fmt: skip


def test_a_slot_that_begins_a_sentence_has_a_capital_letter() -> None:
    (pair,) = pairs_from_template(
        "{who} slept. {pronoun} was tired", {"who": ["my nurse"], "pronoun": SHE}, targets=["who"]
    )
    assert (pair.prompt_a, pair.prompt_b) == ("My nurse slept. She was tired", "My nurse slept. He was tired")
    assert (pair.focus, pair.targets) == ("She", ("My nurse",))


def test_two_slots_of_one_list_never_take_the_same_word() -> None:
    words = ["nurse", "doctor", "pilot"]
    pairs = pairs_from_template("The {a} met the {b}. {pronoun}", {"a": words, "b": words, "pronoun": SHE})
    assert len(pairs) == 6
    assert all(dict(pair.further)["a"] != dict(pair.further)["b"] for pair in pairs)


def test_a_focus_may_be_a_slot_or_a_word() -> None:
    slots = {"name": [("Emily", "Greg")], "job": ["nurse"]}
    assert pairs_from_template("{name} is a {job}", slots, focus="job")[0].focus == "nurse"
    assert pairs_from_template("{name} is a {job}", slots, focus="is")[0].focus == "is"
    assert dict(pairs_from_template("{name} slept", slots)[0].further)["unit"] == "Emily/Greg"


@pytest.mark.parametrize(
    ("template", "slots", "says"),
    [
        (" ", {}, "The template is empty"),
        ("no slot", {}, "no slot has such words"),
        ("{a} {b}", {"a": ["x"]}, "no words for {b}. Give a line “b: …”"),
        ("{a}", {"a": []}, "no words for {a}"),
        ("{a", {"a": SHE}, "A brace has no partner"),
        ("a}", {"a": SHE}, "A brace has no partner"),
        ("{a} {b}", {"a": SHE, "b": SHE}, "a and b have such words"),
        ("{a}", {"a": ["x", "x"]}, "{a} has “x” twice"),
        ("{a}", {"a": ["x", ("a", "b")]}, "{a} has single words and pairs"),
        ("{a} {b}", {"a": SHE, "b": list("abcdefghijk")}, "That makes 11 pairs; 10 are possible"),
    ],
)
def test_what_is_wrong_is_said(template: str, slots: dict, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        pairs_from_template(template, slots, most=10)


def test_what_a_person_types() -> None:
    assert read_slots("who: nurse , doctor\n\n pronoun : she / he, her/his\n") == {
        "who": ["nurse", "doctor"],
        "pronoun": [("she", "he"), ("her", "his")],
    }
    for text, says in (
        ("nurse, doctor", "Line 1 of the words has no name"),
        ("a: x\na: y", "Line 2: a has a line already"),
        ("a: x / y / z", "Line 1: “x / y / z” is no pair"),
        ("a: x /", "is no pair of words"),
    ):
        with pytest.raises(InputError, match=says):
            read_slots(text)
