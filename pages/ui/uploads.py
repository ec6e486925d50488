"""Uploaded files: as files on disk, under names of ours."""

import re
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st


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
