"""Names of heads with their evidence, kinds of heads, and sentences; figures of both."""

import numpy as np
import pytest

from attnlib.behaviour.charts import cluster_map, pattern_bars
from attnlib.behaviour.head_patterns import EXAMPLES, HeadPatterns
from attnlib.behaviour.labels import (
    NamedHead,
    head_clusters,
    head_labels,
    named_heads,
    pattern_finding,
    unnamed_finding,
)
from attnlib.behaviour.patterns import KNOWN
from attnlib.errors import InputError
from attnlib.wording import short_number, two_digits

NAMES = ("previous", "first", "uniform", "distance", "induction")


def found(scores: dict[str, list[list[float]]], baseline: float = 0.1, reach: float = 0.01) -> HeadPatterns:
    """A result with these scores, [layer][head]."""
    score = np.array([scores[name] for name in NAMES])
    there = np.where(np.isfinite(score), 1.0, np.nan)
    best = np.full((EXAMPLES, *score.shape), -1)
    return HeadPatterns(
        model="model",
        patterns=tuple(KNOWN[name] for name in NAMES),
        score=score,
        baseline=baseline * there,
        reach=reach * there,
        excess_reach=reach * there,
        texts=np.full(len(NAMES), 40),
        best=best,
        best_scores=np.full(best.shape, np.nan),
        examples={},
        read=40,
        cut=0,
        not_read=(),
    )


FOUND = found(
    {
        "previous": [[0.93, 0.12], [0.30, 0.05]],
        "first": [[0.02, 0.15], [0.70, 0.80]],
        "uniform": [[0.10, 0.95], [0.70, 0.30]],
        "distance": [[1.0, 9.0], [4.0, 5.0]],
        "induction": [[0.0, 0.0], [0.10, 0.66]],
    }
)


def test_a_head_is_named_by_what_it_does_most_with_the_evidence() -> None:
    assert head_labels(FOUND) == [
        ["previous token .93", "even attention .95"],
        ["first token .70", "first token .80, induction .66"],
    ]
    assert named_heads(FOUND) == {
        "first token": [NamedHead(1, 1, 0.8, False), NamedHead(1, 0, 0.7, False)],
        "previous token": [NamedHead(0, 0, 0.93, False)],
        "even attention": [NamedHead(0, 1, 0.95, False)],
    }


def test_a_head_that_does_a_little_is_named_with_the_word_weak() -> None:
    little = found({name: [[0.3, 0.15]] if name == "previous" else [[0.1, 0.1]] for name in NAMES})
    assert head_labels(little) == [["weak previous token .30", "no clear pattern"]]
    assert named_heads(little) == {"previous token": [NamedHead(0, 0, 0.3, True)]}


def test_what_is_not_sure_is_no_name() -> None:
    wide = found({name: [[0.9, 0.2]] if name == "previous" else [[0.0, 0.0]] for name in NAMES}, reach=0.85)
    assert head_labels(wide) == [["no clear pattern", "no clear pattern"]]
    assert named_heads(wide) == {}


def test_sentences() -> None:
    assert pattern_finding(FOUND, "previous") == (
        "Head 0-0 has the highest: .93 ± .010 over 40 texts (even attention: .10). One head is named after it."
    )
    assert "9.00 tokens ± .010" in pattern_finding(FOUND, "distance")
    assert "1: every token gets the same" in pattern_finding(FOUND, "uniform")
    nothing = found({name: [[np.nan]] for name in NAMES})
    assert pattern_finding(nothing, "induction") == "The pattern “induction” cannot occur in any of these texts."
    with pytest.raises(InputError, match="The pattern x was not measured"):
        pattern_finding(FOUND, "x")


def test_numbers() -> None:
    assert [short_number(x) for x in (0.934, -0.05, 0.999, 12.345, 0.0)] == [".93", "−.05", "1.00", "12.3", ".00"]
    assert [two_digits(x) for x in (0.0042, 0.13, 1.27, 0.0)] == [".0042", ".13", "1.27", ".00"]


def test_heads_that_do_alike_are_one_kind() -> None:
    clusters = head_clusters(FOUND, 3)
    assert clusters.number.tolist() == [[1, 0], [0, 2]]  # 0-1 and 1-0 both are rather even; the largest comes first
    assert clusters.titles == ("even attention", "previous token", "induction, first token")
    assert 0 < clusters.explained[1] <= clusters.explained[0] <= 1
    assert np.isfinite(clusters.x).all()
    for wrong in (0, 5):
        with pytest.raises(InputError, match="4 heads cannot form"):
            head_clusters(FOUND, wrong)


def test_a_layer_with_fewer_heads() -> None:
    ragged = found({name: [[0.5, 0.2], [0.1, np.nan]] for name in NAMES})
    assert head_labels(ragged)[1] == ["no clear pattern", ""]
    clusters = head_clusters(ragged, 2)
    assert clusters.number[1, 1] == -1
    assert np.isnan(clusters.x[1, 1])
    assert len(cluster_map(clusters).data) == 2


def test_figures() -> None:
    bars, marks = pattern_bars(FOUND, 1, 1).data
    shown = [name for name in NAMES if name != "distance"]
    assert list(bars.x) == [FOUND.of(name)[1, 1] for name in reversed(shown)]
    assert list(marks.x) == [0.1] * 4
    points = [point for trace in cluster_map(head_clusters(FOUND, 2), (1, 0)).data for point in trace.customdata]
    assert sorted(points) == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_what_random_weights_do_as_well_is_no_name() -> None:
    """They go .51 of the way to the first token (docs/patterns.md); of nothing but such tokens is more asked."""
    some = found({name: [[0.6, 0.5]] if name == "first" else [[0.0, 0.0]] for name in NAMES})
    assert head_labels(some) == [["no clear pattern", "no clear pattern"]]
    assert unnamed_finding(some).startswith("2 heads show no clear pattern: none is much above its baseline")
    induction = found({name: [[0.3, 0.5]] if name == "induction" else [[0.0, 0.0]] for name in NAMES})
    assert head_labels(induction) == [["weak induction .30", "induction .50"]]
    assert unnamed_finding(induction) == ""
