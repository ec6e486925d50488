"""A pattern described by example: two words picked in one text, and what they stand for."""

from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.prompts.texts import words_of
from pages.ui.controls import plain

if TYPE_CHECKING:
    from attnlib import Model
    from attnlib.behaviour.patterns import Kind, Relation

EXAMPLE = "The doctor asked the nurse a question."


def by_example(model: "Model") -> "tuple[Relation, ...]":
    """The relations that were described, to be measured with the other patterns."""
    kept: dict[str, Relation] = st.session_state.setdefault("relations", {})
    with st.expander("Describe a pattern by example", icon=":material/ads_click:"):
        st.caption(
            "Pick two words. Every head is then scored on how much it looks from words like the first to words like "
            "the second."
        )
        try:
            relation = _described(model)
        except InputError as error:
            st.error(plain(str(error)), icon=":material/error:")
            relation = None
        if relation is not None:
            title = relation.pattern.title
            if st.button(f"Find heads: {plain(title)}", icon=":material/search:", key="find_relation"):
                kept[title] = relation
                st.session_state["pattern_next"] = title
        for title in list(kept):
            left, right = st.columns([6, 1], vertical_alignment="center")
            left.markdown(f"Measured below: {plain(title)}")
            right.button("Forget", key=f"forget {title}", on_click=_forget, args=(title,))
    usable = [one for one in kept.values() if one.pattern.in_causal or not model.causal]
    return tuple(usable)


def _forget(title: str) -> None:
    st.session_state["relations"].pop(title, None)


def _described(model: "Model") -> "Relation | None":
    from attnlib.behaviour.patterns import Relation
    from attnlib.prompts.splitting import split_words

    text = st.text_input("Text", EXAMPLE, key="relation_text")
    words = split_words(text or "")
    if len(words) < 2:
        st.info("Type a text of at least two words.")
        return None
    left, right = st.columns(2)
    names = [f"{n + 1} {word}" for n, word in enumerate(words)]
    with left:
        i = st.selectbox(
            "From", range(len(words)), format_func=names.__getitem__, index=min(2, len(words) - 1), key="from_word"
        )
        source = _kind("from", words[i])
    with right:
        j = st.selectbox(
            "To", range(len(words)), format_func=names.__getitem__, index=min(1, len(words) - 1), key="to_word"
        )
        target = _kind("to", words[j])
    if i == j:
        raise InputError("Pick two different words.")
    side = "before" if j < i else "after"
    if side == "after" and model.causal:
        raise InputError(f"In {model.name} no token sees a later one. Pick an earlier word to look at.")
    return Relation(source, target, side)


def _kind(which: str, word: str) -> "Kind":
    """What a picked word stands for: its class, itself, or a list of words."""
    from attnlib.behaviour.patterns import Kind, kinds_of

    kinds = {f"any {kind.title}" if not kind.words else f"just {kind.title}": kind for kind in kinds_of(word)}
    listed = "these words"
    chosen = st.segmented_control(
        "meaning",
        [*kinds, listed],
        default=next(iter(kinds)),
        required=True,
        key=f"{which}_kind {word}",
        label_visibility="collapsed",
    )
    if chosen != listed:
        return kinds[chosen or next(iter(kinds))]
    typed = st.text_input("Words", word, key=f"{which}_words", help="Separated by spaces or commas.")
    words = words_of(typed or "")
    if not words:
        raise InputError("List at least one word.")
    return Kind(" / ".join(sorted(words)[:3]) + ("/…" if len(words) > 3 else ""), words)
