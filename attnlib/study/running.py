"""One run of a study: it measures the parts that are missing, stores them, and tells how far it is.

Not here: what a study is and whether it is this one (run.py), files (folder.py, store.py), the cluster
(ray_engine.py).
"""

import contextlib
import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from attnlib.errors import InputError
from attnlib.model.loading import Model, load_model
from attnlib.model.provenance import provenance
from attnlib.model.sources import model_root
from attnlib.progress import OnProgress, Progress
from attnlib.study.folder import MANIFEST, PROGRESS, StudyFolder, disk_errors
from attnlib.study.part import Settings, StoppedError, measure_part, read_part
from attnlib.study.store import Part, Store

BETWEEN = 0.5  # seconds from one writing of progress.json to the next


@dataclass(eq=False)
class Run:
    """A run counts pairs, each once for every model; rows that are no pairs are in no count."""

    folder: StudyFolder
    manifest: dict[str, Any]
    progress: OnProgress | None
    model: str = ""  # the one that runs
    pairs: list[int] = field(default_factory=list)  # [part]: how many of its rows are pairs
    done: int = 0
    left: int = 0  # pairs of this model
    measured: int = 0  # of this model in this run, without those that failed at once
    begun: float = field(default_factory=time.perf_counter)
    since: float = 0.0  # when measuring in this model began
    written: float = 0.0  # when progress.json was

    @property
    def store(self) -> Store:
        return Store(self.folder.path, self.manifest)

    @property
    def total(self) -> int:
        told = self.manifest["pairs"]
        return (told["count"] - told["dropped"]) * len(self.manifest["models"])

    def guarded(self, models: Sequence[str | Model], engine: str, workers: int | None) -> None:
        """Every part that is missing. However it ends is written down; raises what ended it, but a wish to stop."""
        self.done = self.folder.progress()["done"]
        self.say("starting")
        try:
            with disk_errors(self.folder.path):
                self._whole(models, engine, workers)
        except BaseException as error:
            stopped = isinstance(error, StoppedError | KeyboardInterrupt)
            with contextlib.suppress(OSError, InputError):  # a full disk: what went wrong first is told
                self._count()
                self.say("stopped" if stopped else "failed", "" if stopped else str(error))
            if not isinstance(error, StoppedError):
                raise
        else:
            self.say("done")

    def _whole(self, models: Sequence[str | Model], engine: str, workers: int | None) -> None:
        self.store.tidy()
        todo = self._unfinished()
        if any(todo):
            self.pairs = self.store.pairs_of_parts()
        self._count()
        for number, (model, mine) in enumerate(zip(models, todo, strict=True)):
            if not mine:
                continue
            self.model = model if isinstance(model, str) else model.name
            self.left, self.measured, self.since = sum(self.pairs[part] for part in mine), 0, time.perf_counter()
            if self.tell(0, 0) is False:
                raise StoppedError
            work = self._local(model, mine) if engine == "local" else self._on_ray(model, mine, workers)
            for part, found in work:
                self.store.keep(number, part, found)

    def _unfinished(self) -> list[list[int]]:
        """[model]: the numbers of its parts that are not on disk, whole."""
        done = [self.store.finished(model) for model in range(len(self.manifest["models"]))]
        return [[part for part in range(self.store.parts) if part not in mine] for mine in done]

    def _count(self) -> None:
        """Count as done what is in finished parts."""
        todo = self._unfinished()
        if self.pairs or not any(todo):
            self.done = self.total - sum(self.pairs[part] for mine in todo for part in mine)

    def _local(self, model: str | Model, todo: Sequence[int]) -> Iterator[tuple[int, Part]]:
        """Parts measured in this process."""
        loaded = load_model(model, root=model_root()) if isinstance(model, str) else model
        self._sign(loaded.name, provenance(loaded, fingerprint=True))
        settings, further = Settings(**self.manifest["settings"]), self.manifest["pairs"]["further"]
        self.since = time.perf_counter()
        gc.freeze()  # what is there by now is not looked through for garbage again and again
        try:
            for part in todo:
                read = read_part(loaded, self.store.records(part))
                yield part, measure_part(loaded, read, settings, further, self.tell)
        finally:
            gc.unfreeze()

    def _on_ray(self, model: str | Model, todo: Sequence[int], workers: int | None) -> Iterator[tuple[int, Part]]:
        """Parts measured by the actors of a Ray cluster."""
        if not isinstance(model, str):
            raise InputError("On a cluster a model is loaded by its name. Name it instead of passing it.")
        from attnlib.study.ray_engine import measure_on_ray

        settings, further = Settings(**self.manifest["settings"]), self.manifest["pairs"]["further"]
        jobs = ((part, self.store.records(part)) for part in todo)
        for part, found, about in measure_on_ray(model, jobs, settings, further, workers):
            self._sign(model, about)
            yield part, found
            measured = sum(not reason for reason in found.pairs["reason"].to_pylist())
            if self.tell(self.pairs[part], measured) is False:
                raise StoppedError

    def _sign(self, model: str, about: dict[str, Any]) -> None:
        """Write down which weights the model has; refuse to continue with others under its name."""
        known = self.manifest["provenance"].get(model)
        if known is None:
            self.manifest["provenance"][model] = about
            self.folder.write(MANIFEST, self.manifest)
        elif known["weights_sha256"] != about["weights_sha256"]:
            raise InputError(
                f"The weights of {model} are not those the study began with. Start a new study in another folder."
            )

    # ---- telling

    def tell(self, pairs: int, measured: int) -> bool | None:
        """Count further pairs as done; False stops."""
        self.done += pairs
        self.left -= pairs
        self.measured += measured
        now = time.perf_counter()
        left = (now - self.since) / self.measured * self.left if self.measured else None
        told = Progress(self.done, self.total, now - self.begun, left, self.model)
        if told.seconds - self.written > BETWEEN:
            self.written = told.seconds
            self.say("running", told=told)
        if self.folder.stop_asked():
            return False
        return None if self.progress is None else self.progress(told)

    def say(self, state: str, message: str = "", told: Progress | None = None) -> None:
        """Write down the study's progress."""
        seconds = time.perf_counter() - self.begun
        told = told or Progress(self.done, self.total, seconds, None, "")
        self.folder.write(PROGRESS, {"state": state, "message": message, **told._asdict()})
