"""What lies in a model's folder, loaded: its configuration, tokenizer and weights, or a sentence that says why not.

Not here: which files may be read (weight_files.py), and what the model can do (probing.py).
"""

from pathlib import Path
from typing import Any

import torch

from attnlib.errors import InputError
from attnlib.model.families import auto_class, check_text_model, family_of, mapped_class
from attnlib.model.hf import AutoConfig, AutoTokenizer
from attnlib.model.hf import logging as transformers_logging
from attnlib.model.memory import check_weights_fit
from attnlib.model.tokenizing import encoded, is_panic
from attnlib.model.weight_files import AGAIN, Tensors, read_tensors, weight_files

ROOM = 10_000_000  # parameters that files may lack beside a tenth: what is not saved, such as a pooler


def read_configuration(name: str, folder: Path) -> tuple[Any, str]:
    """A folder's configuration and the family of its model, of a size that its files can fill. Raises InputError."""
    config = _load_config(name, folder)
    saved = read_tensors(name, weight_files(name, folder))
    try:
        family = family_of(config, folder)
        check_text_model(name, config, family)
        _check_layers(name, config, saved)
        with torch.device("meta"):
            described = mapped_class(auto_class(config, family), config)(config)
    except InputError:
        raise
    except Exception as error:  # whatever a configuration may have where a number or a name is expected
        raise InputError(f"The config.json of {name!r} describes no model: {first_line(error)} {AGAIN}") from None
    _check_parameters(name, described, config, saved)
    return config, family


def _check_layers(name: str, config: Any, saved: Tensors) -> None:
    """Refuse more layers than there are tensors, before so many are made."""
    for key, value in config.get_text_config().to_dict().items():
        counts = key.endswith(("layers", "n_layer")) and isinstance(value, int)
        if counts and value > max(len(saved.shapes), 100):
            raise InputError(
                f"The config.json of {name!r} says {key} = {value:,}, and its files hold {len(saved.shapes):,} "
                f"tensors. {AGAIN}"
            )


def _check_parameters(name: str, described: Any, config: Any, saved: Tensors) -> None:
    """Refuse a model far larger than its files: loading would make the rest, at random."""
    count = sum(parameter.numel() for parameter in described.parameters())
    if count > 1.1 * saved.numbers + ROOM:
        raise InputError(
            f"The config.json of {name!r} describes a model of {count:,} parameters, and its files hold "
            f"{saved.numbers:,}. {AGAIN}"
        )
    if getattr(config, "dtype", None) == torch.float64:  # which can be twice what the files have
        check_weights_fit(name, count * torch.float64.itemsize)


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
            f"This version of Transformers cannot read the configuration of {name!r}: {first_line(error)}"
        ) from None


def load_tokenizer(name: str, folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        ids = encoded(tokenizer, "a", add_special_tokens=False)["input_ids"]
        words = set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids)
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        raise InputError(
            f"{name!r} has no tokenizer that can be loaded ({first_line(error)}). "
            "Save one beside the model with tokenizer.save_pretrained(folder)."
        ) from None
    if not ids or len(words) < 2:  # a class that finds no files makes a tokenizer that knows no words
        raise InputError(
            f"The tokenizer of {name!r} knows no words: its files are missing or empty. "
            "Save it beside the model with tokenizer.save_pretrained(folder)."
        )
    return tokenizer


def load_weights(name: str, folder: Path, auto_class: Any) -> Any:
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
            f"The weights of {name!r} cannot be loaded: {first_line(error)} "
            "Save the model again with model.save_pretrained(folder)."
        ) from None
    finally:
        transformers_logging.set_verbosity(before)
    _check_complete(name, report)
    _check_finite(name, hf)
    return hf


def _check_complete(name: str, report: dict[str, Any]) -> None:
    """Refuse weights that leave parts of the model random: what was drawn would be random, too."""
    missing = {str(key) for key in report["missing_keys"] if "pooler" not in key}  # nothing attends to the pooler
    missing |= {str(key[0]) for key in report["mismatched_keys"]}
    if missing:
        raise InputError(
            f"The weights of {name!r} do not fit its config.json: {len(missing)} are missing or of another shape "
            f"({min(missing)}, …). Save the model again with model.save_pretrained(folder)."
        )


def _check_finite(name: str, hf: Any) -> None:
    """Refuse weights that are no numbers: everything that the model computes would be none."""
    for key, parameter in hf.named_parameters():
        if parameter.is_floating_point() and not torch.isfinite(parameter).all():
            wrong = int((~torch.isfinite(parameter)).sum())
            raise InputError(
                f"The weights of {name!r} are not all numbers: {wrong:,} of the {parameter.numel():,} values of "
                f"{key} are NaN or infinite, so nothing that it computes could be shown. {AGAIN}"
            )


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    return first[:300].rstrip(".") + "."
