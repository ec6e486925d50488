"""The seam between Python and JavaScript: headers that Python makes and events it hears are as the types say."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import attnlib
from attnlib.paths import PROJECT
from attnlib.tracing.trace import Trace
from attnlib.views.alignment.payload import alignment_payload
from attnlib.views.grid.payload import HeadGrid, grid_payload
from attnlib.views.head.payload import head_payload
from attnlib.views.html import FOLDER
from attnlib.views.matrix.payload import matrix_payload
from attnlib.views.model.payload import model_payload, pair_model_payload
from attnlib.views.neuron.payload import neuron_pair_payload, neuron_payload
from attnlib.views.pair.payload import pair_alignment_payload, pair_head_payload, pair_matrix_payload
from attnlib.views.payload import unpack
from tests.unit.tiny import tiny_model

JS = Path(sys.prefix) / "js"
NODE, TSC = Path(sys.executable).with_name("node"), JS / "node_modules" / "typescript" / "bin" / "tsc"
SHE, HE = "The doctor asked the nurse a question. She", "The really old doctor asked the nurse a question. He"
NAMES = ["previous token .93", "", "", ""]
PAGE = {"layers": 4, "labels": NAMES, "state": "rule:max"}  # what pages pass on
OPTIONS = {
    "strict": True,
    "noEmit": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2024", "dom"],
}


def headers() -> dict[str, list[bytes]]:
    """Payloads of each kind: of a text, of a pair, with and without what pages add, of an encoder and decoder."""
    model, crossing = attnlib.load_model("demo/gpt2-biased"), tiny_model("t5", "seq2seq")
    trace, comparison = attnlib.trace(model, SHE), attnlib.compare(model, SHE, HE, layers=[0])
    cross = attnlib.trace(crossing, "the doctor", text_b="the nurse")
    alone = Trace.from_arrays(np.full((1, 1, 2, 2), 0.5), ["a", "b"])
    grids = [HeadGrid("Yours", np.array([[0.1, np.nan]]), "She → He")]
    return {
        "HeadHeader": [
            head_payload(alone, 0),
            head_payload(trace, 0, head=None, can_hide=True, **PAGE),
            head_payload(cross, 0, "cross"),
            pair_head_payload(comparison, 0, head=1, can_hide=False, **PAGE),
        ],
        "ModelHeader": [
            model_payload(attnlib.overview(model, SHE), selected=(0, 2), labels=[NAMES] * 4),
            model_payload(attnlib.overview(crossing, "the doctor", text_b="the nurse"), "cross", selected=None),
            pair_model_payload(attnlib.compare(model, SHE, HE), ["doctor"]),
        ],
        "NeuronHeader": [
            neuron_payload(trace, 0, 1, named=True, **PAGE),
            neuron_payload(cross, 0, 1, "cross"),
            neuron_pair_payload(comparison, 0, 1, named=False, **PAGE),
        ],
        "GridHeader": [
            grid_payload(grids, statistic="G", signed=True),
            grid_payload(grids, statistic="G", signed=False, selected=(0, 0), order="rank", labels=[["induction"]]),
        ],
        "MatrixHeader": [
            matrix_payload({"labels": ["a", "b"]}, None, np.full((2, 2), 0.5), layer=0, head=0),
            pair_matrix_payload(comparison, 0, 1),
        ],
        "AlignmentHeader": [
            pair_alignment_payload(comparison),
            alignment_payload({"labels": ["a"]}, {"labels": ["b"]}, [("replaced", (0,), (0,))]),
        ],
    }


def folder_of(name: str) -> str:
    return name.removesuffix("Header").removesuffix("Events").lower()


def checked(lines: list[str], names: set[str], folder: Path) -> str:
    """What the compiler says of lines that use types of the views."""
    imports = [f'import type {{ {name} }} from "{FOLDER / folder_of(name) / "types"}";' for name in sorted(names)]
    (folder / "seam.ts").write_text("\n".join([*imports, *lines, "export {};\n"]), "utf-8")
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": ["seam.ts"]}), "utf-8")
    assert TSC.exists(), "the compiler of types is missing: `make check` installs it"
    done = subprocess.run([NODE, TSC, "--project", folder], capture_output=True, text=True)
    return done.stdout


def test_every_header_that_python_makes_is_as_its_type_says(tmp_path: Path) -> None:
    frames = headers()
    lines = [
        f"export const {name}{n}: {name} = {json.dumps(unpack(frame)[0])};"
        for name, of in frames.items()
        for n, frame in enumerate(of)
    ]
    assert checked(lines, set(frames), tmp_path) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [({"layer": "0"}, "not assignable"), ({"surprise": 1}, "surprise"), ({"heads": None}, "not assignable")],
)
def test_a_header_that_is_none_is_noticed(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    header = unpack(head_payload(Trace.from_arrays(np.ones((1, 1, 1, 1)), ["a"]), 0))[0]
    assert said in checked(
        [f"export const it: HeadHeader = {json.dumps(header | change)};"], {"HeadHeader"}, tmp_path
    )


def events_heard() -> dict[str, set[str]]:
    """The events that component.py gives a callback for, by their view: of `_head(on_mask_change=…)` "mask"."""
    tree = ast.parse((PROJECT / "pages" / "ui" / "component.py").read_text("utf-8"))
    heard: dict[str, set[str]] = {}
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]:
        names = {word.arg[3:-7] for word in call.keywords if word.arg and word.arg.startswith("on_")}
        if names and call.func.id.startswith("_"):
            heard[f"{call.func.id[1:].capitalize()}Events"] = names
    return heard


def test_python_hears_the_events_that_views_tell(tmp_path: Path) -> None:
    heard = events_heard()
    types = [path for path in FOLDER.glob("*/types.d.ts") if path.parent.name != "shared"]
    assert set(heard) == {
        f"{path.parent.name.capitalize()}Events" for path in types if "Events =" in path.read_text()
    }
    lines = ["type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;"]
    for view, names in heard.items():
        listed = " | ".join(json.dumps(name) for name in sorted(names))
        lines.append(f"export const of{view}: Same<keyof {view}, {listed}> = true;")
    assert checked(lines, set(heard), tmp_path) == ""
