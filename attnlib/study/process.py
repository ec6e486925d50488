"""A study in a process of its own: begun, waiting for its turn, and stopped within two seconds.

The process has the study's lock from its first moment, because whoever starts it takes the lock and hands it over:
so a study that is being started is never taken for one that has stopped, and no wish to stop comes too early.
Nothing large is imported here: a process that waits for its turn is small. Not here: measuring (run.py, running.py).
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from attnlib.errors import InputError
from attnlib.paths import child_environment
from attnlib.study.folder import ACTIVE, PROGRESS, StudyFolder, disk_errors
from attnlib.study.lock import HANDED, PASSES_ON
from attnlib.study.queue import turn

STOPPED = 3  # exit status of a study that was stopped
# seconds: how often a wish to stop is looked for, and how long the work may take to end itself
LOOK, GRACE = 0.1, 0.5
COMMAND = ("-m", "attnlib", "study", "--json")  # --json: no findings, which nobody would read
QUEUE = ".queue"  # in the folder of the studies


def start(folder: StudyFolder) -> None:
    """Start a process that goes on with a study, when it is its turn. Raises InputError if it cannot be started."""
    folder.manifest()  # a damaged one is told now
    if folder.busy():
        return
    with disk_errors(folder.path), folder.take() as lock:
        before = folder.progress()
        folder.write(PROGRESS, before | {"state": "starting", "message": "", "left": None, "ahead": 0})
        try:
            with (folder.path / "study.log").open("ab") as log:
                subprocess.Popen(
                    [sys.executable, "-P", *COMMAND, "--out", str(folder.path.resolve()), "--queue"],
                    env=child_environment() | {HANDED: str(lock.file)},  # here, for a model's relative folder
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    pass_fds=(lock.file,) if PASSES_ON else (),
                    start_new_session=True,  # it goes on when the dashboard is stopped
                )
        except OSError as error:
            folder.write(PROGRESS, before | {"state": "stopped"})
            raise InputError(f"The study could not be started: {error.strerror or error}.") from None


@contextlib.contextmanager
def own_process(folder: StudyFolder, queued: bool, watched: bool) -> Iterator[bool]:
    """Work on a study in this process, when it is its turn; gives whether it is, or the study was stopped before.

    `queued`: wait for a turn. `watched`: end the process if somebody asks to stop and it does not stop by itself;
    what is finished is on disk.
    """
    with disk_errors(folder.path):
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = folder.take()
    ended = threading.Event()
    with lock:
        lock.hand_over()
        if watched:
            threading.Thread(target=_watch, args=(folder, ended), daemon=True).start()
        try:
            with _turn(folder) if queued else contextlib.nullcontext(True) as mine:
                yield mine
        except InputError as error:
            before = folder.progress()
            if before["state"] in ACTIVE:
                folder.write(PROGRESS, before | {"state": "failed", "message": str(error)})
            raise
        finally:
            ended.set()


@contextlib.contextmanager
def _turn(folder: StudyFolder) -> Iterator[bool]:
    """This study's turn among those beside it."""
    before, told = folder.progress(), [0]

    def waiting(ahead: int) -> bool:
        if ahead != told[0]:
            told[0] = ahead
            folder.write(PROGRESS, before | {"state": "waiting", "ahead": ahead})
        return not folder.stop_asked()

    with turn(folder.path.parent / QUEUE, waiting) as mine:
        if not mine:
            folder.write(PROGRESS, before | {"state": "stopped"})
        elif told[0]:
            folder.write(PROGRESS, before | {"state": "starting"})
        yield mine


def _watch(folder: StudyFolder, ended: threading.Event) -> None:
    """End this process when somebody asks to stop: at once, but for the time in which it may stop by itself."""
    while not ended.wait(LOOK):
        if folder.stop_asked():
            if not ended.wait(GRACE):
                os._exit(STOPPED)  # parts appear whole or not at all, so that nothing is lost but the one that ran
            return
