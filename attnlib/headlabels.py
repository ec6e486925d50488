"""What heads are called after what they do, with the evidence; and kinds of heads, by their whole profile."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage

from attnlib.errors import InputError
from attnlib.patternruns import HeadPatterns

ENOUGH = 0.35  # of the way from the baseline to 1: less is no name
EVEN = 0.9  # of the largest entropy: more is even attention, where nothing else is a name
NAMES = 2  # patterns in one label, at most


def head_labels(found: HeadPatterns) -> list[list[str]]:
    """[layer][head]: "previous token .93", the strongest two of what a head does; empty where nothing is strong.

    A pattern names a head whose score is at least ENOUGH of the way from the baseline to 1, with an interval of the
    excess above 0. A head that does nothing of this and looks at all tokens alike is called even.
    """
    excess = found.score - found.baseline
    sure = np.nan_to_num(found.excess_reach, nan=np.inf) < excess
    strength = np.where(sure, np.nan_to_num(found.strength, nan=0.0), 0.0)
    if "uniform" in found.names:
        strength[found.number("uniform")] = 0.0
    layers, heads = strength.shape[1:]
    return [[_label(found, strength, layer, head) for head in range(heads)] for layer in range(layers)]


def _label(found: HeadPatterns, strength: Float[np.ndarray, "pattern layer head"], layer: int, head: int) -> str:
    mine = strength[:, layer, head]
    strong = [n for n in np.argsort(-mine, kind="stable").tolist() if mine[n] >= ENOUGH][:NAMES]
    if strong:
        return ", ".join(evidence(found, found.names[n], layer, head) for n in strong)
    if "uniform" in found.names and found.of("uniform")[layer, head] >= EVEN:
        return evidence(found, "uniform", layer, head)
    return ""


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


def named_heads(found: HeadPatterns) -> list[tuple[str, list[tuple[int, int]]]]:
    """Each pattern with the heads it names first, the strongest first; the pattern of most heads comes first."""
    groups: dict[str, list[tuple[float, int, int]]] = {}
    for layer, row in enumerate(head_labels(found)):
        for head, label in enumerate(row):
            if label:
                title, score = label.split(", ")[0].rsplit(" ", 1)
                groups.setdefault(title, []).append((-float(score), layer, head))
    named = [(title, [(layer, head) for _, layer, head in sorted(heads)]) for title, heads in groups.items()]
    return sorted(named, key=lambda group: -len(group[1]))


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
    strong = int((np.nan_to_num(found.strength[n]) >= ENOUGH).sum())
    return (
        f"{told} {'One head is' if strong == 1 else f'{strong} heads are' if strong else 'No head is'} named by it."
    )


# ---------------------------------------------------------------------------------------------- kinds of heads


@dataclass(frozen=True, eq=False)
class HeadClusters:
    """Heads that do alike, and a map of all: near each other where their profiles are."""

    number: Int[np.ndarray, "layer head"]  # of the cluster, from 0, the largest first; −1: there is no such head
    titles: tuple[str, ...]  # of each cluster: the pattern in which it is furthest above the other heads
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
    above = profiles[mine].mean(0) - profiles[~mine].mean(0) if (~mine).any() else profiles.mean(0)
    return found.patterns[names[int(np.argmax(above))]].title


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
