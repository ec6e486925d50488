"""The only caches of the dashboard. Keys are names and texts, never arrays; what is kept is read-only.

attnlib's heavy parts (torch, transformers) are imported when first called, after the page has been painted.
"""

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from attnlib import Model, Trace


@st.cache_resource(max_entries=3, show_spinner=False)
def load_model(name: str) -> "Model":
    """A model, shared by all sessions. Raises InputError."""
    import attnlib
    from attnlib.sources import model_root

    return attnlib.load_model(name, root=model_root())


@st.cache_resource(max_entries=8, show_spinner=False)
def trace_layer(
    name: str, text: str, text_b: str | None, layer: int, truncate: bool, hide: tuple[int, ...]
) -> "Trace":
    """The trace of one layer (of each attention that has it). Raises InputError."""
    import attnlib

    return attnlib.trace(load_model(name), text, text_b, layers=[layer], truncate=truncate, hide=hide)
