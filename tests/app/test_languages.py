"""Languages of translation models: fields for such a model only, kept in the address, and read by every page."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import state
from tests.app.pages import messages, opens, payloads, saved

PAGES = ("views/head.py", "views/model.py", "views/neuron.py")
COMPARE = "bias/compare.py"
NONE_CHOSEN = "expects the token of a target language first"


@pytest.fixture(scope="module")
def mbart_50(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.unit.translators import translator

    folder = tmp_path_factory.mktemp("mbart-50")
    model = translator("mbart-50")
    model.hf.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return str(folder)


def fields(app: AppTest) -> dict[str, str | None]:
    assert not app.exception
    return {box.key: box.value for box in app.selectbox if str(box.key).endswith("_language")}


def names(app: AppTest) -> str:
    """All that the views of the page were given, as text."""
    return json.dumps([header for header, _ in payloads(app).values()])


@pytest.mark.parametrize("page", [*PAGES, COMPARE])
def test_a_model_without_languages_has_no_such_fields(page: str, tmp_path: Path) -> None:
    app = opens(page)(model=saved(tmp_path, "t5", "seq2seq"), text="The doctor asked.", target_language="fr_XX")
    assert fields(app) == {}
    assert NONE_CHOSEN not in messages(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_text_is_read_in_the_chosen_languages(page: str, mbart_50: str) -> None:
    texts = {"text": "The doctor asked.", "text_b": "Le médecin", "stack": "cross"}
    app = opens(page)(model=mbart_50, **texts)
    assert fields(app) == {"source_language": "en_XX", "target_language": None}
    assert NONE_CHOSEN in messages(app)
    assert "en_XX" in names(app)
    app.selectbox(key="source_language").select("de_DE")
    app.selectbox(key="target_language").select("fr_XX").run()
    assert NONE_CHOSEN not in messages(app)
    shown = names(app)
    assert "de_DE" in shown
    assert "fr_XX" in shown
    assert "en_XX" not in shown
    again = opens(page)(model=mbart_50, **texts, source_language="de_DE", target_language="fr_XX")
    assert fields(again) == {"source_language": "de_DE", "target_language": "fr_XX"}
    assert names(again) == shown


def test_a_pair_is_read_in_the_chosen_languages(mbart_50: str) -> None:
    prompts = {"prompt_a": "The doctor asked.", "prompt_b": "The nurse asked.", "second_a": "Le", "second_b": "Le"}
    pair = {**prompts, "focus": "", "targets": "", "stack": "cross"}
    app = opens(COMPARE)(model=mbart_50, **pair)
    assert f"Both prompts: This model's decoder {NONE_CHOSEN}" in messages(app)
    app = opens(COMPARE)(model=mbart_50, **pair, source_language="de_DE", target_language="fr_XX")
    assert fields(app) == {"source_language": "de_DE", "target_language": "fr_XX"}
    assert NONE_CHOSEN not in messages(app)
    header = payloads(app)["attn_head"][0]
    assert "fr_XX" in json.dumps(header)
    assert "de_DE" in json.dumps(header)


def test_the_evidence_says_which_languages(mbart_50: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opens(PAGES[0])(model=mbart_50, text="The doctor.", text_b="Le", target_language="fr_XX")
    shown = SimpleNamespace(session_state={"choices": app.session_state["choices"]})
    monkeypatch.setattr(state, "st", shown)
    assert {"Source language": "en_XX", "Target language": "fr_XX"}.items() <= state.asked().items()


def test_languages_are_not_kept_when_another_model_was_chosen(mbart_50: str) -> None:
    app = opens(PAGES[0])(model=mbart_50, text="The doctor.", source_language="de_DE", target_language="fr_XX")
    app.selectbox(key="model").select("demo/gpt2-biased").run()
    assert fields(app) == {}
    app.selectbox(key="model").select(mbart_50).run()
    assert fields(app) == {"source_language": "en_XX", "target_language": None}


def test_an_unknown_language_of_a_link_is_the_models_own(mbart_50: str) -> None:
    app = opens(PAGES[0])(model=mbart_50, text="The doctor.", source_language="xx", target_language="Klingon")
    assert fields(app) == {"source_language": "en_XX", "target_language": None}
    assert NONE_CHOSEN in messages(app)
