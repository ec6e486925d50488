"""Association tests on vectors: WEAT of words, SEAT of sentences. How a model scores text is in likelihood.py."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model

BATCH = 64  # sentences
PARTITIONS = 10_000  # all are tried up to here; of more, as many at random


class Weat(NamedTuple):
    """The effect size of a word-embedding association test, and how often a random split has one as large."""

    effect: float
    p: float


def weat(
    x: Float[np.ndarray, "x width"],
    y: Float[np.ndarray, "y width"],
    a: Float[np.ndarray, "a width"],
    b: Float[np.ndarray, "b width"],
    seed: int = 0,
) -> Weat:
    """WEAT (Caliskan et al. 2017) of target vectors X, Y and attribute vectors A, B; SEAT of sentence vectors.

    s(w) = mean cos(w, A) − mean cos(w, B); effect = (mean_X s − mean_Y s) / std_{X∪Y} s with ddof = 1, as in the
    authors' code (the paper writes "std-dev" without saying which); p = the share of partitions of X∪Y into halves of
    these sizes whose difference is at least (≥) the observed, the observed one among them, as in the authors' code.
    The paper writes >, which gives a smaller p and can give 0.
    """
    s = np.concatenate([_association(side, a, b) for side in (x, y)])
    size = len(x)
    spread = s.std(ddof=1)
    if len(x) < 1 or len(y) < 1 or not spread:
        raise InputError("An association test needs vectors on both sides that differ.")
    observed = s[:size].sum()
    splits = _splits(len(s), size, np.random.default_rng(seed))
    sums = s[splits].sum(1)  # the larger X's sum, the larger the difference: the total is the same
    return Weat(float((s[:size].mean() - s[size:].mean()) / spread), float((sums >= observed - 1e-12).mean()))


def _association(
    w: Float[np.ndarray, "word width"], a: Float[np.ndarray, "a width"], b: Float[np.ndarray, "b width"]
) -> Float[np.ndarray, " word"]:
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (w, a, b)]
    return (unit[0] @ unit[1].T).mean(1) - (unit[0] @ unit[2].T).mean(1)


def _splits(total: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """The first half of each partition: all of them, or many at random with the observed one among them."""
    if math.comb(total, size) <= PARTITIONS:
        return np.array(list(itertools.combinations(range(total), size)))
    random = rng.permuted(np.tile(np.arange(total), (PARTITIONS - 1, 1)), axis=1)[:, :size]
    return np.concatenate([np.arange(size)[None], random])


def sentence_vectors(model: Model, sentences: Sequence[str]) -> Float[np.ndarray, "sentence width"]:
    """What SEAT compares (May et al. 2019): vectors of the last layer.

    Of the first token ([CLS]) or, in a causal model, of the last.
    """
    texts = [
        tuple(read_inputs(model, text, None, truncate=False).tensors["input_ids"][0].tolist()) for text in sentences
    ]
    place = -1 if model.causal else 0
    found: dict[int, np.ndarray] = {}
    for length in sorted({len(ids) for ids in texts}):  # rows of one length run as one batch: nothing is padded
        members = [n for n, ids in enumerate(texts) if len(ids) == length]
        for start in range(0, len(members), BATCH):
            batch = members[start : start + BATCH]
            ids = torch.tensor([texts[n] for n in batch], device=model.device)
            inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            states = model.forward(inputs, output_hidden_states=True)["hidden_states"][-1]
            found |= dict(zip(batch, states[:, place].float().cpu().numpy(), strict=True))
    return np.stack([found[n] for n in range(len(texts))])
