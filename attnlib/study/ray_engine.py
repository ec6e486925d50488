"""The Ray engine of a study: model actors on the workers of a cluster, through Ray Data. See docs/cluster.md.

Ray does lost parts again, holds back what the driver cannot yet write, and gives every actor a GPU where there are
some. What an actor does with a part is what the local engine does (part.py).
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from attnlib.errors import InputError
from attnlib.study.part import Settings
from attnlib.study.store import Part
from attnlib.study.taken import Record

Job = tuple[int, list[Record]]  # a part's number and its pairs
WAVE = 4096  # parts handed to Ray at once: 1,048,576 pairs


def measure_on_ray(
    model: str, jobs: Iterable[Job], settings: Settings, further: Sequence[str], workers: int | None = None
) -> Iterator[tuple[int, Part, dict[str, Any]]]:
    """Measure parts on the cluster of RAY_ADDRESS (or of this machine); yields each with what the model is.

    Parts come in the order they are finished. Raises InputError where Ray is not installed or cannot be reached.
    """
    ray = _connected()
    gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
    count = workers or max(1, int(ray.cluster_resources().get("GPU", 0) if gpus else ray.cluster_resources()["CPU"]))
    for wave in _waves(jobs):
        rows = [{"part": number, "records": _packed(records)} for number, records in wave]
        actors = min(count, len(rows))
        measured = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            _Worker,
            fn_constructor_args=(model, settings, tuple(further)),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_gpus=gpus or None,
        )
        for batch in measured.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=1):
            row = batch.to_pylist()[0]
            if row["error"]:
                raise InputError(row["error"])
            yield row["part"], Part(_table(row["heads"]), _table(row["pairs"])), json.loads(row["about"])


def _connected() -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise InputError(
            'Ray is not installed. Install it with: pip install "attention-microscope[cluster]", '
            "or in a clone: pip install -r requirements-cluster.txt"
        ) from None
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except Exception as error:
            where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
            raise InputError(f"{where} cannot be reached ({type(error).__name__}). See docs/cluster.md.") from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    return ray


def _waves(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    wave: list[Job] = []
    for job in jobs:
        wave.append(job)
        if len(wave) == WAVE:
            yield wave
            wave = []
    if wave:
        yield wave


def _packed(records: Sequence[Record]) -> bytes:
    """A part's pairs as bytes that hold data alone."""
    rows = [(record.number, None if record.pair is None else vars(record.pair), record.reason) for record in records]
    return json.dumps(rows).encode()


def _unpacked(packed: bytes) -> list[Record]:
    from attnlib.prompts.pairs import Pair

    def pair(fields: dict[str, Any] | None) -> Pair | None:
        if fields is None:
            return None
        further = tuple((name, value) for name, value in fields.pop("further"))
        targets, candidates = tuple(fields.pop("targets")), tuple(fields.pop("candidates"))
        return Pair(**fields, targets=targets, candidates=candidates, further=further)

    return [Record(number, pair(fields), reason) for number, fields, reason in json.loads(packed)]


class _Worker:
    """An actor: one model on one worker."""

    def __init__(self, name: str, settings: Settings, further: Sequence[str]) -> None:
        from attnlib.model.loading import load_model
        from attnlib.model.provenance import provenance
        from attnlib.model.sources import model_root

        self.settings, self.further = settings, further
        self.error, self.about = "", ""
        try:
            self.model = load_model(name, root=model_root())
            self.about = json.dumps(provenance(self.model, fingerprint=True))
        except InputError as error:  # told by the driver: an actor that fails is started again and again
            self.error = f"A worker of the cluster: {error}"

    def __call__(self, batch: pa.Table) -> pa.Table:
        from attnlib.study.part import measure_part, read_part

        row = batch.to_pylist()[0]
        heads = pairs = b""
        if not self.error:
            read = read_part(self.model, _unpacked(row["records"]))
            part = measure_part(self.model, read, self.settings, self.further)
            heads, pairs = _bytes(part.heads), _bytes(part.pairs)
        columns = {"part": [row["part"]], "heads": [heads], "pairs": [pairs]}
        return pa.table({**columns, "about": [self.about], "error": [self.error]})


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _table(raw: bytes) -> pa.Table:
    with pa.ipc.open_stream(raw) as reader:
        return reader.read_all()
