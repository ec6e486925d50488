"""Runs of one prompt in which every head is edited in turn: what mediation.py and patching.py are made of.

All edits are rows of one batch that grows from layer to layer: the layers below an edit are run once, for all of
them. Nothing is patched: edits pass through the one attention function.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, Edit, OutputEdit, repeat_key_heads
from attnlib.model.batches import keeps_logits
from attnlib.model.loading import Model
from attnlib.model.memory import available_memory, out_of_memory
from attnlib.model.tokens import read_tokens
from attnlib.words.candidates import Row, candidate_rows, check_differ
from attnlib.words.likelihood import log_probs_of

Candidates = tuple[str, str]
ROWS = 512  # of one batch, at most
SHARE_OF_MEMORY = 0.25  # of what is free, for one batch
EVERY = -1  # instead of a layer or a head: all of them


class EditedPlace(NamedTuple):
    """What one row of a batch edits: a head, all heads of a layer, or (EVERY, EVERY) all."""

    layer: int
    head: int

    @property
    def first(self) -> int:
        """The layer from which on the row differs."""
        return max(self.layer, 0)


@dataclass(frozen=True, eq=False)
class PromptInput:
    """What the model reads for one prompt, and which candidates are scored in it."""

    ids: tuple[int, ...]
    prompt: int  # tokens of the prompt, whose attention is replaced; what follows is a continuation
    asked: dict[int, Row]  # by candidate


Editing = Callable[[int, Sequence[EditedPlace]], dict[str, Any]]  # the edits of an input, for rows of these places


class Side:
    """One prompt: its inputs (one if both candidates need the same), their attention, and edited runs."""

    def __init__(self, model: Model, prompt: str, candidates: Candidates) -> None:
        rows = candidate_rows(model, prompt, candidates)
        check_differ(model, rows, candidates)
        self.model = model
        causal = model.family == "causal"
        inputs: dict[tuple[int, ...], PromptInput] = {}
        for candidate, row in enumerate(rows):
            length = row.places[0] + 1 if causal else len(row.ids)
            inputs.setdefault(row.ids, PromptInput(row.ids, length, {})).asked[candidate] = row
        self.inputs = list(inputs.values())
        self._weights: dict[int, list[Tensor]] = {}

    @property
    def speaks(self) -> int:
        """The token that says the first word of the candidates."""
        return next(iter(self.inputs[0].asked.values())).places[0]

    def weights(self, which: int) -> list[Tensor]:
        """[layer]: the attention [head, prompt token, prompt token] of an input in the plain run."""
        if which not in self._weights:
            one, kept = self.inputs[which], list[Tensor]()
            self.forward(one, 1, [lambda call: kept.append(call.weights[0, :, : one.prompt, : one.prompt].clone())])
            self._weights[which] = kept
        return self._weights[which]

    def outputs(self, which: int, position: int) -> list[Tensor]:
        """[layer]: the output of every head at a position, in the plain run."""
        kept: list[Tensor] = []

        def keep(call: AttentionCall) -> None:
            value = repeat_key_heads(call.value, call.weights.shape[1])[0]
            kept.append((call.weights[0, :, position, None].to(value.dtype) @ value)[:, 0])

        self.forward(self.inputs[which], 1, [keep])
        return kept

    def base(self) -> list[float]:
        """The mean log-probability of each candidate in the plain run."""
        return [float(v) for v in self._means([self.forward(one, 1) for one in self.inputs], 1)[0]]

    def likeliest(self, count: int = 3) -> tuple[tuple[str, float], ...]:
        """The words that the model finds likeliest where the candidates are asked for, with their probabilities."""
        one = self.inputs[0]
        logits = self.forward(one, 1)
        row = logits[0, self.speaks - (len(one.ids) - logits.shape[1])].double().softmax(-1)
        top, ids = row[: len(self.model.tokenizer)].topk(count)
        return tuple(zip(read_tokens(self.model.tokenizer, ids.tolist()).labels, top.tolist(), strict=True))

    def logs(self, edits: Sequence[EditedPlace], editing: "Editing") -> Float[np.ndarray, "edit candidate"]:
        """The mean log-probability of each candidate with each edit."""
        order = sorted(range(len(edits)), key=lambda n: edits[n].first)
        rows = [edits[n] for n in order]
        logits = [
            self.forward(one, 1 + len(rows), **editing(n, rows), joining=rows) for n, one in enumerate(self.inputs)
        ]
        means = np.empty((len(edits), 2))
        means[order] = self._means(logits, 1 + len(rows))[1:]
        return means

    def forward(
        self,
        one: PromptInput,
        rows: int,
        observers: Sequence[Callable[[AttentionCall], None]] = (),
        edits: Sequence[Edit] = (),
        joining: Sequence[EditedPlace] = (),
        outputs: Sequence[OutputEdit] = (),
    ) -> Tensor:
        """Logits [row, token, word] of the asked tokens at the end (causal) or of all; row 0 is not edited."""
        grows = self.model.grows
        ids = torch.tensor([one.ids], device=self.model.device).expand(1 if grows else rows, -1)
        inputs: dict[str, Tensor] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        growth: dict[int, int] = {}
        for edit in joining if grows else ():
            growth[edit.first] = growth.get(edit.first, 0) + 1
        options = {"logits_to_keep": self.kept(one)} if self.kept(one) else {}
        output = self.model.forward(inputs, observers, edits, outputs=outputs, growth=growth, **options)
        return output["logits"]

    def kept(self, one: PromptInput) -> int:
        """How many logits at the end are needed; 0 means all."""
        if self.model.family != "causal" or not keeps_logits(self.model):
            return 0
        return len(one.ids) - one.prompt + 1

    def _means(self, logits: Sequence[Tensor], rows: int) -> Float[np.ndarray, "row candidate"]:
        means = np.empty((rows, 2))
        for one, found in zip(self.inputs, logits, strict=True):
            skipped = len(one.ids) - found.shape[1]
            for candidate, row in one.asked.items():
                places = [place - skipped for place in row.places]
                for n in range(rows):
                    means[n, candidate] = log_probs_of(found[n, places], row.wanted).mean()
        return means


def rows_and_heads(rows: Sequence[EditedPlace], call: AttentionCall) -> tuple[Tensor, Tensor] | None:
    """The rows and heads that are edited in this layer, as indices side by side."""
    layer, count = call.place.layer, call.weights.shape[1]
    pairs = [
        (n + 1, head)
        for n, row in enumerate(rows)
        if row.layer in (layer, EVERY)
        for head in (range(count) if row.head == EVERY else (row.head,))
    ]
    if not pairs:
        return None
    at, heads = torch.tensor(pairs, device=call.weights.device).T
    return at, heads


def edited_weights(rows: Sequence[EditedPlace], new: Callable[[AttentionCall, Tensor, Tensor, Tensor], None]) -> Edit:
    """An edit of attention: `new(call, weights, rows, heads)` writes into a copy of the layer's weights."""

    def edit(call: AttentionCall) -> Tensor | None:
        chosen = rows_and_heads(rows, call)
        if chosen is None:
            return None
        weights = call.weights.clone()
        new(call, weights, *chosen)
        return weights

    return edit


Found = TypeVar("Found")


def in_chunks(
    edits: Sequence[EditedPlace], rows: int, run: Callable[[Sequence[EditedPlace]], Found]
) -> Iterator[tuple[Sequence[EditedPlace], Found]]:
    """Runs the edits, `rows` at a time; a batch that does not fit into memory is tried again with half the rows."""
    done = 0
    while done < len(edits):
        chunk = edits[done : done + rows]
        try:
            found = run(chunk)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if len(chunk) == 1:
                raise InputError("There is not enough memory for a single edit. Shorten the prompts.") from None
            rows = len(chunk) // 2
            continue
        done += len(chunk)
        yield chunk, found


def most_rows(model: Model, side: Side) -> int:
    """Rows of a batch that fit into a share of the free memory."""
    tokens = max(len(one.ids) for one in side.inputs)
    config = model.hf.config.get_text_config()
    logits = max(side.kept(one) or tokens for one in side.inputs) * config.vocab_size
    states = 24 * tokens * config.hidden_size + 6 * max(model.heads["self"]) * tokens * tokens
    return int(max(1, min(ROWS, SHARE_OF_MEMORY * available_memory() / (8 * (2 * logits + states)))))
