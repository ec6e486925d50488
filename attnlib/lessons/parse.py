"""Lessons: Markdown files with steps that show a view, ask, and reveal. Read here; docs/lessons.md says how to write.

Nothing here loads a model: what may be asked is in measures.py, measuring in answers.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NoReturn
from urllib.parse import parse_qsl, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from attnlib.address import CHOICES, PAGES
from attnlib.errors import InputError
from attnlib.lessons.measures import (
    USUAL_MODEL,
    Measure,
    check_choice,
    check_measure,
    check_place,
    inline_texts,
    parse_measure,
    read_number,
)
from attnlib.paths import LESSON_FOLDER

SHOWN = tuple(page for page in PAGES if page != "lessons")
DRAWN = ("head", "model", "neuron", "compare")  # those whose view stands in the lesson itself
MOST_BYTES = 100_000  # of a file: ours have 5,000
LONGEST_LINE = 5_000  # characters
LONGEST_TEXT = 20_000  # characters of one piece of Markdown: what shows it takes time with the square of its length
OWN_TITLE = "My own lesson"  # what the page calls the lesson that a person opens there


@dataclass(frozen=True)
class Show:
    """A page with its settings, as in its link."""

    page: str
    choices: tuple[tuple[str, str], ...]  # by the names they have in the page's address
    line: int = 0
    after: Literal["", "answers"] = ""  # "answers": drawn when the step's questions are answered

    def get(self, name: str, default: str = "") -> str:
        """One choice."""
        return dict(self.choices).get(name, default)

    @property
    def model(self) -> str:
        """The model that reads."""
        return self.get("model", USUAL_MODEL)

    @property
    def place(self) -> tuple[int, int | None]:
        """Layer and head; None: all heads."""
        head = self.get("head", "all")
        return int(self.get("layer", "0")), None if head == "all" else int(head)

    @property
    def languages(self) -> tuple[str | None, str | None]:
        """Source and target language of a translation model; None: its own."""
        return self.get("source_language") or None, self.get("target_language") or None

    def changed(self, choices: dict[str, str]) -> "Show":
        """This page with some choices changed."""
        return replace(self, choices=tuple((dict(self.choices) | choices).items()))


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


@dataclass(frozen=True)
class Course:
    """The lessons of a folder, in order, and what is wrong with files that are not lessons, each with its line."""

    lessons: tuple[Lesson, ...]
    problems: tuple[str, ...] = ()


def course(folder: Path | None = None) -> Course:
    """The lessons of a folder (LESSON_FOLDER where none is given): files whose names begin with a digit.

    A broken file does not hold up the others.
    """
    kept, problems = dict[str, Lesson](), list[str]()
    for path in sorted((folder or LESSON_FOLDER).glob("[0-9]*.md")):
        try:
            lesson = read_lesson(path)
        except InputError as error:
            problems.append(str(error))
            continue
        taken = kept.get(lesson.title)
        if taken is not None or lesson.title == OWN_TITLE:
            has = f"{taken.name}.md has it" if taken else "the page needs it"
            problems.append(f"{path.name}: the title “{lesson.title}” is taken: {has}. Give the lesson another one.")
        else:
            kept[lesson.title] = lesson
    return Course(tuple(kept.values()), tuple(problems))


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


# ---------------------------------------------------------------------------------------------- reading a file

_BLOCKS = ("show", "question", "reveal", "teacher")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz_")  # letters of the name in “name: value”


_MARKDOWN = MarkdownIt("commonmark").disable("inline")  # the blocks of a text; what is within them is not needed


def _is_ours(token: Token) -> bool:
    """Whether a token of Markdown begins a step (“## Title”) or a block of ours (```show), not within another."""
    step = token.type == "heading_open" and token.markup == "##"
    block = token.type == "fence" and token.info.strip() in _BLOCKS
    return token.level == 0 and (step or block)


class _Reader:
    """Goes through the lines of one file."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file, self.lines = file, lines
        self.asked: list[tuple[int, Measure]] = []  # what the step being read measures, with its line
        for number, line in enumerate(lines, 1):
            if len(line) > LONGEST_LINE:
                self._stop(number, f"the line has {len(line):,} characters; {LONGEST_LINE:,} are read at most.")

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
        for first, end, token in self._pieces(start):
            if token is not None and token.type == "heading_open":
                if title:
                    yield self._step(title, parts)
                title, parts = self._title(first), []
                self.asked = []
            else:
                if not title:
                    self._stop(first + 1, "this stands before the first step. A step begins with a line “## Title”.")
                text = "\n".join(self.lines[first:end]).strip()
                parts.append(self._block(token, first, end) if token else self._words(text, "text", first + 1))
        if title:
            yield self._step(title, parts)

    def _pieces(self, start: int) -> Iterator[tuple[int, int, Token | None]]:
        """The lines [first, end) of every step's title, every block of ours, and every text between them (None)."""
        done = start
        for token in filter(_is_ours, _MARKDOWN.parse("\n".join(self.lines[start:]))):
            first, end = (start + n for n in token.map or (0, 0))
            yield from self._between(done, first)
            yield first, end, token
            done = end
        yield from self._between(done, len(self.lines))

    def _between(self, first: int, end: int) -> Iterator[tuple[int, int, None]]:
        """The text in these lines, from the first that is not blank."""
        written = [n for n in range(first, end) if self.lines[n].strip()]
        if written:
            yield written[0], end, None

    def _title(self, line: int) -> str:
        title = self.lines[line].strip().removeprefix("##").rstrip("#").strip()
        if not title:
            self._stop(line + 1, "the step has no title.")
        return title

    def _step(self, title: str, parts: Sequence[Part]) -> Step:
        """A step whose measures can be taken in what it shows."""
        step = Step(title, tuple(parts))
        for line, measure in self.asked:
            if step.shown is None and measure.name != "number":
                self._stop(line, f"the step “{title}” measures something but shows nothing: add a show block.")
            try:
                check_measure(measure, dict(step.shown.choices) if step.shown else {})
            except InputError as error:
                self._stop(line, str(error))
        return step

    def _block(self, token: Token, start: int, end: int) -> Part:
        """A block of ours, without the lines that begin and end it."""
        kind, last = token.info.strip(), self.lines[end - 1].strip()
        if end - start < 2 or not last or last.strip(token.markup[0]) or len(last) < len(token.markup):
            self._stop(start + 1, f"the block “{kind}” does not end: a line {token.markup} is missing.")
        if kind == "show":
            return self._show(start, end - 1)
        if kind == "question":
            return self._question(start, end - 1)
        text = "\n".join(self.lines[start + 1 : end - 1])
        return self._words(text, "reveal" if kind == "reveal" else "teacher", start + 2)

    def _words(self, text: str, kind: Literal["text", "reveal", "teacher"], line: int) -> Words:
        """Markdown that begins at `line`."""
        if len(text) > LONGEST_TEXT:
            self._stop(line, f"a text of {len(text):,} characters; {LONGEST_TEXT:,} are read at most. Divide it.")
        for at, measure in inline_texts(text):
            try:
                self.asked.append((line + at, parse_measure(measure)))
            except InputError as error:
                self._stop(line + at, str(error))
        return Words(text.strip(), kind, line)

    def _show(self, start: int, end: int) -> Show:
        page, choices, after = "head", dict[str, str](), False
        for key, value, line in self._fields(start + 1, end):
            try:
                if key == "link":
                    page, found = self._link(value, line)
                    for name, chosen in found.items():
                        check_choice(name, chosen)
                    choices |= found
                elif key == "page":
                    page = value
                elif key == "after":
                    after = self._after(line, value)
                else:
                    check_choice(key, value)
                    choices[key] = value
            except InputError as error:
                self._stop(line, str(error))
            if page not in SHOWN:
                self._stop(line, f"There is no page “{page}”. Choose one of {', '.join(SHOWN)}.")
        try:
            check_place(choices)
        except InputError as error:
            self._stop(start + 1, str(error))
        return Show(page, tuple(choices.items()), start + 1, "answers" if after else "")

    def _after(self, line: int, value: str) -> bool:
        if value != "answers":
            self._stop(line, f"“after” can be “answers” and nothing else, not “{value[:60]}”.")
        return True

    def _link(self, link: str, line: int) -> tuple[str, dict[str, str]]:
        """A link as “Copy link” gives it, of any server: its page and its choices."""
        try:
            parts = urlsplit(link)
        except ValueError:
            self._stop(line, "this is not a link. Copy it with “Copy link” from a page.")
        choices = {key: value for key, value in parse_qsl(parts.query) if key in CHOICES}
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
                    right = self._right(line, right, len(options)) if key == "right" else right
                    options.append(self._option(line, value, options))
                elif key == "answer":
                    answer = parse_measure(value)
                    self.asked.append((line, answer))
                elif key == "within":
                    within = abs(read_number(value))
                else:
                    self._stop(line, f"“{key}” is not known here. A question has ask, option, right, answer, within.")
            except InputError as error:
                self._stop(line, str(error))
        if not ask:
            self._stop(start + 1, "the question asks nothing: add a line “ask: …”.")
        if options and (right is None or len(options) < 2 or answer is not None):
            self._stop(start + 1, "a question with options has at least two, one of them written “right: …”.")
        return Question(ask, tuple(options), right, answer, within, start + 1)

    def _option(self, line: int, option: str, others: Sequence[str]) -> str:
        if not option or option in others:
            self._stop(line, f"the option “{option}” is given twice." if option else "the option is empty.")
        return option

    def _right(self, line: int, earlier: int | None, number: int) -> int:
        if earlier is not None:
            self._stop(line, "this is the second option written “right: …”; a question has one.")
        return number

    def _fields(self, start: int, end: int) -> Iterator[tuple[str, str, int]]:
        for n in range(start, end):
            if not self.lines[n].strip():
                continue
            name, mark, value = self.lines[n].partition(":")
            if not mark or not name or not set(name) <= _NAME:
                self._stop(n + 1, f"“{self.lines[n].strip()[:60]}” is not of the form “name: value”.")
            yield name, value.strip(), n + 1

    def _stop(self, line: int, why: str) -> NoReturn:
        prefix = f"{self.file}, line {line}: "
        raise InputError(why if why.startswith(f"{self.file}, line ") else prefix + why)
