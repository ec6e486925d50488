"""What remains of a difference between paired prompts when dimensions of one head are silenced, over many pairs.

Dimensions are chosen on one half of the units (occupations, names) and tried on the other, then the other way round,
so that no pair is judged by dimensions it helped to choose. Beside them stand as many dimensions drawn at random:
what silencing any dimensions would do.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnlib.behaviour.head_profile import check_head
from attnlib.behaviour.scaling import rescored
from attnlib.comparison.distances import tv_and_jsd
from attnlib.comparison.many import PairRead, batches, looks_of, read_pairs_for
from attnlib.errors import InputError
from attnlib.model.attention import AttentionCall, LayerPlace, repeat_key_heads
from attnlib.model.batches import keeps_logits, stacked_inputs
from attnlib.model.inputs import Inputs
from attnlib.model.loading import Model
from attnlib.progress import OnProgress, goes_on
from attnlib.prompts.pairs import Pair
from attnlib.stats.resampling import Sample, crossed_test, mean_tests
from attnlib.stats.summaries import unit_means
from attnlib.words.predictions import speaking_places

DRAWS = 10  # of random dimensions
ROWS = 384  # of one batch: pairs x variants
RESAMPLES = 10_000
MEASURES = {"shift": "target shift of the head (B − A)", "words": "how differently the model continues (JSD, bits)"}
UNIT = "unit"  # the further column of a pair that says what belongs together


class Remaining(NamedTuple):
    """One measure over units, unchanged and with dimensions silenced; intervals at 95 %."""

    measure: str
    units: int
    before: float
    found: float  # with the chosen dimensions silenced
    control: float  # with random ones silenced, mean over the draws
    intervals: Float[np.ndarray, "row side"]  # of before, found, control and advantage: low, high
    share: float  # found ÷ before: what remains; NaN where it is not shown that before is not 0
    share_interval: tuple[float, float]
    advantage: float  # how much more of it the chosen ones take than the random ones
    p: float  # of “the advantage is 0”, two-sided, over units and over random dimensions


@dataclass(frozen=True, eq=False)
class Silenced:
    """Many pairs measured as they are, with chosen and with random dimensions silenced; made by `silence_dimensions`.

    Attributes:
        model (str): The model's name.
        layer (int): Counted from 0.
        head (int): Counted from 0.
        chosen (tuple of tuples of int): The dimensions silenced in each half, chosen on the other; one tuple if
            given.
        carried (array [pair, head_dim]): What each dimension adds to the change of the score, focus → targets.
        measures (dict of str to array [pair, variant]): "shift" and "words"; variants: as it is, chosen silenced,
            random silenced; NaN if a pair has no number.
        random (dict of str to array [pair, draw]): Each measure with the dimensions of each random draw silenced.
        pairs (tuple of Pair): The pairs that were measured.
        units (tuple of str): The unit of each pair.
        dropped (tuple of str): Why the other pairs could not be measured.

    Example:
        >>> from attnlib.prompts.builtin import pair_set
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> found = attnlib.silence_dimensions(model, pair_set("two-occupations")[:48], 0, 2, dimensions=[2, 9])
        >>> found.carried.shape, found.chosen
        ((48, 32), ((2, 9),))
    """

    model: str
    layer: int
    head: int
    chosen: tuple[tuple[int, ...], ...]
    carried: Float[np.ndarray, "pair head_dim"]
    measures: dict[str, Float[np.ndarray, "pair variant"]]
    random: dict[str, Float[np.ndarray, "pair draw"]]
    pairs: tuple[Pair, ...]
    units: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def overlapping(self) -> bool:
        """Whether random dimensions may include chosen ones, because more than half of all are silenced."""
        return any(2 * len(chosen) > self.carried.shape[1] for chosen in self.chosen)

    @cached_property
    def carried_mean(self) -> tuple[Float[np.ndarray, " head_dim"], Float[np.ndarray, "head_dim 2"]]:
        """What each dimension carries: the mean over units [head_dim], and its 95 % interval [head_dim, 2]."""
        found = unit_means(self.carried[:, None].astype(np.float64), self.units)[:, 0]
        low, high, *_ = mean_tests([Sample(found)], 0.05, RESAMPLES, 0)[0]
        return found.mean(0), np.stack([low, high], 1)

    def remaining(self, measure: str) -> Remaining | None:
        """What remains of a measure without the chosen dimensions, over units.

        Args:
            measure (str): "shift" (target shift of the head) or "words" (how differently the model continues, JSD in
                bits).

        Returns:
            Remaining: Means, intervals, and the advantage of chosen over random dimensions; None if no pair has a
            number.
        """
        values = np.column_stack([self.measures[measure][:, :2], self.random[measure]])
        known = np.isfinite(values).all(1)
        if not known.any():
            return None
        units = [unit for unit, there in zip(self.units, known, strict=True) if there]
        means = unit_means(values[known][:, None], units)[:, 0]  # [unit, variant]
        before, found, random = means[:, 0], means[:, 1], means[:, 2:]
        sign = np.sign(before.mean()) or 1.0
        tested = mean_tests([Sample(means[:, :2])], 0.05, RESAMPLES, 0)[0]
        control = crossed_test(random, 0.05, RESAMPLES, 0)
        advantage = crossed_test(sign * (random - found[:, None]), 0.05, RESAMPLES, 0)
        share, share_interval = _share(found, before)
        sides = [*zip(tested.low, tested.high, strict=True), control[1:3], advantage[1:3]]
        return Remaining(
            measure,
            len(means),
            float(before.mean()),
            float(found.mean()),
            control.mean,
            np.array(sides, float),
            share,
            share_interval,
            advantage.mean,
            advantage.p,
        )

    def table(self) -> pd.DataFrame:
        """All pairs in a table.

        Returns:
            DataFrame: One row per pair: prompts, unit, and each measure as it is, with chosen and with random ones
            silenced.
        """
        columns: dict[str, Any] = {
            "prompt_a": [pair.prompt_a for pair in self.pairs],
            "prompt_b": [pair.prompt_b for pair in self.pairs],
            "unit": list(self.units),
        }
        for name, values in self.measures.items():
            columns |= {f"{name} {variant}": values[:, n] for n, variant in enumerate(("before", "found", "random"))}
        return pd.DataFrame(columns)

    def dimensions(self) -> pd.DataFrame:
        """All dimensions in a table, the one that carries most first.

        Returns:
            DataFrame: One row per dimension: dimension, carried, low, high (95 % interval).
        """
        mean, interval = self.carried_mean
        order = np.argsort(-np.abs(mean), kind="stable")
        low, high = interval[order].T
        return pd.DataFrame({"dimension": order, "carried": mean[order], "low": low, "high": high})


def _share(
    found: Float[np.ndarray, " unit"], before: Float[np.ndarray, " unit"]
) -> tuple[float, tuple[float, float]]:
    """found ÷ before with its bootstrap-t interval (of the linearized ratio); NaN if before may be 0."""
    undefined = math.nan, (math.nan, math.nan)
    (tested,) = mean_tests([Sample(before[:, None])], 0.05, RESAMPLES, 0)
    if not tested.p[0] <= 0.05:
        return undefined
    share = found.mean() / before.mean()
    (around,) = mean_tests([Sample(((found - share * before) / before.mean())[:, None])], 0.05, RESAMPLES, 0)
    return float(share), (float(share + around.low[0]), float(share + around.high[0]))


def silence_dimensions(
    model: Model,
    pairs: Sequence[Pair],
    layer: int,
    head: int,
    count: int = 4,
    *,
    dimensions: Sequence[int] | None = None,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Silenced:
    """What remains of a difference between paired prompts without the dimensions of a head that carry most of it.

    Dimensions are chosen on one half of the units and tried on the other, then the other way round, beside as many
    random ones. A dimension carries its part of the change of score[focus, first target] − score[focus, second
    target] from A to B: the parts add up exactly.

    Args:
        model (Model): From `load_model`; its query and key vectors must be known.
        pairs (sequence of Pair): Pairs with at least one target word, such as `pair_set("two-occupations")` of
            `attnlib.prompts.builtin`.
        layer (int): Counted from 0.
        head (int): Counted from 0.
        count (int): How many dimensions to silence.
        dimensions (sequence of int, optional): Silence these instead of choosing any.
        seed (int): Of the random dimensions.
        progress (callable, optional): Called with a `Progress` after each batch of pairs; False stops the rest.

    Returns:
        Silenced: What the dimensions carry, and what remains without them.

    Raises:
        InputError: If there is no such head or dimension, its vectors are not known, there are fewer than two units
            to choose on, or no pair can be measured.

    Source:
        Owen 2007, *The pigeonhole bootstrap*, for intervals over units and random dimensions.

    Example:
        >>> from attnlib.prompts.builtin import pair_set
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> found = attnlib.silence_dimensions(model, pair_set("two-occupations")[:48], 0, 2, count=4)
        >>> [len(chosen) for chosen in found.chosen]  # in each half
        [4, 4]
        >>> remaining = found.remaining("shift")
        >>> 0 < remaining.share < 1
        True
    """
    check_head(model, layer, head)
    reads, kept, dropped = _read(model, pairs)
    units = tuple(dict(pair.further).get(UNIT) or f"pair {n}" for n, pair in enumerate(kept))
    at = LayerPlace(model.stacks[0], layer)
    groups = list(batches(model, reads))
    carried = np.concatenate([_carried(model, [reads[n] for n in some], at, head) for some in groups])
    carried = carried[np.argsort(np.concatenate(groups))]
    width = carried.shape[1]
    if not 1 <= (count if dimensions is None else len(dimensions)) < width:
        raise InputError(f"Head {layer}-{head} has {width} dimensions: silence from 1 to {width - 1} of them.")
    if dimensions is not None and not all(0 <= one < width for one in dimensions):
        raise InputError(f"Head {layer}-{head} has dimensions 0 to {width - 1}.")
    folds = _folds(units) if dimensions is None else np.zeros(len(units), int)
    chosen = [tuple(sorted(dimensions))] if dimensions is not None else _chosen(carried, units, folds, count)
    variants = [_variants(one, width, seed) for one in chosen]
    values = {name: np.full((len(reads), 3), np.nan) for name in MEASURES}
    random = {name: np.full((len(reads), DRAWS), np.nan) for name in MEASURES}
    done = 0
    for some in _chunks(groups, len(variants[0])):
        factors = torch.stack([variants[folds[n]] for n in some])  # [pair, variant, head_dim]
        for name, found in _tried(model, [reads[n] for n in some], at, head, factors).items():
            values[name][some] = np.stack([found[:, 0], found[:, 1], found[:, 2:].mean(1)], 1)
            random[name][some] = found[:, 2:]
        done += len(some)
        if not goes_on(progress, done, len(reads), model.name):
            break
    return Silenced(
        model.name, layer, head, tuple(chosen), carried, values, random, tuple(kept), units, tuple(dropped)
    )


def _read(model: Model, pairs: Sequence[Pair]) -> tuple[list[PairRead], list[Pair], list[str]]:
    """The pairs that can be read and have a target."""
    reads, kept, dropped = [], [], []
    for pair, read in zip(pairs, read_pairs_for(model, pairs), strict=True):
        if isinstance(read, InputError):
            dropped.append(str(read))
        elif not read.targets:
            dropped.append("The pair names no target word.")
        else:
            reads.append(read)
            kept.append(pair)
    if not reads:
        why = f" The first: {dropped[0]}" if dropped else ""
        raise InputError(f"There is no pair to measure.{why}")
    return reads, kept, dropped


# ---------------------------------------------------------------------------------------------- choosing


def _folds(units: Sequence[str]) -> Int[np.ndarray, " pair"]:
    """Every other unit."""
    codes, names = pd.factorize(np.array(units, dtype=object))
    if len(names) < 2:
        raise InputError(
            "Dimensions are chosen on one half and tested on the other: give pairs of at least two units."
        )
    return codes % 2


def _chosen(
    carried: Float[np.ndarray, "pair head_dim"], units: Sequence[str], folds: np.ndarray, count: int
) -> list[tuple[int, ...]]:
    """For each half, the dimensions that carry most of the other half's mean difference, in its direction."""
    found = []
    for fold in (0, 1):
        others = np.flatnonzero(folds != fold).tolist()
        means = unit_means(carried[others][:, None].astype(np.float64), [units[n] for n in others])[:, 0].mean(0)
        direction = np.sign(means.sum()) or 1.0
        found.append(tuple(sorted(np.argsort(-direction * means, kind="stable")[:count].tolist())))
    return found


def _variants(chosen: Sequence[int], width: int, seed: int) -> Float[Tensor, "variant head_dim"]:
    """Factors: all 1; the chosen ones 0; as many of the others 0, DRAWS times.

    Where the others are fewer than the chosen ones (more than half of the width is silenced), as many of all.
    """
    random = np.random.default_rng(seed)
    others = [dimension for dimension in range(width) if dimension not in chosen]
    among = others if len(others) >= len(chosen) else list(range(width))
    rows = [(), tuple(chosen), *(tuple(random.choice(among, len(chosen), replace=False)) for _ in range(DRAWS))]
    factors = torch.ones(len(rows), width, dtype=torch.float32)
    for row, silent in zip(factors, rows, strict=True):
        row[list(silent)] = 0.0
    return factors


def _carried(
    model: Model, reads: Sequence[PairRead], at: LayerPlace, head: int
) -> Float[np.ndarray, "pair head_dim"]:
    """What each dimension adds to B − A of the score from the focus to the targets."""
    sides = []
    for side in (0, 1):
        looks = looks_of(reads, side)  # [pair, look, token]: focus (a mean), first target, second target, sinks
        kept: list[tuple[Tensor, Tensor]] = []

        def see(call: AttentionCall, kept: list[tuple[Tensor, Tensor]] = kept) -> None:
            if call.place == at:
                key = repeat_key_heads(call.key, call.query.shape[1])[:, head]
                kept.append((call.scaling * call.query[:, head].float().cpu(), key.float().cpu()))

        _forward(model, [read.inputs[side] for read in reads], [see])
        query, key = kept[0]
        asking = torch.einsum("pt,ptd->pd", looks[:, 0], query)
        targets = looks[:, 1:3] / looks[:, 1:3].sum(-1, keepdim=True).clamp_min(1)
        first, second = torch.einsum("plt,ptd->lpd", targets, key)
        sides.append(asking * (first - second))
    return (sides[1] - sides[0]).double().numpy()


# ---------------------------------------------------------------------------------------------- trying


def _chunks(groups: Sequence[list[int]], variants: int) -> Iterator[list[int]]:
    """Pairs of one shape, as many at once as give ROWS rows."""
    size = max(1, ROWS // variants)
    for group in groups:
        yield from (group[start : start + size] for start in range(0, len(group), size))


def _tried(
    model: Model,
    reads: Sequence[PairRead],
    at: LayerPlace,
    head: int,
    factors: Float[Tensor, "pair variant head_dim"],
) -> dict[str, Float[np.ndarray, "pair variant"]]:
    """Every measure of pairs of one shape, for every variant."""
    pairs, variants = factors.shape[:2]
    rows = factors.flatten(0, 1).to(model.device)
    sides = [_side(model, reads, side, at, head, rows) for side in (0, 1)]
    preferences = [preference.view(pairs, variants).double().numpy() for preference, _ in sides]
    found = {"shift": preferences[1] - preferences[0]}
    words = [said for _, said in sides if said is not None]
    if len(words) == 2:
        _, jsd = tv_and_jsd(words[0], words[1])
        found["words"] = jsd.clamp(0, 1).view(pairs, variants).double().cpu().numpy()
    return found


def _side(
    model: Model, reads: Sequence[PairRead], side: int, at: LayerPlace, head: int, rows: Float[Tensor, "row head_dim"]
) -> tuple[Float[Tensor, " row"], Float[Tensor, "row word"] | None]:
    """The head's preference (first target − second) and the model's words, in one prompt of each pair."""
    variants = len(rows) // len(reads)
    looks = looks_of(reads, side).repeat_interleave(variants, 0)
    kept: list[Tensor] = []

    def scale(call: AttentionCall) -> Tensor | None:
        return rescored(call, [head], rows) if call.place == at else None

    def see(call: AttentionCall) -> None:
        if call.place == at:
            kept.append(call.weights[:, head].float().cpu())

    inputs = [read.inputs[side] for read in reads for _ in range(variants)]
    logits = _forward(model, inputs, [see], [scale])
    row = torch.einsum("rt,rtk->rk", looks[:, 0], kept[0])
    first, second = torch.einsum("rlk,rk->lr", looks[:, 1:3], row)
    return first - second, _said(model, inputs, logits)


def _forward(model: Model, inputs: Sequence[Inputs], observers: Sequence[Any], edits: Sequence[Any] = ()) -> Any:
    options: dict[str, Any] = {"logits_to_keep": 1} if model.family == "causal" and keeps_logits(model) else {}
    return model.forward(stacked_inputs(inputs), observers, edits, **options).get("logits")


def _said(model: Model, inputs: Sequence[Inputs], logits: Tensor | None) -> Float[Tensor, "row word"] | None:
    """Probabilities of the next word, or of the only masked one; None if the model predicts no words."""
    places = [speaking_places(model, one) for one in inputs]
    if logits is None or model.family == "seq2seq" or any(len(row) != 1 for row in places):
        return None
    at = [row[0] - len(one.tokens) for row, one in zip(places, inputs, strict=True)]  # from the end
    return logits[torch.arange(len(inputs)), at].float().softmax(-1)
