"""How fast frames can come until some are not recorded, and how soon an explorer shows a picture after a click."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from vnetlearn import Lab, explore
from vnetlearn.explorers.explorer import Explorer

from .measure import Effort, Found, Reach, Section, median, seconds

ENGINES = ("host", "vm")
RATE = 20000
"""Frames a second which a flood has to reach on host to say something. Each packet is seen four times: there and back,
out and in."""


def _flood_rows(effort: Effort) -> dict[str, Reach]:
    found = {}
    for engine in ENGINES:
        found[f"frames recorded in a second, {engine}"] = Reach("1/s")
        found[f"of them lost, {engine}"] = Reach("%", 0.0 if engine == "host" else None)
    return found


def _floods(effort: Effort) -> Iterator[tuple[str, Found]]:
    for engine, count in zip(ENGINES, (effort.pings, effort.pings // 20), strict=True):
        with Lab("empty", engine=engine) as lab:
            lab.link.set("lo", up=True)
            with lab.capture() as cap:
                took = seconds(partial(lab.run, f"ping -q -f -c {count} 127.0.0.1", quiet=True))
            rate = len(cap.frames) / took
            yield f"frames recorded in a second, {engine}", rate
            yield f"of them lost, {engine}", cap.dropped / (len(cap.frames) + cap.dropped) * 100
            if engine == "host" and rate < RATE and count > RATE:
                raise AssertionError(f"the flood was too slow to show anything: {rate:.0f} frames a second")


def _click_rows(effort: Effort) -> dict[str, Reach]:
    return {f"click to picture, {engine}": Reach("s", 1.0) for engine in ENGINES}


def _clicks(effort: Effort) -> Iterator[tuple[str, Found]]:
    for engine in ENGINES:
        explorer = explore("macvlan", engine=engine)
        explorer.wait()
        yield f"click to picture, {engine}", median(partial(_click, explorer), effort.runs)
        explorer.close()


def _click(explorer: Explorer) -> float:
    """Until the picture is there; the pings go on after that."""
    before = explorer.picture

    def until_drawn() -> None:
        explorer.apply()
        while explorer.picture is before:
            time.sleep(0.005)

    took = seconds(until_drawn)
    explorer.wait()
    return took


SECTIONS = (
    Section("Recording", "A flood of pings on the loopback link while all is recorded.", _flood_rows, _floods),
    Section(
        "Exploring",
        "From the explorer's `apply` until its picture is there: a new lab, built and drawn.",
        _click_rows,
        _clicks,
    ),
)
