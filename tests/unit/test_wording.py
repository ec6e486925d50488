"""Numbers as sentences write them; the views' JavaScript is held to the same table (tests/js/numbers.test.mjs)."""

import json

import pytest

from attnlib import wording
from attnlib.paths import PROJECT

CASES = json.loads((PROJECT / "tests" / "numbers.json").read_text("utf-8"))


@pytest.mark.parametrize(("name", "value", "places", "text"), CASES)
def test_a_number_is_written_as_in_the_views(name: str, value: float, places: int, text: str) -> None:
    asked = () if name == "short_number" else (places,)  # that one chooses its places itself
    assert getattr(wording, name)(value, *asked) == text


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "about 1 s"), (45.0, "about 45 s"), (3414.0, "about 57 min"), (9000.0, "about 2.5 h")]
)
def test_a_time_as_it_is_said(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said
