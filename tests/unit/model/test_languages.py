"""Languages of translation models: rows as published, the tokenizer left as it was, and what nobody chose is told."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers.models.m2m_100.modeling_m2m_100 import shift_tokens_right as shift_m2m_100
from transformers.models.mbart.modeling_mbart import shift_tokens_right as shift_mbart

import attnlib
from attnlib import InputError
from attnlib.comparison.export import comparison_json
from attnlib.model.inputs import read_inputs, tokenize_all
from attnlib.model.loading import Model, random_copy, wrap
from attnlib.model.provenance import provenance
from attnlib.words.predictions import words_without
from tests.unit.tiny import tiny_model
from tests.unit.translators import ARCHITECTURES, EOS, TOKENIZERS, mbart, mbart_50, nllb, translator

TEXT, TARGET = "The doctor asked.", "Le médecin"
CHOSEN = {  # languages that are not the tokenizers' own
    "mbart": ("de_DE", "fr_XX"),
    "mbart-50": ("de_DE", "fr_XX"),
    "nllb": ("deu_Latn", "fra_Latn"),
    "nllb-legacy": ("deu_Latn", "fra_Latn"),
    "m2m100": ("de", "fr"),
    "plbart": ("java", "python"),
}
OWN = {"mbart": "en_XX", "mbart-50": "en_XX", "nllb": "eng_Latn", "nllb-legacy": "eng_Latn", "m2m100": "en"}
KINDS = pytest.mark.parametrize("kind", TOKENIZERS)


def published(kind: str, source: str, target: str) -> tuple[list[int], list[int]]:
    """What a tokenizer of one's own, made for these languages, and the model's own shift of its labels give.

    The decoder's row stops where the text stops: there the model says the next word.
    """
    fresh = TOKENIZERS[kind](src_lang=source, tgt_lang=target)
    encoded = fresh(TEXT, text_target=TARGET)
    labels = torch.tensor([encoded["labels"]])
    shifted = shift_mbart(labels, 1) if kind in ARCHITECTURES else shift_m2m_100(labels, 1, EOS)
    row = shifted[0].tolist()
    return list(encoded["input_ids"]), row[:-1] if row[-1] == EOS else row


def read(model: Model, source: str | None = None, target: str | None = None) -> tuple[list[int], list[int]]:
    """The encoder's and the decoder's token ids."""
    found = read_inputs(model, TEXT, TARGET, truncate=False, source_language=source, target_language=target)
    return tuple(found.tensors[name][0].tolist() for name in ("input_ids", "decoder_input_ids"))  # type: ignore[return-value]


@KINDS
def test_rows_are_those_of_the_published_recipe(kind: str) -> None:
    model = translator(kind)
    source, target = CHOSEN[kind]
    encoder, decoder = published(kind, source, target)
    if kind == "nllb-legacy":  # its labels have the language at the end; `generate` begins with it all the same
        decoder = [EOS, model.languages.ids[target], *decoder[1:]]
    assert read(model, source, target) == (encoder, decoder)
    assert read(model, target, source)[0] != encoder


@KINDS
def test_attention_is_that_of_the_model_on_these_rows(kind: str) -> None:
    model = translator(kind)
    encoder, decoder = published(kind, *CHOSEN[kind])
    if kind == "nllb-legacy":
        decoder = [EOS, model.languages.ids[CHOSEN[kind][1]], *decoder[1:]]
    languages = dict(zip(("source_language", "target_language"), CHOSEN[kind], strict=True))
    seen = attnlib.trace(model, TEXT, TARGET, **languages)
    ids = {"input_ids": torch.tensor([encoder]), "decoder_input_ids": torch.tensor([decoder])}
    with torch.no_grad():
        output = model.hf(**ids, output_attentions=True)
    for stack, expected in (("decoder", output.decoder_attentions), ("cross", output.cross_attentions)):
        assert np.allclose(seen.stack(stack).weights, torch.stack(expected)[:, 0].numpy(), atol=1e-6)
    assert (seen.source_language, seen.target_language) == CHOSEN[kind]
    small = attnlib.overview(model, TEXT, TARGET, **languages)
    assert small.stack("cross").queries == seen.cross.queries
    assert small.stack("cross").keys == seen.cross.keys


@KINDS
def test_the_token_of_a_language_is_a_special_one(kind: str) -> None:
    model = translator(kind)
    source, target = CHOSEN[kind]
    seen = attnlib.trace(model, TEXT, TARGET, source_language=source, target_language=target)
    for row, language in ((seen.encoder.queries, source), (seen.decoder.queries, target)):
        place = [name.strip("_") for name in row.names].index(language)
        assert row.special[place]
        assert (place,) in row.words


def state(tokenizer: Any) -> str:
    """All that a tokenizer is."""
    backend = getattr(tokenizer, "_tokenizer", None)
    kept = {name: repr(value) for name, value in vars(tokenizer).items() if name not in ("_tokenizer", "sp_model")}
    return json.dumps([kept, None if backend is None else backend.to_str()], sort_keys=True)


@KINDS
def test_the_tokenizer_is_left_as_it_was(kind: str) -> None:
    model = translator(kind)
    before = state(model.tokenizer)
    read(model, *CHOSEN[kind])
    read(model, None, CHOSEN[kind][1])
    attnlib.compare(model, (TEXT, "Le"), ("The nurse asked.", "Le"), target_language=CHOSEN[kind][1])
    assert state(model.tokenizer) == before


@KINDS
def test_each_thread_gets_the_rows_of_its_own_languages(kind: str) -> None:
    model = translator(kind)
    one, two = CHOSEN[kind], CHOSEN[kind][::-1]
    expected = {languages: read(model, *languages) for languages in (one, two)}
    assert expected[one] != expected[two]
    with ThreadPoolExecutor(2) as pool:
        asked = [one, two] * 60
        for languages, found in zip(asked, pool.map(lambda languages: read(model, *languages), asked), strict=True):
            assert found == expected[languages]


@KINDS
def test_many_texts_at_once_are_read_as_one_by_one(kind: str) -> None:
    model = translator(kind)
    texts = [TEXT, "The nurse.", "A doctor asked the nurse."]
    source, target = CHOSEN[kind]
    for languages in ({}, {"source_language": source, "target_language": target}):
        for text, encoding in zip(texts, tokenize_all(model, texts), strict=True):
            given = None if encoding is None else list(encoding["input_ids"])
            together = read_inputs(model, text, None, truncate=False, encoding=encoding, **languages)
            alone = read_inputs(model, text, None, truncate=False, **languages)
            assert together.tensors.keys() == alone.tensors.keys()
            assert all(torch.equal(together.tensors[name], alone.tensors[name]) for name in alone.tensors)
            assert together.tokens == alone.tokens
            assert given is None or given == list(encoding["input_ids"]), "what was given is nobody's to change"


@KINDS
def test_a_text_that_is_cut_keeps_its_languages(kind: str) -> None:
    model = translator(kind)
    source, target = CHOSEN[kind]
    limit = model.max_tokens
    assert limit is not None
    long = "The doctor asked. " * 60
    languages = {"source_language": source, "target_language": target}
    seen = read_inputs(model, long, long, truncate=True, **languages)
    ids, decoder = (seen.tensors[name][0].tolist() for name in ("input_ids", "decoder_input_ids"))
    assert len(ids) == len(decoder) == limit
    assert model.languages.ids[source] in (ids[0], ids[-1])
    assert model.languages.ids[target] in decoder[:2]
    assert any("The decoder's text was truncated from" in note for note in seen.notes)
    with pytest.raises(InputError, match="The decoder's text has"):
        read_inputs(model, TEXT, long, truncate=False, **languages)


# ---------------------------------------------------------------------------------------------- what nobody chose


def notes(model: Model, text_b: str | None = TARGET, **languages: str) -> set[str]:
    seen = attnlib.trace(model, TEXT, text_b, **languages)
    return {note.kind for note in seen.tokenization} & {"language"}


@KINDS
def test_without_a_choice_the_missing_language_is_told(kind: str) -> None:
    model = translator(kind)
    assert notes(model) == notes(model, None) == {"language"}
    assert not notes(model, target_language=CHOSEN[kind][1])
    seen = attnlib.trace(model, TEXT, TARGET)
    assert seen.source_language == OWN.get(kind, "en_XX")
    assert seen.target_language is None
    language_ids = set(model.languages.ids.values())
    assert not language_ids & set(read(model)[1])


def test_the_target_that_the_model_says_itself_is_read() -> None:
    ids = {name: i for name, i in mbart_50().lang_code_to_id.items() if name in ("fr_XX", "de_DE")}
    forced = translator("mbart-50")
    forced.hf.generation_config.forced_bos_token_id = ids["fr_XX"]
    assert forced.languages.target == "fr_XX"
    assert not notes(forced)
    assert read(forced)[1] == published("mbart-50", "en_XX", "fr_XX")[1]
    assert read(forced, None, "de_DE")[1] == published("mbart-50", "en_XX", "de_DE")[1]
    own = translator("mbart-50", mbart_50(tgt_lang="de_DE"))
    assert own.languages.target == "de_DE"
    assert read(own)[1] == published("mbart-50", "en_XX", "de_DE")[1]
    own.hf.generation_config.forced_bos_token_id = 0  # <s>: no language
    assert attnlib.trace(own, TEXT, TARGET).target_language == "de_DE"


def test_mbart_that_starts_with_a_language_starts_with_the_chosen_one() -> None:
    """As saved for one direction (en-ro): the decoder's start token is the target language."""
    ids = mbart().lang_code_to_id
    model = translator("mbart", decoder_start_token_id=ids["ro_RO"])
    assert model.languages.target == "ro_RO"
    assert not notes(model)
    assert read(model) == published("mbart", "en_XX", "ro_RO")
    assert read(model, "de_DE", "fr_XX") == published("mbart", "de_DE", "fr_XX")


@KINDS
def test_a_language_that_was_written_is_not_added_again(kind: str) -> None:
    model = translator(kind)
    source, target = CHOSEN[kind]
    token = model.tokenizer.convert_ids_to_tokens(model.languages.ids[target])
    if kind == "m2m100":  # its tokenizer reads "__fr__" as underscores and letters
        return
    written = {"truncate": False, "source_language": source}
    seen = read_inputs(model, TEXT, f"{token} {TARGET}", **written)
    assert seen.target_language == target
    assert seen.tensors["decoder_input_ids"][0].tolist() == read(model, source, target)[1]
    again = read_inputs(model, TEXT, f"{token} {TARGET}", target_language=target, **written)
    assert torch.equal(again.tensors["decoder_input_ids"], seen.tensors["decoder_input_ids"])
    with pytest.raises(InputError, match=f"begins with the token of {target}, and {source} is chosen"):
        read_inputs(model, TEXT, f"{token} {TARGET}", target_language=source, **written)


# ---------------------------------------------------------------------------------------------- wrong choices


@KINDS
def test_an_unknown_language_is_refused_with_some_that_are_known(kind: str) -> None:
    model = translator(kind)
    for which in ("source_language", "target_language"):
        for wrong in ("Klingon", "", "</s>", "fr_FR"):
            with pytest.raises(InputError, match=f"knows no language “{wrong}”. It knows [a-z]") as error:
                attnlib.trace(model, TEXT, TARGET, **{which: wrong})
            assert any(name in str(error.value) for name in model.languages.ids)
    if kind == "mbart":
        with pytest.raises(InputError, match=r"It knows fr_XX, ar_AR, .* and 19 more\."):
            attnlib.trace(model, TEXT, target_language="fr")


def test_models_without_languages_are_given_none() -> None:
    for architecture, family in (("t5", "seq2seq"), ("bart", "seq2seq"), ("bert", "masked"), ("gpt2", "causal")):
        model = tiny_model(architecture, family)
        assert not model.languages.ids
        assert not [note for note in attnlib.trace(model, TEXT).tokenization if note.kind == "language"]
        for which in ("source_language", "target_language"):
            with pytest.raises(InputError, match="has no tokens for languages"):
                attnlib.trace(model, TEXT, **{which: "fr_XX"})


def test_a_tokenizer_that_adds_no_source_language() -> None:
    model = translator("plbart", TOKENIZERS["plbart"](src_lang=None))
    assert model.languages.source is None
    assert read(model, None, "java")[1][0] == model.languages.ids["java"]
    with pytest.raises(InputError, match="adds no source language to a text"):
        attnlib.trace(model, TEXT, source_language="java")


# ---------------------------------------------------------------------------------------------- where texts are read


def test_a_comparison_and_silenced_heads_read_the_languages() -> None:
    model = translator("nllb", nllb())
    languages = {"source_language": "deu_Latn", "target_language": "fra_Latn"}
    found = attnlib.compare(model, (TEXT, "Le"), ("The nurse asked.", "Le"), stack="cross", **languages)
    for side in (found.a, found.b):
        assert side.encoder.queries.names[0] == "deu_Latn"
        assert side.decoder.queries.names[:2] == ("</s>", "fra_Latn")
    about = json.loads(comparison_json(found, (model, model), "jsd"))
    assert about["languages"] == {"source": "deu_Latn", "target": "fra_Latn"}
    silenced = words_without(model, TEXT, "Le", [(0, 0)], stack="cross", **languages)
    other = words_without(model, TEXT, "Le", [(0, 0)], stack="cross", target_language="deu_Latn")
    assert silenced
    assert [word.p_a for word in silenced] != [word.p_a for word in other]
    with pytest.raises(InputError, match=r"Prompt A: .* knows no language “fr”"):
        attnlib.compare(model, TEXT, "The nurse asked.", target_language="fr")


@pytest.mark.parametrize("kind", ["mbart", "mbart-50", "nllb", "m2m100"])
def test_an_untrained_copy_reads_the_same_rows(kind: str) -> None:
    """A control beside a comparison: the language that the settings force is in its rows too."""
    model = translator(kind)
    target = CHOSEN[kind][1]
    model.hf.generation_config.forced_bos_token_id = model.languages.ids[target]
    model = wrap(model.name, model.hf, model.tokenizer, "seq2seq")  # as loaded: with these settings from the start
    assert model.languages.target == target
    assert read(random_copy(model)) == read(model)


def test_where_a_model_is_described_its_own_languages_are_named() -> None:
    model = translator("mbart-50", mbart_50(src_lang="de_DE", tgt_lang="fr_XX"))
    assert provenance(model)["own_languages"] == {"source": "de_DE", "target": "fr_XX"}
    assert "own_languages" not in provenance(tiny_model("t5", "seq2seq"))


@pytest.mark.parametrize("kind", ["mbart", "mbart-50", "nllb", "m2m100"])
def test_a_saved_model_has_the_same_languages(kind: str, tmp_path: Path) -> None:
    model = translator(kind)
    model.hf.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    loaded = attnlib.load_model(str(tmp_path))
    assert loaded.languages.ids == model.languages.ids
    assert read(loaded, *CHOSEN[kind]) == read(model, *CHOSEN[kind])
    assert read(loaded) == read(model)
