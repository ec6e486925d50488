"""Measures the demo models' heads on the built-in texts: `python -m data.patterns.build` writes the files here.

The names of heads in every view come from them (attnlib/patternstore.py).
"""

from pathlib import Path

import attnlib
from attnlib.behaviour.store import patterns_key, save_patterns
from attnlib.prompts.texts import builtin_texts

FOLDER = Path(__file__).parent


def main() -> None:
    """One file per demo model; those of earlier weights or texts go."""
    for old in FOLDER.glob("*.npz"):
        old.unlink()
    for name in attnlib.demo_models():
        model = attnlib.load_model(name, device="cpu")
        save_patterns(attnlib.measure_patterns(model), patterns_key(model, builtin_texts()), FOLDER)


if __name__ == "__main__":
    main()
