"""Lessons: Markdown files with steps that show a view, ask, and reveal. Read here; docs/lessons.md says how to write.

Nothing here loads a model: what an answer measures is in lessonanswers.py.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import parse_qsl, urlsplit

from attnlib.errors import InputError

FOLDER = Path(__file__).resolve().parent.parent / "data" / "lessons"
PAGES = ("head", "model", "neuron", "compare", "study", "patterns", "neurons")  # a page's address; "head": the first
DRAWN = ("head", "model", "neuron", "compare")  # those whose view stands in the lesson itself
MEASURES = {  # name: how many words it takes, and what it is
    "number": (1, "a number that is known"),
    "tokens": (0, "how many tokens the text has"),
    "layers": (0, "how many layers the model has"),
    "heads": (0, "how many heads a layer has"),
    "weight": (2, "attention of the shown head, from a word to a word"),
    "product": (2, "query times key of the shown head, before scaling"),
    "shift": (2, "target shift G of the shown head, B − A"),
    "log_odds": (2, "log p(first word) − log p(second word) after the text"),
    "total": (2, "total effect of the edit on the odds of two words"),
    "indirect": (2, "indirect effect of the shown head on these odds"),
    "pattern": (1, "score of the shown head for a pattern"),
}
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Show:
    """A page in a state: what its link says."""

    page: str
    choices: tuple[tuple[str, str], ...]  # by the names they have in the page's address
    line: int = 0

    def get(self, name: str, default: str = "") -> str:
        """One choice."""
        return dict(self.choices).get(name, default)

    @property
    def model(self) -> str:
        """The model that reads."""
        return self.get("model", "demo/gpt2-biased")

    @property
    def place(self) -> tuple[int, int | None]:
        """Layer and head; None: all heads."""
        head = self.get("head", "all")
        return int(self.get("layer", "0")), None if head == "all" else int(head)

    def changed(self, choices: dict[str, str]) -> "Show":
        """The same page with other choices."""
        return Show(self.page, tuple((dict(self.choices) | choices).items()), self.line)


@dataclass(frozen=True)
class Measure:
    """Something the library measures in what a step shows: one of MEASURES, its words, other choices than shown."""

    name: str
    words: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Question:
    """What a student predicts: one of `options`, or a number within `within` of what `answer` measures, or words."""

    ask: str
    options: tuple[str, ...] = ()
    right: int | None = None  # which option
    answer: Measure | None = None
    within: float = 0.05
    line: int = 0


@dataclass(frozen=True)
class Words:
    """Markdown; in a "reveal" it is read once the step's questions are answered, "teacher" is for the teacher."""

    text: str
    kind: Literal["text", "reveal", "teacher"] = "text"
    line: int = 0


Part = Show | Question | Words


@dataclass(frozen=True)
class Step:
    """One thing to look at."""

    title: str
    parts: tuple[Part, ...] = ()

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked, in order."""
        return tuple(part for part in self.parts if isinstance(part, Question))

    @property
    def shown(self) -> Show | None:
        """What the step's answers are measured in: what it shows (the last, of several)."""
        return next((part for part in reversed(self.parts) if isinstance(part, Show)), None)


@dataclass(frozen=True)
class Lesson:
    """A course of steps for one class hour."""

    name: str
    title: str
    minutes: int
    goal: str
    steps: tuple[Step, ...] = field(repr=False)


def lessons() -> tuple[Lesson, ...]:
    """The project's lessons, in order."""
    return tuple(read_lesson(path) for path in sorted(FOLDER.glob("[0-9]*.md")))


def read_lesson(path: str | Path) -> Lesson:
    """A lesson from its file. Raises InputError that names file and line."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"The lesson {path.name} cannot be read: {error.strerror}.") from error
    return parse_lesson(raw, path.name)


def parse_lesson(raw: bytes, file: str) -> Lesson:
    """A lesson from the bytes of a file of that name. Raises InputError that names file and line."""
    if len(raw) > MOST_BYTES:
        raise InputError(f"{file} has {len(raw):,} bytes. A lesson is at most {MOST_BYTES:,} bytes of Markdown.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text (byte {error.start:,}). Save it as UTF-8.") from error
    return _Reader(file, text.splitlines()).lesson()


# ---------------------------------------------------------------------------------------------- the inline measure

INLINE = re.compile(r"\{= *([^{}]*)\}")


def inline_measures(text: str) -> tuple[Measure, ...]:
    """What a text measures in place: {= weight "She" "nurse"}. Raises InputError."""
    return tuple(parse_measure(found[1]) for found in INLINE.finditer(text))


def parse_measure(text: str) -> Measure:
    """`weight "She" "nurse" head=2` as a Measure. Raises InputError."""
    try:
        name, *rest = shlex.split(text)
    except ValueError as error:
        raise InputError(f"“{text}” is not a measure: write its name and its words in quotes.") from error
    choices = tuple((key, value) for key, mark, value in (word.partition("=") for word in rest) if mark)
    words = tuple(word for word in rest if "=" not in word)
    if name not in MEASURES:
        raise InputError(f"There is no measure “{name}”. Choose one of {', '.join(MEASURES)}.")
    needed = MEASURES[name][0]
    if len(words) != needed:
        raise InputError(f"“{name}” takes {needed} word{'s' * (needed != 1)}; {len(words)} stand there.")
    if name == "number":
        _number(words[0])
    return Measure(name, words, choices)


def _number(text: str) -> float:
    try:
        return float(text.replace("−", "-"))
    except ValueError:
        raise InputError(f"“{text}” is not a number.") from None


# ---------------------------------------------------------------------------------------------- reading a file

_FENCE = re.compile(r"^```\s*(show|question|reveal|teacher)\s*$")
_TITLE = re.compile(r"^##\s+(\S.*?)\s*$")
_FIELD = re.compile(r"^([a-z_]+):\s*(.*?)\s*$")
_CHOICES = frozenset(  # what a page's address can say
    (
        *("model", "model_b", "text", "text_b", "prompt_a", "prompt_b", "second_a", "second_b", "focus", "targets"),
        *(
            "cut",
            "stack",
            "layer",
            "head",
            "view",
            "stat",
            "distance",
            "with_pair",
            "hide",
            "align",
            "control",
            "more",
        ),
    )
)
_SHOW_FIELDS = _CHOICES | {"page", "link"}


class _Reader:
    """Goes through the lines of one file."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file, self.lines = file, lines

    def lesson(self) -> Lesson:
        about, start = self._front_matter()
        minutes = about["minutes"][0]
        if not (minutes.isascii() and minutes.isdigit() and 0 < int(minutes) < 1000):
            self._stop(about["minutes"][1], f"“minutes” is a whole number, not “{minutes}”.")
        steps = tuple(self._steps(start))
        if not steps:
            self._stop(len(self.lines), "there is no step. A step begins with a line “## Title”.")
        name = self.file.removesuffix(".md")
        return Lesson(name, about["title"][0], int(minutes), about["goal"][0], steps)

    def _front_matter(self) -> tuple[dict[str, tuple[str, int]], int]:
        """title, minutes and goal with their lines, between two lines of three dashes; where the rest begins."""
        if not self.lines or self.lines[0].strip() != "---":
            self._stop(1, "a lesson begins with a line “---”, then title:, minutes: and goal:, then “---” again.")
        end = next((n for n, line in enumerate(self.lines[1:], 1) if line.strip() == "---"), None)
        if end is None:
            self._stop(1, "the front matter does not end: a second line “---” is missing.")
        about: dict[str, tuple[str, int]] = {}
        for key, value, line in self._fields(1, end):
            if key not in ("title", "minutes", "goal"):
                self._stop(line, f"“{key}” is not known here. The front matter has title, minutes and goal.")
            about[key] = (value, line)
        for key in ("title", "minutes", "goal"):
            if not about.get(key, ("", 0))[0]:
                self._stop(1, f"the front matter has no {key}.")
        return about, end + 1

    def _steps(self, start: int) -> Iterator[Step]:
        title, parts = "", list[Part]()
        n = start
        while n < len(self.lines):
            found = _TITLE.match(self.lines[n])
            if found:
                if title:
                    yield self._step(title, parts)
                title, parts, n = found[1], [], n + 1
                continue
            if not self.lines[n].strip():
                n += 1
                continue
            block = self._block(n)
            if not title:
                self._stop(n + 1, "this stands before the first step. A step begins with a line “## Title”.")
            if block is None:
                stop = self._text_end(n)
                if text := "\n".join(self.lines[n:stop]).strip():
                    parts.append(self._words(text, "text", n + 1))
                n = stop
            else:
                part, n = block
                parts.append(part)
        if title:
            yield self._step(title, parts)

    def _step(self, title: str, parts: list[Part]) -> Step:
        """A step whose measures have something to be measured in."""
        step = Step(title, tuple(parts))
        if step.shown is None:
            for part in parts:
                known = part.answer is None or part.answer.name == "number" if isinstance(part, Question) else True
                if not known or (isinstance(part, Words) and inline_measures(part.text)):
                    self._stop(
                        part.line, f"the step “{title}” measures something but shows nothing: add a show block."
                    )
        return step

    def _text_end(self, start: int) -> int:
        """Where plain text ends: at a step or at a block of ours. Other fences are part of it."""
        n, fenced = start, False
        while n < len(self.lines):
            line = self.lines[n]
            if not fenced and (_TITLE.match(line) or _FENCE.match(line)):
                return n
            if line.startswith("```"):
                fenced = not fenced
            n += 1
        return n

    def _block(self, start: int) -> tuple[Part, int] | None:
        """The block that begins in this line, and where what follows it begins."""
        found = _FENCE.match(self.lines[start])
        if found is None:
            return None
        end = next((n for n in range(start + 1, len(self.lines)) if self.lines[n].strip() == "```"), None)
        if end is None:
            self._stop(start + 1, f"the block “{found[1]}” does not end: a line ``` is missing.")
        if found[1] == "show":
            return self._show(start, end), end + 1
        if found[1] == "question":
            return self._question(start, end), end + 1
        text = "\n".join(self.lines[start + 1 : end]).strip()
        return self._words(text, "reveal" if found[1] == "reveal" else "teacher", start + 1), end + 1

    def _words(self, text: str, kind: Literal["text", "reveal", "teacher"], line: int) -> Words:
        try:
            inline_measures(text)
        except InputError as error:
            self._stop(line, str(error))
        return Words(text, kind, line)

    def _show(self, start: int, end: int) -> Show:
        page, choices = "head", dict[str, str]()
        for key, value, line in self._fields(start + 1, end):
            if key not in _SHOW_FIELDS:
                self._stop(
                    line, f"“{key}” is nothing a page can be set to. Known: {', '.join(sorted(_SHOW_FIELDS))}."
                )
            if key == "link":
                page, found = self._link(value, line)
                choices |= found
            elif key == "page":
                page = value
            else:
                choices[key] = value
            if page not in PAGES:
                self._stop(line, f"There is no page “{page}”. Choose one of {', '.join(PAGES)}.")
            for name, special in (("layer", ()), ("head", ("all",))):
                number = choices.get(name, "0")
                if number not in special and not (number.isascii() and number.isdigit() and len(number) < 5):
                    self._stop(line, f"“{name}” is a number, counted from 0, not “{number}”.")
        return Show(page, tuple(choices.items()), start + 1)

    def _link(self, link: str, line: int) -> tuple[str, dict[str, str]]:
        """A link as “Copy link” gives it, of any server: its page and its choices."""
        parts = urlsplit(link)
        choices = {key: value for key, value in parse_qsl(parts.query) if key in _CHOICES}
        if not parts.query:
            self._stop(line, "this link has no choices after a “?”. Copy it with “Copy link” from a page.")
        return parts.path.strip("/").rpartition("/")[2] or "head", choices

    def _question(self, start: int, end: int) -> Question:
        ask, options, right, answer, within = "", list[str](), None, None, 0.05
        for key, value, line in self._fields(start + 1, end):
            try:
                if key == "ask":
                    ask = value
                elif key in ("option", "right"):
                    right = len(options) if key == "right" else right
                    options.append(value)
                elif key == "answer":
                    answer = parse_measure(value)
                elif key == "within":
                    within = abs(_number(value))
                else:
                    self._stop(line, f"“{key}” is not known here. A question has ask, option, right, answer, within.")
            except InputError as error:
                self._stop(line, str(error))
        if not ask:
            self._stop(start + 1, "the question asks nothing: add a line “ask: …”.")
        if options and (right is None or len(options) < 2 or answer is not None):
            self._stop(start + 1, "a question with options has at least two, one of them written “right: …”.")
        return Question(ask, tuple(options), right, answer, within, start + 1)

    def _fields(self, start: int, end: int) -> Iterator[tuple[str, str, int]]:
        for n in range(start, end):
            if not self.lines[n].strip():
                continue
            found = _FIELD.match(self.lines[n])
            if found is None:
                self._stop(n + 1, f"“{self.lines[n].strip()[:60]}” is not of the form “name: value”.")
            yield found[1], found[2], n + 1

    def _stop(self, line: int, why: str) -> NoReturn:
        prefix = f"{self.file}, line {line}: "
        raise InputError(why if why.startswith(f"{self.file}, line ") else prefix + why)
