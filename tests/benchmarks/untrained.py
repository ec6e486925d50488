"""How often a study of a built-in set calls a head of a model that learned nothing significant, by running them.

`python -m tests.benchmarks.untrained` takes 200 models with random weights through every set, with its column unit
and without one, and writes the table of docs/statistics.md after every ten of them; `… untrained 20` takes so many.
Every set is whole and every test is that of a study: about 40 minutes on one core that does nothing else.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

import attnlib
from attnlib.comparison.many import PairRead, batches, measure_pairs, read_pairs_for
from attnlib.model.loading import Model, random_copy
from attnlib.prompts.builtin import PAIR_SETS, pair_set
from attnlib.prompts.pairs import Pair
from attnlib.stats.summaries import summarize
from attnlib.study.basis import arrange, found_units
from tests.benchmarks import statistics

MODELS, BETWEEN = 200, 10
HIGHEST = 0.08  # the share of models that is aimed at, at most
SETS = tuple(name for name in PAIR_SETS if name != "examples")  # examples of one pair each are no study


@dataclass
class Tested:
    """One set, and in how many models a head was significant: by its units, and by those found without them."""

    name: str
    reads: Sequence[PairRead]
    tables: tuple[pd.DataFrame, pd.DataFrame]  # with the column unit, and without
    units: tuple[str, str]
    models: int = 0
    alarms: list[int] = field(default_factory=lambda: [0, 0])

    def take(self, model: Model) -> None:
        """Measure every pair in one more model, and test."""
        values = _shifts(model, self.reads)
        for n, (table, unit) in enumerate(zip(self.tables, self.units, strict=True)):
            one = arrange(values, table, unit, signed=True, shift=True)
            self.alarms[n] += bool(
                not one.basis.untested and summarize(one.values, sides=one.sides).significant.any()
            )
        self.models += 1


def _shifts(model: Model, reads: Sequence[PairRead]) -> Float[np.ndarray, "pair layer head"]:
    heads = model.heads[model.stacks[0]]
    values = np.zeros((len(reads), len(heads), max(heads)), np.float32)
    for batch in batches(model, reads):
        values[batch] = measure_pairs(model, [reads[n] for n in batch]).heads["shift"]
    return values


def begin(name: str, model: Model) -> Tested:
    """A built-in set, before any model. All of its pairs can be read."""
    pairs = pair_set(name)
    reads = [read for read in read_pairs_for(model, pairs) if isinstance(read, PairRead)]
    assert len(reads) == len(pairs), name
    table = _table(pairs)
    without = table.drop(columns="unit")
    return Tested(name, reads, (table, without), ("unit", found_units(without)[0].name))


def _table(pairs: Sequence[Pair]) -> pd.DataFrame:
    """The columns of a study's pairs that say how they are counted."""
    rows = [
        {"prompt_a": p.prompt_a, "prompt_b": p.prompt_b, "focus": p.focus, "targets": "|".join(p.targets)}
        | dict(p.further)
        for p in pairs
    ]
    return pd.DataFrame(rows)


def run(models: int = MODELS, tell: Callable[[str], object] = print) -> Iterator[list[Tested]]:
    """All sets after every BETWEEN models, and at the end."""
    trained, start = attnlib.load_model("demo/gpt2-biased"), time.perf_counter()
    sets = [begin(name, trained) for name in SETS]
    for seed in range(models):
        copy = random_copy(trained, seed)
        for one in sets:
            one.take(copy)
        if (seed + 1) % BETWEEN == 0 or seed + 1 == models:
            seconds = (time.perf_counter() - start) / (seed + 1)
            tell(f"{seed + 1} of {models} models, {seconds:.0f} s each\n{table_of(sets)}")
            yield sets


def table_of(sets: Sequence[Tested]) -> str:
    """The share of models with a significant head, with its exact binomial 95 % interval (Clopper & Pearson 1934)."""
    rows = [[one.name, one.models, *(_rate(alarms, one.models) for alarms in one.alarms)] for one in sets]
    return statistics.table(["set", "models", "with its units", "without: units found"], rows)


def _rate(found: int, of: int) -> str:
    low, high = stats.binomtest(found, of).proportion_ci()
    return f"{statistics.share(found / of, 3)} [{statistics.share(low, 3)}, {statistics.share(high, 3)}]"


def write(models: int = MODELS) -> None:
    """Run, and renew the guide's table as it goes; say which rates are above what is aimed at."""
    sets: list[Tested] = []
    for found in run(models):
        sets = found
        statistics.write({"untrained": table_of(sets)})
    for one in sets:
        if max(one.alarms) > HIGHEST * one.models:
            print(f"{one.name}: more than {HIGHEST:.0%} of models have a significant head.")


if __name__ == "__main__":
    write(*map(int, sys.argv[1:2]))
