"""Mean and interval of numbers that come in batches, in constant memory."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats

from attnlib.stats.resampling import FEWEST_UNITS


@dataclass
class Moments:
    """Sums of numbers that are not kept: for means and intervals over any number of texts. NaN counts for nothing."""

    count: np.ndarray | float = 0.0
    total: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def add(self, values: Float[np.ndarray, "text ..."]) -> None:
        """Numbers of more texts."""
        self.count = self.count + np.isfinite(values).sum(0)
        self.total = self.total + np.nansum(values, 0)
        self.squares = self.squares + np.nansum(values**2, 0)

    @property
    def mean(self) -> Float[np.ndarray, "..."]:
        """The mean; NaN if there is no number."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.total / np.asarray(self.count, np.float64))

    @property
    def reach(self) -> Float[np.ndarray, "..."]:
        """Half the 95 % t interval of the mean; NaN for fewer than FEWEST_UNITS numbers."""
        count = np.asarray(self.count, np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = np.maximum(self.squares - self.total * self.mean, 0) / (count - 1)
            quantile = stats.t.ppf(0.975, np.maximum(count - 1, 1))
            return np.where(count >= FEWEST_UNITS, quantile * np.sqrt(variance / count), np.nan)
