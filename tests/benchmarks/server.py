"""The server's side of the head view and of a full trace, as ratios to transformers' own forward pass."""

import gc
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import attnlib
from attnlib.views.head.payload import head_payload
from tests.benchmarks.models import gpt2_shape, text_of, tokenizer, wrapped

LENGTHS = (32, 128, 512, 1024)


def run() -> list[dict[str, Any]]:
    """One row per text length; every ratio is the median of ratios of runs made one after the other."""
    plain, model = gpt2_shape(), wrapped(gpt2_shape())
    return [_row(plain, model, tokens) for tokens in LENGTHS]


def _row(plain: Any, model: attnlib.Model, tokens: int) -> dict[str, Any]:
    text = text_of(tokens)
    ids = tokenizer()(text, return_tensors="pt").input_ids
    sizes: list[int] = []

    def forward() -> None:
        with torch.inference_mode():
            plain(ids, use_cache=False)

    def forward_with_attentions() -> None:
        with torch.inference_mode():
            plain(ids, use_cache=False, output_attentions=True)

    def view() -> None:
        sizes.append(len(head_payload(attnlib.trace(model, text, layers=[5]), 5)))

    def full_trace() -> None:
        attnlib.trace(model, text)

    rounds = max(7, min(30, 6000 // tokens))
    plain_times, view_times = interleaved([forward, view], rounds)
    kept_times, trace_times = interleaved([forward_with_attentions, full_trace], rounds)
    return {
        "tokens": tokens,
        "forward_s": statistics.median(plain_times),
        "view": ratio(view_times, plain_times),
        "trace": ratio(trace_times, kept_times),
        "payload_MB": sizes[-1] / 1e6,
        **_bertviz(plain, ids, tokens),
    }


def interleaved(jobs: list[Callable[[], None]], rounds: int) -> list[list[float]]:
    """Seconds of each job in each round, after one round to warm up; rounds take turns, so drift hits all alike."""
    times: list[list[float]] = [[] for _ in jobs]
    for number in range(rounds + 1):
        for job, mine in zip(jobs, times, strict=True):
            gc.collect()
            start = time.perf_counter()
            job()
            if number:
                mine.append(time.perf_counter() - start)
    return times


def ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(these, those, strict=True))


def _bertviz(plain: Any, ids: torch.Tensor, tokens: int) -> dict[str, Any]:
    """Size and seconds of BertViz's head view of the same model, where BertViz is installed."""
    if importlib.util.find_spec("bertviz") is None or tokens > 128:
        return {}
    from bertviz import head_view

    with torch.inference_mode():
        start = time.perf_counter()
        attention = plain(ids, use_cache=False, output_attentions=True).attentions
        page = head_view(attention, tokenizer().convert_ids_to_tokens(ids[0]), html_action="return").data
    return {"bertviz_MB": len(page) / 1e6, "bertviz_s": time.perf_counter() - start}
