"""A comparison in plain words: what moves most, by how much, and what certainly did not; numbers as in the table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pandas as pd

from attnlib.comparison.controls import Controls, own_head, verdict
from attnlib.comparison.result import STATISTICS, Comparison, TargetMass
from attnlib.comparison.spelling import pieces
from attnlib.errors import InputError
from attnlib.model.token_notes import is_demo, known_words
from attnlib.model.tokens import word_text
from attnlib.wording import largest, number, power, signed
from attnlib.words.predictions import WordChange

STILL = {"shift": 0.05, "tv": 0.05, "jsd": 0.01}  # a head whose statistic is smaller is said to stay where it is
WORD_STILL = 0.01  # a probability that changes by less is not told
LONGEST = 60  # characters of a changed passage that a sentence quotes
DISTANCES = {"tv": "total variation", "jsd": "Jensen–Shannon divergence"}
MEASURES = {  # within a sentence, before a number
    "shift": "target shift G",
    "shift_corrected": "target shift G, sink removed:",
    "jsd_focus": "JSD from “{focus}”",
    "jsd": "JSD, mean of all rows,",
    "jsd_max": "JSD of the largest row",
    "tv_focus": "TV from “{focus}”",
    "tv": "TV, mean of all rows,",
    "tv_max": "TV of the largest row",
}
ROWS = {"": "mean over all rows", "max": "of the row that changes most"}

ONE_PAIR = (
    "**One pair is an anecdote.** These numbers are exact for these two prompts and say nothing about others: "
    "another "
    "template, other names or occupations, or another word order may move other heads, or none. Nor does a "
    "difference "
    "in attention show that a head matters for what the model says. Before you report a bias, look at the controls "
    "beside the grid, repeat it over many pairs, and try a model whose answer is known."
)


@dataclass(frozen=True)
class Finding:
    """What a comparison shows by one statistic."""

    headline: str  # a sentence or two, and what has to be said of the prompts
    details: str  # the numbers, in sentences; may be empty
    layer: int  # of the head that moves most; 0 where nothing was measured
    head: int
    value: float  # NaN where nothing was measured

    @property
    def text(self) -> str:
        return f"{self.headline} {self.details}".strip()

    @property
    def measured(self) -> bool:
        return bool(np.isfinite(self.value))


def finding(
    comparison: Comparison, statistic: str, targets: Sequence[str] = (), controls: Controls | None = None
) -> Finding:
    """The head that moves most by `statistic` (one of STATISTICS) and how the others compare, in sentences.

    The headline says whether that head moves further than any head under the `controls`, or that none was measured.
    """
    values = comparison.statistic(statistic, targets)
    layer, head = largest(values)
    value = float(values[layer, head])
    undefined = comparison.why_undefined(statistic, targets)
    if undefined or not np.isfinite(value):
        headline = undefined or f"Nothing can be measured here: {STATISTICS[statistic].title} is defined in no head."
        return Finding(headline, "", layer, head, np.nan)
    if comparison.same:
        return Finding("Nothing can differ: both prompts are the same tokens in one model.", "", layer, head, value)
    controls = controls or Controls()
    headline = f"{_what_changed(comparison)} {_moves(comparison, statistic, targets, (layer, head), controls)}"
    size, still = abs(value), _still(statistic)
    quiet = size < still
    details = [
        f"The largest change is in head {layer}-{head}. {_elsewhere(comparison, statistic)}".strip() if quiet else "",
        _how(comparison, statistic, targets, layer, head),
        _apart(comparison, layer, head),
        _others(values, statistic),
        "" if quiet else own_head(size, (layer, head), still, controls),
        _untouched(comparison),
        _word(comparison.words),
    ]
    if not value:
        details = [_elsewhere(comparison, statistic)]
    return _spelled(comparison, Finding(headline, " ".join(part for part in details if part), layer, head, value))


def _moves(
    comparison: Comparison, statistic: str, targets: Sequence[str], place: tuple[int, int], controls: Controls
) -> str:
    """What the edit does to its largest head, compared with the controls; or which attention does not move."""
    value, still = float(comparison.statistic(statistic, targets)[place]), _still(statistic)
    measure = MEASURES[statistic].format(focus=comparison.focus_name)
    if abs(value) < still:
        by = f"by {number(still, 2)} or more" if value else "at all"
        return f"moves {_no_attention(comparison, statistic, targets)} {by} ({STATISTICS[statistic].title})."
    said = f"{measure} {signed(value) if STATISTICS[statistic].signed else number(value)}"
    return verdict(abs(value), said, place, still, controls)


def _no_attention(comparison: Comparison, statistic: str, targets: Sequence[str]) -> str:
    """Which attention a null result is about: from which word, to which targets, or over which rows."""
    if statistic.startswith("shift"):
        words = " against ".join(f"“{comparison.name_of(comparison.target(word))}”" for word in targets)
        return f"no head’s attention from “{comparison.focus_name}” to {words}"
    over = statistic.partition("_")[2]
    if over == "focus":
        return f"no head’s attention from “{comparison.focus_name}”"
    return "no head’s attention from any one word" if over else "no head’s attention, as the mean over all words,"


def _elsewhere(comparison: Comparison, statistic: str) -> str:
    """If a measure of some attention finds nothing: the row of attention that changes most, if one does."""
    if statistic in ("jsd_max", "tv_max"):
        return ""
    try:
        rows = comparison.statistic("jsd_max")
    except InputError:  # no row is in both prompts
        return ""
    layer, head = largest(rows)
    if not rows[layer, head] >= _still("jsd_max"):
        return ""
    return (
        f"Other attention changes: the JSD of the largest row is {number(rows[layer, head])}, in head {layer}-{head}."
    )


def _spelled(comparison: Comparison, found: Finding) -> Finding:
    """The finding with what must come first: a demo model lacks the words, or the edit is spelled unequally."""
    both = (comparison.alignment.a, comparison.alignment.b)
    known = min((known_words(tokens) for tokens in both), key=lambda words: words.known / max(1, words.total))
    if is_demo(comparison.a.model) and not known.enough:
        return replace(
            found, headline=f"{known.text} What it does here is noise.", details=f"{found.headline} {found.details}"
        )
    unequal = " ".join(edit.text for edit in pieces(comparison.alignment)[:2])
    return replace(found, headline=f"{found.headline} {unequal}".strip())


def _still(statistic: str) -> float:
    return STILL[statistic.partition("_")[0]]


# ---------------------------------------------------------------------------------------------- the edit


def _what_changed(comparison: Comparison) -> str:
    """What differs between A and B: words, models, or both."""
    edit, models = _edit(comparison), comparison.a.model != comparison.b.model
    going = f"oing from {comparison.a.model} to {comparison.b.model}"
    if not models:
        return edit or "Changing nothing"
    return f"{edit} and g{going}" if edit else f"G{going}"


def _edit(comparison: Comparison) -> str:
    """The edit in words; empty where the prompts are the same."""
    edited = [a for a in (comparison.alignment, comparison.key_alignment) if a.first_edit is not None]
    if not edited:
        return "" if comparison.prompts[0] == comparison.prompts[1] else "Changing the prompt's other text"
    alignment = edited[0]
    runs = [list(run) for equal, run in groupby(alignment.units, lambda unit: unit.kind == "equal") if not equal]
    if len(runs) > 1:
        return f"Changing {len(runs)} places of the prompt"
    in_a, in_b = [i for unit in runs[0] for i in unit.a], [i for unit in runs[0] for i in unit.b]
    old = word_text(alignment.a, in_a).strip() if in_a else ""
    new = word_text(alignment.b, in_b).strip() if in_b else ""
    if max(len(old), len(new)) > LONGEST:
        return "Changing one passage of the prompt"
    if not old and not new:
        return "Changing white space"
    if not old:
        return f"Adding “{new}”"
    return f"Changing “{old}” to “{new}”" if new else f"Leaving out “{old}”"


# ---------------------------------------------------------------------------------------------- the head


def _how(comparison: Comparison, statistic: str, targets: Sequence[str], layer: int, head: int) -> str:
    value = float(comparison.statistic(statistic, targets)[layer, head])
    focus = comparison.focus_name
    if not STATISTICS[statistic].signed:
        distance, _, over = statistic.partition("_")
        rows = f"from “{focus}”" if over == "focus" else ROWS[over]
        return f"The {DISTANCES[distance]} of its attention, {rows}, is {number(value)} (0: the same, 1: no overlap)."
    corrected = statistic == "shift_corrected"
    masses = comparison.target_masses(targets, corrected=corrected)
    moves = [_mass(comparison, mass, (layer, head)) for mass in masses]
    gains = [float((mass.b - mass.a)[layer, head]) for mass in masses]
    direction = _direction(value, gains, targets) if len(targets) > 1 else ""
    name = "target shift G" + (" (sink removed)" if corrected else "")
    what = f"Its attention from “{focus}” {' and '.join(moves)}"
    return f"{what}: a {name} of {signed(value)}{direction}."


def _mass(comparison: Comparison, mass: TargetMass, place: tuple[int, int]) -> str:
    times = comparison.occurrences(mass.span)
    summed = f" ({times}, summed)" if times else ""
    to = f"to “{comparison.name_of(mass.span)}”{summed}"
    return f"{to} goes from {number(mass.a[place])} to {number(mass.b[place])}"


def _direction(shift: float, gains: Sequence[float], targets: Sequence[str]) -> str:
    """Towards a target that gains or, if neither does, away from the one that loses more."""
    if not shift or number(shift) == number(0):
        return ""
    more, less = (0, 1) if shift > 0 else (1, 0)
    if gains[more] <= 0:
        both = f" (both fall, “{targets[less]}” more)" if gains[more] < 0 else ""
        return f", away from “{targets[less]}”{both}"
    return f", towards “{targets[more]}”" + (f" (both rise, “{targets[more]}” more)" if gains[less] > 0 else "")


def _apart(comparison: Comparison, layer: int, head: int) -> str:
    """How much of the focus word's attention goes to tokens that only one prompt has."""
    rows, units = comparison.changes[layer].rows, comparison.focus_units
    parts = []
    for side, kind, spent in (("A", "deleted", rows.outside_a), ("B", "inserted", rows.outside_b)):
        count = sum(unit.kind == kind for unit in comparison.key_alignment.units)
        shares = spent[head, units]
        if count and np.isfinite(shares).any():
            share = number(float(np.nanmean(shares)))
            parts.append(f"{count} token{'s' * (count > 1)} only in {side} get{'s' * (count == 1)} {share}")
    focus = comparison.focus_name
    return f"Of the attention from “{focus}”, {' and '.join(parts)}." if parts else ""


def _others(values: np.ndarray, statistic: str) -> str:
    sizes = np.sort(np.abs(values[np.isfinite(values)]))[::-1]
    if len(sizes) < 2:
        return ""
    quiet = int((sizes < _still(statistic)).sum())
    next_one = f"The next head changes by {number(float(sizes[1]))}"
    return f"{next_one}; {quiet} of {len(sizes)} heads by less than {number(_still(statistic), 2)}."


# ---------------------------------------------------------------------------------------------- beside the heads


def _untouched(comparison: Comparison) -> str:
    check, edit = comparison.untouched, comparison.alignment.first_edit
    if check is None or not edit:
        return ""
    if not check.passed:
        return f"Warning: rows before the first edit differ by up to {power(check.deviation)}; they must not differ."
    rows = "The token before the first edit looks" if edit == 1 else f"The {edit} tokens before the first edit look"
    within = f", to within {power(check.deviation)}" if check.deviation else ""
    return f"{rows} where {'it' if edit == 1 else 'they'} did before{within}."


def _word(words: Sequence[WordChange]) -> str:
    """The word whose probability changes by the largest amount."""
    if not words:
        return ""
    best: WordChange = max(words, key=lambda word: abs(word.p_b - word.p_a))
    if abs(best.p_b - best.p_a) < WORD_STILL:
        return ""
    mask = best.place if len({word.place for word in words}) > 1 else "the mask"
    place = "the next word" if best.place == "next" else f"the word at {mask}"
    return f"As {place}, “{best.word.strip()}” goes from {number(best.p_a)} to {number(best.p_b)}."


# ---------------------------------------------------------------------------------------------- several prompts


def prompts_table(
    comparisons: Sequence[tuple[str, Comparison]], statistic: str, targets: Sequence[str], place: tuple[int, int]
) -> tuple[pd.DataFrame, list[str]]:
    """Several prompts against prompt A, a row each: alignment, the chosen head, the head that moves most.

    Also a sentence for each prompt that the statistic cannot be had of.
    """
    rows, problems = [], []
    for name, comparison in comparisons:
        try:
            values = comparison.statistic(statistic, targets)
        except InputError as error:
            problems.append(f"Prompt {name}: {error}")
            continue
        undefined = comparison.why_undefined(statistic, targets)
        if undefined:
            problems.append(f"Prompt {name}: {undefined}")
            continue
        layer, head = largest(values)
        said = signed if STATISTICS[statistic].signed else number
        prompt = comparison.prompts[1]
        rows.append(
            {
                "prompt": f"{name}: {prompt if isinstance(prompt, str) else prompt[0]}",
                "against A": str(comparison.alignment),
                f"head {place[0]}-{place[1]}": said(values[place]),
                "moves most": f"{layer}-{head}",
                "by": said(values[layer, head]),
            }
        )
    return pd.DataFrame(rows), problems
