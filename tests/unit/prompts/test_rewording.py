"""The other one of a prompt, and control edits: words, case, what "her" becomes, and that any text survives."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attnlib
from attnlib.comparison.spelling import reader_of
from attnlib.model.token_notes import training_words
from attnlib.model.tokens import find_word
from attnlib.prompts.pairs import Pair, builtin_pairs
from attnlib.prompts.rewording import MOST_EDITS, NAMES, TABLE, Rewording, control_edits, counterparts, other_one
from attnlib.prompts.splitting import split_words


def other(text: str) -> str | None:
    reworded = other_one(text)
    return reworded.text if reworded else None


def edited(a: str, b: str) -> list[tuple[str, str]]:
    return [(edit.kind, edit.text) for edit in control_edits(a, b)]


# ---------------------------------------------------------------------------------------------- the other one


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("She left. SHE LEFT. And she left.", "He left. HE LEFT. And he left."),
        ("Emily’s mother met the actress.", "Greg’s father met the actor."),
        ("EMILY'S AUNT", "GREG'S UNCLE"),
        ("She's late, she’ll say; she'd know. SHE’S", "He's late, he’ll say; he'd know. HE’S"),
        ("Emily and Greg", "Greg and Emily"),
        ("he/she", "she/he"),
        ("The woman hurt herself, and the men laughed.", "The man hurt himself, and the women laughed."),
        ("Her mother-in-law", "His father-in-law"),
        ("her own car, her only hope, her elderly family", "his own car, his only hope, his elderly family"),
        ("her/his book", "his/her book"),
        ("his or her book", "her or his book"),
        ("He took her “old” [MASK].", "She took his “old” [MASK]."),
        ("her ___", "his ___"),
        ("They saw her. Told her, met her", "They saw him. Told him, met him"),
        ("saw her at noon, told her that, gave her the book", "saw him at noon, told him that, gave him the book"),
        ("told her quietly, saw her leaving, let her go", "told him quietly, saw him leaving, let him go"),
        ('"I saw her" is all.', '"I saw him" is all.'),
        ("A friend of hers; the car is hers and is hers.", "A friend of his; the car is his and is his."),
        ("Sir, the king", "Madam, the queen"),
        ("Ms Smith", "Mr Smith"),
    ],
)  # fmt: skip
def test_every_gendered_word_changes_and_changes_back(one: str, two: str) -> None:
    assert other(one) == two
    assert other(two) == one


@pytest.mark.parametrize(
    ("text", "becomes"), [("Mrs Smith", "Mr Smith"), ("her mum", "his dad"), ("a groom", "a bride")]
)
def test_some_words_have_an_other_one_that_has_another(text: str, becomes: str) -> None:
    assert other(text) == becomes


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "The doctor left.",
        "the, there, shed, Heather",
        "she-wolf",
        "sHe",
        "emily",
        "her's",
        "she2",
        "she_",
        "s̈he",
    ],
)
def test_nothing_inside_other_words_is_touched(text: str) -> None:
    assert other_one(text) is None


def test_changes_are_told_as_written() -> None:
    assert other_one("She  met\tEmily’s dad.\n") == Rewording(
        "He  met\tGreg’s mom.\n", (("She", "He"), ("Emily’s", "Greg’s"), ("dad", "mom")), "other one"
    )


CLEAR = [
    "she", "He", "SHE", "himself", "Herself", "Emily", "Jamal's", "woman", "FATHERS", "actress", "her mother",
    "his car", "him and", "Her own house", "hers,", "told him.", "she’s", "doctor", "the", "42",
    "…", "“", "世界", "é", "🙂",
]  # fmt: skip


@given(st.lists(st.sampled_from(CLEAR), max_size=12), st.sampled_from([" and ", " then ", ". ", "\n, "]))
def test_the_other_one_of_the_other_one_is_the_text(parts: list[str], between: str) -> None:
    text = between.join(parts)
    reworded = other_one(text)
    if reworded is not None:
        assert reworded.text != text
        back = other_one(reworded.text)
        assert back is not None
        assert back.text == text
        assert back.changes == tuple((after, before) for before, after in reworded.changes)


any_text = st.text() | st.lists(
    st.sampled_from(["she", "Her", "his", "’", "'", "'s", "/", "or", "Emily", "[", "“", "question", "a", "an", " "])
    | st.characters()
).map("".join)


@given(any_text, any_text)
def test_any_text_survives_and_only_told_words_change(a: str, b: str) -> None:
    for reworded in filter(None, (other_one(a), *control_edits(a, b))):
        assert reworded.changes
        rest, rest_after = a, reworded.text
        for before, after in reworded.changes:
            start = rest.index(before)
            while rest[:start] != rest_after[:start] or not rest_after[start:].startswith(after):
                start = rest.index(before, start + 1)
            rest, rest_after = rest[start + len(before) :], rest_after[start + len(after) :]
        assert rest == rest_after
    assert len(control_edits(a, b)) <= MOST_EDITS + 1


def test_a_long_text_is_no_burden() -> None:
    text = "she asked the doctor a question " * 2000
    assert len((other_one(text) or Rewording("", (), "")).changes) == 2000
    assert len(control_edits(text, text + "he")) == MOST_EDITS


# ---------------------------------------------------------------------------------------------- control edits


def test_a_name_gets_another_name_of_its_gender_wherever_it_stands() -> None:
    edits = control_edits("Emily said that Emily’s car is new.", "Greg said that Greg’s car is new.")
    assert edits[0].kind == "same-gender name"
    assert edits[0].text == "Anna said that Anna’s car is new."
    assert edited("The nurse met Greg and Tom.", "The nurse met Emily and Tom.") == [  # a second Tom would confuse
        ("same-gender name", "The nurse met John and Tom."),
        ("same-gender name", "The nurse met Greg and John."),
        ("neutral", "The nurse saw Greg and Tom."),
    ]


def test_a_word_that_differs_is_changed_first() -> None:
    assert edited("I asked a question. The woman", "I asked a question. The man") == [
        ("synonym", "I asked a question. The lady"),
        ("synonym", "I asked a query. The woman"),
        ("neutral", "I asked a story. The woman"),
    ]


def test_a_pronoun_is_left_alone_before_it_is_taken_away() -> None:
    first = builtin_pairs()[0]
    assert edited(first.prompt_a, first.prompt_b) == [
        ("synonym", "The doctor asked the nurse a query. She"),
        ("synonym", "The physician asked the nurse a question. She"),
        ("neutral", "The doctor asked the nurse a story. She"),
        ("they", "The doctor asked the nurse a question. They"),
    ]


def test_words_to_keep_are_changed_after_the_others() -> None:
    pair = ("The doctor asked a question. She", "The doctor asked a question. He")
    edits = control_edits(*pair, keep=("question",))
    assert [edit.changes[0][0] for edit in edits if edit.kind != "neutral"] == ["doctor", "question", "She"]


def test_words_after_the_last_difference_come_last() -> None:
    found = edited("The doctor said that she had a question.", "The doctor said that he had a question.")
    assert [text for kind, text in found if kind == "synonym"] == [
        "The physician said that she had a question.",
        "The doctor said that she had a query.",
    ]


@pytest.mark.parametrize(
    ("a", "b", "they"),
    [
        ("Tom lost her.", "Tom lost him.", ["Tom lost them."]),
        ("Her car", "His car", ["Their car"]),
        ("It is hers; she hurt herself", "It is his; he hurt himself", ["It is theirs; they hurt themselves"]),
        ("SHE’LL go", "HE’LL go", ["THEY’LL go"]),
        ("She's here", "He's here", []),
        ("She left", "They left", []),
        ("She left", "She ran", []),
        ("She left the small room", "He left", ["They left the small room"]),
    ],
)
def test_they_stands_for_pronouns_that_differ(a: str, b: str, they: list[str]) -> None:
    assert [text for kind, text in edited(a, b) if kind == "they"] == they


def test_articles_keep_fitting() -> None:
    assert edited("a sad idea, an idea", "") == [("synonym", "a sad notion, an idea")]


def test_an_edit_is_never_prompt_b() -> None:
    assert edited("a large car", "a big car") == [("synonym", "a large automobile"), ("neutral", "a large boat")]


@pytest.mark.parametrize("text", ["", "The end."])
def test_there_may_be_no_control_edit(text: str) -> None:
    assert control_edits(text, text) == ()


def test_on_the_planted_model_a_control_edit_moves_less_than_the_edit() -> None:
    """What "most convincing" means: the head that follows the planted gender hardly notices the first one offered."""
    model = attnlib.load_model("demo/gpt2-biased")

    def preference(text: str, pair: Pair, focus: int) -> float:
        """Attention of head 0-2 from word number `focus` to the first target minus the second."""
        stack = attnlib.trace(model, text, layers=[0]).stack()
        rows = stack.layer(0).weights[2, list(find_word(stack.queries, split_words(text)[focus])[-1])]
        first, second = (rows[:, list(find_word(stack.keys, word)[0])].sum(1).mean() for word in pair.targets)
        return float(first - second)

    moved: dict[str, list[float]] = {"edit": [], "first": [], "they": []}
    for pair in builtin_pairs():
        if pair.category != "Gender: pronouns" or not pair.note.startswith("Asks"):
            continue
        edits = control_edits(pair.prompt_a, pair.prompt_b)
        focus = split_words(pair.prompt_a).index(pair.focus)
        before = preference(pair.prompt_a, pair, focus)
        for kind, text in (("edit", pair.prompt_b), ("first", edits[0].text), ("they", edits[-1].text)):
            moved[kind].append(abs(preference(text, pair, focus) - before))
        assert moved["first"][-1] < moved["edit"][-1], pair.prompt_a
    assert np.mean(moved["first"]) < 0.2 * np.mean(moved["edit"])
    assert np.mean(moved["first"]) < 0.5 * np.mean(moved["they"])


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "demo/bert-biased"])
def test_a_control_edit_is_read_as_the_prompt_is_where_there_is_such_an_edit(name: str) -> None:
    """Of the built-in pairs all but a few have one; first is never one that is read less alike than another."""
    model, unlike = attnlib.load_model(name), []
    reader = reader_of(model)

    def told(text: str) -> int:
        return len(model.tokenizer(text)["input_ids"])

    for pair in builtin_pairs():
        kept = {word.lower() for word in pair.targets}
        edits = [
            edit
            for edit in control_edits(pair.prompt_a, pair.prompt_b, pair.targets, reader)
            if edit.kind != "they" and not kept & {word.lower() for word, _ in edit.changes}
        ]
        first = abs(told(edits[0].text) - told(pair.prompt_a))
        seen = [edit for edit in edits if not model.causal or _before(pair, edit)] or edits
        assert first == min(abs(told(edit.text) - told(pair.prompt_a)) for edit in seen), pair.prompt_a
        known = {word.lower() for _, word in edits[0].changes} <= training_words()
        unlike += [] if first == 0 and known else [pair.prompt_a]
    assert len(unlike) <= 6, unlike


def _before(pair: Pair, edit: Rewording) -> bool:
    """Whether an edit changes the prompt before the words that differ, or at them."""
    words = zip(split_words(pair.prompt_a), split_words(pair.prompt_b), strict=False)
    last = max(n for n, two in enumerate(words) if len({*two}) > 1)
    return split_words(pair.prompt_a)[last + 1 :] == split_words(edit.text)[last + 1 :]


def test_the_analysts_control_edits_are_words_that_the_models_know() -> None:
    """ "Weary" is five tokens and moves a head by .343, "hungry" one and moves none: the verdict rested on it."""
    bert, gpt2 = (attnlib.load_model(f"demo/{name}-biased") for name in ("bert", "gpt2"))
    tired = ("The nurse said that [MASK] was tired.", "The mechanic said that [MASK] was tired.")
    (first, *_) = control_edits(*tired, ("nurse", "mechanic"), reader_of(bert))
    assert first.changes == (("tired", "hungry"),)
    asked = builtin_pairs()[0]
    (first, *_) = control_edits(asked.prompt_a, asked.prompt_b, (*asked.targets, "She"), reader_of(gpt2))
    assert first.changes == (("question", "story"),)
    focus = "She"
    shift, jsd = (
        [
            np.nanmax(np.abs(attnlib.compare(gpt2, asked.prompt_a, text, focus=focus).statistic(name, asked.targets)))
            for text in (first.text, asked.prompt_a.replace("question", "query"))
        ]
        for name in ("shift", "jsd_focus")
    )
    assert shift[0] < 0.05 < shift[1]
    assert jsd == pytest.approx([0.053, 0.235], abs=0.0006)


def test_a_name_gets_the_first_name_of_its_gender_that_is_read_alike() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    a, b = "Tom met Emily. She", "Tom met Emily. He"
    names = [edit.changes[0] for edit in control_edits(a, b, (), reader_of(model)) if edit.kind == "same-gender name"]
    assert names[0] == ("Tom", "John"), "Greg is more tokens"
    assert len(model.tokenizer(" Hannah")["input_ids"]) == len(model.tokenizer(" Emily")["input_ids"])
    assert names[1] == ("Emily", "Hannah")


# ---------------------------------------------------------------------------------------------- the word table


def rows() -> list[tuple[str, str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [(row["word"], row["other"], row["kind"]) for row in csv.DictReader(file)]


def test_the_table_has_enough_of_each_kind() -> None:
    counts = {kind: sum(row[2] == kind for row in rows()) for kind in {row[2] for row in rows()}}
    assert set(counts) == {"noun", "name", "origin", "same-gender", "synonym", "neutral"}
    assert counts["name"] >= 25
    assert counts["synonym"] >= 40


def test_every_row_is_two_words_and_there_once() -> None:
    assert len(set(rows())) == len(rows())
    for word, other_word, kind in rows():
        assert word != other_word
        assert split_words(word) == [word]
        assert split_words(other_word) == [other_word]
        assert (word[0].isupper() and other_word[0].isupper()) or kind not in NAMES


@pytest.mark.parametrize("kind", ["name", "same-gender", "origin"])
def test_names_are_each_in_one_row_so_that_a_change_can_be_undone(kind: str) -> None:
    table = counterparts(kind)
    assert all(table[table[name]] == name for name in table)


def test_names_keep_their_gender_where_they_should() -> None:
    women = {row[0] for row in rows() if row[2] == "name"}
    men = {row[1] for row in rows() if row[2] == "name"}
    assert not women & men
    for kind in ("same-gender", "origin"):
        for one, two in counterparts(kind).items():
            assert not (one in women and two in men)
            assert not (one in men and two in women)


def test_a_noun_changes_back_where_no_row_above_says_otherwise() -> None:
    table = counterparts("noun")
    firsts = {other_word: word for word, other_word, kind in reversed(rows()) if kind == "noun"}
    assert all(table[other_word] == word for other_word, word in firsts.items())


def test_neutral_words_are_known_to_the_demo_models_and_say_nothing_of_a_person() -> None:
    people = {word for kind in ("noun", "name", "origin", "same-gender") for word in counterparts(kind)}
    for word, neutral in counterparts("neutral").items():
        assert neutral in training_words(), word
        assert not {word, neutral} & people


def test_synonyms_keep_gender_and_number() -> None:
    table, gendered = counterparts("synonym"), counterparts("noun")
    for word, synonym in table.items():
        assert (word in gendered) == (synonym in gendered), word
        if f"{word}s" in table and f"{synonym}s" in table:
            assert table[f"{word}s"] == f"{synonym}s"


def test_every_name_has_another_of_its_gender() -> None:
    names = {name for kind in ("name", "origin") for name in counterparts(kind)}
    assert names <= set(counterparts("same-gender"))
