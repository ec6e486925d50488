"""Many people on one server: views that are checked, and what memory does over a thousand runs.

`python -m tests.benchmarks.together` prints the lines of docs/reliability.md, section "People at the same time".
"""

import asyncio
import os
import statistics
import tempfile
from pathlib import Path

import psutil

import attnlib
from tests.server import start_server, stop_server
from tests.sessions import WORDS, Session, crowd

SESSIONS, TURNS, RERUNS = 30, 6, 1_000


def main() -> None:
    print(_crowd(loaded_anew=True), flush=True)
    print(_crowd(loaded_anew=False), flush=True)
    print(_memory(), flush=True)


def _crowd(loaded_anew: bool) -> str:
    os.environ["ATTNLIB_MODELS_GB"] = "0" if loaded_anew else "4"
    with tempfile.TemporaryDirectory() as folder:
        server, url = start_server(Path(folder) / "log.txt")
        try:
            found = crowd(url, attnlib.demo_models(), SESSIONS, TURNS)
        finally:
            stop_server(server)
    how = "each model loaded anew whenever it is asked for" if loaded_anew else "models kept"
    middle, slowest = statistics.median(found.seconds), max(found.seconds)
    return (
        f"- {SESSIONS} people at once, each in {TURNS} sessions one after the other, {how}: {found.runs} runs, "
        f"{found.payloads} views checked against their own prompt and model, {len(found.mixed)} mixed, "
        f"{len(found.errors)} errors; a page took {middle:.1f} s in the middle, {slowest:.1f} s at most."
    )


def _memory() -> str:
    os.environ["ATTNLIB_MODELS_GB"] = "4"
    with tempfile.TemporaryDirectory() as folder:
        server, url = start_server(Path(folder) / "log.txt")
        try:
            sizes = asyncio.run(_reruns(url, psutil.Process(server.pid)))
        finally:
            stop_server(server)
    told = ", ".join(f"{size // 2**20:,} MB after {count:,}" for count, size in sizes.items())
    return f"- One session that runs a page with another text {RERUNS:,} times: {told}."


async def _reruns(url: str, server: psutil.Process) -> dict[int, int]:
    """The server's memory after so many runs."""
    sizes, models = dict[int, int](), attnlib.demo_models()
    async with Session(url) as tab:
        for number in range(1, RERUNS + 1):
            one, two = WORDS[number % 10], WORDS[number // 10 % 10]
            text = f"The {one} and the {two} met {number} times"
            asked = {"model": models[0], "layer": "1", "head": "2"}
            run = await (tab.write("text", text, **asked) if tab.texts else tab.open("", text=text, **asked))
            ((header, _),) = run.payloads
            assert one in "".join(header["queries"]["labels"])
            if number in (100, 400, 700, RERUNS):
                sizes[number] = server.memory_info().rss
    return sizes


if __name__ == "__main__":
    main()
