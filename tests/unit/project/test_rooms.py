"""The rooms of the house: each imports only those above it, says what it is for, and is in the map."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnlib.paths import PROJECT

MAP = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
ROOMS = re.findall(r"^\| `attnlib/(\w+)/` \| (.+?) \|", MAP, re.MULTILINE)  # from the top
ORDER = ["", *(name for name, _ in ROOMS)]
SHOWS_ITSELF = ("attnlib.comparison.result", "attnlib.views.html")  # a comparison in a notebook: by name, when shown
ENTRANCES = ("attnlib", "attnlib.__main__")  # they lead into every room


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    module_of(path): path for folder in ("attnlib", "pages") for path in sorted((PROJECT / folder).rglob("*.py"))
}


def imported(module: str) -> Iterator[str]:
    """The project's modules that a module imports, at its head, in a function or for its types alone."""
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from {name if name in MODULES else node.module for name in names} & MODULES.keys()
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module" and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and name.value in MODULES and (module, name.value) != SHOWS_ITSELF:
                yield name.value


IMPORTS = {module: set(imported(module)) - {module} for module in MODULES}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (PROJECT / "attnlib" / parts[1]).is_dir() else ""


def test_the_map_has_every_room_once_and_no_other() -> None:
    folders = [path.name for path in (PROJECT / "attnlib").iterdir() if (path / "__init__.py").exists()]
    assert sorted(name for name, _ in ROOMS) == sorted(folders)


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("attnlib.")])
def test_no_room_imports_upwards(module: str) -> None:
    if module not in ENTRANCES:
        mine = ORDER.index(room_of(module))
        below = {other for other in IMPORTS[module] if other in ENTRANCES or ORDER.index(room_of(other)) > mine}
        assert below == set()


@pytest.mark.parametrize(("room", "purpose"), ROOMS)
def test_a_room_says_what_it_is_for_as_the_map_does_and_holds_nothing_else(room: str, purpose: str) -> None:
    tree = ast.parse((PROJECT / "attnlib" / room / "__init__.py").read_text("utf-8"))
    assert (ast.get_docstring(tree) or "").rstrip(".") == purpose
    assert len(tree.body) == 1


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: others - set(ENTRANCES) for module, others in IMPORTS.items() if module not in ENTRANCES}
    while free := {module for module, others in left.items() if not others & left.keys()}:
        left = {module: others for module, others in left.items() if module not in free}
    assert left == {}


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("pages.")])
def test_a_page_imports_what_pages_share_and_its_own_section(module: str) -> None:
    section = module.split(".")[1]
    others = {other.split(".")[1] for other in IMPORTS[module] if other.startswith("pages.")}
    assert section == "app" or others <= {"ui", section}
