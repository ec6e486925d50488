"""Lessons: every one that is there can be read and measured; a broken one says what is wrong, and in which line."""

import contextlib
import math
import re
import shutil
import time
from collections.abc import Callable
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import attnlib
from attnlib.address import address
from attnlib.behaviour.patterns import KNOWN
from attnlib.errors import InputError
from attnlib.lessons.answers import is_right, measured, model_of, told
from attnlib.lessons.handout import filled, handout, refusal
from attnlib.lessons.measures import MEASURES, PATTERN_NAMES, Measure, inline_texts, parse_measure
from attnlib.lessons.parse import Lesson, Question, Show, Step, Words, course, parse_lesson
from attnlib.paths import LESSON_FOLDER, PROJECT
from attnlib.prompts.texts import builtin_texts
from tests.unit.growth import assert_linear

HEAD = "---\ntitle: T\nminutes: 10\ngoal: G\n---\n\n"
SHE = "The doctor asked the nurse a question. She"
HE = "The doctor asked the nurse a question. He"
SHOW = Show(
    "compare",
    (
        ("model", "demo/gpt2-biased"),
        ("prompt_a", SHE),
        ("prompt_b", HE),
        ("targets", "nurse, doctor"),
        ("layer", "0"),
        ("head", "2"),
    ),
)


@lru_cache
def model(name: str) -> attnlib.Model:
    return attnlib.load_model(name)


def value(show: Show, measure: Measure) -> str:
    return told(measure, measured(model(model_of(show, measure)), show, measure))


def parsed(text: str) -> Lesson:
    return parse_lesson(text.encode(), "mine.md")


LESSONS = {lesson.name: lesson for lesson in course().lessons}


def test_there_is_a_course() -> None:
    assert len(LESSONS) >= 6
    assert [name[0] for name in LESSONS] == [str(n) for n in range(1, len(LESSONS) + 1)]
    assert all(lesson.minutes <= 60 for lesson in LESSONS.values())


@pytest.mark.parametrize("name", LESSONS)
def test_every_step_shows_asks_and_reveals(name: str) -> None:
    """What is asked and revealed can be measured, and no measured number is written down."""
    for step in LESSONS[name].steps:
        kinds = [part.kind for part in step.parts if isinstance(part, Words)]
        assert step.questions, step.title
        assert kinds.count("reveal") == 1
        assert kinds.count("teacher") == 1
        assert step.shown is not None or step.title == "A report"
        for question in step.questions:
            assert question.options or question.answer
            if question.answer:
                assert value(step.shown or SHOW, question.answer)
        for part in step.parts:
            if isinstance(part, Words):
                assert "{=" not in filled(part.text, step.shown, value)
                assert re.search(
                    r"[^{= ]\d\.\d\d", re.sub(r"`[^`]*`|\{=[^}]*\}|√32 = 5\.66", "", part.text)
                ) is None or (part.kind == "teacher")


def test_numbers_worked_out_by_hand_are_the_measured_ones() -> None:
    """The two numbers of lessons that are written down: a ratio of two weights, a difference of two products."""
    text = (("text", SHE), ("layer", "0"), ("head", "2"))
    nurse, doctor = (
        {
            m: measured(model("demo/gpt2-biased"), Show("head", text), Measure(m, ("She", word)))
            for m in ("weight", "product")
        }
        for word in ("nurse", "doctor")
    )
    known = [q for lesson in LESSONS.values() for step in lesson.steps for q in step.questions]
    asked = {q.ask[:24]: q for q in known}
    ratio, difference = asked["By how much is the share"], asked["How much larger is q·k f"]
    assert is_right(float(ratio.answer.words[0]), nurse["weight"] / doctor["weight"], 0.02)
    assert is_right(float(difference.answer.words[0]), nurse["product"] - doctor["product"], 0.1)


def test_what_is_measured_is_what_the_library_says() -> None:
    biased = model("demo/gpt2-biased")
    comparison = attnlib.compare(biased, SHE, HE)
    effects = attnlib.head_effects(biased, SHE, HE, candidates=("comforted", "prescribed"))
    layer = attnlib.trace(biased, SHE)
    vectors = (layer.query(0)[2, 8] * layer.key(0)[2, 4]).sum()
    expected = {
        "tokens": 9,
        "layers": 4,
        "heads": 4,
        'number "−0,5"'.replace(",", "."): -0.5,
        'weight "She" "nurse"': layer.weights[0, 2, 8, 4],
        'weight "She" "doctor" head=1': layer.weights[0, 1, 8, 1],
        'product "She" "nurse"': vectors,
        'shift "nurse" "doctor"': comparison.target_shift(("nurse", "doctor"))[0, 2],
        'total "comforted" "prescribed"': effects.total,
        'indirect "comforted" "prescribed"': effects.indirect[0, 2],
        'log_odds "comforted" "prescribed"': attnlib.word_log_odds(biased, SHE, ("comforted", "prescribed")),
    }
    for text, known in expected.items():
        assert measured(biased, SHOW, parse_measure(text)) == pytest.approx(float(known), rel=1e-5), text
    score = measured(
        model("demo/bert-biased"), SHOW, parse_measure('pattern "next" model=demo/bert-biased layer=0 head=0')
    )
    assert score == pytest.approx(0.93, abs=0.005)
    assert {parse_measure(text).name for text in expected} | {"pattern"} == set(MEASURES)


def test_only_what_stands_by_itself_begins_a_step_or_a_block() -> None:
    text = """## First ##

- a list with
  ## a heading
  ```show
  ```

```python
## a comment
```

A line
------

````reveal
```show
is text here
```
````
## Second
~~~teacher
~~~
"""
    lesson = parse_lesson((HEAD + text).encode(), "mine.md")
    first, second = lesson.steps
    assert (first.title, second.title) == ("First", "Second")
    words, reveal = first.parts
    assert isinstance(words, Words)
    assert words.text.startswith("- a list with\n  ## a heading")
    assert words.text.endswith("A line\n------")
    assert reveal == Words("```show\nis text here\n```", "reveal", reveal.line)
    assert second.parts == (Words("", "teacher", second.parts[0].line),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: a lesson begins with"),
        ("---\ntitle: T\n", "line 1: the front matter does not end"),
        ("---\ntitle: T\nauthor: me\n---\n", "line 3: “author” is not known here"),
        ("---\ntitle: T\ngoal: G\n---\n## A\n", "line 1: the front matter has no minutes"),
        ("---\ntitle: T\ngoal: G\nminutes: soon\n---\n## A\n", "line 4: “minutes” is a whole number, not “soon”"),
        (HEAD, "there is no step"),
        (HEAD + "Words\n## A\n", "line 7: this stands before the first step"),
        (HEAD + "##\n", "line 7: the step has no title"),
        (HEAD + "## A\n````show\nmodel: x\n```\n", "line 8: the block “show” does not end: a line ````"),
        (HEAD + "## A\n```show\nmodel: x\n", "line 8: the block “show” does not end"),
        (HEAD + "## A\n```show\ncolour: red\n```\n", "line 9: “colour” is not a setting of a page"),
        (HEAD + "## A\n```show\npage: moon\n```\n", "line 9: There is no page “moon”"),
        (HEAD + "## A\n```show\nlayer: two\n```\n", "line 9: “layer” is a number"),
        (HEAD + "## A\n```show\nlink: /neuron\n```\n", "line 9: this link has no choices"),
        (HEAD + "## A\n```show\nhead\n```\n", "line 9: “head” is not of the form"),
        (HEAD + "## A\n```question\noption: a\nright: b\n```\n", "line 8: the question asks nothing"),
        (HEAD + "## A\n```question\nask: Q\noption: a\noption: b\n```\n", "line 8: a question with options"),
        (HEAD + "## A\n```question\nask: Q\nwithin: near\nanswer: tokens\n```\n", "line 10: “near” is not a number"),
        (HEAD + "## A\n```question\nask: Q\nanswer: mass\n```\n", "line 10: There is no measure “mass”"),
        (HEAD + '## A\n```question\nask: Q\nanswer: weight "She\n```\n', 'line 10: “weight "She” is not a measure'),
        (HEAD + "## A\n```question\nask: Q\nanswer: weight She\n```\n", "“weight” takes 2 words; 1 given"),
        (
            HEAD + "## A\n```question\nask: Q\nanswer: tokens\n```\n",
            "line 10: the step “A” measures something but shows",
        ),
        (HEAD + "## A\nIt is {= tokens}.\n", "line 8: the step “A” measures something but shows nothing"),
        (HEAD + "## A\n```reveal\n{= moon}\n```\n", "line 9: There is no measure “moon”"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        parsed(text)
    assert str(raised.value).startswith("mine.md, line ")


@pytest.mark.parametrize(("raw", "said"), [(b"\xff\xfe-", "not UTF-8"), (b"-" * 2_000_000, "at most 100,000 bytes")])
def test_a_file_that_is_no_text(raw: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_lesson(raw, "mine.md")


def test_a_link_of_a_page_is_a_show_block() -> None:
    shows = parsed(
        HEAD + "## A\n```show\nlink: http://localhost:8501/neuron?model=demo%2Fgpt2-biased&head=2&evil=1\n```\n"
    )
    show = shows.steps[0].shown
    assert show is not None
    assert (show.page, show.model, show.place) == ("neuron", "demo/gpt2-biased", (0, 2))
    assert show.get("evil") == ""
    assert address(show.page, show.choices) == "/neuron?model=demo%2Fgpt2-biased&head=2"


def test_other_code_and_headings_stay_text() -> None:
    step = parsed(HEAD + "## A\n```python\n## not a step\n```\n### Smaller\n").steps
    assert len(step) == 1
    assert isinstance(step[0].parts[0], Words)
    assert "## not a step" in step[0].parts[0].text


@pytest.mark.parametrize(
    ("choices", "measure", "said"),
    [
        ({}, 'weight "She" "dragon"', "“dragon” is not a word of the text"),
        ({"head": "all"}, 'weight "She" "nurse"', "needs one head"),
        ({"head": "9"}, 'weight "She" "nurse"', "has no head 0-9"),
        ({"prompt_b": ""}, 'shift "nurse" "doctor"', "needs two prompts"),
        ({"head": "9"}, 'shift "nurse" "doctor"', "has no head 0-9"),
        ({"layer": "7"}, "heads", "has no layer 7"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(choices: dict[str, str], measure: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        value(SHOW.changed(choices), parse_measure(measure))


def test_a_handout_has_the_questions_and_a_teachers_the_answers() -> None:
    lesson = LESSONS["1-what-attention-is"]
    blank, full = handout(lesson), handout(lesson, value)
    for step in lesson.steps:
        for question in step.questions:
            assert isinstance(question, Question)
            assert question.ask in blank
    assert "25.2" not in blank
    assert "25.2" in full
    assert "{=" not in blank + full
    assert "http" not in blank.replace('http-equiv="', "")


HOSTILE = "<img src=x onerror=alert(1)></pre></title><script>alert(2)</script>\" onload='alert(3)"


class Tags(HTMLParser):
    """The tags and attributes of a page as a browser reads it, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.links, self.text = set[str](), set[str](), set[str](), ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name == "href"}

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile_lesson() -> Lesson:
    """Markup in every field that a lesson has."""
    show = "".join(f"{name}: {HOSTILE}\n" for name in ("model", "text", "prompt_a", "prompt_b", "focus", "view"))
    return parsed(
        f"---\ntitle: {HOSTILE}\nminutes: 10\ngoal: {HOSTILE}\n---\n\n## {HOSTILE}\n{HOSTILE}\n\n"
        f"[a](javascript:alert(4)) ![b](http://x/y.png) <b>c</b>\n```show\n{show}```\n"
        f"```question\nask: {HOSTILE}\noption: {HOSTILE}\nright: {HOSTILE} too\n```\n"
        f"```question\nask: More {HOSTILE}\nanswer: tokens\n```\n"
        f"```reveal\n{HOSTILE} {{= tokens}}\n```\n```teacher\n{HOSTILE}\n```\n"
    )


@pytest.mark.parametrize(
    "page",
    [
        handout(hostile_lesson()),
        handout(hostile_lesson(), lambda show, measure: f"{show.model} {measure.name}"),
        refusal(hostile_lesson(), f"There is no model “{HOSTILE}”."),
    ],
    ids=["to print", "with answers", "refused"],
)
def test_what_a_lesson_says_is_text_on_paper(page: str) -> None:
    read = Tags(page)
    page_tags = {"html", "head", "meta", "title", "style", "body"}
    assert read.tags - page_tags <= {"h1", "h2", "p", "strong", "span", "section", "div", "ul", "li", "a"}
    assert read.attributes <= {"lang", "charset", "http-equiv", "content", "class", "href"}
    assert read.links <= {"http://x/y.png"}
    assert read.text.count("<img src=x onerror=alert(1)>") >= 2
    assert "Content-Security-Policy" in page
    assert "default-src 'none'" in page


def test_measures_in_a_text_are_found_with_their_line() -> None:
    assert list(inline_texts("A\n{= tokens} and {=layers}\n{= \nheads}")) == [
        (1, " tokens"),
        (1, "layers"),
        (2, " \nheads"),
    ]


def test_the_names_of_patterns_are_those_that_are_measured() -> None:
    assert set(PATTERN_NAMES) == set(KNOWN)


def test_a_broken_file_does_not_hold_up_the_other_lessons(tmp_path: Path) -> None:
    shutil.copytree(LESSON_FOLDER, tmp_path / "lessons")
    example = HEAD + "## A\nWords\n"
    (tmp_path / "lessons" / "8-mine.md").write_text(example.replace("10", "ten"), "utf-8")
    (tmp_path / "lessons" / "9-bytes.md").write_bytes(b"\xff\xfe\x00")
    found = course(tmp_path / "lessons")
    assert [lesson.name for lesson in found.lessons] == list(LESSONS)
    assert found.problems[0] == "8-mine.md, line 3: “minutes” is a whole number, not “ten”."
    assert found.problems[1].startswith("9-bytes.md is not UTF-8 text")


def test_a_lesson_never_takes_the_place_of_another_one(tmp_path: Path) -> None:
    first, second = (HEAD.replace("goal: G", f"goal: {goal}") + "## A\nWords\n" for goal in ("One", "Two"))
    for name, text in (("1-a", first), ("2-b", second), ("3-c", first.replace("title: T", "title: My own lesson"))):
        (tmp_path / f"{name}.md").write_text(text, "utf-8")
    found = course(tmp_path)
    assert [lesson.goal for lesson in found.lessons] == ["One"]
    assert "2-b.md: the title “T” is taken: 1-a.md has it" in found.problems[0]
    assert "3-c.md: the title “My own lesson” is taken" in found.problems[1]


STEP = HEAD + "## A\n```show\nprompt_a: The cat ran.\nprompt_b: The dog ran.\nlayer: 0\nhead: 1\n```\n"


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        ('weight "cat" "The" head=seven', "“head” is a number, counted from 0, not “seven”"),
        ('weight "cat" "The" colour=red', "“colour” is not a setting of a page"),
        ('pattern "foo"', "There is no pattern “foo”"),
        ("heads layer=9", "demo/gpt2-biased has no layer 9: it has 4"),
        ('pattern "previous" head=4', "demo/gpt2-biased has no head 0-4"),
        ('weight "cat" "The" head=all', "“weight” needs one head"),
        ('weight "cat" "The" model=demo/none', "There is no demo model “demo/none”"),
        ('shift "cat" "dog" prompt_b=""', "“shift” needs two prompts"),
        ("number nan", "“nan” is not a number"),
        ("number 1e999", "“1e999” is not a number"),
    ],
)
def test_a_bad_choice_in_a_measure_is_refused_at_reading(measure: str, said: str) -> None:
    """In an answer and in a text alike, with the line it stands in."""
    asked = STEP + f"```question\nask: Q\nanswer: {measure}\n```\n"
    revealed = STEP + f"```reveal\nWords\nIt is {{= {measure}}}.\n```\n"
    for text, line in ((asked, 16), (revealed, 16)):
        with pytest.raises(InputError, match=re.escape(f"mine.md, line {line}: {said}")):
            parsed(text)


def test_what_is_not_known_before_a_model_is_loaded_is_not_refused() -> None:
    other = STEP.replace("layer: 0", "layer: 30\nmodel: someone/large")
    assert parsed(other + '```question\nask: Q\nanswer: weight "cat" "The" head=20\n```\n').steps


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("```question\nask: Q\nright: a\noption: b\noption: a\n```\n", "line 18: the option “a” is given twice"),
        ("```question\nask: Q\nright: a\nright: b\n```\n", "line 17: this is the second option written"),
        ("```question\nask: Q\nright: a\noption:\n```\n", "line 17: the option is empty"),
        ("```show\nlayer: 9\n```\n", "line 14: demo/gpt2-biased has no layer 9"),
        ("```show\nlink: http://[bad/x?head=1\n```\n", "line 15: this is not a link"),
        ("```show\nlink: http://x/?head=seven\n```\n", "line 15: “head” is a number"),
        ("```show\nmodel: demo/gpt3\n```\n", "line 14: There is no demo model “demo/gpt3”"),
        ("x" * 5001 + "\n", "line 14: the line has 5,001 characters; 5,000 are read at most"),
        (("x" * 4000 + "\n") * 6, "line 14: a text of 24,005 characters"),
    ],
)
def test_what_is_wrong_in_a_block_is_refused_at_reading(block: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"mine.md, {said}")):
        parsed(STEP + block)


@pytest.mark.parametrize(
    "line",
    [
        lambda n: "## a" + " " * n + "b",
        lambda n: "```question\nask:" + " " * n + "b",
        lambda n: "```" + " " * n + "x",
        lambda n: "{=" + " " * n,
        lambda n: "{=" * (n // 2),
        lambda n: "[" * n,
    ],
    ids=["title", "field", "fence", "measure", "measures", "brackets"],
)
def test_the_time_of_reading_a_line_grows_with_its_length(line: Callable[[int], str]) -> None:
    """Every pattern looks at a place of a line once: four times the length, four times the time, and not sixteen."""

    def read(size: int) -> None:
        with contextlib.suppress(InputError):
            parsed(STEP + f"{line(size)}\n" * 4)

    assert_linear(read, 1_200)


def test_a_lesson_of_the_largest_size_is_drawn_in_bounded_time() -> None:
    """Markdown takes time with the square of a text's length, so texts have a limit: ten lessons' worth of links."""
    text = "".join(f"## {n}\n" + ("[a](http://x/) " * 300 + "\n") * 4 for n in range(5))
    started = time.process_time()
    handout(parsed(HEAD + text))
    assert time.process_time() - started < 15  # 1 second here; 800 kB took 23
    with pytest.raises(InputError, match="at most 100,000 bytes"):
        parsed(HEAD + "## A\n" + "[a](http://x/)\n" * 53_000)


# ---------------------------------------------------------------------------------------------- text and picture


def step_of(lesson: str, title: str) -> Step:
    return next(step for step in LESSONS[lesson].steps if step.title == title)


def words_of(step: Step) -> str:
    return " ".join(" ".join(part.text for part in step.parts if isinstance(part, Words)).split())


def attention_of(name: str, text: str) -> np.ndarray:
    """[layer, head, query, key]"""
    return attnlib.trace(model(name), text).weights


def test_colours_are_said_as_the_views_legend_says_them() -> None:
    legend = (PROJECT / "attnlib" / "views" / "neuron" / "panel.js").read_text("utf-8")
    assert "orange: positive, blue: negative" in legend
    assert "Numbers above 0 are orange, numbers below 0 blue" in words_of(
        step_of("1-what-attention-is", "Query times key")
    )


def test_the_factor_of_the_scores_is_the_one_the_view_writes() -> None:
    step = step_of("1-what-attention-is", "From scores to shares")
    layer = attnlib.trace(model("demo/gpt2-biased"), SHE).stack().layers[0]
    assert f"√32 = {math.sqrt(32):.2f}" in words_of(step)
    assert f"× {layer.scaling:.4f}".replace("0.", ".") in words_of(step)
    assert layer.scaling == pytest.approx(1 / math.sqrt(32))


def test_the_number_of_heads_is_that_of_the_model() -> None:
    asked = step_of("1-what-attention-is", "A text becomes tokens").questions[1].answer
    heads = model("demo/gpt2-biased").heads["self"]
    assert asked is not None
    assert float(asked.words[0]) == sum(heads)


def test_the_number_of_texts_is_that_of_the_texts() -> None:
    assert f"over the {len(builtin_texts())} texts" in step_of("3-patterns", "The token before").questions[0].ask


def test_the_head_that_looks_two_ahead_does_and_the_other_one_ahead() -> None:
    step = step_of("3-patterns", "Every layer at once")
    assert step.shown is not None
    weights = attention_of("demo/bert-biased", step.shown.get("text"))
    ahead = {place: [np.diagonal(weights[place], by)[1:].mean() for by in (1, 2)] for place in ((1, 0), (2, 3))}
    assert ahead[1, 0][1] > 0.8 > 0.2 > ahead[1, 0][0]
    assert ahead[2, 3][0] > 0.8 > 0.2 > ahead[2, 3][1]
    assert "Head 1-0 looks ahead, too, but by two tokens" in words_of(step)


def test_no_head_of_the_small_bert_has_the_bar_that_the_note_speaks_of() -> None:
    step = step_of("3-patterns", "Every layer at once")
    assert step.shown is not None
    looked_at = attention_of("demo/bert-biased", step.shown.get("text")).mean(axis=2)  # layer head key
    assert looked_at.max() < 0.5
    assert "no head of this model has one in this text" in words_of(step)


def test_the_induction_head_does_in_its_text_what_the_step_says() -> None:
    """The two words after an earlier “the” get more than everything else."""
    step = step_of("3-patterns", "What came next last time")
    assert step.shown is not None
    read = attnlib.trace(model("demo/gpt2-biased"), step.shown.get("text"))
    labels = [str(token).replace("Ġ", "").strip() for token in read.tokens]
    after = [at + 1 for at in range(len(labels) - 1) if labels[at].lower() == "the"]
    row = read.weights[*step.shown.place, -1]
    assert labels[-1] == "the"
    assert labels[int(row.argmax())] == "nurse"
    assert int(row.argmax()) in after
    assert row[after].sum() > 0.5


def test_how_many_heads_rest_on_the_first_token() -> None:
    step = step_of("7-what-this-does-not-show", "A place where attention rests")
    first = attention_of("demo/gpt2-biased", SHE)[:, :, -1, 0]
    number = {3: "three"}[int((first > 0.5).sum())]
    assert f"In {number} of the {first.size} heads more than half of the attention of “She”" in words_of(step)
    assert first[3, 0] > 0.5


def test_the_sign_of_the_target_shift_is_explained_before_it_is_seen() -> None:
    step = step_of("5-is-it-biased", "One striking pair")
    assert isinstance(step.parts[0], Words)
    said = " ".join(step.parts[0].text.split())
    assert "above 0 (orange) where “He” turns towards “nurse”" in said
    found = attnlib.compare(model("demo/gpt2-biased"), SHE, HE)
    nurse, doctor = found.target_masses(("nurse", "doctor"))
    assert found.target_shift(("nurse", "doctor"))[0, 2] < 0
    assert nurse.b[0, 2] < nurse.a[0, 2]
    assert doctor.b[0, 2] > doctor.a[0, 2]


@pytest.mark.parametrize("name", LESSONS)
def test_a_number_to_predict_is_not_shown_before(name: str) -> None:
    """A grid of target shifts has G beside each head: where G is to be predicted, it is drawn afterwards."""
    for step in LESSONS[name].steps:
        if any(re.match(r"Predict (the sign of )?G\b", question.ask) for question in step.questions):
            assert step.shown is not None
            assert step.shown.after == "answers", step.title


def test_what_is_drawn_after_the_answers_can_be_nothing_else() -> None:
    assert parsed(STEP.replace("layer", "after: answers\nlayer")).steps[0].shown.after == "answers"
    with pytest.raises(InputError, match=re.escape("mine.md, line 11: “after” can be “answers” and nothing else")):
        parsed(STEP.replace("layer", "after: lunch\nlayer"))
