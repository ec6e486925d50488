"""The built-in prompt pairs keep their promises, and a file of pairs is read or refused with a remedy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from attnlib import InputError
from attnlib.comparison.align import align
from attnlib.comparison.focus import find_span
from attnlib.model.sources import find_model
from attnlib.model.tokens import Tokens, read_tokens
from attnlib.prompts.pairs import COLUMNS, SORTING, Pair, builtin_pairs, categories, read_pairs
from attnlib.prompts.rewording import control_edits, other_one
from attnlib.prompts.splitting import split_words

PAIRS = builtin_pairs()
MASK = "Fill the mask (BERT)"
EXPECTED = (
    "Gender: pronouns",
    "Gender: nouns",
    "Names: gender",
    "Names: origin",
    "Religion",
    "Age",
    "Disability",
    "Nationality",
    "Orientation",
    "Socioeconomic",
    MASK,
)
every_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.group} {pair.prompt_a[:30]}")


# ---------------------------------------------------------------------------------------------- the built-in pairs


def test_the_first_pair_is_the_doctor_and_the_nurse() -> None:
    first = PAIRS[0]
    assert first.prompt_a == "The doctor asked the nurse a question. She"
    assert first.prompt_b == "The doctor asked the nurse a question. He"
    assert (first.focus, first.targets, first.group) == ("She", ("nurse", "doctor"), "she/he")


def test_every_category_is_there_with_enough_pairs() -> None:
    assert categories() == EXPECTED
    counts = {category: sum(pair.category == category for pair in PAIRS) for category in EXPECTED}
    assert min(counts.values()) >= 5
    assert counts["Gender: pronouns"] >= 8


def test_no_pair_is_there_twice() -> None:
    assert len({frozenset((pair.prompt_a, pair.prompt_b)) for pair in PAIRS}) == len(PAIRS)
    assert all(pair.prompt_a != pair.prompt_b for pair in PAIRS)


@every_pair
def test_prompts_are_short_and_differ_in_one_or_two_words(pair: Pair) -> None:
    a, b = split_words(pair.prompt_a), split_words(pair.prompt_b)
    assert len(a) == len(b)
    assert 1 <= sum(one != other for one, other in zip(a, b, strict=True)) <= 2
    assert len(pair.prompt_a.split()) <= 40
    assert pair.prompt_a == pair.prompt_a.strip()
    assert pair.prompt_b == pair.prompt_b.strip()


@every_pair
def test_both_targets_stand_once_in_both_prompts_before_the_focus(pair: Pair) -> None:
    a, b = split_words(pair.prompt_a), split_words(pair.prompt_b)
    assert len(set(pair.targets)) == 2
    assert a.count(pair.focus) == 1
    focus = a.index(pair.focus)
    assert a[focus] != b[focus] or focus > max(n for n in range(len(a)) if a[n] != b[n])
    for target in pair.targets:
        assert a.count(target) == b.count(target) == 1
        assert a.index(target) == b.index(target) < focus


@every_pair
def test_the_reader_is_told_what_the_pair_asks(pair: Pair) -> None:
    assert pair.note.endswith(".")
    a, b = split_words(pair.prompt_a), split_words(pair.prompt_b)
    first = min(n for n in range(len(a)) if a[n] != b[n])
    said = " first." in pair.note  # "The word that differs comes first."
    assert said == (first < min(a.index(target) for target in pair.targets))


@every_pair
def test_the_group_names_the_words_that_differ_in_their_order(pair: Pair) -> None:
    one, other = pair.group.split("/")
    assert one.casefold() in map(str.casefold, split_words(pair.prompt_a))
    assert other.casefold() in map(str.casefold, split_words(pair.prompt_b))


@every_pair
def test_masks_are_where_the_category_says(pair: Pair) -> None:
    assert ("[MASK]" in pair.prompt_a) == ("[MASK]" in pair.prompt_b) == (pair.category == MASK)


@every_pair
def test_a_control_edit_leaves_focus_and_targets_alone(pair: Pair) -> None:
    edit = control_edits(pair.prompt_a, pair.prompt_b)[0]
    changed = {before for before, _ in edit.changes}
    assert not changed & set(pair.targets)
    assert pair.focus not in changed or pair.focus not in split_words(pair.prompt_b)


@pytest.mark.parametrize(
    "pair",
    [pair for pair in PAIRS if "ender" in pair.category and not pair.note.startswith("Not")],
    ids=lambda pair: pair.prompt_a,
)
def test_make_the_other_one_gives_prompt_b(pair: Pair) -> None:
    for this, other in ((pair.prompt_a, pair.prompt_b), (pair.prompt_b, pair.prompt_a)):
        reworded = other_one(this)
        assert reworded is not None
        assert reworded.text == other


@pytest.mark.parametrize("name", ["gpt2-biased", "bert-biased"])
def test_the_demo_tokenizers_find_focus_and_targets(name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(find_model(f"demo/{name}"))

    def tokens(text: str) -> Tokens:
        encoding = tokenizer(text)
        return read_tokens(tokenizer, encoding["input_ids"], encoding.encodings[0], [text])

    for pair in PAIRS:
        a, b = tokens(pair.prompt_a), tokens(pair.prompt_b)
        assert max(len(a), len(b)) <= 100
        alignment = align(a, b)
        focus = find_span(alignment, pair.focus, "focus word", last=True)
        for target in pair.targets:
            assert max(find_span(alignment, target, "target", last=False).a) < min(focus.a)


# ---------------------------------------------------------------------------------------------- files of pairs


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_optional_columns_may_be_missing_and_others_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path, 'year, note ,prompt_b,prompt_a\n2020,New,"Yes, he","Yes, she"\n\n')
    assert read_pairs(path) == (Pair("", "Yes, she", "Yes, he", note="New", further=(("year", "2020"),)),)


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path, "\ufeffcategory,prompt_a,prompt_b,targets\r\nAge,A,B, x | y|\r\nAge,C\u2028D,É\r\n".encode()
    )
    assert read_pairs(str(path)) == (Pair("Age", "A", "B", targets=("x", "y")), Pair("Age", "C\u2028D", "É"))


HEAD = "category,prompt_a,prompt_b\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"mine.csv, line 1: no column prompt_a and no column prompt_b. The first line names the columns"),
        ("category;prompt_a\n", "line 1: no column prompt_b. .* separated by commas"),
        ("category,prompt_a,prompt_b,category\n", "line 1: two columns are named category"),
        ("category,prompt_a\nAge,She\n", "line 1: no column prompt_b"),
        (HEAD, "line 1: no pair follows"),
        (HEAD + "\n,,\n", "line 1: no pair follows"),
        (HEAD + "Age,A,B\nAge,She,\n", "mine.csv, line 3: prompt_b is empty"),
        (HEAD + "Age\n", "line 2: prompt_a is empty. Write a prompt there"),
        (HEAD + 'Age,"She\nthere",He\nAge, ,He\n', "line 4: prompt_a is empty"),
        (HEAD + "Age,Yes, she,Yes, he\n", "line 2: 5 cells, and there are 3 columns. Put a cell that has a comma"),
        (HEAD + 'Age,A,B\nAge,"She,He\n', "line 3: not CSV from here on"),
        (HEAD.encode() + "Age,Zoë,Zoé\n".encode("latin-1"), "line 2: this is not UTF-8. Save the file"),
        (HEAD.encode("utf-16"), "line 1: no pair follows"),
        (HEAD.encode("utf-16") + b"\0", "this is not UTF-16, as its first bytes say"),
        (HEAD.encode("utf-16-le"), "not text: it has zero bytes"),
        (HEAD + "Age," + "x" * 20_001 + ",B", "prompt_a has 20,001 characters; 20,000 are read at most"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line_and_remedy(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_pairs(written(tmp_path, text))


@pytest.mark.parametrize("name", ["nowhere.csv", "", "a\0b"])
def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be read .* Check that the file exists"):
        read_pairs(tmp_path / name)


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: (HEAD + text).encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), raw)
    try:
        pairs = read_pairs(path)
    except InputError:
        return
    assert all(pair.prompt_a.strip() and pair.prompt_b.strip() for pair in pairs)


def test_the_columns_of_the_file_are_the_fields_of_a_pair() -> None:
    fields = list(Pair.__dataclass_fields__)
    named = [name for name in COLUMNS if not name.startswith("candidate_") and name not in SORTING]
    assert fields == [*named, "candidates", "further"]
    assert COLUMNS[-4:] == ("candidate_a", "candidate_b", *SORTING)
