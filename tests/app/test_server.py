"""Who may talk to the server: pages that this machine serves, under the names that config.toml lists."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

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
