"""What heads are called after what they do, with the evidence; and kinds of heads, by their whole profile."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, linkage

from attnlib.behaviour.head_patterns import HeadPatterns
from attnlib.behaviour.patterns import CHOICES, COREFERENCE, MEANT, REPEATED_WORDS, RESOLVED, TO_PERSON, Choice
from attnlib.errors import InputError
from attnlib.stats.resampling import FEWEST_UNITS
from attnlib.wording import short_number, signed_digits, two_digits

STRONG = 0.35  # of the way from the baseline to 1: a head is called after this
WEAK = 0.15  # of the way: a weak pattern, named as such if there is no stronger one
# Heads with random weights look at tokens that stand out, such as the first: what it takes to look there more than
# they do (over 120 models; docs/patterns.md has the table). In all other patterns they stay below WEAK.
OUTSTANDING = {"first": 0.6, "special": 0.6, "punctuation": 0.4, "self": 0.2}
RELATION = 0.4  # of patterns by example, which may be about a word that stands out
EVEN = 0.9  # of the largest entropy: more is even attention, where nothing else is a name
NAMES = 2  # patterns in one label, at most
UNCLEAR = "no clear pattern"


class HeadName(NamedTuple):
    """What a head is named after."""

    how: str  # "" (strongly), "weak", "even" or "unclear"; "unknown": too few texts; "none": there is no such head
    patterns: tuple[int, ...] = ()  # their numbers, the strongest first


def head_names(found: HeadPatterns) -> list[list[HeadName]]:
    """[layer][head]: the patterns that name it.

    A pattern names a head whose score is at least STRONG of the way from the baseline to 1, if the interval of the
    excess lies above 0; if there is none, patterns of at least WEAK name it, with the word “weak”. Patterns in which
    heads with random weights go further ask for more (OUTSTANDING), and so does coreference (`resolved`). Other heads
    attend evenly or show no clear pattern.
    """
    strength = _naming_strength(found)
    even, known = found.of("uniform"), found.texts[found.number("uniform")] >= FEWEST_UNITS
    layers, heads = strength.shape[1:]
    return [
        [_name(strength[:, layer, head], float(even[layer, head]), bool(known)) for head in range(heads)]
        for layer in range(layers)
    ]


def _naming_strength(found: HeadPatterns) -> Float[np.ndarray, "pattern layer head"]:
    """How far each head is from the baseline to 1, where that may name it; else 0."""
    sure = sides(found) > 0
    strength = np.where(sure, np.nan_to_num(found.strength, nan=0.0), 0.0)
    for n, pattern in enumerate(found.patterns):
        least = RELATION if pattern.name.startswith("relation ") else OUTSTANDING.get(pattern.name, 0.0)
        strength[n] = np.where((strength[n] >= least) & pattern.names, strength[n], 0.0)
    if COREFERENCE.name in found.names:
        choices = np.sum([resolved(found, choice) for choice in CHOICES], 0)
        strength[found.number(COREFERENCE.name)] *= choices >= RESOLVED
        person, thing = (sides(found)[found.number(MEANT[meant].name)] for meant in ("person", "thing"))
        strength[found.number(TO_PERSON.name)] *= (person > 0) & (thing < 0)
    return strength


def sides(found: HeadPatterns) -> Int[np.ndarray, "pattern layer head"]:
    """1 if the 95 % interval of score − baseline lies above 0, −1 if below, 0 if neither."""
    excess, reach = found.score - found.baseline, np.nan_to_num(found.excess_reach, nan=np.inf)
    return (excess > reach).astype(int) - (excess < -reach)


def resolved(found: HeadPatterns, choice: Choice) -> np.ndarray:
    """Whether a head finds the word meant, whichever of the two that is [layer, head]; judged by intervals."""
    both = [sides(found)[found.number(MEANT[meant].name)] > 0 for meant in choice.meant]
    return both[0] & both[1]


def _name(strength: Float[np.ndarray, " pattern"], even: float, known: bool) -> HeadName:
    order = np.argsort(-strength, kind="stable").tolist()
    for how, enough in (("", STRONG), ("weak", WEAK)):
        patterns = tuple(n for n in order if strength[n] >= enough)[:NAMES]
        if patterns:
            return HeadName(how, patterns)
    if np.isnan(even):
        return HeadName("none" if known else "unknown")
    if not known:
        return HeadName("unknown")
    return HeadName("even" if even >= EVEN else "unclear")


def head_labels(found: HeadPatterns) -> list[list[str]]:
    """[layer][head]: "previous token .93", "weak induction .27", "even attention .95" or UNCLEAR; empty: not "
    "known."""
    return [
        [_label(found, name, layer, head) for head, name in enumerate(row)]
        for layer, row in enumerate(head_names(found))
    ]


def _label(found: HeadPatterns, name: HeadName, layer: int, head: int) -> str:
    if name.how == "even":
        return evidence(found, "uniform", layer, head)
    if not name.patterns:
        return UNCLEAR if name.how == "unclear" else ""
    told = ", ".join(evidence(found, found.names[n], layer, head) for n in name.patterns)
    return f"{name.how} {told}".strip()


def evidence(found: HeadPatterns, name: str, layer: int, head: int) -> str:
    """ "previous token .93" """
    n = found.number(name)
    return f"{found.patterns[n].title} {short_number(float(found.score[n, layer, head]))}"


class NamedHead(NamedTuple):
    """One of the heads that a pattern names."""

    layer: int
    head: int
    score: float
    weak: bool


def named_heads(found: HeadPatterns) -> dict[str, list[NamedHead]]:
    """The heads called after each pattern (its title), the strongest first; the pattern of most heads first.

    Even attention is one of them; heads without a clear pattern are left out.
    """
    groups: dict[str, list[NamedHead]] = {}
    for layer, row in enumerate(head_names(found)):
        for head, name in enumerate(row):
            numbers = (found.number("uniform"),) if name.how == "even" else name.patterns[:1]
            for n in numbers:
                one = NamedHead(layer, head, float(found.score[n, layer, head]), name.how == "weak")
                groups.setdefault(found.patterns[n].title, []).append(one)
    for heads in groups.values():
        heads.sort(key=lambda one: (one.weak, -one.score))
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def pattern_finding(found: HeadPatterns, name: str) -> str:
    """Which head shows the pattern most, how certain that is, and how many heads show it at all."""
    n = found.number(name)
    pattern, score = found.patterns[n], found.score[n]
    if np.isnan(score).all():
        return f"The pattern “{pattern.title}” cannot occur in any of these texts."
    layer, head = (int(i) for i in np.unravel_index(np.nanargmax(score), score.shape))
    reach, texts = found.reach[n, layer, head], int(found.texts[n])
    unit = f" {pattern.unit}" if pattern.unit else ""
    told = f"Head {layer}-{head} has the highest: {short_number(score[layer, head])}{unit}"
    if np.isfinite(reach):
        told += f" ± {two_digits(reach)}"
    told += f" over {texts:,} text{'' if texts == 1 else 's'}"
    if pattern.name == "uniform":
        told += " (1: every token gets the same)."
    else:
        told += f" ({pattern.held_against}: {short_number(float(found.baseline[n, layer, head]))})."
    if texts < FEWEST_UNITS:
        return f"{told} With fewer than {FEWEST_UNITS} texts there is no interval, so no head is named after it."
    return f"{told} {_called(found, n)}".strip()


def unnamed_finding(found: HeadPatterns) -> str:
    """How many heads no pattern names, and why; empty where all have names."""
    names = [name.how for row in head_names(found) for name in row]
    unclear, unknown = names.count("unclear"), names.count("unknown")
    if unknown:
        heads = "One head has" if unknown == 1 else f"{unknown} heads have"
        return f"{heads} no name: naming takes at least {FEWEST_UNITS} texts."
    if not unclear:
        return ""
    heads = "One head shows" if unclear == 1 else f"{unclear} heads show"
    return f"{heads} {UNCLEAR}: none is much above its baseline, or above what heads with random weights reach."


def _called(found: HeadPatterns, n: int) -> str:
    """How many heads a pattern names."""
    if not found.patterns[n].names:
        return ""
    called = sum(n in name.patterns for row in head_names(found) for name in row)
    heads = "One head is" if called == 1 else f"{called} heads are" if called else "No head is"
    told = f"{heads} named after it."
    if found.patterns[n].name == REPEATED_WORDS[0].name and found.model.startswith("demo/"):
        told += " The model card also has the score on nouns that the training corpus repeats."
    return told


def coreference_findings(found: HeadPatterns, layer: int, head: int) -> list[str]:
    """What a head does with each choice that a pronoun decides, one sentence for each that was measured."""
    return [
        sentence
        for choice in CHOICES
        if MEANT[choice.meant[0]].name in found.names and (sentence := _choice_finding(found, choice, layer, head))
    ]


def _choice_finding(found: HeadPatterns, choice: Choice, layer: int, head: int) -> str:
    numbers = [found.number(MEANT[meant].name) for meant in choice.meant]
    excess = [float(found.score[n, layer, head] - found.baseline[n, layer, head]) for n in numbers]
    if not np.isfinite(excess).all():
        return ""
    told = ", ".join(f"{found.patterns[n].title} {_more(found, n, layer, head)}" for n in numbers)
    first, second = (int(sides(found)[n, layer, head]) for n in numbers)
    verdicts = {
        (1, 1): "finds the word meant",
        (1, -1): f"looks at {choice.called[0]}, whichever is meant",
        (-1, 1): f"looks at {choice.called[1]}, whichever is meant",
    }
    return f"{choice.about}: {verdicts.get((first, second), 'not shown to find the word meant')} ({told})"


def _more(found: HeadPatterns, n: int, layer: int, head: int) -> str:
    """+.35 ± .048: score − baseline with half its interval, where there is one."""
    excess, reach = (float(x[n, layer, head]) for x in (found.score - found.baseline, found.excess_reach))
    return signed_digits(excess) + (f" ± {two_digits(reach)}" if np.isfinite(reach) else "")


# ---------------------------------------------------------------------------------------------- kinds of heads


@dataclass(frozen=True, eq=False)
class HeadClusters:
    """Heads that behave alike, and a map of all heads: close together if their profiles are similar."""

    number: Int[np.ndarray, "layer head"]  # of the cluster, from 0, the largest first; −1: there is no such head
    titles: tuple[str, ...]  # of each cluster: the patterns in which it is furthest above the other heads
    x: Float[np.ndarray, "layer head"]  # along the first principal component of the profiles
    y: Float[np.ndarray, "layer head"]  # along the second
    explained: tuple[float, float]  # share of the variance along each


def head_clusters(found: HeadPatterns, count: int) -> HeadClusters:
    """Group heads by their profile: Ward's method on the strengths of all patterns and the evenness.

    Raises InputError where there are fewer heads than clusters.
    """
    names = [n for n, pattern in enumerate(found.patterns) if pattern.names or pattern.name == "uniform"]
    whole = np.stack([found.score[n] if found.names[n] == "uniform" else found.strength[n] for n in names])
    there = np.isfinite(found.of("uniform")) if "uniform" in found.names else np.isfinite(whole).any(0)
    profiles = np.nan_to_num(whole[:, there]).T  # [head, pattern]
    if not 1 <= count <= len(profiles):
        raise InputError(f"{len(profiles)} heads cannot form {count} groups. Choose from 1 to {len(profiles)}.")
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
