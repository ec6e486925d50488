"""A study read back from its folder: tables of pairs and heads, and arrays for statistics.py. Nothing is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
from jaxtyping import Float, Int

from attnlib.errors import InputError
from attnlib.pairbatch import MEASURES
from attnlib.studyfolder import StudyFolder
from attnlib.studyparts import EFFECTS, MEASURED

SCORES = {  # numbers of a pair, as columns of its table
    "log_odds": "log-odds of A's word against B's",
    "score_change": "log-likelihood, B − A",
    "total": "total effect on the candidates' odds",
    "indirect_all": "indirect effect of all heads",
    "direct_all": "direct effect of all heads",
}


@dataclass(frozen=True, eq=False)
class Values:
    """One statistic of every head, of the pairs that were measured in one model."""

    statistic: str
    model: str
    pairs: Int[np.ndarray, " pair"]  # their numbers in the study
    values: Float[np.ndarray, "pair layer head"]  # NaN where a pair has none


@dataclass(frozen=True, eq=False)
class Study:
    """The results in a study's folder, finished or not."""

    folder: StudyFolder
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return self.folder.path.name

    @property
    def models(self) -> tuple[str, ...]:
        """The models that have results, in the order they were given."""
        names = enumerate(self.manifest["models"])
        return tuple(name for number, name in names if self.folder.finished(number))

    @property
    def complete(self) -> bool:
        """Whether every pair was measured, or has its reason, in every model."""
        parts = -(-self.manifest["pairs"]["count"] // self.manifest["part"])
        return all(len(self.folder.finished(n)) == parts for n in range(len(self.manifest["models"])))

    def counts(self) -> dict[str, int]:
        """Rows of the source, pairs measured and not, over all models."""
        tables = [
            ds.dataset(file).to_table(["reason"]) for name in self.models for file in self._files("pairs", name)
        ]
        reasons = [reason for table in tables for reason in table["reason"].to_pylist()]
        measured = sum(not reason for reason in reasons)
        return {"measured": measured, "not_measured": len(reasons) - measured, "models": len(self.models)}

    @cached_property
    def statistics(self) -> tuple[str, ...]:
        """The statistics of heads there are, in the order of the table."""
        found: set[str] = set()
        for file in (file for model in self.models for file in self._files("heads", model)):
            found |= set(ds.dataset(file).to_table(["statistic"]).column(0).unique().to_pylist())
        return tuple(name for name in (*MEASURES, *EFFECTS) if name in found)

    def pair_table(self, model: str | None = None) -> pd.DataFrame:
        """One row per pair: its prompts and columns, what was measured of it, its reason where it was not.

        With `score_change`, B − A of the log-likelihoods. Of all models, or of one.
        """
        files = [file for name in ([model] if model else self.models) for file in self._files("pairs", name)]
        if not files:
            raise InputError(f"{self.name} has no results yet.")
        table = ds.dataset(files).to_table().to_pandas()
        table["score_change"] = table["score_b"] - table["score_a"]
        return table

    def values(self, statistic: str, model: str | None = None) -> Values:
        """One statistic of all heads of one model (default: the first)."""
        model = self._model(model)
        if statistic not in self.statistics:
            raise InputError(
                f"{self.name} has no {statistic!r}. It has {', '.join(self.statistics) or 'nothing yet'}."
            )
        layers, heads = self._shape(model)
        chosen = ds.dataset(self._files("pairs", model)).to_table(["pair", "reason"]).to_pandas()
        numbers = np.sort(chosen.loc[chosen["reason"] == "", "pair"].to_numpy())
        values = np.full((len(numbers), layers, heads), np.nan, np.float32)
        dataset = ds.dataset(self._files("heads", model))
        columns = ["pair", "layer", "head", "value"]
        for batch in dataset.to_batches(columns=columns, filter=ds.field("statistic") == statistic):
            pair, layer, head, value = (batch[name].to_numpy() for name in columns)
            values[np.searchsorted(numbers, pair), layer, head] = value
        return Values(statistic, model, numbers, values)

    def head_table(self, model: str | None = None) -> pd.DataFrame:
        """The long table: pair, model, layer, head, statistic, value."""
        files = [file for name in ([model] if model else self.models) for file in self._files("heads", name)]
        return ds.dataset(files).to_table().to_pandas()

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

    def _files(self, table: str, model: str) -> list[str]:
        number = self.manifest["models"].index(self._model(model))
        finished = sorted(self.folder.finished(number))
        return [str(self.folder.path / f"{table}.parquet" / f"part-{number:02}-{n:06}.parquet") for n in finished]


def open_study(folder: str | Path) -> Study:
    """The results in a study's folder. Raises InputError where there is no study."""
    found = StudyFolder(Path(folder).resolve())
    return Study(found, found.manifest())


def group_columns(table: pd.DataFrame, most: int = 200) -> Sequence[str]:
    """Columns of a pair table that sort the pairs into 2 to `most` groups."""
    names = [name for name in table.columns if name not in {"pair", "model", "prompt_a", "prompt_b", *MEASURED}]
    counts = {name: table[name].nunique() for name in names if name not in SCORES}
    return [name for name, count in counts.items() if 2 <= count <= most]
