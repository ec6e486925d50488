"""Where the project's own files lie, and where what is measured is kept."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "data"
DEMO_FOLDER = DATA / "models"
PAIR_FOLDER = DATA / "pairs"
TEXT_FOLDER = DATA / "texts"
LESSON_FOLDER = DATA / "lessons"
PATTERN_FOLDER = DATA / "patterns"


def studies_root() -> Path:
    """The folder of the dashboard's studies: ATTNLIB_STUDIES, or `studies` in the project."""
    return Path(os.environ.get("ATTNLIB_STUDIES") or PROJECT / "studies")


def cache_root() -> Path:
    """Where measured patterns are kept: ATTNLIB_CACHE, or `cache` in the project."""
    return Path(os.environ.get("ATTNLIB_CACHE") or PROJECT / "cache")
