"""A study in plain words: which heads move on average, how surely, and what its pairs could not have shown.

Not here: the words for one pair (findings.py).
"""

import math
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float

from attnlib.findings import largest, number, signed
from attnlib.power import detectable, fewest_pairs, pairs_needed
from attnlib.resampling import FEWEST_UNITS
from attnlib.statistics import HeadSummary


def summary_sentences(summary: HeadSummary, title: str) -> str:
    """What a summary shows: how many pairs, which heads move on average, and which means could have been missed.

    `title` names the number, e.g. "target shift G".
    """
    most = int(summary.n.max(initial=0))
    if not most:
        return f"{_pairs(summary)} No pair has a number for {title}: nothing can be said."
    if not np.nanmax(np.abs(summary.mean)) and not np.nanmax(summary.sd, initial=0):
        return f"{_pairs(summary)} Nothing moves: {title} is 0 in every pair and head."
    if not summary.tests:
        return f"{_pairs(summary)} {_too_few(summary, title, most)}"
    return " ".join(part for part in (_pairs(summary), _moving(summary, title), _missed(summary)) if part)


def _pairs(summary: HeadSummary) -> str:
    """How many pairs have numbers, and what was left out."""
    used = summary.n[summary.n > 0]
    counted = _count(summary.pairs, summary.noun)
    if not len(used):
        told = f"{counted}."
    elif used.min() < used.max():
        told = f"{counted}, of which {used.min():,} to {used.max():,} have a number, depending on the head."
    elif used.max() < summary.pairs:
        told = f"{counted}, of which {used.max():,} {'has' if used.max() == 1 else 'have'} a number."
    else:
        told = f"{counted}."
    if summary.infinite:
        told += f" {_count(summary.infinite, 'infinite number')} left out."
    return told


def _too_few(summary: HeadSummary, title: str, most: int) -> str:
    layer, head = largest(summary.mean)
    value = signed(summary.mean[layer, head], places_of(summary.mean))
    why = summary.untested
    what = "largest" if most == 1 else "largest mean"
    return f"{why} The {what} {title} is {value} in head {layer}-{head}."


def _moving(summary: HeadSummary, title: str) -> str:
    """How many heads pass, and the largest of them; or the largest of those that do not."""
    passed = int(summary.significant.sum())
    how = f"step-down max-T over {summary.draws:,} draws" if summary.draws else "normal limit, corrected"
    test = f"({how}, {summary.alpha * 100:g} %)"
    if passed:
        most = largest(np.where(summary.significant, summary.mean, np.nan))
        moves = f"{passed} of {_count(summary.tests, 'head')} move{'s' * (passed == 1)}"
        others = " most" if passed > 1 else ""
        return f"{moves} on average in {title} {test}: {most[0]}-{most[1]}{others}, {_numbers(summary, most)}."
    most = largest(np.where(np.isfinite(summary.p), summary.mean, np.nan))
    p = p_value(summary.p_corrected[most])
    return (
        f"No head moves on average in {title} {test}: the largest mean is that of {most[0]}-{most[1]}, "
        f"{_numbers(summary, most)}, {p}."
    )


def _numbers(summary: HeadSummary, place: tuple[int, int]) -> str:
    mean, low, high = (float(values[place]) for values in (summary.mean, summary.low, summary.high))
    d = summary.effect[place]
    told = interval(mean, low, high, places_of(summary.mean))
    return f"{told}, d = {_plain(d)}" if np.isfinite(d) else told


def head_power(summary: HeadSummary, place: tuple[int, int]) -> str:
    """What so many pairs can show of one head, and how many its own mean needs; empty where it does not vary."""
    n, sd, mean = int(summary.n[place]), float(summary.sd[place]), float(summary.mean[place])
    if n < FEWEST_UNITS or not sd > 0 or not mean:
        return ""
    return power_sentence(n, sd, summary.tests, mean, summary.alpha, summary.noun)


def _missed(summary: HeadSummary) -> str:
    """What these pairs could not have shown, of which “no head moves” says nothing."""
    none = not summary.significant.any()
    caution = "This does not show that there is no effect: " if none else ""
    if not np.isfinite(summary.detectable).any():
        needed = fewest_pairs()
        heads = _count(summary.tests, "head")
        few = f"so few {summary.noun}s can let none of {heads} pass, however large its mean"
        return f"{caution}{few}; {needed} are needed."
    known = summary.detectable[summary.detectable > 0]
    if not len(known):  # no head varies
        return ""
    places = places_of(known)
    half, most = (_least(float(value), places) for value in (np.median(known), known.max()))
    if none:
        wide = "" if half == most else f" in half of the heads, and below {most} in the one that varies most"
        return f"{caution}a mean below {half} could be missed{wide}."
    wide = "" if half == most else f", in half of them one of {half}"
    seen = f"a mean of {most} would be seen in any head with at least 80 % probability"
    return f"With this many {summary.noun}s {seen}{wide}."


def power_sentence(
    n: int, sd: float, heads: int, effect: float | None = None, alpha: float = 0.05, noun: str = "pair"
) -> str:
    """What n pairs can show among so many heads; with an `effect` also how many pairs it needs."""
    least = detectable(n, sd, heads, alpha)
    test = f"({alpha * 100:g} %, corrected over {_count(heads, 'head')}, standard deviation {_plain(sd)})"
    if math.isfinite(least):
        shown = _least(least, places_of(np.array([least])))
        told = f"{_count(n, noun)} would show a mean of {shown} with 80 % probability {test}."
    else:
        told = f"{_count(n, noun)} can show no mean, however large {test}: {fewest_pairs()} are needed."
    if effect is None:
        return told
    needed = _count(pairs_needed(effect, sd, heads, alpha), noun)
    return f"{told} A mean of {signed(effect, places_of(np.array([effect])))} needs {needed}."


def interval(mean: float, low: float, high: float, places: int = 3) -> str:
    """A mean with its interval: "+.314 [+.298, +.330]"; alone where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return signed(mean, places)
    return f"{signed(mean, places)} [{signed(low, places)}, {signed(high, places)}]"


def p_value(p: SupportsFloat) -> str:
    """ "p = .012", "p < .001"."""
    return "p < .001" if float(p) < 0.001 else f"p = {number(p)}" if float(p) < 0.9995 else "p = 1"


def places_of(values: Float[np.ndarray, "..."]) -> int:
    """Decimals that leave the largest number at least two digits; three where that is enough."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0))
    return 3 if largest == 0 else min(9, max(3, 1 - math.floor(math.log10(largest))))


def _least(value: float, places: int) -> str:
    """A bound, never written as nothing."""
    smallest = 10.0**-places
    return number(value, places) if value == 0 or value >= smallest / 2 else f"less than {number(smallest, places)}"


def _plain(value: SupportsFloat) -> str:
    """Two digits of a number without a unit: "1.9", "−.31"."""
    size = abs(float(value))
    return ("−" if float(value) < 0 else "") + number(
        size, 1 if size >= 1 else max(2, places_of(np.array([size])) - 1)
    )


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"
