"""Dimensions silenced over many pairs: against one pair at a time, without leaks, and on the planted bias."""

import numpy as np
import pytest

import attnlib
from attnlib.behaviour import silencing
from attnlib.behaviour.scaling import scale_dimensions
from attnlib.behaviour.silencing import Silenced, silence_dimensions
from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Pair
from attnlib.stats.resampling import Sample, crossed_test, mean_tests
from attnlib.tracing.vectors import head_vectors, score_change
from tests.unit.tiny import tiny_model

PAIRS = tuple(
    Pair(
        "",
        f"The {first} asked the {second} a question. {pronouns[0]}",
        f"The {first} asked the {second} a question. {pronouns[1]}",
        targets=("nurse", "doctor"),
        further=(("unit", unit),),
    )
    for first, second, unit in (("doctor", "nurse", "one"), ("nurse", "doctor", "two"))
    for pronouns in (("She", "He"), ("He", "She"))
)
LONGER = Pair("", "The doctor saw the nurse. She", "The old doctor saw the nurse. He", targets=("nurse",))


@pytest.fixture(scope="module")
def biased() -> Model:
    return attnlib.load_model("demo/gpt2-biased", device="cpu")


def shift(model: Model, pair: Pair, edits: list) -> float:
    """G of head 0-2, from two traces."""
    preferences = []
    for prompt in (pair.prompt_a, pair.prompt_b):
        trace = attnlib.trace(model, prompt, edits=edits)
        row = trace.weights[0, 2, -1]
        words = [label.strip() for label in trace.labels]
        preferences.append(row[words.index("nurse")] - row[words.index("doctor")])
    return float(preferences[1] - preferences[0])


def words(model: Model, pair: Pair, edits: list) -> float:
    """How far apart the next words are: Jensen-Shannon divergence in bits."""
    said = []
    for prompt in (pair.prompt_a, pair.prompt_b):
        ids = model.tokenizer(prompt, return_tensors="pt")
        said.append(model.forward(dict(ids), [], edits)["logits"][0, -1].double().softmax(-1))
    mean = (said[0] + said[1]) / 2
    return float(sum((p * (p / mean).log2()).sum() for p in said) / 2)


def test_every_number_is_that_of_one_pair_at_a_time(biased: Model) -> None:
    chosen = (2, 9, 16, 23)
    found = silence_dimensions(biased, PAIRS, 0, 2, dimensions=chosen)
    edit = scale_dimensions(0, 2, dict.fromkeys(chosen, 0.0))
    random = silencing._variants(chosen, 32, 0)[2:]
    assert random.shape == (silencing.DRAWS, 32)
    assert set(((random == 0).sum(1)).tolist()) == {4}
    assert not (random[:, list(chosen)] == 0).any()
    draws = [scale_dimensions(0, 2, {d: 0.0 for d in range(32) if row[d] == 0}) for row in random]
    for n, pair in enumerate(PAIRS):
        for measure, one in (("shift", shift), ("words", words)):
            expected = [
                one(biased, pair, []),
                one(biased, pair, [edit]),
                np.mean([one(biased, pair, [draw]) for draw in draws]),
            ]
            np.testing.assert_allclose(found.measures[measure][n], expected, atol=1e-5, err_msg=measure)


def test_above_half_the_width_as_many_random_dimensions_are_silenced() -> None:
    for count in (16, 17, 31):
        factors = silencing._variants(range(count), 32, 0)
        assert ((factors[1:] == 0).sum(1) == count).all()


def test_the_chance_of_the_random_dimensions_is_in_the_interval() -> None:
    """Of numbers that differ by draw alone the units' interval is a point; over both it is that of the draws."""
    draws = np.random.default_rng(0).normal(size=10)
    values = np.tile(draws, (200, 1)) + np.random.default_rng(1).normal(size=(200, 10)) / 100
    found = crossed_test(values, 0.05, 4_000, 0)
    (alone,) = mean_tests([Sample(draws[:, None])], 0.05, 4_000, 0)
    assert (found.low, found.high) == pytest.approx((alone.low[0], alone.high[0]), abs=0.1)
    assert found.p == pytest.approx(alone.p[0], abs=0.03)
    assert np.isnan(crossed_test(values[:5], 0.05, 100, 0)[1:]).all()
    assert np.isnan(crossed_test(np.ones((9, 9)), 0.05, 100, 0)[1:]).all()


def test_a_crossed_interval_holds_what_it_says() -> None:
    """400 means of 8 units x 8 draws, both random; 95 % less 4 standard errors at least (it is on the safe side)."""
    rng, held = np.random.default_rng(0), 0
    for seed in range(400):
        values = rng.normal(size=(8, 1)) + rng.normal(size=(1, 8)) + rng.normal(size=(8, 8))
        found = crossed_test(values, 0.05, 399, seed)
        held += found.low <= 0 <= found.high
        assert (found.p <= 0.05) == (found.low > 0 or found.high < 0)
    assert held / 400 > 0.95 - 4 * np.sqrt(0.05 * 0.95 / 400)


def test_what_dimensions_carry_is_the_split_of_the_score(biased: Model) -> None:
    found = silence_dimensions(biased, [*PAIRS, LONGER], 0, 2, dimensions=(0,))
    for n, pair in enumerate(PAIRS):
        a, b = (head_vectors(attnlib.trace(biased, prompt), 0, 2) for prompt in (pair.prompt_a, pair.prompt_b))
        labels = [label.strip() for label in a.keys.labels]
        last = len(labels) - 1
        first, second = (
            score_change(a, b, (last, last), (labels.index(word),) * 2).terms for word in ("nurse", "doctor")
        )
        np.testing.assert_allclose(found.carried[n], first - second, atol=1e-5)
    a, b = (head_vectors(attnlib.trace(biased, prompt), 0, 2) for prompt in (LONGER.prompt_a, LONGER.prompt_b))
    places = [[label.strip() for label in side.keys.labels].index("nurse") for side in (a, b)]
    one = score_change(a, b, (len(a.keys) - 1, len(b.keys) - 1), (places[0], places[1])).terms
    np.testing.assert_allclose(found.carried[-1], one, atol=1e-5)
    assert np.isfinite(found.measures["words"]).all()


def test_no_pair_chooses_the_dimensions_it_is_judged_by(biased: Model) -> None:
    pairs = pair_set("two-occupations")[:80]
    found = silence_dimensions(biased, pairs, 0, 2, 3)
    units = list(dict.fromkeys(found.units))
    assert len(found.chosen) == 2
    for fold, chosen in enumerate(found.chosen):
        others = [unit for n, unit in enumerate(units) if n % 2 != fold]
        means = np.mean([found.carried[[u == unit for u in found.units]].mean(0) for unit in others], 0)
        best = np.argsort(-np.sign(means.sum()) * means)[:3]
        assert chosen == tuple(sorted(best.tolist()))


@pytest.mark.parametrize("measure", ["shift", "words"])
def test_what_was_planted_goes_with_the_found_dimensions_and_not_with_random_ones(
    silenced: dict[str, Silenced], measure: str
) -> None:
    remaining = silenced["demo/gpt2-biased"].remaining(measure)
    assert remaining is not None
    assert remaining.units == 20
    low, high = remaining.intervals[3]
    assert 0 < low < remaining.advantage < high
    assert remaining.share_interval[1] < 0.65
    assert remaining.control / remaining.before > 0.8
    assert remaining.p < 0.001


@pytest.mark.parametrize("measure", ["shift", "words"])
def test_in_the_twin_there_is_nothing_to_take(silenced: dict[str, Silenced], measure: str) -> None:
    remaining = silenced["demo/gpt2-balanced"].remaining(measure)
    assert remaining is not None
    assert remaining.intervals[3][0] < 0.005
    assert remaining.p > 0.05
    mean, interval = silenced["demo/gpt2-balanced"].carried_mean
    largest = np.abs(silenced["demo/gpt2-biased"].carried_mean[0]).max()
    assert np.abs(mean).max() < largest / 4
    assert interval.shape == (32, 2)


def test_tables(silenced: dict[str, Silenced]) -> None:
    found = silenced["demo/gpt2-biased"]
    table, dimensions = found.table(), found.dimensions()
    assert len(table) == 480
    assert table["shift before"].mean() == pytest.approx(found.measures["shift"][:, 0].mean())
    assert dimensions.carried.abs().is_monotonic_decreasing
    assert dimensions.carried.sum() == pytest.approx(found.carried_mean[0].sum())


def test_a_masked_model_says_its_mask() -> None:
    model = attnlib.load_model("demo/bert-biased", device="cpu")
    pairs = [
        Pair("", f"The {who} slept. She was [MASK].", f"The {who} slept. He was [MASK].", "She", (who,))
        for who in ("nurse", "doctor", "teacher")
    ]
    found = silence_dimensions(model, pairs, 0, 1, 2)
    assert np.isfinite(found.measures["words"]).all()
    no_mask = [
        Pair("", f"The {who} saw that she", f"The {who} saw that he", "", (who,)) for who in ("nurse", "doctor")
    ]
    silent = silence_dimensions(model, no_mask, 0, 1, 2)
    assert silent.remaining("words") is None
    assert silent.remaining("shift") is not None


def test_other_architectures() -> None:
    for name, family in (("llama", "causal"), ("t5", "seq2seq"), ("gemma2", "causal")):
        found = silence_dimensions(tiny_model(name, family), PAIRS, 1, 1, 2)
        assert np.isfinite(found.measures["shift"]).all()
        assert np.isfinite(found.measures["words"]).all() == (family == "causal")


def test_what_cannot_be_measured_is_said(biased: Model) -> None:
    bare = Pair("", "She slept", "He slept")
    found = silence_dimensions(biased, [*PAIRS, bare], 0, 2, 2)
    assert found.dropped == ("The pair names no target word.",)
    for pairs, count, dimensions, said in (
        ([bare], 2, None, "There is no pair to measure"),
        (PAIRS[:2], 2, None, "pairs of at least two units"),
        (PAIRS, 32, None, "has 32 dimensions: silence from 1 to 31"),
        (PAIRS, 1, (40,), "has dimensions 0 to 31"),
    ):
        with pytest.raises(InputError, match=said):
            silence_dimensions(biased, pairs, 0, 2, count, dimensions=dimensions)
    stopped = silence_dimensions(biased, pair_set("two-occupations"), 0, 2, 2, progress=lambda now: False)
    assert 0 < np.isfinite(stopped.measures["shift"][:, 0]).sum() < 480
