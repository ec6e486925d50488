"""The page of lessons: predict, be told, go on; a lesson of one's own and what is wrong with it."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from streamlit.testing.v1 import AppTest

from attnlib.lessons import parse as lessons
from pages.ui.uploads import Upload
from tests.app.pages import messages, opens, payloads, says, words

open_page = opens("learn/lessons.py")


def uploaded(app: AppTest, raw: bytes, name: str) -> None:
    """A lesson of one's own, as if it had just been uploaded."""
    folder = TemporaryDirectory()
    path = Path(folder.name) / name
    path.write_bytes(raw)
    app.session_state["uploads"] = {"own_lesson": Upload(path, name, name, folder)}


def answered(app: AppTest, place: str, text: str) -> AppTest:
    """A number given to a question, as "1_0"."""
    app.text_input(key=f"answer_1-what-attention-is_{place}_text").set_value(text)
    return app.button(key=f"answer_1-what-attention-is_{place}_send").click().run()


def test_a_prediction_is_told_right_or_wrong_and_then_revealed() -> None:
    app = open_page()
    assert payloads(app)["attn_head"][0]["layer"] == 0
    assert "There are 9 tokens" not in words(app)
    assert "Answer the questions of this step" in messages(app)
    answered(app, "1_0", "8")
    assert "Measured: 9. You said 8." in app.warning[0].value.replace("\\", "")
    answered(app, "1_0", "9")
    assert app.success[0].value.replace("\\", "").startswith("Right.")
    answered(app, "1_1", "16")
    assert "There are 9 tokens" in words(app)
    assert "2 of 8 questions answered" in app.get("progress")[0].proto.text
    assert app.query_params["answers"] == "1.0:9|1.1:16"


def test_an_answer_counts_although_the_press_was_lost() -> None:
    """A press is lost where the next one breaks off its run; what was sent with it stands in the field."""
    app = open_page()
    app.session_state["answer_1-what-attention-is_1_0_text"] = " 9 "
    app.run()
    assert app.query_params["answers"] == "1.0:9"


def test_forgotten_answers_are_gone_from_the_fields_too() -> None:
    app = answered(open_page(), "1_0", "9")
    next(button for button in app.button if button.label == "Forget my answers").click().run()
    assert "0 of 8 questions answered" in app.get("progress")[0].proto.text
    assert app.text_input(key="answer_1-what-attention-is_1_0_text").value == ""
    assert "answers" not in app.query_params
    answered(app, "1_0", "9")
    assert app.query_params["answers"] == "1.0:9"


def test_what_is_no_number_is_asked_for_again() -> None:
    app = answered(open_page(), "1_0", "nine")
    assert "This asks for a number" in app.warning[0].value
    assert "answers" not in app.query_params


def test_a_choice_is_told_right_or_wrong() -> None:
    app = open_page()
    app.button(key="next").click().run()
    key = "answer_1-what-attention-is_2_0"
    app.radio(key=f"{key}_option").set_value("To all nine")
    app.button(key=f"{key}_send").click().run()
    assert "Not quite: To itself and those before it" in app.warning[0].value.replace("\\", "")


def test_a_link_brings_lesson_step_and_answers_back() -> None:
    app = open_page(lesson="Reading the head view", answers="1.0:1|1.1:.21|9.9:x|junk|1.0")
    assert "2 of 8 questions answered" in app.get("progress")[0].proto.text
    assert len(app.success) == 2


def test_answers_of_all_lessons_and_the_step_stay() -> None:
    """In the address whichever lesson is open, by a link, and when the page is left."""
    app = answered(open_page(), "1_0", "9")
    app.button(key="next").click().run()
    app.selectbox(key="lesson").set_value("Reading the head view").run()
    assert app.selectbox(key="step").value == 1
    app.text_input(key="answer_2-the-head-view_1_1_text").set_value("0,3")
    app.button(key="answer_2-the-head-view_1_1_send").click().run()
    assert app.query_params["answers"] == "1.1:0,3|1-what-attention-is/1.0:9"
    again = open_page(lesson="Reading the head view", answers=app.query_params["answers"])
    assert "1 of 8 questions answered" in again.get("progress")[0].proto.text
    again.selectbox(key="lesson").set_value("What attention is").run()
    assert "1 of 8 questions answered" in again.get("progress")[0].proto.text
    assert again.query_params["answers"] == "1.0:9|2-the-head-view/1.1:0,3"
    app.selectbox(key="lesson").set_value("What attention is").run()
    assert app.selectbox(key="step").value == 2  # where it was left
    app.switch_page("views/head.py").run()
    app.switch_page("learn/lessons.py").run()
    assert app.selectbox(key="step").value == 2
    assert app.query_params["answers"] == "1.0:9|2-the-head-view/1.1:0,3"


def test_a_link_names_the_step() -> None:
    app = open_page(step="2. Who may look where")
    assert app.selectbox(key="step").value == 2
    assert open_page(step="9. Nowhere").selectbox(key="step").value == 1


@pytest.mark.parametrize(
    "written", ["|", ":", "/:", "x/:1", "1.0", "a/b/c:d", "1.0:" + "9" * 999, "../1.0:1|" * 5000]
)
def test_answers_that_nobody_gave_do_no_harm(written: str) -> None:
    app = open_page(answers=written)
    assert not app.exception
    assert len(app.query_params.get("answers", "")) < 30_000


def test_the_last_step_leads_to_the_next_lesson() -> None:
    app = open_page(step="4. From scores to shares")
    assert [button.key for button in app.button if button.key == "next"] == []
    app.button(key="next_lesson").click().run()
    assert (app.selectbox(key="lesson").value, app.selectbox(key="step").value) == ("Reading the head view", 1)
    last = open_page(lesson="What this does not show")
    last.selectbox(key="step").set_value(len(last.selectbox(key="step").options)).run()
    assert not {"next", "next_lesson"} & {button.key for button in last.button}


def test_a_teacher_sees_notes_and_answers() -> None:
    app = open_page(notes="true")
    assert "There are 9 tokens" in words(app)
    assert "Let the class guess" in words(app)
    assert {"Handout to print", "Handout with answers"} <= {button.label for button in app.get("download_button")}


def test_a_lesson_of_ones_own() -> None:
    app = open_page(lesson="My own lesson")
    example = app.code[0].value
    uploaded(app, example.encode(), "mine.md")
    app.run()
    assert "Find the head that leads" in words(app)
    assert payloads(app)["attn_head"][0]["layer"] == 0
    uploaded(app, example.replace("head: 2", "head: two").encode(), "mine.md")
    says(app.run(), "mine.md, line 16: “head” is a number")


def test_a_word_that_is_not_there_is_a_sentence() -> None:
    app = open_page(lesson="My own lesson", notes="true")
    example = app.code[0].value.replace('weight "it" "dog"', 'weight "it" "dragon"')
    uploaded(app, example.encode(), "mine.md")
    says(app.run(), "“dragon” is not a word of the text that is shown")


def test_a_head_that_is_not_there_is_refused_with_its_line() -> None:
    app = open_page(lesson="My own lesson")
    uploaded(app, app.code[0].value.replace("head: 2", "head: 7").encode(), "mine.md")
    says(app.run(), "mine.md, line 11: demo/gpt2-biased has no head 0-7")


def test_a_broken_file_in_the_folder_is_a_sentence_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(lessons.LESSON_FOLDER, tmp_path / "lessons")
    (tmp_path / "lessons" / "8-mine.md").write_text("---\ntitle: T\nminutes: ten\ngoal: G\n---\n## A\n", "utf-8")
    monkeypatch.setattr(lessons, "LESSON_FOLDER", tmp_path / "lessons")
    app = open_page()
    assert "8-mine.md, line 3: “minutes” is a whole number, not “ten”" in app.warning[0].value.replace("\\", "")
    assert len(app.selectbox(key="lesson").options) == 8
    assert payloads(app)["attn_head"]


def test_answers_to_a_lesson_of_ones_own_are_not_those_to_ours() -> None:
    """Whoever starts from one of our files keeps its name."""
    app = answered(open_page(), "1_0", "9")
    ours = (lessons.LESSON_FOLDER / "1-what-attention-is.md").read_bytes()
    uploaded(app, ours, "1-what-attention-is.md")
    app.selectbox(key="lesson").set_value(lessons.OWN_TITLE).run()
    assert "0 of 8 questions answered" in app.get("progress")[0].proto.text


def test_names_and_numbers_that_answer_a_question_stand_after_it() -> None:
    """What heads are called, with scores, and the grid of G that is to be predicted."""
    app = open_page(lesson="What heads do again and again")
    assert not payloads(app)["attn_head"][0].get("labels")
    app.session_state["notes"] = True
    assert payloads(app.run())["attn_head"][0]["labels"]
    app = open_page(lesson="Is this model biased?")
    app.session_state["step"] = 3
    app.run()
    assert "attn_grid" not in payloads(app)
    assert "Predict first" in messages(app)
    app.text_input(key="answer_5-is-it-biased_3_0_text").set_value("0")
    app.button(key="answer_5-is-it-biased_3_0_send").click().run()
    assert payloads(app)["attn_grid"]
