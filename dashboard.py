"""The dashboard: `streamlit run dashboard.py`. Its pages are in `pages/`, which `pages/app.py` leads to.

While the browser still loads the first page, torch, transformers and the first model are loaded in a thread.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from pages.guard import Guard


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Begin what the first view needs as soon as the server answers; nobody waits for it here."""
    threading.Thread(target=_prepare, name="first view", daemon=True).start()
    yield


def _prepare() -> None:
    from pages.ui.sidebar import prepare

    prepare()


app = st.App("pages/app.py", lifespan=lifespan, middleware=[Middleware(Guard)])
