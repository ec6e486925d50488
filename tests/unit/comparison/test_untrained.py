"""The largest head of random copies: counted by hand, and against copies made one by one."""

import numpy as np
import pytest

import attnlib
from attnlib.comparison.untrained import Untrained, largest_untrained, untrained_of
from attnlib.model.loading import Model, random_copy

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


def test_the_largest_of_each_copy_by_hand() -> None:
    first, nothing = np.array([[0.1, -0.4], [0.2, np.nan]]), np.full((2, 2), np.nan)
    found = untrained_of([first, np.array([[0.3, 0.0]] * 2), nothing])
    assert found.largest.tolist() == [0.3, 0.4]
    assert (found.low, found.high, len(found)) == (0.3, 0.4, 2)
    assert [found.as_large(value) for value in (0.2, -0.3, 0.31, 0.5)] == [2, 2, 1, 0]


def test_nothing_measured_is_no_reference() -> None:
    assert len(Untrained(np.array([]))) == 0
    assert Untrained(np.array([])).as_large(0.1) == 0


@pytest.mark.parametrize("name", ["gpt2-biased", "bert-biased"])
def test_copies_are_those_of_the_seeds(name: str) -> None:
    model = attnlib.load_model(f"demo/{name}")

    def shift(copy: Model) -> np.ndarray:
        return attnlib.compare(copy, SHE, HE, layers=[]).target_shift(("nurse", "doctor"))

    found = largest_untrained(model, shift, copies=3)
    alone = sorted(float(np.abs(shift(random_copy(model, seed))).max()) for seed in range(3))
    assert found.largest.tolist() == pytest.approx(alone)
    assert found.low > 0
