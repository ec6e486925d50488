"""Comparison: the signed difference of attention between two prompts (or models), B − A, over aligned tokens.

A frozen result and what can be read from it; run.py runs the models and measures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from attnlib.comparison.align import Alignment
from attnlib.comparison.distances import RowDistances, group_attention
from attnlib.comparison.focus import Span, find_span, name_of, sinks_of, units_of
from attnlib.comparison.overview import PairOverview
from attnlib.comparison.sight import Sight
from attnlib.errors import InputError
from attnlib.model.tokens import find_word, word_text
from attnlib.tracing.checks import Check
from attnlib.tracing.head_scores import by_layer
from attnlib.tracing.trace import Trace
from attnlib.words.predictions import WordChange

Prompt = str | tuple[str, str | None]  # a text, or a text and its second sentence (or the decoder's text)


class Statistic(NamedTuple):
    """One number per head that a comparison can be read by."""

    title: str
    signed: bool
    about: str

    @property
    def needs_targets(self) -> bool:
        return self.signed


STATISTICS = {
    "shift": Statistic(
        "Target shift G", True, "attention from the focus word to the first target minus the second; B − A"
    ),
    "shift_corrected": Statistic(
        "Target shift, sink removed", True, "G without the share of first or special tokens"
    ),
    "jsd_focus": Statistic("JSD, focus word", False, "Jensen–Shannon divergence of the focus word's attention"),
    "jsd": Statistic("JSD, mean of rows", False, "Jensen–Shannon divergence, mean over all rows"),
    "jsd_max": Statistic("JSD, largest row", False, "Jensen–Shannon divergence of the row that changes most"),
    "tv_focus": Statistic("TV, focus word", False, "total variation of the focus word's attention"),
    "tv": Statistic("TV, mean of rows", False, "total variation, mean over all rows"),
    "tv_max": Statistic("TV, largest row", False, "total variation of the row that changes most"),
}


@dataclass(frozen=True, eq=False)
class LayerChange:
    """What was measured of one layer while the models ran."""

    rows: RowDistances
    focus_a: Float[np.ndarray, "head key_a"]  # the focus word's attention to every token of A
    focus_b: Float[np.ndarray, "head key_b"]


class TargetMass(NamedTuple):
    """Attention from the focus word to one target in every head, in A and in B."""

    span: Span
    a: Float[np.ndarray, "layer head"]
    b: Float[np.ndarray, "layer head"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The attention of prompt A and of prompt B over aligned tokens; made by `compare`.

    A *unit* is a word of A together with the word of B that stands for it. Attention to a unit is the sum over its
    tokens, attention from a unit the mean.

    Attributes:
        a (Trace): Prompt A.
        b (Trace): Prompt B.
        prompts (tuple of two prompts): As given.
        stack (str): The attention that was compared: "self", "encoder", "decoder" or "cross".
        alignment (Alignment): Of the tokens that look (the rows).
        key_alignment (Alignment): Of the tokens looked at (the columns).
        focus (Span): The focus word: its tokens in A and in B.
        changes (tuple of LayerChange): What was measured of every layer.
        untouched (Check, optional): That rows before the first edit are the same in both prompts; None if they need
            not be.
        words (tuple of WordChange): Words and their probability after each prompt, or at its mask.
        notes (tuple of str): Sentences on what to know before reading the numbers.
        small (PairOverview, optional): A small map of every layer, if `compare` was asked for it.

    Source:
        Vig 2019, *Visualizing Attention in Transformer-Based Language Representation Models*, for the attention from
        a pronoun to candidate words; Clark et al. 2019, section 4.1, for sums to and means from groups of tokens.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> comparison = attnlib.compare(model, "The doctor met the nurse. She", "The doctor met the nurse. He")
        >>> comparison.difference.shape  # layer, head, unit, unit
        (4, 4, 7, 7)
        >>> comparison.ranking(by="shift", targets=("nurse", "doctor"))[["layer", "head"]].values[0].tolist()
        [0, 2]
    """

    a: Trace
    b: Trace
    prompts: tuple[Prompt, Prompt]
    stack: str
    alignment: Alignment
    key_alignment: Alignment
    focus: Span
    changes: tuple[LayerChange, ...]
    untouched: Check | None
    words: tuple[WordChange, ...]
    notes: tuple[str, ...] = field(default=())
    small: PairOverview | None = None

    @property
    def focus_in_a(self) -> str:
        """The focus word as it is written in prompt A."""
        return word_text(self.alignment.a, self.focus.a).strip()

    @property
    def focus_name(self) -> str:
        """The focus word as each prompt has it, "She → He"; once if both have the same."""
        return name_of(self.alignment, self.focus)

    def name_of(self, target: Span) -> str:
        """A target word as each prompt has it.

        Args:
            target (Span): From `target`.

        Returns:
            str: "nurse", or "nurse → doctor" if the prompts differ.
        """
        return name_of(self.key_alignment, target)

    def occurrences(self, target: Span) -> str:
        """How often a target word occurs, in words.

        Args:
            target (Span): From `target`.

        Returns:
            str: "2 times" or "1 × in A, 2 × in B"; empty if it occurs once in both prompts.
        """
        a, b = (
            max(1, len(find_word(tokens, target.word))) for tokens in (self.key_alignment.a, self.key_alignment.b)
        )
        if a == b == 1:
            return ""
        return f"{a} times" if a == b else f"{a} × in A, {b} × in B"

    @property
    def focus_units(self) -> list[int]:
        """The units of the focus word: its rows in a difference."""
        return units_of(self.alignment, self.focus)

    @cached_property
    def sight(self) -> Sight:
        """What each row can see, and so which numbers cannot differ."""
        causal = self.stack == "decoder" or (self.stack == "self" and self.a.causal and self.b.causal)
        return Sight(self.alignment, self.key_alignment, causal, same_start=self.untouched is not None)

    @property
    def same(self) -> bool:
        """Whether one model read the same tokens twice: every difference is then 0 and says nothing."""
        rows = [[(s.queries.names, s.keys.names) for s in side.stacks.values()] for side in (self.a, self.b)]
        return self.a.model == self.b.model and rows[0] == rows[1]

    @property
    def focus_changed(self) -> bool:
        """Whether the focus word is (part of) what differs."""
        return any(self.alignment.units[unit].kind != "equal" for unit in self.focus_units)

    # ---- differences

    def attention(self, layer: int) -> tuple[Float[np.ndarray, "head unit key_unit"], ...]:
        """The attention of A and of B in one layer, both over the same units.

        Args:
            layer (int): One of the kept layers, counted from 0.

        Returns:
            tuple of two arrays [head, unit, key_unit]: A and B; 0 to a unit that the prompt does not have, NaN from
            it.

        Raises:
            InputError: If the layer was not kept.
        """
        weights = [side.stack(self.stack).layer(layer).weights for side in (self.a, self.b)]
        groups = ("groups_a", "groups_b")
        return tuple(
            group_attention(torch.tensor(w), getattr(self.alignment, g), getattr(self.key_alignment, g)).numpy()
            for w, g in zip(weights, groups, strict=True)
        )

    def layer_difference(self, layer: int) -> Float[np.ndarray, "head unit key_unit"]:
        """The difference B − A of one layer.

        Args:
            layer (int): One of the kept layers, counted from 0.

        Returns:
            array [head, unit, key_unit], float32; NaN in the rows of units that one prompt does not have.

        Raises:
            InputError: If the layer was not kept.
        """
        a, b = self.attention(layer)
        return b - a

    @cached_property
    def difference(self) -> Float[np.ndarray, "layer head unit key_unit"]:
        """The difference B − A of all layers [layer, head, unit, key_unit]; InputError if `compare` kept fewer."""
        kept = self.a.stack(self.stack).layers
        if len(kept) < len(self.changes):
            raise InputError(
                f"This comparison keeps layer {', '.join(map(str, kept))} only. Compare without `layers` to have all."
            )
        return np.stack([self.layer_difference(layer) for layer in kept])

    # ---- one number per head

    def distance(
        self, name: Literal["tv", "jsd"] = "jsd", over: str = "mean", rows: Sequence[int] | None = None
    ) -> Float[np.ndarray, "layer head"]:
        """How far apart the attention of B and of A is, one number per head, from 0 (the same) to 1.

        Args:
            name (str): "jsd" (Jensen–Shannon divergence, base 2) or "tv" (total variation, ½ Σ|a − b|).
            over (str): "mean" or "max" over the rows, or "focus": the rows of the focus word.
            rows (sequence of int, optional): The query units that count. Default: all that both prompts have.

        Returns:
            array [layer, head], float32; NaN if none of the rows can differ (see `why_undefined`).

        Raises:
            InputError: If no row is in both prompts, or `over` is something else.

        Source:
            Lin 1991, *Divergence Measures Based on the Shannon Entropy*.
        """
        if over == "focus":
            rows, over = self.focus_units, "mean"
        chosen = list(self.alignment.shared if rows is None else set(rows) & set(self.alignment.shared))
        if not chosen:
            raise InputError("None of these rows is in both prompts. Choose words that are.")
        if over not in ("mean", "max"):
            raise InputError(f"Rows can be summed up as mean, max or focus, not as {over!r}.")
        found = [pd.DataFrame(getattr(change.rows, name)[:, chosen]) for change in self.changes]
        if not self.sight.any_can_differ(chosen):
            found = [rows * np.nan for rows in found]
        return by_layer([getattr(rows, over)(axis=1).to_numpy(np.float32) for rows in found])  # NaN rows left out

    def target_masses(
        self, targets: Sequence[str], focus: str | None = None, corrected: bool = False
    ) -> list[TargetMass]:
        """The attention from the focus word to each target, summed over the target's tokens.

        Args:
            targets (sequence of str): Words of the prompts.
            focus (str, optional): Another focus word. Default: the comparison's.
            corrected (bool): Whether to leave out attention sinks and divide by what is left, as in `target_shift`.

        Returns:
            list of TargetMass: For each target its `span`, and `a` and `b` [layer, head]; NaN if the focus word
            cannot see it.

        Raises:
            InputError: If a word is not in the prompts, or `corrected` and a target is a sink itself.
        """
        rows_a, rows_b = self._focus_rows(focus)
        left_a, left_b = (1 - share for share in self.sink_shares(focus)) if corrected else (np.float32(1),) * 2
        at = self._focus_span(focus)
        masses = []
        for span in [self.target(word) for word in targets]:
            if corrected:
                self._check_no_sink(span)
            seen = 1.0 if self.sight.sees(at, span) else np.nan
            a = by_layer([row[:, list(span.a)].sum(1) * seen for row in rows_a])
            b = by_layer([row[:, list(span.b)].sum(1) * seen for row in rows_b])
            with np.errstate(divide="ignore", invalid="ignore"):
                masses.append(TargetMass(span, a / left_a, b / left_b))
        return masses

    def target_shift(
        self, targets: Sequence[str], focus: str | None = None, corrected: bool = False
    ) -> Float[np.ndarray, "layer head"]:
        """The target shift G: how far the focus word's preference for the first target changes from A to B.

        G = (to the first − to the second target) in B − (to the first − to the second target) in A, in [−2, 2]; with
        one target, attention to it in B − in A.

        Args:
            targets (sequence of one or two str): Words of the prompts.
            focus (str, optional): Another focus word. Default: the comparison's.
            corrected (bool): Whether to leave out attention sinks (special tokens or, if there are none, the first
                token) and divide each row by what is left.

        Returns:
            array [layer, head], float32; NaN in every head if G cannot be measured (see `why_undefined`).

        Raises:
            InputError: If there are not one or two targets, a word is not in the prompts, or a target is a sink
                itself.

        Source:
            The doctor and nurse example of Vig 2019 (arXiv 1904.02679), as a number.
        """
        if not 1 <= len(targets) <= 2:
            raise InputError(f"A target shift takes one or two target words; {len(targets)} were given.")
        with np.errstate(invalid="ignore"):  # ∞ − ∞ where the sinks have all of a row: undefined
            moves = [mass.b - mass.a for mass in self.target_masses(targets, focus, corrected)]
            shift = moves[0] if len(moves) == 1 else moves[0] - moves[1]
        if self.sight.no_shift(self._focus_span(focus), [self.target(word) for word in targets], corrected):
            shift = np.full_like(shift, np.nan)
        return np.where(np.isfinite(shift), shift, np.nan).astype(np.float32)

    def sink_shares(self, focus: str | None = None) -> tuple[Float[np.ndarray, "layer head"], ...]:
        """The share of the focus word's attention that the sink correction removes.

        Args:
            focus (str, optional): Another focus word. Default: the comparison's.

        Returns:
            tuple of two arrays [layer, head]: In A and in B.
        """
        rows = self._focus_rows(focus)
        sinks = [sinks_of(side) for side in (self.key_alignment.a, self.key_alignment.b)]
        return tuple(by_layer([row[:, sink].sum(1) for row in side]) for side, sink in zip(rows, sinks, strict=True))

    def statistic(self, name: str, targets: Sequence[str] = ()) -> Float[np.ndarray, "layer head"]:
        """One number per head, by its name.

        Args:
            name (str): A key of `attnlib.comparison.result.STATISTICS`, such as "shift", "jsd" or "tv_focus".
            targets (sequence of str): One or two target words; "shift" and "shift_corrected" need them.

        Returns:
            array [layer, head], float32.

        Raises:
            InputError: If there is no such statistic, or targets are missing or not in the prompts.
        """
        if name not in STATISTICS:
            raise InputError(f"There is no statistic {name!r}. Choose one of {', '.join(STATISTICS)}.")
        if name.startswith("shift"):
            return self.target_shift(targets, corrected=name == "shift_corrected")
        distance, _, over = name.partition("_")
        return self.distance("tv" if distance == "tv" else "jsd", over or "mean")

    def ranking(
        self, by: str = "jsd", targets: Sequence[str] = (), rows: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """All heads in a table, the one that changes most first.

        Args:
            by (str): The column to sort by, by size: "jsd", "tv", "shift" and so on.
            targets (sequence of str): One or two target words; with them the table has the attention to each and the
                shift.
            rows (sequence of int, optional): The query units over which tv and jsd are averaged. Default: all.

        Returns:
            DataFrame: One row per head: layer, head, then every statistic.

        Raises:
            InputError: If there is no such column, or a word is not in the prompts.
        """
        columns: dict[str, np.ndarray] = {}
        for name in ("tv", "jsd"):
            columns[name] = self.distance(name, "mean", rows)
            columns[f"{name}_max"] = self.distance(name, "max", rows)
            columns[f"{name}_focus"] = self.distance(name, "focus")
        columns |= self._outside()
        if targets:
            columns |= self._target_columns(targets)
        if by not in columns:
            raise InputError(f"Heads cannot be ranked by {by!r}. Choose one of {', '.join(columns)}.")
        there = by_layer([np.ones(len(change.focus_a), np.float32) for change in self.changes])
        layers, heads = np.nonzero(np.isfinite(there))
        table = pd.DataFrame({"layer": layers, "head": heads} | {n: v[layers, heads] for n, v in columns.items()})
        return table.sort_values(by, key=np.abs, ascending=False, kind="stable", ignore_index=True)

    def _outside(self) -> dict[str, np.ndarray]:
        shared = list(self.alignment.shared)
        return {
            name: by_layer([np.asarray(getattr(change.rows, name))[:, shared].mean(1) for change in self.changes])
            for name in ("outside_a", "outside_b")
        }

    def _target_columns(self, targets: Sequence[str]) -> dict[str, np.ndarray]:
        columns = {}
        for mass in self.target_masses(targets):
            columns[f"a_{mass.span.word}"], columns[f"b_{mass.span.word}"] = mass.a, mass.b
        columns["shift"] = self.target_shift(targets)
        columns["sink_a"], columns["sink_b"] = self.sink_shares()
        try:
            columns["shift_corrected"] = self.target_shift(targets, corrected=True)
        except InputError:  # a target is the sink itself
            columns["shift_corrected"] = np.full_like(columns["shift"], np.nan)
        return columns

    # ---- words in both prompts

    def target(self, word: str) -> Span:
        """Where a target word is in both prompts.

        Args:
            word (str): As written in either prompt.

        Returns:
            Span: Its tokens in A and in B, all occurrences; in a prompt that lacks it, those of the word in its
            place.

        Raises:
            InputError: If the word is in neither prompt, or nothing stands for it in the other.
        """
        return find_span(self.key_alignment, word, "target word", last=False)

    def why_undefined(self, statistic: str, targets: Sequence[str] = ()) -> str:
        """Why a statistic cannot be measured for this pair.

        Args:
            statistic (str): A key of `attnlib.comparison.result.STATISTICS`.
            targets (sequence of str): One or two target words, for "shift" and "shift_corrected".

        Returns:
            str: A sentence or two, with a remedy; empty if it can be measured.
        """
        if statistic.startswith("shift"):
            spans = [self.target(word) for word in targets]
            reason = self.sight.no_shift(self.focus, spans, statistic == "shift_corrected")
            return f"G cannot be measured here: {reason}" if reason else ""
        if statistic.endswith("_focus"):
            return self._no_distance(self.focus_units, self.sight.cannot_differ(self.focus))
        return self._no_distance(self.alignment.shared, "no word of both prompts can differ in its attention.")

    def _no_distance(self, rows: Sequence[int], reason: str) -> str:
        chosen = set(rows) & set(self.alignment.shared)
        if self.sight.any_can_differ(sorted(chosen)):
            return ""
        return f"Nothing can be measured here: {reason} {self.sight.remedy()}."

    def _focus_span(self, focus: str | None) -> Span:
        return self.focus if focus is None else find_span(self.alignment, focus, "focus word", last=True)

    def _focus_rows(self, focus: str | None) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The focus word's attention [head, key] in every layer of A and of B."""
        if focus is None:
            return [change.focus_a for change in self.changes], [change.focus_b for change in self.changes]
        span = self._focus_span(focus)
        if (span.a, span.b) == (self.focus.a, self.focus.b):
            return self._focus_rows(None)
        if len(self.a.stack(self.stack).layers) < len(self.changes):
            raise InputError(f"Only the focus word “{self.focus.word}” was measured. Compare with focus={focus!r}.")
        sides = ((self.a, span.a), (self.b, span.b))
        rows = [[lay.weights[:, list(at)].mean(1) for lay in t.stack(self.stack).layers.values()] for t, at in sides]
        return rows[0], rows[1]

    def _check_no_sink(self, span: Span) -> None:
        if set(span.a) & set(sinks_of(self.key_alignment.a)) or set(span.b) & set(sinks_of(self.key_alignment.b)):
            raise InputError(
                f"“{span.word}” is a token that the sink correction leaves out (the first, or a special one). "
                "Use the target shift without the correction."
            )

    # ---- what was verified

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What was checked: the rows before the first edit, and the kept layers of both prompts."""
        both = [check for pair in zip(self.a.checks, self.b.checks, strict=False) for check in pair]
        merged: dict[str, Check] = {}
        for check in both:
            merged[check.name] = check if check.name not in merged else merged[check.name].merged(check)
        return (*((self.untouched,) if self.untouched else ()), *merged.values())

    @property
    def verified(self) -> bool:
        """Whether something was checked and every check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    def _repr_html_(self) -> str | None:
        """In a notebook: the head view of A, B and B − A; None where no layer was kept."""
        views = import_module("attnlib.views.html")  # by its name: the views are below this room, and need this file
        return views.head_view(self)._repr_html_() if self.a.stack(self.stack).layers else None
