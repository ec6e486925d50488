"""A candidate's tokens where it stands: after a prompt, or at its mask.

Not here: how likely they are (likelihood.py).

A word has other tokens after a chat template, a newline, a quote or a hyphen than after a space. So a candidate is
never tokenized alone: prompt and candidate are written as one text and tokenized together. What the rows of all
candidates have in common with the prompt is their context; what is asked for is the rest of each row. Where a
tokenizer joins the end of the prompt with the candidate ("un" + "happy" may be one token), the rest begins with that
token, for every candidate at the same place, so that their odds stay comparable.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from attnlib.errors import InputError
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model

Ids = tuple[int, ...]
LINKS = "/\\_@#&"  # a word follows these without a space
NO_SPACES = (
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
    "IDEOGRAPHIC",
    "FULLWIDTH",
    "HALFWIDTH",
)
MARKUP = re.compile(r"<[^<>\s]+>$")  # <answer>, <think>


class Row(NamedTuple):
    """What the model reads, and the tokens whose probability is scored, with their positions."""

    ids: Ids
    places: tuple[int, ...]  # of the logits that predict the wanted tokens
    wanted: Ids


def candidate_rows(model: Model, prompt: str, candidates: Sequence[str]) -> list[Row]:
    """The rows that score the candidates in one prompt, all with the same context.

    Raises InputError for a prompt without its mask, a candidate that makes no token, a model that says no words.
    """
    check_says_words(model)
    ids = prompt_ids(model, prompt)
    if model.family == "masked":
        mask_place(model, ids)  # there is one
        before, _, after = prompt.partition(str(model.tokenizer.mask_token))
        rows = [prompt_ids(model, before + _asked(candidate).strip() + after) for candidate in candidates]
    else:
        rows = [prompt_ids(model, joined(prompt, candidate, _ends(model))) for candidate in candidates]
    start = _common([ids, *rows])
    stop = _common([one[start:][::-1] for one in (ids, *rows)]) if model.family == "masked" else 0
    found = []
    for candidate, row in zip(candidates, rows, strict=True):
        wanted = row[start : len(row) - stop]
        own = row[_common([ids, row]) : len(row) - stop]  # what is there because of this candidate alone
        _check_wanted(model, candidate, own, start)
        found.append(_fitting(model, _row(model, row, start, wanted)))
    return found


def check_differ(model: Model, rows: Sequence[Row], candidates: Sequence[str]) -> None:
    """InputError for two candidates that are the same tokens: their odds are 1 in every prompt."""
    if rows[0] == rows[1]:
        first, second = (candidate.strip() for candidate in candidates)
        raise InputError(
            f"“{first}” and “{second}” are the same tokens to {model.name}: their odds are 1 in every prompt. Choose "
            "two candidates that differ."
        )


def _row(model: Model, row: Ids, start: int, wanted: Ids) -> Row:
    """Causal: each token is said by the one before it; masked: there are masks in the place of all."""
    if model.family == "masked":
        places = tuple(range(start, start + len(wanted)))
        masks = (int(model.tokenizer.mask_token_id),) * len(wanted)
        return Row((*row[:start], *masks, *row[start + len(wanted) :]), places, wanted)
    return Row(row[:-1], tuple(range(start - 1, start - 1 + len(wanted))), wanted)


def prompt_ids(model: Model, text: str) -> Ids:
    """A text's tokens; of a causal model without the end that its tokenizer adds, as a word follows the text.

    What the writer wrote stays, special tokens too.
    """
    inputs = read_inputs(model, text, None, truncate=False)
    ids: Ids = tuple(inputs.tensors["input_ids"][0].tolist())
    return ids if model.family == "masked" else ids[: len(ids) - inputs.added[1]]


def _asked(candidate: str) -> str:
    text = candidate.rstrip()
    if not text:
        raise InputError("A candidate is empty. Type a word.")
    return text


def _check_wanted(model: Model, candidate: str, own: Ids, start: int) -> None:
    if not own or getattr(model.tokenizer, "unk_token_id", None) in own:
        raise InputError(
            f"{model.name} has no token for “{candidate.strip()}”: its probability is zero. Choose another word."
        )
    if start == 0 and model.family == "causal":
        raise InputError(
            f"The tokenizer of {model.name} joins “{candidate.strip()}” with the beginning of the prompt: nothing "
            "stands before it. Write a longer prompt."
        )


def _common(rows: Sequence[Ids]) -> int:
    """How many tokens all rows begin with."""
    count = 0
    for tokens in zip(*rows, strict=False):
        if len(set(tokens)) > 1:
            break
        count += 1
    return count


def _fitting(model: Model, row: Row) -> Row:
    if model.max_tokens is not None and len(row.ids) > model.max_tokens:
        raise InputError(
            f"The prompt with its continuation has {len(row.ids):,} tokens and {model.name} reads at most "
            f"{model.max_tokens:,}. Shorten one of them."
        )
    return row


def mask_place(model: Model, ids: Sequence[int]) -> int:
    """Where the only mask of a prompt is."""
    if getattr(model.tokenizer, "mask_token_id", None) is None:
        raise InputError(f"The tokenizer of {model.name} has no mask token, so no word can be filled in.")
    places = [i for i, token in enumerate(ids) if token == model.tokenizer.mask_token_id]
    if len(places) != 1:
        raise InputError(
            f"{model.name} fills in a masked word: put {model.tokenizer.mask_token} where the candidates belong, "
            f"once. The prompt has {len(places)}."
        )
    return places[0]


def check_says_words(model: Model) -> None:
    """Refuse a model that predicts no words, or whose prompts are not read here."""
    if model.family == "encoder":
        raise InputError(
            f"{model.name} has no language-model head, so it predicts no words. Choose a GPT or BERT model."
        )
    if model.family == "seq2seq":
        raise InputError(
            f"{model.name} is an encoder-decoder model: words are scored after a prompt (GPT) or at a mask (BERT)."
        )


# ---------------------------------------------------------------------------------------------- one text of two


def _ends(model: Model) -> tuple[str, ...]:
    """The special tokens as they are written."""
    return tuple(str(token) for token in model.tokenizer.all_special_tokens)


def joined(prompt: str, candidate: str, special: Sequence[str] = ()) -> str:
    """Prompt and candidate as one text, with a space between them where one belongs.

    A candidate that begins with a space is taken as it is written. Else there is none after white space, a special
    token, a tag (<answer>), an opening bracket or quote, a hyphen, slash, underscore or currency sign; none before a
    closing bracket, a full stop or the like; and none beside a script that is written without spaces.
    """
    text = _asked(candidate)
    if text[0].isspace() or not prompt or prompt[-1].isspace() or prompt.endswith(tuple(special) or "\0"):
        return prompt + text
    apart = not (MARKUP.search(prompt) or _opens(prompt) or _closes(text) or _unspaced(prompt[-1], text[0]))
    return prompt + " " * apart + text


def _opens(prompt: str) -> bool:
    """Whether a word follows the prompt's last character without a space."""
    last, before = prompt[-1], prompt[-2:-1] or " "
    kind = unicodedata.category(last)
    if last in "\"'":  # a straight quote opens where nothing, a space or another opening sign stands before it
        return before.isspace() or unicodedata.category(before) in ("Ps", "Pi")
    if kind == "Pd":
        return not before.isspace()  # well-known; a dash between spaces has one on both sides
    return kind in ("Ps", "Pi", "Sc") or last in LINKS


def _closes(text: str) -> bool:
    """Whether a text follows a word without a space: ".", ")", "’s"."""
    first = text[0]
    if first in "'’":
        return len(text) > 1 and text[-1] != first
    return unicodedata.category(first) in ("Pe", "Pf", "Pd") or first in ".,;:!?%…"


def _unspaced(last: str, first: str) -> bool:
    return any(unicodedata.name(char, "").startswith(NO_SPACES) for char in (last, first))
