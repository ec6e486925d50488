"""Causal effects of heads on one pair in plain words, read as log odds ratios: both directions count alike."""

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from attnlib.comparison.findings import STILL
from attnlib.wording import largest, number, signed

if TYPE_CHECKING:
    from attnlib.effects.mediation import HeadEffects

LITTLE = 0.02  # a log odds ratio that is said to be none
NOT_SHARES = (
    "**Effects are not shares of a whole.** Heads work together and against each other, so the indirect effects of "
    "single heads do not add up to that of all heads, and indirect and direct effects do not add up to the total. An "
    "effect holds for this pair and these two words; “no effect” means that this head by itself changes nothing here."
)


def effects_finding(effects: "HeadEffects", moves: Float[np.ndarray, "layer head"], statistic: str) -> str:
    """The effects in plain words, beside how far each head's attention `moves` by a `statistic` of the comparison.

    A head that the headline of a comparison would call still does not move here either.
    """
    least = STILL[statistic.partition("_")[0]]
    moving = np.where(np.isfinite(moves) & (np.abs(moves) >= least), moves, 0)
    parts = [misfits(effects), _whole(effects), _heads(effects, moving)]
    return " ".join(part for part in parts if part)


def _whole(effects: "HeadEffects") -> str:
    first, second = effects.candidates
    total = float(effects.log("total"))
    odds = f"from {figures(effects.odds_a)} to {figures(effects.odds_b)}; log odds ratio {signed(total)}"
    told = f"Going from A to B multiplies the odds of “{second}” against “{first}” by {times(total)} ({odds})."
    if not np.isfinite(effects.indirect_all):
        return told
    every = float(effects.log("indirect_all"))
    does = f"by {times(every)}{_against(every, total)}"
    return f"{told} Taking the attention of all heads from B, with all else as in A, multiplies them {does}."


def _heads(effects: "HeadEffects", moves: Float[np.ndarray, "layer head"]) -> str:
    """Which head has the largest effect, and what the one that moves most does."""
    logs = effects.log("indirect")
    known = int(np.isfinite(logs).sum())
    if not known:
        return ""
    measured = "" if effects.done >= 1 else f"Of the {known} heads measured so far: " if known > 1 else "So far: "
    if np.nanmax(np.abs(logs)) < LITTLE:
        return f"{measured}No single head changes the odds by {number(100 * LITTLE, 0)} % or more."
    carrier = largest(logs)
    does = f"by {times(logs[carrier])}{_against(float(logs[carrier]), float(effects.log('total')))}"
    mover = _mover(logs, moves)
    name = f"Head {carrier[0]}-{carrier[1]}"
    if known == 1:
        return f"{measured}{name} by itself multiplies the odds {does}."
    if mover is None:
        return f"{measured}{name} has the largest effect: by itself it multiplies the odds {does}."
    if mover == carrier:
        told = f"{name} moves most and has the largest effect: by itself it multiplies the odds {does}."
    else:
        told = (
            f"Head {mover[0]}-{mover[1]} moves most and multiplies the odds by {times(logs[mover])}; "
            f"head {carrier[0]}-{carrier[1]} has the largest effect, {does}."
        )
    return " ".join(part for part in (measured + told, _idle(logs, moves, {carrier, mover})) if part)


def _mover(logs: np.ndarray, moves: np.ndarray) -> tuple[int, int] | None:
    """The head that moves most, of those whose effect is known; None where none moves."""
    sizes = np.where(np.isfinite(logs), np.abs(moves), 0)
    return largest(sizes) if sizes.any() else None


def _against(effect: float, total: float) -> str:
    """A remark on an effect whose sign is opposite to the total's, if neither is close to zero."""
    contrary = effect * total < 0 and min(abs(effect), abs(total)) >= LITTLE
    return ", opposite to the total effect" if contrary else ""


def _idle(logs: np.ndarray, moves: np.ndarray, known: set[tuple[int, int]]) -> str:
    """A head whose attention moves far while the odds hardly change."""
    moving = np.where(np.isfinite(logs), np.abs(moves), 0)
    sizes = np.where(np.abs(logs) < LITTLE, moving, 0)
    for place in known:
        sizes[place] = 0
    best = largest(sizes)
    if not sizes.any() or sizes[best] < 0.25 * moving.max():
        return ""
    return f"Head {best[0]}-{best[1]} also moves, but changes the odds by less than {number(100 * LITTLE, 0)} %."


def times(log_ratio: float) -> str:
    """A log odds ratio as the factor on the odds: "194", "4.00", ".0052"."""
    return figures(math.exp(min(float(log_ratio), 700.0)))


def figures(size: float) -> str:
    """A size above 0 in three figures: "1,940", "194", "4.00", ".0052"."""
    if not size or not math.isfinite(size):
        return "0" if not size else str(size)
    places = 2 - math.floor(math.log10(size))
    if places > 12:
        return f"{size:.2e}"
    return number(round(size, places), max(0, places)) if size < 1000 else f"{round(size, places):,.0f}"


def misfits(effects: "HeadEffects") -> str:
    """A sentence for each prompt in which neither candidate is likely; empty if there is none."""
    return " ".join(_misfit(effects, side) for side in effects.misfits)


def _misfit(effects: "HeadEffects", side: int) -> str:
    """A sentence saying that neither candidate is likely in a prompt, and which words are."""
    first, second = (
        f"“{word}” ({number(value, 6)})"
        for word, value in zip(effects.candidates, effects.probabilities[side], strict=True)
    )
    says = ", ".join(f"“{word.strip()}” ({number(value)})" for word, value in effects.says[side])
    return (
        f"The candidates do not fit prompt {'AB'[side]}: neither {first} nor {second} is likely there. "
        f"The model would say {says}."
    )
