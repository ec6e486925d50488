"""Limits of what is read, each with its sentence. What they are for: docs/reliability.md."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnlib import bounded
from attnlib.errors import InputError
from attnlib.prompts.files import read_all
from attnlib.prompts.pairs import Dropped, Pair, read_pairs
from attnlib.prompts.tables import read_table
from attnlib.prompts.templates import pairs_from_template, read_slots
from attnlib.prompts.texts import read_texts
from attnlib.study.source import TOLD, read_source

HEAD = "prompt_a,prompt_b,targets\n"


def written(folder: Path, content: str, name: str = "a.csv") -> Path:
    (folder / name).write_text(content, "utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD + '"\n",' * 400_000, r"a.csv, line 2: .*the row has more than 1,000,000 characters"),
        (HEAD + '"' + "x" * 100_001 + '",b\n', r"a.csv, line 2: .*field larger than field limit \(100000\)"),
        (HEAD + "a,b,\n" + "\n" * 100_001, "line 100003: 100,000 blank lines or rows end here. Take them out."),
        ("x" * 300 + ",b\n", "a.csv, line 1: “x{59}…” has 300 characters, and a column's name has at most 200"),
        (HEAD + "a,b,\n" * 90_000 + "\ud800", "a.csv, line 90002: this is not UTF-8"),
    ],
)
def test_a_table_beyond_a_limit_is_refused_at_its_line(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=said):
        list(read_table(path).rows)


def test_a_column_of_a_strange_name_is_told_by_it(tmp_path: Path) -> None:
    """A name is text, never a pattern that is filled in."""
    columns = {"prompt_a": ["a"], "prompt_b": ["b"], "{0.__class__} {}": ["x" * 200_000]}
    pq.write_table(pa.table(columns), tmp_path / "long.parquet")
    with pytest.raises(InputError) as told:
        read_pairs(tmp_path / "long.parquet")
    assert str(told.value).startswith("long.parquet, row 1: {0.__class__} {} has 200,000 bytes; 100,000 are read")


def test_very_many_targets_are_a_reason_and_remarks_are_counted_not_kept(tmp_path: Path) -> None:
    rows = ["a,b," + "|".join(map(str, range(21))), *(f"a{n},b,x|y" for n in range(300))]
    read = read_source(written(tmp_path, HEAD + "\n".join(rows)), "csv", {}, 1_000)
    assert (read.pairs, read.remarked, len(read.remarks)) == (300, 600, TOLD)
    assert read.left_out[0].reason == "targets names 21 words; 20 are read at most."


def test_a_label_is_no_novel(tmp_path: Path) -> None:
    (dropped,) = read_all(written(tmp_path, f"prompt_a,prompt_b,group\na,b,{'x' * 2_001}\n")).dropped
    assert dropped.reason == "group has 2,001 characters; 2,000 are read at most."


def test_what_a_page_keeps_has_a_limit(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "".join(f"{n} {'x' * 15_000},b,\n" for n in range(4_000)))
    with pytest.raises(InputError, match=r"The first 3,\d+ rows take more than 60,000,000 bytes"):
        read_source(path, "csv", {}, 50_000)
    assert len(read_pairs(path, most=5)) == 5
    with pytest.raises(InputError, match="rows take more than 100 bytes"):
        list(bounded.kept(["a"] * 200, len, most=100))


@pytest.mark.parametrize("record", [Pair("c", "a", "b", further=(("x", "y"),)), Dropped("row 1", "why")])
def test_a_record_knows_about_how_large_it_is(record: Pair | Dropped) -> None:
    assert 200 < record.size < 2_000


def test_a_long_line_of_texts_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = written(tmp_path, "a\n" + "x" * 1_000_000, "a.txt")
    with pytest.raises(InputError, match=r"a.txt, line 2: the line has more than 100,000 bytes"):
        list(read_texts(path))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[" * 1_000_001, "a.json has 1,000,001 values and names; 1,000,000 are read at most"),
        (b"[" * 200_000, "a.json is nested too deeply"),
        (b'{"a":\n1,}', "a.json, line 2: this is not JSON"),
        (b'"\\ud800"', "a.json has half a character"),
        (b"9" * 401, "a.json has a number that cannot be read .401 digits, and at most 400"),
        (b"[NaN]", "NaN is not JSON"),
        (b"\xff", r"a.json is not UTF-8 text .byte 0"),
    ],
)
def test_what_json_cannot_be(raw: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bounded.parse_json(raw, "a.json")


def test_json_that_can_be() -> None:
    assert bounded.parse_json('\ufeff{"a": ["\\ud83d\\ude00", 1e5, -3]}'.encode(), "") == {
        "a": ["\U0001f600", 1e5, -3]
    }


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: read_slots("a: " + "x" * 200_000), "The words have 200,003 characters; 200,000 are read at most"),
        (lambda: _pairs("{a}", "a: she / " + "x" * 201), "of 201 characters; a word has 200 at most"),
        (lambda: _pairs("".join(f"{{a{n}}}" for n in range(11)), "a0: x"), "The template has 11 slots; 10 are read"),
        (
            lambda: _pairs("{a}" * 500, "a: " + ",".join(f"{'x' * 180}{n} / y" for n in range(400))),
            "That makes prompts of about [0-9,]+ characters together; 20,000,000 are possible",
        ),
    ],
)
def test_a_template_beyond_a_limit(make: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def _pairs(template: str, words: str) -> object:
    return pairs_from_template(template, read_slots(words))


def test_the_second_line_of_two_is_named_by_its_number(tmp_path: Path) -> None:
    """Lines that are blank count, too."""
    path = written(tmp_path, "\n1 [the a] met [she] c\n\n2 [the b] met [he] d\n", "a.dev")
    assert read_all(path, "winobias").dropped[0].place == "a.dev, lines 2 and 4"
