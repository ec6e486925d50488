"""Languages of a translation model: which its tokenizer has tokens for, and where they stand in what the model reads.

mBART-50, NLLB and M2M100 read "[source] text </s>" and go on from "</s> [target] text"; mBART and PLBART read
"text </s> [source]" and go on from "[target] text": there the language is the decoder's start token. A language is
exchanged among the token ids. It is never set in the tokenizer, which everyone who uses the model shares: that would
change the rows of all of them. Not here: models that write a language as the first word of the text (">>fra<<" of
OPUS-MT), where there is nothing to choose.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attnlib.errors import InputError
from attnlib.model.tokenizing import encoded

CODE = re.compile(r"_*[a-z]{2,3}(_[A-Za-z]{2,4})?_*")  # fr_XX, fra_Latn, __fr__
NAMED = 6  # languages, at most, that an error names


@dataclass(frozen=True)
class Languages:
    """The languages a model has tokens for (none for most models), and the defaults."""

    model: str  # its name
    ids: Mapping[str, int] = field(default_factory=dict)  # token id by the language's name, in alphabetical order
    source: str | None = None  # None: the tokenizer adds no language to a text
    target: str | None = None  # None: the decoder reads no language
    starts: bool = False  # whether the target language stands in place of the decoder's start token

    def chosen_source(self, name: str | None) -> str | None:
        """The language of the encoder's text: `name`, or the model's own for None. Raises InputError."""
        if name is None:
            return self.source
        known = self._known(name)
        if self.source is None:
            raise InputError(
                f"The tokenizer of {self.model} adds no source language to a text. Leave it out, or save the "
                "tokenizer with src_lang."
            )
        return known

    def chosen_target(self, name: str | None) -> str | None:
        """The language of the decoder's text: `name`, or the model's own for None. Raises InputError."""
        return self.target if name is None else self._known(name)

    def _known(self, name: str) -> str:
        if not self.ids:
            raise InputError(f"{self.model} has no tokens for languages: leave source and target language out.")
        known = name.strip().strip("_")
        if known in self.ids:
            return known
        alike = [one for one in self.ids if one[:2].lower() == known[:2].lower()]
        some = list(dict.fromkeys([*alike, *self.ids]))[:NAMED]
        rest = f" and {len(self.ids) - NAMED} more" if len(self.ids) > NAMED else ""
        raise InputError(f"{self.model} knows no language “{name}”. It knows {', '.join(some)}{rest}.")

    def of(self, token: int) -> str | None:
        """The language that a token stands for; None for every other token."""
        return next((name for name, known in self.ids.items() if known == token), None)

    def with_source(self, ids: Sequence[int], added: tuple[int, int], source: str | None) -> list[int]:
        """The encoder's token ids with the token of `source` where the tokenizer put its own language.

        `added`: how many tokens the tokenizer added before and behind; those that were written are left alone.
        """
        if source is None or source == self.source:
            return list(ids)
        before, behind = added
        own = {*range(before), *range(len(ids) - behind, len(ids))}
        return [self.ids[source] if n in own and self.of(i) is not None else i for n, i in enumerate(ids)]

    def decoder_start(self, start: int, target: str | None) -> list[int]:
        """What the decoder begins with, of a model whose start token is `start`."""
        if target is None:
            return [start]
        return [self.ids[target]] if self.starts else [start, self.ids[target]]


def read_languages(name: str, hf: Any, tokenizer: Any) -> Languages:
    """What a saved encoder-decoder model and its tokenizer say about languages."""
    ids = _language_ids(hf, tokenizer)
    if not ids:
        return Languages(name)
    names = {i: language for language, i in ids.items()}
    row = list(encoded(tokenizer, "a")["input_ids"])
    places = [n for n, i in enumerate(row) if i in names]
    start = hf_setting(hf, "decoder_start_token_id")
    own = (
        names.get(hf_setting(hf, "forced_bos_token_id")),
        names.get(start),
        str(getattr(tokenizer, "tgt_lang", None)).strip("_"),
    )
    return Languages(
        model=name,
        ids=ids,
        source=names[row[places[0]]] if places else None,
        target=next((language for language in own if language in ids), None),
        starts=start in names or (start is None and 0 not in places),
    )


def _language_ids(hf: Any, tokenizer: Any) -> dict[str, int]:
    """Token ids by language, of tokenizers that have a source language; those the model has a vector for."""
    if not hasattr(tokenizer, "src_lang"):
        return {}
    codes = getattr(tokenizer, "lang_code_to_id", None) or {}
    special = [token for token in tokenizer.all_special_tokens if token in codes or CODE.fullmatch(token)]
    tokens = list(getattr(tokenizer, "lang_code_to_token", {}).values()) or special  # M2M100 keeps its tokens apart
    ids = {token.strip("_"): tokenizer.convert_tokens_to_ids(token) for token in tokens}
    known = hf.get_input_embeddings().weight.shape[0]
    return {name: i for name, i in sorted(ids.items()) if i != tokenizer.unk_token_id and i < known}


def hf_setting(hf: Any, name: str) -> Any:
    """What a Hugging Face model's generation settings or else its configuration say; None where both say nothing."""
    sources = (getattr(hf, "generation_config", None), hf.config)
    return next((value for source in sources if (value := getattr(source, name, None)) is not None), None)
