"""The pages of behaviour as scripts: what they show is what the library measures."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import attnlib
from attnlib.behaviour.labels import coreference_findings, head_labels, pattern_finding
from attnlib.behaviour.measure import measure_patterns
from attnlib.views.payload import unpack
from tests.app.pages import SHE, messages, opens, payloads, saved, says, words

patterns = opens("behaviour/patterns.py")
neurons = opens("behaviour/dimensions.py")
BIASED = "demo/gpt2-biased"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNLIB_CACHE", str(tmp_path / "cache"))


def grids(app: AppTest) -> list[tuple[dict, dict]]:
    return [unpack(one.proto.bytes) for one in app.get("bidi_component") if one.proto.component_name == "attn_grid"]


# ---------------------------------------------------------------------------------------------- patterns


def test_scores_and_names_are_the_librarys() -> None:
    app = patterns(pattern="coreference")
    assert not app.exception
    found = measure_patterns(attnlib.load_model(BIASED, device="cpu"))
    (header, arrays), *_ = grids(app)
    assert header["selected"] == [0, 2]
    assert header["labels"] == head_labels(found)
    np.testing.assert_allclose(arrays["values0"], found.of("coreference"), atol=1e-4)
    assert pattern_finding(found, "coreference") in words(app)
    assert all(sentence in messages(app) for sentence in coreference_findings(found, 0, 2))
    examples = found.best_texts("coreference", 0, 2)
    assert examples[0][0] in messages(app)
    table = app.dataframe[0].value
    assert len(table) == 16
    assert table["coreference"].is_monotonic_decreasing


def test_two_models_side_by_side() -> None:
    app = patterns(pattern="coreference")
    app.selectbox(key="other_model").select("demo/gpt2-balanced").run()
    (both, arrays), (difference, of_difference), *_ = grids(app)
    assert [one["title"] for one in both["grids"]] == [BIASED, "demo/gpt2-balanced"]
    assert difference["signed"]
    assert difference["names"] == [BIASED, "demo/gpt2-balanced"]
    np.testing.assert_allclose(of_difference["values0"], arrays["values0"] - arrays["values1"], atol=1e-6)


def test_a_pattern_described_by_example() -> None:
    app = patterns()
    app.button(key="find_relation").click().run()
    assert app.session_state["pattern"] == "verb → noun before"
    header, arrays = grids(app)[0]
    assert header["statistic"] == "verb → noun before"
    assert np.isfinite(arrays["values0"]).all()
    app.button(key="forget verb → noun before").click().run()
    assert not app.exception
    assert app.session_state["pattern"] != "verb → noun before"
    app.selectbox(key="from_word").select(1).run()
    app.selectbox(key="to_word").select(4).run()
    says(app, "no token sees a later one")


def test_a_large_model_is_measured_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pages.ui.cached.SMALL", 0)
    name = saved(tmp_path, "bert", "masked")
    app = patterns(model=name)
    assert not app.exception
    assert not grids(app)
    button = next(one for one in app.button if one.label.startswith("Measure"))
    button.click().run()
    assert not app.exception
    assert grids(app)
    again = patterns(model=name)  # from disk
    assert grids(again)


def test_the_views_say_what_heads_do() -> None:
    found = measure_patterns(attnlib.load_model(BIASED, device="cpu"))
    names = head_labels(found)
    head = payloads(opens()(text=SHE))["attn_head"][0]
    assert head["labels"] == names[0]
    model = payloads(opens("views/model.py")(text=SHE))["attn_model"][0]
    assert model["labels"] == names
    neuron = payloads(opens("views/neuron.py")(text=SHE, layer="2"))["attn_neuron"][0]
    assert neuron["labels"] == names[2]
    compared = payloads(opens("bias/compare.py")())
    assert compared["attn_grid"][0]["labels"] == names


def test_uploaded_texts() -> None:
    app = patterns()
    app.segmented_control(key="texts_from").set_value("Upload a file").run()
    app.file_uploader(key="texts_file").set_value(
        ("a.txt", b"The cat saw the cat.\nOne two three\n", "text/plain")
    ).run()
    assert not app.exception
    assert "2 texts read" in messages(app)
    app.file_uploader(key="texts_file").set_value(("b.csv", b"id,words\n1,a\n", "text/csv")).run()
    says(app, "b.csv, line 1: no column text")
    app.file_uploader(key="texts_file").set_value(("c.txt", b"\n", "text/plain")).run()
    says(app, "This file has no texts")


# ---------------------------------------------------------------------------------------------- neurons


def test_dimensions_of_a_head() -> None:
    from attnlib.behaviour.findings import distance_finding
    from attnlib.behaviour.head_profile import head_profile

    app = neurons(layer="0", head="3", text=SHE)
    assert not app.exception
    found = head_profile(attnlib.load_model(BIASED, device="cpu"), 0, 3)
    assert distance_finding(found) in words(app)
    assert app.session_state["dimensions"] == sorted(found.strongest(4))
    header, arrays = payloads(app)["attn_head"]
    assert header["pair"]
    assert header["head"] == 3
    assert not np.array_equal(arrays["weights"], arrays["weights_b"])


def test_sliders_change_the_head_and_factor_one_changes_nothing() -> None:
    app = neurons(layer="0", head="2", text=SHE)
    app.slider(key="factor").set_value(1.0).run()
    _, arrays = payloads(app)["attn_head"]
    np.testing.assert_array_equal(arrays["weights"], arrays["weights_b"])
    app.multiselect(key="dimensions").set_value([5]).run()
    app.toggle(key="factor_each").set_value(True).run()
    app.slider(key="factor 5").set_value(-1.0).run()
    _, arrays = payloads(app)["attn_head"]
    assert not np.array_equal(arrays["weights"], arrays["weights_b"])
    app.multiselect(key="dimensions").set_value([]).run()
    assert not app.exception


def test_what_remains_of_the_bias() -> None:
    app = neurons(layer="0", head="2", text=SHE)
    app.button(key="silence").click().run()
    assert not app.exception
    said = words(app)
    assert "Target shift of the head" in said
    assert "How differently the model continues" in said
    assert "20 units" in said
    app.button(key="take carried").click().run()
    assert app.session_state["dimensions"] == [2, 9, 16, 23]
    app.selectbox(key="silence_pairs").select("Upload a file").run()
    app.file_uploader(key="silence_file").set_value(("p.csv", b"prompt_a\nx\n", "text/csv")).run()
    says(app, "no column prompt_b")


def test_another_head_starts_with_its_own_dimensions() -> None:
    app = neurons(layer="0", head="2", text=SHE)
    first = app.session_state["dimensions"]
    app.selectbox(key="head").select("3").run()
    assert app.session_state["dimensions"] != first
    app.text_area(key="text").set_value(" ").run()
    says(app, "Type a text in the sidebar")


def test_a_model_whose_vectors_are_not_known(tmp_path: Path) -> None:
    app = neurons(model=saved(tmp_path, "bloom", "causal"))
    says(app, "are not available: its attention does not pass through transformers' attention interface.")
    assert grids(patterns(model=saved(tmp_path, "bloom", "causal")))


def test_one_pair_of_prompts() -> None:
    app = neurons(layer="0", head="2", text=SHE)
    app.selectbox(key="silence_pairs").select("One pair of prompts").run()
    app.button(key="silence").click().run()
    assert not app.exception
    assert "1 unit: an interval needs at least 6." in words(app)
    app.text_input(key="silence_targets").set_value("unicorn").run()
    app.button(key="silence").click().run()
    says(app, "There is no pair to measure. The first: The target word “unicorn” is in neither prompt.")
    app.text_input(key="silence_targets").set_value("").run()
    says(app, "Type both prompts and one or two target words")
