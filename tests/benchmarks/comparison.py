"""The comparison of two prompts, as ratios to the two plain forward passes it needs."""

from typing import Any

import torch

import attnlib
from tests.benchmarks.models import gpt2_shape, text_of, tokenizer, wrapped
from tests.benchmarks.server import interleaved, ratio

LENGTHS = (16, 128, 512)


def run() -> list[dict[str, Any]]:
    """One row per prompt length; the prompts differ in their last word (and, "unequal", by one more)."""
    plain, model = gpt2_shape(), wrapped(gpt2_shape())
    return [_row(plain, model, tokens) for tokens in LENGTHS]


def _row(plain: Any, model: attnlib.Model, tokens: int) -> dict[str, Any]:
    start = text_of(tokens - 1)
    a, b, longer = f"{start} she", f"{start} he", f"{start} then he"
    ids = [tokenizer()(text, return_tensors="pt").input_ids for text in (a, b, longer)]

    def forwards(second: int) -> None:
        with torch.inference_mode():
            plain(ids[0], use_cache=False)
            plain(ids[second], use_cache=False)

    def compared(text: str) -> None:
        comparison = attnlib.compare(model, a, text, layers=[5])
        comparison.ranking("jsd")

    rounds = max(7, min(20, 3000 // tokens))
    two, equal = interleaved([lambda: forwards(1), lambda: compared(b)], rounds)
    other_two, unequal = interleaved([lambda: forwards(2), lambda: compared(longer)], rounds)
    return {
        "tokens": tokens,
        "forwards_s": sorted(two)[len(two) // 2],
        "equal": ratio(equal, two),
        "unequal": ratio(unequal, other_two),
    }
