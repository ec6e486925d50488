"""The payload of the grid view: numbers come back, one scale for all grids, clear words for what does not fit."""

from typing import Any

import numpy as np
import pytest

from attnlib import InputError
from attnlib.views.grid.payload import LEAST, HeadGrid, grid_payload
from attnlib.views.payload import unpack

EDIT = np.array([[0.5, -0.9, 0.1], [0.0, 0.2, np.nan]])
CONTROL = np.array([[0.01, 0.02, -0.03], [0.0, np.nan, 0.04]])


def draw(*values: np.ndarray, **changes: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    grids = [HeadGrid(f"g{n}", v, f"about {n}") for n, v in enumerate(values)]
    return unpack(grid_payload(grids, **{"statistic": "Target shift", "signed": True, **changes}))


def test_numbers_titles_and_missing_heads_come_back() -> None:
    header, arrays = draw(EDIT, CONTROL, selected=(0, 1))
    assert (header["layers"], header["heads"], header["selected"]) == (2, 3, [0, 1])
    assert header["grids"] == [{"title": "g0", "about": "about 0"}, {"title": "g1", "about": "about 1"}]
    for name, values in (("values0", EDIT), ("values1", CONTROL)):
        assert arrays[name].dtype == np.float32
        assert np.array_equal(arrays[name], values.astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("order", [(EDIT, CONTROL), (CONTROL, EDIT)])
def test_all_grids_share_the_scale_of_the_largest_size(order: tuple[np.ndarray, ...]) -> None:
    assert draw(*order)[0]["scale"] == pytest.approx(0.9)


@pytest.mark.parametrize("values", [CONTROL, np.full((2, 3), np.nan), np.zeros((2, 3))])
def test_the_scale_does_not_end_below_its_floor(values: np.ndarray) -> None:
    assert draw(values)[0]["scale"] == LEAST
    assert draw(values, least=0.5)[0]["scale"] == 0.5


def test_infinite_values_are_not_measured_ones() -> None:
    header, arrays = draw(np.array([[np.inf, 0.2, -np.inf]]))
    assert header["scale"] == pytest.approx(0.2)
    assert np.isnan(arrays["values0"]).tolist() == [[True, False, True]]


@pytest.mark.parametrize("place", [(1, 2), (2, 0), (0, 3), (-1, 0), None])
def test_a_head_that_is_not_there_is_not_selected(place: tuple[int, int] | None) -> None:
    assert draw(EDIT, selected=place)[0]["selected"] is None


def test_what_a_sign_compares_can_be_named() -> None:
    assert draw(EDIT)[0]["names"] == ["B", "A"]
    assert draw(EDIT, names=("French", "English"))[0]["names"] == ["French", "English"]


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match="no grid to draw"):
        draw()
    with pytest.raises(InputError, match=r"same layers and heads; these have \[\(2, 3\), \(3, 2\)\]"):
        draw(EDIT, CONTROL.T)
    with pytest.raises(InputError, match=r"has the shape \(0, 3\)"):
        draw(EDIT[:0])
    with pytest.raises(InputError, match="not by “size”"):
        draw(EDIT, order="size")


def test_labels_are_passed_on_and_may_leave_out_heads_that_no_grid_has() -> None:
    assert draw(EDIT)[0]["labels"] == []
    for labels in ([["a", "b", "c"], ["d", "e", ""]], [["a", "b", "c"], ["d", "e"]]):
        assert draw(EDIT, labels=labels)[0]["labels"] == labels


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([["a", "b", "c"]], "labels of 1 layers for 2 layers"),
        ([["a", "b", "c"], ["d", "e"], []], "labels of 3 layers for 2 layers"),
        ([["a", "b"], ["d", "e"]], "2 labels for the 3 heads of layer 0"),
        ([["a", "b", "c"], ["d"]], "1 labels for the 2 heads of layer 1"),
        ([["a", "b", "c"], ["d", "e", "f", "g"]], "4 labels for the 3 heads of layer 1"),
        (["abc", "def"], "labels of layer 0 are one text, not a list"),
    ],
)
def test_labels_that_do_not_fit_the_grid_are_refused(labels: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        draw(EDIT, labels=labels)


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ("0-2", (0, 2)),
        ("1-0", (1, 0)),
        ("2-0", None),
        ("0-3", None),
        ("-1-0", None),
        ("0-2-1", None),
        ("٠-٢", None),
        ("0-99999999", None),
        ("", None),
        (None, None),
        (2, None),
        ([0, 2], None),
    ],
)
def test_what_a_browser_sends_as_a_head_is_checked(sent: object, place: tuple[int, int] | None) -> None:
    from pages.ui.component import _place

    assert _place(sent, draw(EDIT)[0]) == place
