"""A dashboard on a port of its own, for tests and benchmarks."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def start_server(log: Path, app: str = "dashboard.py", timeout: float = 120) -> tuple[subprocess.Popen[bytes], str]:
    """A dashboard of this clone that answers, and its address."""
    options = ("--server.address=127.0.0.1", "--server.headless=true", "--server.fileWatcherType=none")
    return start([sys.executable, "-m", "streamlit", "run", app, *options, "--server.port"], log, ROOT, None, timeout)


def start(
    command: Sequence[str | Path], log: Path, folder: Path, variables: dict[str, str] | None, timeout: float = 120
) -> tuple[subprocess.Popen[bytes], str]:
    """A server that answers, and its address; its port is the command's last word. Until it listens, the port is held
    for it: nobody else is given it."""
    with socket.socket() as held, log.open("wb") as output:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: both may have it, then
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        server = subprocess.Popen(
            [*command, str(port)], cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT
        )
        url, start = f"http://127.0.0.1:{port}", time.monotonic()
        while server.poll() is None and time.monotonic() - start < timeout:
            if _answers(url):
                return server, url
            time.sleep(0.05)
    stop_server(server)
    raise RuntimeError("The dashboard did not start:\n" + log.read_text())


def _answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url + "/_stcore/health", timeout=1).read() == b"ok")
    except OSError:
        return False


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; where it does not, end it."""
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
