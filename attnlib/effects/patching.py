"""Simpler edits of heads than mediation: silencing one, or giving it another prompt's output at one position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from attnlib.effects.edited_runs import (
    Candidates,
    EditedPlace,
    Editing,
    Side,
    edited_weights,
    in_chunks,
    most_rows,
    rows_and_heads,
)
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, Edit, OutputEdit
from attnlib.model.loading import Model


@dataclass(frozen=True, eq=False)
class HeadChanges:
    """What an edit of each head does to the log-odds log p(c2) − log p(c1), means per token."""

    base: float  # without an edit
    edited: Float[np.ndarray, "layer head"]  # with that head edited; NaN where there is no such head

    @property
    def effect(self) -> Float[np.ndarray, "layer head"]:
        """edited − base. Of candidates of one token this is the change of their logit difference."""
        return self.edited - self.base


def silenced_heads(model: Model, prompt: str, candidates: Candidates) -> HeadChanges:
    """The log-odds with each head silenced (its attention, hence its output, is zero)."""
    model.check_editable()
    side = Side(model, prompt, candidates)
    return _each_head(side, lambda n, rows: {"edits": [_zero(rows)]})


def patched_heads(
    model: Model,
    prompt_a: str,
    prompt_b: str,
    candidates: Candidates,
    *,
    positions: tuple[int, int] | None = None,
) -> HeadChanges:
    """The log-odds of prompt A with each head's output at one position taken from prompt B.

    The common modern variant of mediation ("activation patching"); prompts of unequal length will do. `positions` are
    tokens of A and of B (default: the last of each, or the mask), at which outputs, before the output projection,
    change hands.
    """
    model.check_editable()
    a, b = (Side(model, prompt, candidates) for prompt in (prompt_a, prompt_b))
    at = positions or (a.speaks, b.speaks)
    for name, side, position in zip("AB", (a, b), at, strict=True):
        if not 0 <= position < side.inputs[0].prompt:
            raise InputError(f"Prompt {name} has {side.inputs[0].prompt} tokens; there is no token {position}.")
    sources = [b.outputs(n, at[1]) for n in range(len(b.inputs))]
    if len(sources) != len(a.inputs):
        raise InputError("The candidates are tokenized differently in prompts A and B. Choose words of one token.")
    return _each_head(a, lambda n, rows: {"outputs": [_output_from(sources[n], rows, at[0])]})


def _each_head(side: Side, editing: Editing) -> HeadChanges:
    counts = side.model.heads["self"]
    edits = [EditedPlace(layer, head) for layer, count in enumerate(counts) for head in range(count)][::-1]
    base = side.base()
    edited = np.full((len(counts), max(counts)), np.nan)
    for chunk, logs in in_chunks(edits, most_rows(side.model, side), lambda chunk: side.logs(chunk, editing)):
        for edit, (first, second) in zip(chunk, logs.tolist(), strict=True):
            edited[edit] = second - first
    return HeadChanges(base[1] - base[0], edited)


def _zero(rows: Sequence[EditedPlace]) -> Edit:
    def silence(call: AttentionCall, weights: Tensor, at: Tensor, heads: Tensor) -> None:
        weights[at, heads] = 0.0

    return edited_weights(rows, silence)


def _output_from(source: Sequence[Tensor], rows: Sequence[EditedPlace], position: int) -> OutputEdit:
    """In row n + 1 the output of the head `rows[n]` at a position is the source's."""

    def edit(call: AttentionCall, output: Tensor) -> Tensor | None:
        chosen = rows_and_heads(rows, call)
        if chosen is None:
            return None
        at, heads = chosen
        output = output.clone()
        output[at, position, heads] = source[call.place.layer][heads].to(output.dtype)
        return output

    return edit
