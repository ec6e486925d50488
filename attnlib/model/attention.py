"""The one attention function: every layer of a model passes through it, is seen, and may be changed.

It is registered with transformers' AttentionInterface and calls the model's own eager attention, so the
numbers are the model's. It keeps nothing itself: *observers* read a layer as it passes, *edits* replace its
weights or outputs. Both belong to one call in one context (thread, session), never to the shared model.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnlib.errors import InputError
from attnlib.model.hf import AttentionInterface, AttentionMaskInterface, eager_mask

IMPLEMENTATION = "attnlib"


class LayerPlace(NamedTuple):
    """Where an attention call sits in its model."""

    stack: str  # "self", or "encoder", "decoder", "cross" of an encoder-decoder model
    layer: int


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """One layer's attention as the model computed it, on the model's device."""

    order: int  # 0 for the first attention call of the forward pass
    place: LayerPlace
    module: nn.Module | None  # None in a trace, so that it does not hold the model
    query: Float[Tensor, "batch head query head_dim"]
    key: Float[Tensor, "batch key_head key head_dim"]
    value: Float[Tensor, "batch key_head key value_dim"]
    weights: Float[Tensor, "batch head query key"]
    scaling: float
    mask: Tensor | None  # added to the scores, broadcast to [batch, head, query, key]
    position_bias: Tensor | None  # likewise
    softcap: float | None  # scores become softcap · tanh(score / softcap) before mask and softmax
    sinks: Float[Tensor, " head"] | None  # one more logit in the softmax, dropped from the weights
    edited: bool = False  # whether an edit has replaced the weights


Observer = Callable[[AttentionCall], None]
Edit = Callable[[AttentionCall], "Tensor | None"]  # new weights, or None to leave the layer as it is
OutputEdit = Callable[
    [AttentionCall, Tensor], "Tensor | None"
]  # of the heads' outputs [batch, query, head, value_dim]


@dataclass
class _Pass:
    observers: Sequence[Observer]
    edits: Sequence[Edit]
    places: Sequence[LayerPlace]
    outputs: Sequence[OutputEdit] = ()
    growth: dict[int, int] = field(default_factory=dict)  # attention call → rows that join the batch before its layer
    shapes: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # stack → queries and keys, as many as tokens
    calls: int = 0

    def next_place(self) -> tuple[int, LayerPlace]:
        order = self.calls
        self.calls += 1
        return order, self.places[order] if order < len(self.places) else LayerPlace("self", order)


_current: ContextVar[_Pass | None] = ContextVar("attnlib_pass", default=None)


@contextmanager
def watching(
    observers: Sequence[Observer] = (),
    edits: Sequence[Edit] = (),
    places: Sequence[LayerPlace] = (),
    outputs: Sequence[OutputEdit] = (),
    growth: Mapping[int, int] | None = None,
    shapes: Mapping[str, tuple[int, int]] | None = None,
) -> Iterator[None]:
    """Send every attention call of the forward passes made inside the block to `observers` and `edits`.

    `places` names the calls of one forward pass in their order (`Model.places`). One block serves one pass.
    `outputs` edit what the heads give to the output projection. `growth` makes the batch grow while it runs: before
    the layer of attention call n so many copies of row 0 join it (in a model that allows it: `Model.grows`), so that
    rows that are edited in a late layer share all layers below. `shapes` says how many queries and keys each stack
    must have: a layer that has others stops the pass with an InputError.
    """
    token = _current.set(
        _Pass(tuple(observers), tuple(edits), tuple(places), tuple(outputs), dict(growth or {}), shapes or {})
    )
    try:
        yield
    finally:
        _current.reset(token)


def zero_heads(heads: Iterable[tuple[int, int]], stack: str = "self") -> Edit:
    """An edit that silences heads: their attention, and so their output, becomes 0.

    Args:
        heads (iterable of (int, int)): Layer and head of each, counted from 0.
        stack (str): For an encoder-decoder model "encoder", "decoder" or "cross".

    Returns:
        callable: An edit for `trace(..., edits=[...])` or `Model.forward`.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> trace = attnlib.trace(model, "The nurse said that she", edits=[attnlib.zero_heads([(0, 2)])])
        >>> trace.weights[0, 2].any(), trace.weights[0, 1].any()
        (np.False_, np.True_)
    """
    chosen = frozenset(heads)

    def edit(call: AttentionCall) -> Tensor | None:
        mine = [head for layer, head in chosen if LayerPlace(stack, layer) == call.place]
        if not mine:
            return None
        weights = call.weights.clone()
        weights[:, mine] = 0.0
        return weights

    return edit


def repeat_key_heads(
    states: Float[Tensor, "batch key_head key width"], heads: int
) -> Float[Tensor, "batch head key width"]:
    """Repeat the key heads so that each query head has its own (grouped-query attention)."""
    return states if states.shape[1] == heads else states.repeat_interleave(heads // states.shape[1], dim=1)


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor]:
    """What transformers calls in place of the model's attention; see the head of this file."""
    eager = _eager_attention(type(module))
    output, weights = eager(module, query, key, value, attention_mask, **options)
    current = _current.get()
    if current is None:
        return output, weights
    call = _describe(current, module, query, key, value, weights, attention_mask, options)
    for edit in current.edits:
        changed = edit(call)
        if changed is not None:
            call = replace(call, weights=changed, edited=True)
    if call.edited:
        made = output_of(call)
        if made is None:
            raise InputError(f"Layer {call.place.layer} gives no outputs that can be made from edited attention.")
        output = made
    for change in current.outputs:
        changed = change(call, output)
        output = output if changed is None else changed
    for observer in current.observers:
        observer(call)
    return output, call.weights


def output_of(call: AttentionCall) -> Float[Tensor, "batch query head value_dim"] | None:
    """The heads' outputs: weights times values; None where their shapes do not allow it."""
    values = repeat_key_heads(call.value, call.query.shape[1])
    if values.shape[-2] != call.weights.shape[-1]:
        return None
    return (call.weights.to(values.dtype) @ values).transpose(1, 2).contiguous()


def _eager_attention(kind: type) -> Callable[..., tuple[Tensor, Tensor]]:
    """The eager attention of a module's own file, or of the one that the class was made from."""
    for parent in kind.__mro__:
        eager = getattr(sys.modules.get(parent.__module__), "eager_attention_forward", None)
        if eager is not None:
            return eager
    raise AttributeError(f"{kind.__name__} has no eager attention.")


def _check_shape(current: _Pass, place: LayerPlace, weights: Tensor) -> None:
    """Refuse weights that are not one per pair of tokens: they could not be shown beside the tokens."""
    expected = current.shapes.get(place.stack)
    if expected is not None and tuple(weights.shape[-2:]) != expected:
        raise InputError(
            f"Layer {place.layer} of the {place.stack} attention gives weights of {weights.shape[-2]} queries and "
            f"{weights.shape[-1]} keys for {expected[0]} and {expected[1]} tokens: they cannot be shown by token. "
            "Choose a model with full attention."
        )


def _whole(rows: Tensor, dtype: torch.dtype) -> bool:
    """Whether all rows sum to 1: then nothing goes to a learned sink, whatever the module has of that name."""
    return bool((rows >= 1 - 4 * torch.finfo(dtype).eps).all())


def _check_numbers(place: LayerPlace, rows: Tensor) -> None:
    """Refuse weights that are no numbers, as after an overflow: one NaN makes the sum of its row one, too."""
    if not torch.isfinite(rows).all():
        raise InputError(
            f"Layer {place.layer} of the {place.stack} attention gives weights that are not numbers (NaN), so "
            "nothing can be shown or measured. Shorten the text, or choose another model or dtype."
        )


def allow_growth(layers: Iterable[nn.Module]) -> None:
    """Let the batch grow before these layers if a pass asks for it (`watching`); other passes do not notice."""
    for layer in layers:
        if not any(hook is _grow for hook in layer._forward_pre_hooks.values()):
            layer.register_forward_pre_hook(_grow, with_kwargs=True)


def _grow(
    layer: nn.Module, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before a layer: copies of row 0 join the batch of hidden states."""
    current = _current.get()
    rows = 0 if current is None else current.growth.pop(current.calls, 0)
    if not rows:
        return None
    states = args[0] if args else options["hidden_states"]
    grown = torch.cat([states, states[:1].expand(rows, *states.shape[1:])])
    return ((grown, *args[1:]), options) if args else (args, {**options, "hidden_states": grown})


def _describe(
    current: _Pass,
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: Tensor,
    mask: Tensor | None,
    options: dict[str, Any],
) -> AttentionCall:
    order, place = current.next_place()
    _check_shape(current, place, weights)
    rows = weights.sum(-1, dtype=torch.float32)  # of half precision, too: many rows add up to more than it has
    _check_numbers(place, rows)
    scaling = options.get("scaling")
    sinks = options.get("s_aux", options.get("sinks", getattr(module, "sinks", None)))
    return AttentionCall(
        order=order,
        place=place,
        module=module,
        query=query,
        key=key,
        value=value,
        weights=weights,
        scaling=query.shape[-1] ** -0.5 if scaling is None else float(scaling),
        mask=mask,
        position_bias=options.get("position_bias"),
        softcap=options.get("softcap"),
        sinks=sinks.detach() if isinstance(sinks, torch.Tensor) and not _whole(rows, weights.dtype) else None,
    )


AttentionInterface.register(IMPLEMENTATION, _attend)
AttentionMaskInterface.register(IMPLEMENTATION, eager_mask)
