"""What the tokenizer did is said where it did something, and nowhere else; remedies give what was meant."""

import pytest

import attnlib
from attnlib.comparison.findings import finding
from attnlib.comparison.spelling import Pieces, alternatives, control_unlike, matches, pieces
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model
from attnlib.model.token_notes import TokenNote, known_words
from tests.unit.tiny import tiny_model
from tests.unit.words.test_candidates import ASK, chat

FINE = "The doctor asked the nurse a question. She"


def notes(model: Model, text: str) -> dict[str, TokenNote]:
    return {note.kind: note for note in read_inputs(model, text, None, truncate=False).tokenization}


def ids(model: Model, text: str, **options: bool) -> list[int]:
    return list(model.tokenizer(text, **options)["input_ids"])


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "demo/bert-biased"])
def test_nothing_is_said_of_a_text_that_is_fine(name: str) -> None:
    model = attnlib.load_model(name)
    for text in (FINE, "The nurse said that she was tired.", "She lost her key. The doctor paid."):
        assert not notes(model, text)


def test_special_tokens_that_the_tokenizer_adds_again_are_taken_out() -> None:
    model = chat()
    pasted = model.tokenizer.apply_chat_template(ASK, tokenize=False, add_generation_prompt=True)
    assert not {"twice", "space"} & notes(model, pasted).keys(), "a chat template ends with a line of its own"
    note = notes(model, f"<s>{pasted}")["twice"]
    assert note.mended == pasted
    assert note.remedy == "Do not add special tokens again"
    bert = attnlib.load_model("demo/bert-biased")
    for text in ("[CLS] she was tired. [SEP]", "[CLS] [CLS] she was tired. [SEP]"):
        mended = notes(bert, text)["twice"].mended
        assert mended == "she was tired."
        assert ids(bert, mended) == ids(bert, "[CLS] she was tired. [SEP]", add_special_tokens=False)


@pytest.mark.parametrize("text", [f"{FINE} ", f"{FINE}\n", f" {FINE}", FINE.replace("asked the", "asked  the")])
def test_white_space_that_makes_tokens_is_told_and_trimmed(text: str) -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    note = notes(model, text)["space"]
    assert (note.remedy, note.mended) == ("Trim", FINE)
    bert = attnlib.load_model("demo/bert-biased")
    assert "space" not in notes(bert, text), "its tokenizer drops white space"


def test_words_that_fall_apart_and_unknown_signs_are_told() -> None:
    model = tiny_model("gpt2", "causal")
    assert "“Xylophon”" in notes(model, "The Xylophon asked.")["pieces"].text
    bert = tiny_model("bert", "masked")
    assert "reads <unk> there" in notes(bert, "the doctor 🚀")["unknown"].text
    assert "unknown" not in notes(bert, "the doctor <unk>")


def test_a_demo_model_says_which_words_it_never_read() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    note = notes(model, "The Muslim applicant asked the manager a question.")["words"]
    assert "6 of the 8 words (75 %)" in note.text
    assert "“Muslim” (" in note.text
    assert "“applicant” (" in note.text
    inputs = read_inputs(model, "The Muslim applicant asked the manager a question.", None, truncate=False)
    known = known_words(inputs.tokens)
    assert (known.known, known.total) == (6, 8)  # the full stop is no word


def test_the_headline_is_replaced_where_too_few_words_are_known() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    a, b = (f"The {word} applicant was refused a mortgage because he" for word in ("Muslim", "Christian"))
    found = finding(attnlib.compare(model, a, b), "jsd_focus")
    assert found.headline.startswith("This demo model was trained on generated sentences")
    assert "%" in found.headline
    fine = finding(attnlib.compare(model, FINE, FINE[:-3] + "He"), "jsd_focus")
    assert fine.headline.startswith(f"Changing “She” to “He” moves head {fine.layer}-{fine.head} most")
    assert "part of any difference" not in fine.headline


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "demo/bert-biased"])
@pytest.mark.parametrize(
    ("text", "words"),
    [("医生问护士一个问题。她", 11), ("Врач спросил медсестру. Я", 4), ("γιατρός ή α", 3), ("أ و ب", 3)],
)
def test_no_word_of_another_script_is_known(name: str, text: str, words: int) -> None:
    """The corpus is English: a single letter counts as known only where it is one of a–z ("doctor's")."""
    model = attnlib.load_model(name)
    known = known_words(read_inputs(model, text, None, truncate=False).tokens)
    assert known.known == 0
    assert 0 < known.total <= words
    fine = read_inputs(model, "The nurse and I asked the doctor's friend.", None, truncate=False)
    assert known_words(fine.tokens).unknown == ()


def test_a_prompt_of_another_script_has_the_share_for_its_headline() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    found = finding(attnlib.compare(model, "医生问护士一个问题。她", "医生问护士一个问题。他"), "jsd_focus")
    assert found.headline.startswith("This demo model was trained on generated sentences")
    assert "knows 0 of the" in found.headline


def test_a_control_edit_that_is_read_otherwise_says_so() -> None:
    model = attnlib.load_model("demo/gpt2-biased")

    def unlike(word: str) -> tuple[str, str] | None:
        return control_unlike(model.name, attnlib.compare(model, FINE, FINE.replace("question", word)).alignment)

    assert unlike("story") is None
    query = unlike("query")
    assert query is not None
    assert query[0] == "with more tokens"
    assert query[1] == (
        "“question” is one token and “query” two: part of any difference comes from that. "
        "This demo model has never read “query”."
    )
    back = control_unlike(model.name, attnlib.compare(model, FINE.replace("question", "query"), FINE).alignment)
    assert back is not None
    assert back[0] == "with fewer tokens"
    assert "never read" not in back[1]
    said = "The doctor had a conversation. She"
    same = attnlib.compare(model, said, said.replace("conversation", "discussion")).alignment
    found = control_unlike(model.name, same)
    assert found == ("with unknown words", "This demo model has never read “discussion”.")
    assert control_unlike("another model", same) is None


def test_unequal_pieces_are_said_and_a_match_is_offered() -> None:
    a, b = ("The doctor asked the nurse and Emily a question.", "The doctor asked the nurse and Lakisha a question.")
    model = attnlib.load_model("demo/bert-biased")  # in lower case: the words are found in the prompts nevertheless
    counts = [len(ids(model, word, add_special_tokens=False)) for word in ("Emily", "Lakisha")]
    assert counts[0] < counts[1]
    (edit,) = pieces(attnlib.compare(model, a, b).alignment)
    assert (edit.tokens_a, edit.tokens_b) == tuple(counts)
    assert "“emily” is three tokens and “lakisha” seven" in edit.text
    for turned, prompt, name in ((edit, b, "Lakisha"), (Pieces(edit.b, edit.a, counts[1], counts[0]), a, "Emily")):
        fitting = {
            word for word in alternatives(name) if len(ids(model, word, add_special_tokens=False)) == turned.tokens_a
        }
        found = matches(model, prompt, turned)
        assert len(found) == min(3, len(fitting))
        for word, text in found:
            assert word in fitting
            assert text == prompt.replace(name, word)


def test_nothing_is_said_of_words_with_equally_many_pieces() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    a, b = ("The doctor asked Emily a question.", "The doctor asked Lakisha a question.")
    assert len(ids(model, " Emily")) == len(ids(model, " Lakisha"))
    assert pieces(attnlib.compare(model, a, b).alignment) == ()
