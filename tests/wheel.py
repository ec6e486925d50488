"""The project as a wheel in an environment of its own, for tests: without a network, in a few seconds.

What the project needs is not installed again: a .pth file leads to the packages of the environment of the tests.
"""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OURS = ("ATTNLIB_", "STREAMLIT_", "XDG_", "PYTHON")  # variables that would lead out of the new environment


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it, an empty folder to start from and an empty home."""

    wheel: Path
    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / "venv" / "bin"

    @property
    def packages(self) -> Path:
        return next((self.folder / "venv" / "lib").glob("python*/site-packages"))

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def empty(self) -> Path:
        return self.folder / "empty"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of somebody who has nothing but this environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return kept | {"HOME": str(self.home), "HF_HUB_OFFLINE": "1"}

    def run(self, *command: str, program: str = "python") -> subprocess.CompletedProcess[str]:
        """A program of the environment, run in the empty folder."""
        return subprocess.run(
            [self.bin / program, *command], cwd=self.empty, env=self.variables, capture_output=True, text=True
        )


def installed(folder: Path) -> Installed:
    """Build the wheel and install it in a new environment below `folder`."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    built = folder / "dist"
    _do([*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(built), str(ROOT)])
    made = Installed(next(built.glob("*.whl")), folder)
    _do([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")])
    _do([*pip, "--python", str(made.bin / "python"), "install", "--no-deps", "--no-index", str(made.wheel)])
    (made.packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    for empty in (made.home, made.empty):
        empty.mkdir()
    return made


def _do(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
