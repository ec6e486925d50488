"""Whether weights have a language-model head, where neither config.json nor the class says so. Not here: loading."""

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from attnlib.model.hf import auto

_CLASSIFIERS = (
    auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES,
    auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
    auto.MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES,
    auto.MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES,
)
_OTHER_HEADS = {"score", "classifier", "classification_head", "qa_outputs", "discriminator_predictions"}
_OLD_NAMES = ((".gamma", ".weight"), (".beta", ".bias"))  # of layer norms in early checkpoints


def is_classifier(architectures: set[str]) -> bool:
    """Whether these are classes without a language-model head: their outputs are classes or places, not words."""
    known = {name for names in _CLASSIFIERS for name in names.values()}
    return bool(architectures & known)


def has_language_head(model_class: Any, config: Any, saved: Set[str]) -> bool:
    """Whether the weights of these names have everything that `model_class` adds to its base model.

    A head that is tied to the embeddings is not saved: then the base model's prefix in the names tells that there was
    one, and another head's weights that it was another.
    """
    try:
        with torch.device("meta"):
            model = model_class(config)
    except Exception:  # whatever a configuration may lack
        return False
    prefix = f"{model.base_model_prefix}."
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    own = {name for name in model.state_dict() if not name.startswith(prefix)} - tied
    others = {name.split(".")[0] for name in saved} & _OTHER_HEADS
    return any(name.startswith(prefix) for name in saved) and own <= saved and not others


def saved_names(folder: Path) -> set[str]:
    """Names of the tensors of a safetensors folder, with the layer norms' early names as they are today."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    try:
        if index.is_file():
            names = set(json.loads(index.read_text("utf-8"))["weight_map"])
        else:
            with safe_open(single, "pt") as file:
                names = set(file.keys())
    except Exception:  # loading will say what is wrong with the file
        return set()
    for old, new in _OLD_NAMES:
        names = {name.removesuffix(old) + new if name.endswith(old) else name for name in names}
    return names
