"""What the dimensions of a head do, in plain words."""

import numpy as np
from jaxtyping import Float

from attnlib.headlabels import number
from attnlib.profiles import HeadProfile
from attnlib.resampling import FEWEST_UNITS
from attnlib.silencing import MEASURES, Remaining, Silenced


def distance_finding(profile: HeadProfile) -> str:
    """Whether the head's score falls with distance, and which dimensions make it."""
    told = (
        f"Over {profile.texts:,} texts, the score changes by {signed(profile.slope)} ± {number(profile.slope_reach)}"
    )
    told += " per token further away"
    if not abs(profile.slope) > profile.slope_reach:
        return f"{told}: as a whole this head prefers neither near nor far tokens, though single dimensions may."
    first = profile.strongest(3)
    what = "near" if profile.slope < 0 else "far"
    parts = ", ".join(f"{d} ({profile.shares[d]:+.0%})".replace("-", "−") for d in first)
    return f"{told}: this head prefers {what} tokens. Of that, dimensions {parts} make most."


def class_finding(profile: HeadProfile, name: str) -> str:
    """How the head and its strongest dimensions react to a word class."""
    values, reach = profile.reaction(name), profile.reactions_reach[profile.classes.index(name)]
    sure = int((np.abs(values) > reach).sum())
    order = largest(values, 3)
    parts = ", ".join(f"{d} ({signed(float(values[d]))})" for d in order)
    return (
        f"To words of the class “{name}” the head's score is {signed(float(values.sum()))} above other words as far "
        "away. "
        f"Most react dimensions {parts}; {sure} of {len(values)} have an interval without 0 (not corrected)."
    )


def carried_finding(found: Silenced) -> str:
    """How many dimensions carry how much of the difference."""
    mean, _ = found.carried_mean
    total = float(mean.sum())
    order = np.argsort(-np.sign(total) * mean, kind="stable")[:4].tolist()
    share = float(mean[order].sum() / total) if total else float("nan")
    two = any(len(pair.targets) > 1 for pair in found.pairs)
    score = "the score of the first target less that of the second" if two else "the score of the target"
    told = f"From A to B {score} changes by {signed(total)}"
    told += f"; dimensions {', '.join(map(str, order))} make {share:.0%} of it"
    chosen = "; ".join(", ".join(map(str, dimensions)) for dimensions in found.chosen)
    how = "Silenced, as given" if len(found.chosen) == 1 else "Silenced in each half, chosen on the other"
    return f"{told}. {how}: {chosen}."


def remaining_finding(remaining: Remaining) -> str:
    """What remains, beside random dimensions, and how surely."""
    what = MEASURES[remaining.measure]
    if not np.isfinite(remaining.p):
        told = f"{what[0].upper()}{what[1:]}: {signed(remaining.before)}, without the chosen dimensions "
        told += f"{signed(remaining.found)}, without random ones {signed(remaining.control)}"
        return f"{told}. An interval needs {FEWEST_UNITS} units or more, whose numbers differ."
    low, high = remaining.intervals[3]
    share_low, share_high = remaining.share_interval
    told = f"{what[0].upper()}{what[1:]}: {remaining.share:.0%} remain [{share_low:.0%}, {share_high:.0%}]"
    told += f" without the chosen dimensions, {remaining.control / remaining.before:.0%} without random ones"
    told += f". The chosen ones take {signed(remaining.advantage)} more [{signed(low)}, {signed(high)}]"
    told += f" (p = {remaining.p:.4f}, {remaining.units} units)."
    if not (low > 0 and remaining.p <= 0.05):
        told += " It is not shown that they take more than random ones do."
    return told


def largest(values: Float[np.ndarray, " head_dim"], count: int) -> list[int]:
    """The dimensions whose number is largest in size, the largest first."""
    return np.argsort(-np.abs(values), kind="stable")[:count].tolist()


def signed(value: float) -> str:
    """+.12, −.05"""
    return ("+" if value >= 0 else "−") + number(abs(value))
