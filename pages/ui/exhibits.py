"""What the page that is shown has drawn and offers: what "Share" makes files of."""

from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

Content = str | bytes
HEAVY = (".npz", ".parquet", ".zip")  # what a pack is not to become as large as


@dataclass
class Drawn:
    """Views by key as (kind, payload), the state that the page's own view was left in, and downloads by file name."""

    views: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    view: str | None = None
    files: dict[str, tuple[str, Content | Callable[[], Content]]] = field(default_factory=dict)


def drawn() -> Drawn:
    """The current page's registry of views and downloads."""
    return st.session_state.setdefault("drawn", Drawn())


def begin() -> None:
    """Forget what the last page drew, before a page draws."""
    st.session_state["drawn"] = Drawn(view=st.query_params.get("view"))


def offer(label: str, content: Content | Callable[[], Content], name: str, mime: str) -> None:
    """A button that downloads a file, made when it is pressed; the evidence pack contains it, too."""
    if not name.endswith(HEAVY):
        drawn().files[name] = (label, content)
    st.download_button(label, content, name, mime, on_click="ignore")


def hold(label: str, content: Content, name: str) -> None:
    """Keep a file for the evidence pack that the page shows itself and has no button for."""
    drawn().files[name] = (label, content)
