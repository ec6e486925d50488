"""The overview: what is seen small while a model runs is what pooling the full weights gives."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

import attnlib
from attnlib import InputError, Overview, Trace
from attnlib.tracing.head_scores import head_scores
from attnlib.tracing.overview import overview_of
from attnlib.tracing.pooling import pool
from tests.unit.tiny import tiny_model
from tests.unit.tolerance import of_weights

TEXT = "The doctor asked the nurse a question. She answered. " * 3
LONG = TEXT * 12
ARCHITECTURES = [
    ("gpt2", "causal"),
    ("llama", "causal"),
    ("gpt_neox", "causal"),
    ("gemma2", "causal"),
    ("qwen2", "causal"),
    ("opt", "causal"),
    ("gptj", "causal"),  # outside the attention interface
    ("bert", "masked"),
    ("distilbert", "masked"),
    ("electra", "masked"),
    ("t5", "seq2seq"),
    ("bart", "seq2seq"),
]


def check(small: Overview, trace: Trace) -> None:
    assert set(small.stacks) == set(trace.stacks)
    for name, stack in trace.stacks.items():
        mine = small.stack(name)
        assert (mine.queries, mine.keys) == (stack.queries, stack.keys)
        for layer, maps in enumerate(mine.maps):
            weights = torch.tensor(stack.layer(layer).weights)
            expected = pool(weights, mine.query_blocks, mine.key_blocks).numpy()
            np.testing.assert_allclose(maps, expected, atol=1e-6)
            assert maps.max() == pytest.approx(stack.layer(layer).weights.max(), abs=1e-6)
            for score, values in head_scores(weights, causal=mine.causal, same_row=mine.keys is mine.queries).items():
                np.testing.assert_allclose(mine.scores[score][layer, : len(values)], values, atol=1e-5)


@pytest.mark.parametrize(("architecture", "family"), ARCHITECTURES)
def test_thumbnails_are_the_pooled_weights(architecture: str, family: str) -> None:
    model = tiny_model(architecture, family, max_position_embeddings=600)
    for text, exact in ((TEXT, True), (LONG, False)):
        second = "The nurse answered." if family == "seq2seq" else None
        small, trace = attnlib.overview(model, text, second), attnlib.trace(model, text, second)
        assert small.stack().exact is exact
        check(small, trace)
        assert small.verified


def test_encoder_and_decoder_of_unequal_depth() -> None:
    small = attnlib.overview(tiny_model("t5", "seq2seq"), TEXT, "She answered.")
    assert {name: len(stack.maps) for name, stack in small.stacks.items()} == {"encoder": 2, "decoder": 3, "cross": 3}
    assert "distance" not in small.stack("cross").scores
    assert "distance" in small.stack("decoder").scores
    table = small.stack("decoder").table()
    assert table.columns.tolist() == ["layer", "head", "entropy", "distance", "first"]
    assert len(table) == sum(len(maps) for maps in small.stack("decoder").maps)


def test_a_second_sentence_begins_a_block() -> None:
    model = tiny_model("bert", "masked")
    small = attnlib.overview(model, "one two three", "four five")
    stack = small.stack()
    assert stack.query_blocks.segments == (
        (0, stack.queries.segments.index(1)),
        (stack.queries.segments.index(1), len(stack.queries)),
    )


def test_long_texts_are_blocks_and_short_ones_exact() -> None:
    model = tiny_model("gpt2", "causal", max_position_embeddings=600)
    short, long = attnlib.overview(model, TEXT), attnlib.overview(model, LONG)
    assert short.stack().exact
    np.testing.assert_allclose(np.stack(short.stack().maps), attnlib.trace(model, TEXT).weights, atol=1e-7)
    assert not long.stack().exact


def test_48_layers() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(9), (48, 25, 9))
    small = overview_of(Trace.from_arrays(weights, list("abcdefghi")))
    assert small.stack().scores["entropy"].shape == (48, 25)
    assert len(small.stack().maps) == 48


def test_layers_may_differ_in_heads() -> None:
    layers = [np.full((heads, 3, 3), 1 / 3) for heads in (2, 4)]
    for _ in range(20):  # the type checker looks at one item of a sequence, by chance
        small = overview_of(Trace.from_arrays(layers, list("abc")))
    scores = small.stack().scores["entropy"]
    assert np.isnan(scores[0, 2:]).all()
    assert scores[1] == pytest.approx([1] * 4)
    assert len(small.stack().table()) == 6


def test_an_overview_is_frozen_and_holds_no_layer() -> None:
    model = tiny_model("gpt2", "causal")
    small = attnlib.overview(model, "The doctor asked.")
    with pytest.raises(FrozenInstanceError):
        small.model = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        small.stack().maps[0][0, 0, 0] = 1
    assert all(maps.base is None for maps in small.stack().maps)


def test_what_cannot_be_is_said() -> None:
    model = tiny_model("gpt2", "causal")
    with pytest.raises(InputError, match="The text is empty"):
        attnlib.overview(model, " ")
    with pytest.raises(InputError, match="no cross attention"):
        attnlib.overview(model, "a b").stack("cross")
    with pytest.raises(InputError, match="needs every layer"):
        overview_of(attnlib.trace(model, "a b", layers=[1]))


# ---------------------------------------------------------------------------------------------- pairs

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"


@pytest.mark.parametrize("repeat", [1, 8])
def test_a_pair_small_is_the_pooled_comparison(repeat: int) -> None:
    model = tiny_model("gpt2", "causal", max_position_embeddings=600)
    a, b = f"{SHE} {SHE}. " * repeat + SHE, f"{SHE} {SHE}. " * repeat + "Well, he"
    found = attnlib.compare(model, a, b, small=True)
    small = found.small
    assert small is not None
    assert small.exact is (repeat == 1)
    blocks = small.query_blocks, small.key_blocks
    for layer, maps in enumerate(small.layers):
        both = [torch.tensor(np.nan_to_num(side)) for side in found.attention(layer)]
        np.testing.assert_allclose(maps.a, pool(both[0], *blocks), atol=of_weights())
        np.testing.assert_allclose(maps.b, pool(both[1], *blocks), atol=of_weights())
        change = np.nan_to_num(found.layer_difference(layer))
        assert np.abs(maps.change).max() == pytest.approx(np.abs(change).max(), abs=of_weights())
        if small.exact:
            np.testing.assert_allclose(maps.change, change, atol=of_weights())


def test_a_prompt_against_itself_changes_nothing() -> None:
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, SHE, small=True)
    assert found.small is not None
    assert all(not maps.change.any() for maps in found.small.layers)


def test_turned_round_every_sign_turns() -> None:
    model = attnlib.load_model("demo/gpt2-biased")
    one, other = (attnlib.compare(model, *pair, small=True).small for pair in ((SHE, HE), (HE, SHE)))
    assert one is not None
    assert other is not None
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        np.testing.assert_allclose(mine.change, -theirs.change, atol=1e-7)


def test_without_asking_nothing_is_pooled() -> None:
    assert attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE, layers=[]).small is None
