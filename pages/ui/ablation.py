"""Head switches: heads that are silenced, and how that changes what the model would say."""

from collections.abc import Sequence

import streamlit as st

from attnlib.errors import InputError
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.state import Choices
from pages.ui.terms import explained

Text = tuple[str, str, str | None, str]  # its title, itself, its second text, the model that reads it


@st.fragment
def switches(chosen: Choices, texts: Sequence[Text]) -> None:
    """A choice of heads to switch off and, for each text, the words that change most."""
    model = chosen.model
    if model is None or not model.editable or model.family == "encoder":
        return
    st.markdown("##### What if heads were switched off?")
    names = [f"{layer}-{head}" for layer, count in enumerate(model.heads[chosen.stack]) for head in range(count)]
    off = st.multiselect(
        "Heads switched off (layer-head)",
        names,
        key="off",
        bind="query-params",
        persist_state="session",
        placeholder="Choose heads to silence",
        help=explained("silencing"),
    )
    if not off:
        return
    heads = tuple((int(layer), int(head)) for layer, head in (name.split("-") for name in off))
    for column, text in zip(st.columns(len(texts)), texts, strict=True):
        with column:
            _words(chosen, text, heads)


def _words(chosen: Choices, text: Text, heads: tuple[tuple[int, int], ...]) -> None:
    from attnlib.comparison.charts import word_bars
    from attnlib.words.predictions import largest_changes

    title, first, second, name = text
    try:
        words = cached.words_without(name, first, second, heads, chosen.stack, chosen.cut, chosen.spoken)
    except InputError as error:
        st.warning(plain(str(error)))
        return
    if not words:
        st.caption("Nothing to predict: add a mask (masked models) or some text (causal models).")
        return
    places = list(dict.fromkeys(word.place for word in words))
    here = [word for word in words if word.place == places[0]]
    st.caption(f"{title}, {places[0]} word".replace("mask 1 word", "at its first mask"))
    figure = word_bars(largest_changes(here), names=("all heads on", "these heads off"))
    st.plotly_chart(figure, key=f"off {title}", config={"displaylogo": False})
