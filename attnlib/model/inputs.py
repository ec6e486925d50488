"""From text to what a model reads: token ids, and the rows of tokens its attention runs over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any

import torch

from attnlib.errors import InputError
from attnlib.model.hf import BatchEncoding
from attnlib.model.languages import hf_setting
from attnlib.model.loading import Model
from attnlib.model.token_notes import NO_LANGUAGE, TokenNote, token_notes
from attnlib.model.tokenizing import encoded
from attnlib.model.tokens import Tokens, read_tokens

LONGEST_TEXT = 2_000_000  # characters; no model reads as much
MOST_ADDED = 16  # special tokens that a tokenizer puts before a text, at most


@dataclass(frozen=True, eq=False)
class Inputs:
    """One text (or pair) ready for a forward pass."""

    tensors: dict[str, torch.Tensor]
    tokens: Tokens  # of the model, or of its encoder
    decoder_tokens: Tokens | None
    truncated_from: int | None
    notes: tuple[str, ...]
    added: tuple[int, int] = (0, 0)  # special tokens that the tokenizer put before and behind the text
    tokenization: tuple[TokenNote, ...] = ()  # what the tokenizer did that the writer may not expect
    source_language: str | None = None  # of a translation model
    target_language: str | None = None

    def rows(self, stack: str) -> tuple[Tokens, Tokens]:
        """The tokens that look and the tokens that are looked at, in one attention of the model."""
        decoder = self.decoder_tokens or self.tokens
        queries = self.tokens if stack in ("self", "encoder") else decoder
        return queries, decoder if stack == "decoder" else self.tokens


def read_inputs(
    model: Model,
    text: str,
    text_b: str | None,
    *,
    truncate: bool,
    hide: Sequence[int] = (),
    source_language: str | None = None,
    target_language: str | None = None,
    most: int | None = None,
    encoding: Any = None,
) -> Inputs:
    """Tokenize for `model`; see `attnlib.trace`. Raises InputError for a text or language it cannot read.

    `most` limits the tokens further than the model does. `encoding` is what the tokenizer made of the text already
    (`tokenize_all`).
    """
    text = _check_text(text, "The text")
    text_b = None if text_b is None or not text_b.strip() else _check_text(text_b, "The second text")
    if text_b is not None and not model.pairs:
        raise InputError(f"{model.name} reads one text, from left to right: it has no place for a second one.")
    seq2seq = model.family == "seq2seq"
    source = model.languages.chosen_source(source_language)
    target = model.languages.chosen_target(target_language)
    if encoding is None:
        encoding = _tokenize(model, text, None if seq2seq else text_b)
    encoding, total = _fit(model, encoding, truncate, most, text, None if seq2seq else text_b)
    _check_ids(model, encoding["input_ids"])
    added = added_tokens(model, encoding, text if text_b is None or seq2seq else None)
    ids = model.languages.with_source(encoding["input_ids"], added, source)
    tokens = _row(model, encoding, ids, [text] if seq2seq or text_b is None else [text, text_b])
    told = token_notes(model.name, model.tokenizer, text, ids, tokens, added)
    tensors = {name: torch.tensor([values]) for name, values in {**encoding, "input_ids": ids}.items()}
    if max(encoding.get("token_type_ids", [0])) >= getattr(model.hf.config, "type_vocab_size", 0):
        tensors.pop("token_type_ids", None)  # a model without sentence embeddings: GPT-2 would read them as words
    tokens, notes = _hide(model, tensors, tokens, hide)
    read = Inputs(tensors, tokens, None, total, notes, added, told, source)
    if seq2seq:
        read = _with_decoder(model, read, text_b, target, chosen=target_language is not None, truncate=truncate)
    return replace(read, tensors={name: tensor.to(model.device) for name, tensor in read.tensors.items()})


def added_tokens(model: Model, encoding: Any, text: str | None) -> tuple[int, int]:
    """How many special tokens the tokenizer itself put before and behind a text; those that were written are not.

    `text` is what was encoded, for tokenizers that do not say; without it (two texts) they are looked up by id.
    """
    fast = encoding.encodings[0] if getattr(encoding, "encodings", None) else None
    ids = list(encoding["input_ids"])
    if fast is not None:
        own = [bool(mark) for mark in fast.special_tokens_mask]
    elif text is not None:
        written = list(encoded(model.tokenizer, text, add_special_tokens=False)["input_ids"])
        first = range(min(len(ids), MOST_ADDED))  # a text that was cut keeps its beginning
        kept = [_common(islice(ids, n, None), written) for n in first]
        before = kept.index(max(kept))
        return (before, len(ids) - before - kept[before]) if kept[before] else (0, 0)
    else:
        own = [token in model.tokenizer.all_special_ids for token in ids]
    if all(own):
        return len(ids), 0
    return own.index(False), own[::-1].index(False)


def _common(one: Iterable[int], two: Iterable[int]) -> int:
    """How many tokens both rows begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))


def tokenize_all(model: Model, texts: Sequence[str]) -> list[Any]:
    """What the tokenizer makes of each text, in one call, for `read_inputs`; None where it works one by one."""
    if not texts or not getattr(model.tokenizer, "is_fast", False):
        return [None] * len(texts)
    whole = encoded(model.tokenizer, list(texts))
    return [
        BatchEncoding({name: values[n] for name, values in whole.items()}, whole.encodings[n])
        for n in range(len(texts))
    ]


def _check_text(text: str, what: str) -> str:
    if not text.strip():
        raise InputError(f"{what} is empty. Type a sentence.")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"{what} has {len(text):,} characters, more than any model reads. Shorten it.")
    surrogate = next((i for i, char in enumerate(text) if "\ud800" <= char <= "\udfff"), None)
    if surrogate is not None:
        raise InputError(
            f"{what} has half a character (a lone surrogate, U+{ord(text[surrogate]):04X}) at position "
            f"{surrogate + 1}. Delete it, or paste the text again."
        )
    return text


def _tokenize(model: Model, text: str, text_b: str | None) -> Any:
    encoding = encoded(model.tokenizer, text, text_b)
    if not encoding["input_ids"]:
        raise InputError(f"The tokenizer of {model.name} makes no tokens of this text. Type another one.")
    return encoding


def _fit(
    model: Model, encoding: Any, truncate: bool, most: int | None, text: str, text_b: str | None
) -> tuple[Any, int | None]:
    """The encoding, truncated to the model's limit if that was asked for, and how many tokens there were."""
    total = len(encoding["input_ids"])
    limit = min((known for known in (model.max_tokens, most) if known is not None), default=None)
    if limit is None or total <= limit:
        return encoding, None
    if not truncate:
        raise InputError(
            f"The text has {total:,} tokens and {model.name} reads at most {limit:,}. "
            "Shorten it, or truncate it to the limit."
        )
    with model.lock:
        return encoded(model.private_tokenizer, text, text_b, truncation=True, max_length=limit), total


def _check_ids(model: Model, ids: Sequence[int]) -> None:
    try:
        known = model.hf.get_input_embeddings().weight.shape[0]
    except (AttributeError, NotImplementedError):  # a model that has no table of tokens, such as CANINE
        return
    if max(ids) >= known:
        raise InputError(
            f"The tokenizer of {model.name} makes token {max(ids)} of this text and the model knows {known}: they "
            "do not belong together. Save the tokenizer the model was trained with beside it."
        )


def _row(model: Model, encoding: Any, ids: Sequence[int], texts: list[str]) -> Tokens:
    fast = encoding.encodings[0] if getattr(encoding, "encodings", None) else None
    return read_tokens(model.tokenizer, ids, fast, texts)


def _with_decoder(
    model: Model, read: Inputs, text: str | None, target: str | None, *, chosen: bool, truncate: bool
) -> Inputs:
    """With the decoder's tokens: its start token, its language, then `text` as far as it is given.

    `chosen`: whether `target` is what somebody chose, and not the model's own.
    """
    ids, words, notes = list[int](), Tokens.plain([]), read.notes
    if text is not None:
        encoding = _target_encoding(model, text)
        ids = list(encoding["input_ids"])
        _check_ids(model, ids or [0])
        words = _row(model, encoding, ids, [text])
    written = model.languages.of(ids[0]) if ids else None
    if written is not None and chosen and written != target:
        raise InputError(
            f"The decoder's text begins with the token of {written}, and {target} is chosen. Take one of them out."
        )
    target = written or target
    begin = model.languages.decoder_start(decoder_start(model), target)
    begin = begin[:-1] if written else begin  # the language stands in the text
    limit = None if model.max_tokens is None else model.max_tokens - len(begin)
    if limit is not None and len(ids) > limit:
        notes += (_cut_note(model, len(ids), limit, truncate),)
    told = (NO_LANGUAGE,) if model.languages.ids and target is None else ()
    return replace(
        read,
        tensors={**read.tensors, "decoder_input_ids": torch.tensor([begin + ids[:limit]])},
        decoder_tokens=read_tokens(model.tokenizer, begin) + words.first(limit),
        notes=notes,
        tokenization=read.tokenization + told,
        target_language=target,
    )


def _target_encoding(model: Model, text: str) -> Any:
    """The decoder's text without special tokens; a tokenizer with tokens for languages reads it as any other text."""
    if model.languages.ids:
        return encoded(model.tokenizer, text, add_special_tokens=False)
    with model.lock:  # asked for a target text, a tokenizer changes itself meanwhile
        return encoded(model.private_tokenizer, text_target=text, add_special_tokens=False)


def _cut_note(model: Model, total: int, limit: int, truncate: bool) -> str:
    if not truncate:
        raise InputError(
            f"The decoder's text has {total:,} tokens and {model.name} reads at most {limit:,}. "
            "Shorten it, or truncate it to the limit."
        )
    return f"The decoder's text was truncated from {total:,} to {limit:,} tokens."


def decoder_start(model: Model) -> int:
    """The token a decoder begins with."""
    names = ("decoder_start_token_id", "bos_token_id", "pad_token_id")
    return next((int(value) for name in names if (value := hf_setting(model.hf, name)) is not None), 0)


def _hide(
    model: Model, tensors: dict[str, torch.Tensor], tokens: Tokens, hide: Sequence[int]
) -> tuple[Tokens, tuple[str, ...]]:
    """Hide tokens from the model: put its mask token there, or, where it has none, take them out of attention."""
    if not hide:
        return tokens, ()
    wrong = [i for i in hide if not 0 <= i < len(tokens)]
    if wrong:
        raise InputError(f"There is no token {wrong[0]} to hide: the text has {len(tokens)} tokens.")
    positions = sorted(set(hide))
    names = ", ".join(f"“{tokens.labels[i].strip()}”" for i in positions)
    mask = getattr(model.tokenizer, "mask_token_id", None)
    if mask is not None and model.family in ("masked", "encoder"):
        tensors["input_ids"][0, positions] = mask
        label = str(model.tokenizer.mask_token)
        return tokens.renamed(positions, label), (f"{names} replaced by {label}.",)
    if model.causal and 0 in positions:
        raise InputError("The first token cannot be hidden: it can look only at itself.")
    if "attention_mask" not in tensors or len(positions) == len(tokens):
        raise InputError("These tokens cannot be hidden from this model. Show at least one.")
    tensors["attention_mask"][0, positions] = 0
    return tokens, (f"{names} hidden from every other token's attention.",)
