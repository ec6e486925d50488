"""“Does it matter?” on the comparison page as a script: what is measured, suggested, said; and the head switches."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import attnlib
from attnlib.views.payload import unpack
from tests.app.pages import HE, SHE, messages, opens, saved, says, words

open_page = opens("bias/compare.py")
MASKED = "The nurse said that [MASK] was tired."


def grids(app: AppTest) -> dict[str, tuple[dict, dict]]:
    """The grids of the page by their statistic."""
    assert not app.exception
    found = [unpack(one.proto.bytes) for one in app.get("bidi_component") if one.proto.component_name == "attn_grid"]
    return {header["statistic"]: (header, arrays) for header, arrays in found}


def test_effects_of_the_first_pair_and_of_the_twin() -> None:
    app = open_page()
    header, arrays = grids(app)["Indirect effect (NIE)"]
    assert [grid["title"] for grid in header["grids"]] == ["Indirect effect", "Twin model, indirect"]
    for n, name in enumerate(("biased", "balanced")):
        model = attnlib.load_model(f"demo/gpt2-{name}")
        found = attnlib.head_effects(model, SHE, HE, ("comforted", "prescribed"))
        np.testing.assert_allclose(arrays[f"values{n}"], found.log("indirect"), rtol=1e-3, atol=1e-4)
    assert "prescribed" in header["meaning"]
    assert "multiplies the odds of “prescribed” against “comforted”" in words(app)
    assert "Head 0-2 moves most and has the largest effect" in words(app)
    assert "Effects are not shares of a whole" in messages(app)
    assert "Total − direct effect (TE − NDE)" in grids(app)
    moves, arrays = grids(app)["Target shift G"]  # the last of two: the panel's
    assert [grid["title"] for grid in moves["grids"]] == ["Attention, B − A"]
    shift = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE).target_shift(("nurse", "doctor"))
    np.testing.assert_allclose(arrays["values0"], shift, atol=1e-6)


def test_typed_words_are_measured_and_in_the_link() -> None:
    app = open_page(fits_a="was tired", fits_b="took")
    _, arrays = grids(app)["Indirect effect (NIE)"]
    model = attnlib.load_model("demo/gpt2-biased")
    found = attnlib.head_effects(model, SHE, HE, ("was tired", "took"))
    np.testing.assert_allclose(arrays["values0"], found.log("indirect"), rtol=1e-3, atol=1e-4)


def test_a_masked_model_is_asked_at_its_mask() -> None:
    prompts = {"prompt_a": MASKED, "prompt_b": MASKED.replace("nurse", "doctor")}
    app = open_page(model="demo/bert-biased", **prompts)
    assert "“he” against “she”" in words(app)
    none = open_page(model="demo/bert-biased", prompt_a="The nurse spoke.", prompt_b="The doctor spoke.")
    assert "Both prompts need [MASK] once" in messages(none)


def test_prompts_of_unequal_length_are_patched() -> None:
    app = open_page(prompt_a=SHE, prompt_b="The old doctor asked the nurse a question. He")
    shown = grids(app)
    assert "Indirect effect (NIE)" not in shown
    assert "Change in log-odds" in shown
    assert any("cannot be taken from one into the other" in warning.value for warning in app.warning)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (
            {"model": "demo/bert-biased", "prompt_a": MASKED, "prompt_b": MASKED, "fits_a": "🙂", "fits_b": "she"},
            "has no token for",
        ),
        ({"model_b": "demo/gpt2-balanced"}, "Choose the same model for both prompts"),
        ({"model": "demo/bert-biased", "second_a": "He slept.", "second_b": "He slept."}, "single texts"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(choices: dict[str, str], sentence: str) -> None:
    says(open_page(**({"prompt_a": SHE, "prompt_b": HE} | choices)), sentence)


def test_a_model_outside_the_interface_is_not_edited(tmp_path: Path) -> None:
    app = open_page(model=saved(tmp_path, "gptj", "causal"), prompt_a=SHE, prompt_b=HE)
    assert "cannot be edited" in messages(app)
    assert not app.multiselect


def test_heads_are_switched_off_on_both_pages() -> None:
    app = open_page(off="0-2")
    assert not app.exception
    assert [tuple(one.value) for one in app.multiselect] == [("0-2",)]
    assert len(app.get("plotly_chart")) >= 4
    app.switch_page("views/head.py").run()
    assert not app.exception
    app.multiselect(key="off").set_value(["0-2", "1-1"]).run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 1


def test_a_large_model_is_measured_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.bias.effects.SMALL", 0)
    app = open_page(prompt_a=SHE, prompt_b=HE)
    assert "Indirect effect (NIE)" not in grids(app)
    (button,) = [one for one in app.button if one.label.startswith("Measure every head (at most about")]
    button.click().run()
    assert "Head 0-2 moves most and has the largest effect" in words(app)
    app.text_input(key="targets").set_value("doctor, nurse").run()
    assert "Indirect effect (NIE)" in grids(app), "what has been measured is kept"
