"""Bad and odd input: a clear sentence or a working trace, and the text as it was typed."""

from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

import attnlib
from attnlib import InputError
from attnlib.model.inputs import read_inputs
from attnlib.model.loading import Model, wrap
from tests.unit.tiny import STYLES, tiny_hf, tiny_model, tiny_tokenizer

FAMILIES = {"bytes": ("gpt2", "causal"), "wordpiece": ("bert", "masked"), "byte-fallback": ("llama", "causal")}
KINDS = {**FAMILIES, "metaspace": ("t5", "seq2seq")}


@pytest.fixture(scope="module", params=STYLES)
def model(request: pytest.FixtureRequest) -> Model:
    architecture, family = KINDS[request.param]
    return tiny_model(architecture, family, request.param)


def assert_readable(model: Model, text: str) -> None:
    seen = attnlib.trace(model, text)
    assert seen.verified
    assert all(label.replace("\u200d", "").isprintable() for label in seen.labels)  # joiners inside emoji stay


EMPTY = ["", " ", "   ", "\n", "\t \r\n", "\u00a0", "\u3000\u2003"]


@pytest.mark.parametrize("text", EMPTY, ids=ascii)
def test_an_empty_text_is_refused(model: Model, text: str) -> None:
    with pytest.raises(InputError, match=r"The text is empty\. Type a sentence\."):
        attnlib.trace(model, text)


@pytest.mark.parametrize("text", ["a\ud83d b", "\udc00", "ok \udfff"], ids=ascii)
def test_half_a_character_is_refused_with_its_place(model: Model, text: str) -> None:
    place = next(i for i, char in enumerate(text) if "\ud800" <= char <= "\udfff") + 1
    with pytest.raises(InputError, match=rf"lone surrogate, U\+D[0-9A-F]{{3}}\) at position {place}\. Delete it"):
        attnlib.trace(model, text)


def test_half_a_character_in_the_second_text() -> None:
    with pytest.raises(InputError, match="The second text has half a character"):
        attnlib.trace(tiny_model("bert"), "The doctor", "a\ud83d")


ODD = {
    "NUL": "a\0b",
    "only NUL": "\0",
    "control characters": "a\x01\x02\x1b[31m\x7f\x9fb",
    "right to left": "שלום עולם, مرحبا بالعالم!",
    "direction marks": "a\u202eb\u202c \u2066c\u2069 \u200f",
    "a family of emoji": "👩‍👩‍👧‍👦 and 👩🏽‍🔬 and 🏳️‍🌈 🇩🇪",
    "combining marks": "e\u0301 o\u0308\u0304 \u0301",
    "many combining marks": "a" + "\u0301" * 60,
    "only a joiner": "\u200d",
    "byte order mark": "\ufeffThe doctor",
    "private use and unassigned": "\ue000 \U000e0041 \u0378 \U0010ffff",
    "replacement sign": "\ufffd",
    "CJK": "你好，世界。東京",
    "a very long word": "a" * 120,
    "html": "<script>alert('x')</script><b>&amp;</b>",
    "newlines and tabs": "one\ntwo\r\n\tthree\x0b\x0cfour\u2028five",
    "names of special tokens": "<s> </s> [CLS] [SEP] <pad> <mask> <unk>",
    "the tokenizers' own signs": "Ġ ▁ ## <0x0A> Ċ </w>",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_text_is_read_or_refused_with_a_sentence(model: Model, text: str) -> None:
    if len(model.tokenizer(text).input_ids) <= (model.max_tokens or 10**6):
        assert_readable(model, text)
    else:
        with pytest.raises(InputError, match="reads at most 128"):
            attnlib.trace(model, text)


@pytest.mark.parametrize("text", ["word " * 20_000, "x" * 100_000, "🙂" * 25_000], ids=["words", "letters", "emoji"])
def test_a_hundred_thousand_characters(model: Model, text: str) -> None:
    if model.max_tokens is None:  # without a limit of its own, memory is one
        return
    total = len(model.tokenizer(text).input_ids)
    if total > model.max_tokens:
        with pytest.raises(InputError, match=rf"has {total:,} tokens .* reads at most 128\. Shorten it"):
            attnlib.trace(model, text)
    seen = attnlib.trace(model, text, truncate=True)
    assert len(seen.tokens) == min(total, 128)
    assert seen.truncated_from == (total if total > 128 else None)


def test_a_long_text_for_a_model_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnlib.tracing.trace.available_memory", lambda: 10**8)
    with pytest.raises(InputError, match=r"needs [\d.]+ GB of memory.*Shorten the text"):
        attnlib.trace(tiny_model("t5"), "doctor " * 5_000)


def test_more_than_any_model_reads() -> None:
    with pytest.raises(InputError, match=r"3,000,000 characters, more than any model reads"):
        attnlib.trace(tiny_model("gpt2"), "a" * 3_000_000)


@pytest.mark.parametrize("text", ["\0", "\x01\x02", "\u200d"], ids=ascii)
def test_a_text_of_which_nothing_is_left(text: str) -> None:
    """A tokenizer that drops it all, and adds nothing of its own."""
    tokenizer = tiny_tokenizer("wordpiece")
    backend = type(tokenizer.backend_tokenizer).from_str(tokenizer.backend_tokenizer.to_str())
    backend.post_processor = None  # type: ignore[assignment]
    bare = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    model = wrap("bare", tiny_hf("gpt2"), bare)
    if not bare(text).input_ids:
        with pytest.raises(InputError, match="makes no tokens of this text"):
            attnlib.trace(model, text)
    else:
        assert_readable(model, text)


def test_a_second_text_for_a_model_that_reads_one() -> None:
    with pytest.raises(InputError, match="from left to right: it has no place for a second one"):
        attnlib.trace(tiny_model("gpt2"), "The doctor", "The nurse")


def with_sentence_numbers(style: str) -> Any:
    """A tokenizer that tells every model which sentence a token is in, whether or not the model wants to know."""
    backend = tiny_tokenizer(style).backend_tokenizer
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, pad_token="<pad>")


@pytest.mark.parametrize("architecture", ["distilbert", "gpt2", "llama", "roberta", "electra"])
def test_sentence_numbers_go_only_to_models_that_have_them(architecture: str) -> None:
    """GPT-2 would add the embedding of word 0 to every token; DistilBERT would stop with an error."""
    hf = tiny_hf(architecture)
    told = attnlib.trace(wrap("told", hf, with_sentence_numbers("wordpiece")), "The doctor asked")
    plain = tiny_tokenizer("wordpiece")
    np.testing.assert_array_equal(told.weights, attnlib.trace(wrap("plain", hf, plain), "The doctor asked").weights)


def test_rows_of_each_attention() -> None:
    inputs = read_inputs(tiny_model("t5"), "The doctor", "She", truncate=False)
    tokens, decoder = inputs.tokens, inputs.decoder_tokens
    assert inputs.rows("encoder") == (tokens, tokens)
    assert inputs.rows("decoder") == (decoder, decoder)
    assert inputs.rows("cross") == (decoder, tokens)
