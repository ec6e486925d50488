"""What every answer of the server carries, and what the server refuses: a middleware of the app.

Not here: which hosts and origins are answered (.streamlit/config.toml), what is in an upload (attnlib/bounded.py).
"""

import re
from base64 import b64encode
from collections import Counter
from functools import cache
from hashlib import sha256
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from attnlib.bounded import MOST_UPLOADED

UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
CLOSED = ("/_stcore/metrics",)  # says to anybody how many sessions there are and what they hold
MOST_FILES = 6  # uploads of a session: a page asks for three at most
MOST_OF_SESSION = 3 * MOST_UPLOADED  # bytes; of more, the oldest go
MOST_OF_ALL = 20 * MOST_UPLOADED  # bytes; more are refused
AT_ONCE = 4  # uploads that a session may send at the same time


@cache
def headers() -> dict[str, str]:
    """Headers of every answer: no frame around the dashboard, and nothing that is loaded from elsewhere."""
    return {
        "Content-Security-Policy": _policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",  # an address has the text that is read
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _policy() -> str:
    """Scripts are Streamlit's own, the one inside its page (by its hash), and the views' (which come as blobs)."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_bytes()
    inside = re.findall(rb"<script>(.*?)</script>", page, re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(one).digest()).decode()}'" for one in inside)
    return (
        f"default-src 'self'; script-src 'self' blob: {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


class Guard:
    """The middleware: headers on every answer, closed paths, uploads that are bounded."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.sending = app, Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers())
            await send(message)

        path, upload = scope["path"], UPLOAD.search(scope["path"])
        if path.endswith(CLOSED):
            await PlainTextResponse("Not Found", 404)(scope, receive, with_headers)
        elif upload and scope["method"] == "PUT":
            await self._upload(upload[1], scope, receive, with_headers)
        else:
            await self.app(scope, receive, with_headers)

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self.sending[session] >= AT_ONCE or _held() > MOST_OF_ALL:
            told = "Too many files are being uploaded. Try again in a minute."
            await PlainTextResponse(told, 429)(scope, receive, send)
            return
        self.sending[session] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.sending[session] -= 1
            if not self.sending[session]:
                del self.sending[session]
            keep_newest(session)


def keep_newest(session: str) -> None:
    """Forget the oldest uploads of a session that has too many: those that no widget has asked for never end."""
    manager = _uploads()
    files = list(manager.file_storage.get(session, {}).values())
    while files and (len(files) > MOST_FILES or sum(len(file.data) for file in files) > MOST_OF_SESSION):
        manager.remove_file(session, files.pop(0).file_id)


def _held() -> int:
    """The bytes of all uploads of all sessions."""
    return sum(len(file.data) for files in list(_uploads().file_storage.values()) for file in list(files.values()))


def _uploads() -> MemoryUploadedFileManager:
    manager = st.runtime.get_instance().uploaded_file_mgr
    assert isinstance(manager, MemoryUploadedFileManager)
    return manager
