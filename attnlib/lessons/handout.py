"""A lesson on paper: one HTML page to print, for students without answers, for teachers with answers and notes."""

from collections.abc import Callable
from html import escape

from markdown_it import MarkdownIt

from attnlib.lessons.measures import INLINE, Measure, parse_measure
from attnlib.lessons.parse import Lesson, Question, Show, Step, Words

Value = Callable[[Show, Measure], str]  # what a measure is in what a step shows, as it is written
_STYLE = """
:root { font: 11pt/1.45 system-ui, sans-serif; color: #000; background: #fff; }
body { max-width: 44rem; margin: 1.5rem auto; padding: 0 1rem; }
h2 { margin: 1.6rem 0 .4rem; break-after: avoid; } section { break-inside: avoid-page; }
.ask { margin: .8rem 0; break-inside: avoid; } .ask ul { list-style: "☐  "; } .line { border-bottom: 1px solid #555;
display: inline-block; width: 9rem; } .look { font-size: .85em; overflow-wrap: anywhere; }
.answer { border-left: 3px solid #555; padding-left: .8rem; margin: .6rem 0; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_NO_SHOW = Show("head", ())


def handout(lesson: Lesson, value: Value | None = None) -> str:
    """The page; with `value` the teacher's: answers measured, what is revealed, and notes. It opens offline."""
    steps = "".join(_step(n, step, value) for n, step in enumerate(lesson.steps, 1))
    name = "" if value else '<p>Name <span class="line"></span> Date <span class="line"></span></p>'
    about = f"<p><strong>{escape(lesson.goal)}</strong> ({lesson.minutes} minutes)</p>"
    return _paper(lesson.title, f"{about}{name}{steps}")


def refusal(lesson: Lesson, why: str) -> str:
    """The page where an answer cannot be measured: `why`, as text, in place of the steps."""
    return _paper(lesson.title, f"<p>{escape(why)}</p>")


def _paper(title: str, body: str) -> str:
    """A whole page; `title` is text, `body` HTML in which everything that a lesson says is escaped."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def filled(text: str, show: Show | None, value: Value) -> str:
    """A text with its measures replaced by their values."""
    return INLINE.sub(lambda found: value(show or _NO_SHOW, parse_measure(found[1])), text)


def _step(number: int, step: Step, value: Value | None) -> str:
    parts = []
    for part in step.parts:
        if isinstance(part, Show):
            parts.append(_look(part))
        elif isinstance(part, Question):
            parts.append(_question(part, step, value))
        elif part.kind == "text" or value is not None:
            parts.append(_words(part, step, value))
    return f"<section><h2>{number}. {escape(step.title)}</h2>{''.join(parts)}</section>"


def _look(show: Show) -> str:
    told = [f"{name}: {text}" for name, text in show.choices if name != "view"]
    return f'<p class="look">Page “{escape(show.page)}” · {escape(" · ".join(told))}</p>'


def _question(question: Question, step: Step, value: Value | None) -> str:
    options = "".join(
        f"<li>{escape(option)}{' ✓' if value and n == question.right else ''}</li>"
        for n, option in enumerate(question.options)
    )
    blank = f"<ul>{options}</ul>" if options else '<p>Answer <span class="line"></span></p>'
    if value is not None and question.answer is not None:
        blank = f"<p><strong>{escape(value(step.shown or _NO_SHOW, question.answer))}</strong></p>"
    return f'<div class="ask"><p><strong>{escape(question.ask)}</strong></p>{blank}</div>'


def _words(words: Words, step: Step, value: Value | None) -> str:
    text = words.text if value is None else filled(words.text, step.shown, value)
    if value is None:
        text = INLINE.sub("…", text)
    html = MarkdownIt("commonmark", {"html": False}).disable("image").render(text)
    return html if words.kind == "text" else f'<div class="answer">{html}</div>'
