"""The sidebar: the choices that all pages share, each kept in the URL."""

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.address import SHARED
from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.history import tell, tell_texts
from pages.ui.languages import choose_languages
from pages.ui.pair import PairPlace, pair_fields, take_texts
from pages.ui.state import Choices, keep_choices
from pages.ui.terms import explained

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from attnlib import Model

EXAMPLES = {  # shown as they are; a second text goes to models that read two
    "Doctor and nurse: she (Vig 2019)": ("The doctor asked the nurse a question. She", ""),
    "Doctor and nurse: he (Vig 2019)": ("The doctor asked the nurse a question. He", ""),
    "The quick brown fox (Vig 2019)": ("The quick, brown fox jumps over the lazy dog", ""),
    "Two sentences (Vig 2019)": ("The cat sat on the mat.", "The cat lay on the rug."),
    "Who gave the drink?": ("When Mary and John went to the store, John gave a drink to", ""),
    "What does “it” mean?": ("The animal did not cross the street because it was too tired.", ""),
    "A repeated code (induction)": ("The code is 4 7 1 9 2. I repeat, the code is 4 7 1 9", ""),
    "Fill the mask": ("The nurse said that [MASK] was tired.", ""),
}
DEFAULT_TEXT = EXAMPLES["Doctor and nurse: she (Vig 2019)"][0]


def prepare() -> None:
    """Measure what the first page shows by itself, with all that this imports, so that its first visitor finds it."""
    cached.trace_layer(demo_models()[0], DEFAULT_TEXT, None, 0, False, (), cached.OWN)


def sidebar(reads: str = "text") -> None:
    """Show the sidebar and keep its choices for the page.

    What the page reads: a "text", a "pair" of prompts, "either" as the person chooses, or "texts" of its own.
    """
    if st.session_state.pop("turned", False):
        for key in SHARED:
            if key in st.session_state:
                st.session_state[key] = st.session_state[key]  # as new: Streamlit puts it into this page's URL
    first, *places = _places()
    pair = reads == "pair"
    if reads == "either":
        with first:
            pair = st.toggle(
                "Compare two prompts",
                key="with_pair",
                bind="query-params",
                help="Show prompt A, prompt B and their difference.",
            )
    with st.container():  # of the pair's fields, there or not
        if reads == "texts":
            _of_texts(places)
        elif pair:
            _of_pair(places, more=reads == "pair")
        else:
            _of_one(places)


def _of_texts(places: "list[DeltaGenerator]") -> None:
    """A model and one of its heads; a text chosen elsewhere is kept."""
    keep_choices()
    with places[0]:
        name = _choose_model()
    model = _load(name)
    if model is None:
        st.session_state["choices"] = Choices(name, "")
        return
    with places[-1]:
        layer, head = _choose_head(model, model.stacks[0])
    st.session_state["choices"] = Choices(name, "", model=model, stack=model.stacks[0], layer=layer, head=head)


def _of_one(places: "list[DeltaGenerator]") -> None:
    """The sidebar of a page that reads one text; the model is loaded after its fields are drawn."""
    model_place, _, text_place, cut_place, second, languages, stack_place, head_place = places
    with model_place:
        name = _choose_model()
    with text_place:
        text = _choose_text()
    with cut_place:
        cut = _choose_cut()
    model = _load(name)
    if model is None:
        st.session_state["choices"] = Choices(name, text, cut)
        return
    with second:
        text_b = _choose_second_text(model)
    with languages:
        spoken = choose_languages(model)
    with stack_place:
        stack = _choose_stack(model)
    with head_place:
        layer, head = _choose_head(model, stack)
    st.session_state["choices"] = Choices(name, text, cut, text_b, model, stack, layer, head, None, spoken)


def _of_pair(places: "list[DeltaGenerator]", more: bool) -> None:
    """The sidebar of a page that reads two prompts; their text fields stand on the page itself."""
    model_place, other_place, _, cut_place, _, languages, stack_place, head_place = places
    with model_place:
        name = _choose_model()
    with other_place:
        name_b = _choose_model_b(name)
    with cut_place:
        cut = _choose_cut()
    text, pair, fields = pair_fields(more)
    model = _load(name)
    model_b = model if name_b is None else _load(name_b)
    if model is None or model_b is None:
        st.session_state["choices"] = Choices(name, text, cut)
        return
    with languages:
        spoken = choose_languages(model)
    with stack_place:
        stack = _choose_stack(model)
    with head_place:
        layer, head = _choose_head(model, stack)
    text_b, second_b = _choose_second_texts(model, fields)
    pair = replace(pair, second_b=second_b, name_b=name_b, model_b=model_b)
    st.session_state["choices"] = Choices(name, text, cut, text_b, model, stack, layer, head, pair, spoken)


def _places() -> "list[DeltaGenerator]":
    """A place in the sidebar for each choice, there or not: a widget that moves is no longer kept in the URL.

    (Streamlit's page binds a widget to the URL when it appears and unbinds it, by its id, when it is gone from where
    it was: after it has appeared in its new place.)
    """
    with st.sidebar:
        return [st.container() for _ in range(9)]


def _choose_model() -> str:
    recent = st.session_state.setdefault("recent_models", [])
    options = list(dict.fromkeys([*demo_models(), *recent, *_asked_for("model")]))
    name = st.selectbox(
        "Model",
        options,
        key="model",
        bind="query-params",
        accept_new_options=True,
        placeholder="Choose a model or name one",
        help="A demo model, or type a hub id (owner/name) or the full path of a local folder.",
    )
    return name or ""


def _asked_for(key: str) -> list[str]:
    """A model in the session, and one in the address: by Back it is another one."""
    return [name for name in (st.session_state.get(key), st.query_params.get(key)) if name]


SAME_MODEL = "the same model"


def _choose_model_b(name: str) -> str | None:
    """The model that reads prompt B; None for the one that reads prompt A."""
    known = [SAME_MODEL, *demo_models(), *st.session_state["recent_models"], *_asked_for("model_b")]
    chosen = st.selectbox(
        "Model for prompt B",
        list(dict.fromkeys(known)),
        key="model_b",
        bind="query-params",
        accept_new_options=True,
        persist_state="session",
        help="Another model with the same tokenizer and shape, to compare two models: biased and balanced, base and "
        "fine-tuned. Give both the same prompt to compare only the models.",
    )
    return None if chosen in (None, SAME_MODEL, name) else chosen


def _choose_text() -> str:
    take_texts("one")
    if "text" not in st.session_state and "text" not in st.query_params:
        st.session_state["text"] = DEFAULT_TEXT
    tell_texts("text")
    text = st.text_area("Text", key="text", bind="query-params", height=110, help="Press Ctrl+Enter to apply.")
    st.selectbox(
        "Examples",
        list(EXAMPLES),
        index=None,
        key="example",
        placeholder="Choose an example",
        label_visibility="collapsed",
        on_change=_use_example,
    )
    return text or ""


def _use_example() -> None:
    example = st.session_state.get("example")
    if example in EXAMPLES:
        st.session_state["text"], st.session_state["text_b"] = EXAMPLES[example]
    st.session_state["example"] = None


def _choose_cut() -> bool:
    return st.toggle(
        "Truncate long texts", key="cut", bind="query-params", help="To the number of tokens that the model can read."
    )


def _load(name: str) -> "Model | None":
    """The model, or None after its error has been shown."""
    try:
        with st.spinner(f"Loading {plain(name)} …"):
            model = cached.load_model(name)
    except InputError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None
    recent = st.session_state["recent_models"]
    if name not in recent:
        recent.append(name)
    return model


def _choose_second_text(model: "Model") -> str | None:
    if not model.pairs:
        return None
    tell("text_b")
    return st.text_area(_second_label(model), key="text_b", bind="query-params", height=70) or None


def _choose_second_texts(model: "Model", places: PairPlace) -> tuple[str | None, str | None]:
    """The second text of prompt A and of prompt B, if the model reads two."""
    if not model.pairs:
        return None, None
    tell("second_a", "second_b")
    label = _second_label(model)
    second_a = places.second_a.text_area(f"{label} of A", key="second_a", bind="query-params", height=70)
    second_b = places.second_b.text_area(
        f"{label} of B", key="second_b", bind="query-params", height=70, persist_state="session"
    )
    return second_a or None, second_b or None


def _second_label(model: "Model") -> str:
    return "Decoder's text" if model.family == "seq2seq" else "Second sentence (optional)"


def _choose_stack(model: "Model") -> str:
    if len(model.stacks) == 1:
        return model.stacks[0]
    chosen = st.segmented_control(
        "Attention", model.stacks, key="stack", bind="query-params", default=model.stacks[0], required=True
    )
    return chosen or model.stacks[0]


def _choose_head(model: "Model", stack: str) -> tuple[int, int | None]:
    _go(model, stack)
    tell("layer", "head")
    heads = model.heads[stack]
    left, right = st.columns(2)
    layer = left.selectbox("Layer", range(len(heads)), key="layer", bind="query-params", help=explained("layer"))
    names = ["all", *map(str, range(heads[layer]))]
    head = right.selectbox("Head", names, key="head", bind="query-params", help=explained("head"))
    return layer, None if head == "all" else int(head)


def _go(model: "Model", stack: str) -> None:
    layer, head = st.session_state.pop("go_to", (None, None))
    heads = model.heads[stack]
    if layer is not None and layer < len(heads) and head < heads[layer]:
        st.session_state["layer"], st.session_state["head"] = layer, str(head)
