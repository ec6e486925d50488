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
    """One head of one text: its vectors, and whatever else goes into its weights. Made by `head_vectors`.

    score[i, j] = cap(scaling · Σ_d query[i, d] · key[j, d]) + bias[i, j]; the weights are the softmax of each row.

    Attributes:
        layer (int): Counted from 0.
        head (int): Counted from 0.
        stack (str): "self", "encoder", "decoder" or "cross".
        queries (Tokens): The tokens that look.
        keys (Tokens): The tokens looked at.
        query (array [query, head_dim]): Query vectors, float32, after rotary position embedding (RoPE).
        key (array [key, head_dim]): Key vectors, float32, after RoPE, of the key head that this query head uses.
        value (array [key, value_dim]): Value vectors, float32.
        scaling (float): What q·k is multiplied by.
        bias (array [query, key]): Mask and position bias, added to the scaled (and capped) product.
        weights (array [query, key]): Attention weights as the model computed them.
        softcap (float, optional): Scores become softcap · tanh(score / softcap); None in most models.
        sink (float, optional): One more score in the softmax of every row, dropped from the weights; None in most
            models.
        edited (bool): Whether the weights were replaced by an edit.
        rounding (float): The step of the dtype the model computed in.

    Source:
        Vaswani et al. 2017, *Attention Is All You Need*, equation 1.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> vectors = attnlib.head_vectors(attnlib.trace(model, "The nurse said that she"), 0, 2)
        >>> bool(abs(vectors.recombined - vectors.weights).max() < 1e-5)
        True
    """

    layer: int
    head: int
    stack: str
    queries: Tokens
    keys: Tokens
    query: Float[np.ndarray, "query head_dim"]
    key: Float[np.ndarray, "key head_dim"]
    value: Float[np.ndarray, "key value_dim"]
    scaling: float
    bias: Float[np.ndarray, "query key"]
    weights: Float[np.ndarray, "query key"]
    softcap: float | None = None
    sink: float | None = None
    edited: bool = False
    rounding: float = 0.0

    def terms(self, query: int) -> Float[np.ndarray, "key head_dim"]:
        """What each dimension adds to the scores of a query token: scaling · q_d · k_d.

        Args:
            query (int): The position of the query token.

        Returns:
            array [key, head_dim], float64; a row sums to the scaled score with that key.
        """
        return self.scaling * self.query[query].astype(np.float64) * self.key.astype(np.float64)

    @cached_property
    def scaled(self) -> Float[np.ndarray, "query key"]:
        """scaling · q·k [query, key], before a softcap and the bias; the sums of `terms`."""
        return self.scaling * (self.query.astype(np.float64) @ self.key.astype(np.float64).T)

    @cached_property
    def scores(self) -> Float[np.ndarray, "query key"]:
        """The scores [query, key] that the softmax is taken of; those of masked keys are below MASKED."""
        capped = self.scaled if self.softcap is None else np.tanh(self.scaled / self.softcap) * self.softcap
        return capped + self.bias

    @cached_property
    def recombined(self) -> Float[np.ndarray, "query key"]:
        """The weights [query, key] computed again from the vectors, in float64."""
        largest = self.scores.max(1, keepdims=True)
        largest = largest if self.sink is None else np.maximum(largest, self.sink)
        powers = np.exp(self.scores - largest)
        rest = 0.0 if self.sink is None else np.exp(self.sink - largest)
        return powers / (powers.sum(1, keepdims=True) + rest)

    @property
    def deviation(self) -> float:
        """The largest difference between `recombined` and the model's own weights."""
        return float(np.abs(self.recombined - self.weights).max())

    @property
    def tolerance(self) -> float:
        """The difference that rounding explains: 1e-4, or more where the model computed in fewer bits."""
        largest = np.abs(self.scaled).max() if self.softcap is None else self.softcap
        return max(1e-4, self.rounding * float(largest))

    @property
    def outputs(self) -> Float[np.ndarray, "query value_dim"]:
        """The head's output for each query token, Σ_j weight · v_j [query, value_dim], not yet projected."""
        return self.weights.astype(np.float64) @ self.value.astype(np.float64)

    @property
    def value_norms(self) -> Float[np.ndarray, "query key"]:
        """Norm-weighted attention ‖weight · v‖ [query, key], before the output projection (Kobayashi et al. 2020)."""
        return self.weights * np.linalg.norm(self.value.astype(np.float64), axis=1)


def head_vectors(trace: Trace, layer: int, head: int, stack: str | None = None) -> HeadVectors:
    """The query, key and value vectors of one head of a trace.

    Args:
        trace (Trace): A trace that kept the layer.
        layer (int): Counted from 0.
        head (int): Counted from 0.
        stack (str, optional): For an encoder-decoder model "encoder", "decoder" or "cross". Default: the first.

    Returns:
        HeadVectors: The vectors, and the arithmetic from them to the weights.

    Raises:
        InputError: If there is no such layer or head, or the model's vectors are not known because its attention does
            not pass through transformers' attention interface.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> trace = attnlib.trace(model, "The doctor asked the nurse a question. She")
        >>> vectors = attnlib.head_vectors(trace, layer=0, head=2)
        >>> vectors.terms(8).shape  # key, head_dim: what each dimension adds to the scores of “She”
        (9, 32)
        >>> vectors.deviation < vectors.tolerance  # the arithmetic gives the model's own weights
        True
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
    """Why the score of one query and one key changes from prompt A to prompt B; made by `score_change`.

    score_b − score_a = terms.sum() + cap + bias, and terms = from_query + from_key; both are exact.

    Attributes:
        score_a (float): The score in A.
        score_b (float): The score in B.
        terms (array [head_dim]): scaling · (q_b k_b − q_a k_a).
        from_query (array [head_dim]): scaling · Δq · (k_a + k_b)/2: the part that is due to the other query.
        from_key (array [head_dim]): scaling · Δk · (q_a + q_b)/2: the part that is due to the other key.
        bias (float): The change of the bias.
        cap (float): What a softcap takes away from the change; 0 without one.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> a, b = (attnlib.head_vectors(attnlib.trace(model, text), 0, 2) for text in ("The cat", "The dog"))
        >>> change = attnlib.score_change(a, b, query=(1, 1), key=(0, 0))
        >>> abs(change.from_key).max() < 1e-6  # “The” stands before the change: its key is the same
        np.True_
    """

    score_a: float
    score_b: float
    terms: Float[np.ndarray, " head_dim"]
    from_query: Float[np.ndarray, " head_dim"]
    from_key: Float[np.ndarray, " head_dim"]
    bias: float
    cap: float


def score_change(a: HeadVectors, b: HeadVectors, query: tuple[int, int], key: tuple[int, int]) -> ScoreChange:
    """Split the change of one score from prompt A to prompt B over the dimensions of a head.

    The split is exact, because q·k is a sum over dimensions. The change of a *weight* is not such a sum: the softmax
    divides by the scores of the other keys.

    Args:
        a (HeadVectors): The head in prompt A.
        b (HeadVectors): The same head in prompt B.
        query (tuple of two int): Position of the query token in A and in B.
        key (tuple of two int): Position of the key token in A and in B.

    Returns:
        ScoreChange: The change, dimension by dimension.

    Raises:
        InputError: If the heads differ in dimensions or scaling, or a mask hides the key from the query.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
        >>> a, b = (attnlib.head_vectors(attnlib.trace(model, text), 0, 2) for text in (she, he))
        >>> change = attnlib.score_change(a, b, query=(8, 8), key=(4, 4))  # from the pronoun to “nurse”
        >>> round(change.score_a, 2), round(change.score_b, 2), round(float(change.terms.sum()), 2)
        (4.46, 2.16, -2.3)
    """
    if a.query.shape[1] != b.query.shape[1] or a.scaling != b.scaling:
        raise InputError(
            "The two heads differ in dimensions or scaling, so their scores are not sums of the same terms."
        )
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
