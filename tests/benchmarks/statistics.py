"""How often a study's statistics are right: simulated studies whose truth is known. Not here: how fast they are.

`python -m tests.benchmarks.statistics` simulates everything (an hour on one core) and writes the tables of
docs/statistics.md; `… shifts` prints the table of attnlib/power.py.
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy import optimize, stats

from attnlib.stats.groups import correlate
from attnlib.stats.power import smallest_effect
from attnlib.stats.resampling import Sample, mean_tests

REPORT = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
Numbers = Float[np.ndarray, "unit head"]
Draw = Callable[[np.random.Generator, tuple[int, int]], Numbers]
DATA: dict[str, Draw] = {  # all with mean 0
    "normal": lambda rng, size: rng.normal(size=size),
    "t3": lambda rng, size: rng.standard_t(3, size),
    "exponential": lambda rng, size: rng.exponential(size=size) - 1,
    "lognormal": lambda rng, size: rng.lognormal(size=size) - np.exp(0.5),
}
SHAPES = ((10, 16), (20, 16), (20, 64), (50, 64))  # units x heads
UNITS = (6, 8, 10, 15, 20, 50)
POWERED = tuple((units, heads) for units in (10, 12, 20, 50) for heads in (16, 64, 144))
ITEMS = (6, 8, 10, 20, 50)
CORRELATIONS = (0, 0.5, 0.95)
HEADS = (1, 4, 16, 64, 256, 1024)
SIZES = (6, 8, 10, 12, 15, 20, 30, 50, 100, 500)


def error(units: int, heads: int, data: str, studies: int, draws: int = 399) -> float:
    """Share of studies of nothing in which any head is significant."""
    rng, found = np.random.default_rng([units, heads, *data.encode()]), 0
    for seed in range(studies):
        numbers = DATA[data](rng, (units, heads))
        (tested,) = mean_tests([Sample(numbers)], 0.05, draws, seed)
        found += bool((tested.p_corrected <= 0.05).any())
    return found / studies


def coverage(units: int, data: str, intervals: int, draws: int = 999) -> float:
    """Share of 95 % intervals that hold the mean; 50 heads share their draws."""
    rng, held = np.random.default_rng([units, *data.encode()]), 0
    for seed in range(intervals // 50):
        numbers = DATA[data](rng, (units, 50))
        (found,) = mean_tests([Sample(numbers)], 0.05, draws, seed)
        held += int(((found.low <= 0) & (found.high >= 0)).sum())
    return held / (intervals // 50 * 50)


def power(units: int, heads: int, studies: int, effect: float | None = None, draws: int = 399) -> float:
    """Share of studies of normal numbers in which a head with this effect is found (default: smallest_effect)."""
    rng, found = np.random.default_rng([units, heads]), 0
    size = smallest_effect(units, heads) if effect is None else effect
    for seed in range(studies):
        numbers = rng.normal(size=(units, heads))
        numbers[:, 0] += size
        (tested,) = mean_tests([Sample(numbers)], 0.05, draws, seed)
        found += bool(tested.p_corrected[0] <= 0.05)
    return found / studies


def correlated(items: int, rho: float, intervals: int, draws: int = 999) -> tuple[float, float]:
    """Of normal items with this correlation: share of intervals that hold it, and of p at most .05."""
    rng, held, passed = np.random.default_rng([items, round(100 * rho)]), 0, 0
    for seed in range(intervals):
        x = rng.normal(size=items)
        found = correlate(x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=items), draws=draws, seed=seed)
        held += found.low <= rho <= found.high
        passed += found.p <= 0.05
    return held / intervals, passed / intervals


# ---------------------------------------------------------------------------------------------- the table of power


def shifts(units: int, heads: int, draws: int = 999) -> tuple[float, float]:
    """The mean, in standard errors of known spread, that one of so many heads shows with 50 and 80 % power.

    With normal numbers the mean does not depend on what the draws are made of, the centred numbers: given
    those, the power is Φ(shift − c · sd) + Φ(−shift − c · sd), c being the |t| that must be passed; this is its mean.
    """
    rng, limits = np.random.default_rng([units, heads]), []
    for seed in range(max(8, min(300, 3_000 // units, 10_000 // heads))):
        sample = Sample(rng.normal(size=(units, heads)))
        (found,) = mean_tests([sample], 0.05, draws, seed)
        limits.append(found.critical * sample.sd[:16])
    limit = np.concatenate(limits)

    def passing(shift: float) -> float:
        return float(np.mean(stats.norm.cdf(shift - limit) + stats.norm.cdf(-shift - limit)))

    half, most = (
        float(optimize.brentq(lambda shift, power=power: passing(shift) - power, 0, 1e4)) for power in (0.5, 0.8)
    )
    return half, most


def print_shifts() -> None:
    for units in SIZES:
        cells = (shifts(units, heads) for heads in HEADS)
        print(f"    {units}: (" + ", ".join(f"({half:.3f}, {most:.3f})" for half, most in cells) + "),", flush=True)


# ---------------------------------------------------------------------------------------------- tables of the guide


def run(studies: int = 5_000) -> dict[str, str]:
    """Every table of the guide by its name, as Markdown."""
    return {
        "error": error_table({(*shape, data): error(*shape, data, studies) for shape in SHAPES for data in DATA}),
        "coverage": coverage_table({(n, data): coverage(n, data, studies) for n in UNITS for data in DATA}),
        "power": power_table({shape: power(*shape, studies // 5) for shape in POWERED}),
        "correlation": correlation_table(
            {(n, rho): correlated(n, rho, studies // 5)[0] for n in ITEMS for rho in CORRELATIONS}
        ),
    }


def error_table(found: dict[tuple[int, int, str], float]) -> str:
    rows = [[f"{n} x {heads}", *(share(found[n, heads, data], 3) for data in DATA)] for n, heads in SHAPES]
    return table(["units x heads", *DATA], rows)


def coverage_table(found: dict[tuple[int, str], float]) -> str:
    return table(["units", *DATA], [[n, *(share(found[n, data]) for data in DATA)] for n in UNITS])


def power_table(found: dict[tuple[int, int], float]) -> str:
    heads = sorted({heads for _, heads in POWERED})
    rows = [[n, *(share(found[n, many]) for many in heads)] for n in sorted({n for n, _ in POWERED})]
    return table(["units", *(f"{many} heads" for many in heads)], rows)


def correlation_table(found: dict[tuple[int, float], float]) -> str:
    rows = [[n, *(share(found[n, rho]) for rho in CORRELATIONS)] for n in ITEMS]
    return table(["items", *(f"r = {rho:g}" for rho in CORRELATIONS)], rows)


def share(value: float, places: int = 2) -> str:
    return f"{value:.{places}f}".removeprefix("0")


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write(tables: dict[str, str]) -> None:
    """Put tables into the guide, each behind the comment with its name."""
    text = REPORT.read_text("utf-8")
    for name, table in tables.items():
        text = re.sub(rf"(<!-- {name} -->\n)(?:\|.*\n)*", lambda mark, table=table: f"{mark[1]}{table}\n", text)
    REPORT.write_text(text, "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["shifts"]:
        print_shifts()
    else:
        write(run())
