"""A word in both prompts of a pair: the focus whose attention is asked about, the targets it may look at."""

from typing import NamedTuple

from attnlib.comparison.align import Alignment
from attnlib.errors import InputError
from attnlib.model.tokens import Tokens, find_word, word_text


class Span(NamedTuple):
    """A word in both prompts: its tokens in A and in B."""

    word: str
    a: tuple[int, ...]
    b: tuple[int, ...]


def default_focus(alignment: Alignment) -> Span:
    """The last word that differs; where none is replaced, the last word both prompts have.

    Whether its attention can differ is for `Sight.default_focus` to say.
    """
    replaced = [u for u, unit in enumerate(alignment.units) if unit.kind == "replaced"]
    written = [u for u in alignment.shared if not alignment.a.special[alignment.units[u].a[0]]]
    for candidates in (replaced, written, alignment.shared):
        if candidates:
            unit = alignment.units[candidates[-1]]
            return Span(alignment.labels[candidates[-1]][0].strip(), unit.a, unit.b)
    raise InputError("No token of one prompt corresponds to a token of the other, so nothing can be compared.")


def find_span(alignment: Alignment, word: str, role: str, last: bool) -> Span:
    """A word's tokens in both prompts; where one prompt lacks it, what stands for it there.

    `last`: of several occurrences the last, else all. Raises InputError, naming the word by its `role`.
    """
    in_a, in_b = find_word(alignment.a, word), find_word(alignment.b, word)
    if last:
        in_a, in_b = in_a[-1:], in_b[-1:]
    a, b = (tuple(sorted({i for run in found for i in run})) for found in (in_a, in_b))
    if last and a:
        b = alignment.counterpart(a, "a") or b  # what stands for this very occurrence, if anything does
    if not a and not b:
        raise InputError(f"The {role} “{word}” is in neither prompt. Choose a word of the prompts, as written there.")
    a, b = a or alignment.counterpart(b, "b"), b or alignment.counterpart(a, "a")
    if not a or not b:
        side = "B" if a else "A"
        raise InputError(
            f"The {role} “{word}” is not in prompt {side}, and no word there corresponds to it. Choose another word."
        )
    return Span(word, a, b)


def check_span(alignment: Alignment, span: Span) -> Span:
    """A focus word given by its tokens, with its name; InputError where a prompt has no such tokens."""
    for name, tokens, at in (("A", alignment.a, span.a), ("B", alignment.b, span.b)):
        if not at or not all(0 <= i < len(tokens) for i in at):
            raise InputError(
                f"Prompt {name} has only {len(tokens)} tokens, which do not include the focus word's. Type the word."
            )
    return span if span.word else Span(name_of(alignment, span), span.a, span.b)


def name_of(alignment: Alignment, span: Span) -> str:
    """A word as each prompt has it, "She → He"; once if both have the same; as asked for if there are several."""
    names = []
    for tokens, at in ((alignment.a, span.a), (alignment.b, span.b)):
        whole = at[-1] - at[0] + 1 == len(at)
        names.append(word_text(tokens, at).strip() if whole or not span.word else span.word)
    a, b = names
    return a if a.lower() == b.lower() else f"{a} → {b}"


def units_of(alignment: Alignment, span: Span) -> list[int]:
    """The units that hold a word's tokens."""
    return [u for u, unit in enumerate(alignment.units) if set(unit.a) & set(span.a) or set(unit.b) & set(span.b)]


def sinks_of(tokens: Tokens) -> list[int]:
    """Attention sinks: special tokens or, if there are none, the first token."""
    return [i for i, special in enumerate(tokens.special) if special] or [0]
