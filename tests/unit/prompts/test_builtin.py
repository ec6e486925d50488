"""The built-in sets: complete, one contrast, as built; and what a study of them finds where the truth is known."""

from collections import Counter

import numpy as np
import pytest

import attnlib
from attnlib.errors import InputError
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.splitting import split_words
from attnlib.prompts.units import by_column
from attnlib.stats.groups import correlate, group_means, join_column
from attnlib.study.results import Study, outside_columns, planted_log_odds
from data.pairs.build import DEGREE, FOLDER, KNOWN, NAMED, NO_DEGREE, ONE, SETS, TWO, as_csv, occupations


@pytest.mark.parametrize("name", SETS)
def test_building_gives_the_committed_file(name: str) -> None:
    assert (FOLDER / f"{name}.csv").read_text("utf-8") == as_csv(SETS[name]())


@pytest.mark.parametrize("name", PAIR_SETS)
def test_a_pair_differs_in_one_place_and_its_words_are_there(name: str) -> None:
    for pair in pair_set(name):
        a, b = split_words(pair.prompt_a), split_words(pair.prompt_b)
        assert len(a) == len(b)
        assert 1 <= sum(one != two for one, two in zip(a, b, strict=True)) <= 2
        assert pair.focus in a
        assert all(target in a for target in pair.targets)
    with pytest.raises(InputError, match="no built-in set 'x'"):
        pair_set("x")


def test_sets_are_complete_and_balanced() -> None:
    assert len(occupations()) == 40
    assert len(pair_set("occupations")) == len(ONE) * 40 == 480
    assert len(pair_set("two-occupations")) == len(TWO) * 40 == 480
    orders = Counter(dict(p.further)["first"] == dict(p.further)["female_typed"] for p in pair_set("two-occupations"))
    assert orders[True] == orders[False]
    units = Counter(dict(pair.further)["unit"] for pair in pair_set("two-occupations"))
    assert set(units.values()) == {24}
    assert len(pair_set("names")) == len(NAMED) * len(KNOWN) * 40
    assert len(pair_set("origins")) == len(NAMED) * 10 * len(DEGREE + NO_DEGREE)


@pytest.mark.parametrize(("name", "units"), [("occupations", 40), ("names", 40), ("origins", 24)])
def test_a_set_of_one_target_has_a_balanced_contrast_and_units_that_share_nothing(name: str, units: int) -> None:
    """Every unit has each name and sentence equally often, so that none of these sets units apart."""
    further = [dict(pair.further) for pair in pair_set(name)]
    sides = {one["unit"]: one["contrast"] for one in further}
    assert len(sides) == units == len({(one["unit"], one["contrast"]) for one in further})
    assert Counter(sides.values()).most_common()[0][1] == units // 2
    crossed = Counter((one["unit"], one.get("name", one["template"])) for one in further)
    assert len(crossed) == units * len({one.get("name", one["template"]) for one in further})
    assert len(set(crossed.values())) == 1
    assert by_column("unit", [one["unit"] for one in further]).shared is None


def test_the_demo_models_know_the_words_of_occupations() -> None:
    tokenizer = attnlib.load_model("demo/gpt2-biased").tokenizer
    words = {
        word
        for name in ("occupations", "two-occupations")
        for p in pair_set(name)
        for word in split_words(p.prompt_a)
    }
    assert max(len(tokenizer(f" {word}")["input_ids"]) for word in words) <= 2


# ---------------------------------------------------------------------------------------------- what is planted


def test_the_biased_model_shows_its_head_and_the_twin_none(two_occupations: Study) -> None:
    """Occupations are the unit: sentences that repeat the same two are not independent."""
    biased, twin = (two_occupations.summary("shift", model) for model in two_occupations.models)
    assert biased.noun == "unit"
    assert (biased.n == 20).all()
    assert biased.significant[0, 2]
    assert biased.mean[0, 2] < -0.4
    assert not twin.significant.any()
    assert abs(twin.mean).max() < 0.1 * abs(biased.mean).max()
    assert two_occupations.model_difference("shift", *two_occupations.models).significant[0, 2]


def test_what_the_model_says_follows_the_planted_table(one_occupation: Study) -> None:
    study, found = one_occupation, []
    for model in study.models:
        table = study.numbers("log_odds", model, (0, 0))
        assert len(table) == 480
        planted = outside_columns(table, "occupation")["planted log-odds of she"]
        assert planted == planted_log_odds()
        means = join_column(group_means(table["number"].to_numpy(), table["occupation"].tolist()), planted, "planted")
        found.append(correlate(means["planted"], means["mean"]))
    biased, twin = found
    assert biased.items == 40
    assert biased.r >= 0.95
    assert biased.low >= 0.95
    assert abs(twin.r) < 0.5


def test_attention_to_an_occupation_follows_it_too(one_occupation: Study) -> None:
    """Head 0-2 looks from "she" to an occupation the more, the more female it was planted."""
    table = one_occupation.numbers("shift", "demo/gpt2-biased", (0, 2))
    planted = planted_log_odds()
    r = np.corrcoef(table["number"], [planted[name] for name in table["occupation"]])[0, 1]
    assert r < -0.8
