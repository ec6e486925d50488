"""What a study counts and what it tests: units of pairs, contrasts, and why some numbers are described only.

Takes values of pairs and gives values of units. Not here: which pairs belong together (prompts/units.py), the tests
(stats/summaries.py), the words (findings.py).
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from attnlib.prompts.units import (
    EVERY_PAIR,
    FOUND,
    Contrast,
    PairTexts,
    Units,
    by_column,
    by_pair,
    contrast_of,
    proposals,
)
from attnlib.stats.summaries import HeadSummary, unit_means

MOST_SOUGHT = 100_000  # pairs in which units are sought where no column names them

DISTANCE = (
    "A distance is never below 0, so it is not tested against 0. Compare it with that of another model, or of pairs "
    "that should show no difference."
)
ONE_TARGET = (
    "It is described and not tested: with one target, every model, even one with random weights, attends differently "
    "from two different words. A second target can be tested, or a column contrast with two labels (female-typed, "
    "male-typed) that says which kinds of pairs to compare."
)
DIRECT = (
    "It is described and not tested: if a head carries nothing, its direct effect is the total effect, not 0. Total "
    "− "
    "direct is tested instead."
)


@dataclass(frozen=True)
class Basis:
    """What one statistic of a study rests on."""

    pairs: int  # that were measured
    units: Units  # of these pairs
    noun: str  # what is counted
    contrast: Contrast | None = None
    counts: tuple[int, int] = (0, 0)  # units on the sides of the contrast
    within: bool = False  # whether every unit has both sides, so that the contrast is taken within it
    left_out: int = 0  # pairs on neither side of the contrast
    one_target: int = 0  # pairs with one target where others have two, left out
    labels: tuple[str, ...] = ()  # of a column `contrast`, where there are not two: no contrast is taken
    untested: str = ""  # why nothing is tested; empty where it is


@dataclass(frozen=True, eq=False)
class Arranged:
    """Numbers of units, ready to be summed up."""

    values: Float[np.ndarray, "unit layer head"]
    labels: tuple[str, ...]  # of the units
    sides: Int[np.ndarray, " unit"] | None
    basis: Basis
    bounds: tuple[float, float] = (-np.inf, np.inf)  # of a mean of these numbers


def texts_of(table: pd.DataFrame) -> list[PairTexts]:
    """The texts that pairs are sorted by, from a study's table of pairs."""
    names = ("prompt_a", "prompt_b", "focus", "targets", "contrast")
    columns = [table[name].fillna("").astype(str) if name in table else [""] * len(table) for name in names]
    return [
        PairTexts(a, b, focus, tuple(target for target in targets.split("|") if target), side)
        for a, b, focus, targets, side in zip(*columns, strict=True)
    ]


def found_units(table: pd.DataFrame) -> tuple[Units, ...]:
    """Units that are found in the pairs, the best first; none where the pairs are very many."""
    return proposals(texts_of(table)) if len(table) <= MOST_SOUGHT else ()


def units_by(table: pd.DataFrame, name: str) -> Units:
    """The units of that name: a column of the table, one of FOUND, or every pair."""
    if name in ("", EVERY_PAIR):
        return by_pair(len(table))
    if name in table:
        return by_column(name, table[name].tolist())
    found = {units.name: units for units in found_units(table)}
    return found.get(name, by_pair(len(table)))


def noun_of(units: Units, table: pd.DataFrame) -> str:
    """What one unit is called: after a column that has the same text, as "occupation" has; else "unit"."""
    if units.one_by_one:
        return "pair"
    if units.found:
        return FOUND[units.name]
    if units.name != "unit" or units.name not in table:
        return "unit"
    further = [name for name in table.columns if name.isalpha() and name not in ("unit", "focus", "targets", "group")]
    alike = [name for name in further if table[name].equals(table["unit"])]
    return alike[0] if alike else "unit"


def arrange(
    values: Float[np.ndarray, "pair layer head"], table: pd.DataFrame, unit: str, *, signed: bool, shift: bool
) -> Arranged:
    """Values of pairs as values of units; `table` has a row per pair. A contrast is taken of `signed` numbers.

    `shift`: whether they are target shifts, which with one target and no contrast are not tested.
    """
    targets = table["targets"].fillna("").str.count(r"\|").to_numpy() + (table["targets"].fillna("") != "").to_numpy()
    one_target = 0
    if shift and (targets == 2).any() and (targets == 1).any():
        one_target = int((targets == 1).sum())
        values = np.where((targets == 1)[:, None, None], np.nan, values)
    units = units_by(table, unit)
    order = tuple(dict.fromkeys(units.labels))
    basis = Basis(len(table), units, noun_of(units, table), one_target=one_target)
    if not signed:
        return Arranged(unit_means(values, units.labels), order, None, replace(basis, untested=DISTANCE))
    cells = table["contrast"].fillna("").str.strip() if "contrast" in table else pd.Series(dtype=str)
    contrast = contrast_of(cells)
    if contrast is not None:
        return _contrasted(values, cells.to_numpy(), basis, contrast)
    lone = shift and (targets == 1).any() and not (targets == 2).any()
    basis = replace(basis, untested=ONE_TARGET if lone else "", labels=tuple(cells[cells != ""].unique()))
    return Arranged(unit_means(values, units.labels), order, None, basis)


def _contrasted(
    values: Float[np.ndarray, "pair layer head"], cells: np.ndarray, basis: Basis, contrast: Contrast
) -> Arranged:
    """The first kind of pairs less the second: between units, or within them where units have both kinds."""
    labels = np.array(basis.units.labels, dtype=object)
    order = np.array(list(dict.fromkeys(basis.units.labels)), dtype=object)
    kinds = [np.isin(order, labels[cells == kind]) for kind in contrast]
    basis = replace(basis, contrast=contrast, left_out=int((~np.isin(cells, contrast)).sum()))
    means = [
        unit_means(np.where((cells == kind)[:, None, None], values, np.nan), basis.units.labels) for kind in contrast
    ]
    both = kinds[0] & kinds[1]
    if both.any():
        basis = replace(basis, within=True, counts=(int(both.sum()), int(both.sum())))
        return Arranged(means[0][both] - means[1][both], tuple(order[both]), None, basis)
    used = kinds[0] | kinds[1]
    chosen = np.where(kinds[0][:, None, None], *means)[used]
    sides = np.where(kinds[0], 1, -1)[used]
    basis = replace(basis, counts=(int((sides > 0).sum()), int((sides < 0).sum())))
    return Arranged(chosen, tuple(order[used]), sides, basis)


def described(summary: HeadSummary) -> HeadSummary:
    """A summary of numbers that are not tested: no p, no correction, no detectable mean."""
    no = np.full(summary.mean.shape, np.nan)
    return replace(summary, tests=0, p=no, p_corrected=no, wide_low=no, wide_high=no, detectable=no)


def unit_numbers(table: pd.DataFrame, by: str, unit: str) -> pd.DataFrame:
    """One number per unit in each group of `by`, where several pairs of one unit are in it: by, number."""
    labels = units_by(table, unit).labels
    grouped = table.assign(**{"unit label": labels}).groupby([by, "unit label"], sort=False)["number"]
    return grouped.mean().reset_index()[[by, "number"]]
