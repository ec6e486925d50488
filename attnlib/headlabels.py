"""What heads are called after what they do, with the evidence; and kinds of heads, by their whole profile."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage

from attnlib.errors import InputError
from attnlib.patternruns import HeadPatterns

STRONG = 0.35  # of the way from the baseline to 1: a head is called after this
PARTLY = 0.15  # the same, for “partly”
EVEN = 0.9  # of the largest entropy: more is even attention, where nothing else is a name
NAMES = 2  # patterns in one label, at most


class HeadName(NamedTuple):
    """What a head is called after."""

    how: str  # "" (strongly), "partly", "even" or "mixed"; or "none": there is no such head
    patterns: tuple[int, ...] = ()  # their numbers, the strongest first


def head_names(found: HeadPatterns) -> list[list[HeadName]]:
    """[layer][head]: the patterns that name it.

    A pattern names a head whose score is at least STRONG of the way from the baseline to 1, with an interval of the
    excess above 0; where none does, those of at least PARTLY name it partly. A head without any is even or mixed.
    """
    excess = found.score - found.baseline
    sure = np.nan_to_num(found.excess_reach, nan=np.inf) < excess
    strength = np.where(sure, np.nan_to_num(found.strength, nan=0.0), 0.0)
    even = found.of("uniform")
    strength[found.number("uniform")] = 0.0
    layers, heads = strength.shape[1:]
    return [
        [_name(strength[:, layer, head], float(even[layer, head])) for head in range(heads)]
        for layer in range(layers)
    ]


def _name(strength: Float[np.ndarray, " pattern"], even: float) -> HeadName:
    order = np.argsort(-strength, kind="stable").tolist()
    for how, enough in (("", STRONG), ("partly", PARTLY)):
        patterns = tuple(n for n in order if strength[n] >= enough)[:NAMES]
        if patterns:
            return HeadName(how, patterns)
    if np.isnan(even):
        return HeadName("none")
    return HeadName("even" if even >= EVEN else "mixed")


def head_labels(found: HeadPatterns) -> list[list[str]]:
    """[layer][head]: "previous token .93", "partly coreference .27", "even .95", "mixed"; empty: no such head."""
    return [
        [_label(found, name, layer, head) for head, name in enumerate(row)]
        for layer, row in enumerate(head_names(found))
    ]


def _label(found: HeadPatterns, name: HeadName, layer: int, head: int) -> str:
    if name.how == "even":
        return evidence(found, "uniform", layer, head)
    if not name.patterns:
        return "mixed" if name.how == "mixed" else ""
    told = ", ".join(evidence(found, found.names[n], layer, head) for n in name.patterns)
    return f"{name.how} {told}".strip()


def evidence(found: HeadPatterns, name: str, layer: int, head: int) -> str:
    """ "previous token .93" """
    n = found.number(name)
    return f"{found.patterns[n].title} {short_number(float(found.score[n, layer, head]))}"


def short_number(value: float) -> str:
    """.93, −.05, 1.00, 12.3: as tables of scores print them."""
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}".replace("-", "−").replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"


def number(value: float) -> str:
    """Two digits that count: .0042, .13, 1.27."""
    if value and abs(value) < 0.1:
        digits = min(6, 1 - int(np.floor(np.log10(abs(value)))))
        return f"{value:.{digits}f}".replace("0.", ".", 1)
    return short_number(value)


class NamedHead(NamedTuple):
    """One of the heads that a pattern names."""

    layer: int
    head: int
    score: float
    partly: bool


def named_heads(found: HeadPatterns) -> dict[str, list[NamedHead]]:
    """The heads called after each pattern (its title), the strongest first; the pattern of most heads first.

    "even" is one; heads that are mixed are left out.
    """
    groups: dict[str, list[NamedHead]] = {}
    for layer, row in enumerate(head_names(found)):
        for head, name in enumerate(row):
            numbers = (found.number("uniform"),) if name.how == "even" else name.patterns[:1]
            for n in numbers:
                one = NamedHead(layer, head, float(found.score[n, layer, head]), name.how == "partly")
                groups.setdefault(found.patterns[n].title, []).append(one)
    for heads in groups.values():
        heads.sort(key=lambda one: (one.partly, -one.score))
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def pattern_finding(found: HeadPatterns, name: str) -> str:
    """Which head does this most, how surely, and how many do it at all."""
    n = found.number(name)
    pattern, score = found.patterns[n], found.score[n]
    if np.isnan(score).all():
        return f"No text has an occasion for “{pattern.title}”."
    layer, head = (int(i) for i in np.unravel_index(np.nanargmax(score), score.shape))
    reach = found.reach[n, layer, head]
    unit = f" {pattern.unit}" if pattern.unit else ""
    told = f"Head {layer}-{head} has the highest: {short_number(float(score[layer, head]))}{unit}"
    if np.isfinite(reach):
        told += f" ± {number(float(reach))}"
    told += f" over {found.texts[n]:,} texts"
    if pattern.name == "uniform":
        return f"{told} (1: all tokens alike)."
    what = "other tokens give to the same distance" if pattern.name == "coreference" else "attention without a choice"
    told += f" ({what}: {short_number(float(found.baseline[n, layer, head]))})."
    if not pattern.share:
        return told
    called = sum(n in name.patterns for row in head_names(found) for name in row)
    heads = "One head is" if called == 1 else f"{called} heads are" if called else "No head is"
    return f"{told} {heads} called after it, or partly."


# ---------------------------------------------------------------------------------------------- kinds of heads


@dataclass(frozen=True, eq=False)
class HeadClusters:
    """Heads that do alike, and a map of all: near each other where their profiles are."""

    number: Int[np.ndarray, "layer head"]  # of the cluster, from 0, the largest first; −1: there is no such head
    titles: tuple[str, ...]  # of each cluster: the patterns in which it is furthest above the other heads
    x: Float[np.ndarray, "layer head"]  # along the first principal component of the profiles
    y: Float[np.ndarray, "layer head"]  # along the second
    explained: tuple[float, float]  # share of the variance along each


def head_clusters(found: HeadPatterns, count: int) -> HeadClusters:
    """Group heads by their profile: Ward's method on the strengths of all patterns and the evenness.

    Raises InputError where there are fewer heads than clusters.
    """
    names = [n for n, pattern in enumerate(found.patterns) if pattern.share]
    whole = np.stack([found.score[n] if found.names[n] == "uniform" else found.strength[n] for n in names])
    there = np.isfinite(found.of("uniform")) if "uniform" in found.names else np.isfinite(whole).any(0)
    profiles = np.nan_to_num(whole[:, there]).T  # [head, pattern]
    if not 1 <= count <= len(profiles):
        raise InputError(f"{len(profiles)} heads cannot stand in {count} groups. Choose from 1 to {len(profiles)}.")
    raw = fcluster(linkage(profiles, "ward"), count, "maxclust") if len(profiles) > 1 else np.ones(1, int)
    order = sorted(set(raw.tolist()), key=lambda one: (-int((raw == one).sum()), int(np.argmax(raw == one))))
    members = np.array([order.index(one) for one in raw.tolist()])
    titles = [_title(found, names, profiles, members == one) for one in range(len(order))]
    number = np.full(there.shape, -1)
    number[there] = members
    return HeadClusters(number, tuple(titles), *_map(profiles, there))


def _title(
    found: HeadPatterns,
    names: list[int],
    profiles: Float[np.ndarray, "head pattern"],
    mine: np.ndarray,
) -> str:
    """The one or two patterns in which a group is most above the other heads."""
    above = profiles[mine].mean(0) - profiles[~mine].mean(0) if (~mine).any() else profiles.mean(0)
    order = np.argsort(-above, kind="stable")[:NAMES].tolist()
    chosen = [n for n in order if above[n] >= above[order[0]] / 2]
    return ", ".join(found.patterns[names[n]].title for n in chosen)


def _map(
    profiles: Float[np.ndarray, "head pattern"], there: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """The first two principal components, with the sign in which the largest loading is positive."""
    centred = profiles - profiles.mean(0)
    left, sizes, loadings = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(np.take_along_axis(loadings, np.abs(loadings).argmax(1)[:, None], 1)[:, 0])
    points = left * sizes * np.where(signs == 0, 1, signs)
    points = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))
    total = float((sizes**2).sum()) or 1.0
    shares = [*(sizes**2 / total).tolist(), 0.0, 0.0]
    maps = [np.full(there.shape, np.nan) for _ in range(2)]
    for axis, values in enumerate(maps):
        values[there] = points[:, axis]
    return maps[0], maps[1], (shares[0], shares[1])
