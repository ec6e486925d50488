"""`make bench`: measures, and writes docs/benchmarks.md, the tables of docs/statistics.md and a section of
docs/reliability.md, each as it is measured.

Ratios are of runs side by side on this machine. An interrupted run keeps what it has;
`python -m tests.benchmarks study start` measures those sections alone.
"""

import platform
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers

from tests.benchmarks import (
    behaviour,
    browser,
    comparison,
    effects,
    hostile,
    memory,
    neurons,
    overview,
    server,
    start,
    statistics,
    study,
    untrained,
)

REPORT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


HEAD = """# Benchmarks

Written by `make bench`; do not edit. Ratios compare runs made in turn on one machine, so they travel; seconds do not.
Model: GPT-2's shape (12 layers x 12 heads x 768, 50,257 words), random weights, float32, CPU. The last line of each
section names the machine that measured it.
"""


@cache
def page() -> dict[str, Any]:
    """What the browser measures for several sections."""
    return browser.run()


SECTIONS: dict[str, Callable[[], list[str]]] = {  # in the order of the report; each begins with its title
    "start": lambda: _start(start.run()),
    "server": lambda: _server(server.run()),
    "model": lambda: _model_view(overview.run(), page()),
    "neuron": lambda: _neuron_view(neurons.run(), page()),
    "comparison": lambda: _comparison(comparison.run(), page()),
    "effects": lambda: _effects(effects.run()),
    "study": lambda: _study(study.run()),
    "behaviour": lambda: _behaviour(behaviour.run()),
    "memory": lambda: _memory(memory.run()),
    "browser": lambda: _browser(page()),
}


def main(names: Sequence[str]) -> None:
    for name in names or SECTIONS:
        section = "\n\n".join([*SECTIONS[name](), _machine()])
        REPORT.write_text(with_section(REPORT.read_text("utf-8") if REPORT.exists() else HEAD, section), "utf-8")
        print(section)
    if not names:
        statistics.write(statistics.run())
        untrained.write()
        hostile.main()


def with_section(report: str, section: str) -> str:
    """The report with this section in the place of the one with its title, or at the end."""
    title = section.partition("\n")[0]
    sections = {
        part.partition("\n")[0]: part.strip() for part in re.split(r"^(?=## )", report, flags=re.MULTILINE)[1:]
    }
    sections[title] = section
    return "\n\n".join([HEAD.strip(), *sections.values()]) + "\n"


def _machine() -> str:
    return (
        f"*{platform.machine()}, {psutil.cpu_count()} cores, {psutil.virtual_memory().total >> 30} GiB, Python "
        f"{platform.python_version()}, torch {torch.__version__}, transformers {transformers.__version__}.*"
    )


def _start(found: dict[str, float]) -> list[str]:
    return [
        "## Start",
        "From the start of the server, with the demo model, seconds (medians of three). *First view*: from opening "
        "the page to the painted view. The server begins the imports itself, so that a page opened later finds them.",
        _table(
            [
                "server healthy",
                "bare import of torch and transformers",
                "import of what a GPT-2 model needs of them",
                "first view, at once",
                "first view, after 8 s",
            ],
            [[f"{found[name]:.1f}" for name in ("healthy", "bare", "imports", "at_once", "later")]],
        ),
    ]


def _server(rows: list[dict[str, Any]]) -> list[str]:
    measured = [
        [r["tokens"], *(f"{r[name]:.2f}" for name in ("forward_s", "view", "trace", "payload_MB")), _bertviz(r)]
        for r in rows
    ]
    return [
        "## Server",
        "*View*: tokenize, forward, observe one layer, predict, pack, divided by the plain eager forward pass "
        "without attentions. *Trace*: all layers kept, divided by the forward pass with `output_attentions=True`. "
        "BertViz 1.4.1 where installed, up to 128 tokens: size and seconds of its head view of this attention.",
        _table(
            ["tokens", "forward, s", "view ÷ forward", "trace ÷ forward with attentions", "payload, MB", "BertViz"],
            measured,
        ),
    ]


def _memory(depths: list[dict[str, Any]]) -> list[str]:
    return [
        "## Memory",
        f"Peak above the loaded model at {memory.TOKENS} tokens, in MB. *Batch*: a plain forward pass over two "
        "texts; *comparison*: of two prompts, with the matrices of one layer and the scores of all.",
        _table(
            ["layers", "plain forward", "one-layer view", "full trace", "batch", "comparison"],
            [[d["layers"], *(f"{d[f'{what}_MB']:.0f}" for what in memory.WHAT)] for d in depths],
        ),
    ]


def _browser(page: dict[str, Any]) -> list[str]:
    return [
        "## Browser",
        "12 heads in headless Chromium without a GPU. *Painted*: from the arrival of the server's answer to the "
        "painted view. *Hover*: 95th percentile of the time between frames while in each another token is hovered.",
        _table(
            ["tokens", "painted, ms", "hover p95, ms"],
            [[r["tokens"], f"{r['painted_ms']:.0f}", f"{r['hover_p95_ms']:.1f}"] for r in page["rows"]],
        ),
    ]


def _bertviz(row: dict[str, Any]) -> str:
    return f"{row['bertviz_MB']:.1f} MB, {row['bertviz_s']:.2f} s" if "bertviz_MB" in row else "–"


def _model_view(small: dict[str, Any], page: dict[str, Any]) -> list[str]:
    megabytes = ", ".join(
        f"{tokens:,} tokens: {view:.0f} and {forward:.0f}"
        for tokens, view, forward in zip(
            small["grown"], small["tokens_mb"][overview.VIEW], small["tokens_mb"][overview.FORWARD], strict=True
        )
    )
    painted = {row["tokens"]: row for row in page["models"]}
    cells = [
        [
            row["tokens"],
            f"{row['forward_s']:.2f}",
            f"{row['view']:.2f}",
            f"{row['payload_MB']:.2f}",
            f"{painted[row['tokens']]['painted_ms']:.0f}" if row["tokens"] in painted else "–",
            f"{painted[row['tokens']]['hover_p95_ms']:.1f}" if row["tokens"] in painted else "–",
            _bertviz(row),
        ]
        for row in small["rows"]
    ]
    head = ["tokens", "forward, s", "view ÷ forward", "payload, MB", "painted, ms", "hover p95, ms", "BertViz"]
    return [
        "## Model view",
        "All layers and heads: tokenize, forward, pool and score every layer, pack, divided by the plain eager "
        "forward pass. *Painted* and *hover* as under *Browser*, here of all 144 heads. BertViz: its model view.",
        _table(head, cells),
        f"Peak memory above the loaded model, in MB, of the view and of the plain forward pass: {megabytes}; at "
        f"{small['grown'][-1]:,} tokens that is {small['memory_ratio']:.2f} times the plain forward pass.",
        "![Time and memory of the model view and of the plain forward pass, by tokens and by layers]"
        "(pictures/growth.png)",
        "Exponents fitted to the upper half of the points (slope on logarithmic axes):",
        _table(
            ["growth", "plain forward", "model view"],
            [[title, f"{forward:.2f}", f"{view:.2f}"] for title, forward, view in small["exponents"]],
        ),
    ]


def _neuron_view(heads: list[dict[str, Any]], page: dict[str, Any]) -> list[str]:
    painted = {row["tokens"]: row for row in page["neurons"]}
    cells = [
        [
            row["tokens"],
            f"{row['forward_s']:.2f}",
            f"{row['view']:.2f}",
            f"{row['payload_MB']:.3f}",
            f"{painted[row['tokens']]['painted_ms']:.0f}",
            f"{painted[row['tokens']]['hover_p95_ms']:.1f}",
            _bertviz(row),
        ]
        for row in heads
    ]
    head = ["tokens", "forward, s", "view ÷ forward", "payload, MB", "painted, ms", "hover p95, ms", "BertViz"]
    return [
        "## Neuron view",
        "One head of 64 dimensions: tokenize, forward, the vectors of one layer, check, pack, divided by the plain "
        "eager forward pass. *Painted* and *hover* as under *Browser*: another query and another cell in turn. "
        "BertViz: its neuron view (all layers and heads) of its own GPT-2.",
        _table(head, cells),
    ]


def _comparison(pairs: list[dict[str, Any]], page: dict[str, Any]) -> list[str]:
    return [
        "## Comparison",
        "`compare` of two prompts (matrices of one layer, scores of all, their ranking), divided by the two plain "
        "eager forward passes. *Equal*: as many tokens in both (one batch); *unequal*: one more in B (two "
        "passes in turns).",
        _table(
            ["tokens", "two forwards, s", "equal ÷ two forwards", "unequal ÷ two forwards"],
            [[p["tokens"], f"{p['forwards_s']:.2f}", f"{p['equal']:.2f}", f"{p['unequal']:.2f}"] for p in pairs],
        ),
        "The page, warm, with the demo model and all controls: from pressing Ctrl+Enter to the last painted view "
        f"{page['compared_ms']:.0f} ms (median of seven prompts).",
    ]


def _effects(edited: dict[str, Any]) -> list[str]:
    batched, loop = edited["batched_s"], edited["loop_s"]
    return [
        "## Effects of heads",
        f"Indirect and direct effects of all 144 heads of GPT-2's shape, a prompt of {effects.TOKENS} tokens, "
        f"candidates of one and of four tokens: one growing batch {batched:.1f} s, one forward pass per head, "
        f"candidate and direction {loop:.1f} s: {loop / batched:.1f} times faster, the same numbers to "
        f"{edited['deviation']:.0e}. All heads of the demo model: {1000 * edited['demo_s']:.0f} ms.",
    ]


def _study(found: dict[str, Any]) -> list[str]:
    rows = [
        [title, f"{found[name]['pairs_per_s']:,.0f}", f"{found[name]['share']:.2f}", f"{found[name]['factor']:.1f}"]
        for name, title in (("demo", "demo/gpt2-biased"), ("gpt2", "GPT-2's shape"))
    ]
    (few, low), (many, high) = found["memory"].items()
    one, two = found["ray"][1], found["ray"][2]
    return [
        "## Study",
        "Pairs of 7 to 12 tokens: tokenize, align, run, measure, write. *Share of the limit*: of the speed of the "
        "bare forward pass over the same tokens in the same batches (SDPA, no attentions, tokens at hand). *Against "
        "a loop*: how many times faster than one prompt at a time with `output_attentions=True`.",
        _table(["model", "pairs per second", "share of the limit", "against a loop"], rows),
        f"Peak memory of the process: {few:,} pairs {low:.0f} MB, {many:,} pairs {high:.0f} MB "
        f"({high / low:.2f} times as much).",
        f"Ray on this machine, workers of one core each, demo model: one {one:.0f} pairs per second, two {two:.0f}: "
        f"{two / one:.2f} times as fast.",
    ]


def _behaviour(found: dict[str, Any]) -> list[str]:
    rows = [
        [title, f"{found[name]['texts_per_s']:,.0f}", f"{found[name]['share']:.2f}"]
        for name, title in (("demo", "demo/gpt2-biased"), ("gpt2", "GPT-2's shape"))
    ]
    (few, low), (many, high) = found["memory"].items()
    return [
        "## Behaviour",
        f"All patterns of all heads over {behaviour.TEXTS:,} texts of 5 to 60 tokens, with random and annotated "
        "texts. *Share of the limit*: of the speed of the bare forward pass over the same tokens in the same batches "
        "(SDPA, no attentions, only the last logits, tokens at hand, without the random and annotated texts).",
        _table(["model", "texts per second", "share of the limit"], rows),
        f"Peak memory of the process: {few:,} texts {low:.0f} MB, {many:,} texts {high:.0f} MB "
        f"({high / low:.2f} times as much).",
        f"Neurons page, demo model: {found['slider_ms']:.0f} ms from a key on the slider to the painted head view.",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    main(sys.argv[1:])
