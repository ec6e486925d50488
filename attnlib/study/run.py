"""A study: many prompt pairs in one model or several, measured part by part, on one machine or a cluster.

Finished parts are on disk, so that a study that was stopped or killed goes on where it was and ends with the same
tables. Not here: what is measured of a pair (comparison/many.py), files (folder.py), reading results
(results.py), the cluster (ray_engine.py).
"""

import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from attnlib.errors import InputError
from attnlib.model.loading import Model, load_model
from attnlib.model.provenance import provenance
from attnlib.model.sources import find_model, model_root
from attnlib.progress import OnProgress, Progress
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.checks import checked
from attnlib.prompts.files import iter_pairs
from attnlib.prompts.pairs import Dropped, Pair, frame_pairs
from attnlib.prompts.units import EVERY_PAIR, FOUND
from attnlib.study.folder import FORMAT, Part, Record, StudyFolder, Taken, disk_errors, identity_of
from attnlib.study.part import Settings, StoppedError, measure_part, read_part
from attnlib.study.results import Study, open_study
from attnlib.version import VERSION

Pairs: TypeAlias = str | Path | pd.DataFrame | Iterable[Pair | Dropped]
ENGINES = ("local", "ray")
PART = 512  # pairs of a part: what is lost when a study is killed
REASONS = 3  # why there is no pair, at most
BYTES_OF_A_ROW = 5.7  # of the long table on disk, as measured
BETWEEN = 0.5  # seconds from one writing of progress.json to the next


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
        run = _Run(folder, manifest, progress)
        try:
            run.whole(chosen or manifest["models"], engine, workers)
        except BaseException as error:
            stopped = isinstance(error, StoppedError | KeyboardInterrupt)
            run.done = run.total - sum(run.size(part) for mine in run.unfinished() for part in mine)
            run.say("stopped" if stopped else "failed", "" if stopped else str(error))
            if not isinstance(error, StoppedError):
                raise
        else:
            run.say("done")
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
    there = folder.manifest_file.exists()
    if pairs is None:
        return folder.manifest()
    strangers = [file.name for file in folder.path.iterdir() if file.name not in ("running.json", "progress.json")]
    if not there and any(not name.startswith(".") and name != "input.parquet" for name in strangers):
        raise InputError(f"{folder.path.name} holds other files ({min(strangers)}, …). Choose an empty folder.")
    names = [model if isinstance(model, str) else model.name for model in models]
    _check_models(models)
    records = _records(pairs, format, columns)
    if there:
        _check_same(folder, names, settings, identity_of(records))
        return folder.manifest()
    taken = folder.take_pairs(records, PART)
    if unit not in ("", EVERY_PAIR, *FOUND, *taken.further):
        raise InputError(
            f"There is no column {unit!r} to say which pairs belong together. Choose one of "
            f"{', '.join([*taken.further, *FOUND, EVERY_PAIR])}."
        )
    if taken.count == taken.dropped:
        raise InputError(f"There is no pair to study. {_why_none(folder, taken.count)}")
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
    folder.write("manifest.json", manifest)
    return manifest


def _why_none(folder: StudyFolder, count: int) -> str:
    """Why none of a source's rows is a pair: the commonest reasons first, each with how many rows have it."""
    if not count:
        return "The source has no rows."
    parts = range(-(-count // PART))
    written = Counter(row.reason.partition(": ")[2] for part in parts for row in folder.records(part, PART))
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


def _check_same(folder: StudyFolder, names: Sequence[str], settings: Settings, taken: Taken) -> None:
    """Refuse to resume a study other than the one in the folder."""
    manifest = folder.manifest()
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


# ---------------------------------------------------------------------------------------------- running


@dataclass(eq=False)
class _Run:
    """One run of a study: it counts, reports and stores."""

    folder: StudyFolder
    manifest: dict[str, Any]
    progress: OnProgress | None
    model: str = ""  # the one that runs
    done: int = 0
    begun: float = field(default_factory=time.perf_counter)
    here: int = 0  # done in this run
    written: float = 0.0  # when progress.json was

    @property
    def count(self) -> int:
        return self.manifest["pairs"]["count"]

    @property
    def part(self) -> int:
        """Pairs of a part; the last one may have fewer."""
        return self.manifest["part"]

    @property
    def total(self) -> int:
        return self.count * len(self.manifest["models"])

    def whole(self, models: Sequence[str | Model], engine: str, workers: int | None) -> None:
        """Every part of every model that is not finished."""
        todo = self.unfinished()
        self.done = self.total - sum(self.size(part) for mine in todo for part in mine)
        for number, (model, mine) in enumerate(zip(models, todo, strict=True)):
            if not mine:
                continue
            self.model = model if isinstance(model, str) else model.name
            self.tell(0)
            work = self.local(model, mine) if engine == "local" else self.on_ray(model, mine, workers)
            for part, found in work:
                self.folder.keep(number, part, found)

    def unfinished(self) -> list[list[int]]:
        """[model]: the numbers of its parts that are not on disk."""
        parts = range(-(-self.count // self.part))
        done = [self.folder.finished(model) for model in range(len(self.manifest["models"]))]
        return [[part for part in parts if part not in mine] for mine in done]

    def size(self, part: int) -> int:
        """How many rows a part has."""
        return min(self.part, self.count - part * self.part)

    def local(self, model: str | Model, todo: Sequence[int]) -> Iterator[tuple[int, Part]]:
        """Parts measured in this process."""
        loaded = load_model(model, root=model_root()) if isinstance(model, str) else model
        self.sign(loaded.name, provenance(loaded, fingerprint=True))
        settings, further = Settings(**self.manifest["settings"]), self.manifest["pairs"]["further"]
        gc.freeze()  # what is there by now is not looked through for garbage again and again
        try:
            for part in todo:
                read = read_part(loaded, self.folder.records(part, self.part))
                yield part, measure_part(loaded, read, settings, further, self.tell)
        finally:
            gc.unfreeze()

    def on_ray(self, model: str | Model, todo: Sequence[int], workers: int | None) -> Iterator[tuple[int, Part]]:
        """Parts measured by the actors of a Ray cluster."""
        if not isinstance(model, str):
            raise InputError("On a cluster a model is loaded by its name. Name it instead of passing it.")
        from attnlib.study.ray_engine import measure_on_ray

        settings, further = Settings(**self.manifest["settings"]), self.manifest["pairs"]["further"]
        jobs = ((part, self.folder.records(part, self.part)) for part in todo)
        for part, found, about in measure_on_ray(model, jobs, settings, further, workers):
            self.sign(model, about)
            yield part, found
            self.tell(self.size(part))

    # ---- telling

    def sign(self, model: str, about: dict[str, Any]) -> None:
        """Write down which weights the model has; refuse to continue with others under its name."""
        known = self.manifest["provenance"].get(model)
        if known is None:
            self.manifest["provenance"][model] = about
            self.folder.write("manifest.json", self.manifest)
        elif known["weights_sha256"] != about["weights_sha256"]:
            raise InputError(
                f"The weights of {model} are not those the study began with. Start a new study in another folder."
            )

    def tell(self, more: int) -> bool | None:
        """Count further pairs as done; False stops."""
        self.done += more
        self.here += more
        seconds = time.perf_counter() - self.begun
        left = seconds / self.here * (self.total - self.done) if self.here else None
        told = Progress(self.done, self.total, seconds, left, self.model)
        if seconds - self.written > BETWEEN:
            self.written = seconds
            self.say("running", told=told)
            if self.folder.stop_asked():
                return False
        return None if self.progress is None else self.progress(told)

    def say(self, state: str, message: str = "", told: Progress | None = None) -> None:
        """Write down the study's progress."""
        seconds = time.perf_counter() - self.begun
        told = told or Progress(self.done, self.total, seconds, None, "")
        self.folder.write("progress.json", {"state": state, "message": message, **told._asdict()})
