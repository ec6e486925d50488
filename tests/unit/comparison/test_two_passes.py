"""Two passes in step: each sees what it would see alone, strictly in turns, and no failure leaves a thread behind."""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch

import attnlib
from attnlib.comparison import two_passes as lockstep
from attnlib.model.attention import AttentionCall
from attnlib.model.loading import Model
from tests.unit.tiny import tiny_model

PATIENCE = 20  # seconds until a pass counts as hanging
FAMILIES = {
    "gpt2": "causal",
    "llama": "causal",
    "gpt_oss": "causal",
    "gemma2": "causal",
    "bert": "masked",
    "t5": "seq2seq",
}


@cache
def model_of(name: str, seed: int = 0) -> Model:
    return tiny_model(name, FAMILIES[name], seed=seed)


def tensors(model: Model, length: int, seed: int = 0) -> dict[str, torch.Tensor]:
    ids = torch.randint(10, 90, (1, length), generator=torch.Generator().manual_seed(seed))
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return given | ({"decoder_input_ids": ids[:, : length // 2]} if model.family == "seq2seq" else {})


def alone(model: Model, inputs: dict[str, torch.Tensor]) -> tuple[list[torch.Tensor], torch.Tensor]:
    seen: list[torch.Tensor] = []
    output = model.forward(inputs, [lambda call: seen.append(call.weights[0].clone())])
    return seen, output.logits[0]


def together(a: Any, b: Any, observer: Callable[[AttentionCall, AttentionCall], None]) -> Any:
    """run_pair with a limit on time: a test that hangs says so."""
    result: Future = Future()

    def run() -> None:
        try:
            result.set_result(lockstep.run_pair(a, b, observer))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result(timeout=PATIENCE)


# ---------------------------------------------------------------------------------------------- what each sees


@pytest.mark.parametrize("lengths", [(5, 9), (9, 5), (7, 7)], ids=str)
@pytest.mark.parametrize("name", list(FAMILIES))
def test_each_side_sees_what_it_sees_alone(name: str, lengths: tuple[int, int]) -> None:
    model = model_of(name)
    a, b = tensors(model, lengths[0]), tensors(model, lengths[1], seed=1)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    logits = together((model, a), (model, b), lambda x, y: seen.append((x.weights[0].clone(), y.weights[0].clone())))
    close = 0.0 if lengths[0] != lengths[1] else 1e-5  # one by one the same bits; as one batch, rounding
    for side, inputs in enumerate((a, b)):
        weights, expected = alone(model, inputs)
        assert len(weights) == len(seen)
        for pair, mine in zip(seen, weights, strict=True):
            np.testing.assert_allclose(pair[side], mine, atol=close, rtol=0)
        np.testing.assert_allclose(logits[side], expected, atol=close * 100, rtol=0)


def test_two_models_see_their_own_weights() -> None:
    one, two = model_of("gpt2"), model_of("gpt2", seed=1)
    inputs = tensors(one, 6)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    together((one, inputs), (two, inputs), lambda a, b: seen.append((a.weights[0], b.weights[0])))
    for pair, a, b in zip(seen, alone(one, inputs)[0], alone(two, inputs)[0], strict=True):
        np.testing.assert_array_equal(pair[0], a)
        np.testing.assert_array_equal(pair[1], b)
        assert not torch.equal(a, b)


@pytest.mark.parametrize("lengths", [(5, 9), (7, 7)], ids=str)
def test_calls_meet_at_the_same_place_each_a_batch_of_one(lengths: tuple[int, int]) -> None:
    model = model_of("t5")
    met: list[tuple] = []
    a, b = (tensors(model, length) for length in lengths)
    together((model, a), (model, b), lambda x, y: met.append((x.place, y.place, len(x.weights), len(y.query))))
    assert [place for place, *_ in met] == list(model.places)
    assert all(x == y and (m, n) == (1, 1) for x, y, m, n in met)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_one_of_a_batch_is_recomputed_from_its_own_vectors(name: str) -> None:
    """Masks and position biases are split like the weights: the trace's own check says so."""
    model = model_of(name)
    words = "The doctor asked the nurse a question. {}"
    second = {"a": "doctor", "b": "nurse"} if name == "t5" else {}
    texts = {side: (words.format(word), second.get(side)) for side, word in (("a", "doctor"), ("b", "nurse"))}
    found = attnlib.compare(model, texts["a"], texts["b"])
    assert [len(side.stack().queries) for side in (found.a, found.b)] == [len(found.alignment)] * 2
    assert found.a.verified
    assert found.b.verified


# ---------------------------------------------------------------------------------------------- turns


def leaves(model: Model, events: list[tuple[int, str]]) -> list[Any]:
    """Note when each of the model's innermost modules begins and ends, and in which thread."""
    hooks = []
    for module in model.hf.modules():
        if not list(module.children()):
            hooks.append(
                module.register_forward_pre_hook(lambda *_: events.append((threading.get_ident(), "begins")))
            )
            hooks.append(module.register_forward_hook(lambda *_: events.append((threading.get_ident(), "ends"))))
    return hooks


def test_the_passes_take_strict_turns() -> None:
    """One computes up to a layer's attention, then the other, and so on: never both, never twice in a row."""
    model, events = model_of("gpt2"), []
    hooks = leaves(model, events)
    try:
        together((model, tensors(model, 5)), (model, tensors(model, 9)), lambda a, b: None)
    finally:
        for hook in hooks:
            hook.remove()
    assert [what for _, what in events] == ["begins", "ends"] * (len(events) // 2)
    turns = [thread for thread, _ in groupby(thread for thread, _ in events)]
    layers = len(model.places)
    assert len(turns) == 2 * (layers + 1)
    assert len(set(turns)) == 2


def test_no_more_than_two_layers_of_weights_are_alive() -> None:
    model = tiny_model("gpt2", "causal", n_layer=6)
    references: list[weakref.ref] = []
    alive: list[int] = []

    def observer(a: AttentionCall, b: AttentionCall) -> None:
        references.extend(weakref.ref(call.weights) for call in (a, b))
        alive.append(sum(reference() is not None for reference in references))

    together((model, tensors(model, 5)), (model, tensors(model, 9)), observer)
    assert len(alive) == 6
    assert max(alive) <= 4  # two of A, two of B


# ---------------------------------------------------------------------------------------------- failures


def no_thread_is_left(before: set[threading.Thread]) -> bool:
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
    return set(threading.enumerate()) <= before


@pytest.mark.parametrize("side", [0, 1], ids=["A", "B"])
@pytest.mark.parametrize("layer", [None, 0, 1], ids=["before the first layer", "in layer 0", "in layer 1"])
def test_a_failure_of_one_pass_comes_out_as_it_is(side: int, layer: int | None) -> None:
    models = [tiny_model("gpt2", "causal"), tiny_model("gpt2", "causal", seed=1)]
    transformer = models[side].hf.transformer
    broken = transformer.wte if layer is None else transformer.h[layer].mlp

    def fail(*_: Any) -> None:
        raise ZeroDivisionError("on purpose")

    broken.register_forward_pre_hook(fail)
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        together((models[0], tensors(models[0], 5)), (models[1], tensors(models[1], 9)), lambda a, b: None)
    assert no_thread_is_left(before)


@pytest.mark.parametrize("lengths", [(5, 9), (7, 7)], ids=str)
@pytest.mark.parametrize("layer", [0, 1])
def test_a_failure_of_the_observer_comes_out_as_it_is(lengths: tuple[int, int], layer: int) -> None:
    def observer(a: AttentionCall, b: AttentionCall) -> None:
        if a.place.layer == layer:
            raise ZeroDivisionError("on purpose")

    model, before = model_of("gpt2"), set(threading.enumerate())
    a, b = (tensors(model, length) for length in lengths)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        together((model, a), (model, b), observer)
    assert no_thread_is_left(before)


def test_after_a_failure_the_model_works_again() -> None:
    model = model_of("gpt2")
    a, b = tensors(model, 5), tensors(model, 9)
    with pytest.raises(ZeroDivisionError):
        together((model, a), (model, b), lambda x, y: 1 / 0)
    seen: list[Any] = []
    together((model, a), (model, b), lambda x, y: seen.append(x))
    assert len(seen) == len(model.places)


def test_pairs_in_many_threads_do_not_meet() -> None:
    """Sessions share a model."""
    model = model_of("llama")
    expected = {n: alone(model, tensors(model, n, seed=n))[0] for n in range(4, 10)}
    wrong: list[int] = []

    def run(n: int, m: int) -> None:
        seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        a, b = tensors(model, n, seed=n), tensors(model, m, seed=m)
        lockstep.run_pair((model, a), (model, b), lambda x, y: seen.append((x.weights[0], y.weights[0])))
        for layer, (x, y) in enumerate(seen):
            if not (torch.equal(x, expected[n][layer]) and torch.equal(y, expected[m][layer])):
                wrong.append(n)

    threads = [threading.Thread(target=run, args=(n, 13 - n), daemon=True) for n in range(4, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
