"""What is chosen on all pages (model, text, layer, head), and how it comes along when the page is turned."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.address import SHARED
from pages.ui import cached
from pages.ui.languages import languages_read
from pages.ui.pair import PairChoices

if TYPE_CHECKING:
    from attnlib import Model


@dataclass(frozen=True)
class Choices:
    """What the sidebar says; `model` is None when it could not be loaded (the error is on the page)."""

    name: str
    text: str
    cut: bool = False  # whether a text over the model's limit is cut
    text_b: str | None = None
    model: "Model | None" = None
    stack: str = "self"
    layer: int = 0
    head: int | None = None  # None: all heads
    pair: PairChoices | None = None  # on the pages that compare prompts
    spoken: cached.Spoken = cached.OWN  # languages of a translation model, where they are not its own

    @property
    def layers(self) -> int:
        """How many layers the chosen attention has."""
        return 0 if self.model is None else len(self.model.heads[self.stack])


def models_shown() -> "list[Model]":
    """The models that the page shows: the sidebar's and, for a pair, prompt B's."""
    chosen = st.session_state.get("choices")
    if chosen is None:
        return []
    both = [chosen.model, chosen.pair.model_b if chosen.pair else None]
    return list({model.name: model for model in both if model is not None}.values())


def asked() -> dict[str, str]:
    """The choices of the sidebar and the prompts, in words, including defaults that no address has."""
    chosen = st.session_state.get("choices")
    if chosen is None:
        return {}
    pair = chosen.pair
    texts = {"Text": chosen.text, "Second text": chosen.text_b}
    if pair is not None:
        texts = {"Prompt A": chosen.text, "Second text of A": chosen.text_b, "Prompt B": pair.prompt_b}
        texts |= {
            "Second text of B": pair.second_b,
            "Model of prompt B": pair.name_b,
            "Targets": ", ".join(pair.targets),
        }
    texts |= languages_read(chosen.model, chosen.spoken)
    place = f"layer {chosen.layer}, " + ("all heads" if chosen.head is None else f"head {chosen.head}")
    return {name: text for name, text in ({"Model": chosen.name} | texts | {"Place": place}).items() if text}


def turn_to(page: str, pair: bool = False, text: str | None = None) -> None:
    """Turn to another page, as a link in the sidebar does, and keep these choices in its URL.

    `pair`: to a page that can also show one text, with its two prompts. `text`: with this text instead of its own.
    """
    st.session_state["turned"] = True
    choices = {"with_pair": "true"} if pair else {}
    if text is not None:
        st.session_state.pop("text", None)  # from the address instead, as by a link
        st.session_state["last_texts"] = "one"
        choices["text"] = text
    # without query_params it refuses to leave bound ones behind
    st.switch_page(page, query_params=choices)


def keep_choices() -> None:
    """On a page without the sidebar: keep the choices made elsewhere, which would go with their widgets."""
    for key in SHARED:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def show_pair(model: str, prompt_a: str, prompt_b: str, focus: str, targets: str, head: tuple[int, int]) -> None:
    """Have `turn_to_pair` turn to the comparison of this pair; `targets` with a | between, as in files of pairs."""
    place = {"layer": str(head[0]), "head": str(head[1])}
    pair = {"prompt_a": prompt_a, "prompt_b": prompt_b, "focus": focus, "targets": targets.replace("|", ", ")}
    st.session_state["pair_to_show"] = {"model": model} | pair | place


def turn_to_pair() -> None:
    """Turn to the comparison page if a pair is to be shown there: as its link would, and nothing else is kept."""
    asked = st.session_state.pop("pair_to_show", None)
    if asked is None:
        return
    for key in (*SHARED, "more", "control"):
        st.session_state.pop(key, None)
    st.session_state["last_texts"], st.session_state["linked_before"] = "pair", False
    st.switch_page("bias/compare.py", query_params={name: text for name, text in asked.items() if text})


def neuron_button(chosen: Choices) -> None:
    """A button that turns to the neuron view at the chosen head (the first, where all are)."""
    why = "" if chosen.model is None else chosen.model.no_vectors
    known = chosen.model is not None and not why
    pair = chosen.pair is not None
    if st.button(
        "Query × key of this head",
        icon=":material/blur_linear:",
        disabled=not known,
        help=f"Not available: {why}" if why else None,
        on_click=_remember_pair,
        args=(pair,),
    ):
        turn_to("views/neuron.py", pair)


def _remember_pair(pair: bool) -> None:
    st.session_state["with_pair"] = pair


def choices() -> Choices:
    """What the sidebar of this run says."""
    return st.session_state["choices"]


def show_head(layer: int, head: int) -> None:
    """Have the sidebar of the next run choose this head."""
    st.session_state["go_to"] = (layer, head)


def close_head() -> None:
    """Have the sidebar of the next run choose all heads."""
    st.session_state["head"] = "all"
