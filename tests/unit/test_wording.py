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
