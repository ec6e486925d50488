"""The payload of the alignment view: units come back, clear words for what does not fit, and what a browser sends."""

from typing import Any

import pytest

from attnlib import InputError
from attnlib.views.alignment.payload import alignment_payload
from attnlib.views.payload import unpack

A: dict[str, Any] = {"labels": ["[CLS]", "old", "doctor", "She"], "special": [0]}
B: dict[str, Any] = {"labels": ["[CLS]", "doc", "tor", "He", "now"], "special": [0]}
UNITS = [
    ("equal", (0,), (0,)),
    ("deleted", (1,), ()),
    ("equal", (2,), (1, 2)),
    ("replaced", (3,), (3,)),
    ("inserted", (), (4,)),
]


def test_rows_and_units_come_back() -> None:
    header, arrays = unpack(alignment_payload(A, B, UNITS, corrected=True, sentence="<b>4</b> and 5"))
    assert header == {
        "view": "alignment",
        "a": A,
        "b": B,
        "units": [[kind, list(a), list(b)] for kind, a, b in UNITS],
        "corrected": True,
        "sentence": "<b>4</b> and 5",
    }
    assert arrays == {}


def test_empty_prompts_have_no_units() -> None:
    assert unpack(alignment_payload({"labels": []}, {"labels": []}, []))[0]["units"] == []


@pytest.mark.parametrize(
    ("units", "name"),
    [
        (UNITS[:-1], "B"),
        ([*UNITS, ("deleted", (1,), ())], "A"),
        ([*UNITS, ("deleted", (9,), ())], "A"),
        ([*UNITS[:2], ("equal", (2,), (1,)), *UNITS[3:]], "B"),
    ],
)
def test_every_token_is_in_one_unit(units: list, name: str) -> None:
    with pytest.raises(InputError, match=f"Every token of prompt {name} must be in exactly one unit"):
        alignment_payload(A, B, units)


@pytest.mark.parametrize(
    "unit",
    [("equal", (1,), ()), ("deleted", (), (4,)), ("inserted", (1,), (4,)), ("replaced", (), ()), ("x", (1,), ())],
)
def test_a_kind_that_does_not_fit_its_sides_is_refused(unit: tuple) -> None:
    with pytest.raises(InputError, match=f"kind “{unit[0]}” with {len(unit[1])} tokens of A and {len(unit[2])} of B"):
        alignment_payload(A, B, [*UNITS, unit])


@pytest.mark.parametrize(
    ("sent", "link"),
    [
        ({"a": [3], "b": [4, 3]}, ((3,), (3, 4))),
        ({"a": [1.0], "b": []}, ((1,), ())),
        ({"a": [2, 2], "b": []}, ((2,), ())),
        ({"a": [], "b": []}, None),
        ({"a": [4], "b": [0]}, None),
        ({"a": [-1], "b": [0]}, None),
        ({"a": [0], "b": [0.5]}, None),
        ({"a": [True], "b": [0]}, None),
        ({"a": ["0"], "b": [0]}, None),
        ({"a": [float("nan")], "b": [0]}, None),
        ({"a": [0] * 99, "b": [0]}, None),
        ({"a": "0", "b": [0]}, None),
        ({"b": [0]}, None),
    ],
)
def test_what_a_browser_sends_as_a_link_is_checked(sent: dict[str, Any], link: tuple | None) -> None:
    from pages.ui.component import Link, _link

    header = unpack(alignment_payload(A, B, UNITS))[0]
    assert _link(sent, header) == (None if link is None else Link(*link))
