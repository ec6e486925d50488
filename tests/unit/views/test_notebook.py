"""The example notebook runs, and its views stand in its outputs, whole."""

import nbformat
import pytest
from nbclient import NotebookClient

import attnlib
from tests.unit.project.test_docs import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    return notebook


def html_of(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells show as HTML."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]


def test_every_view_stands_in_the_notebook(executed: nbformat.NotebookNode) -> None:
    shown = html_of(executed)
    frames = [html for html in shown if html.startswith("<iframe")]
    assert len(frames) == 4
    for kind, frame in zip(("head", "model", "neuron", "head"), frames, strict=True):
        assert f"attn-{kind}" in frame
        assert "http://" not in frame.replace("http://www.w3.org", "")
        assert "src=" not in frame.split("srcdoc=")[0]
    assert any("<table" in html and "0-2" not in html for html in shown)


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_a_comparison_without_layers_shows_itself_as_text() -> None:
    model = attnlib.load_model("demo/gpt2-biased", device="cpu")
    none = attnlib.compare(model, "The nurse slept. She", "The nurse slept. He", layers=[])
    assert none._repr_html_() is None
    one = attnlib.compare(model, "The nurse slept. She", "The nurse slept. He", layers=[1])
    shown = one._repr_html_()
    assert shown is not None
    assert shown.startswith("<iframe")
