"""Uploaded files: on disk, under names of ours. They stay when their page is left, until the session ends."""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from pages.ui.controls import plain

Content = TypeVar("Content")


@dataclass(frozen=True)
class Upload:
    """A file of a person: where it is on disk, and the name that it had, which is untrusted text."""

    path: Path
    name: str
    file_id: str
    folder: Any = field(repr=False)  # deletes itself with the session
    read: dict[str, Any] = field(default_factory=dict, repr=False)  # what was read from it


def upload(label: str, types: list[str], *, key: str) -> Upload | None:
    """A field for a file, and the file: that of the field or, where the page was left meanwhile, the one before."""
    kept: dict[str, Upload] = st.session_state.setdefault("uploads", {})
    file = st.file_uploader(label, type=types, key=key, on_change=_changed, args=(key,))
    if file is not None and (key not in kept or kept[key].file_id != file.file_id):
        kept[key] = _on_disk(file)
    with st.container():  # always there, so that nothing below moves
        if file is None and key in kept:
            told, button = st.columns([4, 1], vertical_alignment="center")
            told.caption(f"{plain(kept[key].name)}, uploaded before. It is kept until the page is loaded anew.")
            button.button("Drop", key=f"drop {key}", on_click=_drop, args=(key,), help="Forgets this file.")
    return kept.get(key)


def read_once(file: Upload, reader: Callable[[Path], Content]) -> Content:
    """What `reader` makes of the file, kept until there is another one. It may raise InputError, each time."""
    if "content" not in file.read:
        file.read["content"] = reader(file.path)
    return file.read["content"]


def _changed(key: str) -> None:
    """Called when a person takes a file out of the field, not when the page is left."""
    if st.session_state[key] is None:
        _drop(key)


def _drop(key: str) -> None:
    st.session_state["uploads"].pop(key, None)


def _on_disk(file: Any) -> Upload:
    folder = tempfile.TemporaryDirectory(prefix="attnlib-")
    name = re.sub(r"[^\w.-]+", "_", Path(file.name).name)[-80:].lstrip(".") or "upload.csv"
    path = Path(folder.name) / name
    path.write_bytes(file.getbuffer())
    return Upload(path, file.name, file.file_id, folder)
