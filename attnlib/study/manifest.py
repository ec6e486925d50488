"""What a study's manifest and progress must have: both are read from a disk that others can write to.

A manifest has a checksum of itself, so that a changed letter in a model's name is no other study. Old manifests
(format 1) have none.
"""

import hashlib
import json
from typing import Any

from attnlib.errors import InputError

FORMAT = 2  # 1: without checksums
READ = (1, FORMAT)
CHECK = "check"
MOST_ROWS, MOST_PARTS = 10**9, 10**7
STATES = ("not begun", "waiting", "starting", "running", "stopping", "stopped", "failed", "done")

Shape = Any  # a type, [shape of each item], {key: shape}, or {str: shape of each value}
MANIFEST: Shape = {
    "created": str,
    "models": [str],
    "settings": {"effects": bool, "scores": bool},
    "pairs": {"count": int, "dropped": int, "sha256": str, "further": [str], "source": str, "file_format": str},
    "part": int,
    "provenance": {str: {"weights_sha256": str, "parameters": int, "heads": {str: [int]}}},
}
PROGRESS: Shape = {"state": str, "message": str, "done": int, "total": int, "seconds": float}
NOTHING_MORE = {"left": None, "ahead": 0, "model": ""}


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """A manifest with the checksum of its content."""
    return content | {CHECK: _checksum(content)}


def _checksum(content: dict[str, Any]) -> str:
    rest = {name: value for name, value in content.items() if name != CHECK}
    plain = json.dumps(rest, sort_keys=True)  # ASCII: a lone surrogate in a name has no UTF-8
    return hashlib.sha256(plain.encode()).hexdigest()


def checked_manifest(content: Any, name: str) -> dict[str, Any]:
    """The manifest of the study `name`. Raises InputError if something is missing or damaged."""
    remedy = "Restore manifest.json from a copy, or begin a new study."
    known = content.get("format") if isinstance(content, dict) else None
    if not isinstance(known, int):
        raise InputError(f"The manifest of {name} cannot be read: it names no format. {remedy}")
    if known not in READ:
        raise InputError(f"{name} was made by another version (format {known}, this one reads {FORMAT}).")
    if known > 1 and content.get(CHECK) != _checksum(content):
        raise InputError(f"The manifest of {name} is damaged or was changed: it does not fit its checksum. {remedy}")
    wrong = _misfit(content, MANIFEST, "") or _impossible(content)
    if wrong:
        raise InputError(f"The manifest of {name} cannot be read: {wrong}. {remedy}")
    return content


def _impossible(content: dict[str, Any]) -> str:
    rows, part = content["pairs"]["count"], content["part"]
    if not content["models"]:
        return "it names no model"
    if not 1 <= rows <= MOST_ROWS or part < 1 or rows // part > MOST_PARTS:
        return f"it has {rows:,} rows in parts of {part:,}"
    return ""


def _misfit(value: Any, shape: Shape, place: str) -> str:
    """What does not have the shape it needs, in words; empty where everything does. Further keys are left alone."""
    if isinstance(shape, type):
        kinds = (int, float) if shape is float else shape
        good = isinstance(value, kinds) and not (isinstance(value, bool) and shape is not bool)
        return "" if good else f"{place} is not {'a number' if shape in (int, float) else 'what it should be'}"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{place} is no list"
        return next((wrong for one in value if (wrong := _misfit(one, shape[0], f"an item of {place}"))), "")
    if not isinstance(value, dict):
        return f"{place or 'the whole'} is no table"
    if str in shape:
        return next((wrong for one in value.values() if (wrong := _misfit(one, shape[str], place))), "")
    absent = next((key for key in shape if key not in value), None)
    if absent is not None:
        return f"it has no {f'{place}.' if place else ''}{absent}"
    parts = ((value[key], of, f"{place}.{key}" if place else key) for key, of in shape.items())
    return next((wrong for one, of, where in parts if (wrong := _misfit(one, of, where))), "")


def checked_progress(content: Any) -> dict[str, Any]:
    """A study's progress; that of a study that was not begun, where it cannot be read."""
    if _misfit(content, PROGRESS, "") or content["state"] not in STATES or not _counts(content):
        return {"state": "not begun", "message": "", "done": 0, "total": 0, "seconds": 0.0} | NOTHING_MORE
    model = content.get("model")
    return {name: content[name] for name in PROGRESS} | {
        "left": content.get("left") if _number(content.get("left")) else None,
        "ahead": content.get("ahead") if _number(content.get("ahead")) else 0,
        "model": model if isinstance(model, str) else "",
    }


def _counts(content: dict[str, Any]) -> bool:
    return all(_number(content[name]) for name in ("done", "total", "seconds"))


def _number(value: Any) -> bool:
    """Whether a value can be a count or seconds."""
    return not _misfit(value, float, "") and 0 <= value < 1e12
