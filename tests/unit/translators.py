"""Tiny random translation models with tokenizers of the real classes, made in memory (M2M100, PLBART: in a folder).

Not here: what they should read (test_languages.py).
"""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import sentencepiece
from transformers import M2M100Tokenizer, MBart50Tokenizer, MBartTokenizer, NllbTokenizer, PLBartTokenizer
from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES as MBART
from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES as MBART_50

from attnlib.model.loading import Model, wrap
from tests.unit.tiny import CORPUS, LETTERS, VOCABULARY, tiny_hf

FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")  # ids 0 to 3
PIECES = ("▁", *LETTERS, *LETTERS.upper(), *".,'é", "▁The", "▁doctor", "▁nurse", "▁Le", "▁médecin")
NLLB = ("deu_Latn", "eng_Latn", "fra_Latn")
EOS = 2


def _scored(codes: list[str]) -> list[tuple[str, float]]:
    return [(piece, -len(PIECES) / len(piece)) for piece in (*FAIRSEQ, *PIECES, *codes, "<mask>")]


def mbart(**options: Any) -> Any:
    return MBartTokenizer(vocab=_scored(MBART), **options)


def mbart_50(**options: Any) -> Any:
    return MBart50Tokenizer(vocab=_scored(MBART_50), **options)


def nllb(**options: Any) -> Any:
    pieces = (*FAIRSEQ, *(piece for piece in PIECES if len(piece) == 1), *NLLB, "<mask>")
    return NllbTokenizer(
        vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], extra_special_tokens=list(NLLB), **options
    )


def nllb_legacy(**options: Any) -> Any:
    return nllb(legacy_behaviour=True, **options)


@lru_cache(maxsize=1)
def _sentence_pieces() -> Path:
    """A folder with a sentencepiece model, and the vocabulary that M2M100 wants beside it."""
    folder = Path(mkdtemp())
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS[:4] * 20),
        model_prefix=str(folder / "pieces"),
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "pieces.model"))
    pieces = [*FAIRSEQ, *(model.IdToPiece(i) for i in range(3, model.GetPieceSize()))]
    (folder / "vocab.json").write_text(json.dumps({piece: i for i, piece in enumerate(pieces)}), "utf-8")
    return folder


def m2m100(**options: Any) -> Any:
    folder = _sentence_pieces()
    return M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "pieces.model"), **options)


def plbart(**options: Any) -> Any:
    """A code model: its languages are java, python and en_XX."""
    return PLBartTokenizer(str(_sentence_pieces() / "pieces.model"), **{"src_lang": "en_XX", **options})


TOKENIZERS: dict[str, Callable[..., Any]] = {
    "mbart": mbart,
    "mbart-50": mbart_50,
    "nllb": nllb,
    "nllb-legacy": nllb_legacy,
    "m2m100": m2m100,
    "plbart": plbart,
}
ARCHITECTURES = {"mbart": "mbart", "mbart-50": "mbart", "plbart": "plbart"}  # the others are M2M100 models
STARTS = {"mbart": None, "plbart": None}  # of the published configurations; the others start with </s>


def translator(kind: str, tokenizer: Any = None, **settings: Any) -> Model:
    """A tiny model of a kind; `settings` of its configuration. It reads its tokenizer's languages as it is now."""
    tokenizer = tokenizer or TOKENIZERS[kind]()
    words = len(tokenizer) if kind == "plbart" else VOCABULARY  # it can name no token beyond its own
    known = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": EOS, "vocab_size": words}
    start = {"decoder_start_token_id": STARTS.get(kind, EOS)}
    hf = tiny_hf(ARCHITECTURES.get(kind, "m2m_100"), "seq2seq", **{**known, **start, **settings})
    return wrap(f"tiny-{kind}", hf, tokenizer, "seq2seq")
