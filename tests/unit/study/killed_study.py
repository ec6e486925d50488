"""Not a test: runs a study in a child that is killed at the times named on the command line, then lets one finish.

    python killed_study.py OUT SECONDS [SECONDS …]
Prints how many parts were on disk after each kill. One process imports torch once for all of them.
"""

import os
import signal
import sys
import time
from pathlib import Path

import torch

import attnlib
from attnlib.prompts.pairs import Pair
from attnlib.study import run as study
from attnlib.study.run import run_study

OCCUPATIONS = (
    "nurse",
    "secretary",
    "nanny",
    "teacher",
    "doctor",
    "engineer",
    "mechanic",
    "pilot",
    "lawyer",
    "carpenter",
)


def pairs() -> list[Pair]:
    made = [
        Pair("", f"The {one} {verb} the {two}. {she}", f"The {one} {verb} the {two}. {he}", targets=(one, two))
        for one in OCCUPATIONS
        for two in OCCUPATIONS
        if one != two
        for verb in ("asked", "talked to", "thanked")
        for she, he in (("She", "He"), ("Her", "His"))
    ]
    made[7] = Pair("", "The nurse slept.", " ")  # a bad one
    return made


def main(out: str, times: list[float]) -> None:
    torch.set_num_threads(1)  # a child has no thread but its own
    study.PART = 32
    model = attnlib.load_model("demo/gpt2-biased")
    for seconds in times:
        child = os.fork()
        if child == 0:
            run_study(pairs(), model, out)
            os._exit(0)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(len(list(Path(out).glob("pairs.parquet/part-*"))), flush=True)
    run_study(pairs(), model, out)
    run_study(pairs(), model, f"{out}-whole")


if __name__ == "__main__":
    main(sys.argv[1], [float(seconds) for seconds in sys.argv[2:]])
