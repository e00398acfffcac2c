"""How fast frames can come until some are not recorded, and how soon an explorer shows a picture after a click."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from vnetlearn import Lab, explore
from vnetlearn.explorers.explorer import Explorer

from .measure import Row, median, seconds

# 20,000 packets a second and more; each is seen four times: there and back, out and in
FLOODS = {"host": ("ping -q -f -c 40000 127.0.0.1", 20000.0), "vm": ("ping -q -f -c 2000 127.0.0.1", None)}
RUNS = 3


def rows() -> Iterator[Row]:
    for engine, (flood, wanted) in FLOODS.items():
        with Lab("empty", engine=engine) as lab:
            lab.link.set("lo", up=True)
            with lab.capture() as cap:
                took = seconds(partial(lab.run, flood, quiet=True))
            rate = len(cap.frames) / took
            yield Row(f"frames recorded in a second, {engine}", rate, "1/s")
            lost = cap.dropped / (len(cap.frames) + cap.dropped) * 100
            yield Row(f"of them lost, {engine}", lost, "%", 0.0 if wanted else None)
            if wanted and rate < wanted:
                raise AssertionError(f"the flood was too slow to show anything: {rate:.0f} frames a second")
    for engine in FLOODS:
        explorer = explore("macvlan", engine=engine)
        explorer.wait()
        yield Row(f"click to picture, {engine}", median(partial(_click, explorer), RUNS), "s", 1.0)
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
