"""What a model can do, tried on twelve tokens: where its attention calls sit, its heads, what may be edited.

Not here: loading, and a model's place in the rest (loading.py).
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attnlib.errors import InputError
from attnlib.model.attention import (
    IMPLEMENTATION,
    AttentionCall,
    LayerPlace,
    allow_growth,
    output_of,
    watching,
)
from attnlib.model.recomputing import vectors_give_weights

Weights = dict[str, tuple[Tensor, ...]]  # by stack, of each layer [batch, head, query, key]
STACKS = ("self", "encoder", "decoder", "cross")
CROSS_MARKS = ("encoder_attn", "encdec", "cross_attn", "cross_attention", "crossattention")
OUTSIDE_VECTORS = "its attention does not pass through transformers' attention interface."
OUTSIDE = "it does not pass through transformers' attention interface."
NOT_LINEAR = (
    "this model changes its heads' outputs after the softmax, so they are not weights times values, and even an edit "
    "that changes nothing would change its predictions."
)


NO_VECTORS = (
    "softmax(q·kᵀ·scale + bias) does not give this model's weights: it makes its scores in another way, so vectors "
    "would not explain them. The weights themselves are there."
)
TOKENS, SAID = 12, 7  # of a probe, and of its decoder's text


@dataclass(frozen=True)
class Probed:
    """What a short text showed."""

    places: tuple[LayerPlace, ...]  # of each attention call; empty outside the attention interface
    heads: dict[str, tuple[int, ...]]  # stack → number of heads of each layer
    causal: bool
    refusal: str  # why attention cannot be edited; empty where it can
    no_vectors: str  # why query and key vectors cannot be shown; empty where they can
    numbering: str  # how layers are counted, where that is not as in the model


def probe_inputs(hf: Any, family: str, tokens: int = 3, said: int = 2) -> dict[str, Tensor]:
    """Inputs for a small forward pass: so many tokens where the model has places for them, and some for a decoder."""
    places = getattr(hf.config.get_text_config(), "max_position_embeddings", None) or tokens + 2
    tokens = max(3, min(tokens, places - 2))  # RoBERTa needs two places more
    ids = torch.arange(5, 5 + tokens, device=hf.device)[None]
    ids %= hf.config.get_text_config().vocab_size
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return inputs | {"decoder_input_ids": ids[:, :said]} if family == "seq2seq" else inputs


def expected_shapes(inputs: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
    """The queries and keys that each stack's attention must have: one for each token."""
    read = inputs["input_ids"].shape[-1]
    said = inputs["decoder_input_ids"].shape[-1] if "decoder_input_ids" in inputs else read
    return {"self": (read, read), "encoder": (read, read), "decoder": (said, said), "cross": (said, read)}


def accepts(hf: Any, option: str) -> bool:
    """Whether a model's forward has an option of this name."""
    return option in inspect.signature(hf.forward).parameters


def probe(hf: Any, family: str) -> Probed:
    """Run the model on a short text. Raises InputError for a model whose attention cannot be shown."""
    _check_keeps_its_attention(hf)
    inputs = probe_inputs(hf, family, TOKENS, SAID)
    calls, right, plain = _routed_calls(hf, inputs)
    names = {id(module): name for name, module in hf.named_modules()}
    stacks = [_stack(hf, call.module, names, family) for call in calls]
    if not calls or (family == "seq2seq" and not {"encoder", "decoder", "cross"} <= set(stacks)):
        return _outside_interface(hf, inputs, family)
    weights = {
        stack: tuple(call.weights for call, mine in zip(calls, stacks, strict=True) if mine == stack)
        for stack in STACKS
        if stack in stacks
    }
    _check_weights(hf, weights, inputs, sinks=any(call.sinks is not None for call in calls))
    paths = [names[id(call.module)] for call in calls]
    allow_growth(hf.get_submodule(_layer_of(path)) for path in paths)
    places = tuple(LayerPlace(stack, stacks[:i].count(stack)) for i, stack in enumerate(stacks))
    return Probed(
        places,
        _heads(weights),
        _causal(weights),
        "" if right and _edits_change_nothing(hf, inputs, plain) else NOT_LINEAR,
        "" if all(vectors_give_weights(call) for call in calls) else NO_VECTORS,
        _numbering(places, paths),
    )


def _edits_change_nothing(hf: Any, inputs: dict[str, Tensor], plain: Tensor) -> bool:
    """Whether the model says the same when each layer's weights are replaced by themselves."""
    try:
        with torch.inference_mode(), watching(edits=[lambda call: call.weights.clone()]):
            again = hf(**inputs, use_cache=False)[0]
    except InputError:
        return False
    slack = max(1e-3, 32 * torch.finfo(plain.dtype).eps) * float(plain.abs().max())
    return bool((again - plain).abs().max() <= slack)


def _check_keeps_its_attention(hf: Any) -> None:
    """Refuse a model that changes its own attention for good when it reads a short text."""
    if getattr(hf.config, "attention_type", None) == "block_sparse":
        raise InputError(
            f"{type(hf).__name__} attends in blocks (attention_type is block_sparse) and gives no attention weights "
            "of pairs of tokens; on short texts it changes its own attention. Choose a model with full attention."
        )


def _routed_calls(hf: Any, inputs: dict[str, Tensor]) -> tuple[list[AttentionCall], bool, Tensor]:
    """The attention calls of the model, whether its heads' outputs are weights times values in all of them, and what
    the model gives in the end."""
    calls: list[AttentionCall] = []
    right: list[bool] = []
    plain = torch.zeros(0)

    def compare(call: AttentionCall, output: Tensor) -> None:
        right.append(_same(output, output_of(call)))

    if not _can_be_routed(hf):
        _set_attention(hf, "eager")
        return calls, False, plain
    _set_attention(hf, IMPLEMENTATION)
    try:
        with torch.inference_mode(), watching([calls.append], outputs=[compare]):
            plain = hf(**inputs, use_cache=False)[0]
    except AttributeError:  # no eager attention of its own for attnlib's function to call
        calls = []
    if not calls:
        _set_attention(hf, "eager")
    return calls, all(right), plain


def _same(output: Tensor, again: Tensor | None) -> bool:
    """Whether a layer's output is the same up to rounding."""
    if again is None or again.shape != output.shape:
        return False
    slack = max(1e-5, 4 * torch.finfo(output.dtype).eps) * float(output.abs().max())
    return bool((output - again).abs().max() <= slack)


def _can_be_routed(hf: Any) -> bool:
    """Whether the class, or the one of transformers that it was made from, uses the attention interface."""
    classes: list[Any] = [one for one in type(hf).__mro__ if one.__module__.startswith("transformers.models.")]
    return bool(next(iter(classes), type(hf))._can_set_attn_implementation())


def _set_attention(hf: Any, name: str) -> None:
    """Set the attention function, also in a model that does not allow choosing it."""
    if hf._can_set_attn_implementation():
        hf.set_attn_implementation(name)
    for module in hf.modules():
        config: Any = getattr(module, "config", None)
        if getattr(config, "_attn_implementation", None) not in (None, name):
            config._attn_implementation = name


def _layer_of(attention: str) -> str:
    """The path of the layer an attention module belongs to: "model.layers.3.self_attn" is in "model.layers.3"."""
    parts = attention.split(".")
    numbered = [n for n, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbered[-1] + 1]) if numbered else attention


def _numbering(places: Sequence[LayerPlace], paths: Sequence[str]) -> str:
    """A sentence if layers are numbered differently from the model: layers without attention, several calls."""
    told = []
    for stack in STACKS:
        mine = [path for place, path in zip(places, paths, strict=True) if place.stack == stack]
        numbers = [[int(part) for part in path.split(".") if part.isdigit()][:1] for path in mine]
        if not all(numbers) or [n[0] for n in numbers] == list(range(len(mine))) or len(set(mine)) == 1 < len(mine):
            continue
        counted = [number[0] for number in numbers]
        calls = [
            f", call {counted[:n].count(layer) + 1} of {counted.count(layer)}" if counted.count(layer) > 1 else ""
            for n, layer in enumerate(counted)
        ]
        pairs = [f"{n} is layer {layer} of the model{calls[n]}" for n, layer in enumerate(counted)]
        told.append(f"Layers are counted by their attention calls: {'; '.join(pairs)}.")
    return " ".join(dict.fromkeys(told))


def _heads(weights: Weights) -> dict[str, tuple[int, ...]]:
    return {stack: tuple(w.shape[1] for w in ws) for stack, ws in weights.items()}


def _causal(weights: Weights) -> bool:
    return all(bool((w.triu(1) == 0).all()) for w in weights.get("self", ())) and "self" in weights


def _stack(hf: Any, module: nn.Module | None, names: Mapping[int, str], family: str) -> str:
    """Which attention a module is: by where the model's encoder and decoder are, else by its path."""
    path = names[id(module)].lower()
    if family != "seq2seq":
        return "cross" if "crossattention" in path else "self"
    if any(mark in path for mark in CROSS_MARKS) or getattr(module, "is_cross_attention", False) is True:
        return "cross"
    for stack, part in (("encoder", hf.get_encoder()), ("decoder", hf.get_decoder())):
        name = names.get(id(part), "").lower()
        if name and path.startswith(f"{name}."):
            if stack == "encoder" and names.get(id(hf.get_decoder()), "").lower().startswith(f"{name}."):
                continue  # a model around both
            return stack
    return _first_telling(path.split("."))


def _first_telling(parts: Iterable[str]) -> str:
    """The first informative part of a path: "decoder.bert.encoder.layer.0" is in the decoder."""
    for part in parts:
        for stack in ("decoder", "encoder"):
            if stack in part:
                return stack
    return "decoder"


def _check_weights(hf: Any, weights: Weights, inputs: Mapping[str, Tensor], *, sinks: bool = False) -> None:
    """Refuse a model whose attention is not what it is taken for. `sinks`: part of a row goes to no token."""
    _check_shapes(hf, weights, inputs)
    kind = type(hf).__name__
    for stack, layers in weights.items():
        for number, layer in enumerate(layers):
            sums = layer.float().sum(-1)
            off = float((sums - 1).abs().max())
            if not torch.isfinite(sums).all():
                raise InputError(
                    f"{kind} gives attention that is not a number (NaN) in layer {number} of its {stack} attention, "
                    "already for a few tokens: its weights are damaged, or its dtype is too small for them."
                )
            if float(layer.min()) < 0:
                raise InputError(
                    f"{kind} reports numbers that are no attention weights: some are negative in layer {number} of "
                    f"its {stack} attention. Choose another model."
                )
            if off > 1e-2 and not sinks:
                raise InputError(
                    f"{kind} reports numbers that are no attention weights: rows of layer {number} of its {stack} "
                    f"attention sum to up to {off:.2g} more or less than 1. Choose another model."
                )
    if any(bool(layer.triu(1).any()) for layer in weights.get("decoder", ())):
        raise InputError(
            f"{kind} lets its decoder see later words, so what it says of the next word would be given away. "
            "Choose another model."
        )


def _check_shapes(hf: Any, weights: Weights, inputs: Mapping[str, Tensor]) -> None:
    """Refuse a model that has something else than one weight per pair of tokens."""
    expected = expected_shapes(inputs)
    for stack, layers in weights.items():
        for number, layer in enumerate(layers):
            if layer.ndim != 4 or tuple(layer.shape[-2:]) != expected[stack]:
                raise InputError(
                    f"{type(hf).__name__} has compressed or windowed attention: layer {number} of its {stack} "
                    f"attention gives weights of shape {tuple(layer.shape[1:])} for {expected[stack][0]} x "
                    f"{expected[stack][1]} tokens, instead of one weight per pair of tokens, which cannot be drawn. "
                    "Choose a model with full attention."
                )


def _outside_interface(hf: Any, inputs: dict[str, Tensor], family: str) -> Probed:
    """A model that reports its weights itself."""
    _set_attention(hf, "eager")
    options = {"use_cache": False} if accepts(hf, "use_cache") else {}
    with torch.inference_mode():
        weights = stacked_outputs(hf(**inputs, output_attentions=True, **options))
    if not weights or any(w.ndim < 4 for ws in weights.values() for w in ws):
        raise InputError(
            f"{type(hf).__name__} gives no attention weights: it does not use the attention interface and "
            "ignores output_attentions. Models without softmax attention (Mamba, RWKV) have none to show."
        )
    _check_weights(hf, weights, inputs)
    missing = [stack for stack in ("encoder", "decoder", "cross") if stack not in weights]
    if family == "seq2seq" and missing:
        raise InputError(
            f"{type(hf).__name__} gives no attention weights of its {missing[0]} attention. Choose another model."
        )
    return Probed((), _heads(weights), _causal(weights), OUTSIDE, OUTSIDE_VECTORS, "")


def stacked_outputs(output: Any) -> Weights:
    """The attentions of a Hugging Face output by stack: each a tuple of [batch, head, query, key]."""
    named = {
        "self": output.get("attentions"),
        "encoder": output.get("encoder_attentions"),
        "decoder": output.get("decoder_attentions"),
        "cross": output.get("cross_attentions"),
    }
    found = {stack: tuple(w for w in ws if w is not None) for stack, ws in named.items() if ws}
    return {stack: weights for stack, weights in found.items() if weights}
