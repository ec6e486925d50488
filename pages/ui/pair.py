"""The prompt pair of the comparison page: its fields, built-in pairs, swap, "make B from A"; all in the URL."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import streamlit as st

from attnlib.comparison.focus import Span
from attnlib.prompts.pairs import Pair, builtin_pairs, categories
from attnlib.prompts.rewording import control_edits, other_one
from pages.ui.history import tell_texts
from pages.ui.terms import explained

if TYPE_CHECKING:
    from attnlib import Model

Links = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


@dataclass(frozen=True)
class PairChoices:
    """What the fields of the comparison page say beside the first prompt."""

    prompt_b: str
    focus: str | None = None  # None: the word that differs
    targets: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    second_b: str | None = None
    name_b: str | None = None  # None: the same model
    model_b: "Model | None" = None


@dataclass(frozen=True)
class PairPlace:
    """Where on the page the fields are that can only be drawn once the model is known."""

    second_a: st.delta_generator.DeltaGenerator = field(repr=False)
    second_b: st.delta_generator.DeltaGenerator = field(repr=False)


FIRST = builtin_pairs()[0]
TEXTS = {
    "pair": ("prompt_a", "second_a"),
    "one": ("text", "text_b"),
}  # the keys of a text, on pages of two prompts or one


def pair_fields(more: bool) -> tuple[str, PairChoices, PairPlace]:
    """Draw the fields, with further prompts or not; returns prompt A, the rest, and where second sentences belong."""
    _start()
    _choose_pair()
    tell_texts("prompt_a", "prompt_b", "focus", "targets")
    left, right = st.columns(2)
    text = left.text_area(
        "Prompt A", key="prompt_a", bind="query-params", height=84, help="Press Ctrl+Enter to compare."
    )
    prompt_b = right.text_area("Prompt B", key="prompt_b", bind="query-params", height=84, persist_state="session")
    places = PairPlace(left.container(), right.container())
    focus, targets, further = _choose_words(more)
    return text or "", PairChoices(prompt_b or "", focus, targets, further), places


def take_texts(page: Literal["pair", "one"]) -> None:
    """Prompt A is the text of the other pages: take theirs if one of them was the last to be shown.

    The keys differ because a widget that stood elsewhere on the last page would not be kept in the URL
    (sidebar.py, _places).
    """
    state = st.session_state
    last = state.get("last_texts", page)
    if last != page:
        for mine, theirs in zip(TEXTS[page], TEXTS[last], strict=True):
            state[mine] = state.get(theirs) or ""
    state["last_texts"] = page


def _start() -> None:
    """The pair a new session starts with; prompt B is made from prompt A where there is one."""
    state, link = st.session_state, st.query_params
    old = ("prompt_a" in link or "prompt_b" in link) and "focus" not in link and "at" not in link
    state.setdefault("linked_before", old and "prompt_a" not in state)
    take_texts("pair")
    if "prompt_a" not in state and "prompt_a" not in link:
        state["prompt_a"] = FIRST.prompt_a
    if "prompt_b" in state or "prompt_b" in link:
        return
    text = state.get("prompt_a") or link.get("prompt_a", "")
    known = next((pair for pair in builtin_pairs() if text in (pair.prompt_a, pair.prompt_b)), None)
    if known is not None:
        _fill(known, swapped=text == known.prompt_b)
    else:
        reworded = other_one(text)
        state["prompt_b"] = reworded.text if reworded else ""


def _choose_pair() -> None:
    first, second, buttons = st.columns([3, 5, 4], vertical_alignment="bottom")
    category = first.selectbox(
        "Built-in pairs", categories(), key="category", index=None, placeholder="Choose a category"
    )
    pairs = [pair for pair in builtin_pairs() if pair.category == category]
    second.selectbox(
        "Pair",
        pairs,
        format_func=lambda pair: f"{pair.group}: {pair.prompt_a}",
        index=None,
        key="pair",
        placeholder="Choose a pair" if pairs else "…",
        label_visibility="hidden",
        disabled=not pairs,
        on_change=_use_pair,
    )
    with buttons.container(horizontal=True, vertical_alignment="bottom"):
        st.button("Swap", icon=":material/swap_horiz:", on_click=_swap, help="Exchanges prompt A and prompt B.")
        st.button(
            "Make B from A",
            icon=":material/edit:",
            on_click=_make_other,
            help="Copies prompt A into prompt B and swaps gendered words: she → he, mother → father, Emily → Greg.",
        )
    with st.container():  # always there, so that the fields below stay where they are (sidebar.py, _places)
        if st.session_state.pop("nothing_to_change", False):
            st.info("Prompt A has no gendered word or name to swap. Edit prompt B by hand.")
        current = st.session_state.get("pair_note")
        if current and current[0] == st.session_state.get("prompt_a"):
            st.caption(f":material/info: {current[1]}")


def _use_pair() -> None:
    pair = st.session_state.get("pair")
    if pair is not None:
        _fill(pair)
    st.session_state["pair"] = None


def _fill(pair: Pair, swapped: bool = False) -> None:
    """Put a built-in pair into the fields."""
    prompts = (pair.prompt_b, pair.prompt_a) if swapped else (pair.prompt_a, pair.prompt_b)
    st.session_state["prompt_a"], st.session_state["prompt_b"] = prompts
    st.session_state["focus"] = "" if swapped else pair.focus
    st.session_state["targets"] = ", ".join(pair.targets)
    st.session_state["pair_note"] = (prompts[0], pair.note) if pair.note else None
    for key in ("second_a", "second_b", "more", "control"):
        st.session_state[key] = ""
    set_links(())


def _swap() -> None:
    corrected = links()
    for one, two in (("prompt_a", "prompt_b"), ("second_a", "second_b")):
        state = st.session_state
        state[one], state[two] = state.get(two, ""), state.get(one, "")
    st.session_state["control"] = ""
    set_links(tuple((b, a) for a, b in corrected))


def _make_other() -> None:
    reworded = other_one(st.session_state.get("prompt_a", ""))
    if reworded is None:
        st.session_state["nothing_to_change"] = True
        return
    st.session_state["prompt_b"] = reworded.text
    set_links(())


def _choose_words(with_more: bool) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    left, middle, right = st.columns(3)
    focus = left.text_input(
        "Focus word",
        key="focus",
        bind="query-params",
        persist_state="session",
        placeholder="the word that differs",
        help=explained("focus word"),
    )
    targets = middle.text_input(
        "Target words",
        key="targets",
        bind="query-params",
        persist_state="session",
        placeholder="nurse, doctor",
        help=explained("target words", "target shift G", first="Separate two words with a comma."),
    )
    more = _choose_more(right) if with_more else None
    return (focus or "").strip() or None, _split(targets, ",")[:2], _split(more, "|")[:4]


def _choose_more(place: st.delta_generator.DeltaGenerator) -> str | None:
    return place.text_input(
        "Further prompts",
        key="more",
        bind="query-params",
        persist_state="session",
        placeholder="They … | Emily …",
        help="More prompts to compare with prompt A, separated by |.",
    )


def _split(text: str | None, by: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in (text or "").split(by) if part.strip()))


def choose_control(model: "Model", prompt_a: str, prompt_b: str, targets: tuple[str, ...], focus: str) -> str:
    """The control edit: a field that starts with a suggestion; empty where there is none.

    Targets stay. The focus word may get a name like it (Emily, Anna) or a synonym, which is the very thing that the
    edit is measured against; "they" for a pronoun would be half the edit.
    """
    from attnlib.comparison.spelling import reader_of

    edits = control_edits(prompt_a, prompt_b, targets, reader_of(model))
    suggested = [
        edit.text
        for edit in edits
        for changed in [{word.lower() for word, _ in edit.changes}]
        if not changed & {word.lower() for word in targets} and not (edit.kind == "they" and focus.lower() in changed)
    ]
    written = st.text_input(
        "Control edit of prompt A",
        key="control",
        bind="query-params",
        persist_state="session",
        placeholder=suggested[0] if suggested else "prompt A with one word changed that should not matter",
        help=explained("control edit", first="The suggestion uses words of as many tokens, where there are any."),
    )
    return (written or "").strip() or (suggested[0] if suggested else "")


# ---------------------------------------------------------------------------------------------- alignment by hand


def links() -> Links:
    """Corrections of the alignment in the URL, "3~4.5,7~" (A's tokens ~ B's); what cannot be read is left out.

    They belong to their prompts: other prompts begin without.
    """
    if st.session_state.setdefault("linked_in", _prompts()) != _prompts():
        set_links(())
    found = []
    for part in st.query_params.get("align", "").split(",")[:50]:
        left, mark, right = part.partition("~")
        sides = tuple(
            tuple(int(n) for n in side.split(".")[:50] if n.isdecimal() and len(n) < 7) for side in (left, right)
        )
        if mark and any(sides):
            found.append((sides[0], sides[1]))
    return tuple(found)


def _prompts() -> tuple[str, ...]:
    keys = ("prompt_a", "prompt_b", "second_a", "second_b", "target_language")  # all that changes the rows of tokens
    return tuple(st.session_state.get(key) or "" for key in keys)


def set_links(chosen: Links) -> None:
    """Put corrections of the alignment of these prompts into the URL."""
    st.session_state["linked_in"] = _prompts()
    text = ",".join("~".join(".".join(map(str, side)) for side in link) for link in chosen)
    if text:
        st.query_params["align"] = text
    elif "align" in st.query_params:
        del st.query_params["align"]


def add_link(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Add a correction; it replaces earlier ones of the same tokens."""
    kept = [link for link in links() if not set(link[0]) & set(a) and not set(link[1]) & set(b)]
    set_links((*kept, (a, b)))


# ---------------------------------------------------------------------------------------------- the focus by tokens


def kept_focus(model: str) -> Span | None:
    """The focus word that a link gives by its tokens in A and in B, "3~2"; None where this page put it there itself.

    It belongs to its prompts and its model: others begin anew.
    """
    belongs = (model, *_prompts())
    if st.session_state.setdefault("focus_in", belongs) != belongs:
        st.session_state["linked_before"] = False
        keep_focus(None, model)
    text = st.query_params.get("at", "")
    if text == st.session_state.get("focus_kept"):
        return None
    left, _, right = text.partition("~")
    a, b = (tuple(int(n) for n in side.split(".")[:50] if n.isdecimal() and len(n) < 7) for side in (left, right))
    return Span("", a, b) if a and b else None


def keep_focus(focus: Span | None, model: str, linked: bool = False) -> None:
    """Have `write_focus` put the tokens of a focus word that nobody typed into the address; None: take them out.

    `linked`: it came from a link, and is to be read from the address again.
    """
    st.session_state["focus_in"] = (model, *_prompts())
    if focus is None:
        st.query_params.pop("at", None)
        return
    text = "~".join(".".join(map(str, side)) for side in (focus.a, focus.b))
    st.session_state["focus_kept"] = None if linked else text
    st.session_state["focus_to_write"] = text


def write_focus() -> None:
    """Write what `keep_focus` left, at the end of the run."""
    text = st.session_state.pop("focus_to_write", None)
    if text is not None and st.query_params.get("at") != text:
        st.query_params["at"] = text


def linked_before() -> bool:
    """Whether the page was opened by an old link that does not name the focus; such a link keeps its own."""
    return bool(st.session_state.get("linked_before"))
