"""A stranger's model tried in a process of its own: its configuration and tokenizer, under limits of time and memory.

Both are data that programs run on: a regular expression that does not end, or a vocabulary of a million words, would
hold up the process that reads it, and everybody else in it. Weights are not read here: they are numbers. The process
is `python -m attnlib.model.trial`, which imports what it needs itself.
"""

import contextlib
import json
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from attnlib.errors import InputError
from attnlib.paths import child_environment

SECONDS = 60  # of processor time that a trial may take; importing torch and transformers takes up to 15 of them
PATIENCE = 300  # seconds that a trial may take on a machine that has much to do
MEMORY = 3_000_000_000  # bytes that a trial may take
TEXTS = ("a" * 2_000, " " * 2_000, "1" * 2_000, "-" * 2_000, "Aa1 .,!\n" * 250, "你好é🙂\u202e" * 200)
_AT_ONCE = threading.BoundedSemaphore(2)  # trials: one that takes its whole time holds up nobody by itself
TOLD = "trial: "  # how the line begins that says how it went; whatever else is printed is not ours


def try_model(name: str, folder: Path, seconds: int = SECONDS) -> None:
    """Read the configuration and tokenizer of a folder in a process of its own; once, as long as no file changes.

    Raises InputError if they cannot be read, or not within the limits: so many seconds of processor time.
    """
    stamp = tuple(sorted((file.name, file.stat().st_mtime_ns) for file in folder.iterdir() if file.is_file()))
    why = _tried(name, folder, stamp, seconds)
    if why:
        raise InputError(why)


@lru_cache(maxsize=200)
def _tried(name: str, folder: Path, stamp: tuple[tuple[str, int], ...], seconds: int) -> str:
    """Why a folder as it was at `stamp` cannot be used; empty if it can. InputError if it could not be tried."""
    command = [sys.executable, "-P", "-m", "attnlib.model.trial", name, str(folder), str(seconds)]
    how: dict[str, Any] = {"env": child_environment(), "stdin": subprocess.DEVNULL, "capture_output": True}
    try:
        with _AT_ONCE:
            done = subprocess.run(command, timeout=PATIENCE, check=False, **how)
    except subprocess.TimeoutExpired:
        raise InputError(f"{name!r} could not be tried within {PATIENCE} seconds. Try again later.") from None
    except OSError as error:
        raise InputError(f"{name!r} could not be tried: {error.strerror or error}. Try again.") from None
    said = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.startswith(TOLD)]
    if not said:
        return (
            f"Reading the configuration and tokenizer of {name!r} was given up: it took more than {seconds} seconds "
            f"of processor time or {MEMORY / 1e9:.0f} GB, or broke. {_OTHER}"
        )
    return str(json.loads(said[-1].removeprefix(TOLD)))


_OTHER = "Choose another model, or save this one again with tokenizer.save_pretrained(folder)."


def refusal(name: str, folder: Path) -> str:
    """Why the folder cannot be used; empty if it can."""
    from attnlib.model.from_folder import load_tokenizer, read_configuration
    from attnlib.model.tokenizing import encoded

    try:
        read_configuration(name, folder)
        tokenizer = load_tokenizer(name, folder)
        for text in TEXTS:
            encoded(tokenizer, text)
    except InputError as error:
        return str(error)
    except MemoryError:
        return f"The configuration and tokenizer of {name!r} need over {MEMORY / 1e9:.0f} GB. {_OTHER}"
    return ""


def _limit(seconds: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has none; it has PATIENCE
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _limit(int(sys.argv[3]))
    print(TOLD + json.dumps(refusal(sys.argv[1], Path(sys.argv[2]))), flush=True)
