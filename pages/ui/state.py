"""The choices all pages share: model, text, layer, head. Shown in the sidebar, kept in the URL."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from attnlib.errors import InputError
from attnlib.model.sources import demo_models
from pages.ui import cached
from pages.ui.controls import plain
from pages.ui.exhibits import drawn
from pages.ui.languages import choose_languages, languages_read
from pages.ui.pair import PairChoices, PairPlace, pair_fields, take_texts

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from attnlib import Model
    from pages.ui.component import HeadEvents

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


def prepare() -> None:
    """Measure what the first page shows by itself, with all that this imports, so that its first visitor finds it."""
    cached.trace_layer(demo_models()[0], DEFAULT_TEXT, None, 0, False, (), cached.OWN)


def models_shown() -> "list[Model]":
    """The models that the page shows: that of the sidebar and, of a pair, that of prompt B."""
    chosen = st.session_state.get("choices")
    if chosen is None:
        return []
    both = [chosen.model, chosen.pair.model_b if chosen.pair else None]
    return list({model.name: model for model in both if model is not None}.values())


def asked() -> dict[str, str]:
    """What the sidebar and the prompts say, in words; also what stands in no address, since it is the default."""
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


SHARED = (  # what the URL of several pages can have
    *("model", "model_b", "text", "text_b", "prompt_a", "prompt_b", "second_a", "second_b", "focus", "targets"),
    *("source_language", "target_language", "cut", "stack", "layer", "head"),
)


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
    """On a page without the sidebar: keep what was chosen elsewhere, which else goes with its widgets."""
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
    known = chosen.model is not None and chosen.model.routed
    why = "The query and key vectors of this model are not known: it does not use the attention interface."
    pair = chosen.pair is not None
    if st.button(
        "Query × key of this head",
        icon=":material/blur_linear:",
        disabled=not known,
        help=None if known else why,
        on_click=_remember_pair,
        args=(pair,),
    ):
        turn_to("views/neuron.py", pair)


def _remember_pair(pair: bool) -> None:
    st.session_state["with_pair"] = pair


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
    """A model and one of its heads; a text that was chosen elsewhere is kept."""
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
    """Loads the model after model and text are drawn."""
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
    """The same of two prompts: their fields stand on the page, beside each other."""
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


def choices() -> Choices:
    """What the sidebar of this run says."""
    return st.session_state["choices"]


def _choose_model() -> str:
    recent = st.session_state.setdefault("recent_models", [])
    now = st.session_state.get("model") or st.query_params.get("model")
    options = list(dict.fromkeys([*demo_models(), *recent, *([now] if now else [])]))
    name = st.selectbox(
        "Model",
        options,
        key="model",
        bind="query-params",
        accept_new_options=True,
        placeholder="Choose a model or name one",
        help="A demo model, or type any model hub id (owner/name) or the full path of a local folder.",
    )
    return name or ""


SAME_MODEL = "the same model"


def _choose_model_b(name: str) -> str | None:
    """The model that reads prompt B; None for the one that reads prompt A."""
    now = st.session_state.get("model_b") or st.query_params.get("model_b")
    known = [SAME_MODEL, *demo_models(), *st.session_state["recent_models"], *([now] if now else [])]
    chosen = st.selectbox(
        "Model for prompt B",
        list(dict.fromkeys(known)),
        key="model_b",
        bind="query-params",
        accept_new_options=True,
        persist_state="session",
        help="Another model of the same tokenizer and shape, to compare two models: biased and balanced, "
        "base and fine-tuned. Give both the same prompt to compare the models alone.",
    )
    return None if chosen in (None, SAME_MODEL, name) else chosen


def _choose_text() -> str:
    take_texts("one")
    if "text" not in st.session_state and "text" not in st.query_params:
        st.session_state["text"] = DEFAULT_TEXT
    text = st.text_area("Text", key="text", bind="query-params", height=110, help="Ctrl+Enter shows it.")
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
    return st.toggle("Cut a long text", key="cut", bind="query-params", help="To as many tokens as the model reads.")


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
    return st.text_area(_second_label(model), key="text_b", bind="query-params", height=70) or None


def _choose_second_texts(model: "Model", places: PairPlace) -> tuple[str | None, str | None]:
    """The second text of prompt A and of prompt B, where the model reads two."""
    if not model.pairs:
        return None, None
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
    heads = model.heads[stack]
    left, right = st.columns(2)
    layer = left.selectbox("Layer", range(len(heads)), key="layer", bind="query-params")
    names = ["all", *map(str, range(heads[layer]))]
    head = right.selectbox("Head", names, key="head", bind="query-params")
    return layer, None if head == "all" else int(head)


def show_head(layer: int, head: int) -> None:
    """Have the sidebar of the next run choose this head."""
    st.session_state["go_to"] = (layer, head)


def close_head() -> None:
    """Have the sidebar of the next run choose all heads."""
    st.session_state["head"] = "all"


def _go(model: "Model", stack: str) -> None:
    layer, head = st.session_state.pop("go_to", (None, None))
    heads = model.heads[stack]
    if layer is not None and layer < len(heads) and head < heads[layer]:
        st.session_state["layer"], st.session_state["head"] = layer, str(head)


# ---------------------------------------------------------------------------------------------- a view's own state


def view_state(page: str) -> str:
    """The state a view starts in: from the link, or as it was when the page was left."""
    if st.session_state.get("page") != page:
        st.session_state["page"] = page
        st.session_state["view_at_start"] = st.query_params.get("view", "")[:2000]
    return st.session_state["view_at_start"]


def set_view(view: str) -> None:
    """Put the view's state into the URL."""
    drawn().view = view
    if view != st.query_params.get("view", ""):
        st.query_params["view"] = view
        if not view:
            del st.query_params["view"]


def follow_head_view(event: "HeadEvents") -> None:
    """Bring what was done in the head view into sidebar and URL; where the sidebar changed, everything runs again."""
    chosen = choices()
    changed = event.view is not None and _set_head_view(chosen, event.view)
    if event.hide:
        toggle_hidden(event.hide)
        changed = True
    if event.layer_step:
        changed = step_layer(chosen, event.layer_step) or changed
    if changed:  # never taken back: the run before this one may have been broken off
        st.session_state["rerun_all"] = True


def _set_head_view(chosen: Choices, view: str) -> bool:
    """Put the view's state into the URL and a single head that is on into the sidebar; True if that changed."""
    set_view(view)
    heads = dict(part.split(":", 1) for part in view.split(",") if ":" in part).get("heads", "")
    head = heads if heads.isdigit() else "all"
    known = "all" if chosen.head is None else str(chosen.head)
    if head == known == st.session_state.get("head", known):  # the browser may not have heard of the last one yet
        return False
    st.session_state["head"] = head
    return True


def step_layer(chosen: Choices, step: int) -> bool:
    """Choose the next or previous layer; True if there is one."""
    layer = chosen.layer + step
    if not 0 <= layer < chosen.layers:
        return False
    st.session_state["layer"] = layer
    return True


def hidden_tokens(chosen: Choices) -> tuple[int, ...]:
    """The tokens hidden from the model; another model or text shows all again."""
    text = (chosen.name, chosen.text, chosen.text_b)
    if st.session_state.setdefault("hidden_in", text) != text:
        st.session_state["hidden_in"] = text
        set_hidden(())
    parts = st.query_params.get("hide", "").split(".")
    return tuple(sorted({int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 7}))


def set_hidden(tokens: tuple[int, ...]) -> None:
    """Hide these tokens from the model."""
    st.query_params["hide"] = ".".join(map(str, tokens))
    if not tokens:
        del st.query_params["hide"]


def toggle_hidden(tokens: tuple[int, ...]) -> None:
    """Hide tokens, or show them again where they are hidden."""
    hidden = set(hidden_tokens(choices()))
    set_hidden(tuple(sorted(hidden - set(tokens) if set(tokens) <= hidden else hidden | set(tokens))))
