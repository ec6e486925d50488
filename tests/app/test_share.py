"""What a page shows can be shared: links restore it, files are read with care, saved views hold the same numbers."""

import base64
import json
import random
import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from attnlib.views.payload import unpack
from pages.ui.share import interactive, read_state, state_json
from tests.app.pages import HE, SHE, opens, payloads

PAGES = ["", "model", "neuron", "compare"]
FILES = {
    "": None,
    "model": "views/model.py",
    "neuron": "views/neuron.py",
    "compare": "bias/compare.py",
}
TEXTS = (SHE, HE, "The nurse said that [MASK] was tired.", "Ünïcode & “quotes” = 100% +1?", "a|b#c;d,e\nf")


def some_state(chance: random.Random) -> dict[str, str]:
    """Choices as a link says them, each of them perhaps left out; every value may be the one at the start."""
    choices = {
        "model": chance.choice(demo_models()),
        "text": chance.choice(TEXTS),
        "layer": str(chance.randrange(4)),
        "head": chance.choice(["all", "0", "1", "2", "3"]),
        "cut": chance.choice(["true", "false"]),
    }
    return {name: value for name, value in choices.items() if name == "text" or chance.random() < 0.8}


def shown(app: AppTest) -> tuple[object, ...]:
    chosen = app.session_state["choices"]
    return chosen.name, chosen.text, chosen.text_b, chosen.layer, chosen.head, chosen.cut


def test_links_of_two_hundred_random_states_restore() -> None:
    """A link's choices are shown; and the address the page then has, opened anew, shows the same."""
    chance = random.Random(9)
    app = opens()()
    for _ in range(200):
        choices = some_state(chance)
        app = AppTest.from_file(str(opens.__globals__["APP"]), default_timeout=120)
        for name, value in choices.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        name, text, _, layer, head, cut = shown(app)
        assert name == choices.get("model", demo_models()[0])
        assert text == choices["text"]
        assert layer == int(choices.get("layer", 0))
        assert head == (None if choices.get("head", "all") == "all" else int(choices["head"]))
        assert cut == (choices.get("cut") == "true")
        page, again = read_state(state_json("", dict(app.query_params)).encode(), PAGES)
        assert page == ""
        assert {
            k: again[k] for k in ("model", "text", "layer", "head", "cut") if k in again
        }.items() <= choices.items()


def frames(page: str) -> list[bytes]:
    found = re.search(r"const frames = (\{.*?\});", page)
    assert found is not None
    return [base64.b64decode(frame) for frame in json.loads(found[1]).values()]


@pytest.mark.parametrize("page", PAGES)
def test_a_saved_view_holds_the_numbers_of_the_page_and_its_state(page: str) -> None:
    app = opens(FILES[page])(view="pins:q8")
    mounted = payloads(app)
    drawn = app.session_state["drawn"]
    assert {kind for kind, _ in drawn.views.values()} == {name.removeprefix("attn_") for name in mounted}
    for kind, payload in drawn.views.values():
        (saved,) = frames(interactive(kind, payload, "pins:q3", "<b>"))
        header, arrays = unpack(saved)
        before, same = unpack(payload)
        assert header == before | {"state": "pins:q3"}
        assert all(np.array_equal(arrays[name], same[name]) for name in same)
    assert drawn.view == "pins:q8"


def test_markup_in_a_title_stays_text() -> None:
    app = opens()()
    kind, payload = next(iter(app.session_state["drawn"].views.values()))
    page = interactive(kind, payload, None, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in page
    assert frames(page) == [payload]


def test_a_state_comes_back_from_its_file() -> None:
    choices = {"text": "Ünïcode & “quotes”\n", "layer": "2"}
    assert read_state(state_json("neuron", choices).encode(), PAGES) == ("neuron", choices)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"\xff\xfe", "not a saved state. This file is not UTF-8 text"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not a saved state. This file has 100,000 values"),
        (b"[" * 9_000, "not a saved state. This file is nested too deeply"),
        (b'{"n": ' + b"9" * 5_000 + b"}", "not a saved state. This file has a number that cannot be read"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"format": "attention-microscope-state", "version": 2}', "of version 2"),
        (b"[]", "not a state saved by this program"),
        (b'{"format": "other"}', "not a state saved by this program"),
        (
            b'{"format": "attention-microscope-state", "page": "moon", "choices": {}}',
            "page “moon” that does not exist here",
        ),
        (b'{"format": "attention-microscope-state", "page": ["x"], "choices": {}}', "that does not exist here"),
        (b'{"format": "attention-microscope-state", "page": "", "choices": {"a": 1}}', "are damaged"),
        (b'{"format": "attention-microscope-state", "page": "", "choices": null}', "are damaged"),
        (b" " * 1_000_001, "at most 1,000,000"),
    ],
)
def test_what_is_no_state_is_a_sentence(raw: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_state(raw, PAGES)
