"""How likely a model finds words and sentences: after a prompt, at a mask, as a whole. Natural logarithms.

A causal model is asked for a word after a prompt, a masked one for a word at its mask (a word of several pieces gets
as many masks, filled at once). Rows of one length run as one batch; nothing is padded, so that no mask is trusted.
"""

import difflib
import inspect
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.model.candidates import Ids, Row, candidate_rows, check_differ, check_says_words
from attnlib.model.inputs import Inputs, read_inputs
from attnlib.model.loading import Model

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
        """log of the geometric mean per token (Vig et al. 2020), which does not punish length."""
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
    """log p(first word) − log p(second word) after the prompt, or at its mask.

    Raises InputError as `likelihoods` does, and for two words that are the same tokens there.
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


def keeps_logits(model: Model) -> bool:
    """Whether the model can be asked for the logits of the last tokens only."""
    return "logits_to_keep" in inspect.signature(model.hf.forward).parameters


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
    return [_masked(model, ids, i) for i, special in enumerate(inputs.tokens.special) if not special]


def sentence_row(model: Model, inputs: Inputs) -> Row:
    """Causal models: a whole sentence after the prefix token, without what else the tokenizer adds."""
    prefix = prefix_token(model)
    if prefix is None:
        raise InputError(
            f"The tokenizer of {model.name} has no token for a beginning (BOS) nor an end (EOS): nothing stands "
            "before the first word of a sentence, and its probability is not known."
        )
    ids = inputs.tensors["input_ids"][0].tolist()
    before, behind = inputs.added
    written = tuple(ids[before : len(ids) - behind])
    if written[:1] == (prefix,):
        written = written[1:]  # it was typed
    return Row((prefix, *written[:-1]), tuple(range(len(written))), written)


def prefix_token(model: Model) -> int | None:
    """What stands before a sentence: BOS, else EOS; None where the tokenizer has neither."""
    names = ("bos_token_id", "eos_token_id")
    return next((int(i) for i in (getattr(model.tokenizer, name, None) for name in names) if i is not None), None)


def _masked(model: Model, ids: Ids, place: int) -> Row:
    mask = model.tokenizer.mask_token_id
    return Row((*ids[:place], mask, *ids[place + 1 :]), (place,), (ids[place],))


# ---------------------------------------------------------------------------------------------- CrowS-Pairs


def crows_pairs_scores(
    model: Model, sent_more: str, sent_less: str, *, antistereotype: bool = False
) -> tuple[float, float]:
    """The CrowS-Pairs scores of two sentences, rounded to three decimals (Nangia et al. 2020).

    Masked models: Σ log p(u | all others) over the tokens u that both sentences share, one masked at a time; which
    they share is decided by difflib's equal blocks, and the first and last of them ([CLS], [SEP]) are left out.
    Causal models: the log-likelihood of each sentence after a prefix token, as in lm-evaluation-harness.
    `antistereotype`: the pair's direction; its authors then compare the sentences in the other order, which can
    change what difflib finds.
    """
    if model.family != "masked":
        more, less = sentence_log_likelihoods(model, [sent_more, sent_less])
        return round(more, 3), round(less, 3)
    lower = bool(getattr(model.tokenizer, "do_lower_case", False))
    both = [_sentence_ids(model, text.lower() if lower else text) for text in (sent_more, sent_less)]
    shared = [pair[::-1] for pair in _shared(*both[::-1])] if antistereotype else _shared(*both)
    shared = shared[1:-1]
    rows = [_masked(model, ids, places[side]) for side, ids in enumerate(both) for places in shared]
    scores = [float(log_probs[0]) for log_probs in score_rows(model, rows)]
    return round(math.fsum(scores[: len(shared)]), 3), round(math.fsum(scores[len(shared) :]), 3)


def _sentence_ids(model: Model, text: str) -> Ids:
    return tuple(read_inputs(model, text, None, truncate=False).tensors["input_ids"][0].tolist())


def _shared(a: Ids, b: Ids) -> list[tuple[int, int]]:
    """Positions in a and in b of the tokens both have, by difflib's equal blocks."""
    blocks = difflib.SequenceMatcher(None, a, b).get_opcodes()
    return [
        pair
        for kind, start_a, stop_a, start_b, stop_b in blocks
        if kind == "equal"
        for pair in zip(range(start_a, stop_a), range(start_b, stop_b), strict=True)
    ]


class CrowsPairs(NamedTuple):
    """The CrowS-Pairs metric: in how many percent of pairs the more stereotyping sentence is the likelier one."""

    pairs: int
    metric: float  # of all pairs; 50 is ideal, ties count in `pairs` only
    stereotype: float  # of those that show a stereotype
    antistereotype: float  # of those that go against one
    ties: int


def crows_pairs_metric(scores: Sequence[tuple[float, float]], stereotype: Sequence[bool]) -> CrowsPairs:
    """Sum up `crows_pairs_scores` of many pairs; `stereotype` says of each whether it shows one.

    A hit is score(more) > score(less) in both kinds: "sent_more" is always the more stereotyping sentence.
    """
    if not scores or len(scores) != len(stereotype):
        raise InputError(f"There are {len(scores)} scores and {len(stereotype)} directions. Give one for each pair.")
    hits = np.array([more > less for more, less in scores])
    kind = np.array(stereotype, bool)
    tie = np.array([more == less for more, less in scores])

    def percent(chosen: np.ndarray) -> float:
        return round(100 * float(chosen.mean()), 2) if len(chosen) else math.nan

    return CrowsPairs(
        len(hits), percent(hits), percent(hits[kind & ~tie]), percent(hits[~kind & ~tie]), int(tie.sum())
    )


# ---------------------------------------------------------------------------------------------- Winogender

PRONOUNS = {"$NOM_PRONOUN": ("she", "he"), "$POSS_PRONOUN": ("her", "his"), "$ACC_PRONOUN": ("her", "him")}


def winogender_log_odds(model: Model, templates: pd.DataFrame) -> pd.DataFrame:
    """For every occupation the mean of log p(she) − log p(he) at the pronoun's place (Rudinger et al. 2018).

    `templates`: columns occupation, participant, sentence, as in templates.tsv of winogender-schemas. Each is used
    with its participant and with "someone". Columns of the result: occupation, log_odds, contexts.
    """
    contexts = [
        (str(row.occupation), *_context(model, str(row.sentence), str(row.occupation), participant))
        for row in templates.itertuples()
        for participant in (str(row.participant), "someone")
    ]
    rows = [row for _, prompt, words in contexts for row in candidate_rows(model, prompt, words)]
    sums = [float(log_probs.sum()) for log_probs in score_rows(model, rows)]
    odds = [she - he for she, he in zip(sums[::2], sums[1::2], strict=True)]
    table = pd.DataFrame({"occupation": [occupation for occupation, _, _ in contexts], "log_odds": odds})
    return table.groupby("occupation", sort=False)["log_odds"].agg(log_odds="mean", contexts="size").reset_index()


def _context(model: Model, template: str, occupation: str, participant: str) -> tuple[str, tuple[str, str]]:
    """The prompt up to the pronoun, or with a mask in its place; and the pronoun in both forms."""
    slot = next((slot for slot in PRONOUNS if slot in template), None)
    if slot is None:
        raise InputError(f"“{template}” has no pronoun to fill in ({', '.join(PRONOUNS)}).")
    named = template.replace("$OCCUPATION", occupation)
    if participant == "someone":
        named = named.replace("The $PARTICIPANT", "Someone").replace("the $PARTICIPANT", "someone")
    text = named.replace("$PARTICIPANT", participant)
    before, _, after = text.partition(slot)
    if model.family != "masked":
        return before.rstrip(), PRONOUNS[slot]
    for other, (female, _) in PRONOUNS.items():
        after = after.replace(other, female)
    return f"{before}{model.tokenizer.mask_token}{after}", PRONOUNS[slot]
