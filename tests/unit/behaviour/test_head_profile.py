"""A head's dimensions by distance and by word class, against loops over traces."""

import numpy as np
import pytest

import attnlib
from attnlib.behaviour import head_profile as profiles
from attnlib.behaviour.head_profile import HeadProfile, head_profile
from attnlib.comparison.focus import sinks_of
from attnlib.errors import InputError
from attnlib.model.loading import Model
from attnlib.model.probing import OUTSIDE_VECTORS
from attnlib.prompts.texts import class_of
from tests.unit.tiny import tiny_model
from tests.unit.tolerance import of_weights

TEXTS = (
    "The doctor asked the nurse a question.",
    "She said that she was tired, and he said that he was not.",
    "No, no, no!",
    "One",
    "The cat sat on the mat because the cat was tired.",
    "The nurse asked the doctor a question.",
)
PLACE = (1, 2)


@pytest.fixture(scope="module", params=["gpt2", "bert", "llama", "t5"])
def model(request: pytest.FixtureRequest) -> Model:
    return tiny_model(request.param, {"bert": "masked", "t5": "seq2seq"}.get(request.param, "causal"))


def places(model: Model, text: str) -> list[tuple[int, np.ndarray, float, int]]:
    """Every query and key of a text: distance, products, weight, which token is the key."""
    stack = attnlib.trace(model, text).stack(model.stacks[0])
    layer, head = PLACE
    query, key = (vectors[head].astype(np.float64) for vectors in (stack.query(layer), stack.key(layer)))
    weights, sinks = stack.layer(layer).weights[head], sinks_of(stack.queries)
    return [
        (i - j, stack.scaling(layer) * query[i] * key[j], float(weights[i, j]), j)
        for i in range(len(query))
        for j in range(i + 1 if model.causal else len(query))
        if i not in sinks and j not in sinks
    ]


def test_products_and_weights_by_distance(model: Model) -> None:
    found = head_profile(model, *PLACE, TEXTS)
    every = [place for text in TEXTS for place in places(model, text)]
    for n, distance in enumerate(found.distances.tolist()):
        here = [place for place in every if place[0] == distance]
        assert found.places[n] == len(here)
        np.testing.assert_allclose(found.products[n], np.mean([p for _, p, _, _ in here], 0), atol=1e-5)
        np.testing.assert_allclose(found.weights[n], np.mean([w for _, _, w, _ in here]), atol=of_weights())
    assert {distance for distance, *_ in every} == set(found.distances.tolist())
    assert (found.distances.min() < 0) == (not model.causal)


def test_a_slope_is_the_mean_of_each_texts_least_squares(model: Model) -> None:
    found = head_profile(model, *PLACE, TEXTS)
    slopes = []
    for text in TEXTS:
        mine = [(abs(d), p) for d, p, _, _ in places(model, text) if d]
        if len({d if model.causal else (d, s) for d, s in ((d, 0) for d, _ in mine)}) < (3 if model.causal else 2):
            continue
        far, product = np.array([d for d, _ in mine]), np.array([p for _, p in mine])
        slopes.append(np.polyfit(far, product, 1)[0])
    np.testing.assert_allclose(found.slopes, np.mean(slopes, 0), atol=1e-6)
    assert found.slope == pytest.approx(found.slopes.sum(), abs=1e-9)
    assert found.shares.sum() == pytest.approx(1.0)
    assert found.texts == len(slopes)


def test_a_reaction_is_held_against_other_words_as_far_away(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "FEWEST", 1)
    found = head_profile(model, *PLACE, TEXTS)
    name = "punctuation"
    each = []
    for text in TEXTS:
        tokens = attnlib.trace(model, text).stack(model.stacks[0]).queries
        of_class = {
            i
            for word, written in zip(tokens.words, tokens.texts, strict=True)
            if class_of(written) == name
            for i in word
        }
        every = [place for place in places(model, text) if place[0]]
        gaps = []
        for distance, product, _, key in every:
            others = [p for d, p, _, k in every if d == distance and k not in of_class]
            if key in of_class and others:
                gaps.append(product - np.mean(others, 0))
        if gaps:
            each.append(np.mean(gaps, 0))
    np.testing.assert_allclose(found.reaction(name), np.mean(each, 0), atol=1e-5)


def test_many_texts_have_intervals_and_tables() -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    found = head_profile(model, 0, 3)
    assert found.slope < -found.slope_reach  # near tokens
    assert found.near()[0] == int(np.argmin(found.slopes))
    assert {"noun", "verb", "determiner", "punctuation"} <= set(found.classes)
    table, curve = found.table(), found.curve()
    assert len(table) == 32
    assert (table.slope_low <= table.slope).all()
    assert (table.slope <= table.slope_high).all()
    np.testing.assert_allclose(curve.filter(like="dimension").sum(1), curve.score, atol=1e-9)
    assert found.strongest(2) == found.near()[:2]


def test_memory_and_distance_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "FURTHEST", 3)
    found: HeadProfile = head_profile(tiny_model("gpt2", "causal"), 0, 0, (TEXTS[n % 6] for n in range(900)))
    assert found.distances.tolist() == [0, 1, 2, 3]
    assert found.read == 900


def test_what_cannot_be_had_is_said() -> None:
    model = tiny_model("gpt2", "causal")
    with pytest.raises(InputError, match="There is no head 7-0"):
        head_profile(model, 7, 0, TEXTS)
    with pytest.raises(InputError, match="at least three texts"):
        head_profile(model, 0, 0, ["One", "Two"])
    with pytest.raises(InputError, match="Too few texts contain a unicorn"):
        head_profile(model, 0, 0, TEXTS).reaction("unicorn")
    known = (model.name, model.hf, model.tokenizer, model.family, (), model.heads, model.causal)
    outside = attnlib.Model(*known, no_vectors=OUTSIDE_VECTORS)
    with pytest.raises(InputError, match="not known"):
        head_profile(outside, 0, 0, TEXTS)
