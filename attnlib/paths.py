"""Where the project's own files lie, and where what is measured is kept.

In a clone, pages and data lie beside `attnlib`, and studies and the cache go there too. In an installed package they
lie inside it, in `_app` (pyproject.toml puts them there), where nothing is written; studies and the cache then go to
the user's folder.
"""

import os
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
INSTALLED = (_HERE / "_app").is_dir()
PROJECT = _HERE / "_app" if INSTALLED else _HERE.parent
DATA = PROJECT / "data"
DEMO_FOLDER = DATA / "models"
PAIR_FOLDER = DATA / "pairs"
TEXT_FOLDER = DATA / "texts"
LESSON_FOLDER = DATA / "lessons"
PATTERN_FOLDER = DATA / "patterns"

NAME = "attention-microscope"  # of the user's folder
# By system: the environment variable that names the folder, where that is unset its place in the home folder.
DATA_HOME = {
    "linux": ("XDG_DATA_HOME", ".local/share"),
    "darwin": ("", "Library/Application Support"),
    "win32": ("LOCALAPPDATA", "AppData/Local"),
}
CACHE_HOME = {
    "linux": ("XDG_CACHE_HOME", ".cache"),
    "darwin": ("", "Library/Caches"),
    "win32": ("LOCALAPPDATA", "AppData/Local"),
}


def studies_root() -> Path:
    """The folder of the dashboard's studies: ATTNLIB_STUDIES, or `studies` in the clone or the user's folder."""
    return _named("ATTNLIB_STUDIES") or _kept("studies", DATA_HOME)


def cache_root() -> Path:
    """Where measured patterns are kept: ATTNLIB_CACHE, or `cache` in the clone or the user's folder."""
    return _named("ATTNLIB_CACHE") or _kept("cache", CACHE_HOME)


def _named(variable: str) -> Path | None:
    """The folder in an environment variable; a relative one is meant from where this process runs."""
    named = os.environ.get(variable)
    return Path(named).absolute() if named else None


def _kept(folder: str, homes: dict[str, tuple[str, str]]) -> Path:
    if not INSTALLED:
        return PROJECT / folder
    variable, place = homes.get(sys.platform, homes["linux"])
    home = Path(os.environ.get(variable) or "")
    if not home.is_absolute():  # a relative one is to be ignored, by the XDG specification
        home = Path(os.path.expanduser("~")) / place
    return home / NAME / folder


def child_environment() -> dict[str, str]:
    """The environment in which another Python finds this attnlib, from whatever folder; start it with `-P`."""
    before = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *([before] if before else [])])}
