"""How likely a model finds words and sentences: after a prompt, at a mask, as a whole. Natural logarithms.

A causal model is asked for a word after a prompt, a masked one for a word at its mask (a word of several pieces gets
as many masks, filled at once). Rows of one length run as one batch; nothing is padded, so that no mask is trusted.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.model.inputs import Inputs, read_inputs
from attnlib.model.loading import Model
from attnlib.words.candidates import Ids, Row, candidate_rows, check_differ, check_says_words

BATCH_NUMBERS = 64_000_000  # logits of one batch: rows x positions x words


@dataclass(frozen=True)
class Likelihood:
    """A word or continuation in its context: one log-probability per token."""

    text: str
    log_probs: tuple[float, ...]

    @property
    def sum(self) -> float:
        """log p of the whole."""
        return math.fsum(self.log_probs)

    @property
    def mean(self) -> float:
        """log of the geometric mean per token (Vig et al. 2020), which does not penalise length."""
        return self.sum / len(self.log_probs)


# ---------------------------------------------------------------------------------------------- words in a context


def likelihoods(model: Model, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[Likelihood]]:
    """Every candidate in every prompt, [prompt][candidate]: after the prompt, or (masked models) at its only mask.

    Each is tokenized together with its prompt (candidates.py); the tokens are those after what the prompt and all
    its candidates have in common. Raises InputError for a prompt without its mask, a candidate that makes no token,
    a model that says no words.
    """
    rows = [row for prompt in prompts for row in candidate_rows(model, prompt, candidates)]
    found = iter(score_rows(model, rows))
    return [[Likelihood(candidate, tuple(next(found).tolist())) for candidate in candidates] for _ in prompts]


def word_log_odds(model: Model, prompt: str, words: tuple[str, str]) -> float:
    """How much likelier a model finds one word than another: log p(first) − log p(second), natural logarithm.

    Args:
        model (Model): From `load_model`; it needs a language-model head.
        prompt (str): The words follow it (causal models) or fill its one mask (masked models).
        words (tuple of two str): The words, or short continuations.

    Returns:
        float: The log-odds; +.69 means that the first is twice as likely.

    Raises:
        InputError: If the prompt lacks its mask, a word has no token in this model, both are the same tokens, or the
            model says no words.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> prompt = "The doctor asked the nurse a question. She"
        >>> round(attnlib.word_log_odds(model, prompt, ("comforted", "prescribed")), 2)
        1.77
    """
    check_differ(model, candidate_rows(model, prompt, words), words)
    ((first, second),) = likelihoods(model, [prompt], words)
    return first.sum - second.sum


# ---------------------------------------------------------------------------------------------- batches


def score_rows(model: Model, rows: Sequence[Row]) -> list[Float[np.ndarray, " token"]]:
    """The log-probability of every wanted token of every row."""
    found: dict[int, np.ndarray] = {}
    for batch in _batches(model, rows):
        for index, log_probs in zip(batch, _score_batch(model, [rows[i] for i in batch]), strict=True):
            found[index] = log_probs
    return [found[i] for i in range(len(rows))]


def _batches(model: Model, rows: Sequence[Row]) -> Iterator[list[int]]:
    """Rows of one length together, as many as the memory for their logits allows."""
    words = model.hf.config.get_text_config().vocab_size
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    for length, group in itertools.groupby(order, key=lambda i: len(rows[i].ids)):
        size = max(1, BATCH_NUMBERS // (length * words))
        members = list(group)
        yield from (members[start : start + size] for start in range(0, len(members), size))


def _score_batch(model: Model, rows: Sequence[Row]) -> list[Float[np.ndarray, " token"]]:
    ids = torch.tensor([row.ids for row in rows], device=model.device)
    logits = model.forward({"input_ids": ids, "attention_mask": torch.ones_like(ids)})["logits"]
    return [log_probs_of(logits[n, list(row.places)], row.wanted) for n, row in enumerate(rows)]


def log_probs_of(logits: Float[torch.Tensor, "token word"], wanted: Sequence[int]) -> Float[np.ndarray, " token"]:
    """The log-probability of one wanted token per row of logits, in float64."""
    logits = logits.double()
    chosen = logits.gather(-1, torch.tensor(list(wanted), device=logits.device)[:, None])[:, 0]
    return (chosen - logits.logsumexp(-1)).cpu().numpy()


# ---------------------------------------------------------------------------------------------- sentences


def sentence_log_likelihoods(model: Model, sentences: Sequence[str]) -> list[float]:
    """Causal models: Σ log p(token | all before it) over all tokens of the sentence, after a prefix token.

    The prefix is the tokenizer's BOS, else its EOS, as in lm-evaluation-harness, so that the first word counts.
    Masked models: the pseudo-log-likelihood, Σ log p(token | all others), one token masked at a time, without the
    special ones (Salazar et al. 2020).
    """
    rows, owners = [], []
    for number, sentence in enumerate(sentences):
        for row in _sentence_rows(model, sentence):
            rows.append(row)
            owners.append(number)
    sums = [0.0] * len(sentences)
    for owner, log_probs in zip(owners, score_rows(model, rows), strict=True):
        sums[owner] += float(log_probs.sum())
    return sums


def _sentence_rows(model: Model, sentence: str) -> list[Row]:
    check_says_words(model)
    inputs = read_inputs(model, sentence, None, truncate=False)
    if model.family != "masked":
        return [sentence_row(model, inputs)]
    ids = tuple(inputs.tensors["input_ids"][0].tolist())
    return [masked_row(model, ids, i) for i, special in enumerate(inputs.tokens.special) if not special]


def sentence_row(model: Model, inputs: Inputs) -> Row:
    """Causal models: a whole sentence after the prefix token, without what else the tokenizer adds."""
    prefix = prefix_token(model)
    if prefix is None:
        raise InputError(
            f"The tokenizer of {model.name} has neither a beginning (BOS) nor an end token (EOS), so nothing can "
            "stand before the first word of a sentence, and its probability is not defined."
        )
    ids = inputs.tensors["input_ids"][0].tolist()
    before, behind = inputs.added
    written = tuple(ids[before : len(ids) - behind])
    if written[:1] == (prefix,):
        written = written[1:]  # it was typed
    return Row((prefix, *written[:-1]), tuple(range(len(written))), written)


def prefix_token(model: Model) -> int | None:
    """The token before a sentence: BOS, or else EOS; None if the tokenizer has neither."""
    names = ("bos_token_id", "eos_token_id")
    return next((int(i) for i in (getattr(model.tokenizer, name, None) for name in names) if i is not None), None)


def masked_row(model: Model, ids: Ids, place: int) -> Row:
    mask = model.tokenizer.mask_token_id
    return Row((*ids[:place], mask, *ids[place + 1 :]), (place,), (ids[place],))


# ---------------------------------------------------------------------------------------------- CrowS-Pairs


# ---------------------------------------------------------------------------------------------- Winogender
