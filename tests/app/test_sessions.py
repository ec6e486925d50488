"""Thirty people at once on one server, over real websockets: nobody gets an error, or what belongs to another."""

from pathlib import Path

import pytest

import attnlib
from tests.server import start_server, stop_server
from tests.sessions import crowd


def test_thirty_people_turn_pages_while_models_are_loaded_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no memory for models, each that is asked for is loaded anew, in the middle of everybody else's."""
    monkeypatch.setenv("ATTNLIB_MODELS_GB", "0")
    monkeypatch.setenv("ATTNLIB_CACHE", str(tmp_path / "cache"))
    server, url = start_server(tmp_path / "log.txt")
    try:
        found = crowd(url, attnlib.demo_models(), sessions=30, turns=1)
    finally:
        stop_server(server)
    assert found.errors == ()
    assert found.mixed == ()
    assert found.runs == 30
    assert found.payloads >= 30
