"""Does a head matter? Causal effects on what the model says, of replacing a head's attention or silencing it.

Vig et al. 2020 (2004.12265): y(u) = p(c2 | u) / p(c1 | u) with geometric means per token; x is prompt A, x' prompt B.
Total effect y(x')/y(x) − 1; natural indirect effect of a head: x with that head's attention over the prompt's
positions from x'; natural direct effect: x' with it from x. All against y(x). Effects are not shares: they do not
add up.

How the edits of all heads run as one batch: edited_runs.py. Silencing and patching: patching.py.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from attnlib.comparison.align import align
from attnlib.effects.edited_runs import EVERY, Candidates, EditedPlace, Side, edited_weights, in_chunks, most_rows
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, Edit
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model
from attnlib.tracing.trace import check_attention_fits, chosen_layers
from attnlib.words.candidates import check_says_words

UNLIKELY = 1e-3  # where both candidates have less, the question does not fit the prompt


@dataclass(frozen=True, eq=False)
class HeadEffects:
    """Effects of going from prompt A to prompt B on the odds of the second candidate against the first.

    y(u) = p(c2 | u) / p(c1 | u) after prompt u; an effect is a ratio of such odds − 1. Made by `head_effects`.

    Attributes:
        model (str): The model's name.
        prompts (tuple of two str): A and B.
        candidates (tuple of two str): c1 and c2.
        probabilities (array [prompt, candidate]): p of each candidate in each prompt, the geometric mean over its
            tokens.
        indirect (array [layer, head]): y(A, this head's attention from B)/y(A) − 1; NaN if not computed yet, or there
            is no such head.
        direct (array [layer, head]): y(B, this head's attention from A)/y(A) − 1.
        indirect_layer (array [layer]): The same for all heads of a layer together.
        direct_layer (array [layer]): The same for all heads of a layer together.
        indirect_all (float): The same for all heads together.
        direct_all (float): The same for all heads together.
        says (tuple): For A and for B the likeliest words, as (word, probability), if `misfits` is not empty.
        done (float): The share that is computed, from 0 to 1.
        seconds (float): The time it took.

    Source:
        Vig et al. 2020 (arXiv 2004.12265), section 3.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
        >>> effects = attnlib.head_effects(model, she, he, ("comforted", "prescribed"))
        >>> effects.indirect.shape, effects.table()[["layer", "head"]].values[0].tolist()
        ((4, 4), [0, 2])
    """

    model: str
    prompts: tuple[str, str]
    candidates: Candidates
    probabilities: Float[np.ndarray, "prompt candidate"]
    indirect: Float[np.ndarray, "layer head"]
    direct: Float[np.ndarray, "layer head"]
    indirect_layer: Float[np.ndarray, " layer"]
    direct_layer: Float[np.ndarray, " layer"]
    indirect_all: float
    direct_all: float
    says: tuple[tuple[tuple[str, float], ...], ...] = ()
    done: float = 1.0
    seconds: float = 0.0

    @property
    def odds_a(self) -> float:
        """The odds in prompt A, y(A) = p(c2 | A) / p(c1 | A)."""
        return float(self.probabilities[0, 1] / self.probabilities[0, 0])

    @property
    def odds_b(self) -> float:
        """The odds in prompt B, y(B) = p(c2 | B) / p(c1 | B)."""
        return float(self.probabilities[1, 1] / self.probabilities[1, 0])

    @property
    def total(self) -> float:
        """The total effect, y(B) / y(A) − 1."""
        return self.odds_b / self.odds_a - 1

    def log(self, name: str) -> Float[np.ndarray, "..."]:
        """An effect as a log odds ratio, log(1 + effect): 0 changes nothing, and both directions count alike.

        Args:
            name (str): "total", "indirect" or "direct", or "indirect_layer", "direct_layer", "indirect_all",
                "direct_all".

        Returns:
            array: Of the effect's shape.
        """
        return np.asarray(np.log1p(getattr(self, name)))

    @property
    def misfits(self) -> tuple[int, ...]:
        """The prompts (0 for A, 1 for B) in which neither candidate has a probability of at least .001."""
        return tuple(n for n, row in enumerate(self.probabilities.tolist()) if max(row) < UNLIKELY)

    def table(self) -> pd.DataFrame:
        """All heads in a table, the largest indirect effect first.

        Returns:
            DataFrame: layer, head, indirect and direct (ratio − 1), log_indirect and log_direct.
        """
        layers, heads = np.nonzero(np.isfinite(self.indirect) | np.isfinite(self.direct))
        names = ("indirect", "direct")
        columns = {name: getattr(self, name)[layers, heads] for name in names}
        columns |= {f"log_{name}": self.log(name)[layers, heads] for name in names}
        table = pd.DataFrame({"layer": layers, "head": heads, **columns})
        return table.sort_values("log_indirect", key=np.abs, ascending=False, kind="stable", ignore_index=True)


Partial = Callable[[HeadEffects], bool | None]  # gets what is measured so far; False stops the rest


def head_effects(
    model: Model,
    prompt_a: str,
    prompt_b: str,
    candidates: Candidates,
    *,
    partial: Partial | None = None,
    rows: int | None = None,
) -> HeadEffects:
    """How much every head matters for what the model says: total, natural indirect and natural direct effects.

    The indirect effect of a head is the change of the odds in prompt A when this head's attention is taken from B;
    the direct effect is the change from A to B when this head keeps its attention from A. They are not shares of the
    total.

    Args:
        model (Model): From `load_model`; its attention must be editable.
        prompt_a (str): The prompt that the first candidate fits.
        prompt_b (str): The prompt that the second candidate fits, with as many tokens.
        candidates (tuple of two str): Continuations after the prompts, or (masked models) words at their mask.
        partial (callable, optional): Gets the effects measured so far after each batch; False stops the rest.
        rows (int, optional): The most rows of one batch. Default: as many as memory allows.

    Returns:
        HeadEffects: Effects of every head, of every layer and of all heads together.

    Raises:
        InputError: If the prompts differ in length, a candidate has no tokens or equals the other, or the model's
            attention cannot be edited.

    Source:
        Vig et al. 2020, *Causal Mediation Analysis for Interpreting Neural NLP* (arXiv 2004.12265), section 3; all
        effects are against y(A), as in the authors' code.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> she, he = (f"The doctor asked the nurse a question. {pronoun}" for pronoun in ("She", "He"))
        >>> effects = attnlib.head_effects(model, she, he, candidates=("comforted", "prescribed"))
        >>> round(float(effects.log("total")), 1), round(float(effects.log("indirect")[0, 2]), 1)  # log odds ratios
        (5.8, 5.3)
    """
    start = time.perf_counter()
    model.check_editable()
    check_says_words(model)
    _check_lengths(model, (prompt_a, prompt_b))
    check_attention_fits(model, read_inputs(model, prompt_b, None, truncate=False), chosen_layers(model, None))
    sides = [Side(model, prompt, candidates) for prompt in (prompt_a, prompt_b)]
    _check_inputs(sides)
    effects = _nothing_yet(model, (prompt_a, prompt_b), candidates, np.exp([side.base() for side in sides]))
    if effects.misfits:
        effects = replace(effects, says=tuple(side.likeliest() for side in sides))
    for found in _filling(effects, sides, _edits(model), rows or most_rows(model, sides[0])):
        effects = replace(found, seconds=time.perf_counter() - start)
        if partial is not None and partial(effects) is False:
            break
    return effects


def estimate(model: Model, prompt_a: str, prompt_b: str, candidates: Candidates) -> float:
    """Seconds that `head_effects` takes at most: as if every edit were a forward pass of its own, from its layer on.

    Raises InputError as `head_effects` does, so that nothing is begun that cannot be done.
    """
    model.check_editable()
    _check_lengths(model, (prompt_a, prompt_b))
    side = Side(model, prompt_a, candidates)
    start = time.perf_counter()
    side.forward(side.inputs[0], 1)
    once = time.perf_counter() - start
    layers = len(model.heads["self"])
    passes = sum((layers - edit.first) / layers for edit in _edits(model))
    return once * passes * 2 * len(side.inputs)


def _check_lengths(model: Model, prompts: tuple[str, str]) -> None:
    """Refuse prompts of different lengths: attention over one could not replace attention over the other."""
    a, b = (read_inputs(model, prompt, None, truncate=False).tokens for prompt in prompts)
    if len(a) == len(b):
        return
    alignment = align(a, b)
    differ = [
        f"“{in_a.strip()}” ({len(unit.a)}) and “{in_b.strip()}” ({len(unit.b)})"
        if in_a is not None and in_b is not None
        else f"“{(in_a or in_b or '').strip()}” (only in {'A' if in_b is None else 'B'})"
        for unit, (_, in_a, in_b) in zip(alignment.units, alignment.labels, strict=True)
        if len(unit.a) != len(unit.b)
    ]
    raise InputError(
        f"Prompt A has {len(a)} tokens and prompt B {len(b)}: attention cannot be taken from one into the other. "
        f"They differ in {', '.join(differ[:4])}. Choose words with the same number of tokens, or patch head "
        "outputs, which does not need equal lengths."
    )


def _check_inputs(sides: Sequence[Side]) -> None:
    """Refuse candidates that do not follow both prompts in the same way."""
    a, b = ([(one.prompt, len(one.ids), sorted(one.asked)) for one in side.inputs] for side in sides)
    if a != b:
        raise InputError(
            "The tokenizer joins the candidates with the end of one prompt and not with that of the other. End both "
            "prompts with the same word, or choose other candidates."
        )


def _nothing_yet(
    model: Model,
    prompts: tuple[str, str],
    candidates: Candidates,
    probabilities: Float[np.ndarray, "prompt candidate"],
) -> HeadEffects:
    empty = np.full((len(model.heads["self"]), max(model.heads["self"])), np.nan)
    layer = empty[:, 0]
    return HeadEffects(
        model.name, prompts, candidates, probabilities, empty, empty, layer, layer, np.nan, np.nan, done=0.0
    )


# ---------------------------------------------------------------------------------------------- edits


def _edits(model: Model) -> list[EditedPlace]:
    """Every head, every layer, and all heads; edits that begin in late layers first, as they cost least."""
    heads = model.heads["self"]
    single = [EditedPlace(layer, head) for layer, count in enumerate(heads) for head in range(count)]
    edits = [*single, *(EditedPlace(layer, EVERY) for layer in range(len(heads))), EditedPlace(EVERY, EVERY)]
    return sorted(edits, key=lambda edit: -edit.first)


def _filling(
    effects: HeadEffects, sides: Sequence[Side], edits: Sequence[EditedPlace], rows: int
) -> Iterator[HeadEffects]:
    """Yield the effects after each batch."""
    done = 0
    run = in_chunks(edits, rows, lambda chunk: [_odds(side, chunk, sides[1 - n]) for n, side in enumerate(sides)])
    for chunk, found in run:
        done += len(chunk)
        effects = _filled(effects, chunk, [odds / effects.odds_a - 1 for odds in found])  # both against y(x)
        effects = replace(effects, done=done / len(edits))
        yield effects


def _odds(side: Side, edits: Sequence[EditedPlace], other: Side) -> Float[np.ndarray, " edit"]:
    """y of a prompt with each edit, attention taken from the other prompt."""
    logs = side.logs(
        edits, lambda n, rows: {"edits": [attention_from(other.weights(n), rows, side.inputs[n].prompt)]}
    )
    return np.exp(logs[:, 1] - logs[:, 0])


def attention_from(source: Sequence[Tensor], rows: Sequence[EditedPlace], tokens: int) -> Edit:
    """In row n + 1 the attention of `rows[n]` over the prompt's positions is the source's."""

    def take(call: AttentionCall, weights: Tensor, at: Tensor, heads: Tensor) -> None:
        weights[at, heads, :tokens, :tokens] = source[call.place.layer][heads].to(weights.dtype)

    return edited_weights(rows, take)


def _filled(
    effects: HeadEffects, edits: Sequence[EditedPlace], found: Sequence[Float[np.ndarray, " edit"]]
) -> HeadEffects:
    names = ("indirect", "direct")
    arrays = {name: getattr(effects, name).copy() for n in names for name in (n, f"{n}_layer")}
    whole: dict[str, Any] = {}
    for name, values in zip(names, found, strict=True):
        for edit, value in zip(edits, values.tolist(), strict=True):
            if edit.layer == EVERY:
                whole[f"{name}_all"] = value
            elif edit.head == EVERY:
                arrays[f"{name}_layer"][edit.layer] = value
            else:
                arrays[name][edit.layer, edit.head] = value
    return replace(effects, **arrays, **whole)


# ---------------------------------------------------------------------------------------------- many examples


EFFECTS = ("total", "indirect", "direct", "indirect_layer", "direct_layer", "indirect_all", "direct_all")


@dataclass(frozen=True, eq=False)
class MeanEffects:
    """Means of the effects of several examples: of log odds ratios, or, as published, of ratios − 1."""

    examples: int
    aligned: int  # whose odds go up from A to B
    used: int
    threshold: float | None  # of y(x')/y(x), above which an example was used; None: all were
    total: float
    indirect: Float[np.ndarray, "layer head"]
    direct: Float[np.ndarray, "layer head"]
    indirect_layer: Float[np.ndarray, " layer"]
    direct_layer: Float[np.ndarray, " layer"]
    indirect_all: float
    direct_all: float


def mean_effects(examples: Sequence[HeadEffects]) -> MeanEffects:
    """The means over examples of log odds ratios, log(1 + effect).

    Swapping A and B negates the mean total. A mean of ratios − 1 would be above 0 also where the odds go up as often
    as down. Raises InputError where there is no example.
    """
    if not examples:
        raise InputError("There is no example to average.")
    return _means(examples, examples, None, lambda one, name: one.log(name))


def published_mean_effects(examples: Sequence[HeadEffects], *, filtered: bool = False) -> MeanEffects:
    """The means over examples of ratios − 1, as Vig et al. 2020 report them (above 0 by construction under noise).

    `filtered` keeps, as the paper does, examples above a quarter of the aligned ones (y(x')/y(x) above the 25 %
    quantile of those above 1). It changes the result: show both. Raises InputError where no example is left.
    """
    ratios = np.array([one.odds_b / one.odds_a for one in examples])
    aligned = ratios > 1
    threshold = float(np.quantile(ratios[aligned], 0.25)) if filtered and aligned.any() else None
    used = [one for one, ratio in zip(examples, ratios, strict=True) if threshold is None or ratio > threshold]
    if not used or (filtered and threshold is None):
        raise InputError("No example is left to average: in none of them do the odds rise from prompt A to prompt B.")
    return _means(examples, used, threshold, getattr)


def _means(
    examples: Sequence[HeadEffects],
    used: Sequence[HeadEffects],
    threshold: float | None,
    read: Callable[[HeadEffects, str], Any],
) -> MeanEffects:
    means: dict[str, Any] = {name: np.mean([read(one, name) for one in used], axis=0) for name in EFFECTS}
    whole: dict[str, Any] = {name: float(means.pop(name)) for name in ("total", "indirect_all", "direct_all")}
    aligned = sum(one.odds_b > one.odds_a for one in examples)
    return MeanEffects(len(examples), aligned, len(used), threshold, **whole, **means)
