"""The study page as a script: the form, a run in a process of its own, results against the library's numbers."""

import json
import shutil
import time
from html import unescape
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Dropped, Pair
from attnlib.study.findings import study_finding
from attnlib.study.folder import StudyFolder
from attnlib.study.notes import untrained_sentence
from attnlib.study.results import open_study
from attnlib.study.run import begin_study, run_study
from attnlib.study.untrained import untrained_heads
from attnlib.views.payload import unpack
from tests.app.pages import messages, opens, says, words

MODELS = ["demo/gpt2-biased", "demo/gpt2-balanced"]
open_page = opens("bias/study.py")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of studies with one that is done: 120 pairs, two models."""
    root = tmp_path_factory.mktemp("studies")
    pairs = [pair for pair in pair_set("two-occupations") if " asked " in pair.prompt_a or "hall" in pair.prompt_a]
    run_study([*pairs, Dropped("x, line 9", "prompt_b is empty.")], MODELS, root / "done")
    return root


@pytest.fixture(autouse=True)
def _there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTNLIB_STUDIES", str(root))


def headline(app: AppTest) -> str:
    return next(one.value for one in app.markdown if one.value.startswith("#### ")).replace("\\", "")[5:]


def finding(app: AppTest) -> str:
    """The headline and the paragraph below it."""
    told = [one.value.replace("\\", "") for one in app.markdown]
    at = next(n for n, text in enumerate(told) if text.startswith("#### "))
    return f"{told[at][5:]} {told[at + 1]}"


# ---------------------------------------------------------------------------------------------- results


def test_what_holds_is_said_as_the_library_says_it(root: Path) -> None:
    app = open_page(study="done")
    assert not app.exception
    study = open_study(root / "done")
    summary = study.summary("shift", MODELS[0])
    assert finding(app) == study_finding(study, "shift", MODELS[0], None, summary)
    assert headline(app).startswith("80 pairs, averaged to 20 units (nurse/mechanic, …). ")
    assert " tests): 0-2, −" in headline(app)
    grid = next(one for one in app.get("bidi_component") if one.proto.component_name == "attn_grid")
    header, arrays = unpack(grid.proto.bytes)
    assert [one["title"] for one in header["grids"]] == MODELS
    assert header["selected"] == [0, 2]
    np.testing.assert_allclose(arrays["values0"], summary.mean, atol=1e-6)
    assert "Pair by pair." in words(app)
    assert "With “he” instead of “she” attention goes from the female-typed word to the male-typed word" in words(app)


def test_a_wider_correction_is_in_what_is_saved(root: Path) -> None:
    app = open_page(study="done")
    app.toggle(key="study_family").set_value(True).run()
    assert not app.exception
    family = open_study(root / "done").family()
    assert f"corrected for {16 * len(family)} tests" in headline(app)
    files = app.session_state["drawn"].files
    content = {name: made() if callable(made) else made for name, (_, made) in files.items()}
    assert finding(app) in content["finding.txt"]
    assert finding(app) in unescape(content["done.html"])
    told = pd.read_csv(StringIO(content["done heads.csv"])).set_index(["layer", "head"])["p_corrected"]
    np.testing.assert_allclose(told[0, 2], family["shift", MODELS[0]].p_corrected[0, 2], rtol=1e-3)


def test_untrained_copies_are_measured_at_a_button_and_drawn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnlib.study.untrained.COPIES", 3)
    run_study(list(pair_set("two-occupations"))[:60:6], MODELS, root / "small")
    app = open_page(study="small")
    assert not [one for one in app.get("plotly_chart") if one.proto.id.endswith("reference")]
    app.button(key="measure_untrained").click().run()
    assert not app.exception
    study = open_study(root / "small")
    copies = untrained_heads(study, "shift", MODELS[0])
    assert len(copies) == 3
    assert not study.folder.busy()
    assert untrained_sentence(study.summary("shift", MODELS[0]), copies) in finding(app)
    strip = next(one for one in app.get("plotly_chart") if one.proto.id.endswith("reference"))
    rows = [row["name"] for row in json.loads(strip.proto.spec)["data"]]
    assert rows[1:] == [MODELS[1], "3 untrained copies"]
    assert "3 untrained copies: " in strip.proto.alt
    assert not [one for one in app.button if one.key == "measure_untrained"], "all of them are there"
    assert "3 untrained copies" in app.session_state["drawn"].files["small.html"][1]()
    app.selectbox(key="study_model").select(MODELS[1]).run()
    assert "untrained" not in finding(app)
    assert app.button(key="measure_untrained").label == "Measure 3 untrained copies"


def test_the_twin_shows_nothing() -> None:
    app = open_page(study="done")
    app.selectbox(key="study_model").select(MODELS[1]).run()
    assert not app.exception
    assert headline(app).startswith("80 pairs, averaged to 20 units (nurse/mechanic, …). In none of 16 heads")


def test_every_pair_can_count_and_distances_are_not_tested(root: Path) -> None:
    app = open_page(study="done")
    app.selectbox(key="study_unit").select("every pair").run()
    expected = open_study(root / "done").summary("shift", MODELS[0], unit="")
    study = open_study(root / "done")
    assert finding(app) == study_finding(study, "shift", MODELS[0], "every pair", expected)
    assert headline(app).startswith("80 pairs, counted one by one")
    app.selectbox(key="study_statistic").select("JSD, focus word").run()
    assert not app.exception
    assert "A distance is never below 0" in headline(app)
    assert len([one for one in app.get("plotly_chart") if one.proto.id.endswith("volcano")]) == 0


def test_groups_stand_against_what_was_planted() -> None:
    app = open_page(study="done")
    by, against = app.selectbox(key="by_head"), "planted log-odds of she"
    assert by.value == "female_typed"
    assert app.selectbox(key="against_head_female_typed").value == against
    by.select("template").run()
    assert not app.exception


def test_head_pair_and_groups_are_in_the_address() -> None:
    app = open_page(study="done", study_head="1-1", study_pair="3", by_head="template")
    assert "Head 1-1 in demo/gpt2-biased" in words(app)
    assert app.selectbox(key="by_head").value == "template"
    assert app.button(key="open_pair")
    assert (app.query_params["study_head"], app.query_params["study_pair"]) == ("1-1", "3")
    app.switch_page("learn/lessons.py").run()
    app.switch_page("bias/study.py").run()
    assert "Head 1-1 in demo/gpt2-biased" in words(app)
    assert (app.query_params["study_head"], app.query_params["study_pair"]) == ("1-1", "3")


@pytest.mark.parametrize("head", ["9-9", "-1-0", "1", "²-0", "1-x", "1-" + "1" * 999])
def test_a_head_that_is_not_there_is_the_one_that_moves_most(head: str) -> None:
    app = open_page(study="done", study_head=head, study_pair="x")
    assert "Head 0-2 in demo/gpt2-biased" in words(app)


def test_what_was_not_measured_is_listed() -> None:
    app = open_page(study="done")
    assert any(one.label == "1 row is no pair" for one in app.expander)


def test_pairs_stand_by_the_size_of_what_the_head_does(root: Path) -> None:
    app = open_page(study="done")
    table = open_study(root / "done").numbers("shift", MODELS[0], (0, 2))
    assert table["number"].abs().is_monotonic_decreasing
    assert list(app.dataframe[0].value["prompt_a"]) == list(table["prompt_a"])


# ---------------------------------------------------------------------------------------------- a new one


def test_the_form_estimates_and_runs_in_a_process_of_its_own(root: Path) -> None:
    app = open_page()
    assert "480 pairs" in words(app)
    assert "of measuring, and" in messages(app)
    app.segmented_control(key="pairs_from").select("Template").run()
    assert "5 pairs" in words(app)
    app.button(key="run_study").click().run()
    assert not app.exception
    assert app.selectbox(key="study").value == "template"
    study = StudyFolder(root / "template")
    assert study.progress()["state"] in ("starting", "running", "done")
    deadline = time.monotonic() + 90
    while study.progress()["state"] != "done" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert study.progress()["state"] == "done", (study.path / "study.log").read_text()
    app.run()
    assert not app.exception
    assert "nurse" in app.dataframe[0].value["prompt_a"].iloc[0] or len(app.dataframe[0].value) == 5
    assert open_study(study.path).counts() == {"rows": 5, "pairs": 5, "models": 2, "measured": 10, "not_measured": 0}


def test_a_study_that_was_stopped_can_go_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [Pair("", "The nurse slept as she", "The nurse slept as he")] * 4
    study = begin_study(pairs, MODELS[:1], root / "begun").folder
    study.write(
        "progress.json", {"state": "running", "done": 2, "total": 4, "seconds": 1.0, "left": 2.0, "message": ""}
    )
    app = open_page(study="begun")
    assert not app.exception
    assert any(
        "Not finished: 4 pairs in 1 model are 4 measurements: 0 made, 4 to do." in one.value for one in app.warning
    )
    monkeypatch.setattr("subprocess.Popen", refuse)
    says(app.button(key="go_on").click().run(), "The study could not be started: no processes left")
    monkeypatch.undo()


def bar(app: AppTest) -> str:
    return app.get("progress")[0].proto.text.replace("\\", "")


def test_a_running_study_says_what_it_does_and_stop_is_acknowledged_at_once(root: Path) -> None:
    pairs = [Pair("", "The nurse slept as she", "The nurse slept as he")] * 4
    study = begin_study(pairs, MODELS, root / "busy").folder
    now = {"state": "waiting", "done": 0, "total": 8, "seconds": 0.0, "message": "", "ahead": 2}
    with study.alone():
        study.write("progress.json", now)
        app = open_page(study="busy")
        assert bar(app) == "Waiting: 2 studies come before this one"
        assert app.button(key="delete_study").disabled
        study.write("progress.json", now | {"state": "running", "done": 3, "left": 100.0, "model": MODELS[0]})
        app.run()
        assert bar(app) == (
            f"3 of 8 measurements (4 pairs in 2 models) · about 2 min left in {MODELS[0]}, then 1 more model"
        )
        app.button(key="stop").click().run()
        assert bar(app) == "Stopping …"
        assert app.button(key="stop").disabled
        assert study.stop_asked()
    app.run()
    assert not app.exception
    assert any(
        "Not finished: 4 pairs in 2 models are 8 measurements: 0 made, 8 to do." in w.value for w in app.warning
    )


def test_a_damaged_study_says_so_and_the_others_are_there(root: Path) -> None:
    shutil.copytree(root / "done", root / "damaged")
    (root / "damaged" / "heads.parquet" / "part-01-000000.parquet").unlink()
    app = open_page(study="damaged")
    assert not app.exception
    told = " ".join(one.value for one in app.warning).replace("\\", "")
    assert f"Parts of this study are damaged or missing (1 of 1 in {MODELS[1]})" in told
    assert headline(app).startswith("80 pairs, averaged to 20 units"), "the other model is shown"
    assert {"done", "damaged"} <= set(app.selectbox(key="study").options)


def test_delete_undo_and_rename(root: Path) -> None:
    begin_study("two-occupations", MODELS[:1], root / "old")
    app = open_page(study="old")
    app.button(key="delete_study").click().run()
    assert not app.exception
    says(app, "“old” was deleted")
    assert not (root / "old").exists()
    assert app.selectbox(key="study").value == "New study"
    app.button(key="undo_delete").click().run()
    assert not app.exception
    assert app.selectbox(key="study").value == "old"
    app.text_input(key="rename old").input("../up").run()
    says(app.button(key="rename_study").click().run(), "cannot name a study")
    app.text_input(key="rename old").input("new name").run()
    app.button(key="rename_study").click().run()
    assert not app.exception
    assert app.selectbox(key="study").value == "new name"
    assert (root / "new name" / "manifest.json").exists()
    assert not (root / "old").exists()


def refuse(*_: object, **__: object) -> None:
    raise OSError(11, "no processes left")


@pytest.mark.parametrize(
    ("template", "slots", "sentence"),
    [
        ("", "pronoun: she / he", "The template is empty"),
        ("The {who} said", "pronoun: she / he", "There are no words for {who}"),
        ("The {who", "who: a / b", "A brace has no partner"),
        ("The {who} said", "who: nurse, doctor", "One slot must say what A and B differ in"),
        ("The {who} said", "who nurse", "has no name before a colon"),
        ("<script>{who}</script>", "who: <b>a</b> / c / d", "is no pair of words"),
    ],
)
def test_a_wrong_template_is_a_sentence(template: str, slots: str, sentence: str) -> None:
    app = open_page()
    app.segmented_control(key="pairs_from").select("Template").run()
    app.text_input(key="template").input(template)
    app.text_area(key="slots").input(slots)
    says(app.run(), sentence)
    app.text_input(key="template").input("The {who} slept")
    app.text_area(key="slots").input("who: woman / man")
    assert "1 pair" in words(app.run())  # nothing was lost


def test_wrong_names_and_models_are_sentences(root: Path) -> None:
    for name, sentence in (("../evil", "cannot name a study"), ("done", "A study named “done” already exists")):
        app = open_page()
        next(one for one in app.text_input if one.label == "Name of the study").input(name).run()
        says(app.button(key="run_study").click().run(), sentence)
    app = open_page()
    app.multiselect(key="study_models").set_value([]).run()
    says(app, "Choose at least one model")
    assert (
        sorted(path.name for path in root.parent.iterdir()) == [root.name] or (root.parent / "evil").exists() is False
    )


def uploaded(content: bytes, name: str = "mine.csv", format: str = "csv") -> AppTest:
    app = open_page()
    app.segmented_control(key="pairs_from").select("Upload a file").run()
    app.selectbox(key="upload_format").select(format)
    return app.file_uploader(key="upload").set_value((name, content, "text/csv")).run()


def test_an_upload_is_mapped_and_shown() -> None:
    app = uploaded(b"first;second;who\nThe nurse said she;The nurse said he;nurse\n;x;y\n")
    says(app, "Choose which columns are prompt_a and prompt_b")
    for ours, theirs in (("prompt_a", "first"), ("prompt_b", "second"), ("targets", "who")):
        next(one for one in app.selectbox if one.label == ours).select(theirs)
    app.run()
    assert not app.exception
    assert "1 pair" in words(app)
    assert "1 row left out" in words(app)
    left_out = next(one.value for one in app.dataframe if list(one.value) == ["row", "reason"])
    assert left_out["reason"].iloc[0].startswith("prompt_a is empty")
    assert app.dataframe[-1].value["targets"].iloc[0] == "nurse"


@pytest.mark.parametrize(
    ("content", "name", "format", "sentence"),
    [
        (b"", "mine.csv", "csv", "mine.csv is empty"),
        (b"prompt_a,prompt_b\n", "mine.csv", "csv", "There are no pairs to study"),
        (b"prompt_a,prompt_b\nZo\xeb,b\n", "mine.csv", "csv", "this is not UTF-8"),
        (b'prompt_a,prompt_b\n"a,b\n', "mine.csv", "csv", "not CSV from here on"),
        (b"PAR1", "mine.parquet", "csv", "cannot be read as Parquet"),
        (b"{}", "dev.json", "stereoset", "is not StereoSet's file"),
        (b"x", "<img src=x>.csv", "winobias", "no line has [brackets]"),
        (b"prompt_a,prompt_b\n" + b"a,b\n" * 50_001, "mine.csv", "csv", "This page handles up to 50,000 rows"),
    ],
)
def test_a_wrong_upload_is_a_sentence(content: bytes, name: str, format: str, sentence: str) -> None:
    says(uploaded(content, name, format), sentence)


def test_an_unknown_study_and_a_broken_one(root: Path) -> None:
    says(open_page(study="nowhere"), "There is no study with that name")
    (root / "broken").mkdir()
    (root / "broken" / "manifest.json").write_text("{}")
    says(open_page(study="broken"), "The manifest of broken cannot be read")
    app = open_page(study="done")
    assert "broken" in app.selectbox(key="study").options
    assert headline(app).startswith("80 pairs")
