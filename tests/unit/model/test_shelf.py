"""Models that are kept: by memory and not by number, made once, given up when there is no room."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import attnlib
from attnlib.model.loading import random_copy
from attnlib.model.memory import NoRoomError
from attnlib.model.shelf import Shelf, models_memory


def test_what_is_longest_not_asked_for_goes_first_and_by_size() -> None:
    shelf: Shelf[str] = Shelf(len, most=10)
    for name in "abc":
        shelf.get(name, lambda: "xxx")
    assert shelf.names == ("a", "b", "c")
    shelf.get("a", lambda: pytest.fail("it is there"))
    shelf.get("d", lambda: "xxxx")
    assert shelf.names == ("c", "a", "d")
    assert shelf.get("large", lambda: "x" * 99) == "x" * 99
    assert shelf.names == ("large",)


def test_many_small_ones_stay() -> None:
    shelf: Shelf[str] = Shelf(len, most=1000)
    for n in range(100):
        shelf.get(n, lambda: "small")
    assert len(shelf.names) == 100


def test_others_are_given_up_one_by_one_until_there_is_room() -> None:
    shelf: Shelf[str] = Shelf(len, most=1000)
    for name in "abc":
        shelf.get(name, lambda: "x")

    def make() -> str:
        if len(shelf.names) > 1:
            raise NoRoomError("It needs 4 GB and 3 GB is free.")
        return "made"

    assert shelf.get("d", make) == "made"
    assert shelf.names == ("c", "d")


def test_without_room_even_alone_the_sentence_is_told() -> None:
    shelf: Shelf[str] = Shelf(len, most=1000)

    def make() -> str:
        raise NoRoomError("It needs 4 GB and 3 GB is free.")

    with pytest.raises(attnlib.InputError, match="needs 4 GB"):
        shelf.get("d", make)
    assert shelf.get("d", lambda: "later") == "later"


def test_who_asks_for_the_same_waits_for_it_and_who_asks_for_another_does_not() -> None:
    shelf: Shelf[str] = Shelf(len, most=1000)
    made, going = [], threading.Event()

    def slow() -> str:
        made.append("slow")
        assert going.wait(30)
        return "slow"

    with ThreadPoolExecutor(8) as pool:
        same = [pool.submit(shelf.get, "slow", slow) for _ in range(6)]
        assert shelf.get("quick", lambda: "quick") == "quick"
        going.set()
        assert {one.result(30) for one in same} == {"slow"}
    assert made == ["slow"]


def test_a_models_size_is_that_of_its_weights_and_a_copy_asks_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    assert model.size == 4 * model.hf.lm_head.weight.numel() + 4 * sum(
        p.numel() for name, p in model.hf.named_parameters()
    )
    monkeypatch.setattr("attnlib.model.loading.available_memory", lambda: 1000)
    with pytest.raises(NoRoomError, match="random copy"):
        random_copy(model)


@pytest.mark.parametrize(("asked", "bytes_"), [("1.5", 1_500_000_000), ("0", 0)])
def test_the_memory_for_models_can_be_set(monkeypatch: pytest.MonkeyPatch, asked: str, bytes_: int) -> None:
    monkeypatch.setenv("ATTNLIB_MODELS_GB", asked)
    assert models_memory() == bytes_
    monkeypatch.setenv("ATTNLIB_MODELS_GB", "much")
    assert models_memory() > 10**8
