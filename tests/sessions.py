"""Sessions of the dashboard without a browser: what Streamlit's frontend says and hears over its websocket."""

import asyncio
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from attnlib.model.sources import twin_of
from attnlib.views.payload import unpack


@dataclass
class Run:
    """What one run of a page sent."""

    payloads: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)  # of views: header and arrays
    errors: list[str] = field(default_factory=list)  # sentences in red
    exceptions: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Session:
    """One tab: `async with Session(address) as tab`."""

    def __init__(self, url: str) -> None:
        self.url = url.replace("http://", "ws://") + "/_stcore/stream"
        self.connection: ClientConnection
        self.texts: dict[str, str] = {}  # ids of text areas by key

    async def __aenter__(self) -> "Session":
        self.connection = await connect(self.url, subprotocols=["streamlit"], max_size=None, ping_interval=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()

    async def open(self, page: str, timeout: float = 300, **choices: str) -> Run:
        """Ask for a page with these choices in its address, and wait until it has run; once in a session."""
        return await self._run(page, choices, {}, timeout)

    async def write(self, key: str, text: str, timeout: float = 300, **choices: str) -> Run:
        """Write into a text area of the first page."""
        return await self._run("", choices, {self.texts[key]: text}, timeout)

    async def _run(self, page: str, choices: dict[str, str], written: dict[str, str], timeout: float) -> Run:
        asked = BackMsg()
        asked.rerun_script.page_name = page
        asked.rerun_script.query_string = urlencode(choices)
        for widget, text in written.items():
            state = asked.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = widget, text
        begun = time.perf_counter()
        await self.connection.send(asked.SerializeToString())
        run = await asyncio.wait_for(self._heard(), timeout)
        run.seconds = time.perf_counter() - begun
        return run

    async def _heard(self) -> Run:
        run = Run()
        while True:
            message = ForwardMsg()
            raw = await self.connection.recv()
            assert isinstance(raw, bytes)
            message.ParseFromString(raw)
            kind = message.WhichOneof("type")
            if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                _keep(run, element)
                if element.WhichOneof("type") == "text_area":
                    self.texts[element.text_area.id.rpartition("-")[2]] = element.text_area.id
            elif kind == "script_finished" and message.script_finished in _ENDS:
                return run


_ENDS = (
    ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY,
    ForwardMsg.ScriptFinishedStatus.FINISHED_WITH_COMPILE_ERROR,
)


def _keep(run: Run, element: Any) -> None:
    kind = element.WhichOneof("type")
    shown = getattr(element, kind)
    if kind == "alert" and shown.format == Alert.Format.ERROR:
        run.errors.append(shown.body)
    elif kind == "exception":
        run.exceptions.append(f"{shown.type}: {shown.message[:300]}")
    elif kind == "bidi_component" and shown.bytes:
        run.payloads.append(unpack(shown.bytes))


# ---------------------------------------------------------------------------------------------- many people


WORDS = ("nurse", "doctor", "teacher", "engineer", "mechanic", "clerk", "baker", "farmer", "lawyer", "driver")
PAGES = ("head", "model", "neuron", "compare", "patterns", "neurons")


@dataclass(frozen=True)
class Crowd:
    """What many sessions were given."""

    runs: int
    payloads: int
    mixed: tuple[str, ...]  # payloads of another model or prompt than their session's
    errors: tuple[str, ...]
    seconds: tuple[float, ...]  # of each run


def crowd(url: str, models: tuple[str, ...], sessions: int, turns: int) -> Crowd:
    """So many people at once, each with texts of their own, following links; every view is checked."""
    with ThreadPoolExecutor(1) as apart:  # Playwright keeps a loop running in the thread of the tests
        return apart.submit(lambda: asyncio.run(_crowd(url, models, sessions, turns))).result()


async def _crowd(url: str, models: tuple[str, ...], sessions: int, turns: int) -> Crowd:
    found = await asyncio.gather(*(_person(url, models, number, turns) for number in range(sessions)))
    runs, mixed = [], list[str]()
    for run, page, model, words in itertools.chain.from_iterable(found):
        runs.append(run)
        mixed += [problem for header, _ in run.payloads if (problem := _foreign(header, page, model, words))]
    errors = [*itertools.chain.from_iterable((*run.errors, *run.exceptions) for run in runs)]
    payloads = sum(len(run.payloads) for run in runs)
    return Crowd(len(runs), payloads, tuple(mixed), tuple(errors), tuple(run.seconds for run in runs))


async def _person(
    url: str, models: tuple[str, ...], number: int, turns: int
) -> "list[tuple[Run, str, str, tuple[str, ...]]]":
    one, two = WORDS[number % len(WORDS)], WORDS[(number // len(WORDS) + number + 1) % len(WORDS)]
    found = []
    for turn in range(turns):
        page = PAGES[(number + turn) % len(PAGES)]
        model = models[(number + turn * 3) % len(models)]
        words = (one, two, "question" if turn % 2 else "letter")
        text = f"The {one} gave the {two} a {words[2]}. She"
        asked = {"text": text, "prompt_a": text, "prompt_b": text.removesuffix("She") + "He"}
        async with Session(url) as tab:  # a link that is followed is a session of its own
            run = await tab.open("" if page == "head" else page, model=model, layer="1", head="2", **asked)
        found.append((run, page, model, words))
    return found


def _foreign(header: dict[str, Any], page: str, model: str, words: tuple[str, ...]) -> str:
    """What of a view belongs to somebody else; empty if nothing does. A comparison shows the model's twin, too."""
    named = header.get("model", model)
    words = () if page in PAGES[4:] else words
    if page == "compare" and named == twin_of(model):
        return ""
    shown = header.get("queries")
    labels = "".join(shown["labels"]) if isinstance(shown, dict) else ""
    missing = [word for word in words if labels and word not in labels.replace("##", "").replace(" ", "").lower()]
    if named != model:
        return f"a view of {named} in a session of {model}"
    return f"a view of {labels!r} in a session of {words}" if missing else ""
