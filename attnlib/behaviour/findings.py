"""What the dimensions of a head do, in plain words."""

import numpy as np
from jaxtyping import Float

from attnlib.behaviour.head_profile import HeadProfile, strongest_dimensions
from attnlib.behaviour.silencing import MEASURES, Remaining, Silenced
from attnlib.stats.resampling import FEWEST_UNITS
from attnlib.wording import p_value, percent, signed_digits, two_digits


def distance_finding(profile: HeadProfile) -> str:
    """Whether the head's score falls with distance, and which dimensions cause that."""
    told = f"Over {profile.texts:,} texts, the score changes by {signed_digits(profile.slope)}"
    if profile.texts < FEWEST_UNITS:
        return f"{told} per token of distance; there are too few texts for an interval."
    told += f" ± {two_digits(profile.slope_reach)} per token of distance"
    if not abs(profile.slope) > profile.slope_reach:
        return f"{told}: as a whole this head prefers neither near nor far tokens, although single dimensions may."
    first = profile.strongest(3)
    what = "near" if profile.slope < 0 else "far"
    parts = ", ".join(f"{d} ({percent(profile.shares[d], sign=True)})" for d in first)
    return f"{told}: this head prefers {what} tokens. Dimensions {parts} contribute most to that."


def class_finding(profile: HeadProfile, name: str) -> str:
    """How the head and its strongest dimensions react to a word class."""
    values, reach = profile.reaction(name), profile.reactions_reach[profile.classes.index(name)]
    sure = int((np.abs(values) > reach).sum())
    order = strongest_dimensions(values, 3)
    known = f"{sure} of {len(values)} have an interval that excludes 0 (not corrected)"
    if profile.texts < FEWEST_UNITS:
        known = f"{profile.texts} text{'s' * (profile.texts != 1)}, too few for intervals"
    parts = ", ".join(f"{d} ({signed_digits(float(values[d]))})" for d in order)
    return (
        f"To words of the class “{name}” the head's score is {signed_digits(values.sum())} above other words at the "
        f"same distance. Dimensions {parts} react most; {known}."
    )


def carried_finding(found: Silenced) -> str:
    """How many dimensions carry how much of the difference."""
    mean, _ = found.carried_mean
    total = float(mean.sum())
    order = np.argsort(-np.sign(total) * mean, kind="stable")[:4].tolist()
    share = float(mean[order].sum() / total) if total else float("nan")
    two = any(len(pair.targets) > 1 for pair in found.pairs)
    score = "the score of the first target less that of the second" if two else "the score of the target"
    told = f"From A to B {score} changes by {signed_digits(total)}"
    told += f"; dimensions {', '.join(map(str, order))} account for {percent(share)} of it"
    chosen = "; ".join(", ".join(map(str, dimensions)) for dimensions in found.chosen)
    how = "Silenced, as given" if len(found.chosen) == 1 else "Silenced in each half, chosen on the other"
    overlap = " More than half are silenced, so random ones may include chosen ones." if found.overlapping else ""
    return f"{told}. {how}: {chosen}.{overlap}"


def remaining_finding(remaining: Remaining) -> str:
    """What remains, compared with random dimensions; as a share only if the difference itself is significant."""
    what = MEASURES[remaining.measure]
    told = f"{what[0].upper()}{what[1:]}: "
    if not np.isfinite(remaining.share):
        told += f"{signed_digits(remaining.before)}{_between(remaining.intervals[0])}, without the chosen dimensions "
        told += f"{signed_digits(remaining.found)}, without random ones {signed_digits(remaining.control)}."
        if remaining.units < FEWEST_UNITS:
            units = f"{remaining.units} unit{'s' * (remaining.units != 1)}"
            return f"{told} {units}: an interval needs at least {FEWEST_UNITS}."
        return f"{told} No significant difference: there is nothing that dimensions could be shown to carry."
    low, high = remaining.share_interval
    shares = f" [{percent(low)}, {percent(high)}]" if np.isfinite(low) else ""
    told += f"{percent(remaining.share)} remain{shares} without the chosen dimensions, "
    told += f"{percent(remaining.control / remaining.before)} without random ones."
    more = "more" if remaining.advantage >= 0 else "less"
    told += f" The chosen ones remove {two_digits(abs(remaining.advantage))} {more} than random ones"
    told += f"{_between(np.sort(np.sign(remaining.advantage or 1) * remaining.intervals[3]))}"
    if not np.isfinite(remaining.p):
        return f"{told} ({remaining.units} units)."
    told += f" ({p_value(remaining.p)}, {remaining.units} units)."
    if not remaining.p <= 0.05:
        told += " The two are not shown to differ."
    return told


def _between(interval: Float[np.ndarray, " 2"]) -> str:
    low, high = (float(end) for end in interval)
    return f" [{signed_digits(low)}, {signed_digits(high)}]" if np.isfinite(interval).all() else ""
