"""What the build asks of this project: dependencies and extras, which stand in the requirements files alone.

`requirements.txt` is what every installation needs, `requirements-NAME.txt` what the extra NAME adds. There they are
pinned, to what is tested; here each pin becomes a range, since a library is installed beside others: from the pinned
version to the next that may break what used it (the next major version, of a 0.x the next minor one).
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = ("cluster", "attribution", "adapters")
PIN = re.compile(r"(?P<name>[\w.-]+(?:\[[\w,.-]+\])?)==(?P<version>\d+(?:\.\d+)*)")


class Requirements(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        root = Path(self.root)
        metadata["dependencies"] = ranges(root / "requirements.txt")
        metadata["optional-dependencies"] = {name: ranges(root / f"requirements-{name}.txt") for name in EXTRAS}


def ranges(path: Path) -> list[str]:
    """The pins of a requirements file as ranges; another file that it names (`-r`) is left out."""
    lines = [line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    return [_range(line) for line in lines if line and not line.startswith("-r ")]


def _range(pin: str) -> str:
    found = PIN.fullmatch(pin)
    if found is None:
        raise ValueError(f"{pin!r} is no pin of the form name==1.2.3.")
    major, minor = (*map(int, found["version"].split(".")), 0)[:2]
    return f"{found['name']}>={found['version']},<{major + 1 if major else f'0.{minor + 1}'}"
