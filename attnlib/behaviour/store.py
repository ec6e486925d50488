"""Measured patterns on disk, by model and texts: what was measured once is read again.

A file is named by what it is a result of: the model's name and weights, the texts, what was asked, this version.
Only a cache: it may be deleted at any time, and what cannot be written or read is measured again. Results of the demo
models come with the project (data/patterns), so that their heads have names from the first view on.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from attnlib.behaviour.head_patterns import HeadPatterns
from attnlib.behaviour.patterns import KNOWN, Pattern, Relation
from attnlib.model.batches import NotRead
from attnlib.model.loading import Model
from attnlib.model.provenance import provenance
from attnlib.paths import PATTERN_FOLDER, cache_root

VERSION = 2  # of what is measured: results of another one are not used
ARRAYS = ("score", "baseline", "reach", "excess_reach", "texts", "best", "best_scores")


def patterns_key(model: Model, texts: Iterable[str], relations: Sequence[Relation] = ()) -> str:
    """The key of a result: it differs if the weights, a text, the order of texts or a relation differs."""
    digest = hashlib.sha256()
    about = provenance(model, fingerprint=True)
    kept = {name: about[name] for name in ("class", "revision", "parameters", "heads", "dtype", "tokenizer")}
    weights = about["weights_sha256"]
    asked = [
        (r.source.title, sorted(r.source.words), r.target.title, sorted(r.target.words), r.side) for r in relations
    ]
    digest.update(json.dumps([VERSION, kept, weights, asked], sort_keys=True, default=str).encode())
    for text in texts:
        digest.update(b"\0" + text.encode("utf-8", "surrogatepass"))
    return f"{_start(model.name)}{digest.hexdigest()[:32]}"


def _start(name: str) -> str:
    """What the files of a model begin with."""
    return f"patterns-{hashlib.sha256(name.encode()).hexdigest()[:8]}-"


def has_patterns(name: str) -> bool:
    """Whether anything was ever measured of this model: known without its weights."""
    return any(next(folder.glob(f"{_start(name)}*.npz"), None) for folder in (PATTERN_FOLDER, cache_root()))


def save_patterns(found: HeadPatterns, key: str, folder: Path | None = None) -> None:
    """Keep a result, in the cache or in `folder`. Where the disk is full or refuses, nothing is kept."""
    about = {
        "model": found.model,
        "patterns": [asdict(pattern) for pattern in found.patterns],
        "examples": {str(number): text for number, text in found.examples.items()},
        "read": found.read,
        "cut": found.cut,
        "not_read": [asdict(one) for one in found.not_read],
        "seconds": found.seconds,
    }
    arrays = {name: getattr(found, name) for name in ARRAYS}
    folder = folder or cache_root()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
            try:
                np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)
                file.close()
                os.replace(file.name, folder / f"{key}.npz")
            except OSError:
                os.unlink(file.name)
                raise


def load_patterns(key: str) -> HeadPatterns | None:
    """A kept result, or None."""
    for folder in (PATTERN_FOLDER, cache_root()):
        found = _load(folder / f"{key}.npz")
        if found is not None:
            return found
    return None


def _load(path: Path) -> HeadPatterns | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            about: dict[str, Any] = json.loads(str(kept["about"]))
            arrays = {name: kept[name] for name in ARRAYS}
        about["patterns"] = tuple(KNOWN.get(one["name"]) or Pattern(**one) for one in about["patterns"])
        about["not_read"] = tuple(NotRead(**one) for one in about["not_read"])
        about["examples"] = {int(number): text for number, text in about["examples"].items()}
        if {*about, *arrays} != {field.name for field in fields(HeadPatterns)}:
            return None
        return HeadPatterns(**about, **arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # of another version, or broken
