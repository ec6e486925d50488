"""Where a number comes from: model, revision, tokenizer, dtype and versions, for every export."""

import hashlib
import platform
from importlib import metadata
from typing import Any

import numpy as np
import torch

from attnlib.model.hf import VERSION as TRANSFORMERS
from attnlib.model.loading import Model
from attnlib.version import VERSION

PIECE = 1 << 24  # numbers that are hashed at once: 64 MB of float32


def provenance(model: Model, *, fingerprint: bool = False) -> dict[str, Any]:
    """What identifies a model and how it was run, ready for JSON.

    `fingerprint` adds the SHA-256 of the weights in memory, whatever their size: a few seconds for each GB.
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
            "attention-microscope": VERSION,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": TRANSFORMERS,
            "numpy": np.__version__,
            "scipy": metadata.version("scipy"),
        },
    }
    own = {"source": model.languages.source, "target": model.languages.target}
    about |= {"own_languages": own} if model.languages.ids else {}
    about |= {"layer_numbers": model.numbering} if model.numbering else {}
    return about | ({"weights_sha256": _fingerprint(model)} if fingerprint else {})


def _fingerprint(model: Model) -> str:
    """SHA-256 of all weights, names and bytes in the order of the names, piece by piece: nothing large is copied."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.hf.state_dict().items()):
        digest.update(name.encode())
        flat = tensor.detach().reshape(-1)
        for start in range(0, flat.numel(), PIECE):
            piece = flat[start : start + PIECE].cpu().contiguous()
            digest.update(piece.view(torch.uint8).numpy())
    return digest.hexdigest()
