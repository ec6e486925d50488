"""A study in plain words: which heads move on average, how surely, and what its pairs could not have shown.

Not here: what to bear in mind of that (notes.py), the words for one pair (comparison/findings.py).
"""

import math
from typing import SupportsFloat

import numpy as np
import pandas as pd

from attnlib.model.token_notes import is_demo
from attnlib.prompts.units import NO_UNIT
from attnlib.stats.power import detectable, fewest_pairs, pairs_needed
from attnlib.stats.resampling import FEWEST_UNITS
from attnlib.stats.summaries import HeadSummary
from attnlib.study.basis import DISTANCE, Basis
from attnlib.study.notes import (
    basis_notes,
    candidates_of,
    odds_sentence,
    order_sentence,
    sign_sentence,
    target_roles,
    twin_sizes,
    unmeasured_sentence,
    untrained_sentence,
    with_known_words,
)
from attnlib.study.results import CARRIED, HEAD_STATISTICS, SHIFTS, Study
from attnlib.study.untrained import untrained_heads
from attnlib.wording import count, interval, largest, number, p_value, places_of, signed


def study_finding(study: Study, statistic: str, model: str, unit: str | None, summary: HeadSummary) -> str:
    """What a study shows by one statistic in one model: what page, report and command line say alike.

    `summary` is that of the study, corrected over whatever is shown together.
    """
    return " ".join(part for part in study_sentences(study, statistic, model, unit, summary) if part)


def study_sentences(
    study: Study, statistic: str, model: str, unit: str | None, summary: HeadSummary
) -> tuple[str, str]:
    """A study's finding in two parts: how many pairs and which heads move; then signs, power and caveats."""
    about, basis = HEAD_STATISTICS[statistic], study.basis(statistic, model, unit)
    table = study.pair_table(model)
    table = table[table["reason"] == ""]
    headline, missed = _headline_and_missed(summary, about.title, basis)
    measured = np.isfinite(summary.mean).any() and not basis.untested
    rest = []
    if measured and statistic in CARRIED and summary.significant.any() and basis.contrast is None:
        rest.append(odds_sentence(statistic, _shown(summary), summary, candidates_of(table)))
    order = ""
    if measured and statistic in SHIFTS:
        roles = target_roles(table)
        order = order_sentence(summary, study.sizes(statistic, model), twin_sizes(study, statistic, model), roles)
    if measured and statistic in SHIFTS and summary.significant.any() and not order:
        rest.append(sign_sentence(table, basis, float(summary.mean[_shown(summary)])))
    rest += [missed, basis_notes(basis), order, unmeasured_sentence(table)]
    rest.append(untrained_sentence(summary, untrained_heads(study, statistic, model, unit)))
    rest.append(study.manifest["provenance"][model].get("layer_numbers", ""))
    if is_demo(model):
        words = list(zip(table["prompt_a"], table["prompt_b"], strict=True))
        headline, *rest = with_known_words(words, headline, rest)
    return headline, " ".join(part for part in rest if part)


def difference_finding(study: Study, statistic: str, models: tuple[str, str], summary: HeadSummary) -> str:
    """The first model less the second, pair by pair."""
    title = f"{HEAD_STATISTICS[statistic].title}, {models[0]} − {models[1]}"
    return summary_sentences(summary, title, study.basis(statistic, models[0]))


def summary_sentences(summary: HeadSummary, title: str, basis: Basis | None = None) -> str:
    """What a summary shows: how many pairs, which heads move on average, and which means could have been missed.

    `title` names the number, e.g. "Target shift G"; `basis` says how pairs were counted.
    """
    return " ".join(part for part in _headline_and_missed(summary, title, basis) if part)


def _headline_and_missed(summary: HeadSummary, title: str, basis: Basis | None) -> tuple[str, str]:
    """How many pairs there are and which heads move; and which means could have been missed."""
    title = title if not title[1:2].islower() else f"{title[:1].lower()}{title[1:]}"
    counted, missed = _pairs(summary, basis), ""
    if not summary.n.max(initial=0):
        told = f"No pair has a value of {title}, so nothing can be said."
    elif basis is not None and basis.untested:
        told = _described(summary, title, basis)
    elif not np.nanmax(np.abs(summary.mean)) and not np.nanmax(summary.sd, initial=0):
        told = f"Nothing moves: {title} is 0 in every pair and head."
    elif not summary.tests:
        told = _too_few(summary, title, basis)
    else:
        told, missed = _moving(summary, title, basis), _missed(summary)
    return f"{counted} {told}", missed


def _pairs(summary: HeadSummary, basis: Basis | None) -> str:
    """How many pairs there are, how they are counted, how many have numbers, and what was left out."""
    used = summary.n[summary.n > 0]
    counted = count(summary.pairs, summary.noun)
    if basis is not None:
        how = "counted one by one"
        if not basis.units.one_by_one:
            each = "each is a" if basis.pairs > 1 else "a"
            own = basis.pairs == summary.pairs
            how = f"{each} {summary.noun} of its own" if own else f"averaged to {counted}"
            how += _example(summary, basis)
        counted = f"{count(basis.pairs, 'pair')}, {how}"
    least, most = (int(used.min()), int(used.max())) if len(used) else (0, 0)
    if least < most:
        told = f"{counted}, of which {least:,} to {most:,} have a value, depending on the head."
    elif 0 < most < summary.pairs:
        told = f"{counted}, of which {most:,} {'has' if most == 1 else 'have'} a value."
    else:
        told = f"{counted}."
    if summary.infinite:
        told += f" {count(summary.infinite, 'infinite value')} left out."
    return told


def _example(summary: HeadSummary, basis: Basis) -> str:
    """The first unit that somebody named, where the noun does not say what units are."""
    written = [label for label in dict.fromkeys(basis.units.labels) if not label.endswith(NO_UNIT)]
    if summary.noun != "unit" or not written:
        return ""
    return f" ({written[0]}, …)" if summary.pairs > 1 else f" ({written[0]})"


def _shown(summary: HeadSummary) -> tuple[int, int]:
    """The head that a sentence names: the largest of those that pass, else of those that are tested."""
    if summary.significant.any():
        return largest(np.where(summary.significant, summary.mean, np.nan))
    return largest(np.where(np.isfinite(summary.p), summary.mean, np.nan) if summary.tests else summary.mean)


def _described(summary: HeadSummary, title: str, basis: Basis) -> str:
    """The largest mean of a number that is not tested, and why it is not."""
    layer, head = largest(summary.mean)
    mean, low, high = (float(values[layer, head]) for values in (summary.mean, summary.low, summary.high))
    places = places_of(summary.mean)
    known = math.isfinite(low) and math.isfinite(high)
    told = interval(mean, low, high, places)
    if basis.untested == DISTANCE:
        told = number(mean, places) + (f" [{number(low, places)}, {number(high, places)}]" if known else "")
    alike, n = "", int(summary.n[layer, head])
    if n >= FEWEST_UNITS and not known:
        alike = f" It is the same in each of the {count(n, summary.noun)}, which count as one observation."
    return f"The largest mean {title} is that of head {layer}-{head}: {told}.{alike} {basis.untested}"


def _too_few(summary: HeadSummary, title: str, basis: Basis | None) -> str:
    layer, head = largest(summary.mean)
    value = signed(summary.mean[layer, head], places_of(summary.mean))
    what = f"largest {title}" if int(summary.n.max()) == 1 else f"largest mean {title}"
    if basis is not None and basis.contrast is not None:
        what = f"largest difference of mean {title}, {basis.contrast[0]} less {basis.contrast[1]},"
    return f"{summary.untested} The {what} is {value} in head {layer}-{head}."


def _moving(summary: HeadSummary, title: str, basis: Basis | None) -> str:
    """How many heads pass, and the largest of them; or the largest of those that do not."""
    passed = int(summary.significant.sum())
    how = f"step-down max-T over {summary.draws:,} draws" if summary.draws else "normal limit"
    test = f"({how}, {summary.alpha * 100:g} %, corrected for {count(summary.tests, 'test')})"
    most, heads = _shown(summary), count(int(np.isfinite(summary.p).sum()), "head")
    from_what = _from_what(summary, basis)
    if passed:
        others = " most" if passed > 1 else ""
        numbers = f"{most[0]}-{most[1]}{others}, {_numbers(summary, most)}"
        return f"In {passed} of {heads} {title} differs {from_what} {test}: {numbers}."
    what = "mean" if basis is None or basis.contrast is None else "difference"
    return (
        f"In none of {heads} is {title} shown to differ {from_what} {test}: the largest {what} is that of "
        f"{most[0]}-{most[1]}, {_numbers(summary, most)}."
    )


def _from_what(summary: HeadSummary, basis: Basis | None) -> str:
    """What a mean is shown to differ from, or between."""
    if basis is None or basis.contrast is None:
        return "from 0 on average"
    (one, two), (n, m) = basis.contrast, basis.counts
    counted = f"within each {summary.noun}" if basis.within else f"({n:,} and {m:,} {summary.noun}s)"
    return f"on average between {one} and {two} {counted}"


def _numbers(summary: HeadSummary, place: tuple[int, int]) -> str:
    """Mean, interval, the interval of all heads at once, corrected p, d."""
    mean, low, high = (float(values[place]) for values in (summary.mean, summary.low, summary.high))
    wide_low, wide_high, d = (float(v[place]) for v in (summary.wide_low, summary.wide_high, summary.effect))
    places = places_of(summary.mean)
    told = [interval(mean, low, high, places)]
    if math.isfinite(wide_low) and math.isfinite(wide_high):
        told.append(f"simultaneous [{signed(wide_low, places)}, {signed(wide_high, places)}]")
    if math.isfinite(float(summary.p_corrected[place])):
        told.append(p_value(summary.p_corrected[place]))
    return ", ".join([*told, f"d = {_plain(d)}"] if math.isfinite(d) else told)


def head_power(summary: HeadSummary, place: tuple[int, int]) -> str:
    """What so many pairs can show of one head, and how many its own mean needs; empty where it is not tested.

    By the draws of this very study where they ask for more than normal numbers would.
    """
    n, sd, mean = int(summary.n[place]), float(summary.sd[place]), float(summary.mean[place])
    if n < FEWEST_UNITS or not sd > 0 or not mean or not summary.tests or summary.contrast:
        return ""
    least, normal = float(summary.detectable[place]), detectable(n, sd, summary.tests, summary.alpha)
    stretch = least / normal if math.isfinite(least) and math.isfinite(normal) else 1.0
    told = power_sentence(n, sd, summary.tests, None, summary.alpha, summary.noun, stretch)
    if math.isfinite(least) and least > _farthest(summary):
        told += " No mean can be that large."
    needed = pairs_needed(mean, sd * stretch, summary.tests, summary.alpha)
    if needed <= n and not summary.significant[place]:
        return told
    return f"{told} {_needs(mean, needed, summary.noun)}"


def _missed(summary: HeadSummary) -> str:
    """Which means these pairs could not have shown, since “in none” does not say."""
    known = summary.detectable[np.isfinite(summary.detectable) & (summary.detectable > 0)]
    if not len(known):
        return ""
    places, half = places_of(known), float(np.median(known))
    if summary.significant.any():
        only = "" if half > _farthest(summary) else "only "
        return f"In half of the heads, the study finds with 80 % probability {only}{_from(half, summary, places)}."
    most = _shown(summary)
    told = "This does not show that there is no effect: with 80 % probability the study finds"
    mine = f"{_from(float(summary.detectable[most]), summary, places)} in {most[0]}-{most[1]}"
    others = f", and {_from(half, summary, places)} in half of the heads." if len(known) > 1 else "."
    return f"{told} {mine}{others}"


def _from(least: float, summary: HeadSummary, places: int) -> str:
    """How large a mean must be to be found; NaN: none is found."""
    if not least <= _farthest(summary):
        return "no mean that is possible"
    return f"a mean of {number(max(least, 10.0**-places), places)} or more"


def _farthest(summary: HeadSummary) -> float:
    """The largest size that a mean can have."""
    return max(map(abs, summary.bounds))


def summary_table(summary: HeadSummary) -> pd.DataFrame:
    """The table of a summary, without the columns of a test if nothing is tested."""
    table = summary.table()
    if summary.tests:
        return table
    untested = ["p", "p_corrected", "wide_low", "wide_high", "detectable", "effect"]
    return table.drop(columns=untested).sort_values("mean", key=np.abs, ascending=False, ignore_index=True)


def power_sentence(
    n: int,
    sd: float,
    heads: int,
    effect: float | None = None,
    alpha: float = 0.05,
    noun: str = "pair",
    stretch: float = 1.0,
) -> str:
    """What n pairs can show among so many heads; with an `effect` also how many pairs it needs.

    `stretch`: how much larger a mean must be than with normal numbers.
    """
    least = stretch * detectable(n, sd, heads, alpha)
    test = f"({alpha * 100:g} %, corrected for {count(heads, 'head')}, standard deviation {_plain(sd)})"
    if math.isfinite(least):
        shown = _least(least, places_of(np.array([least])))
        told = f"{count(n, noun)} would show a mean of {shown} with 80 % probability {test}."
    else:
        told = f"{count(n, noun)} can show no mean, however large {test}: {fewest_pairs()} are needed."
    if effect is None:
        return told
    return f"{told} {_needs(effect, pairs_needed(effect, sd * stretch, heads, alpha), noun)}"


def _needs(effect: float, needed: int, noun: str) -> str:
    return f"A mean of {signed(effect, places_of(np.array([effect])))} needs {count(needed, noun)}."


def _least(value: float, places: int) -> str:
    """A bound, never printed as 0."""
    smallest = 10.0**-places
    return number(value, places) if value == 0 or value >= smallest / 2 else f"less than {number(smallest, places)}"


def _plain(value: SupportsFloat) -> str:
    """A number without a unit, in two digits: "1.9", "−.31"."""
    size = abs(float(value))
    return ("−" if float(value) < 0 else "") + number(
        size, 1 if size >= 1 else max(2, places_of(np.array([size])) - 1)
    )
