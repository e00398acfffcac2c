"""One row of the table, and the few ways to get its number."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from vnetlearn.display.amounts import value


@dataclass(frozen=True)
class Row:
    """What was measured, in `unit`; `wanted` is the reach that it must keep (None: for comparison)."""

    name: str
    measured: float
    unit: str
    wanted: float | None = None

    @property
    def verdict(self) -> str:
        return "" if self.wanted is None else "ok" if self.measured <= self.wanted else "over"

    def cells(self) -> list[str]:
        wanted = "" if self.wanted is None else value(self.wanted)
        return [self.name, value(self.measured), wanted, self.unit, self.verdict]


def median(measure: Callable[[], float], runs: int) -> float:
    return statistics.median(measure() for _ in range(runs))


def seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def fresh(code: str) -> float:
    """The number that `code` prints in an interpreter of its own, which keeps compiled modules as usual."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def fresh_seconds(code: str, before: str = "") -> float:
    """How long `code` takes in an interpreter of its own, after `before`."""
    return fresh(f"import time\n{before}\nstart = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)")
