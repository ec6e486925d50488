"""Files of texts, good and broken; classes of words."""

from pathlib import Path

import pytest

from attnlib.errors import InputError
from attnlib.prompts.splitting import split_words
from attnlib.prompts.texts import class_names, class_of, coreference_texts, read_texts, words_of


def written(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("a.txt", b"One two\n\n  \nThree, four\r\n", ["One two", "Three, four"]),
        ("a.txt", "\ufeffGrüße\n".encode(), ["Grüße"]),
        ("a.csv", b'id,Text\n1,One two\n2,\n3,"Three, four"\n', ["One two", "Three, four"]),
        ("a.csv", b"whatever\nOne\nTwo\n", ["One", "Two"]),
        ("a.tsv", b"x\tsentence\n1\tOne two\n", ["One two"]),
        ("a.csv", "prompt;n\nGrüße;1\n".encode("utf-16"), ["Grüße"]),
        ("a.txt", b"=cmd()\n", ["=cmd()"]),
        ("a.txt", b"", []),
    ],
)
def test_files_that_can_be_read(tmp_path: Path, name: str, content: bytes, texts: list[str]) -> None:
    assert list(read_texts(written(tmp_path, name, content))) == texts


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,words\n1,One\n", "a.csv, line 1: no column text. There are id, words"),
        ("a.txt", b"One\n\xff\xfe\n", "a.txt, line 2: this is not UTF-8"),
        ("a.txt", b"One\nTwo\0\n", "a.txt, line 2: this is not text"),
        ("a.txt", b"x" * 20_001, "a.txt, line 1: a text of 20,001 characters"),
        ("a.parquet", b"nonsense", "a.parquet cannot be read as Parquet"),
    ],
)
def test_files_that_cannot(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(read_texts(written(tmp_path, name, content)))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_texts(tmp_path / "missing.txt"))


def test_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["One", None, "Two"], "n": [1, 2, 3]}), tmp_path / "a.parquet")
    assert list(read_texts(tmp_path / "a.parquet")) == ["One", "Two"]


def test_classes_of_words() -> None:
    assert class_of("Nurse") == "noun"
    assert class_of(" she") == "pronoun"
    assert class_of("12") == "number"
    assert class_of("...") == "punctuation"
    assert class_of("qwertz") == class_of("") == ""
    assert {"noun", "verb", "pronoun", "number", "punctuation"} <= set(class_names())
    assert len(class_names()) == len(set(class_names()))
    assert words_of("Asked, told\nsaw") == {"asked", "told", "saw"}
    assert words_of(" , ") == frozenset()


def test_every_annotated_word_is_in_its_text() -> None:
    for one in coreference_texts():
        words = split_words(one.text)
        assert words.count(one.pronoun.text) >= one.pronoun.at
        assert words.count(one.antecedent.text) >= one.antecedent.at
