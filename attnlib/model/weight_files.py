"""The files of a model's folder, judged before anything is made of them: names, links, sizes, what they hold.

Nothing in this file imports torch or transformers. Not here: loading, and what config.json describes (loading.py).
"""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from attnlib.errors import InputError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
LARGEST_CONFIG = 5_000_000  # bytes; the largest of text models that are published have some 100,000
LARGEST_INDEX = 20_000_000  # bytes of the index, and of the description at the start of a safetensors file
LARGEST_OTHER = 200_000_000  # bytes of a tokenizer's file; the largest that are published have some 35,000,000
READ = (".json", ".txt", ".model", ".tiktoken", ".jinja", ".spm", ".bpe")  # files that are read beside the weights
PLAIN = re.compile(r"[\w][\w.+-]*\.safetensors", re.ASCII)
AGAIN = "Save the model again with model.save_pretrained(folder)."


class Tensors(NamedTuple):
    """What safetensors files say that they hold."""

    shapes: Mapping[str, tuple[int, ...]]
    size: int  # bytes of the files

    @property
    def numbers(self) -> int:
        """How many numbers all tensors have together."""
        return sum(math.prod(shape) for shape in self.shapes.values())


def check_links(name: str, folder: Path, root: Path) -> None:
    """Refuse a folder in which anything lies outside `root` in truth, by a link. Raises InputError."""
    for file in _files(folder):
        if not file.resolve().is_relative_to(root.resolve()):
            raise InputError(
                f"{name!r}: {file.name} is a link that leads out of the folder {root}, below which models are "
                "allowed on this server. Copy the file there."
            )


def check_sizes(name: str, folder: Path) -> None:
    """Refuse files that are read beside the weights and far larger than a model's are. Raises InputError."""
    most_of = {"config.json": LARGEST_CONFIG, INDEX: LARGEST_INDEX}
    for file in _files(folder):
        size, most = file.stat().st_size, most_of.get(file.name, LARGEST_OTHER)
        if file.suffix in READ and size > most:
            raise InputError(f"{name!r}: {file.name} has {size:,} bytes, and at most {most:,} are read. {AGAIN}")


def check_own_files(name: str, folder: Path) -> None:
    """Refuse a tokenizer whose settings name a file elsewhere: it would be read. Raises InputError."""
    settings = folder / "tokenizer_config.json"
    if not settings.is_file():
        return
    for key, value in read_json(name, settings).items():
        if isinstance(value, str) and _is_file(value):
            raise InputError(
                f"{name!r}: {key} in tokenizer_config.json is the file {value}. Only files of the model's own folder "
                "are read: save the tokenizer again with tokenizer.save_pretrained(folder)."
            )


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # a text no file system takes for a name, such as a chat template
        return False


def check_settings(name: str, config: dict[str, Any], folder: Path) -> None:
    """Refuse a config.json that leads to other weights than those that are looked at here. Raises InputError."""
    if "model_type" not in config:
        raise InputError(f"The config.json of {name!r} names no model_type. {AGAIN}")
    if "transformers_weights" in config:
        raise InputError(
            f"The config.json of {name!r} names a file of weights itself (transformers_weights). Only {SINGLE}, or "
            f"the files of {INDEX}, are loaded. {AGAIN}"
        )
    if (folder / "adapter_config.json").is_file():
        raise InputError(
            f"The folder of {name!r} has an adapter (adapter_config.json), which would load another model. Merge it "
            "where you trust it, with merge_and_unload(), and save that model."
        )


def read_json(name: str, file: Path) -> dict[str, Any]:
    """A JSON object from a file of a model. Raises InputError."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else f"{type(error).__name__}"
        raise InputError(f"The {file.name} of {name!r} cannot be read: {why}. {AGAIN}") from None
    if not isinstance(found, dict):
        raise InputError(f"The {file.name} of {name!r} cannot be read: it is no JSON object. {AGAIN}")
    return found


def weight_files(name: str, folder: Path) -> tuple[Path, ...]:
    """The safetensors files that loading reads: model.safetensors, or those that its index names.

    Raises InputError if there are none, or if the index names anything but safetensors files of this folder.
    """
    if (folder / SINGLE).is_file():
        return (folder / SINGLE,)
    if (folder / INDEX).is_file():
        return tuple(folder / part for part in _parts(name, folder))
    pickled = any(next(folder.glob(pattern), None) for pattern in PICKLES)
    others = sorted(file.name for file in folder.glob("*.safetensors"))
    if pickled and not others:
        reason = "has its weights only as pickle files, which can run code when opened and are never loaded here"
    elif others:
        reason = f"has no {SINGLE} and no {INDEX}, but {others[0]}, which Transformers does not look for"
    else:
        reason = "has no weights (*.safetensors)"
    raise InputError(
        f"{name!r} {reason}. Convert it where you trust it: model.save_pretrained(folder, safe_serialization=True)."
    )


def _parts(name: str, folder: Path) -> list[str]:
    """The files that the index names, each a plain name of a file that is there."""
    places = read_json(name, folder / INDEX).get("weight_map")
    if not isinstance(places, dict) or not places or not all(isinstance(part, str) for part in places.values()):
        raise InputError(f"The {INDEX} of {name!r} does not say which file has which weights. {AGAIN}")
    parts = sorted(set(places.values()))
    for part in parts:
        if not PLAIN.fullmatch(part):
            raise InputError(
                f"The {INDEX} of {name!r} names {part[:80]!r}. Only safetensors files of the model's own folder are "
                "loaded: other files can run code when opened, and other folders may not be read. "
                f"{AGAIN}"
            )
        if not (folder / part).is_file():
            raise InputError(f"The {INDEX} of {name!r} names {part}, which is not there. Copy it into the folder.")
    return parts


def read_tensors(name: str, files: tuple[Path, ...]) -> Tensors:
    """The names and shapes of all tensors of some files, from the description at each one's start. InputError."""
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        shapes |= {key: tuple(shape) for key, shape in _described(name, file)}
    return Tensors(shapes, sum(file.stat().st_size for file in files))


def _described(name: str, file: Path) -> Iterator[tuple[str, list[int]]]:
    """What a safetensors file says of its tensors, where that can be true of a file of its size."""
    damaged = InputError(
        f"The weights of {name!r} cannot be loaded: {file.name} is not a whole safetensors file. {AGAIN}"
    )
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            if length > LARGEST_INDEX:
                raise damaged
            about = json.loads(opened.read(length))
        ends = [0]
        for key, tensor in about.items():
            if key == "__metadata__":
                continue
            shape, (start, end) = tensor["shape"], tensor["data_offsets"]
            sizes = (*shape, start, end, end - start)
            if not all(type(size) is int and size >= 0 for size in sizes) or math.prod(shape) > 2 * (end - start):
                raise damaged  # no type is smaller than half a byte
            ends.append(end)
            yield key, shape
        whole = 8 + length + max(ends) == file.stat().st_size
    except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error, RecursionError):
        raise damaged from None
    if not whole:
        raise damaged


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder that loading may open: those in it, and chat templates below it."""
    for place in (folder, folder / "additional_chat_templates"):
        if place.is_dir():
            yield from (file for file in place.iterdir() if file.is_file())
