"""A student in Chromium: through every lesson from the first step to the last."""

import re

import pytest
from playwright.sync_api import Page, expect

from attnlib.lessons.handout import handout, refusal
from attnlib.lessons.measures import Measure
from attnlib.lessons.parse import DRAWN, Lesson, Question, Show, Step, Words, course
from tests.browser.pages import picked, settle

LESSONS = course().lessons
PAINTED = {"head": ".attn-head", "model": ".attn-model", "neuron": ".attn-neuron", "compare": ".attn-grid"}


def answer(page: Page, lesson: Lesson, number: int) -> None:
    """Give an answer to every question of a step."""
    for n, question in enumerate(lesson.steps[number - 1].questions):
        form = page.locator(f".st-key-answer_{lesson.name}_{number}_{n}_send")
        if question.options:
            page.locator(f".st-key-answer_{lesson.name}_{number}_{n}_option").get_by_text(
                question.options[question.right or 0], exact=True
            ).click()
        else:
            page.locator(f".st-key-answer_{lesson.name}_{number}_{n}_text input").fill("0.5")
        settle(page)
        form.get_by_role("button").click()
        settle(page)


def drawn(page: Page, step: Step) -> None:
    """The step's view is painted."""
    if step.shown is not None and step.shown.page in DRAWN and not step.shown.after:
        expect(page.locator(f"{PAINTED[step.shown.page]} canvas, .attn-grid [role=gridcell]").first).to_be_visible(
            timeout=180_000
        )


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_from_the_first_to_the_last_step(page: Page, dashboard: str, lesson: Lesson) -> None:
    page.set_viewport_size({"width": 1300, "height": 1800})
    page.goto(f"{dashboard}/lessons")
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible(timeout=180_000)
    if lesson != LESSONS[0]:
        picked(page, "Lesson", lesson.title)
    for number, step in enumerate(lesson.steps, 1):
        expect(page.get_by_role("heading", name=step.title, exact=True)).to_be_visible(timeout=180_000)
        drawn(page, step)
        settle(page)
        answer(page, lesson, number)
        expect(page.get_by_text("Answer the questions of this step")).to_be_hidden(timeout=180_000)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        if number < len(lesson.steps):
            page.locator(".st-key-next button").click()
    total = sum(len(step.questions) for step in lesson.steps)
    expect(page.get_by_text(f"{total} of {total} questions answered")).to_be_visible()
    expect(page.locator(".st-key-next")).to_be_hidden()
    expect(page.locator(".st-key-next_lesson")).to_have_count(int(lesson != LESSONS[-1]))


def test_answers_are_kept_when_pages_are_turned_and_in_a_bookmark(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/lessons")
    expect(page.get_by_text("0 of 8 questions answered")).to_be_visible(timeout=180_000)
    answer(page, LESSONS[0], 1)
    expect(page.get_by_text("2 of 8 questions answered")).to_be_visible()
    expect(page).to_have_url(re.compile("answers=.*1.1"))  # written once the page has run
    link = page.url
    page.get_by_role("link", name="Compare prompts").click()
    page.locator(".attn-head[data-painted]").first.wait_for(timeout=180_000)
    settle(page)
    page.get_by_role("link", name="Lessons").click()
    expect(page.get_by_text("2 of 8 questions answered")).to_be_visible(timeout=180_000)
    page.goto("about:blank")
    page.goto(link)
    expect(page.get_by_text("2 of 8 questions answered")).to_be_visible(timeout=180_000)


def test_who_answers_fast_loses_no_answer(page: Page, dashboard: str) -> None:
    """Each press breaks off the run of the one before."""
    page.goto(f"{dashboard}/lessons")
    expect(page.get_by_text("0 of 8 questions answered")).to_be_visible(timeout=180_000)
    drawn(page, LESSONS[0].steps[0])
    fields = [page.locator(f".st-key-answer_{LESSONS[0].name}_1_{n}_text input") for n in (0, 1)]
    for field in fields:
        field.fill("9")
    for field in fields:
        field.press("Enter")
    expect(page.get_by_text("2 of 8 questions answered")).to_be_visible(timeout=180_000)


def test_a_page_opens_as_the_step_shows_it(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/lessons?lesson=Is+this+model+biased%3F")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the page “Compare prompts” like this").click(timeout=180_000)
    expect(opened.value.get_by_role("heading", name="Compare prompts")).to_be_visible(timeout=180_000)
    expect(opened.value.get_by_text("Layer 0, head 2")).to_be_visible(timeout=180_000)


def test_a_printed_lesson_is_a_page_of_its_own(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/lessons?notes=true")
    with page.expect_download(timeout=180_000) as saved:
        page.get_by_role("button", name="Handout with answers").click()
    page.route("**/*", lambda route: route.abort() if route.request.url.startswith("http") else route.continue_())
    page.goto(f"file://{saved.value.path()}")
    page.set_content(saved.value.path().read_text("utf-8"))
    expect(page.get_by_text("There are 9 tokens")).to_be_visible()


HOSTILE = """---
title: Mine
minutes: 10
goal: See what a handout does with markup.
---

## One step

```show
page: head
model: <img src=x onerror=alert(1)>
text: The cat saw the dog.
```

```question
ask: How many tokens?
answer: tokens
```
"""


MARKUP = (
    "<img src=x onerror=alert(1)></pre></title></style></li></p><script>alert(2)</script><svg onload=alert(3)>"
    "\" onload='alert(4)' <iframe srcdoc='<script>parent.alert(5)</script>'>"
)
LINKS = (
    "[a](javascript:alert(6)) <javascript:alert(7)> [b](JaVaScRiPt&#58;alert(8)) "
    "[c](data:text/html,<script>alert(9)) "
    '[d][e] [f](vbscript:x) [g](\tjavascript:alert(10)) ![h](javascript:alert(11)) [i](https://x/"onclick=alert(12))\n\n'
    "[e]: javascript:alert(13)\n\n<div onclick=alert(14)>j</div>\n\n```html\n<script>alert(15)</script>\n"
)


def hostile() -> Lesson:
    """Markup wherever a lesson has text, also where its reader would refuse it."""
    show = Show(MARKUP, tuple((name, MARKUP) for name in ("model", "text", "prompt_a", "prompt_b", MARKUP)))
    measure = Measure(MARKUP, (MARKUP, MARKUP))
    asked = (Question(MARKUP, (MARKUP, "no"), 0), Question(MARKUP, (), None, measure), Question(MARKUP))
    words = [Words(f"{text}\n\n{text}", kind) for text in (MARKUP, LINKS) for kind in ("text", "reveal", "teacher")]
    return Lesson(MARKUP, MARKUP, 10, MARKUP, (Step(MARKUP, (show, *asked, *words)),))


def test_no_markup_of_a_lesson_acts_on_paper(page: Page) -> None:
    """Also without the page's policy, which a browser may not know."""
    lesson, dialogs = hostile(), list[str]()
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for paper in (handout(lesson), handout(lesson, lambda *_: MARKUP), refusal(lesson, MARKUP)):
        for policy in ("Content-Security-Policy", "no-policy"):
            page.set_content(paper.replace("Content-Security-Policy", policy))
            expect(page.locator("h1")).to_have_text(MARKUP)
            expect(
                page.locator("img, script, svg, iframe, div[onclick], [onload], [onclick], [srcdoc]")
            ).to_have_count(0)
            links = page.locator("a").evaluate_all("links => links.map(link => link.href)")
            assert all(link.startswith("https://x/") for link in links)
            for link in page.locator("a").all():  # what a link would run, without where it leads
                link.evaluate("link => { link.removeAttribute('href'); link.click(); }")
    page.wait_for_timeout(300)
    assert not dialogs


def test_what_a_lesson_says_never_becomes_markup_on_paper(page: Page, dashboard: str) -> None:
    """The answers cannot be measured, since there is no such model; what the handout then says is text."""
    page.goto(f"{dashboard}/lessons?lesson=My+own+lesson&notes=true")
    chooser = page.get_by_test_id("stFileUploaderDropzoneInput")
    chooser.wait_for(state="attached", timeout=180_000)
    chooser.set_input_files({"name": "mine.md", "mimeType": "text/markdown", "buffer": HOSTILE.encode()})
    with page.expect_download(timeout=180_000) as saved:
        page.get_by_role("button", name="Handout with answers").click()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto("about:blank")
    page.set_content(saved.value.path().read_text("utf-8"))
    expect(page.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    expect(page.locator("img")).to_have_count(0)
    assert not dialogs
