"""Share what a page shows: its link, its state as a file, and its views as pages that open without a network."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from attnlib.bounded import parse_json, short
from attnlib.errors import InputError
from attnlib.views.html import View
from attnlib.views.payload import pack, unpack
from pages.ui.component import Picture, share_tools
from pages.ui.controls import plain
from pages.ui.exhibits import Content, drawn
from pages.ui.state import asked, models_shown

if TYPE_CHECKING:
    from attnlib.evidence import Exhibit

FORMAT = "attention-microscope-state"
MOST = 1_000_000  # bytes of a state file
MOST_CHOICES = 10_000  # names, values and commas in one
OWN_CHOICES = ("study", "lessons")  # pages without the sidebar's model
MOST_ADDRESS = 60_000  # characters of an address that the server takes
STATEFUL = ("head_view", "model_view", "neuron_view", "pair_view")  # whose own state stands in the address
NAMES = {  # of the view with this key; another has the name of its kind
    "model_detail": "The chosen head",
    "pair_view": "Attention heads of the pair",
    "grid": "Heads by their change",
    "indirect": "Indirect effects",
    "direct": "Direct effects",
    "moves": "What the heads move",
    "patched": "What patching moves",
    "study_grid": "Heads of the study",
    "patterns_grid": "Heads by their pattern",
    "patterns_theirs": "Heads of the other model",
    "patterns_difference": "Difference of the two models",
    "scaled_view": "Attention of the scaled head",
}
KINDS = {
    "head": "Attention heads",
    "model": "All layers and heads",
    "neuron": "Query × key",
    "grid": "Layers × heads",
    "matrix": "Matrix of a head",
    "alignment": "Alignment of the prompts",
}


def share(page: StreamlitPage, pages: list[str]) -> None:
    """The Share button and its panel; `pages` are the addresses of all pages."""
    pictures = st.session_state.pop("pictures_for_pack", None)
    with st.popover("Share", icon=":material/ios_share:"):
        st.markdown("The address of this page holds all that is chosen on it.")
        pack = None if pictures is None else evidence(page, pictures)
        share_tools(pack, key="share_tools", on_pack=_ask)
        choices = dict(st.query_params)
        st.download_button(
            "State (JSON)",
            lambda: state_json(page.url_path, choices),
            "state.json",
            "application/json",
            icon=":material/save:",
            on_click="ignore",
            help="The page's choices as a file, for texts that are too long for a link.",
        )
        for key, (kind, _) in drawn().views.items():
            _view_button(key, _name_of(key, kind))
        _opener(pages)


def _ask(pictures: list[Picture]) -> None:
    st.session_state["pictures_for_pack"] = pictures


def evidence(page: StreamlitPage, pictures: list[Picture]) -> bytes:
    """The evidence pack of the page in its current state."""
    from attnlib.evidence import Exhibit, evidence_pack, file_name
    from attnlib.model.provenance import provenance

    choices = dict(st.query_params)
    shown = drawn()
    exhibits = [Exhibit("state.json", state_json(page.url_path, choices).encode(), "all that is chosen on the page")]
    for picture in pictures:
        path, about = f"pictures/{file_name(picture.name)}", picture.title
        exhibits.append(Exhibit(f"{path}.svg", picture.svg.encode(), f"{about}, as vectors"))
        if picture.png:
            exhibits.append(Exhibit(f"{path}.png", picture.png, f"{about}, as a picture"))
        if picture.csv:
            exhibits.append(
                Exhibit(f"tables/{file_name(picture.name)}.csv", picture.csv.encode(), f"{about}: its numbers")
            )
    for key, (kind, payload) in shown.views.items():
        name = _name_of(key, kind)
        html = interactive(kind, payload, shown.view if key in STATEFUL else None, name)
        exhibits.append(
            Exhibit(f"views/{file_name(key)}.html", html.encode(), f"{name}, interactive, without a network")
        )
    for name, (label, content) in shown.files.items():
        exhibits.append(_offered(name, label, content))
    own = page.url_path in OWN_CHOICES
    return evidence_pack(
        page.title,
        exhibits,
        address=f"./{page.url_path}?{urlencode(choices)}",
        asked={} if own else asked(),
        models=[] if own else [provenance(model, fingerprint=True) for model in models_shown()],
        made=datetime.now(UTC),
    )


def _offered(name: str, label: str, content: Content | Callable[[], Content]) -> "Exhibit":
    """A file that the page offers or, if it cannot be made, the reason."""
    from attnlib.evidence import Exhibit

    try:
        made = content() if callable(content) else content
    except InputError as error:
        return Exhibit(f"tables/{name}.txt", str(error).encode(), f"{label} could not be made: the reason")
    return Exhibit(f"tables/{name}", made.encode() if isinstance(made, str) else made, label)


def _name_of(key: str, kind: str) -> str:
    example = f"Example {key.split()[1]}" if key.startswith("example ") else KINDS[kind]
    return NAMES.get(key, example)


def _view_button(key: str, name: str) -> None:
    shown = drawn()  # what a fragment draws later stands in it, too

    def page() -> str:
        kind, payload = shown.views[key]
        return interactive(kind, payload, shown.view if key in STATEFUL else None, name)

    st.download_button(
        f"{name} (HTML)",
        page,
        f"{key.replace('_', '-')}.html",
        "text/html",
        icon=":material/web:",
        on_click="ignore",
        key=f"share_{key}",
        help="The view in its current state, interactive, in one file that opens offline.",
    )


def interactive(kind: str, payload: bytes, view: str | None, title: str) -> str:
    """A view of the page as a page of its own; `view` is the state it was left in, None: as it was drawn."""
    if view is not None:
        header, arrays = unpack(payload)
        payload = pack(header | {"state": view}, arrays)
    return View(title, {title: payload}, kind).to_html()


def state_json(page: str, choices: dict[str, str]) -> str:
    """The page's choices as the text of a file."""
    return json.dumps(
        {"format": FORMAT, "version": 1, "page": page, "choices": choices}, indent=1, ensure_ascii=False
    )


def read_state(raw: bytes, pages: list[str]) -> tuple[str, dict[str, str]]:
    """The address of a page and its choices from such a file. Raises InputError."""
    if len(raw) > MOST:
        raise InputError(f"This file has {len(raw):,} bytes; a state has at most {MOST:,}.")
    try:
        state = parse_json(raw, "This file", most_marks=MOST_CHOICES)
    except InputError as error:
        raise InputError(f"This is not a saved state. {error} Save one with “State (JSON)”.") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError("This file is not a state saved by this program. Save one with “State (JSON)”.")
    if state.get("version", 1) != 1:
        raise InputError(f"This state is of version {short(state.get('version'))}; this program reads version 1.")
    page, choices = state.get("page"), state.get("choices")
    if not isinstance(page, str) or page not in pages:
        raise InputError(f"This state belongs to a page “{short(page)}” that does not exist here.")
    if not isinstance(choices, dict) or not all(isinstance(text, str) for text in choices.values()):
        raise InputError("The choices in this state are damaged: each must be a name with a text.")
    return page, choices


def _opener(pages: list[str]) -> None:
    upload = st.file_uploader("Open a saved state", type=["json"], key="open_state", max_upload_size=1)
    if upload is None:
        return
    try:
        page, choices = read_state(upload.getvalue(), pages)
        address = f"./{page}?{urlencode(choices)}"
        if len(address) > MOST_ADDRESS:
            raise InputError(
                f"Its texts are too long to be opened ({len(address):,} of {MOST_ADDRESS:,} characters)."
            )
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        st.link_button("Open it", address, icon=":material/open_in_new:", type="primary")
