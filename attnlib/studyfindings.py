"""A study in plain words: which heads move on average, how surely, and what its pairs could not have shown.

Not here: the words for one pair (findings.py).
"""

import math
from collections.abc import Sequence
from typing import SupportsFloat

import numpy as np
import pandas as pd
from jaxtyping import Float

from attnlib.effectfindings import figures
from attnlib.findings import largest, number, signed
from attnlib.pairunits import NO_UNIT
from attnlib.power import detectable, fewest_pairs, pairs_needed
from attnlib.resampling import FEWEST_UNITS
from attnlib.sources import twin_of
from attnlib.statistics import HeadSummary
from attnlib.studybasis import DISTANCE, Basis
from attnlib.studyresults import CARRIED, HEAD_STATISTICS, SHIFTS, Study
from attnlib.studyuntrained import untrained_heads
from attnlib.tokenization import DEMO, ENOUGH, is_demo, known_in, listed
from attnlib.untrained import Untrained

NO_SHIFT = "G cannot be measured"  # how such a remark begins (pairbatch.py)
LARGE_SIZE = 0.1  # a mean |G| from which a mean near 0 is odd


def study_finding(study: Study, statistic: str, model: str, unit: str | None, summary: HeadSummary) -> str:
    """What a study shows by one statistic in one model: what page, report and command line say alike.

    `summary` is that of the study, corrected over whatever is shown together.
    """
    return " ".join(part for part in study_sentences(study, statistic, model, unit, summary) if part)


def study_sentences(
    study: Study, statistic: str, model: str, unit: str | None, summary: HeadSummary
) -> tuple[str, str]:
    """The same in two parts: how many pairs and which heads move; what the sign means and what to bear in mind."""
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
        roles = _target_roles(table)
        order = order_sentence(summary, study.sizes(statistic, model), _twin_sizes(study, statistic, model), roles)
    if measured and statistic in SHIFTS and summary.significant.any() and not order:
        rest.append(sign_sentence(table, basis, float(summary.mean[_shown(summary)])))
    rest += [missed, basis_notes(basis), order, _unmeasured(table)]
    rest.append(untrained_sentence(summary, untrained_heads(study, statistic, model, unit)))
    rest.append(study.manifest["provenance"][model].get("layer_numbers", ""))
    if is_demo(model):
        words = list(zip(table["prompt_a"], table["prompt_b"], strict=True))
        headline, *rest = _with_known_words(words, headline, rest)
    return headline, " ".join(part for part in rest if part)


def _with_known_words(prompts: Sequence[tuple[str, str]], headline: str, rest: Sequence[str]) -> list[str]:
    """What a demo model can say of prompts whose words it does not know: first of all, where that is most of them."""
    strange = [known for known in (known_in(*both) for both in prompts) if not known.enough]
    if not strange:
        return [headline, *rest]
    names = listed([name for known in strange for name in known.unknown])
    of = f"{len(strange):,} of {_count(len(prompts), 'pair')}"
    told = f"{DEMO}; in {of} it knows fewer than {ENOUGH * 100:g} % of the words"
    if 2 * len(strange) > len(prompts):
        return [f"{told} (not {names}): what it does there is noise.", headline, *rest]
    return [headline, *rest, f"{told} (not {names})."]


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
        told = f"No pair has a number for {title}: nothing can be said."
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
    counted = _count(summary.pairs, summary.noun)
    if basis is not None:
        how = "counted one by one"
        if not basis.units.one_by_one:
            each = "each is a" if basis.pairs > 1 else "a"
            own = basis.pairs == summary.pairs
            how = f"{each} {summary.noun} of its own" if own else f"averaged to {counted}"
            how += _example(summary, basis)
        counted = f"{_count(basis.pairs, 'pair')}, {how}"
    least, most = (int(used.min()), int(used.max())) if len(used) else (0, 0)
    if least < most:
        told = f"{counted}, of which {least:,} to {most:,} have a number, depending on the head."
    elif 0 < most < summary.pairs:
        told = f"{counted}, of which {most:,} {'has' if most == 1 else 'have'} a number."
    else:
        told = f"{counted}."
    if summary.infinite:
        told += f" {_count(summary.infinite, 'infinite number')} left out."
    return told


def _example(summary: HeadSummary, basis: Basis) -> str:
    """The first unit that somebody named, where the noun does not say what units are."""
    written = [label for label in dict.fromkeys(basis.units.labels) if not label.endswith(NO_UNIT)]
    if summary.noun != "unit" or not written:
        return ""
    return f" ({written[0]}, …)" if summary.pairs > 1 else f" ({written[0]})"


def basis_notes(basis: Basis) -> str:
    """What a reader must know of the units; empty where somebody wrote them down and nothing is the matter."""
    units, told = basis.units, []
    if units.found:
        joined = f", and those that share a word were joined ({units.joined:,} before)" if units.joined else ""
        told.append(f"Nobody said which pairs belong together: those with the {units.name} do here{joined}.")
    if units.blank:
        have, each = ("has", "it counts") if units.blank == 1 else ("have", "each of them counts")
        told.append(f"{_count(units.blank, 'pair')} {have} no {units.name}: {each} by itself.")
    if units.shared:
        word, count = units.shared
        told.append(
            f"Units share words (“{word}” is in {count:,} of {units.count:,}): they are less independent than "
            "intervals and tests take them to be."
        )
    if basis.left_out:
        told.append(f"{_count(basis.left_out, 'pair')} on neither side of the contrast left out.")
    if basis.one_target:
        told.append(f"{_count(basis.one_target, 'pair')} with one target left out, because others have two.")
    if basis.labels:
        told.append(
            f"The column contrast has {_count(len(basis.labels), 'label')} ({', '.join(basis.labels[:4])}), and a "
            "contrast takes two: none is taken. Leave the cell empty in pairs that are on neither side."
        )
    return " ".join(told)


def _unmeasured(table: pd.DataFrame) -> str:
    """In how many pairs the target shift cannot be measured, and why in the first of them."""
    remarks = table["remark"].fillna("")
    remarks = remarks[remarks.str.startswith(NO_SHIFT)]
    if remarks.empty:
        return ""
    why, many = remarks.iloc[0].removeprefix(f"{NO_SHIFT}: "), len(remarks) > 1
    of = f"In {len(remarks):,} of {_count(len(table), 'pair')} the target shift cannot be measured"
    return f"{of}{'; in the first of them ' if many else ': '}{why}"


def sign_sentence(table: pd.DataFrame, basis: Basis, value: float) -> str:
    """What the sign of a target shift means, in the words of the pairs."""
    groups = table["group"].fillna("").unique()
    a, _, b = (groups[0] if len(groups) == 1 else "").partition("/")
    change = f"With “{b}” instead of “{a}”" if a and b else "With prompt B instead of prompt A"
    if not value:
        return ""
    if basis.contrast is not None:
        less, more = basis.contrast if value < 0 else basis.contrast[::-1]
        return f"{change}, attention to the target falls more (or rises less) where the pair is {less} than {more}."
    first, second = _target_names(table)
    one, other = (first, second) if value < 0 else (second, first)
    return f"{change} attention goes from {one} to {other}."


def _target_names(table: pd.DataFrame) -> tuple[str, str]:
    """What the two targets are called: their column, where one has them in all pairs, or their place."""
    roles = _target_roles(table)
    names = [f"the {role.replace('_', '-')} word" if role else "" for role in roles]
    return names[0] or "the first target", names[1] or "the second target"


def _target_roles(table: pd.DataFrame) -> tuple[str, str]:
    """The column that has the first target of every pair, and the second; empty where none has."""
    words = [table["targets"].fillna("").str.split("|").str[place] for place in (0, 1)]
    typed = [name for name in table.columns if name.endswith("_typed")]
    first, second = (next((name for name in typed if list(table[name]) == list(word)), "") for word in words)
    return first, second


def order_sentence(
    summary: HeadSummary,
    sizes: Float[np.ndarray, "layer head"],
    twin: tuple[str, Float[np.ndarray, "layer head"]] | None = None,
    roles: tuple[str, str] = ("", ""),
) -> str:
    """A warning where a head moves far and its mean is near 0: something in the pairs decides on the sign.

    `sizes` are means with the sign left aside, of the model and (with its name) of the twin in the same study.
    `roles` are what the targets are in every pair alike; empty where that is not known.
    """
    if summary.contrast or not np.isfinite(sizes).any():
        return ""
    place = largest(sizes)
    size, mean = float(sizes[place]), abs(float(summary.mean[place]))
    if size < LARGE_SIZE or not mean < size / 4:
        return ""
    beside = ""
    if twin is not None:
        name, theirs = twin
        over_all = number(float(np.nanmean(theirs)))
        beside = f" (in its twin {name} by {number(theirs[place])}, and by {over_all} on average over all heads)"
    why = (
        "The targets have the same roles in every pair, so that something else decides on the sign: perhaps which of "
        "them the prompt names first."
        if all(roles)
        else "Perhaps the order in which the targets are given: give them in the same roles in every pair (the "
        "female-typed one first, say), by what they are and not by how they come out."
    )
    return (
        f"Head {place[0]}-{place[1]} moves by {number(size)} on average with the sign left aside{beside}, and by "
        f"only {signed(summary.mean[place])} with it: its sign differs from pair to pair. {why}"
    )


def _twin_sizes(study: Study, statistic: str, model: str) -> tuple[str, Float[np.ndarray, "layer head"]] | None:
    """The twin of a demo model and how far its heads move, where it is in the study."""
    twin = twin_of(model)
    return None if twin is None or twin not in study.models else (twin, study.sizes(statistic, twin))


def untrained_sentence(summary: HeadSummary, copies: Untrained) -> str:
    """The head that moves most, beside those of untrained copies over the same pairs; empty where there are none."""
    if not len(copies) or not np.isfinite(summary.mean).any():
        return ""
    place = largest(summary.mean)
    value = abs(float(summary.mean[place]))
    places, reached = places_of(np.array([value, *copies.largest])), copies.as_large(value)
    span = number(copies.low, places) + (f" to {number(copies.high, places)}" if len(copies) > 1 else "")
    is_reached = "is reached" if reached or len(copies) > 1 else "is not reached"
    where = copies.name if len(copies) == 1 else f"{reached} of {copies.name}"
    return (
        f"The largest mean of any head, that of {place[0]}-{place[1]} ({number(value, places)} without its sign), "
        f"{is_reached} in {where} measured over the same pairs ({span}). This is a reference, not a test: there is "
        "no p."
    )


def candidates_of(table: pd.DataFrame) -> tuple[str, str] | None:
    """The candidate words of A and of B, where all pairs that name some have the same; None where not."""
    named = table[["candidate_a", "candidate_b"]].dropna().drop_duplicates()
    return None if len(named) != 1 else (str(named.iloc[0, 0]).strip(), str(named.iloc[0, 1]).strip())


def odds_sentence(statistic: str, place: tuple[int, int], summary: HeadSummary, words: tuple[str, str] | None) -> str:
    """A mean log odds ratio as a factor, and as the effect that is published: ratio − 1.

    `words`: the candidates that fit A and B; None where pairs have different ones.
    """
    ratio, head = math.exp(summary.mean[place]), f"{place[0]}-{place[1]}"
    odds = f"the odds of “{words[1]}” against “{words[0]}”" if words else "the odds of B’s candidate against A’s"
    less = f"(ratio − 1: {signed(ratio - 1)})"
    if statistic == "indirect":
        taken = f"the attention of {head} alone, taken from B"
        return f"On average {taken}, multiplies {odds} in A by {figures(ratio)} {less}."
    return (
        f"On average {odds} in B are {figures(ratio)} times those with the attention of {head} taken from A {less}."
    )


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
        alike = f" It is the same in each of the {_count(n, summary.noun)}, which count as one observation."
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
    how = f"step-down max-T over {summary.draws:,} draws" if summary.draws else "normal limit, corrected"
    test = f"({how}, {summary.alpha * 100:g} %, corrected over {_count(summary.tests, 'test')})"
    most, heads = _shown(summary), _count(int(np.isfinite(summary.p).sum()), "head")
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
    """From what a mean is shown to differ, or between what."""
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
        told.append(f"all at once [{signed(wide_low, places)}, {signed(wide_high, places)}]")
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
    needed = pairs_needed(mean, sd * stretch, summary.tests, summary.alpha)
    if needed <= n and not summary.significant[place]:
        return told
    return f"{told} {_needs(mean, needed, summary.noun)}"


def _missed(summary: HeadSummary) -> str:
    """What these pairs could not have shown, of which “in none” says nothing."""
    known = summary.detectable[np.isfinite(summary.detectable) & (summary.detectable > 0)]
    if not len(known):
        return ""
    places = places_of(known)
    half = f"from a mean of {_least_mean(float(np.median(known)), places)} on"
    if summary.significant.any():
        return f"Half of the heads would be shown, with 80 % probability, only {half}."
    most = _shown(summary)
    own = float(summary.detectable[most])
    told = "This does not show that there is no effect: with 80 % probability"
    if not math.isfinite(own) or own > max(map(abs, summary.bounds)):
        return f"{told} half of the heads would be shown {half}, and {most[0]}-{most[1]} by no mean that is possible."
    mine = f"{most[0]}-{most[1]} would be shown from a mean of {_least_mean(own, places)} on"
    return f"{told} {mine}, half of the heads {half}." if len(known) > 1 else f"{told} {mine}."


def _least_mean(value: float, places: int) -> str:
    """A bound, never written as nothing."""
    return number(max(value, 10.0**-places), places)


def summary_table(summary: HeadSummary) -> pd.DataFrame:
    """The table of a summary; without the columns of a test where nothing is tested."""
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
    test = f"({alpha * 100:g} %, corrected over {_count(heads, 'head')}, standard deviation {_plain(sd)})"
    if math.isfinite(least):
        shown = _least(least, places_of(np.array([least])))
        told = f"{_count(n, noun)} would show a mean of {shown} with 80 % probability {test}."
    else:
        told = f"{_count(n, noun)} can show no mean, however large {test}: {fewest_pairs()} are needed."
    if effect is None:
        return told
    return f"{told} {_needs(effect, pairs_needed(effect, sd * stretch, heads, alpha), noun)}"


def _needs(effect: float, needed: int, noun: str) -> str:
    return f"A mean of {signed(effect, places_of(np.array([effect])))} needs {_count(needed, noun)}."


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
