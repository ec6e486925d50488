"""One part of a study: some pairs in one model, as two Arrow tables. Every engine calls this, and nothing else.

A pair that cannot be measured is a row with its reason; it never stops the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from attnlib.comparison.many import MEASURES, PairRead, batches, measure_pairs, read_pairs_for
from attnlib.effects.findings import misfits
from attnlib.effects.mediation import HeadEffects, head_effects
from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.model.memory import out_of_memory
from attnlib.prompts.pairs import Pair
from attnlib.study.store import Part
from attnlib.study.taken import Record
from attnlib.words.bias_scores import crows_pairs_scores
from attnlib.words.candidates import Row
from attnlib.words.likelihood import score_rows

EFFECTS = ("indirect", "direct")
More = Callable[[int, int], bool | None]  # hears how many more pairs are done, how many of them were run; False stops

HEADS = pa.schema(
    {
        "pair": pa.int32(),
        "model": pa.dictionary(pa.int16(), pa.string()),
        "layer": pa.int16(),
        "head": pa.int16(),
        "statistic": pa.dictionary(pa.int16(), pa.string()),
        "value": pa.float32(),
    }
)
WRITTEN = ("category", "prompt_a", "prompt_b", "focus", "targets", "group", "note", "candidate_a", "candidate_b")
MEASURED = {
    "tokens_a": pa.int32(),
    "tokens_b": pa.int32(),
    "aligned": pa.string(),
    "deviation": pa.float64(),
    "score_a": pa.float64(),
    "score_b": pa.float64(),
    "log_odds": pa.float64(),
    "total": pa.float64(),
    "indirect_all": pa.float64(),
    "direct_all": pa.float64(),
    "remark": pa.string(),
    "reason": pa.string(),
}
OURS = ("pair", "model", *WRITTEN, *MEASURED)


@dataclass(frozen=True)
class Settings:
    """What is measured beside attention."""

    effects: bool = False  # causal effects of every head, of pairs that have candidates
    scores: bool = False  # how likely a masked model finds both prompts; a causal one's are always measured


class StoppedError(Exception):
    """Somebody asked to stop; what is not finished is not kept."""


def pair_schema(further: Sequence[str]) -> pa.Schema:
    """The columns of a study's pairs, with the further columns of its source."""
    written = dict.fromkeys((*WRITTEN, *(further_name(name) for name in further)), pa.string())
    return pa.schema({"pair": pa.int32(), "model": pa.string()} | written | MEASURED)


def further_name(name: str) -> str:
    """The name of a source's further column beside the study's own."""
    return f"{name} (source)" if name in OURS else name


Reading = list[tuple[Record, "PairRead | InputError"]]


def read_part(model: Model, records: Sequence[Record]) -> Reading:
    """Tokenize and align the pairs of a part; needs no forward pass."""
    known = [record.pair for record in records if record.pair is not None]
    reads = iter(read_pairs_for(model, known))
    return [(record, InputError(record.reason) if record.pair is None else next(reads)) for record in records]


def measure_part(
    model: Model, reading: Reading, settings: Settings, further: Sequence[str] = (), more: More | None = None
) -> Part:
    """Measure a part; `more` is called after every batch and may stop it (StoppedError)."""
    found = _Found(model, [record for record, _ in reading])
    good = [n for n, (_, read) in enumerate(reading) if isinstance(read, PairRead)]
    for n, (_, read) in enumerate(reading):
        if isinstance(read, InputError):
            found.columns["reason"][n] = str(read)
    _tell(more, sum(record.pair is not None for record, _ in reading) - len(good), 0)
    reads = [read for _, read in reading if isinstance(read, PairRead)]
    for batch in batches(model, reads):
        _measure(model, found, {good[i]: reads[i] for i in batch}, settings)
        _tell(more, len(batch), len(batch))
    return Part(found.heads(), found.pairs(further))


def _tell(more: More | None, pairs: int, measured: int) -> None:
    if more is not None and more(pairs, measured) is False:
        raise StoppedError


# ---------------------------------------------------------------------------------------------- one batch


def _measure(model: Model, found: "_Found", reads: dict[int, PairRead], settings: Settings) -> None:
    """Measure a batch; where that fails, its halves, down to the pair that cannot be measured."""
    numbers = list(reads)
    try:
        measured = measure_pairs(model, list(reads.values()))
    except Exception as error:
        if len(numbers) > 1:
            for half in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
                _measure(model, found, {n: reads[n] for n in half}, settings)
            return
        found.columns["reason"][numbers[0]] = _why(error)
        return
    for i, n in enumerate(numbers):
        read = reads[n]
        found.values[n, : len(MEASURES)] = [measured.heads[name][i] for name in MEASURES]
        a, b = measured.log_likelihoods[i].tolist()
        found.fill(n, deviation=float(measured.deviation[i]), log_odds=float(measured.log_odds[i]))
        found.fill(n, tokens_a=len(read.alignment.a), tokens_b=len(read.alignment.b), aligned=str(read.alignment))
        found.fill(n, score_a=a, score_b=b)
        found.remark(n, *read.undefined.values())
    if settings.scores and model.family == "masked":
        _masked_scores(model, found, reads)
    if settings.effects:
        _effects(model, found, reads)


def _why(error: Exception) -> str:
    """The reason that the row of a pair gives."""
    if isinstance(error, InputError):
        return str(error)
    if out_of_memory(error):
        return "There is not enough memory for this pair. Shorten its prompts."
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"


def _masked_scores(model: Model, found: "_Found", reads: dict[int, PairRead]) -> None:
    """CrowS-Pairs scores of both prompts, and the log-odds of their words at the edit."""
    for n, read in reads.items():
        pair = found.records[n].pair
        assert pair is not None
        try:
            against = pair.group == "antistereo"
            a, b = crows_pairs_scores(model, pair.prompt_a, pair.prompt_b, antistereotype=against)
            found.fill(n, score_a=a, score_b=b, log_odds=_masked_odds(model, read))
        except Exception as error:
            found.remark(n, _why(error))


def _masked_odds(model: Model, read: PairRead) -> float:
    """log p(A's word) − log p(B's word) with masks in the place of each; NaN where more differs."""
    if read.edit is None:
        return np.nan
    rows = []
    for inputs, places in zip(read.inputs, (read.edit.a, read.edit.b), strict=True):
        ids = inputs.tensors["input_ids"][0].tolist()
        wanted = tuple(ids[i] for i in places)
        masked = tuple(model.tokenizer.mask_token_id if i in places else token for i, token in enumerate(ids))
        rows.append(Row(masked, places, wanted))
    a, b = (float(log_probs.sum()) for log_probs in score_rows(model, rows))
    return a - b


def _effects(model: Model, found: "_Found", reads: dict[int, PairRead]) -> None:
    """Causal effects of every head, of the pairs that name candidates."""
    for n in reads:
        pair = found.records[n].pair
        assert pair is not None
        if len(pair.candidates) != 2:
            found.remark(n, "No effects: the pair names no candidate_a and candidate_b.")
            continue
        try:
            effects = head_effects(model, pair.prompt_a, pair.prompt_b, (pair.candidates[0], pair.candidates[1]))
        except Exception as error:
            found.remark(n, f"No effects: {_why(error)}")
            continue
        found.add_effects(n, effects)
        if effects.misfits:
            found.remark(n, misfits(effects))


# ---------------------------------------------------------------------------------------------- tables


class _Found:
    """What has been measured of a part, to become its tables."""

    def __init__(self, model: Model, records: Sequence[Record]) -> None:
        self.model, self.records = model, records
        counts = model.heads[model.stacks[0]]
        self.statistics = (*MEASURES, *EFFECTS)
        shape = (len(records), len(self.statistics), len(counts), max(counts))
        self.values: Float[np.ndarray, "pair statistic layer head"] = np.full(shape, np.nan, np.float32)
        self.columns: dict[str, list[Any]] = {name: [None] * len(records) for name in MEASURED}
        self.columns["reason"] = [""] * len(records)

    def fill(self, n: int, **values: Any) -> None:
        for name, value in values.items():
            self.columns[name][n] = None if isinstance(value, float) and np.isnan(value) else value

    def remark(self, n: int, *sentences: str) -> None:
        """What was not measured of a pair that was, each sentence once."""
        known = self.columns["remark"][n]
        self.columns["remark"][n] = " ".join(dict.fromkeys([*([known] if known else []), *sentences])) or None

    def add_effects(self, n: int, effects: HeadEffects) -> None:
        for name in EFFECTS:
            self.values[n, self.statistics.index(name)] = getattr(effects, name)
        self.fill(n, total=effects.total, indirect_all=effects.indirect_all, direct_all=effects.direct_all)

    def heads(self) -> pa.Table:
        """The long table, by pair, layer, head and statistic; where there is no number there is no row."""
        values = self.values.transpose(0, 2, 3, 1)  # [pair, layer, head, statistic]
        rows, layers, heads, statistics = np.nonzero(np.isfinite(values))
        numbers = np.array([record.number for record in self.records], np.int32)
        columns = [
            pa.array(numbers[rows]),
            pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(rows), np.int16)), [self.model.name]),
            pa.array(layers.astype(np.int16)),
            pa.array(heads.astype(np.int16)),
            pa.DictionaryArray.from_arrays(pa.array(statistics.astype(np.int16)), list(self.statistics)),
            pa.array(values[rows, layers, heads, statistics]),
        ]
        return pa.Table.from_arrays(columns, schema=HEADS)

    def pairs(self, further: Sequence[str]) -> pa.Table:
        """One row per record."""
        columns: dict[str, list[Any]] = {
            "pair": [record.number for record in self.records],
            "model": [self.model.name] * len(self.records),
        }
        rows = [_written(record.pair, further) for record in self.records]
        names = (*WRITTEN, *(further_name(name) for name in further))
        columns |= {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
        return pa.table(columns | self.columns, schema=pair_schema(further))


def _written(pair: Pair | None, further: Sequence[str]) -> Iterator[str | None]:
    """What the source says of a pair, in the order of WRITTEN and `further`."""
    if pair is None:
        return iter([None] * (len(WRITTEN) + len(further)))
    a, b = pair.candidates if len(pair.candidates) == 2 else (None, None)
    more = dict(pair.further)
    own = (pair.category, pair.prompt_a, pair.prompt_b, pair.focus, "|".join(pair.targets), pair.group, pair.note)
    return iter([*own, a, b, *(more.get(name) for name in further)])
