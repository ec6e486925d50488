"""What a model says: its likeliest words at every token, and how a pair of prompts changes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.attention import zero_heads
from attnlib.model.inputs import Inputs, read_inputs
from attnlib.model.loading import Model
from attnlib.model.tokens import read_tokens

TOP = 5
ROWS = 16  # tokens at a time: a copy of all logits would cost more than the rest
LEAST = 5e-3  # words less likely than this in both prompts are left out of a comparison: their ratios are noise


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the model would say: after each token (causal, decoder) or in its place (masked)."""

    labels: tuple[tuple[str, ...], ...]  # token → its likeliest words, best first
    probabilities: Float[np.ndarray, "token rank"]


@dataclass(frozen=True)
class WordChange:
    """One word the model might say at one place, under prompt A and under prompt B."""

    place: str  # "next", or "mask 1", "mask 2", …
    word: str
    p_a: float
    p_b: float

    @property
    def log_ratio(self) -> float:
        """log p(word | B) − log p(word | A), natural logarithm."""
        return float(np.log(self.p_b) - np.log(self.p_a))


def says_words(model: Model) -> bool:
    """Whether the model has a language-model head."""
    return model.family != "encoder"


def read_predictions(model: Model, logits: Float[Tensor, "token word"] | None) -> Predictions | None:
    """The likeliest words of every token."""
    if logits is None or not says_words(model):
        return None
    best, ids = [], []
    for rows in logits.split(ROWS):
        top, top_ids = rows.topk(min(TOP, logits.shape[-1]))
        best.append((top.float() - rows.float().logsumexp(-1, keepdim=True)).exp())
        ids.append(top_ids)
    probabilities = torch.cat(best).float().cpu().numpy()
    probabilities.flags.writeable = False
    return Predictions(_words(model.tokenizer, torch.cat(ids).cpu().numpy()), probabilities)


def _words(tokenizer: Any, ids: Int[np.ndarray, "token rank"]) -> tuple[tuple[str, ...], ...]:
    labels = read_tokens(tokenizer, ids.reshape(-1).tolist()).labels
    width = ids.shape[1]
    return tuple(labels[row * width : (row + 1) * width] for row in range(len(ids)))


# ---------------------------------------------------------------------------------------------- a pair of prompts


def speaking_places(model: Model, inputs: Inputs) -> tuple[int, ...]:
    """Where the model predicts words: at its masks, or at the end of the text it continues."""
    if not says_words(model):
        return ()
    if model.family != "masked":
        row, behind = (
            (inputs.tokens, inputs.added[1]) if inputs.decoder_tokens is None else (inputs.decoder_tokens, 0)
        )
        last = len(row) - behind - 1  # an end that the tokenizer adds is not what a next word follows
        if last > 0 and not row.special[last] and set(row.labels[last]) <= set("␣ "):
            last -= 1  # a space belongs to the word that follows, as it does in candidates.py
        return (max(0, last),)
    mask = getattr(model.tokenizer, "mask_token_id", None)
    ids = inputs.tensors["input_ids"][0].tolist()
    return tuple(i for i, token in enumerate(ids) if token == mask)


def compare_words(
    model: Model,
    logits: tuple[Float[Tensor, "_ _"] | None, Float[Tensor, "_ _"] | None],  # [token, word] each
    places: tuple[Sequence[int], Sequence[int]],
) -> tuple[WordChange, ...]:
    """Every word of at least LEAST probability under A or B, at each place both prompts have, in order."""
    logits_a, logits_b = logits
    if logits_a is None or logits_b is None:
        return ()
    known = min(logits_a.shape[-1], logits_b.shape[-1], len(model.tokenizer))  # words both have; the rest is padding
    found: list[WordChange] = []
    for number, (in_a, in_b) in enumerate(zip(*places, strict=False), 1):
        place = f"mask {number}" if model.family == "masked" else "next"
        p_a, p_b = (_softmax(row, known) for row in (logits_a[in_a], logits_b[in_b]))
        ids = np.flatnonzero(np.maximum(p_a, p_b) >= LEAST)
        words = read_tokens(model.tokenizer, ids.tolist()).labels
        tiny = np.finfo(np.float32).tiny
        found += [
            WordChange(place, word, float(max(p_a[i], tiny)), float(max(p_b[i], tiny)))
            for i, word in zip(ids, words, strict=True)
        ]
    return tuple(found)


def words_without(
    model: Model,
    text: str,
    text_b: str | None,
    heads: Sequence[tuple[int, int]],
    *,
    stack: str = "self",
    truncate: bool = False,
    source_language: str | None = None,
    target_language: str | None = None,
) -> tuple[WordChange, ...]:
    """What the model would say with `heads` (layer, head) silenced, against all heads on: p_a with all, p_b without.

    Texts and languages as in `trace`.
    Raises InputError for a text the model cannot read, a model outside the attention interface, a stack or
    a head it lacks.
    """
    if not model.editable:
        raise InputError(f"Heads of {model.name} cannot be switched off: {model.refusal}")
    if stack not in model.heads:
        raise InputError(f"{model.name} has no {stack} attention; it has {', '.join(model.stacks)}.")
    counts = model.heads[stack]
    for layer, head in heads:
        if not (0 <= layer < len(counts) and 0 <= head < counts[layer]):
            raise InputError(f"There is no head {layer}-{head} in {model.name}.")
    languages: dict[str, Any] = {"source_language": source_language, "target_language": target_language}
    inputs = read_inputs(model, text, text_b, truncate=truncate, **languages)
    places = speaking_places(model, inputs)
    if not places:
        return ()
    plain = model.forward(inputs.tensors)["logits"][0]
    without = model.forward(inputs.tensors, edits=[zero_heads(heads, stack)])["logits"][0]
    return compare_words(model, (plain, without), (places, places))


def _softmax(row: Float[Tensor, " word"], known: int) -> Float[np.ndarray, " known"]:
    return row.float().softmax(-1)[:known].cpu().numpy()


def largest_changes(words: Sequence[WordChange], count: int = 10) -> tuple[WordChange, ...]:
    """The words with the largest |log-ratio|, those likelier under B first."""
    chosen = sorted(words, key=lambda word: -abs(word.log_ratio))[:count]
    return tuple(sorted(chosen, key=lambda word: -word.log_ratio))


def telling_words(words: Sequence[WordChange]) -> tuple[str, str] | None:
    """Two words that tell A from B at one place: the one that loses most under B and the one that gains most.

    Whole words of letters only, by the change of log-probability; None where no word loses or none gains.
    """
    place = words[0].place if words else ""
    named = [word for word in words if word.place == place and _plain(word.word.strip())]
    losing = min(named, key=lambda word: word.log_ratio, default=None)
    gaining = max(named, key=lambda word: word.log_ratio, default=None)
    if losing is None or gaining is None or losing.log_ratio >= 0 or gaining.log_ratio <= 0:
        return None
    return losing.word.strip(), gaining.word.strip()


def _plain(text: str) -> bool:
    return text.isalpha() and len(text) > 1
