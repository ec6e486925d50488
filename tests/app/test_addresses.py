"""Addresses that somebody made up: every page lives with any of its choices being nonsense."""

import pytest

from attnlib.address import CHOICES, OF_LESSONS
from tests.app.pages import opens

PAGES = {
    "head": None,
    "model": "views/model.py",
    "neuron": "views/neuron.py",
    "compare": "bias/compare.py",
    "study": "bias/study.py",
    "patterns": "behaviour/patterns.py",
    "neurons": "behaviour/dimensions.py",
    "lessons": "learn/lessons.py",
}
NONSENSE = {
    "digits": "9" * 5_000,
    "tokens": "1~" + ".".join(["999999"] * 3_000),
    "markup": "<img src=x>\0nan",
}
LEFT_ALONE = ("model", "model_b")  # a model that does not exist ends the page in its sentence


@pytest.mark.parametrize("value", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_lives_with_nonsense_in_its_address(page: str, value: str) -> None:
    choices = dict.fromkeys(sorted({*CHOICES, *OF_LESSONS} - {*LEFT_ALONE}), value)
    if len(value) > 1_000:  # texts of this length are texts
        choices = {name: text for name, text in choices.items() if not name.startswith(("text", "prompt", "second"))}
    app = opens(PAGES[page])(**choices)
    assert not app.exception
