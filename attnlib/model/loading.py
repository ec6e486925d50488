"""Load a model and find out what it can do: its stacks of attention, its heads, its limits."""

import copy
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from attnlib.errors import InputError
from attnlib.model.attention import Edit, LayerPlace, Observer, OutputEdit, watching
from attnlib.model.families import (
    FAMILIES,
    auto_class,
    family_in_memory,
    mapped_class,
    with_language_head,
)
from attnlib.model.from_folder import first_line, load_tokenizer, load_weights, read_configuration
from attnlib.model.language_head import is_classifier
from attnlib.model.languages import Languages, read_languages
from attnlib.model.memory import NoRoomError, available_memory
from attnlib.model.probing import accepts, expected_shapes, probe, probe_inputs
from attnlib.model.sources import find_model

_MAKING = threading.RLock()
"""Held while a model is made. Meanwhile transformers replaces functions of its classes (weights are not tied) and
torch's default dtype for the whole process: two threads at once would put back each other's replacement for good."""


@dataclass(frozen=True, eq=False)
class Model:
    """A loaded model with its tokenizer, made by `load_model`. It is shared and never changed.

    Attributes:
        name (str): The name it was loaded by.
        hf: The Hugging Face model.
        tokenizer: The Hugging Face tokenizer.
        family (str): "causal" (GPT-like), "masked" (BERT-like), "seq2seq" (T5-like) or "encoder" (no language-model
            head).
        places (tuple of LayerPlace): Stack and layer of every attention call of a forward pass, in order; empty if
            the model does not use transformers' attention interface.
        heads (dict of str to tuple of int): For each stack, the number of heads of every layer.
        causal (bool): Whether no token sees a later one, as measured from the weights.
        refusal (str): Why attention cannot be edited, as a sentence; empty if it can.
        no_vectors (str): Why query and key vectors cannot be shown, as a sentence; empty if they can.
        numbering (str): How layers are counted, as a sentence; empty if they are counted as in the model.
        lock (threading.Lock): Held by whatever must not run in two threads at once.

    Example:
        >>> model = attnlib.load_model("demo/bert-biased")
        >>> model.family, model.stacks, model.max_tokens
        ('masked', ('self',), 128)
    """

    name: str
    hf: Any
    tokenizer: Any
    family: str
    places: tuple[LayerPlace, ...]
    heads: dict[str, tuple[int, ...]]
    causal: bool
    refusal: str = ""
    no_vectors: str = ""
    numbering: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def routed(self) -> bool:
        """Whether attention passes through attnlib's function. If not, only its weights are known."""
        return bool(self.places)

    @property
    def editable(self) -> bool:
        """Whether attention can be replaced while the model runs, with the rest of the model following from it."""
        return not self.refusal

    def check_editable(self) -> None:
        """Check that attention can be edited.

        Raises:
            InputError: If it cannot, with the reason.
        """
        if self.refusal:
            raise InputError(f"Attention of {self.name} cannot be edited: {self.refusal}")

    def check_vectors(self) -> None:
        """Check that query and key vectors explain the model's attention.

        Raises:
            InputError: If they do not, with the reason.
        """
        if self.no_vectors:
            raise InputError(f"The query and key vectors of {self.name} are not known: {self.no_vectors}")

    @property
    def stacks(self) -> tuple[str, ...]:
        """The kinds of attention: ("self",), or ("encoder", "decoder", "cross") for an encoder-decoder model."""
        return tuple(self.heads)

    @property
    def pairs(self) -> bool:
        """Whether the model reads a second text: a second sentence, or the decoder's text."""
        return not self.causal

    @cached_property
    def device(self) -> torch.device:
        """The torch.device that holds the weights."""
        return next(self.hf.parameters()).device

    @cached_property
    def dtype(self) -> torch.dtype:
        """The torch.dtype of the weights."""
        return next(self.hf.parameters()).dtype

    @cached_property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.hf.parameters())

    @cached_property
    def size(self) -> int:
        """The bytes that its weights take in memory."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.hf.state_dict().values())

    @cached_property
    def max_tokens(self) -> int | None:
        """The longest text in tokens, or None if the model sets no limit."""
        config = self.hf.config.get_text_config().to_dict()
        limits = [config.get(name) for name in ("max_position_embeddings", "n_positions")]
        limits.append(getattr(self.tokenizer, "model_max_length", None))
        for name, module in self.hf.named_modules():
            if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
                limits.append(module.weight.shape[0] - module.padding_idx - 1)  # RoBERTa counts from there
        known = [int(limit) for limit in limits if limit and 0 < limit < 10**7]
        return min(known) if known else None

    @cached_property
    def private_tokenizer(self) -> Any:
        """A copy of the tokenizer for what changes it meanwhile (cutting, a target text); use it under `lock`.

        All who use a model share its tokenizer: cut for one, it would cut for another in the same moment.
        """
        return copy.deepcopy(self.tokenizer)

    @cached_property
    def languages(self) -> Languages:
        """The languages of a translation model; empty for other models."""
        known = self.family == "seq2seq"
        return read_languages(self.name, self.hf, self.tokenizer) if known else Languages(self.name)

    @cached_property
    def grows(self) -> bool:
        """Whether a batch can grow from layer to layer (attention.watching): tried on three tokens."""
        if not self.editable or self.family == "seq2seq":
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
        """Run the model once.

        Args:
            inputs (dict of str to Tensor): What the tokenizer gives: "input_ids" [batch, token] and so on, on the
                model's device.
            observers (sequence of callables): Each is called with every layer's `AttentionCall`.
            edits (sequence of callables): Each gets an `AttentionCall` and returns new weights [batch, head, query,
                key], or None to leave the layer as it is.
            outputs (sequence of callables): Each gets an `AttentionCall` and the heads' outputs [batch, query, head,
                value_dim] and returns new outputs, or None.
            growth (mapping of int to int, optional): Rows that join the batch before the layer of an attention call
                (see `attnlib.model.attention.watching`).
            **options: Passed on to the Hugging Face model.

        Returns:
            The Hugging Face output. If the model is not `routed`, it has the attentions.

        Raises:
            InputError: If attention is to be edited and cannot be, or has another shape than one weight per pair of
                tokens.

        Example:
            >>> model = attnlib.load_model("demo/gpt2-biased")
            >>> seen = []
            >>> inputs = model.tokenizer("The nurse", return_tensors="pt")
            >>> model.forward(dict(inputs), observers=[seen.append])["logits"].shape
            torch.Size([1, 2, 2400])
            >>> [call.place.layer for call in seen]
            [0, 1, 2, 3]
        """
        if edits or outputs:
            self.check_editable()
        with torch.inference_mode():
            if self.routed:
                with watching(observers, edits, self.places, outputs, growth, expected_shapes(inputs)):
                    return self.hf(**inputs, use_cache=False, **options)
            if accepts(self.hf, "use_cache"):  # with a cache, some decoders have no causal mask
                options["use_cache"] = False
            with self.lock:  # capturing by hooks is not safe between threads in every model
                return self.hf(**inputs, output_attentions=True, **options)


def choose_device() -> torch.device:
    """The fastest device there is: cuda, then mps, then cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_model(name: str, *, device: str | torch.device | None = None, root: str | Path | None = None) -> Model:
    """Load a model and its tokenizer, in the dtype the weights were saved in.

    Only safetensors files are read, and code that comes with a model is never run. Models are loaded one at a time,
    also when several threads ask.

    Args:
        name (str): A demo model ("demo/gpt2-biased"), a hub id ("owner/name"; downloaded once), or a local folder.
        device (str or torch.device, optional): Where the model runs. Default: cuda, else mps, else cpu.
        root (str or Path, optional): The folder that local models must lie below, for a server that others use.

    Returns:
        Model: The model, ready for every other function of this library.

    Raises:
        InputError: If the name, the folder or its files cannot be used; the message names the remedy.

    Example:
        >>> model = attnlib.load_model("demo/gpt2-biased")
        >>> model.family, model.heads["self"]
        ('causal', (4, 4, 4, 4))
    """
    folder = find_model(name, root)
    with _MAKING:
        config, family = read_configuration(name, folder)
        tokenizer = load_tokenizer(name, folder)
        hf = load_weights(name, folder, auto_class(config, family))
        hf.eval().requires_grad_(False).to(choose_device() if device is None else device)
        return _wrapped(name, hf, tokenizer, family)


def wrap(name: str, hf: Any, tokenizer: Any, family: str | None = None) -> Model:
    """A Model around a Hugging Face model and tokenizer that are already in memory.

    The weights are shared; the modules are copied, so that the given model keeps its own attention and mode.
    """
    hf = _sharing_weights(hf)
    if family is None:
        family = family_in_memory(hf)
        head = _head_beside_others(hf) if family == "encoder" else None
        hf, family = (hf, family) if head is None else (_as_language_model(hf, head), head)
    return _wrapped(name, hf, tokenizer, family)


def _head_beside_others(hf: Any) -> str | None:
    """The family of a language-model head that a class has but is not named after."""
    if any(is_classifier({parent.__name__}) for parent in type(hf).__mro__):
        return None
    return with_language_head(hf.config, hf.state_dict().keys())


def _as_language_model(hf: Any, family: str) -> Any:
    """The language model inside a model with several heads (BertForPreTraining), around the same tensors."""
    with _MAKING, torch.random.fork_rng(devices=[]):  # its own first weights are random
        config = copy.deepcopy(hf.config)
        model = mapped_class(FAMILIES[family][0], config)._from_config(
            config, attn_implementation="eager", dtype=hf.dtype
        )
        known = model.state_dict().keys()
        weights = {name: tensor for name, tensor in hf.state_dict().items() if name in known}
        model.load_state_dict(weights, strict=False, assign=True)
        model.tie_weights()
    return model.requires_grad_(False).to(hf.device)


def _sharing_weights(hf: Any) -> Any:
    """A copy of the modules that shares their tensors."""
    tensors = [*hf.parameters(), *hf.buffers()]
    return copy.deepcopy(hf, {id(tensor): tensor for tensor in tensors})


def _wrapped(name: str, hf: Any, tokenizer: Any, family: str) -> Model:
    hf.eval()
    try:
        found = probe(hf, family)
    except InputError:
        raise
    except Exception as error:  # whatever a model may miss when it is given three tokens and nothing else
        raise InputError(
            f"{name!r} ({type(hf).__name__}) cannot be run on text alone: {first_line(error)} "
            "Choose a language model such as GPT-2, BERT or T5."
        ) from error
    return Model(name, hf, tokenizer, family, **vars(found))


def random_copy(model: Model, seed: int = 0) -> Model:
    """A model of the same architecture and tokenizer with random weights: what it shows without training.

    The same weights for the same `seed`. Raises InputError where there is no memory for a second model.
    """
    free = available_memory()
    if model.size > free:
        raise NoRoomError(
            f"A random copy of {model.name} needs {model.size / 1e9:.1f} GB and {free / 1e9:.1f} GB is free."
        )
    config = copy.deepcopy(model.hf.config)  # its attention is set, and the model may be running
    with _MAKING:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            hf = type(model.hf)._from_config(config, attn_implementation="eager", dtype=model.dtype)
        if getattr(model.hf, "generation_config", None) is not None:
            hf.generation_config = copy.deepcopy(model.hf.generation_config)  # start and language of a decoder
        hf.eval().requires_grad_(False).to(model.device)
        return _wrapped(f"{model.name} (random weights)", hf, model.tokenizer, model.family)
