"""A study: pairs per second beside the bare batched forward and beside a loop of single ones; memory; Ray."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

import attnlib
from attnlib.comparison.many import batches, read_pairs_for
from attnlib.model.loading import Model
from attnlib.prompts.builtin import pair_set
from attnlib.prompts.pairs import Pair
from attnlib.study.run import run_study
from tests.benchmarks.models import gpt2_shape, wrapped

ROUNDS = 5
COUNTS = (10_000, 100_000)


def run() -> dict[str, Any]:
    """Shares and factors of both models, peak memory for 10,000 and 100,000 pairs, one and two Ray workers."""
    demo = attnlib.load_model("demo/gpt2-biased", device="cpu")
    bare = attnlib.load_model("demo/gpt2-biased", device="cpu").hf
    bare.set_attn_implementation("sdpa")
    pairs = list(pair_set("two-occupations"))
    return {
        "demo": _speed(demo, bare, pairs, ROUNDS),
        "gpt2": _speed(wrapped(gpt2_shape()), gpt2_shape(attention="sdpa"), pairs[::5], 3),
        "memory": {count: peak(count) for count in COUNTS},
        "ray": {workers: _ray(workers) for workers in (1, 2)},
    }


def _speed(model: Model, bare: Any, pairs: list[Pair], rounds: int) -> dict[str, Any]:
    """Pairs per second of a study, and how it stands to the bare forward and to a loop; the ways in turn."""
    reads = [read for read in read_pairs_for(model, pairs) if not isinstance(read, Exception)]
    rows = [
        torch.cat([reads[n].inputs[side].tensors["input_ids"] for side in (0, 1) for n in batch])
        for batch in batches(model, reads)
    ]
    ways: dict[str, Callable[[], None]] = {
        "study": lambda: _study(model, pairs),
        "bare": lambda: _bare(bare, rows),
        "loop": lambda: _loop(model, pairs[:40]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    study, plain, loop = (median(found[1:]) for found in seconds.values())  # the first warms up
    return {
        "pairs_per_s": len(pairs) / study,
        "share": plain / study,
        "factor": loop / min(40, len(pairs)) * len(pairs) / study,
    }


def _study(model: Model, pairs: list[Pair]) -> None:
    """All of it: tokenize, align, run, measure, write."""
    with tempfile.TemporaryDirectory() as folder:
        assert run_study(pairs, model, Path(folder) / "study").complete


def _bare(bare: Any, rows: list[torch.Tensor]) -> None:
    """The limit: the same tokens in the same batches, without attentions."""
    with torch.inference_mode():
        for ids in rows:
            bare(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)


def _loop(model: Model, pairs: list[Pair]) -> None:
    """What a user would write: one prompt at a time, all attentions, the focus word's row."""
    with torch.inference_mode():
        for pair in pairs:
            preference = []
            for prompt in (pair.prompt_a, pair.prompt_b):
                inputs = model.tokenizer(prompt, return_tensors="pt")
                output = model.hf(**inputs, output_attentions=True, use_cache=False)
                weights = torch.stack(output.attentions)[:, 0, :, -1]  # [layer, head, key]
                preference.append(weights[..., 1] - weights[..., 4])
            _ = preference[1] - preference[0]


# ---------------------------------------------------------------------------------------------- memory


def peak(count: int) -> float:
    """Peak resident memory, in MB, of a study of so many pairs of the demo model, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.study", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(count: int) -> float:
    """Peak resident memory of this process, in MB, after the measurement (Linux only)."""
    pairs = pair_set("two-occupations")
    with tempfile.TemporaryDirectory() as folder:
        many = (pairs[n % len(pairs)] for n in range(count))
        run_study(many, "demo/gpt2-biased", Path(folder) / "study")
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3  # type: ignore[index]


# ---------------------------------------------------------------------------------------------- Ray


def _ray(workers: int) -> float:
    """Pairs per second of so many workers of one core each on this machine, from the first part to the last."""
    import ray

    root = str(Path(attnlib.__file__).parent.parent)
    ray.init(
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}},
    )
    pairs = pair_set("two-occupations")
    told: list[tuple[float, int]] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            run_study(
                (pairs[n % len(pairs)] for n in range(10 * 512)),
                "demo/gpt2-biased",
                Path(folder) / "study",
                engine="ray",
                workers=workers,
                progress=lambda progress: told.append((time.perf_counter(), progress.done)),
            )
    finally:
        ray.shutdown()
    (first, begun), (last, done) = told[1], told[-1]
    return (done - begun) / (last - first)


if __name__ == "__main__":
    print(measure(int(sys.argv[1])))
