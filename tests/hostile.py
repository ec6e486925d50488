"""Files that a stranger may hand in, made when they are needed, and a process that reads them and measures itself.

`cases` names them; `Readers` is the process, with a limit of memory, that reads one after the other and says of each
what came of it. Not here: what must come of it (tests/unit/project/test_hostile_files.py,
tests/benchmarks/hostile.py).
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
HEAD = b"prompt_a,prompt_b,targets\n"
ROW = b"The nurse said that she was tired,The nurse said that he was tired,nurse\n"
LESSON = "---\ntitle: t\nminutes: 5\ngoal: g\n---\n\n## S\n\n"
STATE = {"format": "attention-microscope-state", "version": 1, "page": "study", "choices": {"study": "x"}}


class Case(NamedTuple):
    """A file: what it is called, what reads it, and what writes it."""

    name: str
    reader: str  # a format of pairs, or "texts", "lesson", "state", "template"
    write: Callable[[Path], object]


def _bytes(name: str, reader: str, content: bytes | str) -> Case:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return Case(name, reader, lambda path: path.write_bytes(raw))


def _parquet(name: str, columns: dict[str, Any], reader: str = "csv", **options: Any) -> Case:
    options = {"compression": "zstd", **options}
    return Case(f"{name}.parquet", reader, lambda path: pq.write_table(pa.table(columns), path, **options))


def cases(size: int = 2_000_000) -> Iterator[Case]:
    """Every file there is; the large ones have `size` bytes."""
    yield from _csv(size)
    yield from _tables(size)
    yield from _benchmarks(size)
    yield from _texts(size)
    yield from _lessons()
    yield from _states()
    yield from _templates()


def _csv(size: int) -> Iterator[Case]:
    for encoding in ("utf-16", "utf-32", "latin-1", "shift_jis", "cp037"):
        yield _bytes(f"{encoding}.csv", "csv", (HEAD.decode() + "Ärztin é,Arzt é,\n").encode(encoding, "replace"))
    yield _bytes("odd-utf-16.csv", "csv", (HEAD + ROW).decode().encode("utf-16")[:-1])
    for name, content in {
        "empty": b"",
        "mark": b"\xef\xbb\xbf",
        "blank lines": b"\n" * size,
        "commas": b"," * size,
        "rows of commas": HEAD + b",,\n" * (size // 3),
        "zero byte": HEAD + ROW * 1_000 + b"a\0b,c\n",
        "late Latin": HEAD + ROW * (size // len(ROW)) + b"\xff\n",
        "open quote": HEAD + b'"a,b\n' + ROW * (size // len(ROW)),
        "quotes": HEAD + b'"' * size,
        "long cell": HEAD + b"x" * size + b",b\n",
        "row over lines": HEAD + b'"\n",' * (size // 4),
        "no line end": b"x" * size,
        "columns": b",".join(b"c%d" % n for n in range(size // 8)) + b"\n",
        "many blank columns": b"prompt_a,prompt_b"
        + b"," * 998
        + b"\n"
        + (b"a,b" + b"," * 998 + b"\n") * (size // 1_002),
        "targets": HEAD + (b"a,b," + b"a|" * 40_000 + b"\n") * (size // 80_000),
        "few targets": HEAD + b"".join(b"a%d,b,a|b|c|d|e|f|g|h|i\n" % n for n in range(size // 27)),
        "wide signs": HEAD + "".join(f"{n}" + "a" * 900 + "\U0001f600,b,\n" for n in range(size // 910)).encode(),
        "long prompts": HEAD
        + b"".join(b"%d %s,%s,\n" % (n, b"a " * 9_000, b"b " * 9_000) for n in range(size // 36_000)),
        "pairs": HEAD + b"".join(b"%d %s" % (n, ROW) for n in range(size // 80)),
        "long name": b"x" * 90_000 + b",prompt_b\na,b\n",
        "one name twice": b"prompt_a,prompt_b,prompt_a\na,b,c\n",
        "program": b"MZ\x90" + bytes(range(256)) * 20,
        "carriage returns": b"prompt_a,prompt_b\ra,b\r" * 1_000,
        "underscores": b"prompt_a,prompt_b,__class__,pair,model\na,b,c,d,e\n",
    }.items():
        yield _bytes(f"{name}.csv", "csv", content)


def _tables(size: int) -> Iterator[Case]:
    words = {"text": ["The nurse said she"] * 5}
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 1024, pa.int32()), pa.array(["x" * 4_000_000]))
    yield _parquet("4 MB in each row", {"prompt_a": long, "prompt_b": long})
    yield _parquet("4 MB in each text", {"text": long}, "texts")
    yield _parquet(
        "a page of 300 MB", {"prompt_a": ["x" * 90_000] * 3_300, "prompt_b": ["y"] * 3_300}, use_dictionary=False
    )
    yield Case("a page that contradicts the file.parquet", "texts", _contradicting)
    distinct = [f"{n} " + "very " * 3_000 for n in range(max(5_000, size // 1_000))]
    yield _parquet(
        "far more prompts than bytes",
        {"prompt_a": distinct, "prompt_b": distinct[::-1]},
        use_dictionary=False,
        data_page_size=1,
    )
    yield _parquet("far more texts than bytes", {"text": distinct}, "texts", use_dictionary=False, data_page_size=1)
    yield _parquet("blank texts", {"text": [""] * 200_000}, "texts")
    cells = pa.ListArray.from_arrays(pa.array([0, 5_000_000]), pa.array(np.zeros(5_000_000, dtype=np.int8)))
    yield _parquet("a list of 5,000,000", words | {"n": pa.concat_arrays([cells, pa.nulls(4, cells.type)])}, "texts")
    yield _parquet("columns", {f"c{n}": ["x"] for n in range(1_500)}, "texts")
    wide = {f"c{n}": ["x" * 20_000] * 5 for n in range(200)}
    yield _parquet("rows of 4 MB", words | wide, "texts")
    yield Case(
        "two columns of one name.parquet",
        "csv",
        lambda path: pq.write_table(
            pa.table([pa.array(["a"])] * 3, names=["prompt_a", "prompt_b", "prompt_a"]), path
        ),
    )
    for name, cell in {
        "year": pa.array([2**60] * 5, pa.timestamp("us")),
        "zone": pa.array([1] * 5, pa.timestamp("us", tz="Mars/Phobos")),
        "nanoseconds": pa.array([1_234_567] * 5, pa.timestamp("ns")),
        "duration": pa.array([2**62] * 5, pa.duration("us")),
        "decimal": pa.array([1, 2, 3, None, 5], pa.decimal128(38, 10)),
        "struct": pa.array([{"x": 1, "y": [1, 2]}] * 5),
        "map": pa.array([[("a", 1)]] * 5, pa.map_(pa.string(), pa.int64())),
    }.items():
        yield _parquet(name, words | {"t": cell}, "texts")
    bad = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff\xfe"], pa.binary()).buffers())
    yield _parquet("no text", {"text": bad}, "texts")
    yield _bytes("nonsense.parquet", "texts", b"PAR1" + b"\0" * 100 + b"PAR1")


def _contradicting(path: Path) -> None:
    """A column of 40 MB whose size the file gives as 40 bytes: the last digits of its sizes are changed."""
    pq.write_table(pa.table({"text": ["x" * 90_000] * 1_000}), path, compression="zstd", use_dictionary=False)
    raw = bytearray(path.read_bytes())
    about = pq.read_metadata(path).row_group(0).column(0)
    for size in (about.total_uncompressed_size, pq.read_metadata(path).row_group(0).total_byte_size):
        number, coded = size * 2, bytearray()  # Thrift writes a number as zigzag in groups of 7 bits
        while number > 127:
            coded.append(number & 127 | 128)
            number >>= 7
        coded.append(number)
        small = bytes([0x80 | 20] + [0x80] * (len(coded) - 2) + [0])
        raw = bytearray(bytes(raw).replace(bytes(coded), small))
    path.write_bytes(raw)


def _benchmarks(size: int) -> Iterator[Case]:
    for name, line in {"brackets": b"[" * 90_000, "halves": b"[a" * 45_000, "spaces": b"[" + b"a " * 45_000}.items():
        yield _bytes(
            f"{name}.dev", "winobias", b"1 [the a] met b [she]\n2 [the a] met b [he]\n" + line + b"\n" + line
        )
    yield _bytes("one line.dev", "winobias", b"[" * size)
    yield _bytes("many lines.dev", "winobias", b"1 [the a] met [she] c\n" * (size // 22))
    yield _bytes("Latin.dev", "winobias", "1 [the ä] b [she] c.\n".encode("latin-1"))
    yield _bytes("they_type2.dev", "winobias", b"1 [the a] x [them] y\n2 [b] x [she] z\n")
    yield _bytes(
        "alone.tsv",
        "winogender",
        b"sentid\tsentence\n" + b"".join(b"%d.b.c.male.txt\t%s\n" % (n, b"x" * 60) for n in range(size // 80)),
    )
    yield _bytes("short.tsv", "winogender", b"sentid\tsentence\na\n")
    yield _bytes("json.csv", "crows-pairs", b"{}")
    item = {"sentences": [{"gold_label": "stereotype", "sentence": "a"}], "bias_type": "x", "target": "t"}
    for name, content in {
        "depth": "[" * 200_000,
        "depth of objects": '{"data":' + '{"a":' * 100_000,
        "empty lists": '{"data":{"intrasentence":[' + "[]," * (size // 3),
        "objects": '{"data":{"intrasentence":[' + '{"ab":1.5},' * min(size // 11, 370_000) + "0]}}",
        "strings": '{"data":{"intrasentence":[' + '"ab",' * min(size // 5, 1_400_000) + "0]}}",
        "names": "{" + ",".join(f'"{n}":1.5' for n in range(min(size // 14, 700_000))) + "}",
        "one string": '{"data":"' + "x" * (size - 100) + '\U0001f600"}',
        "number": '{"data": ' + "9" * 5_000 + "}",
        "numbers": '{"data":{"intrasentence":[' + ",".join(["9" * 4_000] * (size // 4_001)) + "]}}",
        "NaN": '{"data": NaN}',
        "half": json.dumps({"data": {"intrasentence": [item | {"target": "\ud800"}]}}),
        "number as data": '{"data": 5}',
        "number as items": '{"data": {"intrasentence": 5}}',
        "items": '{"data": {"intrasentence": [1, null, "x", {"sentences": [{"gold_label": ["x"]}]}]}}',
        "null": "null",
        "xml": '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l "l">]><l>&l;</l>',
    }.items():
        yield _bytes(f"{name}.json", "stereoset", content)


def _texts(size: int) -> Iterator[Case]:
    yield _bytes("zero.txt", "texts", b"a\0b\n")
    yield _bytes("Latin.txt", "texts", "ä\n".encode("latin-1"))
    yield _bytes("one line.txt", "texts", b"x" * size)
    yield _bytes("long line.txt", "texts", b"x" * 30_000)
    yield _bytes("blank.txt", "texts", b"\n" * size)
    yield _bytes("lines.txt", "texts", b"a b\n" * (size // 4))
    yield _bytes("wide.txt", "texts", ("a" * 15_000 + "\U0001f600\n").encode() * (size // 15_004))
    yield _bytes("separators.txt", "texts", "a\u2028b\x0bc\x0cd\x1ce\n")


def _lessons() -> Iterator[Case]:
    question = "```show\ntext: The cat sat\nlayer: 0\nhead: 0\n```\n\n```question\nask: x\nanswer: {}\n```\n"
    for name, content in {
        "empty": "",
        "large": "x" * 1_000_001,
        "inline": LESSON + "{=" + " " * 90_000,
        "many inline": LESSON + "{= " * 30_000,
        "lines of inline": LESSON + ("{= " * 1_600 + "\n") * 18,
        "title": LESSON + "## a" + " " * 4_900 + "b\n",
        "titles": (LESSON + "## a" + " " * 4_900 + "b\n\ntext\n") * 18,
        "fence": LESSON + "```show\n" + "`" * 90_000,
        "quotes": LESSON + (">" * 4_900 + "\n") * 18,
        "lists": LESSON + "".join(" " * (2 * n) + "- a\n" for n in range(200)),
        "links": LESSON + ("[a](" * 1_200 + "\n") * 18,
        "references": LESSON + "".join(f"[{n}]: x\n" for n in range(7_000)),
        "minutes": LESSON.replace("5", "٣"),
        "minutes in words": LESSON.replace("5", "ten"),
        "infinite": LESSON + "```question\nask: x\nwithin: 1e999\nanswer: number 1e999\n```\n",
        "digits": LESSON + "```question\nask: x\nanswer: number " + "9" * 4_000 + "\n```\n",
        "layer": LESSON + "```show\nlayer: 9999\nhead: 9999\nmodel: ../../etc\n```\n",
        "bad link": LESSON + "```show\nlink: http://[bad/neuron?layer=1\n```\n",
        "long link": LESSON + "```show\nlink: x?" + "a=1&" * 20_000 + "\n```\n",
        "words": LESSON + "{= weight " + '"a" ' * 1_000 + "}\n",
        "head in words": LESSON + question.format('weight "cat" "The" head=seven'),
        "pattern": LESSON + question.format('pattern "foo"'),
        "layer 9": LESSON + question.format('weight "cat" "The" layer=9'),
        "two options": LESSON + "```question\nask: x\nright: a\noption: a\n```\n",
    }.items():
        yield _bytes(f"{name}.md", "lesson", content)


def _states() -> Iterator[Case]:
    for name, content in {
        "empty": "",
        "list": "[]",
        "depth": "[" * 9_000,
        "page": json.dumps(STATE | {"page": "../../x"}),
        "script": json.dumps(STATE | {"page": "javascript:alert(1)" * 1_000}),
        "page as list": json.dumps(STATE | {"page": ["study"]}),
        "choices as list": json.dumps(STATE | {"choices": [1]}),
        "choice as number": json.dumps(STATE | {"choices": {"a": 1}}),
        "half": json.dumps(STATE | {"choices": {"text": "\ud800"}}),
        "half in a name": json.dumps(STATE | {"choices": {"\udfff": "x"}}),
        "number": json.dumps(STATE)[:-1] + ', "version": ' + "9" * 5_000 + "}",
        "text": json.dumps(STATE | {"choices": {"text": "x" * 990_000}}),
        "lists": "[" + "[]," * 300_000,
        "utf-16": json.dumps(STATE).encode("utf-16"),
    }.items():
        yield _bytes(f"{name}.state", "state", content)


def _templates() -> Iterator[Case]:
    """The sentence stands on the first line, the words on the others."""
    for name, content in {
        "long words": "{a} {b}\na: " + ",".join("x" * 900 + str(n) for n in range(100)) + "\nb: she / he",
        "many pairs": "{a}{b}\na: " + ",".join(map(str, range(20_000))) + "\nb: she / he, s / h, a / b",
        "one slot often": "{a}" * 600 + "\na: " + ",".join(f"{'x' * 190}{n} / y{n}" for n in range(500)),
        "slots": "".join(f"{{a{n}}}" for n in range(300)) + "\n" + "\n".join(f"a{n}: x" for n in range(300)),
        "braces": "{" * 1_900 + "\na: x",
        "stops": "." * 1_000 + " " * 900 + "{a}\na: she / he",
        "words": "{a}\na:" + "x," * 150_000,
        "lines": "{a}\n" + "a: x\n" * 50_000,
        "colons": "{a}\n" + ":" * 150_000,
        "slashes": "{a}\na: " + "/" * 150_000,
    }.items():
        yield _bytes(f"{name}.template", "template", content)


class Answer(NamedTuple):
    """What came of a file, and what it took."""

    said: str  # the sentence, or what was read
    broken: str  # the name of an exception that is no InputError; empty where there was none
    seconds: float
    megabytes: float  # the most that was taken above idle, with the process that unpacks Parquet
    held: float  # seconds of processor time for which no other thread could run


class Readers:
    """A process that reads files as the pages do, one after the other."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.folder = tempfile.TemporaryDirectory(prefix="attnlib-hostile-")

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self.folder.cleanup()

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def read(self, case: Case) -> Answer:
        """What comes of a file; where the process ends over it, that is said, and the next file gets a new one."""
        path = Path(self.folder.name) / case.name
        case.write(path)
        if self.process is None:
            command = [sys.executable, "-m", "tests.hostile_reader"]
            pipes: dict[str, Any] = {
                "stdin": subprocess.PIPE,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.DEVNULL,
            }
            self.process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: no line comes
            print(json.dumps([case.reader, str(path)]), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        path.unlink()
        if not line:
            self._end()
            return Answer("", "the process ended: it took too long, or too much memory", 0, 0, 0)
        return Answer(*json.loads(line))
