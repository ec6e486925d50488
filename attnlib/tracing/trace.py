"""Text in, frozen Trace out: the attention of one forward pass, with its tokens and what was verified.

Axes are named once: layer, head, query, key, token, head_dim. Not here: the arithmetic of the checks
(checks.py), what a token looks like (model/tokens.py), drawing (views/).
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, Edit
from attnlib.model.inputs import Inputs, read_inputs
from attnlib.model.loading import Model
from attnlib.model.memory import available_memory
from attnlib.model.probing import stacked_outputs
from attnlib.model.token_notes import TokenNote
from attnlib.model.tokens import Tokens
from attnlib.tracing.checks import Check, verify
from attnlib.tracing.layer import LayerAttention, as_array, read_only
from attnlib.words.predictions import Predictions, read_predictions


@dataclass(frozen=True, eq=False)
class Stack:
    """The layers of one attention: self-attention, or a model's encoder, decoder or cross attention."""

    name: str  # "self", "encoder", "decoder", "cross"
    queries: Tokens
    keys: Tokens
    layers: dict[int, LayerAttention]  # by the layer's true number; all of them, or those asked for

    def layer(self, number: int) -> LayerAttention:
        """The attention of layer `number`, counted from 0."""
        if number not in self.layers:
            kept = ", ".join(map(str, self.layers))
            raise InputError(f"Layer {number} of the {self.name} attention is not in this trace; it has {kept}.")
        return self.layers[number]

    @cached_property
    def weights(self) -> Float[np.ndarray, "layer head query key"]:
        """Attention weights, float32, read-only; of the kept layers in their order."""
        if not self.layers:
            raise InputError(f"No layer of the {self.name} attention is in this trace. Trace one of its layers.")
        if len({layer.weights.shape for layer in self.layers.values()}) > 1:
            raise InputError("The layers have different numbers of heads: read them one by one, with .layer(i).")
        return read_only(np.stack([layer.weights for layer in self.layers.values()]))

    def query(self, layer: int) -> Float[np.ndarray, "head query head_dim"]:
        """Query vectors of a layer after RoPE, float32."""
        return self.layer(layer).query

    def key(self, layer: int) -> Float[np.ndarray, "head key head_dim"]:
        """Key vectors of a layer after RoPE, float32, key heads repeated."""
        return self.layer(layer).key

    def scaling(self, layer: int) -> float:
        """What the model multiplies q·k by in a layer."""
        return self.layer(layer).scaling


@dataclass(frozen=True, eq=False)
class Trace:
    """The attention of one forward pass over one text (or pair of texts), made by `trace`.

    An encoder-decoder model has three kinds of attention: use `encoder`, `decoder` or `cross`, each with the
    `weights`, `query`, `key` and `scaling` of that stack. Arrays are float32 and read-only.

    Attributes:
        model (str): The model's name.
        stacks (dict of str to Stack): The attention by its name, "self" or "encoder", "decoder", "cross".
        causal (bool): Whether no token sees a later one.
        predictions (Predictions, optional): The words the model finds likeliest after (or in place of) each token.
        truncated_from (int, optional): Tokens of the text before it was cut; None if it was not.
        hidden (tuple of int): Positions of the tokens that were hidden from the model.
        seconds (float): Time of the forward pass.
        notes (tuple of str): Sentences on how the text was read.
        tokenization (tuple of TokenNote): What the tokenizer did unasked, with remedies.
        source_language (str, optional): For translation models, the language of the text.
        target_language (str, optional): For translation models, the language of the decoder's text.
        given (bool): Whether the weights were given as arrays, instead of computed by a model here.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> trace = attnlib.trace(model, "The nurse said that she")
        >>> trace.labels
        ('The', ' nurse', ' said', ' that', ' she')
        >>> trace.verified
        True
    """

    model: str
    stacks: dict[str, Stack]
    causal: bool
    predictions: Predictions | None = None
    truncated_from: int | None = None
    hidden: tuple[int, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    tokenization: tuple[TokenNote, ...] = field(default=())
    source_language: str | None = None
    target_language: str | None = None
    given: bool = False

    def stack(self, name: str | None = None) -> Stack:
        """One of the model's kinds of attention.

        Args:
            name (str, optional): "self", "encoder", "decoder" or "cross". Default: the first.

        Returns:
            Stack: Its tokens and layers.

        Raises:
            InputError: If the model has no attention of that name.
        """
        name = name or next(iter(self.stacks))
        if name not in self.stacks:
            raise InputError(f"This model has no {name} attention; it has {', '.join(self.stacks)}.")
        return self.stacks[name]

    @property
    def encoder(self) -> Stack:
        """The encoder's self-attention; InputError if there is none."""
        return self.stack("encoder")

    @property
    def decoder(self) -> Stack:
        """The decoder's self-attention; InputError if there is none."""
        return self.stack("decoder")

    @property
    def cross(self) -> Stack:
        """The attention from the decoder to the encoder; InputError if there is none."""
        return self.stack("cross")

    def _only(self) -> Stack:
        if len(self.stacks) > 1:
            raise InputError("This model has several attentions: use trace.encoder, trace.decoder or trace.cross.")
        return self.stack()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens as the tokenizer names them (for an encoder-decoder model, the encoder's)."""
        return self.stack().queries.names

    @property
    def labels(self) -> tuple[str, ...]:
        """The tokens as shown to a reader."""
        return self.stack().queries.labels

    @property
    def segments(self) -> tuple[int, ...]:
        """The sentence each token belongs to, 0 or 1."""
        return self.stack().queries.segments

    @property
    def weights(self) -> Float[np.ndarray, "layer head query key"]:
        """Attention weights [layer, head, query, key] of the kept layers. Rows sum to 1 (0 for silenced heads)."""
        return self._only().weights

    def query(self, layer: int) -> Float[np.ndarray, "head query head_dim"]:
        """The query vectors of a layer, after rotary position embedding (RoPE).

        Args:
            layer (int): Counted from 0.

        Returns:
            array [head, query, head_dim], float32.

        Raises:
            InputError: If the layer was not kept, or the model's vectors are not known.
        """
        return self._only().query(layer)

    def key(self, layer: int) -> Float[np.ndarray, "head key head_dim"]:
        """The key vectors of a layer, after rotary position embedding (RoPE); shared key heads are repeated.

        Args:
            layer (int): Counted from 0.

        Returns:
            array [head, key, head_dim], float32.

        Raises:
            InputError: If the layer was not kept, or the model's vectors are not known.
        """
        return self._only().key(layer)

    def scaling(self, layer: int) -> float:
        """What the model multiplies q·k by in a layer, 1/√head_dim in most.

        Args:
            layer (int): Counted from 0.

        Returns:
            float.

        Raises:
            InputError: If the layer was not kept, or the model's vectors are not known.
        """
        return self._only().scaling(layer)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What was checked about these weights, each with the largest deviation found; computed when first read."""
        causal_stacks = {"self"} if self.causal else {"decoder"}
        return verify(
            [
                (layer, stack.name in causal_stacks)
                for stack in self.stacks.values()
                for layer in stack.layers.values()
            ]
        )

    @property
    def verified(self) -> bool:
        """Whether something was checked (edited layers are not) and every check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @classmethod
    def from_arrays(
        cls,
        weights: Any,
        tokens: Sequence[str],
        key_tokens: Sequence[str] | None = None,
        *,
        segments: Sequence[int] | None = None,
        name: str = "arrays",
    ) -> "Trace":
        """Make a trace of attention that comes from anywhere, to draw it.

        Args:
            weights (array, tensor, or a list of one per layer): [layer, head, query, key], or for each layer [head,
                query, key] or [1, head, query, key]; attention after the softmax, so not negative.
            tokens (sequence of str): One per query.
            key_tokens (sequence of str, optional): One per key, if they differ from the queries (cross attention).
            segments (sequence of int, optional): For each token the sentence it belongs to, 0 or 1.
            name (str): What the views call the model.

        Returns:
            Trace: With weights and tokens, but no vectors or predictions.

        Raises:
            InputError: If shapes and tokens do not fit, or a weight is negative or not a number.

        Example:
            >>> import numpy as np
            >>> weights = np.full((1, 2, 3, 3), 1 / 3)
            >>> attnlib.Trace.from_arrays(weights, ["The", "cat", "sat"]).weights.shape
            (1, 2, 3, 3)
        """
        layers = _layers_from(weights)
        queries = Tokens.plain(tokens, segments)
        keys = queries if key_tokens is None else Tokens.plain(key_tokens)
        for number, layer in enumerate(layers):
            if layer.shape[1:] != (len(queries), len(keys)):
                raise InputError(
                    f"Layer {number} has weights for {layer.shape[1]} queries and {layer.shape[2]} keys, but there "
                    f"are {len(queries)} and {len(keys)} tokens. Give one token per row and column."
                )
        stack = Stack("self" if key_tokens is None else "cross", queries, keys, _numbered(layers))
        causal = key_tokens is None and all(not np.triu(layer, 1).any() for layer in layers)
        return cls(name, {stack.name: stack}, causal, given=True)


def trace(
    model: Model,
    text: str,
    text_b: str | None = None,
    *,
    layers: Iterable[int] | None = None,
    truncate: bool = False,
    hide: Sequence[int] = (),
    edits: Sequence[Edit] = (),
    source_language: str | None = None,
    target_language: str | None = None,
) -> Trace:
    """Run a model on a text once and keep its attention.

    Args:
        model (Model): From `load_model`.
        text (str): The text.
        text_b (str, optional): The second sentence (BERT-like models) or the decoder's text (encoder-decoder models).
        layers (iterable of int, optional): Keep only these layers, counted from 0; memory then does not grow with the
            depth of the model. Default: all.
        truncate (bool): Whether a text over the model's limit is cut; if not, it is an error.
        hide (sequence of int): Positions of tokens to hide from the model: replaced by its mask token, or else taken
            out of its attention.
        edits (sequence of callables): Changes to attention while it is computed, such as `zero_heads(...)`.
        source_language (str, optional): For translation models, the language of the text, as the tokenizer names it
            ("fr_XX" for mBART, "fra_Latn" for NLLB, "fr" for M2M100; all are in `model.languages.ids`). Default: the
            model's own.
        target_language (str, optional): For translation models, the language of the decoder's text.

    Returns:
        Trace: Weights, query and key vectors, tokens, and what was checked.

    Raises:
        InputError: If the model cannot read the text or has no such layer, token or language, or the attention does
            not fit into memory.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> trace = attnlib.trace(model, "The doctor asked the nurse a question. She")
        >>> trace.weights.shape  # layer, head, query, key
        (4, 4, 9, 9)
        >>> round(float(trace.weights[0, 2, 8, 4]), 3)  # head 0-2, from “She” to “nurse”
        0.732
    """
    languages: dict[str, Any] = {"source_language": source_language, "target_language": target_language}
    inputs = read_inputs(model, text, text_b, truncate=truncate, hide=hide, **languages)
    recording = Recording(model, inputs, chosen_layers(model, layers))
    if edits:
        model.check_editable()
    start = time.perf_counter()
    output = model.forward(inputs.tensors, [recording.keep], edits)
    synchronize(model)
    seconds = time.perf_counter() - start
    if not model.routed:
        recording.keep_output(output)
    logits = output.get("logits")
    return recording.trace(None if logits is None else logits[0], seconds, tuple(hide))


@dataclass(eq=False)
class Recording:
    """The chosen layers of one text while the model runs; becomes a Trace. Refuses what would not fit into memory."""

    model: Model
    inputs: Inputs
    layers: frozenset[int]
    kept: dict[tuple[str, int], LayerAttention] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_attention_fits(self.model, self.inputs, self.layers)

    def keep(self, call: AttentionCall) -> None:
        """An observer of the forward pass."""
        if call.place.layer in self.layers:
            kept, why = _keep(call), self.model.no_vectors
            self.kept[call.place] = replace(kept, call=None, no_vectors=why) if why else kept

    def keep_output(self, output: Any) -> None:
        """The layers of a model outside the interface, as it reports them itself."""
        self.kept = _from_output(self.model, output, self.inputs, self.layers)

    def drop_all_but(self, layers: frozenset[int]) -> None:
        """Forget the other layers."""
        self.kept = {place: layer for place, layer in self.kept.items() if place[1] in layers}

    def trace(
        self, logits: Float[Tensor, "token word"] | None, seconds: float, hidden: tuple[int, ...] = ()
    ) -> Trace:
        """What was kept, with the predictions of the pass."""
        stacks = {}
        for name in self.model.stacks:
            queries, keys = self.inputs.rows(name)
            mine = {layer: attention for (stack, layer), attention in self.kept.items() if stack == name}
            stacks[name] = Stack(name, queries, keys, dict(sorted(mine.items())))
        return Trace(
            model=self.model.name,
            stacks=stacks,
            causal=self.model.causal,
            predictions=read_predictions(self.model, logits),
            truncated_from=self.inputs.truncated_from,
            hidden=hidden,
            seconds=seconds,
            notes=(*self.inputs.notes, *([self.model.numbering] if self.model.numbering else [])),
            tokenization=self.inputs.tokenization,
            source_language=self.inputs.source_language,
            target_language=self.inputs.target_language,
        )


# ---------------------------------------------------------------------------------------------- keeping layers


def chosen_layers(model: Model, layers: Iterable[int] | None) -> frozenset[int]:
    """Layer numbers asked for, all of them for None. Raises InputError for one the model does not have."""
    deepest = max(len(heads) for heads in model.heads.values())
    chosen = frozenset(range(deepest)) if layers is None else frozenset(layers)
    wrong = [layer for layer in chosen if not 0 <= layer < deepest]
    if wrong:
        raise InputError(f"{model.name} has layers 0 to {deepest - 1}; there is no layer {wrong[0]}.")
    return chosen


def _keep(call: AttentionCall) -> LayerAttention:
    """The layer on the CPU; nothing is copied if it is already there."""
    cpu = replace(
        call,
        module=None,
        query=call.query.cpu(),
        key=call.key.cpu(),
        value=call.value.cpu(),
        weights=call.weights.cpu(),
        mask=None if call.mask is None else call.mask.cpu(),
        position_bias=None if call.position_bias is None else call.position_bias.cpu(),
        sinks=None if call.sinks is None else call.sinks.cpu(),
    )
    return LayerAttention(as_array(cpu.weights[0]), cpu, call.edited)


def _from_output(
    model: Model, output: Any, inputs: Inputs, chosen: frozenset[int]
) -> dict[tuple[str, int], LayerAttention]:
    """The layers of a model outside the interface, as it reports them itself."""
    kept = {}
    for stack, weights in stacked_outputs(output).items():
        queries, keys = inputs.rows(stack)
        for layer in sorted(chosen & set(range(len(weights)))):
            array = as_array(weights[layer][0])
            if array.shape[1:] != (len(queries), len(keys)):
                raise InputError(
                    f"{model.name} reports windowed attention of shape {array.shape[1:]} instead of one weight per "
                    "pair of tokens, which cannot be drawn. Choose a model with full attention."
                )
            kept[stack, layer] = LayerAttention(array)
    return kept


def check_attention_fits(model: Model, inputs: Inputs, chosen: frozenset[int]) -> None:
    """Refuse a text whose weights would not fit into memory, before the forward pass."""
    size = 0
    for stack, heads in model.heads.items():
        queries, keys = inputs.rows(stack)
        kept = sum(count for layer, count in enumerate(heads) if layer in chosen)
        size += (kept + 3 * max(heads)) * len(queries) * len(keys) * 4
    free = available_memory()
    if size > free:
        tokens = max(len(row) for row in inputs.rows(model.stacks[0]))
        raise InputError(
            f"The attention of {tokens:,} tokens needs {size / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB is "
            "free. Shorten the text, or keep fewer layers."
        )


def synchronize(model: Model) -> None:
    """Wait until the model's device has done its work."""
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


# ---------------------------------------------------------------------------------------------- from arrays


def _layers_from(weights: Any) -> list[Float[np.ndarray, "head query key"]]:
    try:
        layers = [_as_float32(layer) for layer in weights]
    except (TypeError, ValueError) as error:
        raise InputError(f"The weights are not an array of numbers [layer, head, query, key]: {error}") from None
    layers = [layer[0] if layer.ndim == 4 and layer.shape[0] == 1 else layer for layer in layers]
    for number, layer in enumerate(layers):
        if layer.ndim != 3:
            raise InputError(
                f"Layer {number} of the weights has {layer.ndim} axes; head, query and key are needed "
                "(the whole is [layer, head, query, key])."
            )
        if not np.isfinite(layer).all() or (layer < 0).any():
            raise InputError(
                f"Layer {number} has weights that are negative or not numbers. Give attention after the softmax."
            )
    if not layers:
        raise InputError("There are no layers in the weights.")
    return [read_only(layer) for layer in layers]


def _as_float32(layer: Any) -> np.ndarray:
    """A copy in float32 of an array or of a tensor of any dtype on any device."""
    return np.array(layer.detach().float().cpu() if isinstance(layer, torch.Tensor) else layer, np.float32)


def _numbered(layers: Sequence[np.ndarray]) -> dict[int, LayerAttention]:
    return {number: LayerAttention(layer) for number, layer in enumerate(layers)}
