"""From a model's name to a local folder of files that are safe to load. Not here: loading them.

Nothing in this file imports torch or transformers, so a page can list and check models before those load.
"""

import os
import re
from pathlib import Path

from attnlib.errors import InputError
from attnlib.model.memory import check_weights_fit
from attnlib.model.weight_files import (
    check_links,
    check_own_files,
    check_settings,
    check_sizes,
    read_json,
    weight_files,
)
from attnlib.paths import DEMO_FOLDER

HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?", re.ASCII)
HUB_FILES = (
    *("config.json", "generation_config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json"),
    *("vocab*", "merges.txt", "spiece*", "*.model", "*.tiktoken"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json"),
)


def demo_models() -> tuple[str, ...]:
    """The names of the models that come with the project.

    Returns:
        tuple of str: Names for `load_model`, the biased GPT-2 first.

    Example:
        >>> attnlib.demo_models()
        ('demo/gpt2-biased', 'demo/gpt2-balanced', 'demo/bert-biased', 'demo/bert-balanced')
    """
    folders = [path.parent.name for path in DEMO_FOLDER.glob("*/config.json")]
    order = sorted(folders, key=lambda name: ("gpt2" not in name, "biased" not in name, name))
    return tuple(f"demo/{name}" for name in order)


def twin_of(name: str) -> str | None:
    """The demo model trained like this one, with the bias or without it; None for other models."""
    for this, other in (("-biased", "-balanced"), ("-balanced", "-biased")):
        twin = name.removesuffix(this) + other
        if name.endswith(this) and twin in demo_models():
            return twin
    return None


def find_model(name: str, root: str | Path | None = None) -> Path:
    """The folder that holds model `name`: a demo model, a local folder, or a download from the model hub.

    With `root`, local folders must lie below it (for a server that others use). Raises InputError.
    """
    name = name.strip()
    if not name:
        raise InputError("No model is named. Give a demo model such as demo/gpt2-biased, a hub id, or a folder.")
    if not name.isprintable() or len(name) > 400:
        raise InputError("The model name has characters no name has, or is too long. Type it again.")
    if name.startswith("demo/"):
        return _demo_folder(name)
    if ".." in Path(name).parts:
        raise InputError(f"The model name {name!r} contains '..'. Give the folder's full path instead.")
    if _is_folder(name):
        folder = _local_folder(Path(name).expanduser(), root)
        check_folder(name, folder, root)
    elif HUB_ID.fullmatch(name):
        folder = _download(name)
        check_folder(name, folder)
    else:
        raise InputError(
            f"{name!r} is neither a folder on this machine nor a hub id (owner/name). Check the spelling, "
            f"or choose one of {', '.join(demo_models())}."
        )
    return folder


def _is_folder(name: str) -> bool:
    try:
        return Path(name).expanduser().is_dir()
    except (OSError, RuntimeError):  # a name no file system takes; a home nobody has
        return False


def _demo_folder(name: str) -> Path:
    if name not in demo_models():
        raise InputError(f"There is no demo model {name!r}. There are: {', '.join(demo_models()) or 'none'}.")
    return DEMO_FOLDER / name.removeprefix("demo/")


def _local_folder(folder: Path, root: str | Path | None) -> Path:
    folder = folder.resolve()
    if root is not None and not folder.is_relative_to(Path(root).resolve()):
        raise InputError(
            f"Local models are allowed only below the folder {root} on this server. "
            "Copy the model there, or name a hub id."
        )
    return folder


def check_folder(name: str, folder: Path, root: str | Path | None = None) -> None:
    """Refuse a folder that holds no model, leads out of `root`, or would not fit into memory. Raises InputError."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"The folder of {name!r} has no config.json, so it is not a saved Hugging Face model. "
            "Save one there with model.save_pretrained(folder) and tokenizer.save_pretrained(folder)."
        )
    if root is not None:
        check_links(name, folder, Path(root))
    check_sizes(name, folder)
    check_own_files(name, folder)
    check_settings(name, read_json(name, folder / "config.json"), folder)
    check_weights_fit(name, sum(file.stat().st_size for file in weight_files(name, folder)))


def _download(name: str) -> Path:
    """Bring a hub model's safe files (never pickles, never code) into the local cache."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        cached = Path(snapshot_download(name, allow_patterns=list(HUB_FILES), local_files_only=True))
        if (cached / "config.json").is_file() and any(cached.glob("*.safetensors")):
            return cached
    except HFValidationError as error:
        raise InputError(f"{name!r} is not a hub id: {error}") from None
    except OSError:
        pass  # not in the cache: ask the hub
    try:
        info = HfApi().model_info(name, files_metadata=True)
        files = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        _check_hub_files(name, files)
        return Path(snapshot_download(name, allow_patterns=list(HUB_FILES)))
    except InputError:
        raise
    except GatedRepoError:
        raise InputError(
            f"{name!r} asks its users to sign in. Accept its terms on the hub, then set HF_TOKEN and start again."
        ) from None
    except RepositoryNotFoundError:
        raise InputError(
            f"The hub knows no model {name!r}, or it is private. Check the spelling (owner/name)."
        ) from None
    except Exception as error:  # httpx, OSError, …: whatever the network does, the user needs one sentence
        raise InputError(
            f"{name!r} is not on this machine and the model hub cannot be reached ({type(error).__name__}). "
            f"Go online once to fetch it, name a local folder, or use {', '.join(demo_models()[:2])}."
        ) from None


def _check_hub_files(name: str, files: dict[str, int]) -> None:
    weights = [file for file in files if re.fullmatch(r"model(-\d+-of-\d+)?\.safetensors", file)]
    if files and "config.json" not in files:
        raise InputError(f"{name!r} on the hub has no config.json: it is not a Transformers model.")
    if files and not weights:
        raise InputError(
            f"{name!r} has no safetensors weights on the hub; pickled weights can run code and are never "
            "loaded. Look for a version with safetensors, or convert it yourself and name the folder."
        )
    check_weights_fit(name, sum(files[file] for file in weights))


def model_root() -> Path | None:
    """The folder that local models must lie below, from ATTNLIB_MODEL_ROOT; None allows any folder."""
    root = os.environ.get("ATTNLIB_MODEL_ROOT")
    return Path(root) if root else None
