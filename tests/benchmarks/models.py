"""Random models of GPT-2's shape, with the demo model's tokenizer, and texts of a given length."""

from functools import lru_cache
from typing import Any

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from attnlib.model.loading import Model, wrap
from attnlib.paths import DEMO_FOLDER

SENTENCE = "the doctor asked the nurse a question and then she went to the park with her friend"


@lru_cache(maxsize=1)
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(DEMO_FOLDER / "gpt2-biased", local_files_only=True, model_max_length=2048)


def gpt2_shape(layers: int = 12, attention: str = "eager", vocabulary: int = 50257) -> GPT2LMHeadModel:
    """GPT-2's shape (12 heads, 768 wide, 50,257 words) with random weights, the same at every call."""
    torch.manual_seed(0)
    config = GPT2Config(n_layer=layers, n_positions=2048, vocab_size=vocabulary)
    return GPT2LMHeadModel._from_config(config, attn_implementation=attention).eval()


def wrapped(hf: GPT2LMHeadModel) -> Model:
    return wrap("random GPT-2 shape", hf, tokenizer())


def text_of(tokens: int) -> str:
    """A text of exactly so many tokens."""
    words: list[str] = []
    more = SENTENCE.split()
    while len(tokenizer()(" ".join(words)).input_ids) < tokens:
        words.append(more[len(words) % len(more)])
    text = " ".join(words)
    assert len(tokenizer()(text).input_ids) == tokens, "each word of the text is one token"
    return text
