"""The evidence pack: what a page shows, as files in one ZIP, with where it comes from and what it does not show."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from attnlib.version import VERSION

LIMITS = """\
- **One text, or one pair of texts, is an anecdote.** The page "Study many pairs" shows what holds for many, with
  intervals and a correction for looking at many heads.
- **Attention is not an explanation.** A head that looks somewhere need not matter for what the model says; the panel
  "Does it matter?" on the page "Compare prompts" changes heads and measures that.
- The numbers hold for these models, weights, versions and floating point format only (`provenance.json`).
"""


@dataclass(frozen=True)
class Exhibit:
    """A file of the pack: its path in it, what is in the file, and what that is in words."""

    path: str
    content: bytes
    about: str


def file_name(text: str) -> str:
    """Text as a file's name: letters, digits, dots and dashes, at most 80 characters; never empty or hidden."""
    kept = re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.")
    return kept[:80] or "file"


def evidence_pack(
    title: str,
    exhibits: Sequence[Exhibit],
    *,
    address: str,
    asked: Mapping[str, str],
    models: Sequence[Mapping[str, Any]],
    made: datetime,
) -> bytes:
    """A ZIP of the exhibits, `README.md`, and `provenance.json`: models and files with their SHA-256.

    `title` and `address` are those of the page, `asked` is what was chosen on it, in words, `models` the
    provenance of each model with the hash of its weights. Where two exhibits have one path,
    the later gets a number.
    """
    kept = _apart(exhibits)
    about = {
        "version": VERSION,
        "page": title,
        "address": address,
        "asked": dict(asked),
        "made": made.isoformat(timespec="seconds"),
        "models": [dict(model) for model in models],
        "files": {exhibit.path: hashlib.sha256(exhibit.content).hexdigest() for exhibit in kept},
    }
    origin = Exhibit(
        "provenance.json",
        json.dumps(about, indent=1, ensure_ascii=False).encode(),
        "models, versions, and SHA-256 of every file",
    )
    readme = Exhibit("README.md", _readme(about, [*kept, origin]).encode(), "")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        for exhibit in [readme, *kept, origin]:
            pack.writestr(zipfile.ZipInfo(exhibit.path, made.timetuple()[:6]), exhibit.content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _apart(exhibits: Sequence[Exhibit]) -> list[Exhibit]:
    """The exhibits with different, safe paths."""
    kept: dict[str, Exhibit] = {}
    for exhibit in exhibits:
        wanted = PurePosixPath(*(file_name(part) for part in exhibit.path.split("/")))
        path, number = str(wanted), 2
        while path in kept:
            path, number = str(wanted.with_stem(f"{wanted.stem}-{number}")), number + 1
        kept[path] = Exhibit(path, exhibit.content, exhibit.about)
    return list(kept.values())


def _readme(about: dict[str, Any], exhibits: Sequence[Exhibit]) -> str:
    files = "\n".join(f"| `{exhibit.path}` | {_plain(exhibit.about)} |" for exhibit in exhibits)
    chosen = "\n".join(f"- {name}: {_code(text)}" for name, text in about["asked"].items())
    models = "\n".join(
        f"- {_code(m['model'])}: {m['class']}, {m['parameters']:,} parameters, {m['dtype']} on {m['device']}, "
        f"revision {m['revision'] or 'unknown'}, weights SHA-256 {m['weights_sha256']}"
        for m in about["models"]
    )
    return f"""# {_plain(about["page"])}: evidence

Made {about["made"]} with the attention microscope {about["version"]}.

{chosen}

| file | what it is |
| --- | --- |
{files}

## How to see it again

Start the dashboard (`attention-microscope`, or `streamlit run dashboard.py` in a clone), press **Share**, and give
`state.json` to "Open a saved state"; or open this address there: {_code(about["address"])}

## Models

{models or "This page runs no model itself; the study's report names the models of the study."}

## What this does not show

{LIMITS}"""


def _plain(text: str) -> str:
    """Text with Markdown's special characters escaped."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return f"`{' '.join(text.split()).replace('`', '´')}`"
