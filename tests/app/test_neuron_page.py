"""The neuron page as a script: what the view is given, for one text and for a pair, and what errors read like."""

from pathlib import Path

import numpy as np
import pytest

import attnlib
from tests.app.pages import HE, SHE, messages, opens, payloads, saved, says

open_page = opens("views/neuron.py")


def test_the_first_head_of_the_first_text() -> None:
    app = open_page()
    shown = payloads(app)
    assert set(shown) == {"attn_neuron"}
    header, arrays = shown["attn_neuron"]
    assert (header["layer"], header["head"], header["heads"], header["pair"]) == (0, 0, 4, False)
    vectors = attnlib.head_vectors(attnlib.trace(attnlib.load_model("demo/gpt2-biased"), SHE), 0, 0)
    largest = np.abs(vectors.query).max(1) / (2**23 - 1)
    np.testing.assert_allclose(arrays["a_query_scale"], largest, rtol=1e-6)
    assert "No head is chosen in the sidebar" in messages(app)


def test_a_link_chooses_the_head_and_the_view() -> None:
    app = open_page(text=SHE, layer="2", head="1", view="q:4,dims:16")
    header, _ = payloads(app)["attn_neuron"]
    assert (header["layer"], header["head"], header["state"]) == (2, 1, "q:4,dims:16")
    assert "No head is chosen" not in messages(app)
    assert header["sides"]["a"]["deviation"] <= 1e-4


def test_a_pair_is_compared_as_on_its_page() -> None:
    header, arrays = payloads(open_page(with_pair="true", layer="0", head="2"))["attn_neuron"]
    assert header["pair"] is True
    assert set(header["sides"]) == {"a", "b"}
    assert "b_query" in arrays
    assert header["queries"]["labels"][header["start"]].strip() == "She → He"


def test_attentions_of_an_encoder_decoder(tmp_path: Path) -> None:
    model = saved(tmp_path, "t5", "seq2seq")
    for stack in ("encoder", "decoder", "cross"):
        choices = {"model": model, "text": "The doctor asked.", "text_b": "She", "stack": stack, "layer": "1"}
        header, _ = payloads(open_page(**choices))["attn_neuron"]
        assert (header["stack"], header["keys"] is None) == (stack, stack != "cross")


def test_a_model_outside_the_interface_says_why_and_what_works(tmp_path: Path) -> None:
    app = open_page(model=saved(tmp_path, "gptj", "causal"), text="The doctor asked.")
    assert not app.exception
    assert not payloads(app)
    assert "does not pass through transformers' attention interface" in messages(app)
    assert {"Open in the head view", "All layers and heads"} <= {button.label for button in app.button}


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"text": "   "}, "The text is empty"),
        ({"text": "word " * 2000}, "Shorten it, or truncate it"),
        ({"model": "demo/nothing"}, "demo/nothing"),
        ({"text": "a"}, ""),
        ({"with_pair": "true", "prompt_a": SHE, "prompt_b": " "}, "Prompt B: The text is empty"),
        ({"with_pair": "true", "prompt_a": SHE, "prompt_b": HE, "model_b": "demo/bert-biased"}, "differ in shape"),
        ({"text": SHE, "view": "q:999,dims:x,pins:a.b,keep:1", "head": "99", "layer": "-3"}, ""),
    ],
)
def test_bad_input_is_a_sentence(choices: dict[str, str], sentence: str) -> None:
    says(open_page(**choices), sentence)


def test_a_long_text_is_cut_on_request() -> None:
    app = open_page(text="word " * 2000, cut="true")
    assert "The text was truncated: the first 128 of its 2,0" in messages(app)
    assert len(payloads(app)["attn_neuron"][0]["queries"]["labels"]) == 128


@pytest.mark.parametrize("page", ["head", "model", "compare"])
def test_other_pages_lead_to_it(page: str) -> None:
    app = open_page(text=SHE, layer="0", head="2")
    folder = "bias" if page == "compare" else "views"
    app.switch_page(f"{folder}/{page}.py").run()
    assert not app.exception
    assert "Query × key of this head" in [button.label for button in app.button]


def test_a_model_outside_the_interface_has_no_way_there(tmp_path: Path) -> None:
    app = open_page(model=saved(tmp_path, "gptj", "causal"), text="The doctor asked.")
    app.switch_page("views/head.py").run()
    (button,) = [button for button in app.button if button.label == "Query × key of this head"]
    assert button.disabled
