"""The payload of the matrix view: weights of one text or of a pair come back, clear words for what does not fit."""

from typing import Any

import numpy as np
import pytest

from attnlib import InputError
from attnlib.views.matrix import payload as matrix
from attnlib.views.matrix.payload import matrix_payload
from attnlib.views.payload import unpack

ROW: dict[str, Any] = {
    "labels": ["The", "really", "old", "She → He"],
    "a": ["The", None, "old", "She"],
    "b": ["The", "really", None, "He"],
    "kinds": ["equal", "inserted", "deleted", "replaced"],
}


def weights(side: str, seed: int) -> np.ndarray:
    """Rows that sum to one over the units of a side; NaN where it has no such unit."""
    missing = [i for i, name in enumerate(ROW[side]) if name is None]
    drawn = np.random.default_rng(seed).dirichlet(np.ones(4), 4)
    drawn[:, missing] = 0
    drawn /= drawn.sum(-1, keepdims=True)
    drawn[missing] = np.nan
    return drawn.astype(np.float32)


def test_a_pair_comes_back_and_rows_that_are_not_there_are_zero() -> None:
    a, b = weights("a", 0), weights("b", 1)
    header, arrays = unpack(matrix_payload(ROW, None, a, b, layer=2, head=5, note="x"))
    assert header == {
        "view": "matrix",
        "layer": 2,
        "head": 5,
        "pair": True,
        "queries": ROW,
        "keys": None,
        "note": "x",
    }
    for name, sent in (("a", a), ("b", b)):
        assert arrays[name].dtype == np.uint16
        assert np.abs(arrays[name] / 65535 - np.nan_to_num(sent)).max() < 1e-5
    assert not arrays["a"][1].any()
    assert not arrays["b"][2].any()


def test_one_text_needs_no_names_and_has_no_b() -> None:
    header, arrays = unpack(matrix_payload({"labels": ["x", "y"]}, None, np.eye(2), layer=0, head=0))
    assert not header["pair"]
    assert arrays["a"].tolist() == [[65535, 0], [0, 65535]]
    assert "b" not in arrays


def test_cross_attention_keeps_its_rectangle() -> None:
    sent = np.random.default_rng(0).dirichlet(np.ones(3), 2).astype(np.float32)
    header, arrays = unpack(
        matrix_payload({"labels": ["x", "y"]}, {"labels": ["u", "v", "w"]}, sent, layer=0, head=0)
    )
    assert header["keys"]["labels"] == ["u", "v", "w"]
    assert np.abs(arrays["a"] / 65535 - sent).max() < 1e-5


def test_what_does_not_fit_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    a = weights("a", 0)
    with pytest.raises(InputError, match=r"shape \(3, 4\), and there are 4 rows and 4 columns"):
        matrix_payload(ROW, None, a[:3], layer=0, head=0)
    with pytest.raises(InputError, match=r"shape \(4, 2\), and there are 4 rows and 4 columns"):
        matrix_payload(ROW, None, a[:, :2], a[:, :2], layer=0, head=0)
    with pytest.raises(InputError, match="at least one row"):
        matrix_payload({"labels": []}, None, a[:0, :0], layer=0, head=0)
    with pytest.raises(InputError, match="need “a” and “b”"):
        matrix_payload({"labels": ROW["labels"]}, None, a, a, layer=0, head=0)
    with pytest.raises(InputError, match="need “a” and “b”"):
        matrix_payload({**ROW, "b": ["The"]}, None, a, a, layer=0, head=0)
    monkeypatch.setattr(matrix, "MOST_CELLS", 9)
    with pytest.raises(InputError, match=r"4 x 4 tokens are too many for a matrix\. Shorten the text to 3 tokens"):
        matrix_payload(ROW, None, a, layer=0, head=0)
