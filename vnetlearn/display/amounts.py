"""How numbers look: times, sizes and measured values; never an exponent, and as short as three digits allow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

TIMES = (("ns", 1), ("µs", 10**3), ("ms", 10**6), ("s", 10**9))
SIZES = (("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40))
MOST_DECIMALS = 9  # of a value: what is smaller is shown as 0


def duration(ns: int) -> str:
    """A time of so many nanoseconds in the unit in which it can be read: "999 ns", "12.3 µs", "1 ms", "75 s"."""
    return _in_units(ns, TIMES)


def size(count: int) -> str:
    """So many bytes in the unit in which they can be read: "200 B", "1.5 KiB", "128 MiB"."""
    return _in_units(count, SIZES)


def milliseconds(ms: float, decimals: int = 3) -> str:
    """A time where all have the same unit, as in a column, or in a line of ping(8); without the unit."""
    return f"{ms:.{decimals}f}"


def value(number: float) -> str:
    """A measured value, to three digits: "0.00123", "4.5", "1234567"."""
    decimals = 0
    while decimals < MOST_DECIMALS and abs(number) * 10**decimals < 99.95:
        decimals += 1
    return _short(number, decimals)


def _in_units(count: int, units: Sequence[tuple[str, int]]) -> str:
    """In the first unit in which it has three digits or fewer before the point, rounded as it is shown."""
    for (unit, size), (_, following) in itertools.pairwise(units):
        if float(text := _three(count, size)) * size < following:
            return f"{text} {unit}"
    unit, size = units[-1]
    return f"{_three(count, size)} {unit}"


def _three(count: int, size: int) -> str:
    """`count / size` to three digits, and to whole ones where that is more than three before the point."""
    number = count / size
    return _short(number, 2 if abs(number) < 9.995 else 1 if abs(number) < 99.95 else 0)


def _short(number: float, decimals: int) -> str:
    text = f"{number:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
