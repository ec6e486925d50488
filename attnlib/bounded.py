"""What strangers hand in, read within limits: lines, JSON. A limit is checked before anything of that size is made.

Not here: what a line or a value means, tables (prompts/tables.py).
"""

import gc
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from attnlib.errors import InputError

MOST_UPLOADED = 20 * 2**20  # bytes of a file that is handed in at a page; .streamlit/config.toml says the same
LONGEST_LINE = 100_000  # bytes of a line of text
MOST_KEPT = 60_000_000  # bytes that the rows of one file may take in the memory of a server
MOST_MARKS = 1_000_000  # of { [ : , in JSON: each can become an object of 100 bytes
MOST_BLANK = 100_000  # lines or rows in a row that have nothing
Record = TypeVar("Record")
MOST_DIGITS = 400  # of a whole number: its reading takes time with their square
_MARKS = (b"{", b"[", b":", b",")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # how JSON writes half a character


def check_readable(path: Path) -> None:
    """Refuse a file that is not there or cannot be opened. Raises InputError."""
    try:
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise InputError(
            f"{path.name} cannot be read ({type(error).__name__}). Check that the file exists."
        ) from None


def read_bytes(path: Path, most: int) -> bytes:
    """The whole of a file that has at most so many bytes. Raises InputError."""
    check_readable(path)
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise InputError(f"{path.name} has more than {most:,} bytes, which is the most that is read. Divide it.")
    return raw


def read_lines(path: Path, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str]]:
    """The lines of a file in UTF-8 that are not blank, each with its number, from 1. Raises InputError."""
    check_readable(path)
    with path.open("rb") as file:
        blank = 0
        for number, line in enumerate(iter(lambda: file.readline(longest + 2), b""), 1):
            place = f"{path.name}, line {number}"
            if len(line.rstrip(b"\r\n")) > longest:
                raise InputError(f"{place}: the line has more than {longest:,} bytes. Put each text on a line.")
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                raise InputError(f"{place}: this is not UTF-8. Save the file as text with UTF-8.") from None
            if text.strip():
                blank = 0
                yield number, text
            else:
                blank = one_more_blank(blank, place)


def one_more_blank(blank: int, place: str) -> int:
    """The number of blank lines or rows that follow each other, of which one more is at `place`. InputError."""
    if blank >= MOST_BLANK:
        raise InputError(f"{place}: {MOST_BLANK:,} blank lines or rows end here. Take them out.")
    return blank + 1


def parse_json(raw: bytes, name: str, most_marks: int = MOST_MARKS) -> Any:
    """What JSON in UTF-8 says. Raises InputError where it is none, is too large, or holds what no text can.

    Example:
        >>> parse_json(b'{"layer": 3}', "mine.json")
        {'layer': 3}
    """
    marks = sum(raw.count(mark) for mark in _MARKS)
    if marks > most_marks:
        raise InputError(f"{name} has {marks:,} values and names; {most_marks:,} are read at most. Divide it.")
    try:
        text = raw.decode("utf-8-sig")
        with _without_collecting():
            value = json.loads(text, parse_constant=_no_number, parse_int=_whole)
        if _HALF.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {error.lineno}: this is not JSON ({error.msg}).") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start:,}). Save it as UTF-8.") from None
    except UnicodeEncodeError:
        raise InputError(f"{name} has half a character (\\ud800 to \\udfff alone). Write the whole one.") from None
    except RecursionError:
        raise InputError(f"{name} is nested too deeply to be read.") from None
    except ValueError as error:
        raise InputError(f"{name} has a number that cannot be read ({str(error)[:80]}).") from None
    return value


def kept(records: Iterable[Record], size: Callable[[Record], int], most: int = MOST_KEPT) -> Iterator[Record]:
    """The records of a file that is to be held in memory. Raises InputError at the one with which it is too much."""
    taken = 0
    for number, record in enumerate(records, 1):
        taken += size(record)
        if taken > most:
            raise InputError(
                f"The first {number:,} rows take more than {most:,} bytes, which is the most that a page keeps. "
                "Divide the file, leave columns out, or use the command line."
            )
        yield record


@contextmanager
def _without_collecting() -> Iterator[None]:
    """No garbage is looked for meanwhile: among a million new objects that holds all threads for a second."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{len(text):,} digits, and at most {MOST_DIGITS} are read")
    return int(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def short(text: object, most: int = 60) -> str:
    """A piece of what was handed in, for a sentence: at most so many characters, on one line."""
    told = " ".join(str(text).split())
    return told if len(told) <= most else told[: most - 1] + "…"
