"""The model page as a script: what the view is given, for one text and for a pair, and what errors read like."""

from pathlib import Path

import numpy as np
import pytest

import attnlib
from tests.app.pages import HE, SHE, messages, opens, payloads, saved, says

open_page = opens("views/model.py")


def test_every_head_of_the_first_text() -> None:
    shown = payloads(open_page())
    assert set(shown) == {"attn_model"}
    header, arrays = shown["attn_model"]
    assert (header["layers"], header["heads"], header["pair"], header["selected"]) == (4, 4, False, None)
    small = attnlib.overview(attnlib.load_model("demo/gpt2-biased"), SHE).stack()
    np.testing.assert_allclose(arrays["scores"], np.stack(list(small.scores.values())), atol=1e-6)


def test_the_chosen_head_is_drawn_beside() -> None:
    shown = payloads(open_page(text=SHE, layer="2", head="1"))
    assert shown["attn_model"][0]["selected"] == [2, 1]
    detail, _ = shown["attn_head"]
    assert (detail["layer"], detail["head"], detail["can_hide"]) == (2, 1, False)


def test_a_pair_is_compared_as_on_its_page() -> None:
    app = open_page(with_pair="true", layer="0", head="2")
    shown = payloads(app)
    header, arrays = shown["attn_model"]
    assert header["pair"] is True
    assert shown["attn_head"][0]["pair"] is True
    found = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE)
    np.testing.assert_allclose(arrays["scores"][0], found.target_shift(("nurse", "doctor")), atol=1e-6)
    assert "anecdote" in messages(app)
    assert [field.key for field in app.text_input] == ["focus", "targets"], "further prompts have no place here"


def test_the_pair_comes_and_goes_and_keeps_its_text() -> None:
    app = open_page(text="The pilot met the dancer. She")
    app.toggle(key="with_pair").set_value(True).run()
    assert app.text_area(key="prompt_a").value == "The pilot met the dancer. She"
    assert app.text_area(key="prompt_b").value == "The pilot met the dancer. He"
    assert payloads(app)["attn_model"][0]["pair"] is True
    app.text_area(key="prompt_a").set_value("The pilot met the nurse. She").run()
    app.toggle(key="with_pair").set_value(False).run()
    assert app.text_area(key="text").value == "The pilot met the nurse. She"
    assert payloads(app)["attn_model"][0]["pair"] is False


def test_attentions_of_an_encoder_decoder_of_unequal_depth(tmp_path: Path) -> None:
    model = saved(tmp_path, "t5", "seq2seq")
    for stack, layers in (("encoder", 2), ("decoder", 3), ("cross", 3)):
        header, _ = payloads(open_page(model=model, text="The doctor asked.", text_b="She", stack=stack))[
            "attn_model"
        ]
        assert (header["stack"], header["layers"]) == (stack, layers)


def test_a_model_outside_the_interface_is_shown_too(tmp_path: Path) -> None:
    shown = payloads(open_page(model=saved(tmp_path, "gptj", "causal"), text="The doctor asked."))
    assert shown["attn_model"][0]["layers"] == 2


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"text": "   "}, "The text is empty"),
        ({"text": "word " * 2000}, "Shorten it, or truncate it"),
        ({"model": "demo/nothing"}, "demo/nothing"),
        ({"text": "a"}, ""),
        ({"with_pair": "true", "prompt_a": SHE, "prompt_b": " "}, "Prompt B: The text is empty"),
        ({"with_pair": "true", "prompt_a": SHE, "prompt_b": HE, "targets": "zebra"}, "“zebra” is in neither prompt"),
        ({"with_pair": "true", "prompt_a": SHE, "prompt_b": HE, "model_b": "demo/bert-biased"}, "differ in shape"),
        ({"text": SHE, "view": "by:nothing,layers:999,order:x", "head": "99", "layer": "-3"}, ""),
    ],
)
def test_bad_input_is_a_sentence(choices: dict[str, str], sentence: str) -> None:
    says(open_page(**choices), sentence)


def test_a_long_text_is_cut_on_request() -> None:
    app = open_page(text="word " * 2000, cut="true")
    assert "The text was truncated: the first 128 of its 2,0" in messages(app)
    assert payloads(app)["attn_model"][0]["queries"]["labels"]
