"""Which family a model is of (what its language head says), and the class that loads it."""

from collections.abc import Set
from pathlib import Path
from typing import Any

from attnlib.errors import InputError
from attnlib.model.hf import auto
from attnlib.model.language_head import has_language_head, is_classifier, saved_names

FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "seq2seq": (auto.AutoModelForSeq2SeqLM, auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES),
    "causal": (auto.AutoModelForCausalLM, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES),
    "masked": (auto.AutoModelForMaskedLM, auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES),
}


def family_of(config: Any, folder: Path) -> str:
    """The head to load: the one the configuration names, or else the weights have; "encoder" for none."""
    named = _architectures(config)
    if is_classifier(named):
        return "seq2seq" if getattr(config, "is_encoder_decoder", False) else "encoder"
    known = _known_family(named)
    if known:
        return known
    found = with_language_head(config, saved_names(folder))
    if found is not None:
        return found
    return "seq2seq" if getattr(config, "is_encoder_decoder", False) else "encoder"


def with_language_head(config: Any, weights: Set[str]) -> str | None:
    """The family whose head these weights have, judged by their names; None if they have none."""
    possible = ("causal", "masked") if getattr(config, "is_decoder", False) else ("masked", "causal")
    for family in possible:
        model_class = mapped_class(FAMILIES[family][0], config)
        if model_class is not None and has_language_head(model_class, config, weights):
            return family
    return None


def family_in_memory(hf: Any) -> str:
    """The family of a model's class, or of the class that it derives from."""
    for parent in type(hf).__mro__:
        if is_classifier({parent.__name__}):
            break
        known = _known_family({parent.__name__})
        if known:
            return known
    return "seq2seq" if getattr(hf.config, "is_encoder_decoder", False) else "encoder"


def _known_family(named: set[str]) -> str | None:
    for family, (_, names) in FAMILIES.items():
        if named & _flat(names.values()):
            return family
    return "encoder" if named & _flat(auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.values()) else None


def mapped_class(auto_class: Any, config: Any) -> Any:
    """The class of a configuration in an auto class; None where it has none."""
    try:
        found = auto_class._model_mapping[type(config)]
    except KeyError:
        return None
    return found[0] if isinstance(found, (tuple, list)) else found


def _architectures(config: Any) -> set[str]:
    return set(getattr(config, "architectures", None) or ())


def auto_class(config: Any, family: str) -> Any:
    """The class that loads a model of `family`; an encoder saved without its decoder is loaded without one."""
    if family in FAMILIES and not is_classifier(_architectures(config)):
        return FAMILIES[family][0]
    alone = _architectures(config) & _flat(auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.values())
    return auto.AutoModelForTextEncoding if alone else auto.AutoModel


def _flat(values: Any) -> set[str]:
    return {name for value in values for name in (value if isinstance(value, (tuple, list)) else [value])}


def check_text_model(name: str, config: Any, family: str) -> None:
    model_class = mapped_class(auto_class(config, family), config)
    if model_class is None or model_class.main_input_name != "input_ids":
        raise InputError(
            f"{name!r} ({config.model_type}) is not a text model: it does not read tokens. "
            "Choose a language model such as GPT-2, BERT or T5."
        )
