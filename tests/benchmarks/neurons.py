"""The neuron view: server's side as a ratio to the plain forward pass, and what is sent, for one head."""

import statistics
import time
from typing import Any

import torch

import attnlib
from attnlib.views.neuron.payload import neuron_payload
from tests.benchmarks.models import gpt2_shape, text_of, tokenizer, wrapped
from tests.benchmarks.server import interleaved, ratio

LENGTHS = (32, 128, 512)
LAYER, HEAD = 5, 8


def run() -> list[dict[str, Any]]:
    """A row per text length: trace of one layer, vectors of one head, packed; of 64 dimensions."""
    plain, model = gpt2_shape(), wrapped(gpt2_shape())
    return [_row(plain, model, tokens) for tokens in LENGTHS]


def _row(plain: Any, model: attnlib.Model, tokens: int) -> dict[str, Any]:
    text = text_of(tokens)
    ids = tokenizer()(text, return_tensors="pt").input_ids
    sizes: list[int] = []

    def forward() -> None:
        with torch.inference_mode():
            plain(ids, use_cache=False)

    def view() -> None:
        sizes.append(len(neuron_payload(attnlib.trace(model, text, layers=[LAYER]), LAYER, HEAD)))

    forwards, views = interleaved([forward, view], max(5, min(20, 4000 // tokens)))
    return {
        "tokens": tokens,
        "forward_s": statistics.median(forwards),
        "view": ratio(views, forwards),
        "payload_MB": sizes[-1] / 1e6,
        **_bertviz(tokens),
    }


def _bertviz(tokens: int) -> dict[str, Any]:
    """Size and seconds of BertViz's neuron view of its own GPT-2 (random weights), where it can be imported."""
    if tokens > 128:
        return {}
    try:
        from bertviz.neuron_view import show
        from bertviz.transformers_neuron_view import GPT2Config, GPT2Model
    except ImportError:
        return {}
    model = GPT2Model(GPT2Config(vocab_size_or_config_json_file=len(tokenizer()))).eval()
    start = time.perf_counter()
    page = show(model, "gpt2", tokenizer(), text_of(tokens), html_action="return").data
    return {"bertviz_MB": len(page) / 1e6, "bertviz_s": time.perf_counter() - start}
