"""The head page as a script: what is in the payload, what the sidebar and the URL say, what errors read like."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.app.pages import messages, opens, payloads, saved, says, words

open_page = opens()


def payload(app: AppTest) -> tuple[dict, dict]:
    """What the view was given."""
    assert not app.exception
    (header, arrays) = payloads(app)["attn_head"]
    return header, arrays


def test_the_first_view_is_a_sentence_in_a_demo_model() -> None:
    header, arrays = payload(open_page())
    assert header["model"] == "demo/gpt2-biased"
    assert header["queries"]["labels"][0] == "The"
    assert header["triangle"] is True
    assert arrays["weights"].shape == (4, 9 * 10 // 2)
    assert len(header["predictions"]) == 9


def test_a_link_chooses_model_text_layer_and_head() -> None:
    app = open_page(
        model="demo/bert-balanced", text="The cat sat.", text_b="It slept.", layer="2", head="3", view="words:1"
    )
    header, arrays = payload(app)
    assert (header["model"], header["layer"], header["head"], header["state"]) == (
        "demo/bert-balanced",
        2,
        3,
        "words:1",
    )
    assert header["queries"]["segments"] == [0] * 6 + [1] * 4
    assert arrays["weights"].shape == (4, 10, 10)
    assert np.allclose(arrays["weights"].sum(-1) / 65535, 1, atol=1e-3)
    assert app.text_area(key="text_b").value == "It slept."


def test_the_sidebar_changes_the_view() -> None:
    app = open_page()
    app.selectbox(key="layer").select(3).run()
    app.text_area(key="text").set_value("Time flies like an arrow").run()
    header, _ = payload(app)
    assert header["layer"] == 3
    assert "".join(header["queries"]["labels"]) == "Time flies like an arrow"


def test_an_example_fills_the_text() -> None:
    app = open_page(model="demo/bert-biased")
    app.selectbox(key="example").select("Two sentences (Vig 2019)").run()
    assert app.text_area(key="text").value == "The cat sat on the mat."
    assert app.text_area(key="text_b").value == "The cat lay on the rug."
    header, _ = payload(app)
    assert 1 in header["queries"]["segments"]


def test_a_second_text_is_offered_only_where_the_model_reads_two() -> None:
    app = open_page()
    assert "text_b" not in [area.key for area in app.text_area]
    app.selectbox(key="model").select("demo/bert-biased").run()
    assert "text_b" in [area.key for area in app.text_area]


def test_the_status_line_tells_model_size_time_and_verification() -> None:
    app = open_page()
    line = app.caption[0].value
    for part in ("gpt2", "M parameters", "4 layers × 4 heads", "9 tokens", "cpu, float32", "ms"):
        assert part in line
    text = " ".join(element.value for element in app.markdown)
    assert "softmax(q·kᵀ·scale + bias) gives these weights: verified" in text
    assert "no token sees a later one: verified" in text


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"text": "   "}, "The text is empty"),
        ({"text": "a\ud800b".encode("utf-8", "ignore").decode()}, ""),
        ({"text": "\x00\x01\x1b[31m"}, ""),
        ({"text": "x" * 100_000}, "reads at most 128"),
        ({"model": "../../etc/passwd"}, "contains '..'"),
        ({"model": "nobody/knows-this-model"}, "hub cannot be reached"),
        ({"model": "/"}, "no config.json"),
        ({"model": "demo/unknown"}, "no demo model"),
        ({"layer": "-7", "head": "99", "stack": "?", "view": "<b>", "hide": "a.b"}, ""),
        ({"hide": "500"}, "There is no token 500"),
    ],
)
def test_bad_input_is_a_sentence(choices: dict[str, str], sentence: str) -> None:
    app = says(open_page(**choices), sentence)
    if choices.get("text", "").strip():
        assert app.text_area(key="text").value == choices["text"], "the text is kept"


def test_a_long_text_is_cut_on_request_and_told() -> None:
    app = open_page(text="the cat sat on the mat and " * 60)
    assert "reads at most 128" in messages(app)
    app.toggle(key="cut").set_value(True).run()
    header, _ = payload(app)
    assert len(header["queries"]["labels"]) == 128
    assert "The text was truncated: the first 128 of its" in messages(app)


def test_a_failed_model_leaves_the_sidebar_usable() -> None:
    app = open_page(model="demo/unknown")
    app.selectbox(key="model").select("demo/gpt2-balanced").run()
    header, _ = payload(app)
    assert header["model"] == "demo/gpt2-balanced"


def test_hidden_tokens_belong_to_their_text() -> None:
    app = open_page(model="demo/bert-biased", text="The nurse slept.", hide="2")
    header, _ = payload(app)
    assert header["queries"]["labels"][2] == "[MASK]"
    app.text_area(key="text").set_value("The pilot slept.").run()
    header, _ = payload(app)
    assert "[MASK]" not in header["queries"]["labels"]


def test_an_encoder_decoder_shows_its_three_attentions_of_unequal_depth(tmp_path: Path) -> None:
    model = saved(tmp_path, "t5", "seq2seq")
    app = open_page(model=model, text="The doctor asked.", text_b="She answered", layer="2")
    assert app.selectbox(key="layer").value == 0, "the encoder has two layers only"
    shapes = {}
    for stack in ("encoder", "decoder", "cross"):
        app.get("button_group")[0].set_value(stack).run()
        header, arrays = payload(app)
        shapes[header["stack"]] = arrays["weights"].shape[1:]
        assert len(app.selectbox(key="layer").options) == (2 if stack == "encoder" else 3)
    queries, keys = shapes["cross"]
    assert shapes["encoder"] == (keys, keys)
    assert shapes["decoder"] == (queries, queries)
    app.selectbox(key="layer").select(2).run()
    assert payload(app)[0]["layer"] == 2
    app.get("button_group")[0].set_value("encoder").run()
    assert payload(app)[0]["layer"] == 0, "a layer that is not there is left"


def test_a_model_outside_the_interface_says_what_is_not_known(tmp_path: Path) -> None:
    app = open_page(model=saved(tmp_path, "deberta-v2", "masked"), text="The doctor asked.")
    payload(app)
    assert "does not use transformers' attention interface" in " ".join(element.value for element in app.markdown)


def test_the_first_page_says_what_to_do_and_leads_to_the_first_finding() -> None:
    app = opens()()
    assert "Five minutes to the first finding" in words(app)
    app.button(key="first_pair").click().run()
    assert not app.exception
    compared = payloads(app)["attn_grid"][0]
    assert compared["selected"] == [0, 2]
    assert "Five minutes" not in words(opens()(text="Something else"))
