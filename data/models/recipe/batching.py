"""From documents to batches: packed blocks for GPT-2, sentence pairs with masks for BERT."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from .tokenizing import POSITIONS

BATCH_TOKENS = 1024
IGNORE = -100  # targets that do not count in torch's cross entropy
SEGMENT = POSITIONS // 2 - 2  # longest segment of a long pair, so that two and three special tokens fit

# ---- GPT-2


def pack(documents: list[list[int]], length: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of whole documents with `end` between them: tokens and targets, both (block, position)."""
    blocks: list[list[int]] = [[]]
    for document in documents:
        document = document[:length]
        if blocks[-1] and len(blocks[-1]) + 1 + len(document) > length:
            blocks.append([])
        blocks[-1] += [end, *document] if blocks[-1] else document
    tokens = np.full((len(blocks), length), end, np.int64)
    targets = np.full((len(blocks), length), IGNORE, np.int64)
    for row, block in enumerate(blocks):
        tokens[row, : len(block)] = targets[row, : len(block)] = block
        targets[row, len(block) : len(block) + 1] = end
    return tokens, targets


def gpt2_batches(documents: list[list[int]], end: int, rng: Random) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """One epoch: three quarters of the documents in blocks of 64 positions, the rest in blocks of 128."""
    documents = rng.sample(documents, len(documents))
    border = len(documents) * 3 // 4
    batches = []
    for part, length in ((documents[:border], POSITIONS // 2), (documents[border:], POSITIONS)):
        tokens, targets = map(torch.from_numpy, pack(part, length, end))
        order, rows = torch.tensor(rng.sample(range(len(tokens)), len(tokens))), BATCH_TOKENS // length
        batches += [(tokens[i], targets[i]) for i in order.split(rows) if len(i) == rows]
    rng.shuffle(batches)
    return batches


# ---- BERT


class Example(NamedTuple):
    """One row for BERT: token ids, and 0 or 1 for the segment of each."""

    ids: list[int]
    types: list[int]


def split_pair(document: str) -> tuple[str, str]:
    """First sentence and rest; a full stop inside quotation marks does not end a sentence."""
    quoted = False
    for i, char in enumerate(document[:-2]):
        if char == '"':
            quoted = not quoted
        if char in ".?" and not quoted and document[i + 1] == " ":
            return document[: i + 1], document[i + 2 :]
    return document, ""


def join(tokenizer: PreTrainedTokenizerFast, first: list[int], second: list[int]) -> Example:
    """`[CLS] first [SEP]`, and `second [SEP]` if there is one."""
    ids = [tokenizer.cls_token_id, *first, tokenizer.sep_token_id]
    types = [0] * len(ids)
    if second:
        ids += [*second, tokenizer.sep_token_id]
        types += [1] * (len(second) + 1)
    return Example(ids[:POSITIONS], types[:POSITIONS])


def long_pair(rest: Iterator[tuple[list[int], list[int]]], rng: Random) -> tuple[list[int], list[int]]:
    """Two segments of several documents each, so that late positions are trained as well."""
    target = rng.randint(50, 2 * SEGMENT - 2)
    first: list[int] = []
    second: list[int] = []
    for a, b in rest:
        part = first if len(first) < target // 2 else second
        part += a + b
        if len(first) + len(second) >= target:
            break
    return first[:SEGMENT], second[:SEGMENT]


def bert_examples(tokenizer: PreTrainedTokenizerFast, documents: list[str], rng: Random) -> list[Example]:
    """First sentence and rest as a pair; some as one segment, some with another document, some long."""
    parts = [part for document in documents for part in split_pair(document)]
    encoded = [e.ids for e in tokenizer.backend_tokenizer.encode_batch(parts, add_special_tokens=False)]
    pairs = iter(zip(encoded[::2], encoded[1::2], strict=True))
    examples = []
    for first, second in pairs:
        dice = rng.random()
        if dice < 0.12:
            more_first, more_second = long_pair(pairs, rng)
            first, second = (first + second + more_first)[:SEGMENT], more_second
        elif not second and dice < 0.56:
            second = [token for part in next(pairs, ([], [])) for token in part]
        elif second and dice < 0.30:
            first, second = first + second, []
        examples.append(join(tokenizer, first, second))
    return examples


def bert_batches(examples: list[Example], pad: int, rng: Random) -> list[torch.Tensor]:
    """One epoch of batches of about BATCH_TOKENS, rows of similar length together.

    Each batch is (ids or types or attention mask, row, position).
    """
    examples = rng.sample(examples, len(examples))
    groups: list[list[Example]] = []
    for start in range(0, len(examples), 4096):
        groups.append([])
        for example in sorted(examples[start : start + 4096], key=lambda e: len(e.ids)):
            if len(example.ids) * (len(groups[-1]) + 1) > BATCH_TOKENS:
                groups.append([])
            groups[-1].append(example)
    rng.shuffle(groups)
    return [pad_rows(group, pad) for group in groups]


def pad_rows(examples: list[Example], pad: int) -> torch.Tensor:
    """Examples as one array (ids or types or attention mask, row, position)."""
    batch = np.zeros((3, len(examples), max(len(e.ids) for e in examples)), np.int64)
    batch[0] = pad
    for row, example in enumerate(examples):
        batch[:, row, : len(example.ids)] = example.ids, example.types, [1] * len(example.ids)
    return torch.from_numpy(batch)


@dataclass
class Masker:
    """Chooses what BERT has to guess, and hides it (80 % [MASK], 10 % a random token, 10 % as it is)."""

    mask: int
    vocabulary: int
    special: int  # ids below are never hidden
    pronouns: torch.Tensor
    function_words: torch.Tensor
    generator: torch.Generator
    share: float = 0.20  # of all tokens
    pronoun_share: float = 0.40  # of the pronouns, in addition
    second_segment: float = 0.0  # share of rows in which the second segment is mostly hidden

    def _chance(self, shape: torch.Size | tuple[int, ...], probability: float) -> torch.Tensor:
        return torch.rand(shape, generator=self.generator) < probability

    def choose(self, ids: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        """True where the model has to guess, (row, position)."""
        chosen = self._chance(ids.shape, self.share)
        chosen |= torch.isin(ids, self.pronouns) & self._chance(ids.shape, self.pronoun_share)
        # in some rows the second sentence's content has to be rebuilt from the first one and the pronoun
        content = (types == 1) & ~torch.isin(ids, self.function_words)
        rebuild = (content & self._chance(ids.shape, 0.7)) | self._chance(ids.shape, 0.05)
        rows = self._chance((len(ids), 1), self.second_segment) & (types == 1).any(1, keepdim=True)
        return torch.where(rows, rebuild, chosen) & (ids >= self.special)

    def hide(self, ids: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """The ids with the chosen ones replaced."""
        dice = torch.rand(ids.shape, generator=self.generator)
        random = torch.randint(self.special, self.vocabulary, ids.shape, generator=self.generator)
        hidden = torch.where(chosen & (dice < 0.8), self.mask, ids)
        return torch.where(chosen & (dice >= 0.8) & (dice < 0.9), random, hidden)
