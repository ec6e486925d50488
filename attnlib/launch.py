"""Opens the dashboard as a command: Streamlit, in this process, with the app of the clone or the package.

Which setting holds: an option of the command, then an environment variable (STREAMLIT_SERVER_ADDRESS, …), then
`.streamlit/config.toml` in the folder where the command runs, then the one in the user's home, then the app's own.
Streamlit itself would have the app's own overrule the user's two files; they are therefore read here.
"""

import os
import re
import runpy
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attnlib.paths import PROJECT

SETTINGS = Path(".streamlit", "config.toml")


def open_dashboard(options: Sequence[str]) -> None:
    """Run Streamlit with these options of `streamlit run` until it is stopped; it ends by SystemExit."""
    for name, value in users_settings().items():
        os.environ.setdefault(name, value)
    sys.argv = ["streamlit", "run", *options, str(PROJECT / "dashboard.py")]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def users_settings() -> dict[str, str]:
    """What the user's files say of settings that the app's file has too, by environment variable."""
    app = _settings(PROJECT / SETTINGS)
    theirs = _settings(Path(os.path.expanduser("~")) / SETTINGS) | _settings(Path.cwd() / SETTINGS)
    return {name: value for name, value in theirs.items() if name in app}


def _settings(path: Path) -> dict[str, str]:
    """The settings of a file by environment variable; none where it cannot be read, which Streamlit says."""
    try:
        return dict(_variables("STREAMLIT", tomllib.loads(path.read_text("utf-8"))))
    except (OSError, ValueError):
        return {}


def _variables(before: str, table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """`[theme.light] textColor = "#000"` → ("STREAMLIT_THEME_LIGHT_TEXT_COLOR", "#000"); a list by spaces."""
    for key, value in table.items():
        name = f"{before}_{re.sub(r'(?<!^)(?=[A-Z])', '_', key).upper()}"
        if isinstance(value, dict):
            yield from _variables(name, value)
        else:
            yield name, " ".join(map(str, value)) if isinstance(value, list) else str(value)
