"""What a lab costs: its start and end, its requests, its memory, its idleness."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from functools import partial

import psutil

from vnetlearn import Lab

from .measure import Row, fresh_seconds, median, seconds

FIRST_ANSWER_SECONDS = {"host": 0.1, "vm": 0.6}
IDLE_SECONDS = 6.0
LABS = 8


def imports() -> Iterator[Row]:
    for line in ("import vnetlearn", "from vnetlearn import Lab"):
        yield Row(line, median(partial(fresh_seconds, line), 5), "s", 0.2)


def starts(engine: str) -> Iterator[Row]:
    """In an interpreter of its own each, where nothing was tried or remembered yet."""

    def start(code: str) -> float:
        return median(lambda: fresh_seconds(code, "from vnetlearn import Lab"), 5)

    first = start(f"lab = Lab('empty', engine={engine!r}); lab.link.show()")
    yield Row(f"first netlink answer, {engine}", first, "s", FIRST_ANSWER_SECONDS[engine])
    yield Row(f'world "host" ready, {engine}', start(f"lab = Lab(engine={engine!r})"), "s")
    yield Row(f"end of a lab, {engine}", median(lambda: seconds(Lab("empty", engine=engine).close), 5), "s")


def requests(engine: str) -> Iterator[Row]:
    with Lab(engine=engine) as lab:
        gateway = lab["gateway"]
        for what, do, runs in (
            ("link.set", lambda: lab.link.set("lo", up=True), 101),
            ("link.show", lambda: lab.link.show(), 51),
            ('run("true")', lambda: lab.run("true", quiet=True), 21),
            ("ping, one request", lambda: gateway.ping(lab.host, count=1), 11),
        ):
            yield Row(f"{what}, {engine}", 1000 * median(partial(seconds, do), runs), "ms")


def memory(engine: str) -> Iterator[Row]:
    """The proportional set size (what is shared is counted once) that each lab after the first adds."""
    with contextlib.ExitStack() as labs:
        labs.enter_context(Lab(engine=engine)).ping_matrix()
        one = _megabytes()
        for _ in range(LABS - 1):
            labs.enter_context(Lab(engine=engine)).ping_matrix()
        each = (_megabytes() - one) / (LABS - 1)
        yield Row(f"memory of each of {LABS - 1} further labs, {engine}", each, "MB", 120 if engine == "vm" else None)


def idle(engine: str) -> Iterator[Row]:
    """The processor time of a lab's processes while nobody asks it anything, in percent of one core."""
    with Lab(engine=engine) as lab:
        lab.ping_matrix()
        lab.run(["true"])
        start = _cpu_seconds()
        time.sleep(IDLE_SECONDS)
        yield Row(f"idle lab, {engine}", 100 * (_cpu_seconds() - start) / IDLE_SECONDS, "% CPU", 1)


def _processes() -> list[psutil.Process]:
    """This one and all that it started."""
    return [psutil.Process(), *psutil.Process().children(recursive=True)]


def _megabytes() -> float:
    return float(sum(process.memory_full_info().pss for process in _processes())) / 1e6


def _cpu_seconds() -> float:
    times = [process.cpu_times() for process in _processes()[1:]]
    return float(sum(one.user + one.system for one in times))
