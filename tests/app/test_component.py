"""What views send is not trusted: whatever does not fit is neutral."""

from types import SimpleNamespace
from typing import Any

import pytest

from attnlib.views.payload import pack
from pages.ui.component import (
    HeadEvents,
    ModelEvents,
    NeuronEvents,
    Picture,
    _head_events,
    _model_events,
    _neuron_events,
    _pictures,
)

GRID = pack({"layers": 4, "heads": 3}, {})


def sent(name: str, value: Any, view: Any = "q:1") -> SimpleNamespace:
    return SimpleNamespace(**{name: {"value": value, "view": view}})


def test_a_request_brings_the_views_state_along() -> None:
    assert _head_events(sent("mask", [2, 3]), "mask") == HeadEvents("q:1", (2, 3), 0)
    assert _head_events(sent("layer", -1), "layer") == HeadEvents("q:1", (), -1)
    assert _head_events(sent("view", None), "view") == HeadEvents("q:1", (), 0)
    assert _model_events(sent("pick", "3-2"), "pick", GRID) == ModelEvents("q:1", picked=(3, 2))
    assert _model_events(sent("pick", "none"), "pick", GRID) == ModelEvents("q:1", closed=True)
    assert _model_events(sent("open", "3-2"), "open", GRID) == ModelEvents("q:1", opened=(3, 2))
    assert _neuron_events(sent("head", 2), "head", GRID) == NeuronEvents("q:1", head=2)
    assert _neuron_events(sent("layer", 1.0), "layer", GRID) == NeuronEvents("q:1", layer_step=1)


@pytest.mark.parametrize("value", [None, 7, -1.5, "4-0", "0-3", "x", [[1]], [-1, "2"], {"a": 1}, float("nan")])
def test_what_does_not_fit_is_neutral(value: Any) -> None:
    assert _head_events(sent("mask", value, None), "mask") == HeadEvents(None, (), 0)
    assert _head_events(sent("layer", value, None), "layer") == HeadEvents(None, (), 0)
    for name in ("pick", "open"):
        assert _model_events(sent(name, value, ["q"]), name, GRID) == ModelEvents()
    for name in ("head", "layer"):
        assert _neuron_events(sent(name, value, 5), name, GRID) == NeuronEvents()


@pytest.mark.parametrize("told", [None, "q:1", 5, [], {}])
def test_what_is_no_event_is_nothing(told: Any) -> None:
    state = SimpleNamespace(view=told, mask=told)
    assert _head_events(state, "view") == _head_events(state, "mask") == HeadEvents(None, (), 0)


def test_a_long_state_is_cut() -> None:
    assert len(_head_events(sent("view", None, "x" * 9000), "view").view or "") == 2000


PICTURE = {"name": "heads", "title": "Heads", "svg": "<svg/>", "png": "iVBORw==", "csv": "a,b"}


def test_pictures_of_a_page() -> None:
    assert _pictures([PICTURE]) == [Picture("heads", "Heads", "<svg/>", b"\x89PNG", "a,b")]
    assert len(_pictures([PICTURE | {"name": "x" * 900}])[0].name) == 80


@pytest.mark.parametrize(
    "told",
    [
        None,
        5,
        "x",
        {},
        [None],
        [[]],
        [{}],
        [PICTURE | {"svg": 5}],
        [PICTURE | {"png": "no base64"}],
        [PICTURE | {"csv": "\ud800"}],
        [{"name": "a"}],
    ],
)
def test_what_is_no_picture_is_left_out(told: Any) -> None:
    assert _pictures(told) == []


def test_too_many_pictures_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.ui.component.MOST_PICTURES", 20)
    assert len(_pictures([PICTURE])) == 1
    assert _pictures([PICTURE] * 2) == []
