"""What is measured: sections of rows, how thoroughly, and the few ways to get a number."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from vnetlearn.display.amounts import value


@dataclass(frozen=True)
class LeftOut:
    """In place of a number: why there is none."""

    why: str


Found = float | LeftOut


@dataclass(frozen=True)
class Reach:
    """The unit of a row, and the most that is wanted (None: it is there to be compared with)."""

    unit: str
    wanted: float | None = None


@dataclass(frozen=True)
class Effort:
    """How thoroughly it is measured."""

    runs: int
    stars: tuple[int, ...]
    """Namespaces on a bridge."""
    namespaces: int
    """In the labs that are read, closed and emptied."""
    labs: int
    """On vm at once."""
    idle: float
    """Seconds in which nobody asks anything."""
    drawn: tuple[int, ...]
    """Links in a picture."""
    requests: int
    """Of each kind."""
    pings: int
    """Of a flood on host; a twentieth of them on vm."""
    checked: int
    """Exercises, each of another track."""


FULL = Effort(3, (10, 100, 500), 100, 30, 10.0, (10, 30, 60), 100, 40000, 99)
QUICK = Effort(1, (2,), 2, 2, 0.2, (3,), 1, 100, 1)


@dataclass(frozen=True)
class Section:
    """Rows that are measured together. `measure` gives a number for each of `rows`, by its name."""

    title: str
    how: str
    """In words: what is done, and what it is compared with."""
    rows: Callable[[Effort], Mapping[str, Reach]]
    measure: Callable[[Effort], Iterator[tuple[str, Found]]]
    long: bool = False
    """Whether it takes so long that it has to be asked for."""


@dataclass(frozen=True)
class Row:
    """A row of the table, measured."""

    name: str
    found: Found
    reach: Reach

    @property
    def verdict(self) -> str:
        if isinstance(self.found, LeftOut):
            return f"left out: {self.found.why}"
        if self.reach.wanted is None:
            return ""
        return "ok" if self.found <= self.reach.wanted else "over"

    def cells(self) -> list[str]:
        measured = "" if isinstance(self.found, LeftOut) else value(self.found)
        wanted = "" if self.reach.wanted is None else value(self.reach.wanted)
        return [self.name, measured, wanted, self.reach.unit, self.verdict]


def rows(section: Section, effort: Effort) -> Iterator[Row]:
    """Measure a section. What it measures is what it says."""
    wanted = section.rows(effort)
    missing = set(wanted)
    for name, found in section.measure(effort):
        missing.remove(name)
        yield Row(name, found, wanted[name])
    assert not missing, missing


def in_turn(measures: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """Each measured `runs` times, one after the other in every round, so that all see the same moods of the machine."""
    rounds = [{name: measure() for name, measure in measures.items()} for _ in range(runs)]
    return {name: [one[name] for one in rounds] for name in measures}


def times(many: list[float], others: list[float]) -> float:
    """How many times as long one took as the other, in the middle of the rounds."""
    return statistics.median(one / other for one, other in zip(many, others, strict=True))


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
