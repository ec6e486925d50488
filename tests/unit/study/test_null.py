"""What a study says of models that learned nothing, and of effects without a direction: nothing, nearly always."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jaxtyping import Float

import attnlib
from attnlib.comparison import many as pairbatch
from attnlib.comparison.many import batches, measure_pairs, read_pairs_for
from attnlib.model.loading import random_copy
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Pair
from attnlib.stats.summaries import summarize
from attnlib.study.basis import ONE_TARGET, Arranged, arrange
from attnlib.study.results import log_odds_ratio

COPIES, ALLOWED = 20, 3
SETS = ("two-occupations", "occupations", "names", "origins")


def some(name: str) -> list[Pair]:
    """Every unit of a set, in a few of its sentences: 20 models are measured in seconds."""
    templates = list(dict.fromkeys(dict(pair.further)["template"] for pair in pair_set(name)))[:2]
    chosen = [pair for pair in pair_set(name) if dict(pair.further)["template"] in templates]
    return [pair for pair in chosen if dict(pair.further).get("name", "") in ("", *names_of(chosen)[:2])]


def names_of(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(dict(pair.further).get("name", "") for pair in pairs))


@cache
def shifts(name: str) -> tuple[Float[np.ndarray, "pair layer head"], ...]:
    """Target shifts of every pair in 20 random copies of the demo model, seeds 0 to 19."""
    model, pairs = attnlib.load_model("demo/gpt2-biased"), some(name)
    reads = [read for read in read_pairs_for(model, pairs) if not isinstance(read, Exception)]
    assert len(reads) == len(pairs)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairbatch, "_with_words", lambda model, numbers, *of: numbers)  # nothing asks what they say
        for seed in range(COPIES):
            copy, values = random_copy(model, seed), np.zeros((len(pairs), 4, 4), np.float32)
            for batch in batches(copy, reads):
                values[batch] = measure_pairs(copy, [reads[n] for n in batch]).heads["shift"]
            found.append(values)
    return tuple(found)


def table_of(pairs: Sequence[Pair], without: Sequence[str] = ()) -> pd.DataFrame:
    """The table of a study of these pairs, without some columns of its source."""
    rows = [
        {"prompt_a": p.prompt_a, "prompt_b": p.prompt_b, "focus": p.focus, "targets": "|".join(p.targets)}
        | {name: value for name, value in p.further if name not in without}
        for p in pairs
    ]
    return pd.DataFrame(rows)


def false_alarms(name: str, unit: str, without: Sequence[str] = ()) -> tuple[int, Arranged]:
    """In how many of 20 models that learned nothing a head is called significant."""
    table = table_of(some(name), without)
    all_arranged = [arrange(values, table, unit, signed=True, shift=True) for values in shifts(name)]
    found = [
        not one.basis.untested and summarize(one.values, sides=one.sides, draws=2000).significant.any()
        for one in all_arranged
    ]
    return sum(found), all_arranged[0]


@pytest.mark.simulation
@pytest.mark.parametrize("name", SETS)
def test_random_weights_have_no_significant_head(name: str) -> None:
    alarms, arranged = false_alarms(name, "unit")
    assert alarms <= ALLOWED
    assert not arranged.basis.untested
    assert (arranged.basis.contrast is None) == (name == "two-occupations")


@pytest.mark.simulation
@pytest.mark.parametrize("name", SETS)
def test_nor_on_the_same_rows_without_a_unit(name: str) -> None:
    """The unit is found in the pairs: the same targets, or the same focus word."""
    found = "same focus" if name in ("names", "origins") else "same targets"
    alarms, arranged = false_alarms(name, found, ["unit"])
    assert alarms <= ALLOWED
    assert arranged.basis.units.found
    assert len(arranged.values) == len({dict(pair.further)["unit"] for pair in some(name)})


def test_one_target_without_a_contrast_is_described_and_not_tested() -> None:
    alarms, arranged = false_alarms("occupations", "same targets", ["unit", "contrast"])
    assert alarms == 0
    assert arranged.basis.untested == ONE_TARGET
    assert summarize(arranged.values, draws=2000).significant.any()  # it would have been a finding


def test_a_contrast_within_units_is_taken_there() -> None:
    values = np.array([3.0, 1.0, 5.0, 2.0, 9.0])[:, None, None].astype(np.float32)
    pairs = [Pair("", f"a {n}", f"b {n}", targets=("a",)) for n in range(5)]
    table = table_of(pairs).assign(unit=["x", "x", "y", "y", "z"], contrast=["f", "m", "f", "m", "f"])
    arranged = arrange(values, table, "unit", signed=True, shift=True)
    assert arranged.basis.within
    assert arranged.values[:, 0, 0].tolist() == [2.0, 3.0]  # z has no m
    assert arranged.sides is None


def test_a_pair_with_one_target_is_left_out_where_others_have_two() -> None:
    pairs = [Pair("", "a", "b", targets=("x", "y")), Pair("", "c", "d", targets=("x",))]
    arranged = arrange(np.ones((2, 1, 1), np.float32), table_of(pairs), "", signed=True, shift=True)
    assert arranged.basis.one_target == 1
    assert np.isnan(arranged.values[1]).all()


def test_effects_are_tested_where_a_swap_of_a_and_b_is_a_change_of_sign(tmp_path: Path) -> None:
    """Random words in random order: log odds ratios are symmetric about 0, ratios are not."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 0.5, (200, 50, 1, 16))  # [study, unit, layer, head]
    raised = [summarize(np.expm1(one), draws=500).significant.any() for one in log_odds[:60]]
    fair = [summarize(log_odds_ratio(np.expm1(one)), draws=500).significant.any() for one in log_odds[:60]]
    assert sum(fair) <= 7
    assert sum(raised) > sum(fair)
    study = attnlib.run_study(two_ways(), "demo/gpt2-biased", tmp_path / "swap", effects=True)
    totals = study.pair_table()["total"].to_numpy()
    assert np.log1p(totals[0]) == pytest.approx(-np.log1p(totals[1]), rel=1e-4)
    found = study.numbers("total", "demo/gpt2-biased", (0, 0)).set_index("pair")["number"]
    assert found[0] == pytest.approx(-found[1], rel=1e-4)


def two_ways() -> list[Pair]:
    pair = Pair(
        "",
        "The doctor asked the nurse a question. She",
        "The doctor asked the nurse a question. He",
        candidates=("comforted", "prescribed"),
    )
    return [pair, replace(pair, prompt_a=pair.prompt_b, prompt_b=pair.prompt_a)]
