"""The rules of the house that a machine can check: what may import what, sizes, docstrings."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest

import attnlib
from attnlib.paths import PROJECT

ROOT = PROJECT
LIBRARY = sorted((ROOT / "attnlib").rglob("*.py"))
PAGES = [ROOT / "dashboard.py", *sorted((ROOT / "pages").rglob("*.py"))]
SCRIPTS = sorted((ROOT / "attnlib" / "views").rglob("*.js"))
STYLES = sorted((ROOT / "attnlib" / "views").rglob("*.css"))
DISTRIBUTIONS = packages_distributions()  # markdown_it is of markdown-it-py


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module)


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_never_imports_streamlit_or_a_page(path: Path) -> None:
    modules = imported(ast.parse(path.read_text("utf-8")))
    assert not {"streamlit", "pages", "dashboard"} & {module.split(".")[0] for module in modules}


@pytest.mark.parametrize("path", [*LIBRARY, *(path for path in PAGES if path.exists())], ids=name_of)
def test_what_is_imported_is_pinned(path: Path) -> None:
    """`make run` installs requirements.txt alone: what only the tests' packages bring along is missing there."""
    lines = "\n".join(file.read_text("utf-8") for file in ROOT.glob("requirements*.txt") if "dev" not in file.name)
    pinned = {name.lower() for name in re.findall(r"^([\w-]+)(?:\[\w+\])?==", lines, re.M)} | {
        "tokenizers",
        "huggingface_hub",  # these of transformers
        "starlette",  # of Streamlit
    }
    own = {"attnlib", "pages", *sys.stdlib_module_names}
    outside = {module.split(".")[0] for module in imported(ast.parse(path.read_text("utf-8")))} - own
    named = {module for module in outside if pinned & {name.lower() for name in DISTRIBUTIONS.get(module, [module])}}
    assert outside <= named


def test_importing_the_library_loads_nothing_heavy() -> None:
    """A page must be painted before torch is there."""
    heavy = ("torch", "transformers", "numpy", "pandas", "plotly", "streamlit")
    code = f"import attnlib, attnlib.model.sources, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


FIRST_AT_ONCE = """
import sys, threading
from importlib import import_module
errors = []
def load(name):
    try:
        import_module(name)
    except Exception as error:
        errors.append(f"{name}: {error}")
threads = [threading.Thread(target=load, args=(name,)) for name in sys.argv[1:]]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(errors)
"""


def test_threads_import_the_library_at_the_same_time() -> None:
    """As a server does that two people open: transformers is not made for it, so one file imports it for all."""
    modules = [f"attnlib.model.{name}" for name in ("attention", "loading", "inputs", "families", "provenance")]
    command = [sys.executable, "-c", FIRST_AT_ONCE, *modules, "attnlib.behaviour.measure", "attnlib.comparison.run"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_one_file_imports_transformers(path: Path) -> None:
    modules = imported(ast.parse(path.read_text("utf-8")))
    assert name_of(path) == "attnlib/model/hf.py" or not any(name.startswith("transformers") for name in modules)


@pytest.mark.parametrize("path", [path for path in PAGES if path.exists()], ids=name_of)
def test_pages_do_not_import_heavy_libraries_at_their_head(path: Path) -> None:
    statements = ast.parse(path.read_text("utf-8")).body
    head = ast.Module([node for node in statements if isinstance(node, (ast.Import, ast.ImportFrom))], [])
    assert not {"torch", "transformers"} & {module.split(".")[0] for module in imported(head)}


def docstring_lines(node: ast.AST) -> int:
    """How long a docstring is: explaining every argument makes neither a function nor a file long."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if not isinstance(node, documented) or ast.get_docstring(node) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def functions_of(paths: Iterable[Path]) -> dict[str, int]:
    """The lines of every function in Python, without its docstring."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [(path, node) for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    return {
        f"{name_of(path)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
        for path, node in found
        if isinstance(node, kinds)
    }


def script_functions() -> dict[str, int]:
    """The lines of every function of the views' JavaScript."""
    command = [Path(sys.executable).with_name("node"), ROOT / "tests" / "js" / "functions.mjs", *SCRIPTS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"the parser of JavaScript is missing? `make check` installs it. {done.stderr}"
    found = {
        f"{name_of(Path(path))}:{line} {name}": n
        for path, of in json.loads(done.stdout).items()
        for line, name, n in of
    }
    assert len(found) > 500
    return found


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_functions_are_short(language: str) -> None:
    functions = functions_of([*LIBRARY, *PAGES]) if language == "Python" else script_functions()
    lengths = sorted(functions.values())
    assert {name: length for name, length in functions.items() if length > 50} == {}
    assert median(lengths) <= 8
    assert lengths[int(0.95 * len(lengths))] <= 30


def length_of(path: Path) -> int:
    text = path.read_text("utf-8")
    documented = sum(map(docstring_lines, ast.walk(ast.parse(text)))) if path.suffix == ".py" else 0
    return text.count("\n") - documented


@pytest.mark.parametrize("path", [*LIBRARY, *PAGES, *SCRIPTS, *STYLES], ids=name_of)
def test_no_file_is_longer_than_four_hundred_lines(path: Path) -> None:
    assert length_of(path) <= 400


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_every_file_of_the_library_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize("name", attnlib.__all__)
def test_every_public_name_has_a_docstring(name: str) -> None:
    documented = getattr(attnlib, name)
    assert documented.__doc__
    assert not documented.__doc__.startswith(f"{name}(")  # what a dataclass writes itself


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = attnlib.nonsense


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_views_never_write_html(path: Path) -> None:
    """Tokens are the user's text: they may only ever be set as text."""
    script = path.read_text("utf-8")
    assert not [word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write") if word in script]


def caches_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr.startswith("cache_"):
            yield node.attr


@pytest.mark.parametrize("path", [path for path in PAGES if path.exists()], ids=name_of)
def test_caches_are_in_one_file(path: Path) -> None:
    assert path == ROOT / "pages" / "ui" / "cached.py" or not list(caches_in(path))


def test_every_cache_is_bounded_and_keyed_by_all_its_arguments() -> None:
    path = ROOT / "pages" / "ui" / "cached.py"
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        caches = [made for made in function.decorator_list if "cache_" in ast.unparse(made)]
        if caches:
            assert all("max_entries" in ast.unparse(made) for made in caches), function.name
            assert not [arg.arg for arg in function.args.args if arg.arg.startswith("_")], function.name
