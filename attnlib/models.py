"""Load a model and find out what it can do: its stacks of attention, its heads, its limits."""

import copy
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForTextEncoding,
    AutoTokenizer,
)
from transformers.models.auto import modeling_auto as auto
from transformers.utils import logging as transformers_logging

from attnlib.attention import (
    IMPLEMENTATION,
    AttentionCall,
    Edit,
    Observer,
    OutputEdit,
    Place,
    allow_growth,
    watching,
)
from attnlib.errors import InputError
from attnlib.sources import available_memory, find_model

FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "seq2seq": (AutoModelForSeq2SeqLM, auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES),
    "causal": (AutoModelForCausalLM, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    "masked": (AutoModelForMaskedLM, auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
}
_MAKING = threading.RLock()
"""Held while a model is made. Meanwhile transformers replaces functions of its classes (weights are not tied) and
torch's default dtype for the whole process: two threads at once would put back each other's replacement for good."""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model with its tokenizer, shared by everyone and changed by nobody."""

    name: str
    hf: Any  # the Hugging Face model
    tokenizer: Any  # the Hugging Face tokenizer
    family: str  # "causal", "masked", "seq2seq", or "encoder" (no language-model head)
    places: tuple[Place, ...]  # of each attention call of a forward pass; empty outside the interface
    heads: dict[str, tuple[int, ...]]  # stack → number of heads of each layer
    causal: bool  # whether no token sees a later one, as seen in its weights
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def routed(self) -> bool:
        """Whether attention passes through attnlib's function; else only weights can be had, by output_attentions."""
        return bool(self.places)

    @property
    def stacks(self) -> tuple[str, ...]:
        """("self",), or ("encoder", "decoder", "cross")."""
        return tuple(self.heads)

    @property
    def pairs(self) -> bool:
        """Whether a second text has a place: a second sentence, or the decoder's text."""
        return not self.causal

    @cached_property
    def device(self) -> torch.device:
        return next(self.hf.parameters()).device

    @cached_property
    def dtype(self) -> torch.dtype:
        return next(self.hf.parameters()).dtype

    @cached_property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.hf.parameters())

    @cached_property
    def max_tokens(self) -> int | None:
        """The longest text in tokens, or None where the model sets no limit."""
        config = self.hf.config.get_text_config().to_dict()
        limits = [config.get(name) for name in ("max_position_embeddings", "n_positions")]
        limits.append(getattr(self.tokenizer, "model_max_length", None))
        for name, module in self.hf.named_modules():
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
                limits.append(module.weight.shape[0] - module.padding_idx - 1)  # RoBERTa counts from there
        known = [int(limit) for limit in limits if limit and 0 < limit < 10**7]
        return min(known) if known else None

    @cached_property
    def grows(self) -> bool:
        """Whether a batch can grow from layer to layer (attention.watching): tried on three tokens."""
        if not self.routed or self.family == "seq2seq":
            return False
        inputs = probe_inputs(self.hf, self.family)
        growth = dict.fromkeys(range(len(self.places)), 1)
        try:
            plain = self.forward(inputs)[0]
            grown = self.forward(inputs, growth=growth)[0]
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError, AttributeError):
            return False  # its layers pass on something else than hidden states of any batch
        same = grown.shape == (1 + len(growth), *plain.shape[1:])
        return same and torch.allclose(grown, plain.expand_as(grown), atol=1e-3, rtol=1e-3)

    def forward(
        self,
        inputs: dict[str, torch.Tensor],
        observers: Sequence[Observer] = (),
        edits: Sequence[Edit] = (),
        *,
        outputs: Sequence[OutputEdit] = (),
        growth: Mapping[int, int] | None = None,
        **options: Any,
    ) -> Any:
        """One forward pass; returns the Hugging Face output.

        Observers and edits (and `outputs`, `growth`: see attention.watching) work where `routed`; elsewhere the
        output carries the attentions. `options` are for the Hugging Face model.
        """
        with torch.inference_mode():
            if self.routed:
                with watching(observers, edits, self.places, outputs, growth):
                    return self.hf(**inputs, use_cache=False, **options)
            with self.lock:  # capturing by hooks is not safe between threads in every model
                return self.hf(**inputs, output_attentions=True, **options)


def choose_device() -> torch.device:
    """The fastest device there is: cuda, then mps, then cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_model(name: str, *, device: str | torch.device | None = None, root: str | Path | None = None) -> Model:
    """Load `demo/NAME`, a hub id or a local folder, in the dtype it was saved in. One thread loads at a time.

    Safetensors only; code that comes with a model is never run. With `root`, local folders must lie below it.
    Raises InputError with the remedy for everything that can be wrong with a name, a folder or its files.
    """
    folder = find_model(name, root)
    with _MAKING:
        config = _load_config(name, folder)
        family = _family(config)
        _check_text_model(name, config, family)
        tokenizer = _load_tokenizer(name, folder)
        hf = _load_weights(name, folder, _auto_class(config, family))
        hf.eval().requires_grad_(False).to(choose_device() if device is None else device)
        return wrap(name, hf, tokenizer, family)


def wrap(name: str, hf: Any, tokenizer: Any, family: str | None = None) -> Model:
    """A Model around a Hugging Face model and tokenizer that are already in memory."""
    family = family or _family(hf.config, type(hf).__name__)
    hf.eval()
    try:
        places, heads, causal = _probe(hf, family)
    except InputError:
        raise
    except Exception as error:  # whatever a model may miss when it is given three tokens and nothing else
        raise InputError(
            f"{name!r} ({type(hf).__name__}) cannot be run on text alone: {_first_line(error)} "
            "Choose a language model such as GPT-2, BERT or T5."
        ) from error
    return Model(name, hf, tokenizer, family, places, heads, causal)


def random_copy(model: Model, seed: int = 0) -> Model:
    """The same architecture and tokenizer with untrained, random weights: what a model shows without having learned.

    The same weights for the same `seed`. Raises InputError where there is no memory for a second model.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.hf.state_dict().values())
    free = available_memory()
    if size > free:
        raise InputError(f"A random copy of {model.name} needs {size / 1e9:.1f} GB and {free / 1e9:.1f} GB is free.")
    config = copy.deepcopy(model.hf.config)  # its attention is set, and the model may be running
    with _MAKING:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            hf = type(model.hf)._from_config(config, attn_implementation="eager", dtype=model.dtype)
        hf.eval().requires_grad_(False).to(model.device)
        return wrap(f"{model.name} (random weights)", hf, model.tokenizer, model.family)


# ---------------------------------------------------------------------------------------------- loading


def _load_config(name: str, folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        if "trust_remote_code" in str(error) or "custom code" in str(error):
            raise InputError(
                f"{name!r} needs Python code that comes with it, and such code is never run here. "
                "Choose a version of the model that Transformers supports by itself."
            ) from None
        raise InputError(
            f"This version of Transformers cannot read the configuration of {name!r}: {_first_line(error)}"
        ) from None


def _family(config: Any, architecture: str | None = None) -> str:
    """Which head to load: what the configuration names, else the encoder-decoder's, else none."""
    named = {architecture} if architecture else _architectures(config)
    for family, (_, names) in FAMILIES.items():
        if named & _flat(names.values()):
            return family
    if named & _flat(auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.values()):
        return "encoder"
    return "seq2seq" if getattr(config, "is_encoder_decoder", False) else "encoder"


def _architectures(config: Any) -> set[str]:
    return set(getattr(config, "architectures", None) or ())


def _auto_class(config: Any, family: str) -> Any:
    """The class that loads a model of `family`; an encoder saved without its decoder is loaded without one."""
    if family in FAMILIES:
        return FAMILIES[family][0]
    alone = _architectures(config) & _flat(auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.values())
    return AutoModelForTextEncoding if alone else AutoModel


def _flat(values: Any) -> set[str]:
    return {name for value in values for name in (value if isinstance(value, (tuple, list)) else [value])}


def _check_text_model(name: str, config: Any, family: str) -> None:
    try:
        model_class = _auto_class(config, family)._model_mapping[type(config)]
    except KeyError:
        model_class = None
    model_class = model_class[0] if isinstance(model_class, (tuple, list)) else model_class
    if model_class is None or model_class.main_input_name != "input_ids":
        raise InputError(
            f"{name!r} ({config.model_type}) is not a text model: it does not read tokens. "
            "Choose a language model such as GPT-2, BERT or T5."
        )


def _load_tokenizer(name: str, folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        ids = tokenizer("a", add_special_tokens=False).input_ids
        words = set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)
    except Exception as error:
        raise InputError(
            f"{name!r} has no tokenizer that can be loaded ({_first_line(error)}). "
            "Save one beside the model with tokenizer.save_pretrained(folder)."
        ) from None
    if not ids or len(words) < 2:  # a class that finds no files makes a tokenizer that knows no words
        raise InputError(
            f"The tokenizer of {name!r} knows no words: its files are missing or empty. "
            "Save it beside the model with tokenizer.save_pretrained(folder)."
        )
    return tokenizer


def _load_weights(name: str, folder: Path, auto_class: Any) -> Any:
    options: dict[str, Any] = {
        "attn_implementation": "eager",
        "dtype": "auto",
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,  # _check_complete says which
        "use_safetensors": True,
        "trust_remote_code": False,
        "local_files_only": True,
    }
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        hf, report = auto_class.from_pretrained(folder, **options)
    except (MemoryError, torch.OutOfMemoryError):
        raise InputError(f"{name!r} does not fit into memory. Choose a smaller model.") from None
    except Exception as error:
        raise InputError(
            f"The weights of {name!r} cannot be loaded: {_first_line(error)} "
            "Save the model again with model.save_pretrained(folder)."
        ) from None
    finally:
        transformers_logging.set_verbosity(before)
    _check_complete(name, report)
    return hf


def _check_complete(name: str, report: dict[str, Any]) -> None:
    """Refuse weights that leave parts of the model to chance: what was drawn would be random numbers."""
    missing = {str(key) for key in report["missing_keys"] if "pooler" not in key}  # nothing attends to the pooler
    missing |= {str(key[0]) for key in report["mismatched_keys"]}
    if missing:
        raise InputError(
            f"The weights of {name!r} do not fit its config.json: {len(missing)} are missing or of another shape "
            f"({min(missing)}, …). Save the model again with model.save_pretrained(folder)."
        )


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return first[:300].rstrip(".") + "."


# ---------------------------------------------------------------------------------------------- probing


def probe_inputs(hf: Any, family: str) -> dict[str, torch.Tensor]:
    """Inputs for the smallest forward pass: three tokens, and two for a decoder."""
    ids = torch.tensor([[5, 6, 7]], device=hf.device)
    ids %= hf.config.get_text_config().vocab_size
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return inputs | {"decoder_input_ids": ids[:, :2]} if family == "seq2seq" else inputs


def _probe(hf: Any, family: str) -> tuple[tuple[Place, ...], dict[str, tuple[int, ...]], bool]:
    """Run the model once on three tokens: where its attention calls sit, its heads, whether it is causal."""
    calls = _routed_calls(hf, family)
    if not calls:
        weights = _weights_outside_interface(hf, probe_inputs(hf, family))
        return (), {stack: tuple(w.shape[1] for w in ws) for stack, ws in weights.items()}, _causal(weights)
    names = {id(module): name for name, module in hf.named_modules()}
    allow_growth(hf.get_submodule(_layer_of(names[id(call.module)])) for call in calls)
    stacks = [_stack(names[id(call.module)], family) for call in calls]
    places = tuple(Place(stack, stacks[:i].count(stack)) for i, stack in enumerate(stacks))
    weights = {
        stack: tuple(call.weights for call, mine in zip(calls, stacks, strict=True) if mine == stack)
        for stack in ("self", "encoder", "decoder", "cross")
        if stack in stacks
    }
    heads = {stack: tuple(w.shape[1] for w in ws) for stack, ws in weights.items()}
    return places, heads, _causal(weights)


def _routed_calls(hf: Any, family: str) -> list[AttentionCall]:
    calls: list[AttentionCall] = []
    if not hf._can_set_attn_implementation():
        return calls
    hf.set_attn_implementation(IMPLEMENTATION)
    try:
        with torch.inference_mode(), watching([calls.append]):
            hf(**probe_inputs(hf, family), use_cache=False)
    except AttributeError:  # no eager attention of its own for attnlib's function to call
        calls = []
    if not calls:
        hf.set_attn_implementation("eager")
    return calls


def _layer_of(attention: str) -> str:
    """The path of the layer an attention module belongs to: "model.layers.3.self_attn" is in "model.layers.3"."""
    parts = attention.split(".")
    numbered = [n for n, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbered[-1] + 1]) if numbered else attention


def _causal(weights: dict[str, tuple[torch.Tensor, ...]]) -> bool:
    return all(bool((w.triu(1) == 0).all()) for w in weights.get("self", ())) and "self" in weights


def _stack(name: str, family: str) -> str:
    """Which attention a module is, from its path in the model, e.g. "decoder.layers.0.encoder_attn"."""
    if family != "seq2seq" and "crossattention" not in name:
        return "self"
    parts = name.lower()
    if any(mark in parts for mark in ("encoder_attn", "encdec", "cross_attn", "cross_attention", "crossattention")):
        return "cross"
    if parts.startswith("encoder.") or ".encoder." in parts:
        return "encoder"
    return "decoder"


def _weights_outside_interface(hf: Any, inputs: dict[str, torch.Tensor]) -> dict[str, tuple[torch.Tensor, ...]]:
    with torch.inference_mode():
        weights = stacked_outputs(hf(**inputs, output_attentions=True))
    if not weights or any(w.ndim != 4 for ws in weights.values() for w in ws):
        raise InputError(
            f"{type(hf).__name__} gives no attention weights: it does not use the attention interface and "
            "ignores output_attentions. Models without softmax attention (Mamba, RWKV) have none to show."
        )
    return weights


def stacked_outputs(output: Any) -> dict[str, tuple[torch.Tensor, ...]]:
    """The attentions of a Hugging Face output by stack: each a tuple of [batch, head, query, key]."""
    named = {
        "self": output.get("attentions"),
        "encoder": output.get("encoder_attentions"),
        "decoder": output.get("decoder_attentions"),
        "cross": output.get("cross_attentions"),
    }
    found = {stack: tuple(w for w in ws if w is not None) for stack, ws in named.items() if ws}
    return {stack: weights for stack, weights in found.items() if weights}
