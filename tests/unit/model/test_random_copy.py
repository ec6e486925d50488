"""A copy with random weights: repeatable, of the same shape, and the model itself is left as it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import attnlib
from attnlib import InputError
from attnlib.model import loading as models
from attnlib.model.loading import Model, random_copy
from tests.unit.tiny import tiny_model

TEXT = "The doctor asked the nurse a question."
FAMILIES = {
    "gpt2": "causal",
    "llama": "causal",
    "bert": "masked",
    "t5": "seq2seq",
    "deberta-v2": "masked",
    "gpt_neo": "causal",
}


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.hf.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def gpt2() -> Model:
    return tiny_model("gpt2", "causal")


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(gpt2: Model) -> None:
    assert same(weights(random_copy(gpt2)), weights(random_copy(gpt2, 0)))
    assert same(weights(random_copy(gpt2, 5)), weights(random_copy(gpt2, 5)))
    assert not same(weights(random_copy(gpt2, 5)), weights(random_copy(gpt2, 6)))


def test_the_same_seed_whatever_was_drawn_before(gpt2: Model) -> None:
    torch.manual_seed(1)
    first = weights(random_copy(gpt2, 3))
    torch.manual_seed(2)
    torch.rand(100)
    assert same(first, weights(random_copy(gpt2, 3)))


def test_random_numbers_outside_go_on_as_if_nothing_had_been(gpt2: Model) -> None:
    torch.manual_seed(7)
    expected = torch.rand(4)
    torch.manual_seed(7)
    before = np.random.get_state()[1].copy()
    random_copy(gpt2, 3)
    assert torch.equal(torch.rand(4), expected)
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize("architecture", list(FAMILIES))
def test_a_copy_has_the_models_shape_and_tokenizer_and_none_of_its_weights(architecture: str) -> None:
    model = tiny_model(architecture, FAMILIES[architecture])
    before = weights(model)
    copy = random_copy(model)
    assert copy.tokenizer is model.tokenizer
    assert (copy.heads, copy.places, copy.family, copy.causal) == (
        model.heads,
        model.places,
        model.family,
        model.causal,
    )
    assert copy.name == f"{model.name} (random weights)"
    assert not copy.hf.training
    assert {name: t.shape for name, t in weights(copy).items()} == {name: t.shape for name, t in before.items()}
    matrices = [name for name, tensor in before.items() if tensor.ndim > 1 and tensor.is_floating_point()]
    alike = [name for name in matrices if torch.equal(weights(copy)[name], before[name])]
    assert alike == []
    assert same(before, weights(model))
    assert not any(parameter.requires_grad for parameter in copy.hf.parameters())


def test_matrices_are_drawn_as_the_configuration_says() -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    copy = random_copy(model).hf
    wanted = model.hf.config.initializer_range
    matrix = copy.transformer.h[0].attn.c_attn.weight
    assert float(matrix.std()) == pytest.approx(wanted, rel=0.05)
    assert float(matrix.mean()) == pytest.approx(0, abs=wanted * 0.05)


def test_a_copy_can_be_compared_with_its_model() -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    found = attnlib.compare(model, TEXT, TEXT, model_b=random_copy(model))
    assert found.verified
    np.testing.assert_array_equal(found.a.weights, attnlib.trace(model, TEXT).weights)
    assert np.abs(found.difference).max() > 0.1


def test_a_copy_computes_in_the_models_dtype(gpt2: Model) -> None:
    half = replace(gpt2, hf=tiny_model("gpt2", "causal").hf.to(torch.bfloat16))
    assert random_copy(half).dtype == torch.bfloat16


def test_the_model_sees_its_attention_as_before(gpt2: Model) -> None:
    before = attnlib.trace(gpt2, TEXT).weights
    random_copy(gpt2)
    np.testing.assert_array_equal(attnlib.trace(gpt2, TEXT).weights, before)


def test_others_can_use_the_model_while_it_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions share a model: its attention must pass through attnlib's function at every moment."""
    model, seen = tiny_model("gpt2", "causal"), []
    real = models._wrapped

    def wrap(*args: object) -> Model:
        model.forward(dict(model.tokenizer(TEXT, return_tensors="pt")), [lambda call: seen.append(call.place)])
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(models, "_wrapped", wrap)
    random_copy(model)
    assert seen == list(model.places)


def test_no_memory_for_a_second_model_is_said(gpt2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "available_memory", lambda: 100)
    with pytest.raises(InputError, match=r"^A random copy of tiny-gpt2 needs \d\.\d GB and 0\.0 GB is free\.$"):
        random_copy(gpt2)
