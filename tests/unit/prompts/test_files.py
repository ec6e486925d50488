"""Files of pairs: public sets with exact counts, broken files, other columns, large files in little memory."""

import datetime
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlib.errors import InputError
from attnlib.paths import PROJECT
from attnlib.prompts.files import FORMATS, iter_pairs, read_all
from attnlib.prompts.pairs import Dropped, Pair, frame_pairs, read_pairs, table_head
from attnlib.words.bias_scores import PRONOUNS
from tests.unit.growth import assert_linear

ROOT = PROJECT
BENCHMARKS = ROOT.parent / "shared" / "benchmarks"
public = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="the public benchmark files are not beside the project")


# ---------------------------------------------------------------------------------------------- public sets


@public
@pytest.mark.parametrize("path", [BENCHMARKS / "winogender", BENCHMARKS / "winogender" / "all_sentences.tsv"])
def test_winogender(path: Path) -> None:
    reading = read_all(path, "winogender")
    assert len(reading.pairs) == 240
    assert 2 * len(reading.pairs) + len(reading.dropped) == 720
    assert str(reading) == ("240 pairs; 240 left out: 240 × the neutral sentence (they): she is compared with he")
    assert len({dict(pair.further)["occupation"] for pair in reading.pairs}) == 60
    forms = {word for pair in PRONOUNS.values() for word in pair}
    for pair in reading.pairs:
        assert pair.focus in forms
        assert all(word in pair.prompt_a and word in pair.prompt_b for word in pair.targets)
        assert 0 <= float(dict(pair.further)["bls_pct_female"]) <= 100


@public
@pytest.mark.parametrize("path", [BENCHMARKS / "winobias", BENCHMARKS / "winobias" / "pro_stereotyped_type1.txt.dev"])
def test_winobias_by_the_papers_rules(path: Path) -> None:
    reading = read_all(path, "winobias")
    assert len(reading.pairs) == 160
    assert 2 * len(reading.pairs) + 2 * len(reading.dropped) == 396
    for pair in reading.pairs:
        assert pair.prompt_a.rsplit(" ", 1)[0] == pair.prompt_b.rsplit(" ", 1)[0]
        assert (pair.focus, pair.prompt_b.rsplit(" ", 1)[1]) in {("she", "he"), ("her", "his")}
        assert all(word in pair.prompt_a for word in pair.targets)
        assert len(pair.candidates) == 2


@public
@pytest.mark.parametrize("name", ["gpt2", "distilgpt2"])
def test_every_published_mediation_record_is_among_them(name: str) -> None:
    """Their candidates are tokens joined by spaces ("uphold s the peace ."): spaces are not compared."""
    records = json.loads((BENCHMARKS / "mediation_published" / f"winobias_{name}_filtered_dev.json").read_text())

    def plain(*texts: str) -> tuple[str, ...]:
        return tuple(text.replace(" ", "") for text in texts)

    known = {
        plain(p.prompt_a, p.prompt_b, *p.candidates) for p in read_all(BENCHMARKS / "winobias", "winobias").pairs
    }
    fields = ("base_string1", "base_string2", "candidate1", "candidate2")
    assert records["num_examples_loaded"] == 160
    assert {plain(*(one[field] for field in fields)) for one in records["results"]} <= known


@public
def test_crows_pairs() -> None:
    pairs = read_all(BENCHMARKS / "crows_pairs" / "crows_pairs_anonymized.csv", "crows-pairs").pairs
    counts = pd.Series([pair.category for pair in pairs]).value_counts()
    assert len(pairs) == 1508
    assert counts["race-color"] == 516
    assert counts["gender"] == 262
    assert counts["disability"] == 60
    assert sum(pair.group == "stereo" for pair in pairs) == 1290


def sentence(label: str, text: str) -> dict[str, str]:
    return {"gold_label": label, "sentence": text, "id": "x"}


def stereoset_file(folder: Path) -> Path:
    """In the format of StereoSet's dev.json; the sentences are our own."""
    items = [
        {
            "target": "gardener", "bias_type": "profession", "context": "The gardener is BLANK.",
            "sentences": [
                sentence("anti-stereotype", "The gardener is loud."), sentence("unrelated", "The gardener is table."),
                sentence("stereotype", "The gardener is calm."),
            ],
        },
        {"target": "x", "bias_type": "profession", "context": "x", "sentences": [sentence("stereotype", "x")]},
    ]  # fmt: skip
    more = [{**items[0], "context": "He has a garden.", "target": "grower"}]
    path = folder / "dev.json"
    path.write_text(json.dumps({"version": "1", "data": {"intrasentence": items, "intersentence": more}}))
    return path


def test_stereoset(tmp_path: Path) -> None:
    path = stereoset_file(tmp_path)
    reading = read_all(path, "stereoset")
    one, two = reading.pairs
    assert (one.prompt_a, one.prompt_b) == ("The gardener is calm.", "The gardener is loud.")
    assert two.prompt_a == "He has a garden. The gardener is calm."
    assert one.category == "profession"
    assert dict(two.further) == {"target": "grower", "kind": "intersentence", "unit": "grower"}
    assert reading.dropped == (Dropped("dev.json, intrasentence 2", "it lacks 'anti-stereotype'"),)
    assert read_all(tmp_path, "stereoset") == reading


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "csv"])
@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "{}", '{"data": []}', "The [nurse] slept.\n"])
def test_another_file_than_the_format_says_is_refused_or_gives_no_pair(
    tmp_path: Path, format: str, content: str
) -> None:
    path = tmp_path / "file.txt"
    path.write_text(content)
    try:
        reading = read_all(path, format)
    except InputError:
        return
    assert reading.pairs == ()


def test_broken_lines_of_public_files_are_left_out_with_their_reason(tmp_path: Path) -> None:
    winogender = tmp_path / "all_sentences.tsv"
    winogender.write_text(
        "sentid\tsentence\nnurse.patient.1.female.txt\tThe nurse helped the patient since she hurt.\nnurse\tx\n"
        "nurse.patient.1.male.txt\tThe nurse helped the patient since he hurt.\ncook.guest.0.male.txt\tHe ate.\n"
    )
    reading = read_all(winogender, "winogender")
    assert [pair.focus for pair in reading.pairs] == ["she"]
    assert [one.place for one in reading.dropped] == ["all_sentences.tsv, line 3", "all_sentences.tsv"]
    winobias = tmp_path / "pro_stereotyped_type1.txt.test"
    winobias.write_text(
        "1 [The cook] met the nurse as [he] ate.\n2 The cook met [the nurse] as [she] slept.\n3 [x]\n"
    )
    reading = read_all(tmp_path, "winobias")
    (pair,) = reading.pairs
    assert (pair.prompt_a, pair.candidates) == ("The cook met the nurse as she", ("slept.", "ate."))
    assert (pair.targets, reading.dropped[0].reason) == (("nurse", "cook"), "there is no second line")


# ---------------------------------------------------------------------------------------------- tables


def written(folder: Path, content: str | bytes, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_bad_row_does_not_stop_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, "prompt_a,prompt_b\nShe,He\n,He\na,b,c,d\nHer,His\n")
    reading = read_all(path)
    assert [pair.prompt_a for pair in reading.pairs] == ["She", "Her"]
    assert [one.place for one in reading.dropped] == ["mine.csv, line 3", "mine.csv, line 4"]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write(tmp_path: Path, sign: str, encoding: str) -> None:
    text = f'prompt_a{sign}prompt_b{sign}targets\n"Zoë{sign} she"{sign}=Zoë{sign}a|b\n'
    (pair,) = read_pairs(written(tmp_path, text.encode(encoding)))
    assert (pair.prompt_a, pair.prompt_b, pair.targets) == (f"Zoë{sign} she", "=Zoë", ("a", "b"))


def test_columns_of_any_name(tmp_path: Path) -> None:
    path = written(tmp_path, "Sentence1,second,who\nShe,He,nurse\n")
    assert table_head(path).guess == {"prompt_a": "Sentence1"}
    assert table_head(path).rows == (("She", "He", "nurse"),)
    mapped = {"prompt_a": "Sentence1", "prompt_b": "second", "targets": "who"}
    assert read_all(path, columns=mapped).pairs == (Pair("", "She", "He", targets=("nurse",)),)
    for columns, says in (
        ({"prompt_a": "Sentence1"}, "no column prompt_b"),
        ({"prompt_a": "first"}, "no column first. There are Sentence1, second, who"),
        ({"prompt": "who"}, "no column prompt to map to. Known columns: category"),
    ):
        with pytest.raises(InputError, match=says):
            read_all(path, columns=columns)
    with pytest.raises(InputError, match="columns of WinoBias are known"):
        list(iter_pairs(path, "winobias", mapped))
    with pytest.raises(InputError, match="no format 'xml'"):
        iter_pairs(path, "xml")


def test_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"prompt_a": ["She", None], "prompt_b": ["He", "He"], "targets": [["a", "b"], None], "share": [1.5, None]}
    )
    frame.to_parquet(tmp_path / "pairs.parquet")
    reading = read_all(tmp_path / "pairs.parquet")
    assert reading.pairs == (Pair("", "She", "He", targets=("a", "b"), further=(("share", "1.5"),)),)
    assert reading.dropped[0].place == "pairs.parquet, row 2"
    assert [type(one) for one in frame_pairs(frame)] == [Pair, Dropped]
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_all(written(tmp_path, b"PAR1 broken PAR1", "bad.parquet"))
    with pytest.raises(InputError, match="the table: no column prompt_b"):
        list(frame_pairs(frame[["prompt_a"]]))


def lines_of(count: int) -> bytes:
    row = f"The nurse said that she was{' very' * 60} tired,The nurse said that he was{' very' * 60} tired,nurse\n"
    return ("prompt_a,prompt_b,targets\n" + row * count).encode()


def test_fifty_megabytes_are_read_in_little_memory(tmp_path: Path) -> None:
    path = written(tmp_path, lines_of(80_000))
    assert path.stat().st_size > 50_000_000
    tracemalloc.start()
    records = iter_pairs(path)
    for _ in range(2_000):  # tracing makes it slow; the rest is read below without
        next(records)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert sum(1 for _ in records) == 78_000


def test_a_cell_of_a_whole_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, 'prompt_a,prompt_b\n"' + "x" * 11_000_000 + '",b\n')
    with pytest.raises(InputError, match="line 2: not CSV from here on"):
        read_all(path)


FILES: list[Callable[[str], str]] = [lambda text: f"prompt_a,prompt_b\n{text}", lambda text: text]


@given(st.text(max_size=60), st.sampled_from(FILES), st.sampled_from(list(FORMATS)))
def test_any_text_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, shape: Callable[[str], str], format: str
) -> None:
    path = written(tmp_path_factory.getbasetemp(), shape(text).encode("utf-8", "replace"), "any.txt")
    try:
        reading = read_all(path, format)
    except InputError:
        return
    assert all(pair.prompt_a.strip() and pair.prompt_b.strip() for pair in reading.pairs)


# ---------------------------------------------------------------------------------------------- hostile files


def winobias_file(folder: Path, *lines: str) -> Path:
    good = "1 [The developer] argued with the designer because [she] did not like it."
    path = folder / "pro_stereotyped_type1.txt.dev"
    path.write_text("\n".join((good, good.replace("[she]", "[he]"), *lines)), "utf-8")
    return path


@pytest.mark.parametrize("line", [lambda n: "[" * n, lambda n: "[a" * (n // 2), lambda n: "[" + "a " * (n // 2)])
def test_the_time_of_reading_winobias_grows_with_a_lines_length(line: Callable[[int], str], tmp_path: Path) -> None:
    def read(size: int) -> None:
        read_all(winobias_file(tmp_path, line(size), line(size)), "winobias")

    assert_linear(read, 20_000)


def test_a_long_line_of_winobias_is_left_out(tmp_path: Path) -> None:
    reading = read_all(winobias_file(tmp_path, "[" * 30_000, "[" * 30_000), "winobias")
    assert (
        reading.dropped[-1].reason == "a line has not exactly two brackets" or "2,000" in reading.dropped[-1].reason
    )


def test_a_table_with_very_many_columns_is_refused_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, (",".join(f"c{n}" for n in range(60_000)) + "\n").encode())
    with pytest.raises(InputError, match="60,000 columns, and at most 1,000"):
        read_all(path)


def repeated(path: Path, size: int, column: str = "prompt_a", rows: int = 1024) -> Path:
    """A small file of which every row has the same cell of `size` characters, in lists where the column is called so.

    The tables of the fault had one value of 4 MB in 1,074 bytes.
    """
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows), pa.array(["a" * size]))
    text = pa.ListArray.from_arrays(list(range(rows + 1)), text) if column == "lists" else text
    other = pa.DictionaryArray.from_arrays(pa.array([0] * rows), pa.array(["b"]))
    names = {"prompt_a": other, "prompt_b": other, column: text}
    pq.write_table(pa.table(names), path, compression="zstd")
    return path


PEAK = """
import resource, sys
from attnlib.errors import InputError
from attnlib.prompts.files import read_all
from attnlib.prompts.texts import read_texts
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_all(sys.argv[1]) if sys.argv[2] == "pairs" else list(read_texts(sys.argv[1]))
except InputError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(
    ("kind", "column"), [("pairs", "prompt_a"), ("pairs", "more"), ("pairs", "lists"), ("texts", "text")]
)
def test_a_small_parquet_file_never_takes_much_memory(kind: str, column: str, tmp_path: Path) -> None:
    """4 MB in each of 1,024 rows, in a file of a few kB: what is not measured first takes 4 GB."""
    path = repeated(tmp_path / "a.parquet", 4_000_000, column)
    assert path.stat().st_size < 20_000
    done = subprocess.run([sys.executable, "-c", PEAK, path, kind], cwd=ROOT, capture_output=True, text=True)
    said, megabytes = done.stdout.splitlines()
    assert said.startswith(f"a.parquet, row 1: {column} has 4,000,000 bytes; 100,000 are read at most.")
    assert int(megabytes) < 300  # pyarrow itself takes about 100


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([["x" * 1000] * 200, ["x"]]),
        pa.array([{"a": "x" * 200_000}, {"a": "y"}]),
        pa.array([["x"], ["x" * 200_000]]).slice(1),
    ],
    ids=["list", "struct", "slice"],
)
def test_nested_cells_are_measured_too(cells: pa.Array, tmp_path: Path) -> None:
    words = pa.array(["a"] * len(cells))
    pq.write_table(pa.table({"prompt_a": words, "prompt_b": words, "n": cells}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"row 1: n has 200,\d+ bytes"):
        read_all(tmp_path / "a.parquet")


def test_very_many_values_in_a_list_are_refused_by_what_the_file_says_of_itself(tmp_path: Path) -> None:
    cell = pa.ListArray.from_arrays(pa.array([0, 2_000_000]), pa.array(np.zeros(2_000_000, dtype=np.int8)))
    pq.write_table(pa.table({"prompt_a": ["a"], "prompt_b": ["b"], "n": cell}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 5_000
    with pytest.raises(InputError, match="smaller row groups"):
        read_all(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    "cell",
    [
        pa.array([10**15], pa.timestamp("s")),
        pa.array([0], pa.timestamp("s", tz="Moon/Crater")),
        pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"], pa.binary()).buffers()),
    ],
    ids=["date", "zone", "not UTF-8"],
)
def test_a_cell_that_is_no_value_is_a_sentence(cell: pa.Array, tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt_a": ["a"], "prompt_b": ["b"], "n": cell}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a.parquet, after row 0: this cannot be read"):
        read_all(tmp_path / "a.parquet")


def test_two_columns_of_a_parquet_file_with_one_name_are_refused(tmp_path: Path) -> None:
    word = pa.array(["a"])
    pq.write_table(pa.table([word, word, word], names=["prompt_a", "prompt_b", "prompt_a"]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="two columns are named prompt_a"):
        read_all(tmp_path / "a.parquet")


def test_typed_cells_read_as_a_csv_would_have_them(tmp_path: Path) -> None:
    columns = {
        "prompt_a": ["A 1", "A 2"],
        "prompt_b": ["B 1", "B 2"],
        "targets": [["x", "y"], None],
        "n": [1, None],
        "share": [0.5, float("nan")],
        "day": [datetime.date(2020, 1, 2), None],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    one, two = read_all(tmp_path / "a.parquet").pairs
    assert (one.prompt_a, one.targets, one.further) == (
        "A 1",
        ("x", "y"),
        (("n", "1"), ("share", "0.5"), ("day", "2020-01-02")),
    )
    assert (two.targets, two.further) == ((), (("n", ""), ("share", ""), ("day", "")))
