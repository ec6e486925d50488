"""Tables as CSV that a spreadsheet opens without running anything."""

from typing import Any

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_csv(table: pd.DataFrame) -> str:
    """A table as CSV in which no text is a formula: a spreadsheet computes cells that begin with = + - @.

    Such a cell, or column name, gets an apostrophe before it; numbers are left alone.
    """
    safe = table.rename(columns=lambda name: _no_formula(str(name)))
    texts = [n for n in range(safe.shape[1]) if not pd.api.types.is_numeric_dtype(safe.dtypes.iloc[n])]
    for n in texts:
        safe.isetitem(n, [_no_formula(cell) for cell in safe.iloc[:, n]])
    return safe.to_csv(index=False, float_format="%.6f")


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
