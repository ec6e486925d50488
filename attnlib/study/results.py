"""A study read back from its folder: tables of pairs and heads, and arrays for stats/summaries.py.

Nothing is measured here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from attnlib.comparison.many import MEASURES
from attnlib.comparison.result import STATISTICS, Statistic
from attnlib.errors import InputError
from attnlib.paths import DEMO_FOLDER
from attnlib.prompts.units import EVERY_PAIR, FOUND, Units
from attnlib.stats.summaries import HeadSummary, summarize_family
from attnlib.study.basis import DIRECT, Arranged, Basis, arrange, described, found_units
from attnlib.study.folder import StudyFolder
from attnlib.study.part import MEASURED
from attnlib.study.store import Store, reading, table_of

SCORES = {  # numbers of a pair, as columns of its table
    "log_odds": "Log-odds of A's word against B's",
    "score_change": "Log-likelihood, B − A",
    "total": "Total effect, log odds ratio",
    "indirect_all": "Indirect effect of all heads, log odds ratio",
    "direct_all": "Direct effect of all heads, log odds ratio",
}
HEAD_STATISTICS = {  # numbers of a head
    **{name: STATISTICS[name] for name in MEASURES},
    "indirect": Statistic(
        "Indirect effect", True, "log odds ratio of the candidates, with this head's attention from B"
    ),
    "lost": Statistic(
        "Total − direct effect",
        True,
        "log odds ratio of the candidates, lost with this head's attention held at A",
    ),
    "direct": Statistic(
        "Direct effect", True, "log odds ratio of the candidates, with this head's attention held at A"
    ),
}
SHIFTS = ("shift", "shift_corrected")
RATIOS = ("indirect", "direct", "total", "indirect_all", "direct_all")  # on disk as ratios of odds − 1
CARRIED = ("indirect", "lost")  # log odds ratios of what a head carries, which is nothing where they are 0


def log_odds_ratio(ratio_less_one: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """log(1 + effect): effects are averaged and tested so; A and B swapped only change the total's sign."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log1p(ratio_less_one)


def bounds_of(statistic: str, differences: int = 0) -> tuple[float, float]:
    """The range of a head's values, or of a difference of such values (of models, of a contrast's sides)."""
    if statistic in (*RATIOS, *CARRIED):
        return -np.inf, np.inf
    least, most = (-2.0, 2.0) if statistic in SHIFTS else (0.0, 1.0)
    for _ in range(differences):
        least, most = least - most, most - least
    return least, most


def _summaries(arranged: Sequence[Arranged]) -> list[HeadSummary]:
    """The summaries of several numbers, corrected together; a unit that one lacks has no number there."""
    if not arranged:
        return []
    labels = list(dict.fromkeys(label for one in arranged for label in one.labels))
    known = [(one.labels, one.sides) for one in arranged if one.sides is not None]
    sides = dict(pair for mine, signs in known for pair in zip(mine, signs.tolist(), strict=True))
    values = [_of_units(one, labels) for one in arranged]
    found = summarize_family(values, sides=[sides[label] for label in labels] if sides else None)
    both = zip(found, arranged, strict=True)
    named = [replace(one, noun=of.basis.noun).within(*of.bounds) for one, of in both]
    return [described(one) if of.basis.untested else one for one, of in zip(named, arranged, strict=True)]


def _of_units(arranged: Arranged, labels: Sequence[str]) -> Float[np.ndarray, "unit layer head"]:
    places = {label: n for n, label in enumerate(labels)}
    values = np.full((len(labels), *arranged.values.shape[1:]), np.nan, arranged.values.dtype)
    values[[places[label] for label in arranged.labels]] = arranged.values
    return values


@dataclass(frozen=True, eq=False)
class Values:
    """One statistic of every head, of the pairs that were measured in one model."""

    statistic: str
    model: str
    pairs: Int[np.ndarray, " pair"]  # their numbers in the study
    values: Float[np.ndarray, "pair layer head"]  # NaN where a pair has none


@dataclass(frozen=True, eq=False)
class Study:
    """The results in a study's folder, finished or not; made by `run_study` and `open_study`.

    Attributes:
        folder (StudyFolder): Where it lies.
        manifest (dict): Models with the hashes of their weights, settings, the hash of the pairs, versions.
        chosen (str): The unit that was asked for when it was opened; empty for the study's own.
        together (bool): Whether p is corrected over everything that is tested.

    Source:
        What is assumed and corrected: docs/statistics.md (Efron & Tibshirani 1993; Westfall & Young 1993; Romano &
        Wolf 2005).

    Example:
        >>> import tempfile
        >>> from attnlib.prompts.builtin import pair_set
        >>> pairs = [pair for pair in pair_set("two-occupations") if dict(pair.further)["template"].startswith("The")]
        >>> study = attnlib.run_study(pairs[:160], "demo/gpt2-biased", tempfile.mkdtemp() + "/first")
        >>> summary = study.summary("shift")
        >>> summary.mean.shape, bool(summary.mean[0, 2] < 0)  # layer, head
        ((4, 4), True)
    """

    folder: StudyFolder
    manifest: dict[str, Any]
    chosen: str = ""
    together: bool = False

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.path.name

    @property
    def store(self) -> Store:
        """Its Parquet files."""
        return Store(self.folder.path, self.manifest)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have results, in the order they were given."""
        signed = self.manifest["provenance"]
        names = enumerate(self.manifest["models"])
        return tuple(name for number, name in names if name in signed and self.store.finished(number))

    @property
    def complete(self) -> bool:
        """Whether every pair was measured in every model, or has a reason why not."""
        store = self.store
        return all(len(store.finished(n)) == store.parts for n in range(len(self.manifest["models"])))

    def counts(self) -> dict[str, int]:
        """How much was measured.

        Returns:
            dict of str to int: "rows" of the source, how many of them are "pairs", "models", and of all pairs in all
            models, each once per model, how many were "measured" and how many could not be ("not_measured"). Until
            the study is complete these two are fewer than pairs times models.
        """
        told, pairs, measured = self.manifest["pairs"], 0, 0
        for table in self._columns("pairs", ["prompt_a", "reason"]):
            pairs += table.num_rows - table["prompt_a"].null_count  # a row that is no pair has no prompt
            measured += pc.sum(pc.equal(table["reason"], "")).as_py() or 0
        return {
            "rows": told["count"],
            "pairs": told["count"] - told["dropped"],
            "models": len(self.manifest["models"]),
            "measured": measured,
            "not_measured": pairs - measured,
        }

    def damage(self) -> str:
        """What is missing of a study that nobody works on, in a sentence; empty if nothing is but what never ran.

        Returns:
            str.
        """
        store, told = self.store, []
        done = self.folder.progress()["state"] == "done"
        for number, model in enumerate(self.manifest["models"]):
            gone = set(range(store.parts)) - store.finished(number)
            lost = gone if done else gone & store.broken(number)
            if lost:
                told.append(f"{len(lost):,} of {store.parts:,} in {model}")
        if not told or self.folder.busy():
            return ""
        return (
            f"Parts of this study are damaged or missing ({', '.join(told)}). What is shown is without them. Go on "
            "measures them again."
        )

    def reasons(self) -> pd.DataFrame:
        """Why pairs were not measured, and why rows of the source are no pairs.

        Returns:
            DataFrame: model (empty for rows that are no pairs), reason, count, the commonest first.
        """
        table = self.pair_table()
        no_pairs = table["prompt_a"].isna()
        rows = table.loc[no_pairs & (table["model"] == self.models[0]), ["model", "reason"]].assign(model="")
        pairs = table.loc[~no_pairs & (table["reason"] != ""), ["model", "reason"]]
        return pd.concat([pairs, rows]).value_counts().rename("count").reset_index()

    @cached_property
    def statistics(self) -> tuple[str, ...]:
        """The statistics of heads that were measured, keys of `attnlib.study.results.HEAD_STATISTICS`."""
        found: set[str] = set()
        for table in self._columns("heads", ["statistic"]):
            found |= set(table.column(0).unique().to_pylist())
        return tuple(name for name in HEAD_STATISTICS if (name if name != "lost" else "direct") in found)

    def pair_table(self, model: str | None = None) -> pd.DataFrame:
        """All pairs in a table.

        Args:
            model (str, optional): One of `models`. Default: all.

        Returns:
            DataFrame: One row per pair and model: prompts and columns, scores (nats), alignment, `score_change` (B −
            A of the log-likelihoods), and `reason`, empty if it was measured.

        Raises:
            InputError: If there are no results yet, or none of this model.
        """
        files = [file for name in ([model] if model else self.models) for file in self._files("pairs", name)]
        if not files:
            raise InputError(f"{self.name} has no results yet.")
        with reading(self.name):
            table = table_of(files).to_table().to_pandas()
        table["score_change"] = table["score_b"] - table["score_a"]
        return table

    def values(self, statistic: str, model: str | None = None) -> Values:
        """One statistic of all heads, pair by pair.

        Args:
            statistic (str): One of `statistics`.
            model (str, optional): One of `models`. Default: the first.

        Returns:
            Values: `values` [pair, layer, head] and the numbers of the pairs; NaN if a pair has none.

        Raises:
            InputError: If the statistic or the model has no results.
        """
        model = self._model(model)
        if statistic not in self.statistics:
            raise InputError(
                f"{self.name} has no {statistic!r}. It has {', '.join(self.statistics) or 'nothing yet'}."
            )
        if statistic == "lost":
            return self._lost(model)
        layers, heads = self._shape(model)
        with reading(self.name):
            chosen = table_of(self._files("pairs", model)).to_table(["pair", "reason"]).to_pandas()
            numbers = np.sort(chosen.loc[chosen["reason"] == "", "pair"].to_numpy())
            values = np.full((len(numbers), layers, heads), np.nan, np.float32)
            columns = ["pair", "layer", "head", "value"]
            wanted = pc.field("statistic") == statistic
            for batch in table_of(self._files("heads", model)).to_batches(columns=columns, filter=wanted):
                pair, layer, head, value = (batch[name].to_numpy() for name in columns)
                values[np.searchsorted(numbers, pair), layer, head] = value
        return Values(statistic, model, numbers, log_odds_ratio(values) if statistic in RATIOS else values)

    def _lost(self, model: str) -> Values:
        """How much of the total effect is lost without each head: log total − log direct, pair by pair."""
        direct = self.values("direct", model)
        total = self.pair_table(model).set_index("pair")["total"].loc[direct.pairs].to_numpy(float)
        return replace(direct, statistic="lost", values=log_odds_ratio(total)[:, None, None] - direct.values)

    @cached_property
    def unit(self) -> str:
        """Which pairs count as one unless another unit is asked for.

        As chosen when the study began, or the column "unit", or the best that is found in the pairs; EVERY_PAIR if
        there is none.
        """
        chosen = self.chosen or self.manifest.get("unit")
        if chosen:
            return chosen
        if "unit" in self.manifest["pairs"]["further"]:
            return "unit"
        found = self.found_units
        return found[0].name if found else EVERY_PAIR

    @cached_property
    def found_units(self) -> tuple[Units, ...]:
        """Units that are found in the measured pairs (such as the same targets), the best first."""
        table = self.pair_table(self._model(None))
        return found_units(table[table["reason"] == ""])

    def summary(self, statistic: str, model: str | None = None, unit: str | None = None) -> HeadSummary:
        """What all pairs together say about each head.

        Args:
            statistic (str): One of `statistics`.
            model (str, optional): One of `models`. Default: the first.
            unit (str, optional): Which pairs are averaged first, as they are not independent: a column, or what they
                share. Default: `unit`; "" counts every pair.

        Returns:
            HeadSummary: Means, 95 % intervals, p corrected over heads, effect sizes [layer, head] each. Pairs with a
            column `contrast` are contrasted. Distances, and shifts with one target and no contrast, are described,
            not tested.

        Raises:
            InputError: If the statistic, model or unit is not there.

        Source:
            Efron & Tibshirani 1993, ch. 12.5 (bootstrap-t); Westfall & Young 1993 and Romano & Wolf 2005 (step-down
            max-T).
        """
        known = self._together(unit).get((statistic, self._model(model)))
        return known or _summaries([self.arranged(statistic, model, unit)])[0]

    def basis(self, statistic: str, model: str | None = None, unit: str | None = None) -> Basis:
        """What a summary rests on.

        Args:
            statistic (str): One of `statistics`.
            model (str, optional): One of `models`. Default: the first.
            unit (str, optional): As in `summary`.

        Returns:
            Basis: Pairs, units and contrast, and why it is not tested if it is not.

        Raises:
            InputError: If the statistic, model or unit is not there.
        """
        return self.arranged(statistic, model, unit).basis

    def model_difference(self, statistic: str, model_a: str, model_b: str, unit: str | None = None) -> HeadSummary:
        """What all pairs together say about the difference between two models, model B − model A.

        Args:
            statistic (str): One of `statistics`.
            model_a (str): One of `models`.
            model_b (str): Another of `models`.
            unit (str, optional): As in `summary`.

        Returns:
            HeadSummary: As `summary`, over the pairs that both models have.

        Raises:
            InputError: If the models have different heads, or the statistic, a model or the unit is not there.
        """
        known = self._together(unit).get((statistic, model_b, model_a))
        return known or _summaries([self._difference(statistic, model_a, model_b, unit)])[0]

    def _together(self, unit: str | None) -> dict[tuple[str, ...], HeadSummary]:
        """The summaries that are corrected together, if that was chosen and the unit is the study's; else empty."""
        return self._family if self.together and unit in (None, self.unit) else {}

    @cached_property
    def _family(self) -> dict[tuple[str, ...], HeadSummary]:
        return self.family()

    def differences(self) -> list[tuple[str, str]]:
        """The models that are compared pair by pair: the first with each other one.

        Returns:
            list of (str, str).
        """
        return [(self.models[0], other) for other in self.models[1:]]

    def family(self, unit: str | None = None) -> dict[tuple[str, ...], HeadSummary]:
        """The summaries of every tested statistic, model and difference, corrected together.

        Args:
            unit (str, optional): As in `summary`.

        Returns:
            dict: By (statistic, model), and by (statistic, model, other) for model − other.
        """
        keys: list[tuple[str, ...]] = [
            key
            for name in self.statistics
            if HEAD_STATISTICS[name].signed
            for key in [*((name, model) for model in self.models), *((name, *two) for two in self.differences())]
        ]
        found: dict[tuple[str, ...], Arranged] = {}
        for key in keys:
            try:
                one = (
                    self._difference(key[0], key[2], key[1], unit)
                    if len(key) == 3
                    else self.arranged(key[0], key[1], unit)
                )
            except InputError:  # models with other heads
                continue
            if not one.basis.untested:
                found[key] = one
        return dict(zip(found, _summaries(list(found.values())), strict=True))

    def arranged(self, statistic: str, model: str | None = None, unit: str | None = None) -> Arranged:
        """One statistic's numbers as they are counted: over units, with the sides of a contrast.

        Args:
            statistic (str): One of `statistics`.
            model (str, optional): One of `models`. Default: the first.
            unit (str, optional): As in `summary`.

        Returns:
            Arranged: `values` [unit, layer, head], the labels of the units, and what they rest on.

        Raises:
            InputError: If the statistic, model or unit is not there.
        """
        found = self.values(statistic, model)
        return self.arrange(found.values, found.pairs, found.model, statistic, unit)

    def sizes(self, statistic: str, model: str | None = None) -> Float[np.ndarray, "layer head"]:
        """The mean over pairs of how far each head moves, with the sign left aside.

        Args:
            statistic (str): One of `statistics`.
            model (str, optional): One of `models`. Default: the first.

        Returns:
            array [layer, head]; NaN if a head has no number.

        Raises:
            InputError: If the statistic or the model has no results.
        """
        values = self.values(statistic, model).values
        known = np.where(np.isfinite(values), np.abs(values), np.nan)
        counts = np.isfinite(known).sum(0)
        return np.nansum(known, 0) / np.where(counts, counts, np.nan)

    def _difference(self, statistic: str, model_a: str, model_b: str, unit: str | None) -> Arranged:
        a, b = self.values(statistic, model_a), self.values(statistic, model_b)
        pairs, in_a, in_b = np.intersect1d(a.pairs, b.pairs, return_indices=True)
        if a.values.shape[1:] != b.values.shape[1:]:
            raise InputError(f"{model_a} and {model_b} have different heads: they cannot be compared head by head.")
        return self.arrange(b.values[in_b] - a.values[in_a], pairs, model_a, statistic, unit, difference=True)

    def arrange(
        self,
        values: Float[np.ndarray, "pair layer head"],
        pairs: Int[np.ndarray, " pair"],
        model: str,
        statistic: str,
        unit: str | None,
        difference: bool = False,
    ) -> Arranged:
        """Any numbers of these pairs as they are counted: over units, with the sides of a contrast.

        Args:
            values (array [pair, layer, head]): The numbers.
            pairs (array [pair]): The numbers of the pairs in the study.
            model (str): The model whose table of pairs says what belongs together.
            statistic (str): What the numbers are, a key of `attnlib.study.results.HEAD_STATISTICS`.
            unit (str, optional): As in `summary`.
            difference (bool): Whether the numbers are differences of two models.

        Returns:
            Arranged: `values` [unit, layer, head], the labels of the units, and what they rest on.

        Raises:
            InputError: If there is no such unit.
        """
        unit = self.unit if unit is None else unit
        table = self.pair_table(model).set_index("pair").loc[pairs]
        if unit not in ("", EVERY_PAIR, *FOUND, *table.columns):
            raise InputError(f"{self.name} has no column {unit!r}.")
        signed = HEAD_STATISTICS[statistic].signed
        found = arrange(values, table, unit, signed=signed, shift=statistic in SHIFTS)
        if statistic == "direct":
            found = replace(found, basis=replace(found.basis, untested=DIRECT))
        differences = int(difference) + (found.basis.contrast is not None)
        return replace(found, bounds=bounds_of(statistic, differences))

    def numbers(self, name: str, model: str, head: tuple[int, int]) -> pd.DataFrame:
        """One number per measured pair, beside its row of the pair table.

        Args:
            name (str): One of `statistics`, or a key of `attnlib.study.results.SCORES` (numbers of whole pairs).
            model (str): One of `models`.
            head (tuple of two int): Layer and head, for a statistic.

        Returns:
            DataFrame: With the column "number", the largest in size first; pairs without one are left out.

        Raises:
            InputError: If the statistic or the model has no results.
        """
        table = self.pair_table(model)
        table = table[table["reason"] == ""]
        if name in SCORES:
            numbers = table[name].to_numpy(float)
            numbers = log_odds_ratio(numbers) if name in RATIOS else numbers
        else:
            found = self.values(name, model)
            numbers = found.values[np.searchsorted(found.pairs, table["pair"].to_numpy()), *head]
        table = table.assign(number=numbers.astype(float))
        table = table[np.isfinite(table["number"])]
        return table.sort_values("number", key=np.abs, ascending=False, kind="stable", ignore_index=True)

    def head_table(self, model: str | None = None) -> pd.DataFrame:
        """The long table of all numbers.

        Args:
            model (str, optional): One of `models`. Default: all.

        Returns:
            DataFrame: pair, model, layer, head, statistic, value.
        """
        files = [file for name in ([model] if model else self.models) for file in self._files("heads", name)]
        with reading(self.name):
            return table_of(files).to_table().to_pandas()

    def head_parquet(self) -> bytes:
        """The long table of all models as one Parquet file.

        Returns:
            bytes.
        """
        files = [file for name in self.models for file in self._files("heads", name)]
        sink = pa.BufferOutputStream()
        with reading(self.name):
            pq.write_table(table_of(files).to_table(), sink, compression="zstd", write_page_checksum=True)
        return sink.getvalue().to_pybytes()

    def _model(self, model: str | None) -> str:
        if not self.models:
            raise InputError(f"{self.name} has no results yet.")
        if model is not None and model not in self.models:
            raise InputError(f"{self.name} has no results of {model}. It has those of {', '.join(self.models)}.")
        return model or self.models[0]

    def _shape(self, model: str) -> tuple[int, int]:
        """Layers and heads of the attention that was measured."""
        counts = next(iter(self.manifest["provenance"][model]["heads"].values()))
        return len(counts), max(counts)

    def _files(self, table: str, model: str) -> list[Path]:
        return self.store.files(table, self.manifest["models"].index(self._model(model)))

    def _columns(self, table: str, columns: list[str]) -> Iterator[pa.Table]:
        """Some columns of each part of a table."""
        for file in (file for model in self.models for file in self._files(table, model)):
            with reading(self.name):
                yield table_of([file]).to_table(columns)


def open_study(folder: str | Path, unit: str = "", together: bool = False) -> Study:
    """Open the results in a study's folder.

    Args:
        folder (str or Path): The `out` of `run_study`.
        unit (str): Another unit than the study's own: a column, or what pairs share.
        together (bool): Whether p is corrected over every tested statistic, model and difference instead of the heads
            of one statistic in one model.

    Returns:
        Study: The results, finished or not.

    Raises:
        InputError: If there is no study in the folder.

    Example:
        >>> import tempfile
        >>> from attnlib.prompts.builtin import pair_set
        >>> folder = tempfile.mkdtemp() + "/first"
        >>> _ = attnlib.run_study(pair_set("two-occupations")[:48], "demo/gpt2-biased", folder)
        >>> attnlib.open_study(folder).models
        ('demo/gpt2-biased',)
    """
    found = StudyFolder(Path(folder).resolve())
    return Study(found, found.manifest(), unit, together)


# ---------------------------------------------------------------------------------------------- columns of pairs


def group_columns(table: pd.DataFrame, most: int = 200) -> list[str]:
    """Columns of a pair table that sort the pairs into 2 to `most` groups."""
    ours = {"pair", "model", "prompt_a", "prompt_b", "number", *MEASURED, *SCORES}
    counts = {name: table[name].nunique() for name in table.columns if name not in ours}
    return [name for name, count in counts.items() if 2 <= count <= most and count < len(table)]


def outside_columns(table: pd.DataFrame, by: str) -> dict[str, dict[str, float]]:
    """Numbers of each group that come from elsewhere: by name, label → number.

    Further columns that have one number per group (a share of women), and for the occupations of the demo models
    their planted log-odds, log(p / (1 − p)) of p_she.
    """
    labels = table[by].astype(str)
    found: dict[str, dict[str, float]] = {}
    planted = planted_log_odds()
    if set(labels) <= set(planted):
        found["planted log-odds of she"] = {label: planted[label] for label in labels.unique()}
    for name in table.columns:
        if name in (by, "pair", "number", *MEASURED, *SCORES):
            continue
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.notna().all() and numbers.nunique() > 2 and (numbers.groupby(labels).nunique() == 1).all():
            found[name] = numbers.groupby(labels).first().astype(float).to_dict()
    return found


def planted_log_odds() -> dict[str, float]:
    """What was planted into the demo models: of each occupation log(p / (1 − p)), where p is how often it is she."""
    p = pd.read_csv(DEMO_FOLDER / "planted_bias.csv", index_col="occupation")["p_she"]
    return {str(name): float(value) for name, value in np.log(p / (1 - p)).items()}
