"""Effects of every head: one growing batch against one forward pass per head and candidate, the authors' way."""

import time
from typing import Any

import numpy as np
import torch

import attnlib
from attnlib.effects.mediation import HeadEffects, head_effects
from attnlib.model.attention import AttentionCall
from attnlib.words.candidates import candidate_rows
from attnlib.words.likelihood import log_probs_of
from tests.benchmarks.models import gpt2_shape, text_of, wrapped

TOKENS = 16
CANDIDATES = ("asked", "went to the park")


def run() -> dict[str, Any]:
    """Seconds of both ways on GPT-2's shape with a prompt of 16 tokens, their largest deviation; the demo model."""
    model = wrapped(gpt2_shape())
    prompts = (text_of(TOKENS), text_of(TOKENS - 1) + " doctor")
    head_effects(model, *prompts, CANDIDATES, rows=8)  # warm
    start = time.perf_counter()
    effects = head_effects(model, *prompts, CANDIDATES)
    batched = time.perf_counter() - start
    start = time.perf_counter()
    indirect = _one_by_one(model, prompts)
    loop = time.perf_counter() - start
    return {
        "batched_s": batched,
        "loop_s": loop,
        "deviation": float(np.abs(effects.indirect - indirect).max()),
        "demo_s": _demo(),
    }


def _one_by_one(model: attnlib.Model, prompts: tuple[str, str]) -> np.ndarray:
    """Indirect and direct effects (only the former are returned): a pass for each head, candidate and direction."""
    indirect = np.zeros((12, 12))
    odds: dict[Any, float] = {}
    for side in (0, 1):
        for head in [None, *np.ndindex(12, 12)]:
            logs = []
            rows, others = (candidate_rows(model, prompts[n], CANDIDATES) for n in (side, 1 - side))
            for row, other in zip(rows, others, strict=True):
                logs.append(_log_p(model, row, None if head is None else (head, _attention(model, other))))
            odds[side, head] = float(np.exp(logs[1] - logs[0]))
    for head in np.ndindex(12, 12):
        indirect[head] = odds[0, head] / odds[0, None] - 1
    return indirect


_known: dict[tuple[int, ...], list[torch.Tensor]] = {}


def _attention(model: attnlib.Model, row: Any) -> list[torch.Tensor]:
    """The other prompt's attention, read once, as the authors do."""
    if row.ids not in _known:
        kept: list[torch.Tensor] = []
        model.forward({"input_ids": torch.tensor([row.ids])}, [lambda call: kept.append(call.weights.clone())])
        _known[row.ids] = kept
    return _known[row.ids]


def _log_p(model: attnlib.Model, row: Any, edited: Any) -> float:
    edits = []
    if edited is not None:
        (layer, head), source = edited
        tokens = row.places[0] + 1

        def edit(call: AttentionCall) -> torch.Tensor | None:
            if call.place.layer != layer:
                return None
            weights = call.weights.clone()
            weights[:, head, :tokens, :tokens] = source[layer][:, head, :tokens, :tokens]
            return weights

        edits = [edit]
    logits = model.forward({"input_ids": torch.tensor([row.ids])}, edits=edits)["logits"][0]
    return float(log_probs_of(logits[list(row.places)], row.wanted).mean())


def _demo() -> float:
    """Seconds of all heads of the demo model: the median of five."""
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    she, he = (f"The doctor asked the nurse a question. {word}" for word in ("She", "He"))
    found: list[HeadEffects] = [head_effects(model, she, he, ("comforted", "prescribed")) for _ in range(5)]
    return float(np.median([one.seconds for one in found]))
