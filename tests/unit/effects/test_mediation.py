"""Effects of heads: against an independent slow implementation, the published records, and what must hold."""

import copy
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import attnlib
from attnlib import InputError
from attnlib.effects.edited_runs import Side
from attnlib.effects.mediation import HeadEffects, head_effects, mean_effects, published_mean_effects
from attnlib.effects.patching import patched_heads, silenced_heads
from attnlib.model.loading import Model
from attnlib.paths import PROJECT
from attnlib.prompts.files import read_all
from tests.unit.model.test_attention import DECODERS, ENCODERS
from tests.unit.tiny import tiny_model
from tests.unit.tolerance import of_odds

SHE, HE = "The doctor asked the nurse a question. She", "The doctor asked the nurse a question. He"
BENCHMARKS = PROJECT.parent / "shared" / "benchmarks"

pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # MobileBERT


@cache
def model_of(name: str) -> Model:
    if name.startswith("demo/"):
        return attnlib.load_model(name, device="cpu")
    return tiny_model(name, "masked" if name in ENCODERS else "causal")


# ---------------------------------------------------------------------------------------------- a slow second opinion

Replace = Callable[[int, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]


class Slow:
    """An independent implementation of attention: plain softmax(q·k) v, one text, one edit at a time."""

    def __init__(self, model: Model, patch: pytest.MonkeyPatch) -> None:
        self.model, self.hf = model, copy.deepcopy(model.hf)
        self.hf.set_attn_implementation("eager")
        self.layer, self.weights = 0, []
        self.edit: Any = None
        modules = {type(module).__module__ for module in self.hf.modules() if "modeling_" in type(module).__module__}
        for name in modules:
            if hasattr(sys.modules[name], "eager_attention_forward"):
                patch.setattr(sys.modules[name], "eager_attention_forward", self.attend)

    def attend(
        self, module: Any, query: Any, key: Any, value: Any, mask: Any, scaling: Any = None, **options: Any
    ) -> Any:
        groups = query.shape[1] // key.shape[1]
        key, value = (states.repeat_interleave(groups, 1) for states in (key, value))
        scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        weights = (scores if mask is None else scores + mask).softmax(-1)
        if self.edit is not None:
            weights = self.edit(self.layer, weights.clone())
        self.weights.append(weights)
        self.layer += 1
        return (weights @ value).transpose(1, 2).contiguous(), weights

    def run(self, ids: Sequence[int], edit: Any = None) -> torch.Tensor:
        self.layer, self.weights, self.edit = 0, [], edit
        with torch.no_grad():
            return self.hf(torch.tensor([list(ids)])).logits[0].double()

    def inputs(self, prompt: str, candidate: str) -> tuple[list[int], int, list[int]]:
        """Ids, the first place that speaks, and the wanted ids; also how long the prompt is."""
        tokenizer = self.model.tokenizer
        ids = list(tokenizer(prompt)["input_ids"])
        wanted = list(tokenizer(f"a {candidate}", add_special_tokens=False)["input_ids"][1:])
        if self.model.family == "masked":
            place = ids.index(tokenizer.mask_token_id)
            return ids[:place] + [ids[place]] * len(wanted) + ids[place + 1 :], place, wanted
        return ids + wanted[:-1], len(ids) - 1, wanted

    def log_p(self, prompt: str, candidate: str, edit: Any = None) -> float:
        ids, place, wanted = self.inputs(prompt, candidate)
        rows = self.run(ids, edit)[place : place + len(wanted)].log_softmax(-1)
        return float(np.mean([rows[n, word] for n, word in enumerate(wanted)]))

    def odds(self, prompt: str, candidates: Sequence[str], source: str | None = None, heads: Any = None) -> float:
        """y of a prompt; with `heads` {layer: heads} their attention over the prompt from `source`."""
        logs = []
        for candidate in candidates:
            edit = None
            if source is not None:
                ids, place, _ = self.inputs(source, candidate)
                length = len(ids) if self.model.family == "masked" else place + 1
                self.run(ids)
                taken = [weights[0, :, :length, :length] for weights in self.weights]

                def edit(layer: int, weights: torch.Tensor, taken: Any = taken, length: int = length) -> torch.Tensor:
                    for head in heads.get(layer, ()):
                        weights[0, head, :length, :length] = taken[layer][head]
                    return weights

            logs.append(self.log_p(prompt, candidate, edit))
        return float(np.exp(logs[1] - logs[0]))


CASES = [
    ("demo/gpt2-biased", SHE, HE, ("comforted", "prescribed")),
    ("demo/gpt2-biased", SHE, HE, ("comforted the doctor", "was tired")),  # of several tokens, unequal in length
    ("llama", "The doctor asked the nurse", "The nurse asked the doctor", ("question", "answered a")),
    (
        "demo/bert-biased",
        "The nurse said that [MASK] was tired.",
        "The doctor said that [MASK] was tired.",
        ("she", "he"),
    ),
    ("bert", "The nurse <mask> tired.", "The doctor <mask> tired.", ("question", "zab")),  # of unequal pieces
]


@pytest.mark.parametrize(("name", "a", "b", "candidates"), CASES)
def test_effects_against_a_slow_loop(
    name: str, a: str, b: str, candidates: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(name)
    effects = head_effects(model, a, b, candidates)
    slow = Slow(model, monkeypatch)
    y_a, y_b = (slow.odds(prompt, candidates) for prompt in (a, b))
    assert (effects.odds_a, effects.odds_b) == pytest.approx((y_a, y_b), rel=of_odds())
    assert effects.total == pytest.approx(y_b / y_a - 1, abs=of_odds() * max(1, y_b / y_a))
    layers, heads = effects.indirect.shape
    everything = {layer: range(heads) for layer in range(layers)}
    near = of_odds() * max(1.0, abs(effects.total))
    for layer in range(layers):
        for head in range(heads):
            edited = {layer: [head]}
            indirect = slow.odds(a, candidates, b, edited) / y_a - 1
            direct = slow.odds(b, candidates, a, edited) / y_a - 1
            assert effects.indirect[layer, head] == pytest.approx(indirect, abs=near)
            assert effects.direct[layer, head] == pytest.approx(direct, abs=near)
        whole = {layer: range(heads)}
        assert effects.indirect_layer[layer] == pytest.approx(slow.odds(a, candidates, b, whole) / y_a - 1, abs=near)
        assert effects.direct_layer[layer] == pytest.approx(slow.odds(b, candidates, a, whole) / y_a - 1, abs=near)
    assert effects.indirect_all == pytest.approx(slow.odds(a, candidates, b, everything) / y_a - 1, abs=near)
    assert effects.direct_all == pytest.approx(slow.odds(b, candidates, a, everything) / y_a - 1, abs=near)
    assert effects.done == 1


# ---------------------------------------------------------------------------------------------- what must hold


@pytest.mark.parametrize(("name", "a", "b", "candidates"), CASES[:4])
def test_without_an_edit_there_is_no_effect(name: str, a: str, b: str, candidates: tuple[str, str]) -> None:
    effects = head_effects(model_of(name), a, a, candidates)
    assert effects.total == pytest.approx(0, abs=1e-9)
    for values in (effects.indirect, effects.direct, effects.indirect_layer, effects.direct_layer):
        np.testing.assert_allclose(values, 0, atol=of_odds())
    assert effects.indirect_all == pytest.approx(0, abs=of_odds())


def test_the_last_layer_has_no_indirect_effect_where_candidates_begin_alike() -> None:
    """Its attention over the prompt only changes what is said first, which is the same in both."""
    effects = head_effects(model_of("demo/gpt2-biased"), SHE, HE, ("was tired", "was old"))
    np.testing.assert_allclose(effects.indirect[-1], 0, atol=1e-6)
    np.testing.assert_allclose(effects.direct[-1], effects.total, rtol=of_odds(), atol=of_odds())
    assert np.abs(effects.indirect[0]).max() > of_odds()


@pytest.mark.parametrize("architecture", [*DECODERS, *ENCODERS])
def test_growing_a_batch_changes_nothing(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that join late have what they would have had from the start, in every architecture."""
    masked = architecture in ENCODERS
    model = tiny_model(architecture, "masked" if masked else "causal", style="wordpiece" if masked else None)
    mask = model.tokenizer.mask_token if model.family == "masked" else ""
    prompts = f"the doctor asked {mask}", f"the nurse asked {mask}"
    candidates = ("question", "answered")
    grown = head_effects(model, *prompts, candidates)
    assert model.grows is (architecture != "gpt_bigcode"), "where it cannot grow, it runs whole"
    monkeypatch.setitem(model.__dict__, "grows", False)
    plain = head_effects(model, *prompts, candidates)
    for name in ("indirect", "direct", "indirect_layer", "direct_layer", "indirect_all", "direct_all"):
        one, other = getattr(grown, name), getattr(plain, name)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_small_batches_give_the_same_and_tell_how_far_they_are() -> None:
    model = model_of("demo/gpt2-biased")
    told: list[HeadEffects] = []
    whole = head_effects(model, SHE, HE, ("comforted", "prescribed"))
    parts = head_effects(model, SHE, HE, ("comforted", "prescribed"), rows=5, partial=told.append)
    np.testing.assert_allclose(parts.indirect, whole.indirect, rtol=of_odds(), atol=of_odds())
    np.testing.assert_allclose(parts.direct, whole.direct, rtol=of_odds(), atol=of_odds())
    assert [round(one.done * 21) for one in told] == [5, 10, 15, 20, 21]
    assert np.isnan(told[0].indirect[0]).all()


def test_a_run_can_be_stopped_and_keeps_what_it_has() -> None:
    effects = head_effects(
        model_of("demo/gpt2-biased"), SHE, HE, ("comforted", "prescribed"), rows=6, partial=lambda one: False
    )
    assert effects.done == pytest.approx(6 / 21)
    assert np.isfinite(effects.indirect[3]).all()
    assert np.isnan(effects.indirect[0]).all()
    assert len(effects.table()) < 16


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_too_little_memory_halves_the_batch(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of("demo/gpt2-biased")
    whole = head_effects(model, SHE, HE, ("comforted", "prescribed"))
    silenced = silenced_heads(model, SHE, ("comforted", "prescribed"))
    forward, seen = Side.forward, []

    def limited(self: Any, one: Any, rows: int, *args: Any, **options: Any) -> Any:
        seen.append(rows)
        if rows > 4:
            raise error
        return forward(self, one, rows, *args, **options)

    monkeypatch.setattr(Side, "forward", limited)
    found = head_effects(model, SHE, HE, ("comforted", "prescribed"))
    np.testing.assert_allclose(found.indirect, whole.indirect, rtol=of_odds(), atol=of_odds())
    assert max(seen) > 4
    np.testing.assert_allclose(
        silenced_heads(model, SHE, ("comforted", "prescribed")).edited,
        silenced.edited,
        rtol=of_odds(),
        atol=of_odds(),
    )
    monkeypatch.setattr(
        Side,
        "forward",
        lambda self, one, rows, *a, **o: limited(self, one, rows * 9 if rows > 1 else 1, *a, **o),
    )
    with pytest.raises(InputError, match="not enough memory"):
        head_effects(model, SHE, HE, ("comforted", "prescribed"))


def test_other_passes_do_not_notice() -> None:
    """Growth belongs to one pass: before, after and beside it the model is what it was."""
    model = model_of("demo/gpt2-biased")
    before = attnlib.trace(model, SHE).weights
    head_effects(model, SHE, HE, ("comforted", "prescribed"))
    np.testing.assert_array_equal(attnlib.trace(model, SHE).weights, before)


# ---------------------------------------------------------------------------------------------- silencing, patching


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "llama", "demo/bert-biased"])
def test_silenced_heads_against_one_at_a_time(name: str) -> None:
    model = model_of(name)
    prompt, words = (
        (SHE, ("comforted", "was")) if name != "demo/bert-biased" else ("The nurse said [MASK] was.", ("she", "he"))
    )
    words = ("question", "answered") if name == "llama" else words
    found = silenced_heads(model, prompt, words)
    for layer, head in ((0, 0), (1, 3), (len(found.edited) - 1, 2)):
        logits = model.forward(
            dict(model.tokenizer(prompt, return_tensors="pt")), edits=[attnlib.zero_heads([(layer, head)])]
        )["logits"][0]
        ids = [model.tokenizer(f"a {word}", add_special_tokens=False)["input_ids"][1:] for word in words]
        assert all(len(one) == 1 for one in ids)
        place = -1 if model.causal else model.tokenizer(prompt)["input_ids"].index(model.tokenizer.mask_token_id)
        expected = float(logits[place, ids[1][0]] - logits[place, ids[0][0]])
        assert found.edited[layer, head] == pytest.approx(expected, abs=1e-4)
        assert found.effect[layer, head] == pytest.approx(expected - found.base, abs=1e-4)


def test_patched_heads_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last token's output of a head is what its attention and the values of the other prompt make it."""
    model = model_of("demo/gpt2-biased")
    longer = "The old doctor asked the nurse a question. He"
    words = ("comforted", "prescribed")
    found = patched_heads(model, SHE, longer, words)
    same = patched_heads(model, SHE, SHE, words)
    np.testing.assert_allclose(same.effect, 0, atol=of_odds())
    other = attnlib.trace(model, longer)
    ids = [model.tokenizer(f" {word}")["input_ids"][0] for word in words]
    for layer, head in ((0, 2), (2, 1)):
        attention = other.stack().layer(layer)
        mine = torch.tensor(attention.weights[head, -1] @ attention.value[head])

        def patch(call: Any, output: torch.Tensor, layer: int = layer, head: int = head, mine: Any = mine) -> Any:
            if call.place.layer != layer:
                return None
            output = output.clone()
            output[0, -1, head] = mine
            return output

        logits = model.forward(dict(model.tokenizer(SHE, return_tensors="pt")), outputs=[patch])["logits"][0, -1]
        assert found.edited[layer, head] == pytest.approx(float(logits[ids[1]] - logits[ids[0]]), abs=1e-4)
    with pytest.raises(InputError, match="Prompt B has 10 tokens; there is no token 10"):
        patched_heads(model, SHE, longer, words, positions=(8, 10))


# ---------------------------------------------------------------------------------------------- planted bias


def test_effects_find_the_planted_head_and_nothing_in_the_twin() -> None:
    biased, balanced = (
        head_effects(model_of(f"demo/gpt2-{n}"), SHE, HE, ("comforted", "prescribed")) for n in ("biased", "balanced")
    )
    strongest = np.abs(biased.indirect).max()
    assert np.abs(balanced.indirect).max() < strongest / 10
    first = tuple(biased.table()[["layer", "head"]].iloc[0])
    shift = attnlib.compare(model_of("demo/gpt2-biased"), SHE, HE).target_shift(("nurse", "doctor"))
    assert first == np.unravel_index(np.abs(shift).argmax(), shift.shape), (
        "the head that turns is the one that carries"
    )
    assert first == np.unravel_index(biased.direct.argmin(), biased.direct.shape), "without it nothing is left"
    assert biased.direct[first] < biased.total / 100


# ---------------------------------------------------------------------------------------------- published records


def records(name: str) -> dict[str, Any]:
    path = BENCHMARKS / "mediation_published" / f"winobias_{name}_filtered_dev.json"
    if not path.exists():
        pytest.skip(f"{path} is not here: the public benchmark files are not part of the project")
    return json.loads(path.read_text("utf-8"))


def effects_of(record: dict[str, Any], name: str) -> HeadEffects:
    probabilities = [[record[f"candidate{c}_{side}_prob"] for c in (1, 2)] for side in ("base", "alt")]
    arrays = {
        f"{kind}{where}": np.array(record[f"{kind}_effect_{part}"])
        for kind in ("indirect", "direct")
        for where, part in (("", "head"), ("_layer", "layer"))
    }
    return HeadEffects(
        name,
        (record["base_string1"], record["base_string2"]),
        (record["candidate1"], record["candidate2"]),
        np.array(probabilities),
        indirect_all=record["indirect_effect_model"],
        direct_all=record["direct_effect_model"],
        **arrays,
    )


@pytest.mark.parametrize("name", ["distilgpt2", "gpt2"])
def test_the_arithmetic_of_every_published_record(name: str) -> None:
    data = records(name)
    for record in data["results"]:
        effects = effects_of(record, name)
        assert effects.odds_a == pytest.approx(record["odds_base"], rel=1e-6)
        assert effects.odds_b == pytest.approx(record["odds_alt"], rel=1e-6)
        assert effects.total == pytest.approx(record["total_effect"], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "total", "indirect", "direct", "best"),
    [("distilgpt2", 0.1184, 0.0327, 0.0872, (3, 1, 0.0237)), ("gpt2", 0.2493, 0.1820, 0.0794, (5, 8, 0.0549))],
)
def test_the_published_means(name: str, total: float, indirect: float, direct: float, best: tuple) -> None:
    data = records(name)
    means = published_mean_effects([effects_of(record, name) for record in data["results"]])
    assert means.used == means.aligned == data["num_examples_analyzed"]
    assert means.total == pytest.approx(data["mean_total_effect"], abs=1e-9)
    assert (means.total, means.indirect_all, means.direct_all) == pytest.approx((total, indirect, direct), abs=5.1e-5)
    layer, head = np.unravel_index(means.indirect.argmax(), means.indirect.shape)
    assert (layer, head, round(float(means.indirect[layer, head]), 4)) == best
    ratios = [record["odds_alt"] / record["odds_base"] for record in data["results"]]
    assert min(ratios) > data["threshold"]


def test_the_papers_filter_by_hand() -> None:
    effects = head_effects(model_of("demo/gpt2-biased"), SHE, HE, ("comforted", "prescribed"))
    ratios = (0.5, 1.1, 1.2, 1.4, 1.8)
    examples = [replace(effects, probabilities=np.array([[1.0, 1.0], [1.0, ratio]])) for ratio in ratios]
    means = published_mean_effects(examples, filtered=True)
    assert means.threshold == pytest.approx(1.175)  # the first quarter of 1.1, 1.2, 1.4, 1.8
    assert (means.examples, means.aligned, means.used) == (5, 4, 3)
    assert means.total == pytest.approx(np.mean([0.2, 0.4, 0.8]))
    assert published_mean_effects(examples).used == 5
    with pytest.raises(InputError, match="No example is left"):
        published_mean_effects(examples[:1], filtered=True)


@pytest.mark.parametrize("name", ["demo/gpt2-biased", "demo/bert-biased"])
def test_swapping_the_prompts_negates_the_total_on_the_log_scale(name: str) -> None:
    """And log direct (A, B) = log total (A, B) + log indirect (B, A): the same run, told from the other side."""
    mask = " [MASK]" if "bert" in name else ""
    there, back = (
        head_effects(model_of(name), a + mask, b + mask, ("comforted", "prescribed"))
        for a, b in ((SHE, HE), (HE, SHE))
    )
    assert there.log("total") == pytest.approx(-back.log("total"), abs=of_odds())
    np.testing.assert_allclose(there.log("direct"), there.log("total") + back.log("indirect"), atol=1e-4)
    both = mean_effects([there, back])
    assert both.total == pytest.approx(0, abs=of_odds())
    assert published_mean_effects([there, back]).total > 0
    with pytest.raises(InputError, match="no example"):
        mean_effects([])


# ---------------------------------------------------------------------------------------------- bad input


def test_prompts_of_unequal_length_say_which_words() -> None:
    with pytest.raises(InputError) as error:
        head_effects(
            model_of("demo/gpt2-biased"), SHE, "The old doctor asked the nurse a question. He", ("was", "is")
        )
    assert "Prompt A has 9 tokens and prompt B 10" in str(error.value)
    assert "They differ in “old” (only in B)." in str(error.value)
    assert "patch head outputs" in str(error.value)


def test_what_has_no_effects_says_why() -> None:
    with pytest.raises(InputError, match="attention interface"):
        head_effects(tiny_model("gptj", "causal"), "a", "b", ("a", "b"))
    with pytest.raises(InputError, match="has no language-model head"):
        head_effects(tiny_model("bert", None), "a", "b", ("a", "b"))
    with pytest.raises(InputError, match="A candidate is empty"):
        head_effects(model_of("demo/gpt2-biased"), SHE, HE, ("", "was"))


# ---------------------------------------------------------------------------------------------- with a network


@pytest.mark.hub
def test_distilgpt2_on_winobias_as_published() -> None:
    """The published means of the filtered development split, measured again (needs a network and a hub).

    The records show candidates as tokens with spaces between ("upholds" is "uphold s"): they are taken from the set.
    """
    data = records("distilgpt2")
    model = attnlib.load_model("distilgpt2")
    pairs = {pair.prompt_a: pair for pair in read_all(BENCHMARKS / "winobias", "winobias").pairs}
    chosen = [pairs[one["base_string1"]] for one in data["results"]]
    effects = [
        head_effects(model, pair.prompt_a, pair.prompt_b, (pair.candidates[0], pair.candidates[1])) for pair in chosen
    ]
    means = published_mean_effects(effects)
    assert means.total == pytest.approx(0.1184, rel=0.02)
    assert means.indirect_all == pytest.approx(0.0327, rel=0.02)
    assert means.direct_all == pytest.approx(0.0872, rel=0.02)
