"""Wrong types and shapes fail while tests run: the check of tests/shapes.py is there and sees them."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass

import numpy as np
import pytest
from beartype.roar import BeartypeCallHintViolation
from jaxtyping import Float

import attnlib
from attnlib.stats.resampling import Part, critical_size
from attnlib.wording import number
from tests import shapes

Maps = Float[np.ndarray, "layer head query key"]


def difference(a: Maps, b: Maps) -> Maps:
    return b - a


def test_what_would_be_broadcast_is_refused() -> None:
    a, b = np.ones((2, 3, 5, 5)), np.ones((2, 3, 1, 5))
    assert difference(a, b).shape == (2, 3, 5, 5)
    checked = shapes.with_check(difference)
    assert checked(a, a).shape == (2, 3, 5, 5)
    with pytest.raises(BeartypeCallHintViolation):
        checked(a, b)


def test_axes_belong_to_one_call() -> None:
    checked = shapes.with_check(difference)
    for size in (5, 4):
        assert checked(np.ones((2, 3, size, size)), np.ones((2, 3, size, size))).shape[-1] == size


def test_a_result_of_the_wrong_shape_is_refused() -> None:
    def first(a: Float[np.ndarray, "layer head"]) -> Float[np.ndarray, " head"]:
        return a[:, 0]

    with pytest.raises(BeartypeCallHintViolation):
        shapes.with_check(first)(np.ones((2, 3)))


def test_fields_are_checked() -> None:
    @shapes.checked
    @dataclass
    class Pair:
        a: Float[np.ndarray, "query key"]
        b: Float[np.ndarray, "query key"]

    Pair(np.ones((5, 5)), np.ones((5, 5)))
    with pytest.raises(BeartypeCallHintViolation):
        Pair(np.ones((5, 5)), np.ones((1, 5)))


@pytest.mark.parametrize("call", [lambda: number("1"), lambda: critical_size(np.ones(3), 0.05)])
def test_functions_of_attnlib_are_checked(call: "object") -> None:
    with pytest.raises(BeartypeCallHintViolation):
        call()


def test_classes_of_attnlib_are_checked() -> None:
    with pytest.raises(BeartypeCallHintViolation):
        Part(*["x"] * (len(inspect.signature(Part).parameters)))


def test_every_function_has_a_check_that_can_be_made() -> None:
    """Also those that no test calls."""
    for module in pkgutil.walk_packages(attnlib.__path__, "attnlib."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    assert len(shapes.FOUND) > 1000
    for function in shapes.FOUND.values():
        shapes.with_check(function)
