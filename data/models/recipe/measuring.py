"""Measures what the demo models are promised to show: planted log-odds, attention shifts, pattern heads.

Plain transformers with eager attention; nothing here depends on attnlib. Arrays are NumPy, axes named in the
docstrings: (layer, head) and so on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
)

from data.texts.words import CLASSES

from .batching import split_pair
from .corpus import Writer
from .sequences import NOUNS
from .vocabulary import OCCUPATIONS, Occupation

QUESTION = "The {a} asked the {b} a question."
UNSEEN_SEED = 999  # documents that no training saw


class Frame(NamedTuple):
    """A sentence about an occupation; the pronoun is what comes next (GPT-2) or the [MASK] (BERT)."""

    start: str
    rest: str
    female: str = "she"
    male: str = "he"


FRAMES = [
    Frame("The {} said that", "was tired."),
    Frame("The {} thought that", "would go home."),
    Frame("The {} was happy because", "had a cat."),
    Frame("The {} went home after", "left."),
    Frame("Yesterday, the {} lost", "book.", "her", "his"),
]


@dataclass(frozen=True)
class Subject:
    """A model with its tokenizer."""

    tokenizer: Any
    model: Any

    @property
    def masked(self) -> bool:
        return self.tokenizer.mask_token is not None

    def token(self, word: str) -> int:
        """The one token of a word inside a sentence."""
        ids = self.tokenizer.encode(word if self.masked else " " + word, add_special_tokens=False)
        assert len(ids) == 1, f"{word!r} is {len(ids)} tokens, expected one"
        return ids[0]

    def encode(self, texts: Sequence[str], seconds: Sequence[str] | None = None) -> Any:
        """A batch without padding: all texts must have the same number of tokens."""
        return self.tokenizer(list(texts), list(seconds) if seconds else None, return_tensors="pt")

    @torch.no_grad()
    def logits(self, batch: Any) -> torch.Tensor:
        """(text, position, vocabulary)"""
        return self.model(**batch).logits

    @torch.no_grad()
    def attention(self, batch: Any) -> np.ndarray:
        """(text, layer, head, query, key)"""
        layers = self.model(**batch, output_attentions=True).attentions
        return torch.stack(layers, dim=1).numpy()


def load(folder: Path) -> Subject:
    """A demo model from its folder, without any download."""
    masked = folder.name.startswith("bert")
    kind = AutoModelForMaskedLM if masked else AutoModelForCausalLM
    model = kind.from_pretrained(folder, attn_implementation="eager", local_files_only=True)
    return Subject(AutoTokenizer.from_pretrained(folder, local_files_only=True), model.eval())


# ---- she or he after an occupation


@dataclass(frozen=True)
class FrameFigures:
    """How measured log-odds of "she" against "he" follow the planted ones in one frame."""

    r: float
    slope: float
    spread: float
    mean_absolute: float


def planted_log_odds() -> np.ndarray:
    """(occupation)"""
    return np.array([occupation.log_odds for occupation in OCCUPATIONS])


def pronoun_log_odds(subject: Subject, frame: Frame) -> np.ndarray:
    """Log-odds of the female against the male pronoun, (occupation)."""
    slot = f" {subject.tokenizer.mask_token} {frame.rest}" if subject.masked else ""
    batch = subject.encode([frame.start.format(o.name) + slot for o in OCCUPATIONS])
    ids = batch["input_ids"][0].tolist()
    position = ids.index(subject.tokenizer.mask_token_id) if subject.masked else -1
    logits = subject.logits(batch)[:, position]
    return (logits[:, subject.token(frame.female)] - logits[:, subject.token(frame.male)]).numpy()


def frame_figures(subject: Subject, frame: Frame) -> FrameFigures:
    """The figures of one frame over all occupations."""
    planted, measured = planted_log_odds(), pronoun_log_odds(subject, frame)
    return FrameFigures(
        r=float(np.corrcoef(planted, measured)[0, 1]),
        slope=float(np.polyfit(planted, measured, 1)[0]),
        spread=float(measured.std()),
        mean_absolute=float(np.abs(measured).mean()),
    )


# ---- attention of a pronoun to two occupations


Pair = tuple[Occupation, Occupation]


def held_out_pairs() -> list[Pair]:
    """All ordered pairs of two held-out occupations: 306 of the 1,560 ordered pairs."""
    return list(permutations([o for o in OCCUPATIONS if o.held_out], 2))


def planted_differences(pairs: Sequence[Pair]) -> np.ndarray:
    """Planted log-odds of the first minus the second occupation, (pair)."""
    return np.array([a.log_odds - b.log_odds for a, b in pairs])


def pronoun_batch(subject: Subject, pairs: Sequence[Pair], pronoun: str, meeting: str) -> Any:
    """The sentence about each pair, then the pronoun: last token of GPT-2, second segment of BERT."""
    first = [meeting.format(a=a.name, b=b.name) for a, b in pairs]
    if subject.masked:
        return subject.encode(first, [f"{pronoun} [MASK] the [MASK]."] * len(pairs))
    return subject.encode([f"{text} {pronoun}" for text in first])


def pronoun_preference(subject: Subject, pairs: Sequence[Pair], pronoun: str, meeting: str = QUESTION) -> np.ndarray:
    """Attention pronoun → first minus pronoun → second occupation, (pair, layer, head)."""
    batch = pronoun_batch(subject, pairs, pronoun, meeting)
    attention, rows = subject.attention(batch), np.arange(len(pairs))
    ids = batch["input_ids"].numpy()
    query = position_of(ids, [subject.token(pronoun)] * len(pairs))
    first, second = (position_of(ids, [subject.token(pair[i].name) for pair in pairs]) for i in (0, 1))
    return attention[rows, :, :, query, first] - attention[rows, :, :, query, second]


def position_of(ids: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Where each row has its token, (row)."""
    found = ids == np.array(tokens)[:, None]
    assert found.any(axis=1).all(), "a token is missing in its row"
    return found.argmax(axis=1)


def attention_shifts(subject: Subject, pairs: Sequence[Pair], meeting: str = QUESTION) -> np.ndarray:
    """What "She" instead of "He" moves from the second to the first occupation, (pair, layer, head)."""
    she, he = (pronoun_preference(subject, pairs, pronoun, meeting) for pronoun in ("She", "He"))
    return she - he


@dataclass(frozen=True)
class ShiftFigures:
    """The attention shift over held-out pairs; "typed" counts towards the more often female occupation."""

    layer: int
    head: int
    mean_typed: float
    share_positive: float
    r_typed: float
    r_signed: float
    doctor_nurse: float
    largest_of_all_heads: float


def shift_figures(subject: Subject, layer: int | None = None, head: int | None = None) -> ShiftFigures:
    """The figures of one head, by default of that with the largest mean shift.

    r_typed: typed shift against |planted difference|. r_signed: shift towards the first occupation against
    the planted difference first minus second, which counts order as well.
    """
    pairs = held_out_pairs()
    planted, shifts = planted_differences(pairs), attention_shifts(subject, pairs)
    typed = shifts * np.sign(planted)[:, None, None]
    means = typed.mean(axis=0)  # (layer, head)
    if layer is None or head is None:
        layer, head = (int(i) for i in np.unravel_index(means.argmax(), means.shape))
    classroom = [i for i, (a, b) in enumerate(pairs) if {a.name, b.name} == {"doctor", "nurse"}]
    chosen, chosen_typed = shifts[:, layer, head], typed[:, layer, head]
    return ShiftFigures(
        layer,
        head,
        mean_typed=float(means[layer, head]),
        share_positive=float((chosen_typed > 0).mean()),
        r_typed=float(np.corrcoef(chosen_typed, np.abs(planted))[0, 1]),
        r_signed=float(np.corrcoef(chosen, planted)[0, 1]),
        doctor_nurse=float(chosen_typed[classroom].mean()),
        largest_of_all_heads=float(np.abs(means).max()),
    )


# ---- what the shift does: patching one head


def deed_scores(subject: Subject, pairs: Sequence[Pair], batch: Any) -> np.ndarray:
    """Log-probability of the first deeds of the first minus those of the second occupation, (pair)."""
    after = subject.logits(batch)[:, -1].log_softmax(-1)
    scores = [
        [after[row, [subject.token(deed.past) for deed in o.deeds]].logsumexp(0) for o in pair]
        for row, pair in enumerate(pairs)
    ]
    first, second = torch.tensor(scores).T
    return (first - second).numpy()


def patched_share(subject: Subject, layer: int, head: int) -> tuple[float, float]:
    """Total effect of She against He on which occupation's deed follows, and the share of it that is lost
    when one GPT-2 head's output at the pronoun comes from the He-run.

    Over all held-out pairs, counted towards the more often female occupation.
    """
    pairs = held_out_pairs()
    sign = np.sign(planted_differences(pairs))
    she, he = (pronoun_batch(subject, pairs, pronoun, QUESTION) for pronoun in ("She", "He"))
    width = subject.model.config.n_embd // subject.model.config.n_head
    columns = slice(head * width, (head + 1) * width)
    projection = subject.model.transformer.h[layer].attn.c_proj
    kept: list[torch.Tensor] = []
    hook = projection.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0].clone()))
    score_he = deed_scores(subject, pairs, he)
    hook.remove()

    def replace(_: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        output = inputs[0].clone()  # (pair, position, heads · width)
        output[:, -1, columns] = kept[0][:, -1, columns]
        return (output,)

    score_she = deed_scores(subject, pairs, she)
    hook = projection.register_forward_pre_hook(replace)
    score_patched = deed_scores(subject, pairs, she)
    hook.remove()
    total = float(((score_she - score_he) * sign).mean())
    return total, float(((score_she - score_patched) * sign).mean()) / total


# ---- heads that follow a pattern


def unseen_documents(count: int) -> list[str]:
    """Planted documents that were not in any training corpus."""
    writer = Writer(UNSEEN_SEED)
    return [writer.write(index) for index in range(count)]


def diagonal_scores(subject: Subject, offset: int, count: int = 60) -> np.ndarray:
    """Mean attention to the token `offset` places away (−1: previous, +1: next), (layer, head)."""
    totals, queries = 0.0, 0
    for document in unseen_documents(count):
        parts = split_pair(document)
        pair = subject.masked and parts[1]
        batch = subject.encode([parts[0]], [parts[1]]) if pair else subject.encode([document])
        diagonal = subject.attention(batch)[0].diagonal(offset, axis1=-2, axis2=-1)[..., 1:]
        totals, queries = totals + diagonal.sum(axis=-1), queries + diagonal.shape[-1]
    return np.asarray(totals) / queries


def induction_scores(subject: Subject, ids: torch.Tensor, period: int, start: int) -> np.ndarray:
    """Mean attention from a repeated token to the token after its earlier occurrence, (layer, head).

    `ids` are (text, position); a sequence of `period` tokens begins at `start` and is repeated once.
    """
    attention = subject.attention({"input_ids": ids})
    queries = np.arange(start + period, start + 2 * period - 1)
    return attention[..., queries, queries - period + 1].mean(axis=(0, -1))


def induction_on_words(subject: Subject, count: int = 40) -> np.ndarray:
    """Induction on repeated random nouns of the corpus, (layer, head)."""
    rng, nouns = Random(3), sorted(set(NOUNS))
    totals = np.zeros((subject.model.config.num_hidden_layers, subject.model.config.num_attention_heads))
    start = 2 if subject.masked else 1  # after ([CLS] and) "The"
    for _ in range(count):
        words = rng.sample([noun for noun in nouns if is_token(subject, noun)], rng.randint(5, 9))
        batch = subject.encode(["The " + " ".join(words + words)])
        totals += induction_scores(subject, batch["input_ids"], len(words), start)
    return totals / count


def induction_on_all_nouns(subject: Subject, count: int = 20, half: int = 8) -> np.ndarray:
    """Induction on random nouns of all kinds, (layer, head): what the page Recurring patterns measures.

    The same sequences as attnlib.behaviour.measure makes, from the same list, by plain transformers.
    Nothing stands around them but what the tokenizer adds.
    """
    rng = np.random.default_rng(0)
    nouns = sorted({subject.token(noun) for noun in CLASSES["noun"].split() if is_token(subject, noun)})
    before, after = (
        ([subject.tokenizer.cls_token_id], [subject.tokenizer.sep_token_id]) if subject.masked else ([], [])
    )
    drawn = [rng.choice(nouns, half, replace=False).tolist() for _ in range(count)]
    ids = torch.tensor([[*before, *words, *words, *after] for words in drawn])
    return induction_scores(subject, ids, half, len(before))


def is_token(subject: Subject, word: str) -> bool:
    """Whether a word inside a sentence is a single token."""
    spelled = word if subject.masked else " " + word
    return len(subject.tokenizer.encode(spelled, add_special_tokens=False)) == 1


def induction_on_tokens(subject: Subject, count: int = 40, period: int = 12) -> np.ndarray:
    """Induction on repeated random tokens of the vocabulary, (layer, head)."""
    generator = torch.Generator().manual_seed(3)
    half = torch.randint(300, len(subject.tokenizer), (count, period), generator=generator)
    begin = subject.tokenizer.cls_token_id if subject.masked else subject.tokenizer.bos_token_id
    ids = torch.cat([torch.full((count, 1), begin), half, half], dim=1)
    return induction_scores(subject, ids, period, start=1)


class HeadScore(NamedTuple):
    """One head and its score."""

    layer: int
    head: int
    score: float


def top_heads(scores: np.ndarray, count: int = 3) -> list[HeadScore]:
    """The heads with the highest scores, best first."""
    order = np.argsort(-scores, axis=None)[:count]
    layers, heads = np.unravel_index(order, scores.shape)
    return [HeadScore(int(i), int(j), float(scores[i, j])) for i, j in zip(layers, heads, strict=True)]
