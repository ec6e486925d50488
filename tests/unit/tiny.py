"""Tiny random models of any architecture, and tiny tokenizers, built in memory: no download, no weights on disk.

Not here: anything about attention. `tiny_model("llama")` is a model with two layers and four heads.
"""

import json
from functools import lru_cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from attnlib.model.loading import FAMILIES, Model, wrap

# ---------------------------------------------------------------------------------------------- models

VOCABULARY = 600
SIZES: dict[str, Any] = {
    **dict.fromkeys(
        ("hidden_size", "n_embd", "d_model", "dim", "emb_dim", "word_embed_proj_dim", "embedding_size"), 32
    ),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers"), 2),
    **dict.fromkeys(("decoder_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("head_dim", "d_kv", "query_pre_attn_scalar"), 8),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_ff", "d_inner", "ffn_dim", "n_inner", "dff"), 64),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 64),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 128),
    **dict.fromkeys(("num_local_experts", "num_experts", "num_experts_per_tok"), 2),
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
}
SPECIAL_IDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
NEEDED: dict[str, dict[str, Any]] = {  # what some architectures need beside their sizes
    "deepseek_v3": {
        "q_lora_rank": 16,
        "kv_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 12,
        "num_key_value_heads": 4,
    },
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2},
    "gptj": {"rotary_dim": 8},
    "codegen": {"rotary_dim": 8},
    "esm": {"vocab_size": VOCABULARY},
    "t5": {"num_decoder_layers": 3, "decoder_start_token_id": 1},  # unequal depths
    "bart": {"decoder_layers": 3},
}
UNSETTABLE = {"falcon": ("head_dim",)}


def tiny_config(architecture: str, **changes: Any) -> Any:
    """The configuration of `architecture` (a model_type) with everything that has a size made small."""
    known = AutoConfig.for_model(architecture)
    skipped = {*known.attribute_map, *UNSETTABLE.get(architecture, ())}  # second names of the same size
    sizes = {name: SIZES[name] for name in SIZES if name not in skipped and getattr(known, name, None) is not None}
    special = {name: i for name, i in SPECIAL_IDS.items() if hasattr(known, name)}
    return AutoConfig.for_model(architecture, **{**sizes, **special, **NEEDED.get(architecture, {}), **changes})


def tiny_hf(architecture: str, family: str | None = None, seed: int = 0, **changes: Any) -> Any:
    """A Hugging Face model with eager attention; `family` chooses its head (None: none)."""
    torch.manual_seed(seed)
    maker = FAMILIES[family][0] if family in FAMILIES else AutoModel
    hf = maker.from_config(tiny_config(architecture, **changes), attn_implementation="eager").eval()
    for parameter in hf.parameters():  # the usual start makes attention nearly flat, and a flat one hides mistakes
        with torch.no_grad():
            parameter.normal_(0.0, 0.3) if parameter.ndim > 1 else parameter.add_(torch.randn_like(parameter) * 0.1)
    return hf


def tiny_model(
    architecture: str, family: str | None = None, style: str | None = None, seed: int = 0, **changes: Any
) -> Model:
    """A Model that reads text; `style` chooses its tokenizer (see STYLES), by default one such models have."""
    hf = tiny_hf(architecture, family, seed, **changes)
    return wrap(f"tiny-{architecture}", hf, tiny_tokenizer(style or usual_style(hf.config)), family)


def usual_style(config: Any) -> str:
    """Word pieces for encoders, Metaspace for encoder-decoders, bytes for the rest."""
    if config.is_encoder_decoder:
        return "metaspace"
    return "wordpiece" if config.model_type in ENCODERS else "bytes"


ENCODERS = frozenset(
    (
        *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "mobilebert"),
        *("modernbert", "mpnet", "roberta"),
    )
)

# ---------------------------------------------------------------------------------------------- tokenizers

CORPUS = (
    "The doctor asked the nurse a question. She answered.",
    "The nurse thanked the doctor, and he smiled: “Good morning!”",
    "A quick brown fox jumps over the lazy dog; it isn't well-known.",
    "Le médecin a posé une question à l'infirmière.",
    "שלום עולם مرحبا بالعالم 你好，世界 東京 👩‍🔬 🙂",
)
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>", "[CLS]", "[SEP]")  # ids 0 to 6, in every style
LETTERS = "abcdefghijklmnopqrstuvwxyz"
STYLES = ("bytes", "wordpiece", "metaspace", "byte-fallback")


@lru_cache
def tiny_tokenizer(style: str) -> PreTrainedTokenizerFast:
    """A tokenizer made from CORPUS, in every process the same.

    "bytes" is GPT-2's byte-level BPE, "wordpiece" BERT's, "metaspace" T5's unigrams, "byte-fallback" Llama's BPE
    with <0x..> for what it has no piece for.
    """
    backend, named = _MAKERS[style]()
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", **named}
    inputs = ["input_ids", "attention_mask"] + ["token_type_ids"] * (style == "wordpiece")
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=inputs, **names)


def _bytes() -> tuple[Tokenizer, dict[str, str]]:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    _train(backend, initial_alphabet=sorted(alphabet), limit_alphabet=256)
    return backend, {}


def _wordpiece() -> tuple[Tokenizer, dict[str, str]]:
    words = [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(" ".join(CORPUS).lower())]
    pieces = [*SPECIAL, *LETTERS, *(f"##{piece}" for piece in [*LETTERS, "ing", "ed", "able"]), *words]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.add_special_tokens(list(SPECIAL))
    backend.post_processor = processors.BertProcessing(("[SEP]", 6), ("[CLS]", 5))
    return backend, {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "<mask>"}


def _metaspace() -> tuple[Tokenizer, dict[str, str]]:
    letters = ["▁", *LETTERS, *LETTERS.upper(), *".,:;'-!éàן👩🙂你好"]
    words = [f"▁{word}" for text in CORPUS for word in text.split()]
    common = ["ing", "ed", "s", "er", "▁doctor", "▁question", "▁a", "▁the"]
    pieces = dict.fromkeys(letters, -6.0) | dict.fromkeys(common, -4.0) | dict.fromkeys(words, -5.0)
    backend = Tokenizer(models.Unigram([*((name, 0.0) for name in SPECIAL), *pieces.items()], unk_id=3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.add_special_tokens(list(SPECIAL))
    end = [("</s>", 2)]
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=end
    )
    return backend, {}


def _byte_fallback() -> tuple[Tokenizer, dict[str, str]]:
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.normalizer = spaces
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    alphabet = ["▁", *LETTERS, *LETTERS.upper(), *".,:;'-!éàן", "🙂", "你"]  # the rest falls back to bytes
    size = {"vocab_size": VOCABULARY - 256, "limit_alphabet": len(alphabet)}
    _train(trained, initial_alphabet=alphabet, **size)
    state = json.loads(trained.to_str())["model"]
    pieces = [*state["vocab"], *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    merges = [tuple(merge) for merge in state["merges"]]
    backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.normalizer = spaces
    backend.add_special_tokens(list(SPECIAL))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    start = [("<s>", 1)]
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=start
    )
    return backend, {}


_MAKERS = {"bytes": _bytes, "wordpiece": _wordpiece, "metaspace": _metaspace, "byte-fallback": _byte_fallback}


def _train(backend: Tokenizer, vocab_size: int = VOCABULARY, **options: Any) -> None:
    """Byte pairs only: the trainers of word pieces and unigrams give another vocabulary in every process."""
    given = {"vocab_size": vocab_size, "special_tokens": list(SPECIAL), "show_progress": False}
    backend.train_from_iterator(CORPUS, trainers.BpeTrainer(**given, **options))
