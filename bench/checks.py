"""How long a learner waits for the verdict on an exercise."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from vnetlearn.exercises import EXERCISES, exercise

from .measure import Effort, Found, Reach, Section, seconds


def _rows(effort: Effort) -> Mapping[str, Reach]:
    return {f"check of an exercise, vm, {which}": Reach("s", 2.0) for which in ("median", "slowest")}


def _checks(effort: Effort) -> Iterator[tuple[str, Found]]:
    last = {name.split("/")[0]: name for name in EXERCISES}  # of each track, which is the hardest
    took = [_check(name) for name in list(last.values())[: effort.checked]]
    yield "check of an exercise, vm, median", statistics.median(took)
    yield "check of an exercise, vm, slowest", max(took)


def _check(name: str) -> float:
    with exercise(name, engine="vm") as attempt:
        attempt.start().run(f"set -e\n{attempt.exercise.solution}", check=True, quiet=True)
        verdict = []
        took = seconds(lambda: verdict.append(attempt.check()))
        assert verdict[0].state == "solved", verdict
        return took


SECTIONS = (
    Section(
        "A verdict",
        "`check()` of the last exercise of each track after its solution has been run: all pings that are to be"
        " answered are, and what must not arrive is waited for.",
        _rows,
        _checks,
    ),
)
