"""Runs two prompts, in one model or two, and measures while they run what changes between them.

Of every layer only its scores and the focus word's attention are kept; whole matrices of the layers asked for.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.comparison.align import Alignment, Link, align
from attnlib.comparison.distances import group_attention, row_distances
from attnlib.comparison.focus import Span, check_span, find_span
from attnlib.comparison.overview import PairOverview, empty_pair_overview
from attnlib.comparison.result import Comparison, LayerChange, Prompt
from attnlib.comparison.sight import Sight
from attnlib.comparison.two_passes import Logits, run_pair
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall
from attnlib.model.inputs import Inputs, read_inputs
from attnlib.model.loading import Model
from attnlib.tracing.checks import Check
from attnlib.tracing.trace import Recording, Trace, chosen_layers, synchronize
from attnlib.words.predictions import compare_words, speaking_places

SAME_BATCH, OTHER_LENGTHS = 1e-6, 1e-5  # how far weights that must be the same may lie apart: one pass, or two


def compare(
    model: Model,
    prompt_a: Prompt,
    prompt_b: Prompt,
    *,
    model_b: Model | None = None,
    focus: str | Span | None = None,
    stack: str | None = None,
    layers: Iterable[int] | None = None,
    links: Sequence[Link | tuple[Sequence[int], Sequence[int]]] = (),
    truncate: bool = False,
    small: bool = False,
    source_language: str | None = None,
    target_language: str | None = None,
) -> Comparison:
    """Run two prompts and compare their attention, B − A, over aligned tokens.

    Args:
        model (Model): From `load_model`.
        prompt_a (str or tuple of two str): A text, or a text and its second sentence (or the decoder's text).
        prompt_b (str or tuple of two str): The other prompt.
        model_b (Model, optional): Runs prompt B, in another model of the same tokenizer and shape. Default: `model`.
        focus (str or Span, optional): The word whose attention is compared, or its tokens. Default: the last word
            that differs, or a later one if that one's attention cannot differ.
        stack (str, optional): For an encoder-decoder model "encoder", "decoder" or "cross". Default: the first.
        layers (iterable of int, optional): Keep the matrices of these layers only; the numbers of every layer are
            always there. Default: all.
        links (sequence of (tokens of A, tokens of B)): Corrections of the alignment: positions that stand for each
            other; one side may be empty.
        truncate (bool): Whether a text over the model's limit is cut; if not, it is an error.
        small (bool): Whether to keep a small map of every layer too, for `model_view`.
        source_language (str, optional): For translation models, the language of both texts.
        target_language (str, optional): For translation models, the language of both decoder's texts.

    Returns:
        Comparison: Differences, one number per head, and the words whose probability changes.

    Raises:
        InputError: If a prompt cannot be read, a word is not in the prompts, or two models do not fit together.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
        >>> comparison = attnlib.compare(model, she, he)
        >>> print(comparison.alignment)
        9 and 9 tokens: 8 equal, 1 replaced
        >>> round(float(comparison.target_shift(("nurse", "doctor"))[0, 2]), 3)  # head 0-2
        -0.898
    """
    other = model_b or model
    _check_models(model, other)
    options = {"truncate": truncate, "source_language": source_language, "target_language": target_language}
    inputs = (_read(model, prompt_a, "A", options), _read(other, prompt_b, "B", options))
    alignment, key_alignment = _alignments(model, inputs, stack := stack or model.stacks[0], links)
    _check_edit_is_kept((prompt_a, prompt_b), inputs, alignment, key_alignment)
    span = _focus(model, other, stack, (alignment, key_alignment), focus)
    meter = _meter(model, other, stack, (alignment, key_alignment), span, small)
    (a, b), logits = _traces((model, other), inputs, layers, stack, meter)
    return Comparison(
        a=a,
        b=b,
        prompts=(prompt_a, prompt_b),
        stack=stack,
        alignment=alignment,
        key_alignment=key_alignment,
        focus=span,
        changes=tuple(meter.changes),
        untouched=meter.check(),
        words=compare_words(model, logits, _places((model, other), inputs)),
        notes=(*_notes(inputs, alignment, model is other), *_numberings(model, other)),
        small=meter.small,
    )


def _traces(
    models: tuple[Model, Model],
    inputs: tuple[Inputs, Inputs],
    layers: Iterable[int] | None,
    stack: str,
    meter: "_Meter",
) -> tuple[tuple[Trace, Trace], tuple[Logits, Logits]]:
    """Both prompts run and measured: the traces of the chosen layers, without words, and the logits."""
    chosen, every = chosen_layers(models[0], layers), chosen_layers(models[0], None)
    needed = chosen if models[0].routed and models[1].routed else every
    recordings = (Recording(models[0], inputs[0], needed), Recording(models[1], inputs[1], needed))
    logits, seconds = _run(recordings, stack, meter)
    for recording in recordings:
        recording.drop_all_but(chosen)
    return (recordings[0].trace(None, seconds), recordings[1].trace(None, seconds)), logits


def _places(models: tuple[Model, Model], inputs: tuple[Inputs, Inputs]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where each prompt's model predicts a word."""
    return speaking_places(models[0], inputs[0]), speaking_places(models[1], inputs[1])


def _alignments(
    model: Model,
    inputs: tuple[Inputs, Inputs],
    stack: str,
    links: Sequence[Link | tuple[Sequence[int], Sequence[int]]],
) -> tuple[Alignment, Alignment]:
    """The alignments of queries and of keys; corrections apply to the keys if the two differ."""
    if stack not in model.stacks:
        raise InputError(f"{model.name} has no {stack} attention; it has {', '.join(model.stacks)}.")
    (queries_a, keys_a), (queries_b, keys_b) = (side.rows(stack) for side in inputs)
    queries = align(queries_a, queries_b, links if stack != "cross" else ())
    keys = align(keys_a, keys_b, links) if stack == "cross" else queries
    if not queries.shared or not keys.shared:
        raise InputError("No token of one prompt corresponds to a token of the other, so nothing can be compared.")
    return queries, keys


def _check_edit_is_kept(
    prompts: tuple[Prompt, Prompt], inputs: tuple[Inputs, Inputs], alignment: Alignment, keys: Alignment
) -> None:
    """Refuse prompts that no longer differ once they are truncated: they would be said to be the same."""
    cut = any(read.truncated_from is not None for read in inputs)
    if cut and prompts[0] != prompts[1] and alignment.first_edit is None and keys.first_edit is None:
        raise InputError(
            f"The prompts differ only after the first {len(inputs[0].tokens):,} tokens, and truncation removes that "
            "part. "
            "Shorten what comes before the words that differ, in both prompts."
        )


def _focus(
    model: Model, other: Model, stack: str, alignments: tuple[Alignment, Alignment], focus: str | Span | None
) -> Span:
    queries = alignments[0]
    if isinstance(focus, str):
        return find_span(queries, focus, "focus word", last=True)
    if focus is not None:
        return check_span(queries, focus)
    causal = stack == "self" and model.causal and other.causal
    return Sight(*alignments, causal or stack == "decoder", same_start=causal and model is other).default_focus()


def _meter(
    model: Model, other: Model, stack: str, alignments: tuple[Alignment, Alignment], span: Span, small: bool
) -> "_Meter":
    expected = model is other and model.causal and stack == "self"  # rows before the first edit must be the same
    meter = _Meter(*alignments, span, alignments[0].first_edit if expected else 0)
    if small:
        triangle = model.causal and other.causal and stack == "self"
        meter.small = empty_pair_overview(*alignments, model.heads[stack], triangle)
    return meter


class _Meter:
    """Measures the layers of one attention as they pass, in both prompts."""

    def __init__(self, alignment: Alignment, keys: Alignment, focus: Span, untouched: int | None) -> None:
        self.alignment, self.keys, self.focus = alignment, keys, focus
        self.untouched = len(alignment) if untouched is None else untouched  # rows that must be the same
        self.changes: list[LayerChange] = []
        self.deviation, self.rows, self.slack = 0.0, 0, 0.0
        self.small: PairOverview | None = None

    def measure(self, a: Float[Tensor, "head query_a key_a"], b: Float[Tensor, "head query_b key_b"]) -> None:
        slack = torch.finfo(a.dtype).eps if a.dtype != torch.float32 else 0.0
        a, b = a.float(), b.float()
        grouped_a = group_attention(a, self.alignment.groups_a, self.keys.groups_a)
        grouped_b = group_attention(b, self.alignment.groups_b, self.keys.groups_b)
        if self.small is not None:
            self.small = self.small.with_layer(grouped_a, grouped_b)
        rows = row_distances(grouped_a, grouped_b, self.alignment.shared, self.keys.shared)
        focus_a, focus_b = a[:, list(self.focus.a)].mean(1), b[:, list(self.focus.b)].mean(1)
        self.changes.append(LayerChange(rows, focus_a.cpu().numpy(), focus_b.cpu().numpy()))
        if self.untouched:
            same = slice(0, self.untouched)
            heads = zip(a[:, same, same], b[:, same, same], strict=True)
            deviations = [float((one - other).abs().max()) for one, other in heads]
            self.deviation = float(np.max([self.deviation, *deviations]))  # max() would forget a NaN
            self.rows += a.shape[0] * self.untouched
            self.slack = max(self.slack, slack)

    def check(self) -> Check | None:
        one_batch = len(self.alignment.a) == len(self.alignment.b)  # otherwise sums run over rows of other lengths
        tolerance = max(SAME_BATCH if one_batch else OTHER_LENGTHS, self.slack)
        return Check("untouched", self.deviation, tolerance, self.rows) if self.rows else None


def _run(recordings: tuple[Recording, Recording], stack: str, meter: _Meter) -> tuple[tuple[Logits, Logits], float]:
    """Run both prompts, record and measure; returns the logits of both, and the seconds it took."""
    one, two = recordings
    start = time.perf_counter()
    if not (one.model.routed and two.model.routed):
        logits = _run_apart(recordings, stack, meter)
    else:

        def observe(a: AttentionCall, b: AttentionCall) -> None:
            one.keep(a)
            two.keep(b)
            if a.place.stack == stack:
                meter.measure(a.weights[0], b.weights[0])

        logits = run_pair((one.model, one.inputs.tensors), (two.model, two.inputs.tensors), observe)
    synchronize(two.model)
    return logits, time.perf_counter() - start


def _run_apart(recordings: tuple[Recording, Recording], stack: str, meter: _Meter) -> tuple[Logits, Logits]:
    """Models outside the attention interface: one after the other, all layers kept until they are measured."""
    logits: list[Logits] = []
    for recording in recordings:
        output = recording.model.forward(recording.inputs.tensors, [recording.keep])
        if not recording.model.routed:
            recording.keep_output(output)
        logits.append(None if output.get("logits") is None else output["logits"][0])
    kept = [{place[1]: one for place, one in recording.kept.items() if place[0] == stack} for recording in recordings]
    for layer in sorted(kept[0]):
        meter.measure(torch.tensor(kept[0][layer].weights), torch.tensor(kept[1][layer].weights))
    return logits[0], logits[1]


def _read(model: Model, prompt: Prompt, side: str, options: Mapping[str, Any]) -> Inputs:
    text, second = (prompt, None) if isinstance(prompt, str) else prompt
    try:
        return read_inputs(model, text, second, **options)
    except InputError as error:
        raise InputError(f"Prompt {side}: {error}") from None


def _check_models(a: Model, b: Model) -> None:
    """Refuse two models with different tokenizers or heads: their weights cannot be compared one by one."""
    if a is b:
        return
    if a.heads != b.heads or a.family != b.family:
        raise InputError(
            f"{a.name} ({_shape(a)}) and {b.name} ({_shape(b)}) differ in shape, so their heads do not correspond. "
            "Compare two models of the same shape."
        )
    left, right = a.tokenizer.get_vocab(), b.tokenizer.get_vocab()
    if left != right:
        known = len(left.items() & right.items())
        raise InputError(
            f"{a.name} and {b.name} have different tokenizers ({len(left):,} and {len(right):,} words, {known:,} in "
            "the same place), so their tokens do not correspond. Compare two models with the same tokenizer."
        )


def _shape(model: Model) -> str:
    parts = [f"{len(heads)} layers × {max(heads)} heads" for heads in model.heads.values()]
    return f"{model.family}, {', '.join(dict.fromkeys(parts))}"


def _notes(inputs: tuple[Inputs, Inputs], alignment: Alignment, one_model: bool) -> tuple[str, ...]:
    """What a reader must know before reading numbers."""
    notes = []
    for side, read in zip("AB", inputs, strict=True):
        if read.truncated_from is not None:
            kept = len(read.tokens)
            notes.append(f"Prompt {side} was truncated to the first {kept:,} of its {read.truncated_from:,} tokens.")
        notes += read.notes
    written = [i for i, special in enumerate(alignment.a.special) if not special]
    equal = [unit for unit in alignment.units if unit.kind == "equal" and unit.a[0] in written]
    same_text = (inputs[0].tokens, inputs[0].decoder_tokens) == (inputs[1].tokens, inputs[1].decoder_tokens)
    if same_text and one_model:
        notes.append("The two prompts are the same: every difference is zero.")
    elif len(equal) * 3 < len(written):
        notes.append(
            f"The prompts have little in common: {len(equal)} of {len(written)} tokens are equal, so a difference "
            "says "
            "little. Choose prompts that differ in a few words, or correct the alignment by hand."
        )
    return tuple(notes)


def _numberings(model: Model, other: Model) -> list[str]:
    """How layers are counted, if that differs from the model's own numbering, for one model or two."""
    if model is other:
        return [model.numbering] if model.numbering else []
    return [f"{one.name}: {one.numbering}" for one in (model, other) if one.numbering]
