"""Whether files are what was written: their SHA-256, taken once for each state of a file.

Nothing of a study is known here.
"""

import hashlib
from functools import lru_cache
from pathlib import Path


def stamp_of(file: Path) -> tuple[int, int] | None:
    """What changes when a file does; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def digest_of(file: Path) -> str | None:
    """The SHA-256 of a file; None if it cannot be read."""
    stamp = stamp_of(file)
    return None if stamp is None else _digest_at(file, stamp)


@lru_cache(maxsize=100_000)
def _digest_at(file: Path, stamp: tuple[int, int]) -> str | None:
    """The SHA-256 of a file as it was at `stamp`."""
    try:
        return hashed(file)
    except OSError:
        return None


def hashed(file: Path) -> str:
    """The SHA-256 of a file as it is now. Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
