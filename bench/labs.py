"""What a lab costs: its start, its requests, its memory, its idleness."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import psutil

from vnetlearn import Lab

from .measure import Effort, Found, Reach, Section, fresh_seconds, median, seconds

ENGINES = ("host", "vm")
IMPORTS = {"import vnetlearn": 0.08, "from vnetlearn import Lab": 0.08}
# What is wanted on host and on vm
FIRST_ANSWER = {"host": 0.1, "vm": 0.6}
WORLD_READY = {"host": None, "vm": 0.25}
REQUESTS: Mapping[str, Mapping[str, float | None]] = {
    "link.set": {"host": 0.15, "vm": 1.0},
    "link.show": {"host": None, "vm": None},
    'run("true")': {"host": None, "vm": 30.0},
    "ping, one request": {"host": None, "vm": 20.0},
}


def _import_rows(effort: Effort) -> dict[str, Reach]:
    return {line: Reach("s", most) for line, most in IMPORTS.items()}


def _imports(effort: Effort) -> Iterator[tuple[str, Found]]:
    for line in IMPORTS:
        yield line, median(partial(fresh_seconds, line), 3 * effort.runs)


def _start_rows(effort: Effort) -> dict[str, Reach]:
    found = {}
    for engine in ENGINES:
        found[f"first netlink answer, {engine}"] = Reach("s", FIRST_ANSWER[engine])
        found[f'world "host" ready, {engine}'] = Reach("s", WORLD_READY[engine])
        found[f"end of an empty lab, {engine}"] = Reach("s")
    return found


def _starts(effort: Effort) -> Iterator[tuple[str, Found]]:
    for engine in ENGINES:

        def start(code: str) -> float:
            return median(lambda: fresh_seconds(code, "from vnetlearn import Lab"), effort.runs)

        first = start(f"lab = Lab('empty', engine={engine!r}); lab.link.show()")
        yield f"first netlink answer, {engine}", first
        yield f'world "host" ready, {engine}', start(f"lab = Lab(engine={engine!r})")
        ended = median(lambda: seconds(Lab("empty", engine=engine).close), effort.runs)  # noqa: B023
        yield f"end of an empty lab, {engine}", ended


def _request_rows(effort: Effort) -> dict[str, Reach]:
    return {f"{what}, {engine}": Reach("ms", most[engine]) for engine in ENGINES for what, most in REQUESTS.items()}


def _requests(effort: Effort) -> Iterator[tuple[str, Found]]:
    for engine in ENGINES:
        with Lab(engine=engine) as lab:
            gateway = lab["gateway"]
            actions: dict[str, Callable[[], object]] = {
                "link.set": partial(lab.link.set, "lo", up=True),
                "link.show": lab.link.show,
                'run("true")': partial(lab.run, "true", quiet=True),
                "ping, one request": partial(gateway.ping, lab.host, count=1),
            }
            for what, do in actions.items():
                yield f"{what}, {engine}", 1000 * median(partial(seconds, do), effort.requests)


def _many_rows(effort: Effort) -> dict[str, Reach]:
    found = {}
    for engine, megabytes, percent in (("host", None, None), ("vm", 80.0, 0.3)):
        found[f"memory of each of {effort.labs} labs, {engine}"] = Reach("MB", megabytes)
        found[f"idle load of each of {effort.labs} labs, {engine}"] = Reach("% CPU", percent)
    return found


def _many(effort: Effort) -> Iterator[tuple[str, Found]]:
    """The proportional set size counts what is shared once: what the first lab needs alone is left out."""
    for engine in ENGINES:
        with contextlib.ExitStack() as labs:
            labs.enter_context(Lab(engine=engine)).ping_matrix()
            one = _megabytes()
            for _ in range(effort.labs - 1):
                labs.enter_context(Lab(engine=engine)).ping_matrix()
            yield f"memory of each of {effort.labs} labs, {engine}", (_megabytes() - one) / (effort.labs - 1)
            time.sleep(effort.idle / 2)
            start = _cpu_seconds()
            time.sleep(effort.idle)
            load = (_cpu_seconds() - start) / effort.idle / effort.labs
            yield f"idle load of each of {effort.labs} labs, {engine}", 100 * load


def _processes() -> list[psutil.Process]:
    """This one and all that it started."""
    return [psutil.Process(), *psutil.Process().children(recursive=True)]


def _megabytes() -> float:
    return float(sum(process.memory_full_info().pss for process in _processes())) / 1e6


def _cpu_seconds() -> float:
    times = [process.cpu_times() for process in _processes()[1:]]
    return float(sum(one.user + one.system for one in times))


SECTIONS = (
    Section(
        "Loading",
        "One line in an interpreter of its own, of which only that line's time counts; modules are compiled already.",
        _import_rows,
        _imports,
    ),
    Section(
        "A lab's start and end",
        "In an interpreter of its own each, in which nothing was tried or remembered yet and vnetlearn is imported:"
        " until `link.show()` of an empty lab has answered, and until the world `host` (machines on a switch) stands.",
        _start_rows,
        _starts,
    ),
    Section(
        "Verbs and programs",
        "In the world `host`: `link.set('lo', up=True)`, `link.show()` of four links, `run('true')`, and a ping of one"
        " request from `gateway` to `host`.",
        _request_rows,
        _requests,
    ),
    Section(
        "Many labs at once",
        "Labs of the world `host` in which everybody has pinged everybody. Memory is what each after the first adds to"
        " the proportional set sizes of all processes, this one included. The idle load is the processor time of all"
        " their processes while nobody asks anything, in percent of one core, for each.",
        _many_rows,
        _many,
    ),
)
