"""Numbers as every sentence writes them, and views/shared/numbers.js in the views. Not here: sentences."""

from math import ceil, floor, isfinite, log10
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float


def number(value: SupportsFloat, places: int = 3) -> str:
    """A number as the views write it: ".213", "1.000", "−.508"; one that rounds to 0 has no sign."""
    text = f"{abs(float(value)):.{places}f}"
    minus = "−" if float(value) < 0 and float(text) else ""
    return minus + text.removeprefix("0" if float(text) < 1 and places else "")


def signed(value: SupportsFloat, places: int = 3) -> str:
    """A difference with its sign: "+.390", "−.508"; ".000" where it rounds to 0."""
    text = number(value, places)
    return text if text[0] == "−" or not float(text) else f"+{text}"


def short_number(value: SupportsFloat) -> str:
    """A number as tables of scores print it: ".93", "−.05", "1.00", "12.3"."""
    return number(value, 2 if abs(float(value)) < 10 else 1)


def two_digits(value: SupportsFloat) -> str:
    """Two digits that count: ".0042", ".13", "1.27"."""
    return number(value, _digits(value))


def signed_digits(value: SupportsFloat) -> str:
    """A difference with two digits that count: "+.13", "−.0042"."""
    return signed(value, _digits(value))


def _digits(value: SupportsFloat) -> int:
    size = abs(float(value))
    return min(6, 1 - floor(log10(size))) if 0 < size < 0.1 else 2 if size < 10 else 1


def percent(share: SupportsFloat, sign: bool = False) -> str:
    """A share: "56%", "−4%"; with `sign` "+56%"."""
    text = f"{abs(float(share)):.0%}"
    minus = float(share) < 0 and text != "0%"
    return ("−" if minus else "+" if sign else "") + text


def power(value: float) -> str:
    """A tiny size, rounded up to one digit: "4 × 10⁻⁷"."""
    exponent = floor(log10(value))
    digit = ceil(value / 10**exponent - 1e-9)
    exponent, digit = (exponent + 1, 1) if digit == 10 else (exponent, digit)
    if exponent >= -2:
        return number(digit * 10.0**exponent, max(0, -exponent))
    return f"{digit} × 10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def interval(mean: float, low: float, high: float, places: int = 3) -> str:
    """A mean with its interval: "+.314 [+.298, +.330]"; alone where there is none."""
    if not (isfinite(low) and isfinite(high)):
        return signed(mean, places)
    return f"{signed(mean, places)} [{signed(low, places)}, {signed(high, places)}]"


def p_value(p: SupportsFloat) -> str:
    """ "p = .012", "p < .001"."""
    return "p < .001" if float(p) < 0.001 else f"p = {number(p)}" if float(p) < 0.9995 else "p = 1"


def places_of(values: Float[np.ndarray, "..."]) -> int:
    """Decimals that leave the largest number at least two digits; three where that is enough."""
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0))
    return 3 if largest == 0 else min(9, max(3, 1 - floor(log10(largest))))


def count(n: int, noun: str) -> str:
    """A number with its noun: "1 pair", "1,200 pairs"."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def duration(seconds: float) -> str:
    """A time in words: "about 20 s", "about 57 min", "about 2.5 h"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def largest(values: Float[np.ndarray, "layer head"], layer: int | None = None) -> tuple[int, int]:
    """The head with the largest size, of all or of one layer; the first if none has a value."""
    size = np.where(np.isfinite(values), np.abs(values), -1)
    if layer is not None:
        return layer, int(size[layer].argmax())
    best, head = np.unravel_index(size.argmax(), size.shape)
    return int(best), int(head)
