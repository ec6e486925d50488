"""The two tokenizers, learned from the corpus: byte-level BPE for GPT-2, lower-cased WordPiece for BERT."""

import string
from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

END_OF_TEXT = "<|endoftext|>"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POSITIONS = 128
BPE_VOCABULARY = 2400
FREQUENT = 20  # words seen this often become one WordPiece
MAX_WORD = 100


def gpt2_tokenizer(documents: Iterable[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text can be written with it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BPE_VOCABULARY,
        min_frequency=5,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    end = dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), END_OF_TEXT)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, add_prefix_space=False, model_max_length=POSITIONS, **end
    )


def bert_tokenizer(documents: Iterable[str]) -> PreTrainedTokenizerFast:
    """Lower-cased WordPiece with `[CLS] A [SEP] B [SEP]` and token types."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    pieces = {piece: index for index, piece in enumerate(word_pieces(count_words(tokenizer, documents)))}
    tokenizer.model = models.WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=MAX_WORD)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, pieces[token]) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{f"{token.strip('[]').lower()}_token": token for token in SPECIAL},
        model_max_length=POSITIONS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def count_words(tokenizer: Tokenizer, documents: Iterable[str]) -> Counter[str]:
    """How often each word occurs, as the tokenizer splits and normalises."""
    split, normalise = tokenizer.pre_tokenizer.pre_tokenize_str, tokenizer.normalizer.normalize_str
    return Counter(word for document in documents for word, _ in split(normalise(document)))


def word_pieces(counts: Counter[str]) -> list[str]:
    """Every frequent word is one piece, rare ones are made of common beginnings, endings and letters.

    Built by hand, because WordPieceTrainer does not give the same vocabulary in every process.
    """
    words = by_frequency(Counter({w: n for w, n in counts.items() if n >= FREQUENT and len(w) > 1}))
    rare = [w for w, n in counts.items() if n < FREQUENT]
    endings = Counter(w[-k:] for w in rare for k in (2, 3, 4) if k < len(w))
    beginnings = Counter(w[:k] for w in rare for k in (2, 3) if k < len(w))
    letters = [c for c in map(chr, range(33, 127)) if not c.isupper()]
    inner = ["##" + c for c in string.ascii_lowercase + string.digits]
    pieces = SPECIAL + letters + inner + words
    pieces += ["##" + w for w in by_frequency(endings)[:150]] + by_frequency(beginnings)[:150]
    return list(dict.fromkeys(pieces))


def by_frequency(counts: Counter[str]) -> list[str]:
    """Most frequent first, ties by the alphabet."""
    return sorted(counts, key=lambda word: (-counts[word], word))
