"""Small pieces that several pages show: the status line, and what was done to the text."""

from typing import TYPE_CHECKING, Protocol

import streamlit as st

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attnlib import Comparison, Model, Overview, Trace
    from attnlib.model.token_notes import TokenNote
    from attnlib.tracing.checks import Check


class Verified(Protocol):
    """What was checked about a trace or a comparison."""

    @property
    def checks(self) -> "tuple[Check, ...]": ...
    @property
    def verified(self) -> bool: ...


def text_status(model: "Model", read: "Trace | Overview") -> None:
    """The status line of one text, and what was done to it before the model read it."""
    rows = dict.fromkeys(stack.queries for stack in read.stacks.values())
    _status_line(model, f"{' + '.join(f'{len(row):,}' for row in rows)} tokens", read.seconds, read)
    if read.truncated_from is not None:
        kept = len(read.stack().queries)
        st.info(f"The text was truncated: the first {kept:,} of its {read.truncated_from:,} tokens are shown.")
    _tell(read.notes)
    _remedies({"text": read.tokenization})


def pair_status(model: "Model", comparison: "Comparison", tokens: str = "") -> None:
    """The status line of two prompts; `tokens` replaces the alignment where the page shows that elsewhere."""
    _status_line(model, tokens or str(comparison.alignment), comparison.a.seconds, comparison)
    _tell(comparison.notes)
    _remedies({"prompt_a": comparison.a.tokenization, "prompt_b": comparison.b.tokenization})


def _remedies(told: "dict[str, tuple[TokenNote, ...]]") -> None:
    """What the tokenizer did to each text (by the key of its field), once for both prompts; a button mends it."""
    sentences: dict[tuple[str, str], dict[str, str]] = {}
    for key, notes in told.items():
        for note in notes:
            sentences.setdefault((note.text, note.remedy), {})[key] = note.mended
    for (text, remedy), mended in sentences.items():
        one = "" if len(told) == 1 else f"Prompt {next(iter(mended))[-1].upper()}: "
        names = "Both prompts: " if len(mended) > 1 else one
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(plain(names + text), icon=":material/abc:")
            if remedy:
                st.button(remedy, key=f"mend {remedy} {'+'.join(mended)}", on_click=_mend, args=(mended,))


def _mend(mended: dict[str, str]) -> None:
    """Write the corrected texts into their fields."""
    for key, text in mended.items():
        st.session_state[key] = text


def _tell(notes: "Iterable[str]") -> None:
    for note in notes:
        st.info(plain(note))


def _status_line(model: "Model", tokens: str, seconds: float, checked: Verified) -> None:
    """One line: the model, its size, the text, the time, and what was verified."""
    layers, heads = _span(tuple(map(len, model.heads.values()))), _span(tuple(sum(model.heads.values(), ())))
    facts = [
        f"**{plain(model.name)}**",
        f"{_count(model.parameters)} parameters",
        f"{layers} layers × {heads} heads",
        tokens,
        f"{model.device.type}, {str(model.dtype).removeprefix('torch.')}",
        f"forward pass {1000 * seconds:.0f} ms",
    ]
    left, right = st.columns([5, 2], vertical_alignment="center")
    left.caption(" · ".join(facts))
    verdict = "Checks passed" if checked.verified else "Check failed" if checked.checks else "Not checked"
    icon = ":material/verified:" if checked.verified else ":material/error:"
    with right.popover(verdict, icon=icon, width="stretch"):
        for check in checked.checks:
            st.markdown(("✓ " if check.passed else "✗ ") + str(check))
        if not model.routed:
            st.markdown(
                "This model does not use transformers' attention interface. Its weights are the ones it reports; its "
                "query and key vectors are not available."
            )


def _span(values: tuple[int, ...]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


def _count(number: int) -> str:
    for size, sign in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.1f} {sign}"
    return str(number)


def plain(text: str) -> str:
    """Text with names and tokens in it, escaped for Streamlit's Markdown."""
    return "".join("\\" + char if char in r"\`*_{}[]()<>#+-.!|$~:" else char for char in text)
