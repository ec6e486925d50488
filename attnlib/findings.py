"""A comparison in plain words: what moves most, by how much, and what certainly did not; numbers as in the table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, log10
from typing import NamedTuple, SupportsFloat

import numpy as np
import pandas as pd
from jaxtyping import Float

from attnlib.comparison import STATISTICS, Comparison, TargetMass
from attnlib.errors import InputError
from attnlib.predictions import WordChange
from attnlib.spelling import pieces
from attnlib.tokenization import is_demo, known_words
from attnlib.untrained import Untrained

STILL = {"shift": 0.05, "tv": 0.05, "jsd": 0.01}  # a head whose statistic is smaller is said to stay where it is
DISTANCES = {"tv": "total variation", "jsd": "Jensen–Shannon divergence"}
ROWS = {"": "mean over all rows", "max": "of the row that changes most"}

ONE_PAIR = (
    "**One pair is an anecdote.** These numbers are exact for these two prompts and say nothing yet about others: "
    "another template, other names or occupations, the words in another order may move other heads, or none. A "
    "difference of attention also does not show that a head matters for what the model says. Before you report a "
    "bias: look at the controls beside the grid, repeat it over many pairs, and use a model whose answer is known."
)


@dataclass(frozen=True)
class Finding:
    """What a comparison shows by one statistic."""

    headline: str  # one sentence
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


class Control(NamedTuple):
    """The size of the largest head where there should be no effect; NaN where that could not be measured."""

    name: str  # within a sentence: "the control edit"
    largest: float


@dataclass(frozen=True, eq=False)
class Controls:
    """What a pair's largest head is measured against: edits and models that should show nothing."""

    others: tuple[Control, ...] = ()
    untrained: Untrained | None = None  # random copies of the model; None: not measured

    def sizes(self) -> list[tuple[str, float, str]]:
        """Of each that was measured its name, the largest head of it, and both in words."""
        found = [(c.name, c.largest, f"{c.name} {number(c.largest)}") for c in self.others if np.isfinite(c.largest)]
        copies = self.untrained
        if copies is not None and len(copies):
            found.append(("an untrained copy", copies.high, f"{copies.name} {_span(copies.largest)}"))
        return found

    def rows(self) -> list[tuple[str, tuple[float, ...]]]:
        """The same as a row of numbers each, those of the copies one by one: what `figures.largest_heads` draws."""
        found = [(c.name, (c.largest,)) for c in self.others if np.isfinite(c.largest)]
        copies = self.untrained
        return [
            *found,
            *([(copies.name, tuple(copies.largest.tolist()))] if copies is not None and len(copies) else []),
        ]


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
    if not value:
        return Finding(f"Nothing differs: {STATISTICS[statistic].title} is 0 in every head.", "", layer, head, value)
    headline = f"{_what_changed(comparison)} {_moves(value, (layer, head), statistic, controls or Controls())}."
    details = [
        "" if abs(value) >= _still(statistic) else f"The largest change is in head {layer}-{head}.",
        _how(comparison, statistic, targets, layer, head),
        _apart(comparison, layer, head),
        _others(values, statistic),
        _untouched(comparison),
        _word(comparison.words),
    ]
    return _spelled(comparison, Finding(headline, " ".join(part for part in details if part), layer, head, value))


def _spelled(comparison: Comparison, found: Finding) -> Finding:
    """With what must be said first: a demo model does not know the words, or the edit is spelled unequally."""
    known = known_words(comparison.alignment.a, comparison.alignment.b)
    if is_demo(comparison.a.model) and not known.enough:
        return replace(found, headline=known.text, details=f"{found.headline} {found.details}")
    unequal = " ".join(edit.text for edit in pieces(comparison.alignment)[:2])
    return replace(found, headline=f"{found.headline} {unequal}".strip())


def _moves(value: float, place: tuple[int, int], statistic: str, controls: Controls) -> str:
    """What the edit does to its largest head, beside the controls."""
    still, sizes = _still(statistic), controls.sizes()
    name, size = f"head {place[0]}-{place[1]}", number(abs(value))
    if abs(value) < still:
        return f"moves no head by {number(still, 2)} or more"
    if not sizes:
        return f"moves {name} most, by {size}; no control was measured, and in any model some head moves most"
    told = ", ".join(words for _, _, words in sizes)
    reached = [control for control, most, _ in sizes if most >= abs(value)]
    if reached:
        return f"moves no head further than one moves {_where(reached)} (largest: {name}, {size}; {told})"
    return f"moves {name} most, by {size}, and further than any head of the controls moves ({told})"


def reference_sentence(what: str, value: float, untrained: Untrained) -> str:
    """In how many untrained copies the largest head reaches that of a finding, and what this is not.

    `what` names the finding's head: "head 0-2 here".
    """
    reached = untrained.as_large(value)
    if len(untrained) == 1:
        told = f"In {untrained.name} the largest head {'moves' if reached else 'does not move'}"
    else:
        told = f"In {reached} of {untrained.name} the largest head moves"
    return f"{told} as far as {what}, or farther. This is a reference, not a test: there is no p."


def rows_in_words(own: tuple[str, float], references: Sequence[tuple[str, Sequence[float]]]) -> str:
    """What `figures.largest_heads` draws, for who does not see it."""
    rows = [(own[0], (abs(own[1]),)), *references]
    told = "; ".join(f"{name}: {_span(np.array(sizes))}" for name, sizes in rows)
    return f"The size of the largest head: {told}."


def _span(sizes: Float[np.ndarray, " size"]) -> str:
    """ ".024 to .240"; of one number that number."""
    return number(sizes.min()) + (f" to {number(sizes.max())}" if len(sizes) > 1 else "")


def _where(controls: Sequence[str]) -> str:
    places = [("under " if "edit" in name else "in ") + name for name in controls]
    return " and ".join([", ".join(places[:-1]), places[-1]] if len(places) > 1 else places)


def _still(statistic: str) -> float:
    return STILL[statistic.partition("_")[0]]


def largest(values: Float[np.ndarray, "layer head"], layer: int | None = None) -> tuple[int, int]:
    """The head with the largest size, of all or of one layer; the first where none has a number."""
    size = np.where(np.isfinite(values), np.abs(values), -1)
    if layer is not None:
        return layer, int(size[layer].argmax())
    best, head = np.unravel_index(size.argmax(), size.shape)
    return int(best), int(head)


# ---------------------------------------------------------------------------------------------- the edit


def _what_changed(comparison: Comparison) -> str:
    """What A and B differ in: words, or models, or both."""
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
    edits = [u for u, unit in enumerate(alignment.units) if unit.kind != "equal"]
    if len(edits) > 1:
        return f"Changing {len(edits)} places of the prompt"
    _, old, new = alignment.labels[edits[0]]
    if old is None:
        return f"Adding “{(new or '').strip()}”"
    return f"Leaving out “{old.strip()}”" if new is None else f"Changing “{old.strip()}” to “{new.strip()}”"


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
    """Towards a target that gains; where neither does, away from the one that loses more."""
    if not shift or number(shift) == number(0):
        return ""
    more, less = (0, 1) if shift > 0 else (1, 0)
    if gains[more] <= 0:
        both = f" (both fall, “{targets[less]}” more)" if gains[more] < 0 else ""
        return f", away from “{targets[less]}”{both}"
    return f", towards “{targets[more]}”" + (f" (both rise, “{targets[more]}” more)" if gains[less] > 0 else "")


def _apart(comparison: Comparison, layer: int, head: int) -> str:
    """What the focus word's attention spends on tokens that only one prompt has."""
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
        return f"Warning: rows before the first edit differ by up to {power(check.deviation)}, which must not be."
    rows = "The token before the first edit looks" if edit == 1 else f"The {edit} tokens before the first edit look"
    within = f", to within {power(check.deviation)}" if check.deviation else ""
    return f"{rows} where {'it' if edit == 1 else 'they'} did{within}."


def _word(words: Sequence[WordChange]) -> str:
    """The word whose probability changes by the largest amount."""
    if not words:
        return ""
    best: WordChange = max(words, key=lambda word: abs(word.p_b - word.p_a))
    if number(best.p_a) == number(best.p_b):
        return ""
    place = "the next word" if best.place == "next" else f"the word at {best.place}"
    return f"As {place}, “{best.word.strip()}” goes from {number(best.p_a)} to {number(best.p_b)}."


# ---------------------------------------------------------------------------------------------- numbers


def number(value: SupportsFloat, places: int = 3) -> str:
    """A number as the views write it: ".213", "1.000", "−.508"; one that rounds to 0 has no sign."""
    text = f"{abs(float(value)):.{places}f}"
    minus = "−" if float(value) < 0 and float(text) else ""
    return minus + text.removeprefix("0" if float(text) < 1 and places else "")


def signed(value: SupportsFloat, places: int = 3) -> str:
    """A difference with its sign: "+.390", "−.508"."""
    return ("−" if float(value) < 0 else "+") + number(abs(float(value)), places)


def power(value: float) -> str:
    """A tiny size, rounded up to one digit: "4 × 10⁻⁷"."""
    exponent = floor(log10(value))
    digit = ceil(value / 10**exponent - 1e-9)
    exponent, digit = (exponent + 1, 1) if digit == 10 else (exponent, digit)
    if exponent >= -2:
        return number(digit * 10.0**exponent, max(0, -exponent))
    return f"{digit} × 10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


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
