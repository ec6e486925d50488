"""The lessons: one step at a time a view, questions to predict, and what is revealed."""

from dataclasses import replace
from itertools import pairwise

import streamlit as st

from attnlib.errors import InputError
from attnlib.glossary import terms_in
from attnlib.lessons.handout import filled, handout, refusal
from attnlib.lessons.measures import Measure
from attnlib.lessons.parse import OWN_TITLE, Lesson, Question, Show, Step, Words, course, parse_lesson
from pages.learn import answers
from pages.learn.views import shown
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.history import to_top
from pages.ui.state import keep_choices
from pages.ui.terms import explained
from pages.ui.uploads import upload


def page() -> None:
    """The whole page; every error is a sentence."""
    keep_choices()
    known = course()
    titles = [lesson.title for lesson in known.lessons]
    with st.container():
        lesson = _choose(dict(zip(titles, known.lessons, strict=True)))
    with st.container():
        for problem in known.problems:
            st.warning(f"This lesson is left out. {plain(problem)}", icon=":material/error:")
    if lesson is None:
        return
    with st.container():
        number = _choose_step(lesson)
    with st.container():
        _step(lesson, number)
    with st.container():
        _turn(lesson, number, dict(pairwise(titles)).get(lesson.title))
    with st.container():
        _papers(lesson)


def _choose(known: dict[str, Lesson]) -> Lesson | None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    title = left.selectbox(
        "Lesson",
        [*known, OWN_TITLE],
        key="lesson",
        bind="query-params",
        persist_state="session",
        on_change=_own_step,
    )
    right.toggle(
        "Teacher's notes",
        key="notes",
        bind="query-params",
        persist_state="session",
        help="Shows notes and all answers.",
    )
    lesson = _own() if title == OWN_TITLE else known.get(title)
    if lesson is not None:
        st.markdown(f"**{plain(lesson.goal)}** {lesson.minutes} minutes.")
    return lesson


def _own_step() -> None:
    """Another lesson is shown at its own step: where it was left, or its first."""
    st.session_state["step"] = st.session_state.get("lesson_steps", {}).get(st.session_state["lesson"], 1)


def _open(title: str) -> None:
    st.session_state["lesson"] = title
    _own_step()
    to_top()


def _own() -> Lesson | None:
    """A lesson from an uploaded file; mistakes are shown with their line."""
    st.markdown(
        "A lesson is one Markdown file: a title, steps, and blocks that show a view, ask and reveal. "
        "Start from one of ours, change it, and open it here; docs/lessons.md explains the format."
    )
    with st.expander("What a lesson looks like"):
        st.code(EXAMPLE, language="markdown")
    file = upload("Lesson (.md)", ["md"], key="own_lesson")
    if file is None:
        return None
    try:
        lesson = parse_lesson(file.path.read_bytes(), file.name)
        return replace(lesson, name=f"own-{file.path.stem}")  # ours may have that name, and answers are kept by it
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


EXAMPLE = """---
title: Who does “it” mean?
minutes: 20
goal: Find the head that leads from a pronoun to its noun.
---

## Look first

Hover “it”.

```show
page: head
model: demo/gpt2-biased
text: The cat saw the dog and it ran.
layer: 0
head: 2
```

```question
ask: How much attention goes from “it” to “dog”?
answer: weight "it" "dog"
within: 0.05
```

```reveal
It is {= weight "it" "dog"}, and {= weight "it" "cat"} to “cat”.
```
"""


def _choose_step(lesson: Lesson) -> int:
    count = len(lesson.steps)
    if not 1 <= st.session_state.get("step", 1) <= count:
        st.session_state["step"] = 1
    number = st.selectbox(
        "Step",
        range(1, count + 1),
        format_func=lambda n: f"{n}. {lesson.steps[n - 1].title}" if n <= count else str(n),
        key="step",
        bind="query-params",
        persist_state="session",
    )
    st.session_state.setdefault("lesson_steps", {})[st.session_state.get("lesson")] = number
    answers.restore(lesson)
    asked = sum(len(step.questions) for step in lesson.steps)
    done = answers.count(lesson)
    st.progress(done / asked if asked else 1.0, f"{done} of {asked} questions answered")
    return number


def _step(lesson: Lesson, number: int) -> None:
    step = lesson.steps[number - 1]
    teacher = bool(st.session_state.get("notes"))
    open_now = teacher or all(answers.given(lesson, number, n) is not None for n in range(len(step.questions)))
    asked = 0
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"#### {plain(step.title)}", width="content")
        _terms(step)
    for n, part in enumerate(step.parts):
        with st.container():
            if isinstance(part, Show):
                _show(part, f"lesson_{lesson.name}_{number}_{n}", open_now)
            elif isinstance(part, Question):
                _question(lesson, number, asked, part)
                asked += 1
            elif part.kind == "text":
                _words(part, step)
            elif part.kind == "reveal":
                _reveal(part, step, open_now)
            elif teacher:
                with st.expander("For the teacher", expanded=True, icon=":material/school:"):
                    _words(part, step)


def _terms(step: Step) -> None:
    """The glossary's entries of what a step talks about, before its answers."""
    asked = [part.ask for part in step.parts if isinstance(part, Question)]
    told = [part.text for part in step.parts if isinstance(part, Words) and part.kind == "text"]
    terms = terms_in("\n".join([step.title, *told, *asked]))
    if terms:
        with st.popover("Words of this step", icon=":material/menu_book:", width="content"):
            st.markdown(explained(*terms))


def _show(show: Show, key: str, open_now: bool) -> None:
    """A view; until the questions are answered, without what would give the answers away."""
    if show.after == "answers" and not open_now:
        st.caption("Predict first: the view appears here when the questions of this step are answered.")
    else:
        shown(show, key, named=open_now)


def _question(lesson: Lesson, number: int, asked: int, question: Question) -> None:
    """A question, and the verdict once it is answered.

    Taken is what the field has, not the press of the button: a field of a form has what was sent last, while a press
    is lost if the next one breaks its run off.
    """
    given = answers.given(lesson, number, asked)
    key = answers.key(lesson, number, asked)
    with st.form(key, border=True):
        st.markdown(f"**{plain(question.ask)}**")
        if question.options:
            known = given is not None and given.isdigit() and int(given) < len(question.options)
            index = int(given) if known and given is not None else None
            choice = st.radio(
                question.ask, question.options, index=index, key=f"{key}_option", label_visibility="collapsed"
            )
            answer = "" if choice is None else str(question.options.index(choice))
        else:
            answer = answers.cleaned(
                st.text_input(
                    question.ask,
                    value=given or "",
                    key=f"{key}_text",
                    label_visibility="collapsed",
                    placeholder="Your number" if question.answer else "Your answer",
                )
            )
        pressed = st.form_submit_button("Answer", key=f"{key}_send")
        refused = answers.wrong_form(question, answer)
        if refused and (answer or pressed):
            st.warning(refused)
        elif not refused and answer != given:
            answers.give(lesson, number, asked, answer)
            st.rerun()
        if given is not None:
            _verdict(question, given, lesson.steps[number - 1])


def _verdict(question: Question, given: str, step: Step) -> None:
    try:
        right, told = answers.verdict(question, given, step)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if right is None:
        st.info(plain(told), icon=":material/edit:")
    elif right:
        st.success(plain(told), icon=":material/check:")
    else:
        st.warning(plain(told), icon=":material/close:")


def _reveal(words: Words, step: Step, open_now: bool) -> None:
    if not open_now:
        st.caption("Answer the questions of this step to see what was measured.")
        return
    with st.container(border=True):
        _words(words, step)


def _words(words: Words, step: Step) -> None:
    try:
        text = filled(words.text, step.shown, value)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.markdown(text.replace("![", "\\!["))  # no picture from anywhere


def value(show: Show, measure: Measure) -> str:
    """The value of a measure as text. Raises InputError."""
    from attnlib.lessons.answers import told

    return told(measure, cached.measured(show, measure))


def _turn(lesson: Lesson, number: int, following: str | None) -> None:
    """To the step before and after; from the last one to the lesson that follows."""
    icon = ":material/arrow_forward:"
    with st.container(horizontal=True):
        st.button(
            "Back", icon=":material/arrow_back:", key="back", disabled=number == 1, on_click=_go, args=(number - 1,)
        )
        if number < len(lesson.steps):
            st.button("Next", icon=icon, key="next", type="primary", on_click=_go, args=(number + 1,))
        elif following is not None:
            told = f"Next lesson: {plain(following)}"
            st.button(told, icon=icon, key="next_lesson", type="primary", on_click=_open, args=(following,))
        if answers.count(lesson):
            st.button("Forget my answers", icon=":material/restart_alt:", on_click=answers.forget, args=(lesson,))


def _go(number: int) -> None:
    st.session_state["step"] = number
    to_top()


def _papers(lesson: Lesson) -> None:
    """The lesson on paper."""
    with st.container(horizontal=True):
        st.download_button(
            "Handout to print",
            lambda: handout(lesson),
            f"{lesson.name}.html",
            "text/html",
            icon=":material/print:",
            on_click="ignore",
        )
        if st.session_state.get("notes"):
            st.download_button(
                "Handout with answers",
                lambda: _with_answers(lesson),
                f"{lesson.name}-answers.html",
                "text/html",
                icon=":material/print:",
                on_click="ignore",
            )
    st.caption("Your answers are in the address of this page: a bookmark saves them.")


def _with_answers(lesson: Lesson) -> str:
    try:
        return handout(lesson, value)
    except InputError as error:  # of a lesson of one's own
        return refusal(lesson, str(error))


page()
