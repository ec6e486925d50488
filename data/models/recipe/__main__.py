"""`python -m data.models.recipe`: train the four demo models, move them into data/models, measure them.

With `--measure` only measure those that are there. Run from the root of the repository.
"""

import argparse
import multiprocessing
import os
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}

from . import report, training

MODELS = Path(__file__).parent.parent


def train_all(models: Path) -> dict[str, float]:
    """Both families at once, one thread each; nothing is replaced before everything has succeeded."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2, mp_context=spawn) as pool:
        results = list(pool.map(training.train_family, training.FAMILIES, [Path(folder)] * 2))
        for name in report.NAMES:
            shutil.rmtree(models / name, ignore_errors=True)
            shutil.move(Path(folder) / name, models / name)
    return {name: seconds for result in results for name, seconds in result.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m data.models.recipe", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="do not train, measure the models that are there")
    arguments = parser.parse_args()
    seconds = {} if arguments.measure else train_all(MODELS)
    print(report.refresh(MODELS, seconds))


if __name__ == "__main__":
    main()
