"""A student's answers: kept for the session and in the page's address, and what is said of them."""

import streamlit as st

from attnlib.lessons.parse import Lesson, Question, Show, Step
from pages.ui import cached
from pages.ui.history import choose, tell

MOST = 200  # characters of an answer
MOST_KEPT = 1000  # answers in an address


def _all() -> dict[str, dict[str, str]]:
    """Answers by the name of their lesson, and by "step.question"."""
    return st.session_state.setdefault("lesson_answers", {})


def _kept(lesson: Lesson) -> dict[str, str]:
    """Answers that there are questions for: a lesson of one's own may have changed since."""
    places = {f"{s}.{q}" for s, step in enumerate(lesson.steps, 1) for q in range(len(step.questions))}
    kept = _all().setdefault(lesson.name, {})
    for place in kept.keys() - places:
        del kept[place]
    return kept


def restore(lesson: Lesson) -> None:
    """Take over the answers in the address, once in a session, and have it say the kept ones of all lessons.

    `lesson` is shown. Back takes no answer away: an entry from before it was given gets it.
    """
    if "lesson_answers" not in st.session_state:
        _all().update(_read(lesson.name, st.query_params.get("answers", "")))
    _write(lesson)


def _read(name: str, text: str) -> dict[str, dict[str, str]]:
    """Answers in an address, which anybody may have written: "1.0:9|1.1:16|2-reading/1.0:3".

    Those before the first name belong to the lesson called `name`.
    """
    found: dict[str, dict[str, str]] = {}
    for part in text.split("|")[:MOST_KEPT]:
        place, mark, answer = part.partition(":")
        lesson, slash, at = place.rpartition("/")
        name = lesson if slash else name
        if mark and at:
            found.setdefault(name[:MOST], {})[at[:MOST]] = answer[:MOST]
    return found


def _write(lesson: Lesson) -> None:
    """Have the address say all answers: those of the lesson shown first, without its name."""
    others = [(name, kept) for name, kept in sorted(_all().items()) if name != lesson.name and kept]
    parts = [f"{place}:{answer}" for place, answer in sorted(_kept(lesson).items())]
    for name, kept in others:
        first, *rest = (f"{place}:{answer}" for place, answer in sorted(kept.items()))
        parts += [f"{name}/{first}", *rest]
    choose("answers", "|".join(parts))
    tell("answers")


def given(lesson: Lesson, number: int, asked: int) -> str | None:
    """An answer; None if there is none yet."""
    return _kept(lesson).get(f"{number}.{asked}")


def give(lesson: Lesson, number: int, asked: int, answer: str) -> None:
    """Keep an answer."""
    _kept(lesson)[f"{number}.{asked}"] = answer


def cleaned(text: str) -> str:
    """An answer as the address can keep it."""
    return text.strip().replace("|", "/")[:MOST]


def key(lesson: Lesson, number: int, asked: int) -> str:
    """What the keys of a question's widgets begin with."""
    return f"answer_{lesson.name}_{number}_{asked}"


def count(lesson: Lesson) -> int:
    """How many questions of a lesson are answered."""
    return len(_kept(lesson))


def forget(lesson: Lesson) -> None:
    """Delete all answers to a lesson, and empty the fields that have them; in a callback."""
    for place in list(_kept(lesson)):
        number, _, asked = place.partition(".")
        for field, empty in (("text", ""), ("option", None)):
            if (name := f"{key(lesson, int(number), int(asked))}_{field}") in st.session_state:
                st.session_state[name] = empty
    _kept(lesson).clear()


def wrong_form(question: Question, answer: str | None) -> str:
    """What is wrong with the form of an answer; empty if nothing is."""
    if not answer:
        return "Choose one." if question.options else "Write your answer first."
    if question.answer is not None and number(answer) is None:
        return "This asks for a number, such as 0.25."
    return ""


def number(text: str) -> float | None:
    """A number as people write it: .5, 0,5, −3, 40 %."""
    text = text.replace("−", "-").replace(",", ".").strip()
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None


def verdict(question: Question, answer: str, step: Step) -> tuple[bool | None, str]:
    """Whether an answer is right (None if that cannot be told), and the feedback. Raises InputError."""
    from attnlib.lessons.answers import is_right, told

    if question.options:
        right = answer == str(question.right)
        return right, "Right." if right else f"Not quite: {question.options[question.right or 0]}."
    if question.answer is None:
        return None, "Compare your answer with the explanation below."
    value = cached.measured(step.shown or Show("head", ()), question.answer)
    guess = number(answer)
    right = guess is not None and is_right(value, guess, question.within)
    said = f"Measured: {told(question.answer, value)}. You said {answer}."
    return right, f"Right. {said}" if right else f"Not within {question.within:g}. {said}"
