"""Files of pairs: public sets with exact counts, broken files, other columns, large files in little memory."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import attnlib
from attnlib.errors import InputError
from attnlib.pairfiles import FORMATS, iter_pairs, read_all
from attnlib.pairs import Dropped, Pair, frame_pairs, read_pairs, table_head
from attnlib.score import PRONOUNS

BENCHMARKS = Path(attnlib.__file__).resolve().parent.parent.parent / "shared" / "benchmarks"
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
    assert dict(two.further) == {"target": "grower", "kind": "intersentence"}
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
        ({"prompt": "who"}, "no column prompt to give. Ours are category"),
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
