"""What tests of pages share: opening one by its link, and what is read from it."""

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from attnlib.views.payload import unpack

APP = str(Path(__file__).resolve().parents[2] / "pages" / "app.py")
SHE = "The doctor asked the nurse a question. She"
HE = "The doctor asked the nurse a question. He"


def opens(page: str | None = None) -> Callable[..., AppTest]:
    """A function that opens a page, e.g. "views/model.py" (None: the first), by a link with choices."""

    def open_page(**choices: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=120)
        app.session_state["listens"] = True  # no browser says so here
        _choose(app, choices).run()  # a page can be switched to once the dashboard has run
        return app if page is None else _choose(app, choices).switch_page(page).run()

    return open_page


def _choose(app: AppTest, choices: dict[str, str]) -> AppTest:
    for name, value in choices.items():
        app.query_params[name] = value
    return app


def payloads(app: AppTest) -> dict[str, tuple[dict, dict]]:
    """What each view of the page was given, by the name of its component; of several the first."""
    assert not app.exception
    found = reversed(app.get("bidi_component"))
    return {c.proto.component_name: unpack(c.proto.bytes) for c in found if c.proto.bytes}


def messages(app: AppTest) -> str:
    """Errors, hints and captions of the page."""
    texts = (element.value for element in [*app.error, *app.info, *app.caption])
    return " ".join(texts).replace("\\", "")  # Markdown's escapes


def words(app: AppTest) -> str:
    """The text of the page."""
    return " ".join(element.value for element in app.markdown).replace("\\", "")


def says(app: AppTest, sentence: str) -> AppTest:
    """A page that lives and says a sentence, as it does of bad input."""
    assert not app.exception
    assert sentence in messages(app) + " ".join(warning.value for warning in app.warning).replace("\\", "")
    return app


def saved(folder: Path, architecture: str, family: str) -> str:
    """A tiny random model of an architecture in a local folder."""
    from tests.unit.tiny import tiny_model

    model = tiny_model(architecture, family)
    model.hf.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return str(folder)
