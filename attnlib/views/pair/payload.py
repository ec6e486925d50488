"""A Comparison as payloads of the views that draw it: head view, matrix, alignment."""

from typing import Any

from attnlib.behaviour.scaling import ScaledHead
from attnlib.comparison.align import Alignment
from attnlib.comparison.result import Comparison
from attnlib.tracing.checks import refuse_failed
from attnlib.views.alignment.payload import alignment_payload
from attnlib.views.head.payload import head_pair_payload
from attnlib.views.matrix.payload import matrix_payload
from attnlib.views.payload import token_row


def pair_head_payload(comparison: Comparison, layer: int, **header: Any) -> bytes:
    """One layer of both prompts for the head view, which shows A, B or B − A. `header` is passed on."""
    refuse_failed(comparison)
    a, b = comparison.attention(layer)
    queries, keys = unit_rows(comparison)
    causal = comparison.a.causal
    model, stack = comparison.a.model, comparison.stack
    return head_pair_payload(queries, keys, a, b, model=model, stack=stack, layer=layer, causal=causal, **header)


def scaled_head_payload(scaled: ScaledHead, model: str, **header: Any) -> bytes:
    """A text read twice, as it is (A) and with dimensions of a head scaled (B). `header` is passed on."""
    row = token_row(scaled.tokens)
    row |= {"a": row["labels"], "b": row["labels"], "kinds": ["equal"] * len(scaled.tokens)}
    return head_pair_payload(
        row,
        None,
        scaled.before,
        scaled.after,
        model=model,
        stack="self",
        layer=scaled.layer,
        causal=scaled.causal,
        head=scaled.head,
        **header,
    )


def pair_matrix_payload(comparison: Comparison, layer: int, head: int, **header: Any) -> bytes:
    """One head of both prompts for the matrix view."""
    refuse_failed(comparison)
    a, b = comparison.attention(layer)
    return matrix_payload(*unit_rows(comparison), a[head], b[head], layer=layer, head=head, **header)


def pair_alignment_payload(comparison: Comparison) -> bytes:
    """The token rows of both prompts (in cross attention, those looked at) and what stands for what."""
    alignment = comparison.key_alignment
    a, b = token_row(alignment.a), token_row(alignment.b)
    return alignment_payload(a, b, alignment.units, corrected=bool(alignment.links), sentence=str(alignment))


def unit_rows(comparison: Comparison) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The rows and columns of aligned attention; None for the columns where they are the rows."""
    same = comparison.key_alignment is comparison.alignment
    return unit_row(comparison.alignment), None if same else unit_row(comparison.key_alignment)


def unit_row(alignment: Alignment) -> dict[str, Any]:
    """Units as the views need them: text in both prompts, in A, in B; kinds; special ones, sentences, words."""
    both = [(alignment.a, unit.a[0]) if unit.a else (alignment.b, unit.b[0]) for unit in alignment.units]
    labels, in_a, in_b = zip(*alignment.labels, strict=True)
    row: dict[str, Any] = {
        "labels": list(labels),
        "a": list(in_a),
        "b": list(in_b),
        "kinds": [unit.kind for unit in alignment.units],
    }
    special = [u for u, (tokens, i) in enumerate(both) if tokens.special[i]]
    segments = list(alignment.segments)
    words = _words(alignment)
    if special:
        row["special"] = special
    if any(segments):
        row["segments"] = segments
    if any(len(word) > 1 for word in words):
        row["words"] = words
    return row


def _words(alignment: Alignment) -> list[list[int]]:
    """Equal units that are pieces of one word in both prompts, together; every other unit a word of its own."""
    word_of_a, word_of_b = (
        {i: number for number, word in enumerate(tokens.words) for i in word} for tokens in (alignment.a, alignment.b)
    )
    words: list[list[int]] = []
    last: tuple[int, int] | None = None
    for u, unit in enumerate(alignment.units):
        here = (word_of_a[unit.a[0]], word_of_b[unit.b[0]]) if unit.kind == "equal" else None
        if here is not None and here == last:
            words[-1].append(u)
        else:
            words.append([u])
        last = here
    return words
