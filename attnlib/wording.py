"""Numbers as every sentence and view writes them. Not here: sentences."""

from math import ceil, floor, log10
from typing import SupportsFloat


def number(value: SupportsFloat, places: int = 3) -> str:
    """A number as the views write it: ".213", "1.000", "−.508"; one that rounds to 0 has no sign."""
    text = f"{abs(float(value)):.{places}f}"
    minus = "−" if float(value) < 0 and float(text) else ""
    return minus + text.removeprefix("0" if float(text) < 1 and places else "")


def signed(value: SupportsFloat, places: int = 3) -> str:
    """A difference with its sign: "+.390", "−.508"."""
    return ("−" if float(value) < 0 else "+") + number(abs(float(value)), places)


def power(value: float) -> str:
    """A tiny size, rounded up to one digit: "4 × 10⁻⁷"."""
    exponent = floor(log10(value))
    digit = ceil(value / 10**exponent - 1e-9)
    exponent, digit = (exponent + 1, 1) if digit == 10 else (exponent, digit)
    if exponent >= -2:
        return number(digit * 10.0**exponent, max(0, -exponent))
    return f"{digit} × 10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
