"""The payload of the grid view: numbers come back, one scale for all grids, clear words for what does not fit."""

from typing import Any

import numpy as np
import pytest

from attnlib import InputError
from attnlib.views.grid import LEAST, HeadGrid, grid_payload
from attnlib.views.html import script
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


def test_the_script_is_one_module() -> None:
    joined = script("grid.js")
    assert "import {" not in joined
    assert joined.count("export ") == 1


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
