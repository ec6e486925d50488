"""A student's answers: kept for the session and in the page's address, and what is said of them."""

import streamlit as st

from attnlib.lessons.parse import Lesson, Question, Show, Step
from pages.ui import cached

MOST = 200  # characters of an answer


def _kept(lesson: Lesson) -> dict[str, str]:
    """Answers of a lesson by "step.question"."""
    return st.session_state.setdefault("lesson_answers", {}).setdefault(lesson.name, {})


def restore(lesson: Lesson) -> None:
    """Take over the answers in the address, once, and write the kept ones back."""
    kept = _kept(lesson)
    if st.session_state.get("answers_of") != lesson.name:
        if "answers_of" not in st.session_state:
            kept.update(_read(lesson, st.query_params.get("answers", "")))
        st.session_state["answers_of"] = lesson.name
    _write(lesson)


def _read(lesson: Lesson, text: str) -> dict[str, str]:
    """Answers in an address, which anybody may have written; only those to existing questions."""
    places = {f"{s}.{q}" for s, step in enumerate(lesson.steps, 1) for q in range(len(step.questions))}
    pairs = (part.partition(":") for part in text.split("|")[:MOST])
    return {place: answer[:MOST] for place, mark, answer in pairs if mark and place in places}


def _write(lesson: Lesson) -> None:
    kept = _kept(lesson)
    text = "|".join(f"{place}:{answer}" for place, answer in sorted(kept.items()))
    if text:
        st.query_params["answers"] = text
    elif "answers" in st.query_params:
        del st.query_params["answers"]


def given(lesson: Lesson, number: int, asked: int) -> str | None:
    """An answer; None if there is none yet."""
    return _kept(lesson).get(f"{number}.{asked}")


def give(lesson: Lesson, number: int, asked: int, answer: str) -> None:
    """Keep an answer."""
    _kept(lesson)[f"{number}.{asked}"] = answer.replace("|", "/")[:MOST]
    _write(lesson)


def count(lesson: Lesson) -> int:
    """How many questions of a lesson are answered."""
    return len(_kept(lesson))


def forget(lesson: Lesson) -> None:
    """Delete all answers to a lesson."""
    _kept(lesson).clear()
    for key in list(st.session_state):
        if str(key).startswith(f"answer_{lesson.name}_"):
            del st.session_state[key]


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
