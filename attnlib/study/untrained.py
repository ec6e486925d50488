"""Untrained copies of a study's model, measured over the study's own pairs: how far some head moves where nothing
was learned.

A copy with one seed is one file in the study's folder, whole or not there: who stops loses the copy that ran, and no
other. Not here: what a copy is a reference for (comparison/untrained.py), the words (findings.py).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from jaxtyping import Float

from attnlib.comparison.many import MEASURES, PairRead, batches, measure_pairs, read_pairs_for
from attnlib.comparison.untrained import COPIES, MOST_PARAMETERS, Untrained, untrained_of
from attnlib.errors import InputError
from attnlib.model.loading import Model, random_copy
from attnlib.model.provenance import provenance
from attnlib.progress import OnProgress, goes_on
from attnlib.stats.resampling import Sample
from attnlib.study.folder import disk_errors
from attnlib.study.part import StoppedError
from attnlib.study.results import Study

MOST_PAIRS = 5_000  # of a study that is measured so often while somebody waits


def why_no_copies(study: Study, model: str) -> str:
    """Why untrained copies of a model are not measured over a study's pairs, in words; empty where they can be."""
    parameters, pairs = study.manifest["provenance"][model]["parameters"], study.manifest["pairs"]["count"]
    if parameters > MOST_PARAMETERS:
        return (
            f"{model} has {parameters:,} parameters; models of up to {MOST_PARAMETERS:,} are copied {COPIES} times."
        )
    if pairs > MOST_PAIRS:
        return f"{study.name} has {pairs:,} rows; {COPIES} copies are measured over up to {MOST_PAIRS:,}."
    return "" if study.complete else f"{study.name} is not finished."


def copies_done(study: Study, model: str) -> list[int]:
    """The seeds of the copies of a model that were measured."""
    return list(_files(study, model))


def copies_missing(study: Study, model: str) -> int:
    """How many copies are not measured yet."""
    return len(set(range(COPIES)) - set(copies_done(study, model)))


def run_untrained(study: Study, model: Model, progress: OnProgress | None = None, copies: int | None = None) -> None:
    """Measure every pair of a study in random copies of one of its models, those of the seeds that are missing.

    `copies`: how many there are to be (default: COPIES). `progress` hears of every batch (of all pairs in all copies)
    and stops the rest by returning False; finished copies are kept. Raises InputError where the study or the model is
    too large, the model is not the study's, or somebody works on the study.
    """
    copies, refused = copies or COPIES, why_no_copies(study, model.name)
    if refused:
        raise InputError(refused)
    known = study.manifest["provenance"][model.name]["weights_sha256"]
    if provenance(model, fingerprint=True)["weights_sha256"] != known:
        raise InputError(f"The weights of {model.name} are not those the study was measured with.")
    with disk_errors(study.folder.path), study.folder.alone(), suppress(StoppedError):
        numbers, reads = _reads(study, model)
        for seed in sorted(set(range(copies)) - set(copies_done(study, model.name))):

            def tell(done: int, seed: int = seed) -> None:
                if not goes_on(progress, seed * len(reads) + done, copies * len(reads), f"untrained copy {seed + 1}"):
                    raise StoppedError

            values = _measured(random_copy(model, seed), reads, tell)
            study.store.keep_copy(_number(study, model.name), seed, pair=numbers, values=values)


def _measured(
    copy: Model, reads: Sequence[PairRead], tell: Callable[[int], None]
) -> Float[np.ndarray, "measure pair layer head"]:
    """Every pair in one copy; `tell` hears how many are done."""
    heads, done = copy.heads[copy.stacks[0]], 0
    values = np.full((len(MEASURES), len(reads), len(heads), max(heads)), np.nan, np.float32)
    for batch in batches(copy, reads):
        found = measure_pairs(copy, [reads[n] for n in batch])
        values[:, batch] = np.stack([found.heads[name] for name in MEASURES])
        done += len(batch)
        tell(done)
    return values


def untrained_heads(study: Study, statistic: str, model: str, unit: str | None = None) -> Untrained:
    """The size of the largest mean of any head in each copy that was measured, as `Study.summary` takes means.

    None of a statistic that copies are not asked for (causal effects).
    """
    if statistic not in MEASURES or not _files(study, model):
        return untrained_of([])
    return untrained_of(list(_means(study, statistic, model, unit)))


def _means(study: Study, statistic: str, model: str, unit: str | None) -> Float[np.ndarray, "copy layer head"]:
    """Means over units, or those of a contrast, of all copies at once: they are arranged alike."""
    measured = []
    for file in _files(study, model).values():
        with np.load(file, allow_pickle=False) as found:
            pairs, values = found["pair"], found["values"][MEASURES.index(statistic)]
            measured.append(values)
    beside = np.concatenate(measured, 1)  # [pair, copy * layer, head]
    arranged = study.arrange(beside, pairs, model, statistic, unit)
    flat = arranged.values.reshape(len(arranged.values), -1)
    return Sample(flat, arranged.sides).mean.reshape(len(measured), *measured[0].shape[1:])


def _files(study: Study, model: str) -> dict[int, Path]:
    """By seed, the files of the copies that were measured; one that is damaged counts as missing."""
    return study.store.copies(_number(study, model))


def _reads(study: Study, model: Model) -> tuple[np.ndarray, list[PairRead]]:
    """The pairs that were measured in the study: their numbers, and as the model reads them."""
    table = study.pair_table(model.name)
    numbers = np.sort(table.loc[table["reason"] == "", "pair"].to_numpy())
    wanted = set(numbers.tolist())
    records = [record for part in range(study.store.parts) for record in study.store.records(part)]
    pairs = [record.pair for record in records if record.number in wanted and record.pair is not None]
    reads = [read for read in read_pairs_for(model, pairs) if isinstance(read, PairRead)]
    if len(reads) != len(numbers):
        raise InputError(f"{model.name} no longer reads the pairs of {study.name} in the same way.")
    return numbers, reads


def _number(study: Study, model: str) -> int:
    return study.manifest["models"].index(model)
