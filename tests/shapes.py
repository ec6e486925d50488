"""While tests run, every function of attnlib is checked: its types by beartype, its shapes by jaxtyping.

`install()` must run before attnlib is imported. jaxtyping has an import hook too; this one differs in three things,
which make the suite twice as fast: a function gets its check when it is first called, one without shapes is left to
beartype alone, and what attnlib imports is left alone, so that it comes from its compiled files.
"""

import ast
import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, FunctionType, ModuleType
from typing import Any, get_args, get_type_hints
from unittest.mock import patch

from beartype import beartype
from jaxtyping import AbstractArray, jaxtyped

PACKAGE = "attnlib"
NAME = "checked_while_tests_run"  # of the decorator, in every module
COMPILED = "checked1"  # of the compiled files; another number where `_Decorated` adds something else


def install() -> None:
    """From now on modules of attnlib are checked."""
    if any(name.split(".")[0] == PACKAGE for name in sys.modules):
        raise RuntimeError(f"{PACKAGE} is imported already: its functions would not be checked.")
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


# ---------------------------------------------------------------------------------------------- the check


def checked(thing: Any) -> Any:
    """A function that is checked when it is called; a class whose fields are, where it is a dataclass."""
    if not inspect.isclass(thing):
        return _lazily(thing)
    if hasattr(thing, "__dataclass_fields__") and "__init__" in vars(thing):
        thing.__init__ = _lazily(thing.__init__)
    return thing


FOUND: dict[str, FunctionType] = {}  # all functions that have a check, by module and name


def _lazily(function: FunctionType) -> Callable:
    FOUND[f"{function.__module__}.{function.__qualname__}"] = function
    made: list[Callable] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(with_check(function))
        return made[0](*args, **kwargs)

    return call


def with_check(function: FunctionType) -> Callable:
    """The function with its check. Axes belong to one call, which is what `jaxtyped` keeps apart."""
    function.__annotations__ = {name: _resolved(hint, function) for name, hint in function.__annotations__.items()}
    typed = beartype(function)
    return jaxtyped(typed, typechecker=None) if any(map(_has_shape, function.__annotations__.values())) else typed


def _resolved(hint: Any, function: FunctionType) -> Any:
    """An annotation that is no longer a string; one that is known to type checkers alone says nothing here."""
    holder = type("Holder", (), {"__annotations__": {"hint": hint}})
    try:
        return get_type_hints(holder, function.__globals__, include_extras=True)["hint"]
    except NameError:
        return Any


def _has_shape(hint: Any) -> bool:
    if isinstance(hint, list):  # arguments of a Callable
        return any(map(_has_shape, hint))
    return (inspect.isclass(hint) and issubclass(hint, AbstractArray)) or any(map(_has_shape, get_args(hint)))


# ---------------------------------------------------------------------------------------------- the hook


class _Decorated(ast.NodeTransformer):
    """Adds the decorator: to functions before all others, to classes after all others."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list.append(_name(node))
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list.insert(0, _name(node))
        return self.generic_visit(node)


def _name(node: ast.AST) -> ast.Name:
    return ast.copy_location(ast.Name(NAME, ast.Load()), node)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        """Compiled files of decorated modules have a name of their own."""
        named = functools.partial(importlib.util.cache_from_source, optimization=COMPILED)
        with patch("importlib._bootstrap_external.cache_from_source", named):
            return super().get_code(fullname)

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> CodeType:  # type: ignore[override]
        tree = _Decorated().visit(ast.parse(importlib.util.decode_source(data), path))
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    def exec_module(self, module: ModuleType) -> None:
        setattr(module, NAME, checked)
        super().exec_module(module)


class _Finder(PathFinder):
    """Finds attnlib's modules, and no others."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.split(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec
