"""One head from query and key vectors to the weight, dimension by dimension; and why a score changes in a pair.

score[i, j] = cap(scaling · Σ_d q[i, d] k[j, d]) + bias[i, j], weights = softmax of a row of scores (and of a sink).
Everything is made in float64 from the model's own vectors, after RoPE. Draws nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float

from attnlib.errors import InputError
from attnlib.model.tokens import Tokens
from attnlib.tracing.layer import LayerAttention
from attnlib.tracing.trace import Trace

MASKED = -1e4  # a bias below this hides a key: models add the smallest number of their dtype


@dataclass(frozen=True, eq=False)
class HeadVectors:
    """One head of one text: its vectors, and what else goes into its weights."""

    layer: int
    head: int
    stack: str
    queries: Tokens
    keys: Tokens
    query: Float[np.ndarray, "query head_dim"]  # after RoPE, float32
    key: Float[np.ndarray, "key head_dim"]  # after RoPE, float32, of the key head this query head uses
    value: Float[np.ndarray, "key value_dim"]
    scaling: float
    bias: Float[np.ndarray, "query key"]  # mask and position bias, added to the scaled (and capped) product
    weights: Float[np.ndarray, "query key"]  # as the model computed them
    softcap: float | None = None
    sink: float | None = None  # one more score in every row's softmax, dropped from the weights
    edited: bool = False  # whether `weights` were replaced by an edit
    rounding: float = 0.0  # the step of the dtype the model computed in

    def terms(self, query: int) -> Float[np.ndarray, "key head_dim"]:
        """What each dimension adds to the score of a query token with every key: scaling · q_d · k_d."""
        return self.scaling * self.query[query].astype(np.float64) * self.key.astype(np.float64)

    @cached_property
    def scaled(self) -> Float[np.ndarray, "query key"]:
        """scaling · q·k, before a cap and the bias; the sum of `terms`."""
        return self.scaling * (self.query.astype(np.float64) @ self.key.astype(np.float64).T)

    @cached_property
    def scores(self) -> Float[np.ndarray, "query key"]:
        """What the softmax is taken of; a masked key's is below MASKED."""
        capped = self.scaled if self.softcap is None else np.tanh(self.scaled / self.softcap) * self.softcap
        return capped + self.bias

    @cached_property
    def recombined(self) -> Float[np.ndarray, "query key"]:
        """The weights, made again from the vectors."""
        largest = self.scores.max(1, keepdims=True)
        largest = largest if self.sink is None else np.maximum(largest, self.sink)
        powers = np.exp(self.scores - largest)
        rest = 0.0 if self.sink is None else np.exp(self.sink - largest)
        return powers / (powers.sum(1, keepdims=True) + rest)

    @property
    def deviation(self) -> float:
        """How far the recombined weights are from the model's, at most."""
        return float(np.abs(self.recombined - self.weights).max())

    @property
    def tolerance(self) -> float:
        """How far they may be: 1e-4, or what rounding the largest score to the model's dtype makes of it."""
        largest = np.abs(self.scaled).max() if self.softcap is None else self.softcap
        return max(1e-4, self.rounding * float(largest))

    @property
    def outputs(self) -> Float[np.ndarray, "query value_dim"]:
        """The head's output of every query token, Σ_j weight · v_j, before the layer's output projection."""
        return self.weights.astype(np.float64) @ self.value.astype(np.float64)

    @property
    def value_norms(self) -> Float[np.ndarray, "query key"]:
        """Norm-weighted attention ‖weight · v‖ (Kobayashi et al. 2020, before the output projection)."""
        return self.weights * np.linalg.norm(self.value.astype(np.float64), axis=1)


def head_vectors(trace: Trace, layer: int, head: int, stack: str | None = None) -> HeadVectors:
    """One head's vectors of a trace. `stack`: of an encoder-decoder model "encoder", "decoder" or "cross".

    Raises InputError for a layer or head that is not there, and for a model whose vectors are not known because its
    attention does not pass through transformers' attention interface.
    """
    attention = trace.stack(stack)
    found = attention.layer(layer)
    heads = len(found.weights)
    if not 0 <= head < heads:
        raise InputError(f"Layer {layer} has heads 0 to {heads - 1}; there is no head {head}.")
    query, key, value = (vectors[head] for vectors in (found.query, found.key, found.value))
    if query.shape[1] != key.shape[1]:
        raise InputError(
            f"Head {head} of layer {layer} has queries of {query.shape[1]} and keys of {key.shape[1]} dimensions, "
            "which cannot be multiplied. The head view shows its weights."
        )
    return HeadVectors(
        layer,
        head,
        attention.name,
        attention.queries,
        attention.keys,
        query,
        key,
        value,
        found.scaling,
        _bias(found, head),
        found.weights[head],
        _softcap(found),
        _sink(found, head),
        found.edited,
        torch.finfo(found.call.weights.dtype).eps if found.call is not None else 0.0,
    )


def _bias(layer: LayerAttention, head: int) -> Float[np.ndarray, "query key"]:
    bias = layer.bias
    mine = bias[head if len(bias) > 1 else 0]
    return np.broadcast_to(mine, layer.weights.shape[1:]).astype(np.float32)


def _softcap(layer: LayerAttention) -> float | None:
    cap = None if layer.call is None else layer.call.softcap
    return None if cap is None else float(cap)


def _sink(layer: LayerAttention, head: int) -> float | None:
    sinks = None if layer.call is None else layer.call.sinks
    return None if sinks is None else float(sinks.reshape(-1)[head])


@dataclass(frozen=True, eq=False)
class ScoreChange:
    """Why the score of one query and one key changes from prompt A to prompt B: exact, and additive over dimensions.

    score_b − score_a = terms.sum() + cap + bias, and terms = from_query + from_key.
    """

    score_a: float
    score_b: float
    terms: Float[np.ndarray, " head_dim"]  # scaling · (q_b k_b − q_a k_a)
    from_query: Float[np.ndarray, " head_dim"]  # scaling · Δq · (k_a + k_b)/2: what the other query does
    from_key: Float[np.ndarray, " head_dim"]  # scaling · Δk · (q_a + q_b)/2: what the other key does
    bias: float  # change of the bias
    cap: float  # what a softcap takes away from the change; 0 without one


def score_change(a: HeadVectors, b: HeadVectors, query: tuple[int, int], key: tuple[int, int]) -> ScoreChange:
    """Split the change of a score over dimensions (exact by the bilinearity of q·k).

    `query` and `key` are token positions in A and in B. Raises InputError where the heads do not have the same
    dimensions and scaling, or a key is hidden from its query by a mask.
    """
    if a.query.shape[1] != b.query.shape[1] or a.scaling != b.scaling:
        raise InputError("The two heads differ in dimensions or scaling: their scores are no sums of the same terms.")
    places = [query[0], key[0]], [query[1], key[1]]
    if any(side.bias[i, j] < MASKED for side, (i, j) in zip((a, b), places, strict=True)):
        raise InputError("This key is hidden from the query token by a mask: it has no score. Choose another key.")
    q_a, q_b = a.query[query[0]].astype(np.float64), b.query[query[1]].astype(np.float64)
    k_a, k_b = a.key[key[0]].astype(np.float64), b.key[key[1]].astype(np.float64)
    terms = a.scaling * (q_b * k_b - q_a * k_a)
    bias = float(b.bias[query[1], key[1]]) - float(a.bias[query[0], key[0]])
    score_a, score_b = float(a.scores[query[0], key[0]]), float(b.scores[query[1], key[1]])
    return ScoreChange(
        score_a,
        score_b,
        terms,
        a.scaling * (q_b - q_a) * (k_a + k_b) / 2,
        a.scaling * (k_b - k_a) * (q_a + q_b) / 2,
        bias,
        score_b - score_a - bias - float(terms.sum()),
    )
