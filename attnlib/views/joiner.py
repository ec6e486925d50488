"""ES modules joined into one script, each a function of its own, so that names may repeat between them.

    // shared/text.js                        $modules["shared/text.js"] = (() => {
    const MARK = "!";                        const MARK = "!";
    export function loud(text) {             function loud(text) {
      return text + MARK;             →        return text + MARK;
    }                                        }
                                             return { loud };
                                             })();
    // head/view.js                          $modules["head/view.js"] = (() => {
    import { loud } from "../shared/text.js";  const { loud } = $modules["shared/text.js"];
    …                                        …

Streamlit serves a component's script as a blob, and a saved page has no files beside it: neither can import.

What is understood is what the views use: `import { a, b as c } from "./file.js"`, `export` before a constant, a
function or a class, `export { a, b as c }` and `export default` before a function or a class. Anything else is a
JoinError that names file and line. Not here: making scripts smaller, packages, running them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import NoReturn


class JoinError(ValueError):
    """What keeps scripts from being joined: the file and what is wrong with it."""


def joined(entry: str, root: Path) -> str:
    """The module `entry` (e.g. "head/view.js", below `root`) and all it imports, as one with its default export.

    Raises JoinError for a name that one file imports and the other does not export, a circle, a missing file, and
    forms of import and export that are not understood.
    """
    modules = _in_order(entry, root)
    if "default" not in modules[entry].exports:
        raise JoinError(f"{entry} has no default export.")
    for module in modules.values():
        _check_names(module, modules)
    functions = "\n".join(module.function() for module in modules.values())
    return f"""const mount = (() => {{
const $modules = {{}};
{functions}
return $modules["{entry}"].default;
}})();
export default mount;
"""


def _in_order(entry: str, root: Path) -> dict[str, "Module"]:
    """All modules by path, each after those it imports."""
    modules: dict[str, Module] = {}

    def visit(path: str, asked: tuple[str, ...]) -> None:
        if path in asked:
            raise JoinError(f"A circle of imports: {' → '.join((*asked[asked.index(path) :], path))}.")
        if path in modules:
            return
        if not (root / path).is_file():
            raise JoinError(f"{asked[-1] if asked else 'A page'} imports {path}, which is not there.")
        module = _module_of(path, root)
        for needed in module.imports:
            visit(needed, (*asked, path))
        modules[path] = module

    visit(entry, ())
    return modules


@lru_cache
def _module_of(path: str, root: Path) -> "Module":
    return read_module(path, (root / path).read_text("utf-8"))


def _check_names(module: "Module", modules: dict[str, "Module"]) -> None:
    for path, names in module.imports.items():
        for name in names.values():
            if name not in modules[path].exports:
                raise JoinError(f"{module.path} imports “{name}” from {path}, which does not export it.")


# ---- one module


@dataclass(frozen=True)
class Module:
    """A file: its imports ({path: {own name: exported name}}), exports ({exported name: own name}), and its code."""

    path: str
    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    code: str = ""

    def function(self) -> str:
        """The module as a function that is called at once and gives what is exported."""
        imports = [
            f'const {{ {_pairs({exported: own for own, exported in names.items()})} }} = $modules["{path}"];'
            for path, names in self.imports.items()
        ]
        head = f'$modules["{self.path}"] = (() => {{'
        return "\n".join([head, *imports, self.code.strip("\n"), f"return {{ {_pairs(self.exports)} }};", "})();"])


def _pairs(names: dict[str, str]) -> str:
    return ", ".join(left if left == right else f"{left}: {right}" for left, right in names.items())


_IMPORT = re.compile(r"""import\s*\{(?P<names>[^{}]*)\}\s*from\s*["'](?P<file>\.{1,2}/[\w./-]+)["'][ ]*;?""")
_EXPORTED_NAMES = re.compile(r"export\s*\{(?P<names>[^{}]*)\}(?!\s*from\b)[ ]*;?")
_EXPORT = re.compile(r"export\s+(?=(?:(?:async\s+)?function\b\s*\*?|class\b|const\b)\s*(?P<name>[\w$]+))")
_EXPORT_DEFAULT = re.compile(
    r"export\s+default\s+(?=(?:(?:async\s+)?function\b\s*\*?|class\b)\s*(?P<name>(?!extends\b)[\w$]+))"
)
_NAME = re.compile(r"\s*([\w$]+)(?:\s+as\s+([\w$]+))?\s*")


def read_module(path: str, text: str) -> Module:
    """A file's imports and exports, and its code without them."""
    imports: dict[str, dict[str, str]] = {}
    exports: dict[str, str] = {}
    kept, end = [], 0
    for at in statements(text, path):
        if found := _IMPORT.match(text, at):
            file = normpath(join(dirname(path), found["file"]))
            imports.setdefault(file, {}).update({own: name for name, own in _names(found, path)})
        elif found := _EXPORTED_NAMES.match(text, at):
            exports.update({name: own for own, name in _names(found, path)})
        elif found := _EXPORT_DEFAULT.match(text, at):
            exports["default"] = found["name"]
        elif found := _EXPORT.match(text, at):
            exports[found["name"]] = found["name"]
        else:
            _fail(path, text, at, f"this is not understood: {text[at : at + 60].splitlines()[0]}")
        kept.append(text[end:at])
        end = found.end()
    return Module(path, imports, exports, "".join([*kept, text[end:]]))


def _names(found: re.Match[str], path: str) -> list[tuple[str, str]]:
    """`a, b as c` → [("a", "a"), ("b", "c")]."""
    texts = re.sub(r"//[^\n]*|/\*.*?\*/", "", found["names"], flags=re.DOTALL).split(",")
    pairs = []
    for text in texts if texts[-1].strip() else texts[:-1]:
        name = _NAME.fullmatch(text)
        if name is None:
            _fail(path, found.string, found.start(), f"“{text.strip()}” is no name")
        pairs.append((name[1], name[2] or name[1]))
    return pairs


def _fail(path: str, text: str, at: int, what: str) -> NoReturn:
    raise JoinError(f"{path}, line {text.count(chr(10), 0, at) + 1}: {what}.")


# ---- where statements begin

_PART = re.compile(
    r"""(?P<text>//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<open>[(\[{])
    |(?P<close>[)\]}])
    |(?P<template>`)
    |(?P<slash>/)
    |(?P<word>(?<![\w$.])(?:import|export)(?![\w$]|\s*:))
    |(?P<quote>["'])""",
    re.DOTALL | re.VERBOSE,
)
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/")
_TEMPLATE_TEXT = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*(?P<end>`|\$\{)", re.DOTALL)
_VALUE_BEFORE = re.compile(r"(?:[)\]}\"'`]|(?P<word>[\w$]+))\s*$")
_NO_VALUES = (
    "return",
    "typeof",
    "case",
    "in",
    "of",
    "do",
    "else",
    "void",
    "delete",
    "throw",
    "new",
    "await",
    "yield",
)


def statements(text: str, path: str = "") -> Iterator[int]:
    """Where the words `import` and `export` begin a statement: outside brackets, texts, comments and expressions."""
    at, depth = 0, 0
    templates: list[int] = []  # how deep the brackets were where a template's ${ was opened
    while found := _PART.search(text, at):
        at, kind = found.end(), found.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "template" or (kind == "close" and templates and templates[-1] == depth):
            at = _after_template_text(text, at, path, depth, templates)
        elif kind == "close":
            depth -= 1
        elif kind == "slash" and not _is_division(text, found.start()):
            at = _end_of(_REGEX, text, found.start(), path)
        elif kind == "word" and depth == 0 and not templates:
            yield found.start()
        elif kind == "word" and re.match(r"\s*[(.]", text[at:]):
            _fail(path, text, found.start(), "there is no file beside a joined script to import or to ask for")
        elif kind == "quote":
            _fail(path, text, found.start(), "a text does not end")


def _after_template_text(text: str, at: int, path: str, depth: int, templates: list[int]) -> int:
    """Behind a part of a template's text, which begins at `at`; `templates` gets or loses the ${ that is open."""
    if text[at - 1] == "}":
        templates.pop()
    end = _end_of(_TEMPLATE_TEXT, text, at, path)
    if text[end - 1] == "{":
        templates.append(depth)
    return end


def _end_of(pattern: re.Pattern[str], text: str, at: int, path: str) -> int:
    found = pattern.match(text, at)
    return found.end() if found else _fail(path, text, at, "a template or a regular expression does not end")


def _is_division(text: str, slash: int) -> bool:
    """Whether a slash stands behind a value: elsewhere a regular expression begins."""
    before = _VALUE_BEFORE.search(text[max(0, slash - 80) : slash])
    return before is not None and before["word"] not in _NO_VALUES
