"""Charts show the numbers they are given, and text from outside only as text."""

import json

import numpy as np
import pytest

from attnlib.charts import LESS, MORE, SIDES
from attnlib.comparison.charts import effect_scatter, largest_heads, target_bars, word_bars
from attnlib.words.predictions import WordChange

WORDS = (
    WordChange("next", " she", 0.1, 0.4),
    WordChange("next", " was", 0.2, 0.2),
    WordChange("next", " he", 0.5, 0.1),
)


def test_bars_are_as_high_as_the_attention() -> None:
    figure = target_bars(["nurse", "doctor"], ["A", "B"], [[0.25, 0.5], [0.75, 0.125]])
    assert [list(bar.y) for bar in figure.data] == [[0.25, 0.5], [0.75, 0.125]]
    assert list(figure.layout.xaxis.ticktext) == ["nurse", "doctor"]
    assert [list(bar.x) for bar in figure.data] == [list(figure.layout.xaxis.tickvals)] * 2
    assert [bar.name for bar in figure.data] == ["A", "B"]
    assert list(figure.data[1].text) == [".750", ".125"]
    assert figure.layout.yaxis.range[0] == 0
    assert figure.layout.yaxis.range[1] > 0.75


def test_every_prompt_has_a_colour_of_its_own() -> None:
    figure = target_bars(["nurse"], list("ABCDEF"), [[0.1]] * 6)
    assert len({bar.marker.color for bar in figure.data}) == 6 == len(SIDES)
    target_bars(["nurse"], list("ABCDEFG"), [[0.1]] * 7)


def test_prompts_and_values_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="shorter"):
        target_bars(["nurse"], ["A", "B"], [[0.1]])


def test_word_bars_are_log_ratios_with_the_first_word_on_top() -> None:
    figure = word_bars(WORDS)
    bar = figure.data[0]
    assert list(figure.layout.yaxis.ticktext) == ["he", "was", "she"]  # drawn from below
    assert list(bar.y) == list(figure.layout.yaxis.tickvals)
    assert list(bar.x) == [word.log_ratio for word in reversed(WORDS)]
    assert list(bar.text) == [".500 → .100", ".200 → .200", ".100 → .400"]
    assert bar.orientation == "h"


@pytest.mark.parametrize(("p_a", "p_b"), [(0.5, 0.1), (0.082, 0.1), (0.2, 0.2)])
def test_the_numbers_beside_a_bar_are_not_cut(p_a: float, p_b: float) -> None:
    """They stand outside a short bar: the axis must leave room, and what is beyond it is drawn all the same."""
    figure = word_bars([WordChange("next", " was", p_a, p_b)])
    (low, high), (x,) = figure.layout.xaxis.range, figure.data[0].x
    assert figure.data[0].cliponaxis is False
    assert low < min(0, x) - 0.15 * (high - low)
    assert high > max(0, x) + 0.15 * (high - low)
    assert word_bars([]).layout.xaxis.range == (-1, 1)


def test_the_sign_of_a_change_is_its_colour() -> None:
    figure = word_bars(WORDS)
    colours = dict(zip(figure.layout.yaxis.ticktext, figure.data[0].marker.color, strict=True))
    assert (colours["she"], colours["he"]) == (MORE, LESS)
    assert MORE != LESS


def test_the_axis_says_which_prompt_is_where() -> None:
    title = word_bars(WORDS, ("A", "C")).layout.xaxis.title.text
    assert title.index("under A") < title.index("under C")


@pytest.mark.parametrize("text", ["<b>nurse</b>", "<a href='x'>n</a>", "a & b", "&lt;"])
def test_text_from_outside_is_never_markup(text: str) -> None:
    figures = (
        target_bars([text], [text], [[0.5]]),
        word_bars([WordChange("next", text, 0.1, 0.2)]),
    )
    for figure in figures:
        shown = json.dumps([trace.to_plotly_json() for trace in figure.data], default=list).replace(
            "<extra></extra>", ""
        )
        assert "<" not in shown
        assert text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in shown.replace('\\"', '"')


def test_a_long_label_is_cut_before_it_is_escaped() -> None:
    (label,) = target_bars(["<" * 40], ["A"], [[0.5]]).layout.xaxis.ticktext
    assert label == "&lt;" * 27 + "…"


def test_nothing_to_show_is_an_empty_chart() -> None:
    assert len(target_bars([], [], []).data) == 0
    assert list(word_bars([]).data[0].x) == []


def test_words_that_differ_in_a_space_have_bars_of_their_own() -> None:
    words = (WordChange("next", " she", 0.1, 0.4), WordChange("next", "she", 0.2, 0.1))
    assert len(set(word_bars(words).data[0].y)) == 2


def test_targets_are_names_even_where_they_look_like_numbers() -> None:
    figure = target_bars(["1950", "2020"], ["A"], [[0.1, 0.2]])
    assert list(figure.data[0].x) == [0, 1]
    assert list(figure.layout.xaxis.ticktext) == ["1950", "2020"]


def test_the_scatter_names_the_heads_that_stand_out() -> None:
    moves = np.array([[0.1, -0.9], [0.0, np.nan]])
    effects = np.array([[0.02, -0.5], [0.01, np.nan]])
    figure = effect_scatter(moves, effects, ("|G|", "effect"), (0, 1), named=1)
    (points,) = figure.data
    assert list(points.x) == [0.1, 0.9, 0.0]
    assert list(points.y) == [0.02, -0.5, 0.01]
    assert list(points.text) == ["", "0-1", ""]
    assert [list(place) for place in points.customdata] == [[0, 0], [0, 1], [1, 0]]
    assert list(points.marker.color) == [MORE, LESS, MORE]
    assert points.marker.size[1] > points.marker.size[0]
    assert figure.layout.xaxis.title.text == "|G|"


def test_the_largest_head_stands_beside_its_references_as_a_row_each() -> None:
    references = [("the <twin>", (0.05,)), ("3 untrained copies", (0.1, 0.2, 0.9))]
    figure = largest_heads(("head 0-2", -0.6), references, "Target shift G")
    assert [list(row.x) for row in figure.data] == [[0.6], [0.05], [0.1, 0.2, 0.9]]
    assert [set(row.y) for row in figure.data] == [{2}, {1}, {0}]
    assert list(figure.layout.yaxis.ticktext) == ["3 untrained copies", "the &lt;twin&gt;", "head 0-2"]
    assert [row.marker.color for row in figure.data] == [LESS, SIDES[0], SIDES[0]]
    assert figure.data[2].marker.opacity < 1  # copies that lie on each other are seen
    low, high = figure.layout.xaxis.range
    assert low < 0
    assert high > 0.9
    assert largest_heads(("head 0-2", 0.6), [], "").data[0].marker.color == MORE
