"""Dimensions in plain words and as charts: what is told and drawn is what was measured."""

from dataclasses import replace

import numpy as np
import pytest

import attnlib
from attnlib.behaviour.charts import before_after, decay_curves, dimension_bars, product_map, remaining_bars
from attnlib.behaviour.findings import (
    carried_finding,
    class_finding,
    distance_finding,
    remaining_finding,
)
from attnlib.behaviour.head_profile import HeadProfile, strongest_dimensions
from attnlib.behaviour.scaling import scaled_head
from attnlib.behaviour.silencing import Silenced
from attnlib.prompts.builtin import pair_set
from attnlib.wording import signed_digits

TEXT = "The doctor asked the nurse a question. She"


@pytest.fixture(scope="module")
def profile() -> HeadProfile:
    return attnlib.head_profile(attnlib.load_model("demo/gpt2-biased", device="cpu"), 0, 3)


@pytest.fixture(scope="module")
def silenced() -> Silenced:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    return attnlib.silence_dimensions(model, pair_set("two-occupations")[:96], 0, 2, dimensions=(2, 9, 16, 23))


def test_near_far_or_neither(profile: HeadProfile) -> None:
    told = distance_finding(profile)
    assert f"{signed_digits(profile.slope)} ±" in told
    assert "prefers near tokens" in told
    first = profile.near()[0]
    assert f"Dimensions {first} ({profile.shares[first]:+.0%})" in told
    turned = replace(profile, slope=-profile.slope, slopes=-profile.slopes)
    assert "prefers far tokens" in distance_finding(turned)
    assert f"Dimensions {first} (" in distance_finding(turned)
    assert "neither near nor far" in distance_finding(replace(profile, slope_reach=1.0))


def test_reactions(profile: HeadProfile) -> None:
    values = profile.reaction("noun")
    told = class_finding(profile, "noun")
    assert f"score is {signed_digits(float(values.sum()))}" in told
    assert f"Dimensions {strongest_dimensions(values, 1)[0]} (" in told
    assert "have an interval that excludes 0" in told
    few = class_finding(replace(profile, texts=3), "noun")
    assert "3 texts, too few for intervals" in few
    assert "excludes 0" not in few


def test_what_is_carried_and_what_remains(silenced: Silenced) -> None:
    told = carried_finding(silenced)
    mean, _ = silenced.carried_mean
    assert f"changes by {signed_digits(float(mean.sum()))}" in told
    assert "first target less that of the second" in told
    assert told.endswith("Silenced, as given: 2, 9, 16, 23.")
    remaining = silenced.remaining("shift")
    assert remaining is not None
    assert f"{remaining.share:.0%} remain" in remaining_finding(remaining)
    assert "More than half" not in told
    assert "random ones may include chosen ones" in carried_finding(replace(silenced, chosen=(tuple(range(17)),)))
    nan = float("nan")
    few = remaining._replace(units=4, p=nan, share=nan, share_interval=(nan, nan), intervals=np.full((4, 2), nan))
    assert remaining_finding(few).endswith("4 units: an interval needs at least 6.")
    assert "%" not in remaining_finding(few._replace(units=20)), "shares of what may be nothing"
    assert "No significant difference" in remaining_finding(few._replace(units=20))
    turned = remaining._replace(advantage=-0.002, intervals=-remaining.intervals[:, ::-1])
    assert "remove .0020 less than random ones [+" in remaining_finding(turned)
    assert "The two are not shown to differ." in remaining_finding(remaining._replace(p=0.4))
    assert "not shown" not in remaining_finding(remaining._replace(p=0.04))
    bars = remaining_bars(remaining).data[0]
    assert list(bars.y) == [remaining.before, remaining.found, remaining.control]


def test_charts_of_dimensions(profile: HeadProfile) -> None:
    heat = product_map(profile, profile.near()).data[0]
    np.testing.assert_array_equal(heat.z[0], profile.products[:, profile.near()[0]])
    assert heat.zmax == -heat.zmin == np.abs(profile.products).max()
    head, first, *_ = decay_curves(profile, profile.strongest(2)).data
    np.testing.assert_allclose(head.y, profile.products.sum(1))
    np.testing.assert_array_equal(first.y, profile.products[:, profile.strongest(1)[0]])
    reach = profile.slopes_reach
    bars = dimension_bars(profile.slopes, profile.slopes - reach, profile.slopes + reach, "slope", chosen=[3], most=5)
    shown = [d for (d,) in bars.data[0].customdata]
    assert sorted(shown) == sorted(strongest_dimensions(profile.slopes, 5))
    np.testing.assert_allclose(bars.data[0].y, profile.slopes[shown])
    np.testing.assert_allclose(bars.data[0].error_y.array, reach[shown])
    plain = dimension_bars(profile.slopes, None, None, "slope").data[0]
    assert not any(plain.error_y.array)


def test_curves_before_and_after() -> None:
    curve = scaled_head(attnlib.load_model("demo/gpt2-biased"), TEXT, 0, 2, {2: 0.0}).curve()
    before, after = before_after(curve).data
    np.testing.assert_array_equal(before.y, curve.before)
    np.testing.assert_array_equal(after.y, curve.after)


def test_numbers() -> None:
    assert [signed_digits(x) for x in (0.12, -0.05, 0.0)] == ["+.12", "−.050", ".00"]
