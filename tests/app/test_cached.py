"""What the pages keep: every demo model at once, whatever else was loaded between."""

from concurrent.futures import ThreadPoolExecutor

import attnlib
from pages.ui import cached


def test_every_demo_model_stays_loaded() -> None:
    names = attnlib.demo_models()
    with ThreadPoolExecutor(len(names)) as pool:
        first = list(pool.map(cached.load_model, names))
    assert [model.name for model in first] == list(names)
    assert all(cached.load_model(name) is model for name, model in zip(names, first, strict=True))
