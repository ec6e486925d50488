"""A study: many prompt pairs in one model or several, measured part by part, on one machine or a cluster.

Finished parts are on disk, so that a study that was stopped or killed goes on where it was and ends with the same
tables. Not here: what is measured of a pair (comparison/many.py), files (folder.py, store.py), the work itself
(running.py), a process for it (process.py), reading results (results.py).
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.model.sources import find_model, model_root
from attnlib.progress import OnProgress
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.checks import checked
from attnlib.prompts.files import iter_pairs
from attnlib.prompts.pairs import Dropped, Pair, frame_pairs
from attnlib.prompts.units import EVERY_PAIR, FOUND
from attnlib.study.folder import MANIFEST, OWN, StudyFolder, disk_errors
from attnlib.study.manifest import FORMAT
from attnlib.study.part import Settings, measure_part, read_part
from attnlib.study.results import Study, open_study
from attnlib.study.running import Run
from attnlib.study.store import Store
from attnlib.study.taken import Record, Taken, identity_of, take_pairs
from attnlib.version import VERSION

Pairs: TypeAlias = str | Path | pd.DataFrame | Iterable[Pair | Dropped]
ENGINES = ("local", "ray")
PART = 512  # pairs of a part: what is lost when a study is killed
REASONS = 3  # why there is no pair, at most
BYTES_OF_A_ROW = 5.7  # of the long table on disk, as measured


def run_study(
    pairs: Pairs | None,
    models: str | Model | Sequence[str | Model],
    out: str | Path,
    *,
    engine: str = "local",
    format: str = "csv",
    columns: dict[str, str] | None = None,
    effects: bool = False,
    scores: bool = False,
    unit: str = "",
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> Study:
    """Measure many prompt pairs in one model or several; the same call goes on with what is unfinished.

    Args:
        pairs (str, Path, DataFrame, iterable of Pair, or None): A built-in set ("two-occupations"), a file, a table
            with the columns of a pair file, or pairs. None: go on with the study in `out`.
        models (str, Model, or a sequence of them): The models, by name or loaded.
        out (str or Path): The folder of the study; new or empty, or that of the same study.
        engine (str): "local", or "ray" for the Ray cluster of RAY_ADDRESS.
        format (str): Of a file: a key of `attnlib.prompts.files.FORMATS`, such as "csv", "parquet" or "winobias".
        columns (dict of str to str, optional): Which column of a table is which of ours: {"prompt_a": "sentence1",
            ...}.
        effects (bool): Whether to measure causal effects of every head too, in pairs with candidates. Slow.
        scores (bool): Whether to measure how likely a masked model finds both prompts.
        unit (str): Which pairs belong together: a column, or what they share. Default: see `Study.unit`.
        workers (int, optional): Model actors on a Ray cluster. Default: one per GPU, or else one per core.
        progress (callable, optional): Called with a `Progress` after each batch of pairs; False stops the study.

    Returns:
        Study: The results in `out`, finished or not.

    Raises:
        InputError: If pairs, models or folder cannot be used. A single bad pair stops nothing; it is listed with its
            reason.

    Example:
        >>> import tempfile
        >>> from attnlib.prompts.builtin import pair_set
        >>> folder = tempfile.mkdtemp() + "/first"
        >>> study = attnlib.run_study(pair_set("two-occupations")[:48], "demo/gpt2-biased", folder)
        >>> study.complete, study.counts()["measured"]
        (True, 48)
    """
    if engine not in ENGINES:
        raise InputError(f"There is no engine {engine!r}. Choose one of {', '.join(ENGINES)}.")
    chosen = [models] if isinstance(models, str | Model) else list(models)
    folder = StudyFolder(Path(out).resolve())
    with disk_errors(folder.path), folder.alone():
        manifest = _begin(folder, pairs, chosen, Settings(effects, scores), format, columns, unit)
        Run(folder, manifest, progress).guarded(chosen or manifest["models"], engine, workers)
    return open_study(folder.path)


def begin_study(
    pairs: Pairs,
    models: Sequence[str],
    out: str | Path,
    *,
    format: str = "csv",
    columns: dict[str, str] | None = None,
    effects: bool = False,
    scores: bool = False,
    unit: str = "",
) -> Study:
    """Take the pairs into the folder and measure nothing yet: `run_study(None, [], out)` does, in any process."""
    folder = StudyFolder(Path(out).resolve())
    with disk_errors(folder.path), folder.alone():
        return Study(folder, _begin(folder, pairs, models, Settings(effects, scores), format, columns, unit))


class Estimate(NamedTuple):
    """How long a study will take, and its size on disk."""

    seconds: float
    bytes: float


def estimate_study(model: Model, pairs: Sequence[Pair], count: int, settings: Settings) -> Estimate:
    """What `count` pairs take in one model, from measuring these few; without loading the model."""
    records = [Record(number, pair) for number, pair in enumerate(pairs)]
    measure_part(model, read_part(model, records[:1]), Settings())  # warm: the first pass of a process is slow
    start = time.perf_counter()
    part = measure_part(model, read_part(model, records), settings)
    share = count / max(1, len(pairs))
    return Estimate((time.perf_counter() - start) * share, BYTES_OF_A_ROW * part.heads.num_rows * share)


# ---------------------------------------------------------------------------------------------- beginning, going on


def _begin(
    folder: StudyFolder,
    pairs: Pairs | None,
    models: Sequence[str | Model],
    settings: Settings,
    format: str,
    columns: dict[str, str] | None,
    unit: str,
) -> dict[str, Any]:
    """The manifest: of the study that is in the folder already, where it is the same, else a new one."""
    if pairs is None:
        return folder.manifest()
    there = folder.manifest_file.exists()
    strangers = [file.name for file in folder.path.iterdir() if not file.name.startswith(".")]
    if not there and (others := sorted(set(strangers) - {*OWN})):
        raise InputError(f"{folder.path.name} holds other files ({others[0]}, …). Choose an empty folder.")
    names = [model if isinstance(model, str) else model.name for model in models]
    _check_models(models)
    records = _records(pairs, format, columns)
    if there:
        return _same(folder, names, settings, records)
    taken = take_pairs(folder.path, records, PART)
    if unit not in ("", EVERY_PAIR, *FOUND, *taken.further):
        raise InputError(
            f"There is no column {unit!r} to say which pairs belong together. Choose one of "
            f"{', '.join([*taken.further, *FOUND, EVERY_PAIR])}."
        )
    if taken.count == taken.dropped:
        raise InputError(f"There is no pair to study. {_why_none(folder, taken)}")
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "models": names,
        "settings": asdict(settings),
        "pairs": {**asdict(taken), "source": pairs_name(pairs), "file_format": format},
        "part": PART,
        "unit": unit,
        "provenance": {},
    }
    folder.write(MANIFEST, manifest)
    return manifest


def _why_none(folder: StudyFolder, taken: Taken) -> str:
    """Why none of a source's rows is a pair: the commonest reasons first, each with how many rows have it."""
    if not taken.count:
        return "The source has no rows."
    store = Store(folder.path, {"pairs": asdict(taken), "part": PART})
    rows = (row for part in range(store.parts) for row in store.records(part))
    written = Counter(row.reason.partition(": ")[2] for row in rows)
    told = [f"{rows:,} {'row' if rows == 1 else 'rows'}: {reason}" for reason, rows in written.most_common(REASONS)]
    return " ".join([*told, *([f"And {len(written) - REASONS:,} more reasons."] if len(written) > REASONS else [])])


def _check_models(models: Sequence[str | Model]) -> None:
    if not models:
        raise InputError("There is no model to study. Name one, or several.")
    names = [model if isinstance(model, str) else model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} is named twice. Name each model once.")
    for model in models:
        if isinstance(model, str):
            find_model(model, model_root())


def _records(pairs: Pairs, format: str, columns: dict[str, str] | None) -> Iterator[Pair | Dropped]:
    if isinstance(pairs, str) and pairs in PAIR_SETS and not Path(pairs).exists():
        return iter(pair_set(pairs))
    if isinstance(pairs, str | Path):
        return checked(iter_pairs(pairs, format, columns))
    if isinstance(pairs, pd.DataFrame):
        return checked(frame_pairs(pairs, columns))
    return iter(pairs)


def pairs_name(pairs: Pairs) -> str:
    """What the pairs are called in the manifest: never a path."""
    return Path(pairs).name if isinstance(pairs, str | Path) else type(pairs).__name__


def _same(
    folder: StudyFolder, names: Sequence[str], settings: Settings, records: Iterable[Pair | Dropped]
) -> dict[str, Any]:
    """The manifest of the study in the folder, if it is this one. A damaged file of pairs is written anew."""
    manifest = folder.manifest()
    if Store(folder.path, manifest).input_is_whole():
        _check_same(folder, manifest, names, settings, identity_of(records))
        return manifest
    taken = take_pairs(folder.path, records, manifest["part"], manifest["pairs"]["sha256"])
    _check_same(folder, manifest, names, settings, taken)
    manifest["pairs"]["file_sha256"] = taken.file_sha256
    folder.write(MANIFEST, manifest)
    return manifest


def _check_same(
    folder: StudyFolder, manifest: dict[str, Any], names: Sequence[str], settings: Settings, taken: Taken
) -> None:
    """Refuse to resume a study other than the one in the folder."""
    theirs = manifest["pairs"]
    differ = [
        what
        for what, same in (
            ("models", manifest["models"] == list(names)),
            ("settings", manifest["settings"] == asdict(settings)),
            ("pairs", theirs["sha256"] == taken.sha256),
        )
        if not same
    ]
    if differ:
        raise InputError(
            f"{folder.path.name} holds another study: {theirs['count']:,} rows of {theirs['source']} in "
            f"{', '.join(manifest['models'])}, which differs in its {' and '.join(differ)}. Choose another folder."
        )
