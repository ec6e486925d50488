"""Many prompt pairs measured at once: what `compare` finds of each, one number per head, from batched passes.

Pairs of one shape (as many tokens in A, in B, as many units) run as one batch; nothing is padded. Kept are numbers,
never attention. Not here: which pairs, and where results go (study/run.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnlib.comparison.align import Alignment, Unit, align
from attnlib.comparison.distances import Rows, mean_distances
from attnlib.comparison.focus import Span, find_span, sinks_of, units_of
from attnlib.comparison.sight import Sight
from attnlib.errors import InputError
from attnlib.model.batches import forward_rows
from attnlib.model.inputs import Inputs, read_inputs, tokenize_all
from attnlib.model.loading import Model
from attnlib.prompts.pairs import Pair
from attnlib.words.likelihood import prefix_token, score_rows, sentence_row

MEASURES = ("shift", "shift_corrected", "jsd_focus", "tv_focus", "jsd", "tv")  # of comparison.STATISTICS
BATCH_TOKENS = 1024  # of prompts A in one batch, at most
BATCH_NUMBERS = 64_000_000  # logits, or attention weights that must be kept, of one batch


class PairRead(NamedTuple):
    """One pair as the model reads it."""

    inputs: tuple[Inputs, Inputs]
    alignment: Alignment
    focus: Span
    targets: tuple[Span, ...]
    edit: Unit | None  # the word that is replaced, where nothing else differs
    undefined: Mapping[str, str] = {}  # why a measure cannot be had of this pair: of such it is NaN, not 0

    @property
    def shape(self) -> tuple[int, int, bool]:
        """Tokens of A and of B, and whether every unit is one token of each: what a batch has in common."""
        plain = all(len(unit.a) == len(unit.b) == 1 for unit in self.alignment.units)
        return len(self.alignment.a), len(self.alignment.b), plain


@dataclass(frozen=True, eq=False)
class PairNumbers:
    """What was measured of the pairs of one batch; NaN where there is no such head or number."""

    heads: dict[str, Float[np.ndarray, "pair layer head"]]  # by measure
    deviation: Float[np.ndarray, " pair"]  # causal: how far rows before the first edit differ, which must be nothing
    log_likelihoods: Float[np.ndarray, "pair prompt"]  # causal: of the sentences, after a prefix token
    log_odds: Float[np.ndarray, " pair"]  # causal: log p(A's word) − log p(B's word), where one word is replaced


def read_pairs_for(model: Model, pairs: Sequence[Pair]) -> list[PairRead | InputError]:
    """Tokenize and align each pair; an InputError instead where one cannot be read."""
    texts = [text for pair in pairs for text in (pair.prompt_a, pair.prompt_b)]
    try:
        encodings = tokenize_all(model, texts)
    except Exception:  # one text no tokenizer takes: each by itself will say which
        encodings = [None] * len(texts)
    return [_read(model, pair, encodings[2 * n : 2 * n + 2]) for n, pair in enumerate(pairs)]


def _read(model: Model, pair: Pair, encodings: Sequence[Any]) -> PairRead | InputError:
    sides = []
    for name, text, encoding in zip("AB", (pair.prompt_a, pair.prompt_b), encodings, strict=True):
        try:
            sides.append(read_inputs(model, text, None, truncate=False, encoding=encoding))
        except InputError as error:
            return InputError(f"Prompt {name}: {error}")
    a, b = sides
    try:
        alignment = align(a.tokens, b.tokens)
        if not alignment.shared:
            return InputError(
                "No token of one prompt corresponds to a token of the other, so nothing can be compared."
            )
        if alignment.first_edit is None:
            return InputError("The model reads the same tokens in both prompts: nothing can differ.")
        sight = Sight(alignment, alignment, model.causal, same_start=model.causal)
        focus = find_span(alignment, pair.focus, "focus word", last=True) if pair.focus else sight.default_focus()
        targets = tuple(find_span(alignment, word, "target word", last=False) for word in pair.targets)
    except InputError as error:
        return error
    if len(targets) > 2:
        return InputError(f"A target shift takes one or two target words; {len(targets)} were given.")
    edits = [unit for unit in alignment.units if unit.kind != "equal"]
    edit = edits[0] if len(edits) == 1 and edits[0].kind == "replaced" else None
    return PairRead((a, b), alignment, focus, targets, edit, _undefined(sight, focus, targets))


def _undefined(sight: Sight, focus: Span, targets: Sequence[Span]) -> dict[str, str]:
    """For each measure, why it cannot differ."""
    found = {"shift": sight.no_shift(focus, targets), "shift_corrected": sight.no_shift(focus, targets, True)}
    found = {name: f"G cannot be measured: {reason}" for name, reason in found.items() if targets and reason}
    row = sight.cannot_differ(focus)
    found |= dict.fromkeys(("jsd_focus", "tv_focus") if row else (), f"Nothing at the focus word: {row}")
    if not sight.any_can_differ(sight.queries.shared):
        found |= dict.fromkeys(("jsd", "tv"), "No word of both prompts can differ in its attention.")
    return found


# ---------------------------------------------------------------------------------------------- batches


def batches(model: Model, reads: Sequence[PairRead]) -> Iterator[list[int]]:
    """Numbers of pairs of one shape, as many at once as are quick and fit into memory.

    The same for the same pairs, wherever they are measured.
    """
    by_shape: dict[tuple[int, int, bool], list[int]] = {}
    for n, read in enumerate(reads):
        by_shape.setdefault(read.shape, []).append(n)
    for (a, b, _), members in sorted(by_shape.items()):
        size = max(1, min(BATCH_TOKENS // max(a, b), BATCH_NUMBERS // _numbers(model, a, b)))
        yield from (members[start : start + size] for start in range(0, len(members), size))


def _numbers(model: Model, a: int, b: int) -> int:
    """How many numbers of a pair are held at once: logits, and attention that waits for the other prompt."""
    heads = [count for counts in model.heads.values() for count in counts]
    waiting = max(heads) * 8 if a == b and model.routed else sum(heads)
    words = model.hf.config.get_text_config().vocab_size
    return max(1, (a + b) * words, waiting * a * a)


def measure_pairs(model: Model, reads: Sequence[PairRead]) -> PairNumbers:
    """Every pair of one batch (`batches`), measured in one or two forward passes."""
    gauge = _Gauge(model, reads)
    lengths = len(reads[0].alignment.a), len(reads[0].alignment.b)
    rows = [[read.inputs[side] for read in reads] for side in (0, 1)]
    if lengths[0] == lengths[1]:
        half = len(reads)
        logits = forward_rows(model, [*rows[0], *rows[1]], lambda _, w: gauge.measure(w[:half], w[half:]))
        both = [] if logits is None else [logits[:half], logits[half:]]
    else:
        kept: dict[int, Tensor] = {}
        logits_a = forward_rows(model, rows[0], kept.__setitem__)
        logits_b = forward_rows(model, rows[1], lambda layer, w: gauge.measure(kept.pop(layer), w))
        both = [found for found in (logits_a, logits_b) if found is not None]
    numbers = gauge.results()
    return _with_words(model, numbers, rows, reads, both) if both and model.family == "causal" else numbers


# ---------------------------------------------------------------------------------------------- attention


@dataclass(eq=False)
class _Gauge:
    """Measures the layers of a batch as they pass."""

    model: Model
    reads: Sequence[PairRead]
    found: list[Tensor] = field(default_factory=list)  # of each layer: [measure, pair, head]
    deviations: Tensor | None = None  # [pair]

    def __post_init__(self) -> None:
        device = self.model.device
        units = [read.alignment.units for read in self.reads]
        plain, most = self.reads[0].shape[2], max(map(len, units))  # units that a pair lacks count nowhere
        self.groups = None if plain else tuple(_groups(self.reads, side, most).to(device) for side in (0, 1))
        self.shared = _marks([read.alignment.shared for read in self.reads], most).to(device)
        focus = [set(units_of(read.alignment, read.focus)) & set(read.alignment.shared) for read in self.reads]
        self.focus_rows = _marks(focus, most).to(device)
        self.looks = [looks_of(self.reads, side).to(device) for side in (0, 1)]  # [pair, look, token]
        self.untouched = self._untouched().to(device) if self.model.causal and plain else None

    def _untouched(self) -> Float[Tensor, "pair token"]:
        """1 for tokens before the first edit: in a causal model their rows are the same in both prompts."""
        tokens = len(self.reads[0].alignment)
        firsts = [read.alignment.first_edit for read in self.reads]
        return _marks([range(tokens if first is None else first) for first in firsts], tokens)

    def measure(
        self, a: Float[Tensor, "pair head query_a key_a"], b: Float[Tensor, "pair head query_b key_b"]
    ) -> None:
        """One layer of all pairs."""
        a, b = a.float(), b.float()
        shifts = self._shifts(a, b)
        if self.untouched is not None:
            rows = self.untouched[:, None, :, None]
            apart = ((a - b).abs() * rows).amax((1, 2, 3))
            self.deviations = apart if self.deviations is None else torch.maximum(self.deviations, apart)
        if self.groups is not None:
            a, b = (_grouped(w, groups) for w, groups in zip((a, b), self.groups, strict=True))
        distances = mean_distances(a, b, Rows(self.shared, self.shared, self.focus_rows))
        self.found.append(torch.stack([*shifts, *distances]).cpu())

    def _shifts(self, a: Tensor, b: Tensor) -> tuple[Float[Tensor, "pair head"], Float[Tensor, "pair head"]]:
        """The target shift G, and the same without the sinks; NaN without targets."""
        focus, first, second, sinks = range(4)
        preferences = []
        for weights, looks in zip((a, b), self.looks, strict=True):
            row = (weights * looks[:, focus, None, :, None]).sum(2)  # [pair, head, key]
            masses = torch.einsum("phk,plk->plh", row, looks[:, first:])  # [pair, look, head]
            preference = masses[:, first - 1] - masses[:, second - 1]
            preferences.append((preference, preference / (1 - masses[:, sinks - 1])))
        (plain_a, corrected_a), (plain_b, corrected_b) = preferences
        return plain_b - plain_a, corrected_b - corrected_a

    def results(self) -> PairNumbers:
        """All layers, without what comes from the logits."""
        pairs = len(self.reads)
        widest = max(layer.shape[2] for layer in self.found)
        values = np.full((len(MEASURES), pairs, len(self.found), widest), np.nan, np.float32)
        for n, layer in enumerate(self.found):
            values[:, :, n, : layer.shape[2]] = layer.numpy()
        for n, read in enumerate(self.reads):
            if not read.targets:
                values[:2, n] = np.nan
            elif _a_target_is_a_sink(read):
                values[1, n] = np.nan
            for name in read.undefined:
                values[MEASURES.index(name), n] = np.nan
        nothing = np.full(pairs, np.nan)
        deviation = nothing if self.deviations is None else self.deviations.double().cpu().numpy()
        heads = dict(zip(MEASURES, values, strict=True))
        return PairNumbers(heads, deviation, np.full((pairs, 2), np.nan), nothing)


def _marks(chosen: Sequence[Any], size: int) -> Float[Tensor, "pair place"]:
    """1 at the chosen places of each pair, otherwise 0."""
    marks = np.zeros((len(chosen), size), np.float32)
    rows = [row for row, places in enumerate(chosen) for _ in places]
    marks[rows, [place for places in chosen for place in places]] = 1.0
    return torch.from_numpy(marks)


def looks_of(reads: Sequence[PairRead], side: int) -> Float[Tensor, "pair look token"]:
    """Which tokens make up the focus word's row, and which are summed in it: focus, two targets, sinks."""
    tokens = len(reads[0].inputs[side].tokens)
    focus = [span.b if side else span.a for span in (read.focus for read in reads)]
    targets = [
        [(span.b if side else span.a) for span in read.targets] + [()] * (2 - len(read.targets)) for read in reads
    ]
    sinks = [sinks_of(read.inputs[side].tokens) for read in reads]
    rows: list[Sequence[Any]] = [focus, [one for one, _ in targets], [two for _, two in targets], sinks]
    looks = torch.stack([_marks(chosen, tokens) for chosen in rows], 1)  # [pair, look, token]
    looks[:, 0] /= looks[:, 0].sum(-1, keepdim=True)
    return looks


def _groups(reads: Sequence[PairRead], side: int, most: int) -> Float[Tensor, "pair unit token"]:
    """1 where a token is in a unit."""
    groups = np.zeros((len(reads), most, len(reads[0].inputs[side].tokens)), np.float32)
    for row, read in zip(groups, reads, strict=True):
        for u, unit in enumerate(read.alignment.units):
            row[u, list((unit.a, unit.b)[side])] = 1.0
    return torch.from_numpy(groups)


def _grouped(
    weights: Float[Tensor, "pair head query key"], groups: Float[Tensor, "pair unit token"]
) -> Float[Tensor, "pair head unit key_unit"]:
    """Attention between units: to a unit the sum, from a unit the mean; 0 to and from one without tokens."""
    means = groups / groups.sum(-1, keepdim=True).clamp_min(1)
    return means[:, None] @ weights @ groups.mT[:, None]


def _a_target_is_a_sink(read: PairRead) -> bool:
    return any(
        set(sinks_of(inputs.tokens)) & set((span.a, span.b)[side])
        for span in read.targets
        for side, inputs in enumerate(read.inputs)
    )


# ---------------------------------------------------------------------------------------------- words


def _with_words(
    model: Model,
    numbers: PairNumbers,
    rows: Sequence[Sequence[Inputs]],
    reads: Sequence[PairRead],
    logits: Sequence[Float[Tensor, "pair _ word"]],
) -> PairNumbers:
    """With what a causal model says: how likely prompts A and B are as sentences, and of the edit."""
    sums, edits = [], []
    for side, (mine, found) in enumerate(zip(rows, logits, strict=True)):
        ids = torch.cat([row.tensors["input_ids"] for row in mine])
        log_probs = _log_probs(found, ids)  # [pair, token]: of the second token first
        sums.append(_sentences(model, mine, log_probs))
        edits.append([_of_edit(row, read.edit, side) for row, read in zip(log_probs, reads, strict=True)])
    odds = np.array(edits[0]) - np.array(edits[1])
    return replace(numbers, log_likelihoods=np.stack(sums, 1), log_odds=odds)


def _sentences(
    model: Model, rows: Sequence[Inputs], log_probs: Float[np.ndarray, "pair later_token"]
) -> Float[np.ndarray, " pair"]:
    """`score.sentence_log_likelihoods`; from the pass that was made where the tokenizer writes the prefix itself.

    NaN where the tokenizer has no prefix.
    """
    prefix = prefix_token(model)
    if prefix is None:
        return np.full(len(rows), np.nan)
    if all(row.added[0] == 1 and int(row.tensors["input_ids"][0, 0]) == prefix for row in rows):
        ends = np.array([log_probs.shape[1] - row.added[1] for row in rows])
        return np.where(np.arange(log_probs.shape[1]) < ends[:, None], log_probs, 0).sum(-1)
    return np.array([found.sum() for found in score_rows(model, [sentence_row(model, row) for row in rows])])


def _log_probs(
    logits: Float[Tensor, "pair token word"], ids: Int[Tensor, "pair token"]
) -> Float[np.ndarray, "pair later_token"]:
    """log p of every token but the first, given those before it."""
    following = ids.roll(-1, 1)  # of the last token nothing is asked: its place is dropped below
    losses = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), following.flatten(), reduction="none")
    return -losses.view(ids.shape)[:, :-1].double().cpu().numpy()


def _of_edit(log_probs: Float[np.ndarray, " token"], edit: Unit | None, side: int) -> float:
    """log p of the word that is replaced; NaN if more differs, or nothing precedes it."""
    places: tuple[int, ...] = () if edit is None else (edit.a, edit.b)[side]
    return float(log_probs[[i - 1 for i in places]].sum()) if places and places[0] > 0 else np.nan
