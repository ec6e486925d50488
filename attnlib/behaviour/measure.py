"""Patterns of every head of a model, measured over texts: scores are added up as layers pass, no attention is kept.

Three kinds of texts: those that are given, random tokens that come twice (for induction and duplicate token), and
annotated ones (for coreference). Not here: what the patterns are (patterns.py), what a result says (labels.py).
"""

import time
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from attnlib.behaviour.head_patterns import EXAMPLES, HeadPatterns
from attnlib.behaviour.patterns import (
    COREFERENCES,
    PATTERNS,
    REPEATED,
    REPEATED_WORDS,
    Marked,
    Marker,
    Pattern,
    Relation,
    coreference_marks,
    even_weights,
    evenness,
    occurrence,
    repeated_marks,
    scores_of,
    text_marks,
)
from attnlib.errors import InputError
from attnlib.model.batches import NotRead, TextBatch, TextRead, read_batches, run_batch, same_length
from attnlib.model.inputs import Inputs, decoder_start
from attnlib.model.loading import Model
from attnlib.model.memory import out_of_memory
from attnlib.model.tokenizing import encoded
from attnlib.model.tokens import Tokens
from attnlib.progress import OnProgress, goes_on
from attnlib.prompts.texts import CoreferenceText, builtin_texts, coreference_texts, word_classes
from attnlib.stats.moments import Moments

SEQUENCES = 20  # of random tokens
HALF, HALF_OF_WORDS = 25, 8  # tokens of one, before they come again; where they are words
SHORTEST = 4  # of half a sequence; models that read less show neither induction nor duplicate tokens


def head_patterns(model: Model, texts: Iterable[str] | None = None) -> pd.DataFrame:
    """What every head of a model does over many texts, as a table.

    Args:
        model (Model): From `load_model`.
        texts (iterable of str, optional): Default: the built-in sentences.

    Returns:
        DataFrame: One row per head and pattern: layer, head, pattern (a key of `attnlib.behaviour.patterns.KNOWN`),
        score, low, high (95 % interval over texts), baseline, texts.

    Raises:
        InputError: If the model can read none of the texts.

    Source:
        Clark et al. 2019 and Kovaleva et al. 2019 for the patterns of tokens, Olsson et al. 2022 for induction.

    Example:
        >>> model = attnlib.load_model("demo/bert-biased")
        >>> table = attnlib.head_patterns(model, ["The cat saw the cat.", "She said that she was tired."])
        >>> table[table.pattern == "next"].nlargest(1, "score")[["layer", "head"]].values.tolist()
        [[0, 0]]
    """
    return measure_patterns(model, texts).table()


def measure_patterns(
    model: Model,
    texts: Iterable[str] | None = None,
    relations: Sequence[Relation] = (),
    *,
    progress: OnProgress | None = None,
) -> HeadPatterns:
    """Measure every pattern in every head, over any number of texts.

    Texts are read once, and memory does not grow with them. For an encoder-decoder model, the encoder is measured.

    Args:
        model (Model): From `load_model`.
        texts (iterable of str, optional): Default: the built-in sentences.
        relations (sequence of Relation): Further patterns, described by example
            (`attnlib.behaviour.patterns.Relation`).
        progress (callable, optional): Called with a `Progress` after each batch of texts; False stops the rest.

    Returns:
        HeadPatterns: Scores, baselines, intervals, and the texts that show each pattern best.

    Raises:
        InputError: If the model can read none of the texts, a relation looks at what the model cannot see, or there
            is not enough memory for one text.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> found = attnlib.measure_patterns(model, ["The cat saw the cat.", "She said that she was tired."])
        >>> found.of("previous").shape  # layer, head
        (4, 4)
    """
    start = time.perf_counter()
    texts = builtin_texts() if texts is None else texts
    patterns = [p for p in PATTERNS if p.in_causal or not model.causal] + [r.pattern for r in relations]
    blind = [p.title for p in patterns if model.causal and not p.in_causal]
    if blind:
        raise InputError(
            f"No token of {model.name} sees a later one, so “{blind[0]}” cannot occur. Swap its two words."
        )
    total = len(texts) if isinstance(texts, Sized) else None
    given = _Tally(patterns)

    def markers(batch: TextBatch) -> dict[str, Marked]:
        found = text_marks(batch)
        for relation in relations:
            found |= relation.marks(batch)
        return found

    for found in read_batches(model, texts):
        _add(model, found, markers, given)
        if not goes_on(progress, given.read + given.missed, total, model.name):
            break
    if not given.read:
        why = f" The first: {given.not_read[0].reason}" if given.not_read else ""
        raise InputError(f"There is no text that {model.name} can read.{why}")
    tallies = [
        given,
        _repeated(model, REPEATED, _all_tokens(model), HALF),
        _repeated(model, REPEATED_WORDS, _nouns(model), HALF_OF_WORDS),
        _coreferences(model),
    ]
    return _merged(model, tallies, time.perf_counter() - start)


def estimate_seconds(model: Model, texts: Sequence[str]) -> float:
    """About how long `measure_patterns` takes, from measuring a few of the texts."""
    few = texts[:: max(1, len(texts) // 8)][:8]
    characters = sum(map(len, few)) or 1
    found = list(read_batches(model, few))
    start = time.perf_counter()
    for batch in found:
        if isinstance(batch, TextBatch):
            _measure(model, batch, text_marks(batch), PATTERNS)
    return (time.perf_counter() - start) * sum(map(len, texts)) / characters


# ---------------------------------------------------------------------------------------------- adding up


@dataclass(eq=False)
class _Tally:
    """Sums over the texts of one kind."""

    patterns: list[Pattern]
    read: int = 0
    cut: int = 0
    missed: int = 0
    not_read: list[NotRead] = field(default_factory=list)
    scores: Moments = field(default_factory=Moments)  # [pattern, layer, head]
    baselines: Moments = field(default_factory=Moments)
    excess: Moments = field(default_factory=Moments)  # score − baseline of each text
    best: np.ndarray | None = None  # [rank, pattern, layer, head]: scores
    numbers: np.ndarray | None = None  # the same: of which texts
    examples: dict[int, str] = field(default_factory=dict)

    def add(self, reads: Sequence[TextRead], values: np.ndarray, baselines: np.ndarray) -> None:
        """Scores and baselines [text, pattern, layer, head] of these texts."""
        self.read += len(reads)
        self.cut += sum(read.inputs.truncated_from is not None for read in reads)
        self.scores.add(values)
        self.baselines.add(baselines)
        self.excess.add(values - baselines)
        self._keep_best(reads, values)

    def _keep_best(self, reads: Sequence[TextRead], values: np.ndarray) -> None:
        numbers = np.broadcast_to(np.array([read.number for read in reads])[:, None, None, None], values.shape)
        scores = np.where(np.isfinite(values), values, -np.inf)
        if self.best is not None:
            if len(self.best) == EXAMPLES and not (scores > self.best[-1]).any():
                return
            scores, numbers = np.concatenate([self.best, scores]), np.concatenate([self.numbers, numbers])
        order = np.argsort(-scores, axis=0, kind="stable")[:EXAMPLES]
        self.best, self.numbers = (np.take_along_axis(array, order, 0) for array in (scores, numbers))
        self.examples |= {read.number: read.text for read in reads}
        kept = set(np.unique(self.numbers[np.isfinite(self.best)]).tolist())
        self.examples = {number: text for number, text in self.examples.items() if number in kept}

    def miss(self, one: NotRead) -> None:
        """A text that cannot be read."""
        self.missed += 1
        if len(self.not_read) < EXAMPLES:
            self.not_read.append(one)


def _add(model: Model, found: TextBatch | NotRead, markers: Marker, tally: _Tally) -> None:
    """Measure a batch; one that does not fit into memory is tried again in halves."""
    if isinstance(found, NotRead):
        tally.miss(found)
        return
    todo = [found]
    while todo:
        batch = todo.pop()
        try:
            values, baselines = _measure(model, batch, markers(batch), tally.patterns)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if len(batch.reads) == 1:
                raise InputError("There is not enough memory for a single text. Shorten the texts.") from None
            half = len(batch.reads) // 2
            todo += [batch.part(range(half, len(batch.reads))), batch.part(range(half))]
            continue
        tally.add(batch.reads, values, baselines)


def _measure(
    model: Model, batch: TextBatch, marked: dict[str, Marked], patterns: Sequence[Pattern]
) -> tuple[Float[np.ndarray, "text pattern layer head"], Float[np.ndarray, "text pattern layer head"]]:
    """Scores and baselines, from one forward pass."""
    summed = [pattern.name for pattern in patterns if pattern.name in marked]
    held = [name for name in summed if marked[name].baseline is not None]
    rows = [marked[name].marks for name in summed] + [marked[name].baseline for name in held]
    marks = torch.stack(rows, 1)  # type: ignore[arg-type]  # [text, pattern, query, key]
    even = scores_of(even_weights(marks.shape[-1], batch.causal).expand(len(marks), 1, -1, -1), marks)
    here = marks.to(model.device)
    layers: list[Tensor] = []

    def see(layer: int, weights: Float[Tensor, "text head query key"]) -> None:
        found = scores_of(weights, here)
        if "uniform" in (pattern.name for pattern in patterns):
            found = torch.cat([found, evenness(weights, batch.causal)[:, None]], 1)
        layers.append(found.cpu())

    run_batch(model, batch, see)
    return _in_order(layers, even.numpy(), summed, held, patterns)


def _in_order(
    layers: Sequence[Float[Tensor, "text row _"]],
    even: Float[np.ndarray, "text marked 1"],
    summed: Sequence[str],
    held: Sequence[str],
    patterns: Sequence[Pattern],
) -> tuple[np.ndarray, np.ndarray]:
    """What was measured, layer after layer, as scores and baselines in the order of the patterns."""
    texts, heads = len(even), max(layer.shape[2] for layer in layers)
    shape = (texts, len(patterns), len(layers), heads)
    values, baselines = np.full(shape, np.nan), np.full(shape, np.nan)
    whole = np.full((texts, layers[0].shape[1], len(layers), heads), np.nan)
    for n, layer in enumerate(layers):
        whole[:, :, n, : layer.shape[2]] = layer.numpy()
    for n, pattern in enumerate(patterns):
        if pattern.name == "uniform":
            values[:, n], baselines[:, n] = whole[:, -1], np.where(np.isfinite(whole[:, -1]), 0.0, np.nan)
            continue
        if pattern.name not in summed:
            continue
        row = summed.index(pattern.name)
        values[:, n] = whole[:, row]
        if pattern.name in held:
            baselines[:, n] = whole[:, len(summed) + held.index(pattern.name)]
        else:
            baselines[:, n] = np.where(np.isfinite(values[:, n]), even[:, row, :, None], np.nan)
    return values, baselines


def _merged(model: Model, tallies: Sequence[_Tally], seconds: float) -> HeadPatterns:
    """One result of all kinds of texts; numbers of annotated texts follow those of the given ones."""
    given = tallies[0]
    patterns = tuple(pattern for tally in tallies for pattern in tally.patterns)
    shape = (len(model.heads[model.stacks[0]]), max(model.heads[model.stacks[0]]))
    best, numbers, examples = _best(tallies, shape)

    def whole(part: Callable[[_Tally], np.ndarray], nothing: float) -> np.ndarray:
        """One array of all patterns."""
        return np.concatenate(
            [np.broadcast_to(part(t) if t.read else nothing, (len(t.patterns), *shape)) for t in tallies]
        )

    return HeadPatterns(
        model=model.name,
        patterns=patterns,
        score=whole(lambda tally: tally.scores.mean, np.nan),
        baseline=whole(lambda tally: tally.baselines.mean, np.nan),
        reach=whole(lambda tally: tally.scores.reach, np.nan),
        excess_reach=whole(lambda tally: tally.excess.reach, np.nan),
        texts=whole(lambda tally: np.asarray(tally.scores.count), 0.0).max((1, 2)).astype(np.int64),
        best=numbers,
        best_scores=best,
        examples=examples,
        read=given.read,
        cut=given.cut,
        not_read=tuple(given.not_read),
        seconds=seconds,
    )


def _best(tallies: Sequence[_Tally], shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """The best texts of every pattern; texts are numbered through."""
    scores, numbers, examples, before = [], [], dict[int, str](), 0
    for tally in tallies:
        best = np.full((EXAMPLES, len(tally.patterns), *shape), np.nan)
        which = np.full(best.shape, -1, np.int64)
        if tally.best is not None and tally.numbers is not None:
            there = np.isfinite(tally.best)
            best[: len(there)] = np.where(there, tally.best, np.nan)
            which[: len(there)] = np.where(there, tally.numbers + before, -1)
        examples |= {number + before: text for number, text in tally.examples.items()}
        before += tally.read + tally.missed
        scores.append(best)
        numbers.append(which)
    return np.concatenate(scores, 1), np.concatenate(numbers, 1), examples


# ---------------------------------------------------------------------------------------------- other texts


def _repeated(model: Model, patterns: Sequence[Pattern], drawn_from: Sequence[int], most: int) -> _Tally:
    """Sequences of up to `most` random tokens, said twice; none if the model reads too few tokens or has too few."""
    tally = _Tally(list(patterns))
    before, after = _around(model)
    room = most if model.max_tokens is None else min(most, (model.max_tokens - len(before) - len(after)) // 2)
    half = min(room, len(drawn_from))
    if half < SHORTEST:
        return tally
    random = np.random.default_rng(0)
    reads = []
    for number in range(SEQUENCES):
        drawn = random.choice(drawn_from, half, replace=False).tolist()
        ids = [*before, *drawn, *drawn, *after]
        reads.append(TextRead(number, "", Inputs(_tensors(model, ids), _as_tokens(model, ids), None, None, ())))
    for batch in same_length(model, reads):
        _add(model, batch, lambda one: repeated_marks(one.ids, len(before), half, patterns), tally)
    tally.best, tally.numbers, tally.examples = None, None, {}  # random tokens show nothing to a reader
    return tally


def _around(model: Model) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and after every text."""
    bare = list(encoded(model.tokenizer, "a", add_special_tokens=False)["input_ids"])
    whole = list(encoded(model.tokenizer, "a")["input_ids"])
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start], whole[start + len(bare) :]
    return [], []


def _all_tokens(model: Model) -> list[int]:
    """Ids of all tokens except special ones that the model has a vector for."""
    known = model.hf.config.get_text_config().vocab_size
    special = set(model.tokenizer.all_special_ids)
    return sorted({int(i) for i in model.tokenizer.get_vocab().values() if i < known} - special)


def _nouns(model: Model) -> list[int]:
    """Ids of the built-in nouns that are one token inside a sentence."""
    spaced = [f" {noun}" for noun in sorted(word_classes()["noun"])]
    written = encoded(model.tokenizer, spaced, add_special_tokens=False)["input_ids"]
    unknown = getattr(model.tokenizer, "unk_token_id", None)
    return sorted({ids[0] for ids in written if len(ids) == 1} - {unknown})


def _tensors(model: Model, ids: Sequence[int]) -> dict[str, Tensor]:
    row = torch.tensor([ids], device=model.device)
    tensors = {"input_ids": row, "attention_mask": torch.ones_like(row)}
    if model.family == "seq2seq":
        tensors["decoder_input_ids"] = torch.tensor([[decoder_start(model)]], device=model.device)
    return tensors


def _as_tokens(model: Model, ids: Sequence[int]) -> Tokens:
    return Tokens.plain([str(name) for name in model.tokenizer.convert_ids_to_tokens(list(ids))])


def _coreferences(model: Model) -> _Tally:
    """The annotated texts."""
    tally, about = _Tally(list(COREFERENCES)), coreference_texts()
    for found in read_batches(model, [one.text for one in about]):
        if isinstance(found, NotRead):
            tally.miss(found)
            continue
        known = [n for n, read in enumerate(found.reads) if _has_all(read, about[read.number])]
        if known:
            markers = _coreference_marker(about)
            _add(model, found.part(known), markers, tally)
    return tally


def _coreference_marker(about: Sequence[CoreferenceText]) -> Marker:
    return lambda batch: coreference_marks(batch, [about[read.number] for read in batch.reads])


def _has_all(read: TextRead, about: CoreferenceText) -> bool:
    """Whether all words are found in the text; a tokenizer that does not know a word may hide it."""
    try:
        return all(occurrence(read.tokens, word) for word in (about.pronoun, about.antecedent, about.other))
    except InputError:
        return False
