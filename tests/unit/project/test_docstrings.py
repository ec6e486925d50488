"""Docstrings of public names: every argument and attribute explained, an example that runs; how docstrings begin."""

import ast
import dataclasses
import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import attnlib
from attnlib.paths import PROJECT

SOURCES = [
    *(path for folder in ("attnlib", "pages", "data", "tests") for path in sorted((PROJECT / folder).rglob("*.py"))),
    PROJECT / "dashboard.py",
]
SCRIPTS = sorted((PROJECT / "attnlib" / "views").rglob("*.js"))
ELLIPTIC = re.compile(r"(The same|That|Those|Likewise)\b")
CLASSES = [name for name in attnlib.__all__ if inspect.isclass(getattr(attnlib, name))]
FUNCTIONS = [name for name in attnlib.__all__ if name not in CLASSES]


def members(name: str) -> Iterator[tuple[str, Any]]:
    """The methods and properties of a public class that a user calls, by "Class.name"."""
    for member, value in vars(getattr(attnlib, name)).items():
        if isinstance(value, classmethod):
            value = value.__func__
        if isinstance(value, property):
            value = value.fget
        if isinstance(value, cached_property):
            value = value.func
        if not member.startswith("_") and inspect.isfunction(value):
            yield f"{name}.{member}", value


CALLED: dict[str, Any] = {name: getattr(attnlib, name) for name in FUNCTIONS}
CALLED |= {name: value for owner in CLASSES for name, value in members(owner)}


def section(documented: object, title: str) -> str:
    """One section of a docstring, e.g. "Args"."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)*)", f"{inspect.getdoc(documented)}\n", re.MULTILINE)
    return found[1] if found else ""


def explained(documented: object, title: str) -> list[str]:
    """The names that a section has an entry for."""
    return re.findall(r"^ {4}\*{0,2}(\w+)(?: \(.*?\))?: \S", section(documented, title), re.MULTILINE)


@pytest.mark.parametrize("name", CALLED)
def test_every_argument_is_explained_in_order(name: str) -> None:
    parameters = [one for one in inspect.signature(CALLED[name]).parameters if one not in ("self", "cls")]
    assert explained(CALLED[name], "Args") == parameters


@pytest.mark.parametrize("name", CALLED)
def test_what_is_called_says_what_it_gives(name: str) -> None:
    documented = CALLED[name]
    assert inspect.getdoc(documented)
    takes = [one for one in inspect.signature(documented).parameters if one not in ("self", "cls")]
    gives = inspect.signature(documented).return_annotation not in (None, "None")
    assert section(documented, "Returns") or not (takes and gives)


@pytest.mark.parametrize("name", [name for name in CLASSES if dataclasses.is_dataclass(getattr(attnlib, name))])
def test_every_attribute_is_explained_in_order(name: str) -> None:
    kind = getattr(attnlib, name)
    assert explained(kind, "Attributes") == [field.name for field in dataclasses.fields(kind)]


@pytest.mark.parametrize("name", attnlib.__all__)
def test_the_example_of_a_public_name_runs(name: str) -> None:
    assert section(getattr(attnlib, name), "Example")
    run_examples(getattr(attnlib, name), name)


@pytest.mark.parametrize("name", [name for name in CALLED if "." in name and section(CALLED[name], "Example")])
def test_the_example_of_a_method_runs(name: str) -> None:
    run_examples(CALLED[name], name)


def run_examples(documented: Callable[..., object], name: str) -> None:
    """As a reader would after `import attnlib`."""
    examples = doctest.DocTestParser().get_doctest(
        inspect.getdoc(documented) or "", {"attnlib": attnlib}, name, "", 0
    )
    told: list[str] = []
    assert examples.examples
    doctest.DocTestRunner(verbose=False).run(examples, out=told.append)
    assert not told, "".join(told)


def docstrings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_docstring_says_itself_what_it_is_about(path: Path) -> None:
    """Not "The same of …" or "That of …": whoever jumps to a function has not read the one above it."""
    assert [text for text in docstrings(path) if ELLIPTIC.match(text)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_comment_on_a_function_says_itself_what_it_is_about(path: Path) -> None:
    comments = re.findall(r"/\*\*[\s*]*(.*?)\*/", path.read_text("utf-8"), re.DOTALL)
    assert [text for text in comments if ELLIPTIC.match(text)] == []
