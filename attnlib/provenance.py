"""Where a number comes from: model, revision, tokenizer, dtype and versions, for every export."""

import hashlib
import platform
from typing import Any

import torch
import transformers

from attnlib.models import Model

MOST_HASHED = 2_000_000_000  # bytes of weights; more would take longer than anybody waits for an export


def provenance(model: Model, *, fingerprint: bool = False) -> dict[str, Any]:
    """What identifies a model and how it was run, ready for JSON.

    `fingerprint` adds the SHA-256 of the weights in memory (None for models over 2 GB).
    """
    tokenizer = model.tokenizer
    about = {
        "model": model.name,
        "class": type(model.hf).__name__,
        "family": model.family,
        "revision": getattr(model.hf.config, "_commit_hash", None),
        "parameters": model.parameters,
        "heads": {stack: list(heads) for stack, heads in model.heads.items()},
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "tokenizer": type(tokenizer).__name__,
        "special_tokens": {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
        "attention": "eager, through transformers' attention interface" if model.routed else "output_attentions",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    return about | ({"weights_sha256": _fingerprint(model)} if fingerprint else {})


def _fingerprint(model: Model) -> str | None:
    tensors = sorted(model.hf.state_dict().items())
    if sum(tensor.numel() * tensor.element_size() for _, tensor in tensors) > MOST_HASHED:
        return None
    digest = hashlib.sha256()
    for name, tensor in tensors:
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
