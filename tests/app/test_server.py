"""What the server answers: to which hosts, with which headers, and how many uploads it holds."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages import guard
from tests.server import start_server, stop_server


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server as config.toml sets it up, which is not asked to draw anything."""
    server, url = start_server(tmp_path_factory.mktemp("server") / "log.txt")
    yield urlsplit(url).port or 0
    stop_server(server)


def handshake(port: int, host: str, origin: str) -> int:
    """The status with which the server answers a browser that opens a page's websocket: 101 when it agrees."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: {origin}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol: streamlit",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(1024).split()[1])


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_the_machines_own_pages_are_served(port: int, name: str) -> None:
    assert handshake(port, f"{name}:{port}", f"http://{name}:{port}") == 101


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil@localhost"]
)
def test_a_name_that_was_turned_to_this_machine_is_refused(port: int, name: str) -> None:
    """DNS rebinding: host and origin agree, and both are somebody else's."""
    assert handshake(port, f"{name}:{port}", f"http://{name}:{port}") == 403


def test_another_origin_is_refused(port: int) -> None:
    assert handshake(port, f"127.0.0.1:{port}", "http://evil.example") == 403


def test_what_is_allowed_is_written_where_a_user_changes_it() -> None:
    root = Path(__file__).resolve().parents[2]
    assert "allowedHosts" in (root / "README.md").read_text("utf-8")


# ---------------------------------------------------------------------------------------------- headers


def answer(port: int, path: str) -> tuple[int, Message]:
    """Status and headers of a page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as found:
            return found.status, found.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


@pytest.mark.parametrize("path", ["/", "/study", "/_stcore/health", "/_stcore/metrics", "/media/none", "/..%2fx"])
def test_every_answer_has_the_headers(port: int, path: str) -> None:
    _, headers = answer(port, path)
    policy = headers["Content-Security-Policy"]
    for rule in ("frame-ancestors 'none'", "object-src 'none'", "base-uri 'self'", "default-src 'self'"):
        assert rule in policy
    assert "unsafe-eval" not in policy
    assert "http:" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]


def test_how_many_sessions_there_are_is_told_to_nobody(port: int) -> None:
    assert answer(port, "/_stcore/metrics")[0] == 404
    assert answer(port, "/_stcore/metrics?families=active_sessions")[0] == 404
    assert answer(port, "/_stcore/health")[0] == 200


# ---------------------------------------------------------------------------------------------- uploads


class Runtime:
    """What the guard asks of Streamlit's runtime."""

    def __init__(self) -> None:
        self.uploaded_file_mgr = MemoryUploadedFileManager("/_stcore/upload_file")


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> MemoryUploadedFileManager:
    runtime = Runtime()
    monkeypatch.setattr(st.runtime, "get_instance", lambda: runtime)
    return runtime.uploaded_file_mgr


@pytest.fixture
def client(uploads: MemoryUploadedFileManager) -> TestClient:
    async def take(request: Request) -> PlainTextResponse:
        file = request.path_params["file"]
        uploads.add_file(request.path_params["session"], UploadedFileRec(file, file, "", await request.body()))
        return PlainTextResponse("", 204)

    route = Route("/_stcore/upload_file/{session}/{file}", take, methods=["PUT"])
    return TestClient(Starlette(routes=[route], middleware=[Middleware(guard.Guard)]))


def test_uploads_that_no_widget_asks_for_do_not_stay(
    client: TestClient, uploads: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of a session go; another session keeps its own."""
    client.put("/_stcore/upload_file/other/mine", content=b"x")
    for n in range(20):
        assert client.put(f"/_stcore/upload_file/one/{n}", content=b"x" * 100).status_code == 204
    assert list(uploads.file_storage["one"]) == [str(n) for n in range(14, 20)]
    monkeypatch.setattr(guard, "MOST_OF_SESSION", 250)
    client.put("/_stcore/upload_file/one/last", content=b"x" * 100)
    assert list(uploads.file_storage["one"]) == ["19", "last"]
    assert list(uploads.file_storage["other"]) == ["mine"]


def test_a_full_server_takes_no_more_uploads(
    client: TestClient, uploads: MemoryUploadedFileManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_OF_ALL", 150)
    assert client.put("/_stcore/upload_file/one/a", content=b"x" * 100).status_code == 204
    assert client.put("/_stcore/upload_file/two/b", content=b"x" * 100).status_code == 204
    refused = client.put("/_stcore/upload_file/three/c", content=b"x" * 100)
    assert (refused.status_code, refused.text) == (429, "Too many files are being uploaded. Try again in a minute.")
    assert refused.headers["X-Content-Type-Options"] == "nosniff"
    assert "three" not in uploads.file_storage
