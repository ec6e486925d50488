"""Texts in batches: read in turn, those of one length run as one batch, nothing padded, nothing kept."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall
from attnlib.model.inputs import Inputs, read_inputs, tokenize_all
from attnlib.model.loading import Model
from attnlib.model.probing import stacked_outputs
from attnlib.model.tokens import Tokens

READ = 512  # texts read before the first of them is run
BATCH_TOKENS = 1024  # of one batch, at most, where a text is not longer
BATCH_WEIGHTS = 64_000_000  # attention weights of one batch that must wait, outside the attention interface
MOST_TOKENS = 1024  # of one text; longer ones are cut


@dataclass(frozen=True, eq=False)
class TextRead:
    """One text as the model reads it."""

    number: int  # from 0, in the order of the texts
    text: str
    inputs: Inputs

    @property
    def tokens(self) -> Tokens:
        return self.inputs.tokens


@dataclass(frozen=True)
class NotRead:
    """A text that the model cannot read, and why."""

    number: int
    reason: str


@dataclass(frozen=True, eq=False)
class TextBatch:
    """Texts of one length."""

    reads: tuple[TextRead, ...]
    causal: bool  # no token sees a later one

    @cached_property
    def ids(self) -> Int[Tensor, "text token"]:
        """Token ids, on the CPU."""
        return torch.cat([read.inputs.tensors["input_ids"] for read in self.reads]).cpu()

    def part(self, numbers: Sequence[int]) -> "TextBatch":
        """Some of its texts."""
        return TextBatch(tuple(self.reads[n] for n in numbers), self.causal)


def read_batches(model: Model, texts: Iterable[str]) -> Iterator[TextBatch | NotRead]:
    """Batches of as many texts as are quick and fit into memory; a text that cannot be read comes with its reason.

    `texts` is gone through once, some at a time. A text over the model's limit, or over MOST_TOKENS, is cut.
    """
    if isinstance(texts, str):
        raise InputError("A list of texts is needed, not a single one. Put it into a list: [text].")
    numbered, start = iter(texts), 0
    while part := list(islice(numbered, READ)):
        reads = list(_read(model, part, start))
        yield from (read for read in reads if isinstance(read, NotRead))
        yield from same_length(model, [read for read in reads if isinstance(read, TextRead)])
        start += len(part)


def _read(model: Model, texts: Sequence[str], start: int) -> Iterator[TextRead | NotRead]:
    try:
        encodings = tokenize_all(model, texts)
    except Exception:  # one text no tokenizer takes: each by itself will say which
        encodings = [None] * len(texts)
    for number, (text, encoding) in enumerate(zip(texts, encodings, strict=True), start):
        try:
            inputs = read_inputs(model, text, None, truncate=True, most=MOST_TOKENS, encoding=encoding)
        except InputError as error:
            yield NotRead(number, str(error))
        else:
            yield TextRead(number, text, inputs)


def same_length(model: Model, reads: Sequence[TextRead]) -> Iterator[TextBatch]:
    """These texts, grouped by length."""
    by_length: dict[int, list[TextRead]] = {}
    for read in reads:
        by_length.setdefault(len(read.tokens), []).append(read)
    causal = model.causal and model.stacks[0] == "self"
    for length, members in sorted(by_length.items()):
        size = max(1, min(BATCH_TOKENS // length, BATCH_WEIGHTS // _waiting(model, length)))
        for first in range(0, len(members), size):
            yield TextBatch(tuple(members[first : first + size]), causal)


def _waiting(model: Model, length: int) -> int:
    heads = [count for counts in model.heads.values() for count in counts]
    return (max(heads) * 8 if model.routed else sum(heads)) * length**2


def run_batch(model: Model, batch: TextBatch, see: Callable[[int, Tensor], None]) -> None:
    """One forward pass; `see` gets the number and weights [text, head, query, key] of each layer.

    Of an encoder-decoder model: of its encoder.
    """
    options = {"logits_to_keep": 1} if keeps_logits(model) else {}
    forward_rows(model, [read.inputs for read in batch.reads], see, **options)


def forward_rows(
    model: Model, rows: Sequence[Inputs], see: Callable[[int, Tensor], None], **options: Any
) -> Tensor | None:
    """The logits of one pass over texts of one length; `see` gets every layer's weights of the first attention."""
    stack = model.stacks[0]

    def observe(call: AttentionCall) -> None:
        if call.place.stack == stack:
            see(call.place.layer, call.weights)

    output = model.forward(stacked_inputs(rows), [observe], **options)
    if not model.routed:
        for layer, weights in enumerate(stacked_outputs(output)[stack]):
            see(layer, weights)
    return output.get("logits")


def stacked_inputs(rows: Sequence[Inputs]) -> dict[str, Tensor]:
    """Texts of one length as one batch."""
    return {name: torch.cat([row.tensors[name] for row in rows]) for name in rows[0].tensors}


def keeps_logits(model: Model) -> bool:
    """Whether the model can return the logits of only the last tokens."""
    return "logits_to_keep" in inspect.signature(model.hf.forward).parameters
