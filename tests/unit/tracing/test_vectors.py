"""From query and key to the weight: the columns recombine, the terms sum, a pair's split is exact."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import attnlib
from attnlib import HeadVectors, InputError
from attnlib.model.tokens import Tokens
from attnlib.tracing.layer import LayerAttention
from attnlib.tracing.vectors import MASKED
from tests.unit.model.test_attention import HEADED, TEXT, TEXT_B
from tests.unit.tiny import tiny_model

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
LONGER = "The doctor asked the nurse a hard question. He answered"

pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # MobileBERT


def slow_row(vectors: HeadVectors, query: int) -> list[float]:
    """One row of weights in plain Python, from nothing but the vectors."""
    scores = []
    for key in range(len(vectors.keys)):
        score = sum(float(q) * float(k) for q, k in zip(vectors.query[query], vectors.key[key], strict=True))
        score *= vectors.scaling
        if vectors.softcap is not None:
            score = vectors.softcap * math.tanh(score / vectors.softcap)
        scores.append(score + float(vectors.bias[query, key]))
    extra = [] if vectors.sink is None else [vectors.sink]
    largest = max(scores + extra)
    total = sum(math.exp(score - largest) for score in scores + extra)
    return [math.exp(score - largest) / total for score in scores]


@pytest.mark.parametrize(("architecture", "family"), HEADED)
def test_the_columns_recombine_to_the_models_own_weights(architecture: str, family: str) -> None:
    model = tiny_model(architecture, family)
    trace = attnlib.trace(model, TEXT, TEXT_B if family == "seq2seq" else None)
    for name, stack in trace.stacks.items():
        for layer in (0, max(stack.layers)):
            heads = len(stack.layer(layer).weights)
            for head in (0, heads - 1):
                vectors = attnlib.head_vectors(trace, layer, head, name)
                assert vectors.deviation <= 1e-4
                np.testing.assert_allclose(vectors.recombined, stack.layer(layer).weights[head], atol=1e-4)
                query = len(stack.queries) - 1
                np.testing.assert_allclose(slow_row(vectors, query), vectors.weights[query], atol=1e-4)
                np.testing.assert_allclose(vectors.terms(query).sum(1), vectors.scaled[query], atol=1e-9)


def test_what_makes_architectures_different_is_there() -> None:
    def of(architecture: str, family: str = "causal") -> HeadVectors:
        return attnlib.head_vectors(attnlib.trace(tiny_model(architecture, family), TEXT), 1, 3)

    assert of("gemma2").softcap == 50
    assert of("gpt_oss").sink is not None
    assert of("gemma2").scaling == pytest.approx(8**-0.5)
    t5 = attnlib.head_vectors(attnlib.trace(tiny_model("t5", "seq2seq"), TEXT, TEXT_B), 0, 1, "encoder")
    assert t5.scaling == 1
    assert np.unique(t5.bias).size > 2, "T5's position bias"
    shared = attnlib.trace(tiny_model("llama", "causal"), TEXT)
    two, three = (attnlib.head_vectors(shared, 0, head) for head in (2, 3))
    np.testing.assert_array_equal(two.key, three.key)  # grouped queries
    assert not np.array_equal(two.query, three.query)
    masked = of("gpt2").bias[0] < MASKED
    assert not masked[0]
    assert masked[1:].all()


def by_hand(**changes: object) -> HeadVectors:
    """Two tokens of two dimensions: scores 2·(1·1 + 2·3) = 14 and 2·(1·0 + 2·3) = 12."""
    tokens = Tokens.plain(["a", "b"])
    vectors = HeadVectors(
        layer=0,
        head=0,
        stack="self",
        queries=tokens,
        keys=tokens,
        query=np.array([[1, 2], [0, 1]], np.float32),
        key=np.array([[1, 3], [0, 3]], np.float32),
        value=np.array([[3, 4], [0, 1]], np.float32),
        scaling=2.0,
        bias=np.zeros((2, 2), np.float32),
        weights=np.array([[0.75, 0.25], [0.5, 0.5]], np.float32),
    )
    return replace(vectors, **changes)


def test_a_head_worked_out_by_hand() -> None:
    vectors = by_hand()
    np.testing.assert_array_equal(vectors.terms(0), [[2, 12], [0, 12]])
    np.testing.assert_array_equal(vectors.scores, [[14, 12], [6, 6]])
    larger = 1 / (1 + math.exp(-2))
    np.testing.assert_allclose(vectors.recombined, [[larger, 1 - larger], [0.5, 0.5]])
    assert vectors.deviation == pytest.approx(larger - 0.75)
    np.testing.assert_allclose(vectors.outputs, [[2.25, 3.25], [1.5, 2.5]])
    np.testing.assert_allclose(vectors.value_norms, [[0.75 * 5, 0.25], [2.5, 0.5]])
    capped = by_hand(softcap=10.0).scores
    np.testing.assert_allclose(capped[0], [10 * math.tanh(1.4), 10 * math.tanh(1.2)])
    sink = by_hand(sink=6.0).recombined
    np.testing.assert_allclose(sink[1], [1 / 3, 1 / 3])
    hidden = by_hand(bias=np.array([[0, torch.finfo(torch.float32).min], [0, 0]], np.float32))
    np.testing.assert_array_equal(hidden.recombined[0], [1, 0])


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2", "t5"])
def test_a_pairs_split_is_exact(name: str) -> None:
    model = tiny_model(name, "seq2seq" if name == "t5" else "causal")
    for other in (HE, LONGER):
        found = attnlib.compare(model, SHE, other)
        sides = [attnlib.head_vectors(side, 1, 2, found.stack) for side in (found.a, found.b)]
        pairs = [(i, j) for i, j in found.alignment.token_pairs if i is not None and j is not None]
        for query in pairs[-2:]:
            for key in [pair for pair in pairs if pair[0] <= query[0] and pair[1] <= query[1]]:
                change = attnlib.score_change(*sides, query, key)
                scores = [side.scores[i, j] for side, i, j in zip(sides, query, key, strict=True)]
                assert (change.score_a, change.score_b) == pytest.approx(tuple(scores), abs=1e-9)
                assert change.terms.sum() + change.cap + change.bias == pytest.approx(scores[1] - scores[0], abs=1e-9)
                np.testing.assert_allclose(change.from_query + change.from_key, change.terms, atol=1e-9)
                if name != "gemma2":
                    assert change.cap == pytest.approx(0, abs=1e-4)
        if name != "t5":  # before the edit a causal model's vectors are the same
            same = attnlib.score_change(*sides, pairs[1], pairs[0])
            assert np.abs(same.terms).max() < 1e-4


def test_a_pairs_split_by_hand() -> None:
    a, b = by_hand(), by_hand(key=np.array([[2, 3], [0, 3]], np.float32), bias=np.full((2, 2), 0.5, np.float32))
    change = attnlib.score_change(a, b, (0, 0), (0, 0))
    assert (change.score_a, change.score_b, change.bias) == (14, 16.5, 0.5)
    np.testing.assert_array_equal(change.terms, [2, 0])
    np.testing.assert_array_equal(change.from_query, [0, 0])
    np.testing.assert_array_equal(change.from_key, [2, 0])
    assert change.cap == 0
    swapped = attnlib.score_change(b, a, (0, 0), (0, 0))
    np.testing.assert_array_equal(swapped.terms, -change.terms)


def test_tokens_of_a_pair_stand_beside_each_other() -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, "The doctor asked the old nurse. He")
    pairs = found.alignment.token_pairs
    assert [i for i, _ in pairs if i is not None] == list(range(len(found.alignment.a)))
    assert [j for _, j in pairs if j is not None] == list(range(len(found.alignment.b)))
    assert pairs[-1] == (len(found.alignment.a) - 1, len(found.alignment.b) - 1)


def test_what_cannot_be_shown_says_why() -> None:
    trace = attnlib.trace(tiny_model("gpt2", "causal"), TEXT)
    with pytest.raises(InputError, match="heads 0 to 3; there is no head 9"):
        attnlib.head_vectors(trace, 0, 9)
    with pytest.raises(InputError, match="no head -1"):
        attnlib.head_vectors(trace, 0, -1)
    with pytest.raises(InputError, match="Layer 7"):
        attnlib.head_vectors(trace, 7, 0)
    with pytest.raises(InputError, match="no cross attention"):
        attnlib.head_vectors(trace, 0, 0, "cross")
    with pytest.raises(InputError, match="attention interface"):
        attnlib.head_vectors(attnlib.trace(tiny_model("gptj", "causal"), TEXT), 0, 0)
    with pytest.raises(InputError, match="came from arrays"):
        attnlib.head_vectors(attnlib.Trace.from_arrays(np.ones((1, 1, 1, 1)), ["a"]), 0, 0)


def test_queries_and_keys_of_other_widths_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = attnlib.trace(tiny_model("gpt2", "causal"), TEXT)
    monkeypatch.setattr(LayerAttention, "key", property(lambda layer: np.zeros((4, 8, 5), np.float32)))
    with pytest.raises(InputError, match="queries of 8 and keys of 5 dimensions"):
        attnlib.head_vectors(trace, 0, 0)


def test_a_masked_key_has_no_change_of_score() -> None:
    found = attnlib.compare(tiny_model("gpt2", "causal"), SHE, HE)
    sides = [attnlib.head_vectors(side, 0, 0) for side in (found.a, found.b)]
    with pytest.raises(InputError, match="hidden from the query token by a mask"):
        attnlib.score_change(*sides, (0, 0), (3, 3))
    with pytest.raises(InputError, match="differ in dimensions or scaling"):
        attnlib.score_change(by_hand(), by_hand(scaling=1.0), (0, 0), (0, 0))


def test_an_edited_layer_says_so() -> None:
    trace = attnlib.trace(tiny_model("gpt2", "causal"), TEXT, edits=[attnlib.zero_heads([(0, 1)])])
    assert attnlib.head_vectors(trace, 0, 1).edited
    assert not attnlib.head_vectors(trace, 1, 1).edited


def test_rounding_of_the_models_own_numbers_is_allowed_for() -> None:
    exact = attnlib.head_vectors(attnlib.trace(tiny_model("gpt2", "causal"), TEXT), 0, 0)
    assert exact.tolerance == 1e-4
    model = tiny_model("gpt2", "causal")
    model.hf.to(torch.bfloat16)
    rounded = attnlib.head_vectors(attnlib.trace(model, TEXT), 0, 0)
    assert rounded.tolerance > 1e-4
    assert rounded.deviation <= rounded.tolerance
