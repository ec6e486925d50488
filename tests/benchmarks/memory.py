"""Peak memory of a one-layer view, a full trace and a comparison, for models of different depth (Linux only)."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

DEPTHS = (6, 12, 24)
TOKENS = 512
WHAT = ("forward", "view", "trace", "batch", "compare")


def run() -> list[dict[str, Any]]:
    """One row per depth: megabytes above what the loaded model takes, each in a process of its own."""
    rows = []
    for layers in DEPTHS:
        row: dict[str, Any] = {"layers": layers}
        for what in WHAT:
            row[f"{what}_MB"] = peak(layers, what)
        rows.append(row)
    return rows


def peak(layers: int, what: str, tokens: int = TOKENS) -> float:
    """Megabytes that one pass takes above the loaded model, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(layers), what, str(tokens)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _resident(field: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1e3  # type: ignore[index]


def measure(layers: int, what: str, tokens: int) -> float:
    """Peak resident memory of one pass above the memory before it, in MB."""
    import torch

    import attnlib
    from attnlib.views.head.payload import head_payload
    from attnlib.views.model.payload import model_payload
    from tests.benchmarks.models import gpt2_shape, text_of, tokenizer, wrapped

    model = wrapped(gpt2_shape(layers, vocabulary=2400))
    text = text_of(tokens)
    pair = [f"{text_of(tokens - 1)} {word}" for word in ("she", "he")]
    ids = tokenizer()(text, return_tensors="pt").input_ids
    with torch.inference_mode():
        model.hf(ids[:, :8], use_cache=False)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    if what == "forward":
        with torch.inference_mode():
            model.hf(ids, use_cache=False)
    elif what == "batch":
        with torch.inference_mode():
            model.hf(torch.cat([ids, ids]), use_cache=False)
    elif what == "compare":
        attnlib.compare(model, *pair, layers=[layers // 2])
    elif what == "overview":
        model_payload(attnlib.overview(model, text))
    elif what == "view":
        head_payload(attnlib.trace(model, text, layers=[layers // 2]), layers // 2)
    else:
        attnlib.trace(model, text)
    return _resident("VmHWM") - before


if __name__ == "__main__":
    print(measure(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
