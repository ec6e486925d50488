"""Two forward passes whose attention calls meet layer by layer, so that a pair is compared without keeping layers.

Texts of one length in one model run as one batch. Otherwise two threads take strict turns: A computes a layer and
waits, B computes the same layer, both are seen together, and so on. Never are more than two layers in memory.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall
from attnlib.model.loading import Model

PairObserver = Callable[[AttentionCall, AttentionCall], None]
Tensors = dict[str, Tensor]
Logits = Float[Tensor, "_ _"] | None  # [token, word]; the two prompts may differ in both


def run_pair(a: tuple[Model, Tensors], b: tuple[Model, Tensors], observer: PairObserver) -> tuple[Logits, Logits]:
    """Run two routed models (or one) on two inputs of batch 1; returns the logits of both, if there are any.

    `observer` gets the calls of A and of B at every place, each a batch of one.
    """
    (model_a, inputs_a), (model_b, inputs_b) = a, b
    if model_a.places != model_b.places:
        raise InputError(f"{model_a.name} and {model_b.name} have different layers: they cannot run in step.")
    if model_a.hf is model_b.hf and _same_shapes(inputs_a, inputs_b):
        return _as_one_batch(model_a, inputs_a, inputs_b, observer)
    return _in_turns(a, b, observer)


def _same_shapes(a: Tensors, b: Tensors) -> bool:
    return {name: t.shape for name, t in a.items()} == {name: t.shape for name, t in b.items()}


def _as_one_batch(model: Model, a: Tensors, b: Tensors, observer: PairObserver) -> tuple[Logits, Logits]:
    inputs = {name: torch.cat([tensor, b[name]]) for name, tensor in a.items()}
    output = model.forward(inputs, [lambda call: observer(_part(call, 0), _part(call, 1))])
    return _logits(output, 0), _logits(output, 1)


def _part(call: AttentionCall, which: int) -> AttentionCall:
    """One text of a batch of two."""

    def part(tensor: Tensor | None) -> Tensor | None:
        shared = tensor is None or tensor.ndim < 4 or tensor.shape[0] == 1
        return tensor if shared or tensor is None else tensor[which : which + 1]

    chosen = slice(which, which + 1)
    return replace(
        call,
        query=call.query[chosen],
        key=call.key[chosen],
        value=call.value[chosen],
        weights=call.weights[chosen],
        mask=part(call.mask),
        position_bias=part(call.position_bias),
    )


def _logits(output: Any, which: int = 0) -> Logits:
    logits = output.get("logits")
    return None if logits is None or logits.ndim != 3 else logits[which]


# ---------------------------------------------------------------------------------------------- taking turns


class _StoppedError(Exception):
    """The other pass has failed; this one ends."""


@dataclass
class _Turns:
    """Where pass A hands its call to pass B. Exactly one of them computes at any time."""

    calls: SimpleQueue[AttentionCall | None] = field(default_factory=SimpleQueue)
    turn_of_a: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: bool = False

    def wait_for_turn(self) -> None:
        self.turn_of_a.acquire()
        if self.stopped:
            raise _StoppedError

    def next_call_of_a(self) -> AttentionCall:
        self.turn_of_a.release()
        call = self.calls.get()
        if call is None:
            raise _StoppedError
        return call


def _in_turns(a: tuple[Model, Tensors], b: tuple[Model, Tensors], observer: PairObserver) -> tuple[Logits, Logits]:
    turns = _Turns()

    def seen_in_a(call: AttentionCall) -> None:
        turns.calls.put(call)
        turns.wait_for_turn()

    def run_a() -> Logits:
        try:
            turns.wait_for_turn()
            return _logits(a[0].forward(a[1], [seen_in_a]))
        finally:
            turns.calls.put(None)

    with ThreadPoolExecutor(1) as pool:
        pass_a = pool.submit(run_a)
        try:
            logits_b = _logits(b[0].forward(b[1], [lambda call: observer(turns.next_call_of_a(), call)]))
            turns.turn_of_a.release()
            return pass_a.result(), logits_b
        except _StoppedError:
            pass_a.result()  # what made it stop
            raise
        finally:
            turns.stopped = True
            turns.turn_of_a.release()
