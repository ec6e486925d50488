"""Overview: every layer and head of one text or of a prompt pair, small; made while the model runs, never held whole.

The maps are pooled (pooling.py), the scores are of the full weights (head_scores.py).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model
from attnlib.model.token_notes import TokenNote
from attnlib.model.tokens import Tokens
from attnlib.tracing.checks import Check
from attnlib.tracing.head_scores import by_layer, head_scores
from attnlib.tracing.pooling import Blocks, fitting_blocks, pool
from attnlib.tracing.trace import Trace, check_attention_fits, synchronize, trace

Maps = Float[np.ndarray, "_ query_block key_block"]  # _: heads; layers may differ in their number


@dataclass(frozen=True, eq=False)
class StackOverview:
    """All layers of one attention: "self", or "encoder", "decoder", "cross"."""

    name: str
    queries: Tokens
    keys: Tokens
    query_blocks: Blocks
    key_blocks: Blocks
    causal: bool
    maps: tuple[Maps, ...] = ()  # of each layer; the largest weight of every pair of blocks
    measured: tuple[dict[str, Float[np.ndarray, " _"]], ...] = field(default=(), repr=False)

    @property
    def exact(self) -> bool:
        """Whether the maps are the weights themselves: every block is one token."""
        return self.query_blocks.exact and self.key_blocks.exact

    @cached_property
    def scores(self) -> dict[str, Float[np.ndarray, "layer head"]]:
        """HEAD_SCORES of every head; NaN after the last head of a layer that has fewer. No distance in "cross"."""
        return {name: by_layer([layer[name] for layer in self.measured]) for name in self.measured[0]}

    def table(self) -> pd.DataFrame:
        """One row per head: layer, head, then every score there is."""
        layers = [len(layer) for layer in self.maps]
        places = [(layer, head) for layer, heads in enumerate(layers) for head in range(heads)]
        columns = {name: [values[place] for place in places] for name, values in self.scores.items()}
        return pd.DataFrame({"layer": [p[0] for p in places], "head": [p[1] for p in places], **columns})

    def with_layer(self, weights: Float[Tensor, "head query key"]) -> "StackOverview":
        """This overview and one more layer."""
        scores = head_scores(weights, causal=self.causal, same_row=self.keys is self.queries)
        small = compact(pool(weights.float(), self.query_blocks, self.key_blocks))
        return replace(self, maps=(*self.maps, small), measured=(*self.measured, scores))


@dataclass(frozen=True, eq=False)
class Overview:
    """Every attention of one forward pass, small; made by `overview`.

    Attributes:
        model (str): The model's name.
        stacks (dict of str to StackOverview): For each stack `maps` (of each layer, [head, query_block, key_block]:
            the largest weight of every pair of blocks) and `scores` (dict of [layer, head] arrays).
        causal (bool): Whether no token sees a later one.
        checks (tuple of Check): What was checked, each with the largest deviation found.
        truncated_from (int, optional): Tokens of the text before it was cut; None if it was not.
        hidden (tuple of int): Positions of the tokens that were hidden from the model.
        seconds (float): Time of the forward pass, pooling included.
        notes (tuple of str): Sentences on how the text was read.
        tokenization (tuple of TokenNote): What the tokenizer did unasked, with remedies.
        given (bool): Whether the weights were given as arrays, instead of computed by a model here.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> small = attnlib.overview(model, "The nurse said that she").stack()
        >>> len(small.maps), small.maps[0].shape, small.exact  # as many blocks as tokens: the weights themselves
        (4, (4, 5, 5), True)
    """

    model: str
    stacks: dict[str, StackOverview]
    causal: bool
    checks: tuple[Check, ...]
    truncated_from: int | None = None
    hidden: tuple[int, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    tokenization: tuple[TokenNote, ...] = field(default=())
    given: bool = False

    def stack(self, name: str | None = None) -> StackOverview:
        """One of the model's kinds of attention.

        Args:
            name (str, optional): "self", "encoder", "decoder" or "cross". Default: the first.

        Returns:
            StackOverview: Its tokens, maps and scores.

        Raises:
            InputError: If the model has no attention of that name.
        """
        name = name or next(iter(self.stacks))
        if name not in self.stacks:
            raise InputError(f"This model has no {name} attention; it has {', '.join(self.stacks)}.")
        return self.stacks[name]

    @property
    def verified(self) -> bool:
        """Whether something was checked and every check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def overview(
    model: Model,
    text: str,
    text_b: str | None = None,
    *,
    truncate: bool = False,
    hide: Sequence[int] = (),
    source_language: str | None = None,
    target_language: str | None = None,
) -> Overview:
    """Run a model on a text once and keep a small map of every layer and head.

    No layer is kept whole: memory grows neither with the depth of the model nor, beyond what the model itself needs,
    with the length of the text.

    Args:
        model (Model): From `load_model`.
        text (str): The text.
        text_b (str, optional): The second sentence (BERT-like models) or the decoder's text (encoder-decoder models).
        truncate (bool): Whether a text over the model's limit is cut; if not, it is an error.
        hide (sequence of int): Positions of tokens to hide from the model.
        source_language (str, optional): For translation models, the language of the text.
        target_language (str, optional): For translation models, the language of the decoder's text.

    Returns:
        Overview: For each stack, maps and scores of all heads.

    Raises:
        InputError: As `trace` does.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> overview = attnlib.overview(model, "The doctor asked the nurse a question. She")
        >>> overview.stack().table().columns.tolist()
        ['layer', 'head', 'entropy', 'distance', 'first']
    """
    languages: dict[str, Any] = {"source_language": source_language, "target_language": target_language}
    if not model.routed:
        return overview_of(trace(model, text, text_b, truncate=truncate, hide=hide, **languages))
    inputs = read_inputs(model, text, text_b, truncate=truncate, hide=hide, **languages)
    check_attention_fits(model, inputs, frozenset())
    stacks = {name: _empty(model.heads[name], name, inputs.rows(name), model.causal) for name in model.stacks}
    checked: list[Check] = []

    def observe(call: AttentionCall) -> None:
        name = call.place.stack
        stacks[name] = stacks[name].with_layer(call.weights[0])
        checked.extend(_checks(call.weights[0], stacks[name].causal, call.sinks is not None))

    start = time.perf_counter()
    model.forward(inputs.tensors, [observe])
    synchronize(model)
    return Overview(
        model=model.name,
        stacks=stacks,
        causal=model.causal,
        checks=_merged(checked),
        truncated_from=inputs.truncated_from,
        hidden=tuple(hide),
        seconds=time.perf_counter() - start,
        notes=(*inputs.notes, *([model.numbering] if model.numbering else [])),
        tokenization=inputs.tokenization,
    )


def overview_of(trace: Trace) -> Overview:
    """An overview of an existing trace, which must have kept every layer. Raises InputError if it has not."""
    stacks = {}
    for name, stack in trace.stacks.items():
        if list(stack.layers) != list(range(len(stack.layers))) or not stack.layers:
            raise InputError("The model view needs every layer. Trace the text without `layers`.")
        weights = [layer.weights for layer in stack.layers.values()]
        small = _empty([len(w) for w in weights], name, (stack.queries, stack.keys), trace.causal)
        for layer in weights:
            small = small.with_layer(torch.tensor(layer))
        stacks[name] = small
    return Overview(
        model=trace.model,
        stacks=stacks,
        causal=trace.causal,
        checks=trace.checks,
        truncated_from=trace.truncated_from,
        hidden=trace.hidden,
        seconds=trace.seconds,
        notes=trace.notes,
        tokenization=trace.tokenization,
        given=trace.given,
    )


def _empty(heads: Sequence[int], name: str, rows: tuple[Tokens, Tokens], causal: bool) -> StackOverview:
    queries, keys = rows
    triangle = name == "decoder" or (causal and name == "self" and keys is queries)
    columns = None if keys is queries else keys.segments
    blocks = fitting_blocks(queries.segments, columns, sum(heads), triangle=triangle)
    return StackOverview(name, queries, keys, *blocks, causal=triangle)


def compact(maps: Float[Tensor, "head query_block key_block"]) -> Maps:
    """A read-only array of its own: where every block is one token, the maps are the layer's weights."""
    array = np.array(maps.cpu(), np.float32)
    array.flags.writeable = False
    return array


def _checks(weights: Float[Tensor, "head query key"], causal: bool, sinks: bool) -> list[Check]:
    """Cheap checks of all rows: they sum to one, and later tokens are not seen."""
    heads, queries, _ = weights.shape
    slack = torch.finfo(weights.dtype).eps
    rows, found = heads * queries, []
    if not sinks:
        deviation = float((weights.sum(-1, dtype=torch.float32) - 1).abs().max())
        found.append(Check("row sums", deviation, max(1e-4, slack), rows))
    if causal:
        later = [float(weights[:, q, q + 1 :].max()) for q in range(0, queries - 1, max(1, queries // 64))]
        found.append(Check("causal", max(later, default=0.0), 0.0, heads * max(1, len(later))))
    return found


def _merged(checks: Sequence[Check]) -> tuple[Check, ...]:
    merged: dict[str, Check] = {}
    for check in checks:
        merged[check.name] = merged[check.name].merged(check) if check.name in merged else check
    return tuple(merged.values())


# ---------------------------------------------------------------------------------------------- of a pair
