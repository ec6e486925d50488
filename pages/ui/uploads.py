"""Uploaded files: as files on disk, under names of ours, and what was read from them."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

Content = TypeVar("Content")


def on_disk(file: Any) -> Path:
    """The upload as a file, written once; its name is untrusted text."""
    kept: dict[str, Any] = st.session_state.setdefault("uploads", {})
    if file.file_id not in kept:
        kept.clear()  # earlier uploads go
        folder = tempfile.TemporaryDirectory(prefix="attnlib-")
        name = re.sub(r"[^\w.-]+", "_", Path(file.name).name)[-80:].lstrip(".") or "upload.csv"
        (Path(folder.name) / name).write_bytes(file.getbuffer())
        kept[file.file_id] = (folder, Path(folder.name) / name)
    return kept[file.file_id][1]


def read_once(file: Any, reader: Callable[[Path], Content]) -> Content:
    """What `reader` makes of the upload, kept until there is another one. It may raise InputError, each time."""
    path = on_disk(file)
    kept: dict[str, Any] = st.session_state["uploads"]
    key = f"{file.file_id} read"
    if key not in kept:
        kept[key] = reader(path)
    return kept[key]
