"""What Back, Forward and Reload find: an address with all that is chosen, and files that outlive a page change."""

from pathlib import Path
from tempfile import TemporaryDirectory

from streamlit.testing.v1 import AppTest

from pages.ui.uploads import Upload
from tests.app.pages import APP, HE, SHE, messages, opens

PAIR = {"prompt_a": SHE, "prompt_b": HE, "focus": "She", "targets": "nurse, doctor"}


def test_what_nobody_typed_is_in_the_address_too() -> None:
    app = opens()()
    assert app.query_params["text"] == SHE
    app = opens("bias/compare.py")()
    assert {name: app.query_params[name] for name in PAIR} == PAIR
    assert app.query_params["head"] == "2"
    assert "text" not in app.query_params  # another page's


def test_no_address_is_written_before_the_browser_listens() -> None:
    """Each would be an entry of the history, and Back would need so many presses more."""
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert "text" not in app.query_params
    app.session_state["listens"] = True
    assert app.run().query_params["text"] == SHE


def test_a_text_that_was_cleared_is_empty_in_the_address() -> None:
    """An address without it would be that of a page that had not begun."""
    app = opens()()
    app.text_area(key="text").set_value("").run()
    assert app.query_params["text"] == ""
    assert opens()(text="").text_area(key="text").value == ""


def test_a_text_comes_along_to_a_page_that_was_not_shown_before() -> None:
    app = opens("bias/compare.py")(prompt_a="The cat saw her.", prompt_b="The cat saw him.")
    app.switch_page("views/head.py").run()
    assert app.query_params["text"] == "The cat saw her."


def test_an_upload_outlives_a_page_change_and_can_be_dropped() -> None:
    app = opens("behaviour/patterns.py")()
    app.segmented_control(key="texts_from").set_value("Upload a file").run()
    folder = TemporaryDirectory()
    path = Path(folder.name) / "mine.txt"
    path.write_text("The cat sat.\nThe dog ran.\n", "utf-8")
    app.session_state["uploads"] = {"texts_file": Upload(path, "<b>mine*.txt", "1", folder)}
    app.run()
    assert "2 texts from <b>mine" in messages(app)
    app.switch_page("views/head.py").run()
    app.switch_page("behaviour/patterns.py").run()
    assert app.segmented_control(key="texts_from").value == "Upload a file"
    assert "2 texts from <b>mine*.txt" in messages(app)
    assert "<b>mine*.txt, uploaded before" in messages(app)
    app.button(key="drop texts_file").click().run()
    assert "uploaded before" not in messages(app)
    assert not app.session_state["uploads"]
