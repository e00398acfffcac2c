"""Reading a whole lab against raw dumps of the same, and drawing it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vnetlearn import Lab
from vnetlearn.topology.topology import Topology

from .measure import Effort, Found, Reach, Section, in_turn, median, seconds, times
from .star import build

DUMPS = (Path(__file__).parent / "tools" / "dumps.py").read_text()
ENGINES = {"host": 2.0, "vm": 1.3}
"""How many times as long as raw dumps in the same kernel they may take."""


def _read_rows(effort: Effort) -> dict[str, Reach]:
    found = {}
    for engine, most in ENGINES.items():
        found[f"topology of {effort.namespaces} namespaces, {engine}"] = Reach("s")
        found[f"raw dumps of the same, {engine}"] = Reach("s")
        found[f"topology of {effort.namespaces} namespaces against raw dumps, {engine}"] = Reach("×", most)
    return found


def _read(effort: Effort) -> Iterator[tuple[str, Found]]:
    for engine in ENGINES:
        with Lab("empty", engine=engine) as lab:
            build(lab, effort.namespaces)
            measures = {"ours": partial(seconds, lab.topology), "raw": partial(_raw, lab)}
            took = in_turn(measures, effort.runs)
        yield f"topology of {effort.namespaces} namespaces, {engine}", statistics.median(took["ours"])
        yield f"raw dumps of the same, {engine}", statistics.median(took["raw"])
        ratio = times(took["ours"], took["raw"])
        yield f"topology of {effort.namespaces} namespaces against raw dumps, {engine}", ratio


def _raw(lab: Lab) -> float:
    """By a program in the lab; the first time it does it is not counted, nor is its own start."""
    said = lab.host.run(["python3", "-", "2"], input=DUMPS, quiet=True, check=True).stdout
    return float(said.splitlines()[-1])


def _drawn_rows(effort: Effort) -> dict[str, Reach]:
    return {f"drawing of {links} links": Reach("s", 1.0) for links in effort.drawn}


def _drawn(effort: Effort) -> Iterator[tuple[str, Found]]:
    for links in effort.drawn:
        with Lab("empty", engine="host") as lab:
            build(lab, (links - 1) // 2)
            drawn = median(partial(seconds, partial(_drawing, lab.topology())), effort.runs)
            yield f"drawing of {links} links", drawn


def _drawing(topology: Topology) -> str:
    return topology.draw().svg


SECTIONS = (
    Section(
        "Reading a lab",
        "`lab.topology()` of a star, against a program of standard Python in the same lab (`bench/tools/dumps.py`) that"
        " dumps links, addresses and routes of each namespace and decodes nothing. On vm that program runs in the"
        " guest; vnetlearn asks from outside. In turn; a ratio is the median of the rounds' ratios.",
        _read_rows,
        _read,
    ),
    Section("Drawing it", "From a topology that was read to SVG.", _drawn_rows, _drawn),
)
