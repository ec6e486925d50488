"""Caveats to a study's headline, in sentences: units, signs, odds, and pairs or words that say nothing.

Not here: the headline, and what so many pairs could have shown (findings.py).
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float

from attnlib.comparison.untrained import Untrained
from attnlib.effects.findings import figures
from attnlib.model.sources import twin_of
from attnlib.model.token_notes import DEMO, ENOUGH, known_in, listed
from attnlib.stats.summaries import HeadSummary
from attnlib.study.basis import Basis
from attnlib.study.results import Study
from attnlib.wording import count, largest, number, places_of, signed

NO_SHIFT = "G cannot be measured"  # how such a remark begins (comparison/many.py)
LARGE_SIZE = 0.1  # a mean |G| from which a mean near 0 is odd


def basis_notes(basis: Basis) -> str:
    """What a reader must know about the units; empty if the pairs name them and there is no problem."""
    units, told = basis.units, []
    if units.found:
        joined = f", and those that share a word were joined ({units.joined:,} before)" if units.joined else ""
        told.append(f"The pairs do not say which belong together; here those with the {units.name} do{joined}.")
    if units.blank:
        have, each = ("has", "it counts") if units.blank == 1 else ("have", "each counts")
        told.append(f"{count(units.blank, 'pair')} {have} no {units.name}, so {each} by itself.")
    if units.shared:
        word, times = units.shared
        told.append(
            f"Units share words (“{word}” is in {times:,} of {units.count:,}), so they are less independent than "
            "intervals and tests assume."
        )
    if basis.left_out:
        told.append(f"{count(basis.left_out, 'pair')} on neither side of the contrast left out.")
    if basis.one_target:
        told.append(f"{count(basis.one_target, 'pair')} with one target left out, because others have two.")
    if basis.labels:
        told.append(
            f"The column contrast has {count(len(basis.labels), 'label')} ({', '.join(basis.labels[:4])}), but a "
            "contrast needs exactly two, so there is none. Leave the cell empty in pairs that are on neither side."
        )
    return " ".join(told)


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
        f"On average {odds} in B are {figures(ratio)} times as high as with the attention of {head} taken from A "
        f"{less}."
    )


def candidates_of(table: pd.DataFrame) -> tuple[str, str] | None:
    """The candidate words of A and of B, if all pairs that name some have the same; otherwise None."""
    named = table[["candidate_a", "candidate_b"]].dropna().drop_duplicates()
    return None if len(named) != 1 else (str(named.iloc[0, 0]).strip(), str(named.iloc[0, 1]).strip())


def sign_sentence(table: pd.DataFrame, basis: Basis, value: float) -> str:
    """What the sign of a target shift means, in the words of the pairs."""
    groups = table["group"].fillna("").unique()
    a, _, b = (groups[0] if len(groups) == 1 else "").partition("/")
    change = f"With “{b}” instead of “{a}”" if a and b else "With prompt B instead of prompt A"
    if not value:
        return ""
    if basis.contrast is not None:
        less, more = basis.contrast if value < 0 else basis.contrast[::-1]
        return f"{change}, attention to the target falls more (or rises less) in {less} than in {more} pairs."
    first, second = _target_names(table)
    one, other = (first, second) if value < 0 else (second, first)
    return f"{change} attention goes from {one} to {other}."


def _target_names(table: pd.DataFrame) -> tuple[str, str]:
    """What the two targets are called: their column, where one has them in all pairs, or their place."""
    roles = target_roles(table)
    names = [f"the {role.replace('_', '-')} word" if role else "" for role in roles]
    return names[0] or "the first target", names[1] or "the second target"


def target_roles(table: pd.DataFrame) -> tuple[str, str]:
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
        "The targets have the same roles in every pair, so something else determines the sign: perhaps which of them "
        "the "
        "prompt names first."
        if all(roles)
        else "One possible reason is the order of the targets: name them in the same roles in every pair (the "
        "female-typed one first, say), by what they are and not by how the pair turns out."
    )
    return (
        f"Head {place[0]}-{place[1]} moves by {number(size)} on average if the sign is ignored{beside}, but only by "
        f"{signed(summary.mean[place])} if it is not: its sign differs from pair to pair. {why}"
    )


def twin_sizes(study: Study, statistic: str, model: str) -> tuple[str, Float[np.ndarray, "layer head"]] | None:
    """The twin of a demo model and how far its heads move, if it is in the study."""
    twin = twin_of(model)
    return None if twin is None or twin not in study.models else (twin, study.sizes(statistic, twin))


def unmeasured_sentence(table: pd.DataFrame) -> str:
    """In how many pairs the target shift cannot be measured, and why in the first of them."""
    remarks = table["remark"].fillna("")
    remarks = remarks[remarks.str.startswith(NO_SHIFT)]
    if remarks.empty:
        return ""
    why, many = remarks.iloc[0].removeprefix(f"{NO_SHIFT}: "), len(remarks) > 1
    of = f"In {len(remarks):,} of {count(len(table), 'pair')} the target shift cannot be measured"
    return f"{of}{'. In the first of them, ' if many else ': '}{why}"


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


def with_known_words(prompts: Sequence[tuple[str, str]], headline: str, rest: Sequence[str]) -> list[str]:
    """The sentences with a warning if a demo model does not know enough words: first if that is so in most pairs."""
    strange, names = _strange(tuple(prompts))
    if not strange:
        return [headline, *rest]
    of = f"{strange:,} of {count(len(prompts), 'pair')}"
    told = f"{DEMO}; in {of} it knows fewer than {ENOUGH * 100:g} % of the words (not {names})"
    if 2 * strange > len(prompts):
        return [f"{told}, and what it does there is noise.", headline, *rest]
    return [headline, *rest, f"{told}."]


@lru_cache(maxsize=2)  # a page asks again and again, and 50,000 pairs take seconds
def _strange(prompts: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """In how many pairs a demo model does not know enough words, and some of them."""
    strange = [known for known in (known_in(*both) for both in prompts) if not known.enough]
    return len(strange), listed([name for known in strange for name in known.unknown])
