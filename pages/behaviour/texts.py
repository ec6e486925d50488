"""Which texts heads are measured on: the built-in ones, or somebody's file. Both pages of this folder ask."""

import sys
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from attnlib.bounded import kept
from attnlib.errors import InputError
from attnlib.prompts.texts import builtin_texts, read_texts
from pages.ui.controls import plain
from pages.ui.uploads import read_once, upload

BUILT_IN, UPLOAD = "Built-in texts", "Upload a file"
MOST = 20_000  # texts measured on a page


class Texts(NamedTuple):
    """Texts, and what they are called."""

    name: str
    texts: tuple[str, ...]


def choose_texts() -> Texts | None:
    """The chosen texts; None until a file is uploaded, or while its error is shown."""
    left, right = st.columns([1, 2], vertical_alignment="center")
    kind = left.segmented_control(
        "Texts",
        [BUILT_IN, UPLOAD],
        default=None if "texts_from" in st.session_state else BUILT_IN,
        required=True,
        key="texts_from",
        persist_state="session",
        label_visibility="collapsed",
    )
    if kind != UPLOAD:
        texts = builtin_texts()
        right.caption(f"{len(texts)} sentences in the demo models' vocabulary (data/texts).")
        return Texts("built-in texts", texts)
    about, types = (
        "One text per line (.txt), or a column named text (.csv, .parquet)",
        ["txt", "csv", "tsv", "parquet"],
    )
    with right:
        file = upload(about, types, key="texts_file")
    if file is None:
        return None
    try:
        texts = read_once(file, _read)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    if len(texts) > MOST:
        st.warning(
            f"Only the first {MOST:,} texts are measured here. In Python, attnlib.measure_patterns takes any number."
        )
    if not texts:
        st.error("This file has no texts. Put one text on each line.", icon=":material/error:")
        return None
    texts = texts[:MOST]
    right.caption(f"{len(texts):,} texts from {plain(file.name)}")
    return Texts(file.path.stem, texts)


def _read(path: Path) -> tuple[str, ...]:
    return tuple(islice(kept(read_texts(path), sys.getsizeof), MOST + 1))
