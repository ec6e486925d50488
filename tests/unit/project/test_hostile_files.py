"""Files that strangers hand in: each is read or refused in a sentence, in little memory, without holding up others.

ATTNLIB_FUZZ=2000 tries that many damaged files of each kind instead of a few; `python -m tests.benchmarks.hostile`
reads them at the size that the server takes.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnlib.bounded import MOST_UPLOADED
from tests.hostile import HEAD, LESSON, ROOT, ROW, STATE, Answer, Case, Readers, cases

SIZE = 300_000  # bytes of the large files, here
FUZZED = int(os.environ.get("ATTNLIB_FUZZ", 25))
MEGABYTES, SECONDS, HELD = 300, 30, 1.0  # CI's two cores are busy: seconds are not what is promised


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers() as reading:
        yield reading


def check(case: Case, answer: Answer) -> None:
    told = f"{case.reader} {case.name}: {answer}"
    assert not answer.broken, told
    assert answer.said, told
    assert "object is not" not in answer.said, told
    assert answer.megabytes < MEGABYTES, told
    assert answer.seconds < SECONDS, told
    assert answer.held < HELD, told


def test_every_hostile_file_is_read_or_refused_in_a_sentence(readers: Readers) -> None:
    for case in cases(SIZE):
        check(case, readers.read(case))


def test_a_sentence_says_where(readers: Readers) -> None:
    """What a reader refuses has a name, a line or a row in it; states and templates are one thing each."""
    for case in cases(10_000):
        if case.reader in ("state", "template") or case.name.endswith(".parquet"):
            continue
        said = readers.read(case).said
        assert said.startswith("read: ") or said.startswith(case.name) or re.search(r"rows take more", said), (
            case.name
        )


# ---------------------------------------------------------------------------------------------- damaged files

ITEM = {
    "sentences": [
        {"gold_label": "stereotype", "sentence": "She cooks."},
        {"gold_label": "anti-stereotype", "sentence": "He cooks."},
    ],
    "bias_type": "gender",
    "target": "cook",
}
GOOD = {  # of each reader: a file that it reads
    "csv": ("a.csv", HEAD + ROW * 3 + b'"a ""b""",c,"d|e"\n'),
    "winobias": ("a.dev", b"1 [the cook] met the nurse as [she] ate.\n2 the cook met [the nurse] as [he] ate.\n"),
    "winogender": ("a.tsv", b"sentid\tsentence\ncook.guest.0.female.txt\tShe ate.\ncook.guest.0.male.txt\tHe ate.\n"),
    "crows-pairs": ("a.csv", b"sent_more,sent_less,bias_type,stereo_antistereo\nShe,He,gender,stereo\n"),
    "stereoset": ("a.json", json.dumps({"data": {"intrasentence": [ITEM]}}).encode()),
    "texts": ("a.txt", "Eins.\nZwei \U0001f600.\n".encode()),
    "lesson": ("a.md", (LESSON + "```show\nlayer: 1\nhead: 0\n```\n\n{= tokens }\n").encode()),
    "state": ("a.state", json.dumps(STATE).encode()),
    "template": ("a.template", b"The {job} said that {who}\njob: nurse, cook\nwho: she / he"),
}
PIECES = (
    b"\0",
    b"\xff\xfe",
    b'"',
    b"[" * 300,
    b"{",
    b"}",
    b"9" * 5_000,
    b"\\ud800",
    "\u2028".encode(),
    b"\r",
    b"NaN",
    b"|",
)


@cache
def good_parquet() -> bytes:
    table = pa.table({"prompt_a": [f"The nurse {n} said she" for n in range(300)], "prompt_b": ["he"] * 300})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """A file with bits turned, pieces put in, or cut short."""
    raw = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        how = draw(st.sampled_from(["turn", "put", "cut", "repeat"]))
        if how == "turn" and raw:
            raw[at % len(raw)] ^= 1 << draw(st.integers(0, 7))
        elif how == "put":
            raw[at:at] = draw(st.sampled_from(PIECES) | st.binary(max_size=20))
        elif how == "cut":
            del raw[at : at + draw(st.integers(1, 40))]
        else:
            raw[at:at] = raw[:at] * draw(st.integers(1, 3))
    return bytes(raw[:500_000])


@pytest.mark.parametrize("reader", GOOD)
def test_a_damaged_file_is_read_or_refused(reader: str, readers: Readers) -> None:
    name, content = GOOD[reader]

    @settings(max_examples=FUZZED, deadline=None, suppress_health_check=list(HealthCheck))
    @given(damaged(content))
    def tried(raw: bytes) -> None:
        case = Case(name, reader, lambda path: path.write_bytes(raw))
        check(case, readers.read(case))

    tried()


def test_a_damaged_parquet_file_is_read_or_refused(readers: Readers) -> None:
    """Fewer of them: each is unpacked in a process of its own."""

    @settings(max_examples=max(4, FUZZED // 6), deadline=None, suppress_health_check=list(HealthCheck))
    @given(damaged(good_parquet()))
    def tried(raw: bytes) -> None:
        case = Case("a.parquet", "texts", lambda path: path.write_bytes(raw))
        check(case, readers.read(case))

    tried()


# ---------------------------------------------------------------------------------------------- one limit everywhere


def test_the_server_takes_what_the_readers_take() -> None:
    config = tomllib.loads((Path(ROOT) / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["maxUploadSize"] * 2**20 == MOST_UPLOADED


def test_a_process_that_ends_over_a_file_is_told(readers: Readers) -> None:
    ok = Case("a.txt", "texts", lambda path: path.write_bytes(b"One\n"))
    assert readers.read(ok).said == "read: 1 texts"
    assert readers.process is not None
    readers.process.kill()
    readers.process.wait()
    assert "the process ended" in readers.read(ok).broken
    assert readers.read(ok).said == "read: 1 texts"
