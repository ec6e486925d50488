"""Charts and sentences of a study show the numbers of its summary, for any number of pairs and heads."""

import json
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from attnlib.charts import LESS, MORE
from attnlib.stats.groups import correlate, group_means, join_column
from attnlib.stats.summaries import HeadSummary, summarize
from attnlib.study.charts import (
    effect_histogram,
    forest,
    group_forest,
    group_scatter,
    strongest,
    volcano,
)
from attnlib.study.findings import head_power, power_sentence, summary_sentences
from attnlib.wording import interval, largest, p_value, places_of, signed

MARKUP = "<b>nurse</b> & co"
ESCAPED = "&lt;b&gt;nurse&lt;/b&gt; &amp; co"


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def values(pairs: int = 60, layers: int = 2, heads: int = 3, seed: int = 0) -> np.ndarray:
    """Head 0-2 is planted."""
    found = np.random.default_rng(seed).normal(0, 0.1, (pairs, layers, heads))
    found[:, 0, -1:] += 0.3
    return found.astype(np.float32)


def summary(pairs: int = 60, layers: int = 2, heads: int = 3, seed: int = 0) -> HeadSummary:
    return summarize(values(pairs, layers, heads, seed), draws=200)


def occupations(labels: int, pairs: int = 6) -> pd.DataFrame:
    names = [f"job {n}" for n in range(labels) for _ in range(pairs)]
    numbers = np.random.default_rng(0).normal(np.repeat(np.linspace(-1, 1, labels), pairs), 0.2)
    means = group_means(numbers, names, draws=200)
    return join_column(means, {f"job {n}": n / 10 for n in range(labels)}, "women")


def holds_zero(axis: go.layout.XAxis | go.layout.YAxis) -> bool:
    return bool(axis.zeroline and axis.range[0] <= 0 <= axis.range[1] and axis.automargin)


# ---------------------------------------------------------------------------------------------- heads


def test_a_forest_has_a_marker_per_model_and_head() -> None:
    models = {"biased": summary(), "balanced": summary(seed=1)}
    figure = forest(models, [(0, 2), (1, 0)], "target shift G")
    assert [trace.name for trace in figure.data] == ["biased", "balanced"]
    assert list(figure.layout.yaxis.ticktext) == ["1-0", "0-2"], "drawn from below"
    for trace, found in zip(figure.data, models.values(), strict=True):
        assert [list(place) for place in trace.customdata] == [[0, 2], [1, 0]]
        assert list(trace.x) == [found.mean[0, 2], found.mean[1, 0]]
        np.testing.assert_allclose(trace.x + trace.error_x.array, [found.high[0, 2], found.high[1, 0]])
        np.testing.assert_allclose(trace.x - trace.error_x.arrayminus, [found.low[0, 2], found.low[1, 0]])
        assert [round(y) for y in trace.y] == [1, 0]
        assert trace.marker.symbol[0] == "circle"
        assert figure.layout.xaxis.range[1] > found.high[0, 2]
    assert figure.data[0].y[0] > figure.data[1].y[0], "the first model on top"
    assert figure.data[0].marker.color != figure.data[1].marker.color
    assert figure.layout.xaxis.title.text == "target shift G"
    assert holds_zero(figure.layout.xaxis)


def test_a_head_that_a_model_lacks_is_left_out_there() -> None:
    figure = forest({"small": summary(60, 1, 2), "large": summary()}, [(1, 2), (0, 1)], "G")
    assert [[list(place) for place in trace.customdata] for trace in figure.data] == [[[0, 1]], [[1, 2], [0, 1]]]
    assert forest({"small": summary(60, 1, 2)}, [(1, 2)], "G").data[0].x.tolist() == []


def test_the_strongest_heads_are_those_of_any_model() -> None:
    a, b = values(), values(seed=1)
    b[:, 1, 1] -= 2
    models = {"a": summarize(a, draws=100), "b": summarize(b, draws=100)}
    assert strongest(models, 2) == [(1, 1), (0, 2)]
    assert len(strongest(models)) == 6
    assert strongest({"none": summary(0)}) == []


@pytest.mark.parametrize("by", ["mean", "effect"])
def test_a_volcano_names_the_largest_and_draws_the_line(by: str) -> None:
    found = summary()
    figure = volcano(found, "target shift G", (0, 2), by, named=1)
    (points,) = figure.data
    assert [list(place) for place in points.customdata] == [[layer, head] for layer in range(2) for head in range(3)]
    np.testing.assert_allclose(points.x, getattr(found, by).ravel())
    np.testing.assert_allclose(10 ** -np.array(points.y), found.p_corrected.ravel())
    assert list(points.text) == ["", "", "0-2", "", "", ""]
    assert points.marker.size[2] > points.marker.size[0]
    assert [colour == MORE for colour in points.marker.color] == (found.mean.ravel() > 0).tolist()
    assert figure.layout.shapes[0].y0 == pytest.approx(-math.log10(0.05))
    assert holds_zero(figure.layout.xaxis)
    assert figure.layout.yaxis.range[1] > max(points.y)


def test_a_volcano_of_a_p_of_nothing_is_finite() -> None:
    found = replace(summary(), p_corrected=np.zeros((2, 3)))
    assert volcano(found, "G").data[0].y[0] == 300


def test_the_pointer_reads_numbers() -> None:
    found = summary()
    for text in (volcano(found, "G").data[0].hovertext[2], forest({"m": found}, [(0, 2)], "G").data[0].hovertext[0]):
        assert f"head 0-2, mean {interval(found.mean[0, 2], found.low[0, 2], found.high[0, 2])}" in text
        assert f"d = {found.effect[0, 2]:.2f}, p = .005 corrected, 60 pairs" in text


# ---------------------------------------------------------------------------------------------- groups


def test_a_group_forest_is_sorted() -> None:
    table = group_means(np.array([1.0, 2, 3, -5, -6, -7, 0.5]), list("aaabbbc"), draws=100)
    figure = group_forest(table, "G")
    (points,) = figure.data
    assert list(figure.layout.yaxis.ticktext) == ["b", "c", "a"]
    assert list(points.x) == [-6, 0.5, 2]
    assert [list(item) for item in points.customdata] == [["b"], ["c"], ["a"]]
    assert list(points.marker.color) == [LESS, MORE, MORE]
    assert points.error_x.array[1] == 0, "one pair has no interval"
    assert points.hovertext[1] == "1 pair, mean +.500"
    assert holds_zero(figure.layout.xaxis)


def test_a_scatter_has_the_least_squares_line_and_r() -> None:
    means = occupations(12)
    found = correlate(means["women"], means["mean"], draws=500)
    figure = group_scatter(means, "women", found, ("share of women", "target shift G"))
    line, points = figure.data
    slope, intercept = np.polyfit(means["women"], means["mean"], 1)
    np.testing.assert_allclose(line.y, intercept + slope * np.array(line.x))
    assert list(points.text) == list(means["label"])
    assert (points.textposition[0], points.textposition[-1]) == ("top right", "top left"), "never over the edge"
    assert [list(item) for item in points.customdata] == [[label] for label in means["label"]]
    told = interval(found.r, found.low, found.high, 2)
    assert figure.layout.title.text == f"r = {told}, p = .002, 12 items"
    assert holds_zero(figure.layout.yaxis)
    assert figure.layout.xaxis.title.text == "share of women"


def test_of_very_many_points_those_far_from_the_line_are_named() -> None:
    means = occupations(60)
    means.loc[30, "mean"] += 5
    points = group_scatter(means, "women", None, ("x", "y")).data[1]
    assert sum(bool(text) for text in points.text) == 20
    assert points.text[30] == "job 30"
    assert "Too few" in group_scatter(means[:2], "women", None, ("x", "y")).layout.title.text


def test_a_histogram_counts_every_pair_once() -> None:
    numbers = values(500)[:, 0, 2].astype(float)
    numbers[:3] = np.nan
    figure = effect_histogram(numbers, (0.3, 0.29, 0.31), "G")
    (bars,) = figure.data
    assert sum(bars.y) == 497
    for (low, high), count in zip(bars.customdata, bars.y, strict=True):
        assert count == ((numbers >= low) & (numbers < high)).sum()
        assert not low < -1e-12 < 1e-12 < high, "no bar of both signs"
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.29, 0.31)
    assert figure.layout.shapes[1].x0 == 0.3
    assert figure.layout.annotations[0].text == "mean +.300 [+.290, +.310]"
    assert holds_zero(figure.layout.xaxis)


@pytest.mark.parametrize(
    "numbers", [[], [math.nan], [0.0], [0.0] * 5, [0.1] * 5, [-3.0, -3.0], [1e-12, 1.0], [-1e6, 1e6], [1e-9, 2e-9]]
)
def test_a_histogram_of_any_numbers(numbers: list[float]) -> None:
    figure = effect_histogram(np.array(numbers), (math.nan, math.nan, math.nan), "G")
    counted = sum(sum(bars.y) for bars in figure.data)
    assert counted == np.isfinite(numbers).sum()
    assert all(len(bars.y) <= 70 for bars in figure.data)
    assert holds_zero(figure.layout.xaxis)


# ---------------------------------------------------------------------------------------------- any study


def every_figure(pairs: int, labels: int, text: str = "G") -> list[go.Figure]:
    found, means = summary(pairs), occupations(labels).assign(label=lambda table: [text] * len(table))
    return [
        forest({text: found}, strongest({text: found}), text),
        forest({text: found, "b": found}, strongest({text: found}), text),
        volcano(found, text),
        volcano(found, text, (0, 0), "effect"),
        group_forest(means, text),
        group_scatter(means, "women", None, (text, text)),
        effect_histogram(values(pairs)[:, 0, 0], (0.1, 0.0, 0.2), text),
    ]


@pytest.mark.parametrize(("pairs", "labels"), [(0, 0), (1, 1), (2, 2), (60, 80)])
def test_every_figure_of_any_number_of_values(pairs: int, labels: int) -> None:
    for figure in every_figure(pairs, labels):
        shown = figure.to_json()
        assert "NaN" not in shown
        for trace in figure.data:
            if trace.type == "bar" or trace.mode != "lines":
                assert trace.customdata is not None
                assert len(trace.customdata) == len(trace.x)
                assert trace.type == "bar" or trace.cliponaxis is False
        assert figure.layout.xaxis.title.text
        assert np.isfinite([*(figure.layout.xaxis.range or ()), *(figure.layout.yaxis.range or ())]).all()
        assert figure.layout.height >= 100


def test_colours_of_text_and_background_are_the_themes() -> None:
    for figure in every_figure(60, 10):
        own = json.loads(figure.to_json())["layout"]
        del own["template"]
        assert not re.search("bgcolor|font.{0,30}color|gridcolor", json.dumps(own))
        for trace in figure.data:
            if trace.type == "scatter" and trace.error_x.array is not None:
                assert trace.error_x.color, "black, unless it is said"


def test_text_from_outside_is_never_markup() -> None:
    for figure in every_figure(60, 5, MARKUP):
        parts = json.loads(figure.to_json())
        del parts["layout"]["template"]
        shown = json.dumps(parts, ensure_ascii=False).replace("<extra></extra>", "")
        assert "<" not in shown
        assert ESCAPED in shown


# ---------------------------------------------------------------------------------------------- in words


def test_the_sentences_have_the_numbers_of_the_table() -> None:
    found = summary()
    text = summary_sentences(found, "target shift G")
    told = interval(found.mean[0, 2], found.low[0, 2], found.high[0, 2])
    assert text.startswith(
        "60 pairs. In 1 of 6 heads target shift G differs from 0 on average (step-down max-T over 200 draws, 5 %, "
        "corrected for 6 tests): "
    )
    wide = f"simultaneous [{signed(found.wide_low[0, 2])}, {signed(found.wide_high[0, 2])}]"
    assert f"0-2, {told}, {wide}, {p_value(found.p_corrected[0, 2])}, d = {found.effect[0, 2]:.1f}." in text
    half = f"{np.median(found.detectable):.3f}"[1:]
    assert text.endswith(
        f"In half of the heads, the study finds with 80 % probability only a mean of {half} or more."
    )


def test_several_heads_and_the_largest_of_those_that_pass() -> None:
    numbers = values(100, seed=1)
    numbers[:, 1, 1] -= 1
    numbers[:98, 0, 0] = np.nan
    numbers[98:, 0, 0] = 9  # two pairs: large, and nothing
    text = summary_sentences(summarize(numbers, draws=100), "G")
    assert text.startswith(
        "100 pairs, of which 2 to 100 have a value, depending on the head. In 2 of 5 heads G differs"
    )
    assert "1-1 most, −" in text


def test_what_could_be_missed_is_a_number_however_small() -> None:
    text = summary_sentences(summarize(values(60)[:, :, :2] / np.float32(1e12), draws=200), "G")
    assert "a mean of .000000001 or more" in text
    assert "less than" not in text


def test_no_head_is_no_proof() -> None:
    found = summarize(values(60)[:, :, :2], draws=200)
    text = summary_sentences(found, "G")
    assert "In none of 4 heads is G shown to differ from 0 on average" in text
    layer, head = largest(found.mean)
    least, half = (f"{v:.3f}"[1:] for v in (found.detectable[layer, head], np.median(found.detectable)))
    assert text.endswith(
        f"This does not show that there is no effect: with 80 % probability the study finds a mean of {least} or "
        "more "
        f"in {layer}-{head}, and a mean of {half} or more in half of the heads."
    )
    assert f"{least} with 80 % probability" in head_power(found, (layer, head))  # the same as beside the head
    impossible = found.within(-0.9 * found.detectable[layer, head], 0.9 * found.detectable[layer, head])
    assert summary_sentences(impossible, "G").endswith(
        f"with 80 % probability the study finds no mean that is possible in {layer}-{head}, and no mean that is "
        "possible in half of the heads."
    )
    assert f"the largest mean is that of {layer}-{head}" in text
    assert p_value(found.p_corrected[layer, head]) in text


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (0, "0 pairs. No pair has a value of G, so nothing can be said."),
        (1, "1 pair. There is neither an interval nor a test with fewer than 6 pairs. The largest G is"),
        (5, "5 pairs. There is neither an interval nor a test with fewer than 6 pairs. The largest mean G is"),
    ],
)
def test_too_few_pairs_in_words(pairs: int, told: str) -> None:
    assert summary_sentences(summary(pairs), "G").startswith(told)


def test_nothing_infinite_or_missing_goes_unsaid() -> None:
    numbers = values(30)
    numbers[0], numbers[1, 0, 0] = np.nan, np.inf
    text = summary_sentences(summarize(numbers, draws=100), "G")
    assert "of which 28 to 29 have a value" in text
    assert "1 infinite value left out." in text
    numbers[:] = np.nan
    assert "No pair has a value" in summary_sentences(summarize(numbers), "G")
    numbers[4] = 0.5
    assert "of which 1 has a value" in summary_sentences(summarize(numbers), "G")


def test_zeros_and_equal_numbers_in_words() -> None:
    zeros = np.zeros((40, 1, 2), np.float32)
    assert summary_sentences(summarize(zeros), "G") == "40 pairs. Nothing moves: G is 0 in every pair and head."
    assert summary_sentences(summarize(zeros[:1]), "G") == "1 pair. Nothing moves: G is 0 in every pair and head."
    text = summary_sentences(summarize(zeros + np.float32(0.1)), "G")
    assert "because all pairs have the same value. The largest mean G is +.100 in head 0-0." in text


def test_power_in_words() -> None:
    assert power_sentence(480, 0.1, 16, 0.005) == (
        "480 pairs would show a mean of .017 with 80 % probability (5 %, corrected for 16 heads, standard deviation "
        ".10). A mean of +.0050 needs 5,744 pairs."
    )
    assert power_sentence(1, 1.0, 1).startswith("1 pair can show no mean")


def test_numbers_keep_two_digits() -> None:
    assert places_of(np.array([0.5, np.nan])) == 3
    assert places_of(np.array([0.00071])) == 5
    assert places_of(np.array([0.0])) == 3
    assert interval(0.00071, math.nan, math.nan, 5) == "+.00071"
    assert (p_value(0.0002), p_value(0.0123), p_value(1.0)) == ("p < .001", "p = .012", "p = 1")
