"""Source and target language of a translation model: two fields of the sidebar, there only for such a model."""

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.cached import Spoken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attnlib import Model


def choose_languages(model: "Model") -> Spoken:
    """Both languages, None for the model's own; a change of model resets them."""
    known = model.languages
    if st.session_state.setdefault("languages_of", model.name) != model.name:
        st.session_state["languages_of"] = model.name
        st.session_state["source_language"], st.session_state["target_language"] = known.source, known.target
    source = target = None
    if known.source is not None:
        about = "Its token is added to the text. Default: the language that the tokenizer was saved with."
        source = _choose("Source language", "source_language", known.source, known.ids, about)
    if known.ids:
        about = "The token of this language stands before the decoder's text, or the decoder starts with it."
        target = _choose("Target language", "target_language", known.target, known.ids, about)
    return None if source == known.source else source, None if target == known.target else target


def _choose(title: str, key: str, own: str | None, names: "Iterable[str]", about: str) -> str | None:
    """A field that begins with the model's own language, or with none."""
    return st.selectbox(
        title,
        list(dict.fromkeys([*([own] if own else []), *names])),
        index=0 if own else None,
        key=key,
        bind="query-params",
        placeholder="None chosen",
        help=about,
    )


def languages_read(model: "Model | None", spoken: Spoken) -> dict[str, str | None]:
    """The languages that a translation model reads, in words, including its defaults."""
    if model is None:
        return {}
    source, target = spoken
    return {
        "Source language": source or model.languages.source,
        "Target language": target or model.languages.target,
    }
