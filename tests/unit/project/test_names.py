"""What a session keeps and what an address can say: pages use the names of one list each, and no others."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnlib.address import CHOICES, OF_LESSONS, PAGES, SHARED, address
from attnlib.paths import PROJECT
from pages.ui.session import KEPT

FILES = sorted((PROJECT / "pages").rglob("*.py"))
CALLS = [
    (path, node)
    for path in FILES
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.Call)
]


def constants(node: ast.expr | None) -> Iterator[str]:
    """The texts that an expression may be, as far as they stand in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from (*constants(node.body), *constants(node.orelse))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


WIDGETS = {key for _, call in CALLS for key in constants(keyword(call, "key"))}
BOUND = {key for _, call in CALLS if keyword(call, "bind") is not None for key in constants(keyword(call, "key"))}
BOUND |= {"source_language", "target_language", "fits_a", "fits_b"}  # given to a function that makes the widget


METHODS = ("get", "pop", "setdefault", "__setitem__")


def used(state: str) -> Iterator[tuple[str, Path]]:
    """Keys of `st.session_state` or of `st.query_params`, where they stand as texts."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            of = f"st.{state}"
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == of:
                yield from ((key, path) for key in constants(node.slice))
            elif (
                isinstance(node, ast.Call)
                and node.args
                and ast.unparse(node.func) in [f"{of}.{method}" for method in METHODS]
            ):
                yield from ((key, path) for key in constants(node.args[0]))
            elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]) == of:
                yield from ((key, path) for key in constants(node.left))


def test_a_session_keeps_what_is_registered() -> None:
    keys = {key for key, _ in used("session_state")}
    assert keys - WIDGETS - BOUND - set(SHARED) <= set(KEPT)
    assert set(KEPT) & WIDGETS == set()


def test_what_is_registered_is_used() -> None:
    text = "\n".join(path.read_text("utf-8") for path in FILES if path.name != "session.py")
    own = (PROJECT / "pages" / "ui" / "session.py").read_text("utf-8")
    assert [key for key in KEPT if f'"{key}"' not in text and own.count(f'"{key}"') < 2] == []


def test_what_is_kept_in_an_address_is_in_its_list() -> None:
    queried = {key for key, _ in used("query_params")}
    assert BOUND | queried == CHOICES | set(OF_LESSONS)


@pytest.mark.parametrize(
    ("page", "choices", "text"),
    [
        ("head", {}, "/"),
        ("head", {"text": "a & b"}, "/?text=a+%26+b"),
        ("neuron", {"model": "demo/gpt2-biased", "head": "2"}, "/neuron?model=demo%2Fgpt2-biased&head=2"),
    ],
)
def test_an_address_says_what_is_chosen(page: str, choices: dict[str, str], text: str) -> None:
    assert page in PAGES
    assert address(page, choices.items()) == text
