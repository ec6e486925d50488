"""The comparison page as a script: what the views are given, what the sentences say, what errors read like."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit.runtime.fragment
from streamlit.testing.v1 import AppTest

import attnlib
from tests.app.pages import HE, SHE, messages, opens, payloads, saved, says

open_page = opens("bias/compare.py")


def finding(app: AppTest) -> str:
    return next(e.value for e in app.markdown if e.value.startswith("####")).replace("\\", "")


def test_the_first_pair_shows_the_planted_head() -> None:
    app = open_page()
    shown = payloads(app)
    assert set(shown) == {"attn_alignment", "attn_grid", "attn_head", "attn_matrix"}
    assert app.text_area(key="prompt_b").value == HE
    said = finding(app)
    assert (
        "Changing “She” to “He” moves head 0-2 most (target shift G −.898), further than any head of the controls"
    ) in said
    assert "20 untrained copies" in said
    shift = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE).target_shift(("nurse", "doctor"))
    assert f"G of −{abs(shift[0, 2]):.3f}".replace("0.", ".") in said
    header, arrays = shown["attn_head"]
    assert (header["layer"], header["head"], header["pair"]) == (0, 2, True)
    a, b = arrays["weights"][2] / 65535, arrays["weights_b"][2] / 65535  # packed lower triangles [pair of tokens]
    nurse, doctor = (36 + i for i in (4, 1))  # the row of the ninth token
    assert (b[nurse] - b[doctor]) - (a[nurse] - a[doctor]) == pytest.approx(shift[0, 2], abs=1e-4)


def test_the_controls_stand_beside_and_the_twin_is_quiet() -> None:
    header, arrays = payloads(open_page())["attn_grid"]
    assert [grid["title"] for grid in header["grids"]] == [
        "Your edit",
        "Control edit",
        "Twin model",
        "Random weights",
    ]
    edit, _, twin, _ = (np.asarray(array) for array in arrays.values())
    assert np.nanmax(np.abs(edit)) > 10 * np.nanmax(np.abs(twin))


def test_a_name_that_is_asked_about_is_measured_against_another_of_its_kind() -> None:
    app = open_page(prompt_a="The doctor knows Emily", prompt_b="The doctor knows Greg")
    header, _ = payloads(app)["attn_grid"]
    control = next(grid["about"] for grid in header["grids"] if grid["title"].startswith("Control edit"))
    assert control.startswith("The doctor knows ")
    assert not {"Emily", "Greg"} & set(control.split())
    assert "that keeps" not in finding(app)


def test_the_largest_head_is_drawn_beside_untrained_copies() -> None:
    from attnlib.comparison.untrained import largest_untrained

    app = open_page()
    strip = next(one for one in app.get("plotly_chart") if one.proto.id.endswith("reference"))
    rows = {row["name"]: row["x"] for row in json.loads(strip.proto.spec)["data"]}
    assert set(rows) == {"head 0-2, your edit", "a control edit", "the twin model", "20 untrained copies"}
    model = attnlib.load_model("demo/gpt2-biased")
    copies = largest_untrained(model, lambda one: attnlib.compare(one, SHE, HE).target_shift(("nurse", "doctor")))
    assert _numbers(rows["20 untrained copies"]) == pytest.approx(copies.largest)
    assert "20 untrained copies: " in strip.proto.alt
    assert "In 0 of 20 untrained copies the largest head moves as far as head 0-2 here" in messages(app)
    app.button_group(key="controls").set_value(["a control edit"]).run()
    assert not app.exception
    assert not [one for one in app.get("plotly_chart") if one.proto.id.endswith("reference")]


def _numbers(values: "list[float] | dict[str, str]") -> np.ndarray:
    """Numbers of a chart as they are sent: a list, or base64."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.array(values)


def test_the_plain_sentence_agrees_with_the_table() -> None:
    app = open_page()
    numbers = [float(n.replace("−", "-")) for n in re.findall(r"[+−]?\.\d{3}", finding(app).partition("\n")[2])]
    from attnlib.comparison.export import ranking_csv

    comparison = attnlib.compare(attnlib.load_model("demo/gpt2-biased"), SHE, HE)
    rows = list(csv.DictReader(io.StringIO(ranking_csv(comparison, "shift", ("nurse", "doctor")))))
    top = rows[0]
    wanted = [top[name] for name in ("a_nurse", "b_nurse", "a_doctor", "b_doctor", "shift")]
    assert numbers[:5] == pytest.approx([float(value) for value in wanted], abs=0.00051)
    assert numbers[5] == pytest.approx(abs(float(rows[1]["shift"])), abs=0.00051)


def test_without_targets_heads_are_read_by_distance() -> None:
    app = open_page(prompt_a="The cat sat on the mat.", prompt_b="The dog sat on the mat.", focus="mat", targets="")
    assert "Jensen–Shannon" in finding(app)
    assert payloads(app)["attn_grid"][0]["signed"] is False


def test_corrections_belong_to_their_prompts() -> None:
    app = open_page(prompt_a="a b c", prompt_b="a x y c", targets="", focus="", align="1~1,~2")
    assert payloads(app)["attn_alignment"][0]["corrected"] is True
    app.text_area(key="prompt_b").set_value("a z c").run()
    assert payloads(app)["attn_alignment"][0]["corrected"] is False
    assert not app.error


def test_a_target_after_the_focus_is_explained() -> None:
    app = open_page(prompt_a="She met the nurse.", prompt_b="He met the nurse.", focus="She", targets="nurse")
    assert "G cannot be measured here: the target “nurse” comes after “She”, and this model never looks" in finding(
        app
    )
    assert np.isnan(np.asarray(payloads(app)["attn_grid"][1]["values0"])).all()


def test_the_first_word_of_a_causal_model_is_not_the_focus_and_the_address_says_which_is() -> None:
    app = open_page(prompt_a="Women are nurses.", prompt_b="Men are nurses.", focus="", targets="", at="3~2")
    assert "Focus: “are”. “Women → Men” comes first and sees only itself" in messages(app)
    old = open_page(prompt_a="Women are nurses.", prompt_b="Men are nurses.", targets="", distance="JSD, focus word")
    assert "comes first and sees only itself" in finding(old), "a link from before keeps its focus"
    assert app.query_params["at"] == "3~2"
    assert old.query_params["at"] == "0.1.2~0.1"


def test_one_target_of_two_is_not_measured_in_place_of_both() -> None:
    app = open_page(prompt_a=SHE, prompt_b=HE, focus="She", targets="nurse, zebra")
    assert (
        "No target shift is measured until both target words are found. To measure “nurse” alone, remove the other."
        in messages(app)
    )
    assert "target shift" not in finding(app).lower()
    assert payloads(app)["attn_grid"][0]["signed"] is False


def test_swap_turns_every_sign() -> None:
    app = open_page()
    before = np.asarray(payloads(app)["attn_grid"][1]["values0"])
    next(button for button in app.button if button.label == "Swap").click().run()
    assert (app.text_area(key="prompt_a").value, app.text_area(key="prompt_b").value) == (HE, SHE)
    assert np.allclose(payloads(app)["attn_grid"][1]["values0"], -before)


def test_the_other_one_is_made_in_place() -> None:
    app = open_page(prompt_a="The pilot thanked his mother.", prompt_b="x")
    next(button for button in app.button if button.label == "Make B from A").click().run()
    assert app.text_area(key="prompt_b").value == "The pilot thanked her father."
    app.text_area(key="prompt_a").set_value("It rains.").run()
    next(button for button in app.button if button.label == "Make B from A").click().run()
    assert "no gendered word" in messages(app)
    assert app.text_area(key="prompt_b").value == "The pilot thanked her father.", "what was written stays"


def test_built_in_pairs_fill_the_fields() -> None:
    app = open_page()
    app.selectbox(key="category").select("Religion").run()
    app.selectbox(key="pair").select_index(0).run()
    payloads(app)
    assert app.text_area(key="prompt_a").value != SHE
    assert app.text_input(key="targets").value.count(",") == 1


def test_two_models_are_compared_on_one_prompt() -> None:
    app = open_page(prompt_a=SHE, prompt_b=SHE, model_b="demo/gpt2-balanced", focus="She", targets="nurse, doctor")
    assert "Going from demo/gpt2-biased to demo/gpt2-balanced" in finding(app)


def test_further_prompts_are_compared_with_the_first() -> None:
    app = open_page(
        text=SHE, prompt_b=HE, targets="nurse, doctor", more=f"{SHE[:-3]}They | {SHE[:-3]}Emily | nothing"
    )
    payloads(app)
    table = app.dataframe[0].value
    assert [row[0] for row in table["prompt"]] == ["B", "C", "D"]
    assert "Prompt E" in " ".join(w.value for w in app.warning)


def test_a_corrected_alignment_holds() -> None:
    header, _ = payloads(open_page(prompt_a="a b c", prompt_b="a x y c", targets="", focus="", align="1~1,~2"))[
        "attn_alignment"
    ]
    assert header["corrected"] is True
    assert ["replaced", [1], [1]] in header["units"]
    assert ["inserted", [], [2]] in header["units"]


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ({"prompt_a": SHE, "prompt_b": SHE}, "The two prompts are the same: every difference is zero"),
        ({"prompt_a": SHE, "prompt_b": "   "}, "Prompt B: The text is empty"),
        ({"prompt_a": SHE, "prompt_b": "Der Arzt sprach lange mit uns."}, "little in common"),
        ({"prompt_a": SHE, "prompt_b": HE, "focus": "zebra"}, "The focus word “zebra” is in neither prompt"),
        (
            {"prompt_a": SHE, "prompt_b": HE, "targets": "nurse, zebra"},
            "The target word “zebra” is in neither prompt",
        ),
        ({"prompt_a": SHE, "prompt_b": HE, "model_b": "demo/bert-biased"}, "differ in shape"),
        ({"prompt_a": SHE, "prompt_b": "word " * 2000}, "Prompt B: The text has"),
        ({"prompt_a": SHE, "prompt_b": HE, "align": "0~5,5~0"}, "cross"),
        ({"prompt_a": SHE, "prompt_b": HE, "align": "99~99,x~,~,1"}, "there is no token 99"),
        ({"prompt_a": SHE, "prompt_b": HE, "align": "x~y,~,7", "controls": "?", "stat": "?", "order": "?"}, ""),
    ],
)
def test_bad_input_is_a_sentence(choices: dict[str, str], sentence: str) -> None:
    app = says(open_page(**choices), sentence)
    assert app.text_area(key="prompt_b").value == choices["prompt_b"], "what was written stays"


def test_long_prompts_are_cut_on_request_and_told() -> None:
    app = open_page(prompt_a="one " + "word " * 2000, prompt_b="two " + "word " * 2000, cut="true")
    assert "Prompt A was truncated" in messages(app)
    lost = open_page(prompt_a="word " * 2000, prompt_b="word " * 1999 + "end", cut="true")
    assert "truncation removes that part" in messages(lost), "not: the two prompts are the same"


def test_masks_are_compared_in_bert() -> None:
    app = open_page(
        model="demo/bert-biased",
        prompt_a="The nurse said that [MASK] was tired.",
        prompt_b="The pilot said that [MASK] was tired.",
    )
    payloads(app)
    assert "As the word at the mask" in finding(app)


def test_second_sentences_and_attentions_of_an_encoder_decoder(tmp_path: Path) -> None:
    model = saved(tmp_path, "t5", "seq2seq")
    app = open_page(
        model=model,
        prompt_a="The doctor asked.",
        prompt_b="The nurse asked.",
        second_a="She",
        second_b="He",
        targets="",
        focus="",
    )
    assert app.text_area(key="second_b").value == "He"
    for stack in ("encoder", "decoder", "cross"):
        next(group for group in app.get("button_group") if "cross" in str(group.proto)).set_value(stack).run()
        assert payloads(app)["attn_head"][0]["stack"] == stack


def test_downloads_say_everything() -> None:
    from attnlib.comparison.export import comparison_json, difference_npz

    model = attnlib.load_model("demo/gpt2-biased")
    comparison = attnlib.compare(model, SHE, HE)
    about = json.loads(comparison_json(comparison, (model, model), "shift", ("nurse", "doctor")))
    for side in "ab":
        assert about["models"][side]["versions"]["torch"]
        assert len(about["models"][side]["weights_sha256"]) == 64
    assert np.allclose(about["difference"]["0"][2][8], comparison.difference[0, 2, 8], atol=1e-6)
    with np.load(io.BytesIO(difference_npz(comparison)), allow_pickle=False) as file:
        assert np.array_equal(file["difference"], comparison.difference)
        assert list(file["rows"])[-1].strip() == "She → He"


def test_nothing_moves_when_messages_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """What moves loses its place in the URL, and clicks on it are lost: every view stays where it is."""
    places: list[str] = []
    identity = streamlit.runtime.fragment._make_fragment_identity

    def noted(func: Callable, **where: str) -> object:
        places.append(f"{func.__qualname__} {where['delta_path']}")
        return identity(func, **where)

    app = open_page()
    monkeypatch.setattr(streamlit.runtime.fragment, "_make_fragment_identity", noted)
    app.run()
    first = set(places)
    assert len(first) == 6
    for key, value in [("targets", "zebra, doctor"), ("prompt_b", "The doctor met a nurse. He"), ("prompt_b", SHE)]:
        places.clear()
        widget = app.text_area(key=key) if key == "prompt_b" else app.text_input(key=key)
        widget.set_value(value).run()
        payloads(app)
        assert set(places) == first


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label.replace("\\", "") == label).click().run()
    return app


def test_a_trailing_space_is_told_and_trimmed_by_a_click() -> None:
    app = open_page(prompt_a=f"{SHE} ", prompt_b=f"{HE} ", focus="She", targets="nurse, doctor")
    assert "Both prompts: The text ends with white space" in messages(app)
    suggested = [app.text_input(key=key).placeholder for key in ("fits_a", "fits_b")]
    assert suggested == ["comforted", "prescribed"]
    press(app, "Trim")
    assert (app.text_area(key="prompt_a").value, app.text_area(key="prompt_b").value) == (SHE, HE)
    assert "white space" not in messages(app)
    assert [app.text_input(key=key).placeholder for key in ("fits_a", "fits_b")] == suggested
    assert finding(app) == finding(open_page(prompt_a=SHE, prompt_b=HE, focus="She", targets="nurse, doctor"))


def test_special_tokens_are_not_added_again() -> None:
    she, he = "she was tired.", "he was tired."
    app = open_page(model="demo/bert-biased", prompt_a=f"[CLS] {she} [SEP]", prompt_b=f"[CLS] {he} [SEP]", targets="")
    assert "so the model reads it twice" in messages(app)
    press(app, "Do not add special tokens again")
    assert (app.text_area(key="prompt_a").value, app.text_area(key="prompt_b").value) == (she, he)
    assert "reads it twice" not in messages(app)


def test_a_word_with_as_many_tokens_is_offered_and_used() -> None:
    b = "The doctor asked the nurse and Lakisha a question. She was tired."  # 10 of 12 words are known: enough
    a = b.replace("Lakisha", "Emily")
    app = open_page(model="demo/bert-biased", prompt_a=a, prompt_b=b, focus="", targets="")
    assert "part of any difference comes from that" in finding(app)
    offered = next(button.label for button in app.button if button.label.startswith("Use “"))
    press(app, offered)
    word = offered.removeprefix("Use “").partition("”")[0]
    assert app.text_area(key="prompt_b").value == b.replace("Lakisha", word)
    assert "part of any difference comes from that" not in finding(app)
