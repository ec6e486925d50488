"""Texts to measure heads on: built in or somebody's file, annotated ones, and classes of words.

Nothing in this file imports torch. See data/texts/README.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from attnlib.bounded import one_more_blank, read_lines
from attnlib.errors import InputError
from attnlib.paths import TEXT_FOLDER
from attnlib.prompts.splitting import split_words
from attnlib.prompts.tables import Table, listed, read_table

USUAL = ("text", "sentence", "prompt", "prompt_a", "content")  # how tables call a column of texts
LONGEST = 20_000  # characters of one text


@dataclass(frozen=True)
class Word:
    """A word in a text: as it is written there, and which of its occurrences is meant (1: the first)."""

    text: str
    at: int = 1


@dataclass(frozen=True)
class CoreferenceText:
    """A text in which a pronoun means one of two earlier words of the same kind."""

    text: str
    pronoun: Word
    antecedent: Word  # the one it means
    other: Word
    meant: str  # what the antecedent is and the other is not: "woman", "man", "person", "thing", "several", "one"


@lru_cache(maxsize=1)
def builtin_texts() -> tuple[str, ...]:
    """The sentences that come with the project: in words that the demo models know."""
    return tuple((TEXT_FOLDER / "sentences.txt").read_text("utf-8").splitlines())


@lru_cache(maxsize=1)
def coreference_texts() -> tuple[CoreferenceText, ...]:
    """Texts that come with the project in which a pronoun means one of two earlier words."""
    table = read_table(TEXT_FOLDER / "coreference.csv")
    rows = (dict(zip(table.columns, row.cells, strict=True)) for row in table.rows)
    return tuple(
        CoreferenceText(
            row["text"],
            pronoun=_word(row, "pronoun"),
            antecedent=_word(row, "antecedent"),
            other=_word(row, "other"),
            meant=row["meant"],
        )
        for row in rows
    )


def _word(row: dict[str, str], name: str) -> Word:
    return Word(row[name], int(row[f"{name}_at"]))


@lru_cache(maxsize=1)
def word_classes() -> dict[str, frozenset[str]]:
    """Classes of words, in lower case: lists, not a tagger. Punctuation and digits need no list (`class_of`)."""
    table, found = read_table(TEXT_FOLDER / "word_classes.csv"), dict[str, set[str]]()
    for row in table.rows:
        word, name = row.cells
        found.setdefault(name, set()).add(word)
    return {name: frozenset(words) for name, words in found.items()}


def class_of(word: str) -> str:
    """The class of a word of a text: of `word_classes`, "number" or "punctuation"; empty where it is in no list."""
    word = word.strip().lower()
    if word and not any(char.isalnum() for char in word):
        return "punctuation"
    if word.isdecimal():
        return "number"
    return next((name for name, words in word_classes().items() if word in words), "")


def class_names() -> tuple[str, ...]:
    """Every class there is."""
    return (*dict.fromkeys((*word_classes(), "number", "punctuation")),)


def read_texts(path: str | Path) -> Iterator[str]:
    """The texts of a file, one after the other: of a .txt file each line, of a table (CSV, Parquet) a column.

    The column is called text, sentence, prompt or content, or is the only one. Blank texts are left out. Raises
    InputError, which names file, line and remedy, here or while texts are read.
    """
    path = Path(path)
    if path.suffix.lower() in (".csv", ".tsv", ".parquet", ".pq"):
        return _column(read_table(path))
    return (_checked(text, f"{path.name}, line {number}") for number, text in read_lines(path))


def _column(table: Table) -> Iterator[str]:
    names = [name.lower() for name in table.columns]
    known = [name for name in USUAL if name in names]
    if not known and len(names) > 1:
        raise InputError(
            f"{table.start}: no column {USUAL[0]}. There are {listed(table.columns)}. Rename the column that has "
            "the texts."
        )
    column = names.index(known[0]) if known else 0
    blank = 0
    for row in table.rows:
        if column < len(row.cells) and row.cells[column].strip():
            blank = 0
            yield _checked(row.cells[column], row.place)
        else:
            blank = one_more_blank(blank, row.place)


def _checked(text: str, place: str) -> str:
    if "\0" in text:
        raise InputError(f"{place}: this is not text: it has zero bytes. Save the file as text with UTF-8.")
    if len(text) > LONGEST:
        raise InputError(
            f"{place}: a text of {len(text):,} characters, and at most {LONGEST:,} are read. Put each text on a line."
        )
    return text


def words_of(text: str) -> frozenset[str]:
    """The words somebody lists, separated by spaces, commas or lines, in lower case."""
    return frozenset(word.lower() for word in split_words(text) if any(char.isalnum() for char in word))
