"""How far a study is, in words. What is counted: rows of the source, pairs (rows that are pairs), and measurements,
which are pairs in models: each pair once for each model.

Not here: what a study found (findings.py).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attnlib.wording import count, duration

if TYPE_CHECKING:
    import pandas as pd


def counts_in_words(counts: Mapping[str, int]) -> str:
    """What `Study.counts` gives: "4 pairs of 5 rows in 2 models are 8 measurements: 6 made, 2 not possible."."""
    rows, pairs, models, made, failed = (
        counts[name] for name in ("rows", "pairs", "models", "measured", "not_measured")
    )
    what = count(pairs, "pair") + (f" of {count(rows, 'row')}" if rows != pairs else "")
    verb = "is" if pairs * models == 1 else "are"
    left = pairs * models - made - failed
    told = f"{what} in {count(models, 'model')} {verb} {count(pairs * models, 'measurement')}: {made:,} made"
    told += f", {failed:,} not possible" if failed else ""
    return told + (f", {left:,} to do." if left else ".")


def progress_in_words(progress: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What a study that somebody works on does now, and for how long."""
    state, models = progress["state"], manifest["models"]
    if state == "waiting":
        before = progress["ahead"]
        return f"Waiting: {'1 study comes' if before == 1 else f'{before:,} studies come'} before this one"
    if state != "running":
        return "Stopping …" if state == "stopping" else "Loading …"
    told = f"{progress['done']:,} of {progress['total']:,} measurements"
    if len(models) > 1:
        told += f" ({count(progress['total'] // len(models), 'pair')} in {len(models)} models)"
    model = progress["model"]
    if progress["left"] is None:
        return f"{told} · {model}" if model else told
    later = len(models) - models.index(model) - 1 if model in models else 0
    then = f", then {count(later, 'more model')}" if later else ""
    return f"{told} · {duration(progress['left'])} left in {model}{then}"


def source_in_words(manifest: Mapping[str, Any]) -> str:
    """Which pairs a study is of: "107 pairs of 111 rows from my.csv"."""
    told = manifest["pairs"]
    rows, pairs = told["count"], told["count"] - told["dropped"]
    of = f" of {count(rows, 'row')}" if rows != pairs else ""
    return f"{count(pairs, 'pair')}{of} from {told['source']}"


def missing_in_words(reasons: "pd.DataFrame") -> str:
    """How much `Study.reasons` is about: "2 measurements not possible · 1 row is no pair"."""
    rows = int(reasons.loc[reasons["model"] == "", "count"].sum())
    failed = int(reasons["count"].sum()) - rows
    told = [f"{count(failed, 'measurement')} not possible"] if failed else []
    return " · ".join(
        told + ([f"{count(rows, 'row')} {'is no pair' if rows == 1 else 'are no pairs'}"] if rows else [])
    )
