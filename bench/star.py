"""A bridge and N namespaces on it: built with vnetlearn's verbs and with what people use otherwise; and its end."""

from __future__ import annotations

import functools
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vnetlearn import Lab

from .measure import Effort, Found, LeftOut, Reach, Section, in_turn, median, seconds, times
from .tools.star import address

HERE = Path(__file__).parent
ENGINES = ("host", "vm")


@dataclass(frozen=True)
class Ours:
    """One of our ways to build it, and how many times as long as raw netlink on the running kernel it may take."""

    engine: str
    batch: bool
    most: float | None = None


WAYS = {
    "plain verbs on host": Ours("host", False),
    "lab.batch() on host": Ours("host", True, 1.5),
    "plain verbs on vm": Ours("vm", False),
    "lab.batch() on vm": Ours("vm", True, 8.0),
}
RAW = "raw netlink in batches"


@dataclass(frozen=True)
class Peer:
    """What else builds the star: the script that does, how it is called there, and by which interpreter."""

    script: str
    tool: str
    python: str = sys.executable
    programs: tuple[tuple[str, str], ...] = ()
    """The programs that it needs, each with the package that brings it."""
    root: bool = False

    def build(self, size: int) -> float:
        """In network and mount namespaces of its own: these tools write to the namespace that they stand in."""
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        argv = ["unshare", *user, "--net", "--mount", self.python, str(HERE / "tools" / self.script), self.tool]
        said = subprocess.run([*argv, str(size)], check=True, capture_output=True, text=True).stdout
        return float(json.loads(said.splitlines()[-1])["build_s"])

    @functools.cached_property
    def why_not(self) -> str:
        """Why this machine cannot run it, or ""; in the end by trying."""
        for program, package in self.programs:
            if not shutil.which(program):
                return f"{program} (package {package}) is not installed"
        if self.root and os.geteuid() != 0:
            return "it needs root"
        try:
            self.build(2)
        except (OSError, subprocess.CalledProcessError) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            return (said.strip().splitlines() or [str(error)])[-1]
        return ""


DISTRIBUTION = "/usr/bin/python3"  # Mininet is a package of its
PEERS = {
    RAW: Peer("floor.py", "floor"),
    "ip -batch": Peer("star.py", "ip", programs=(("ip", "iproute2"),)),
    "pyroute2 as in its manual": Peer("star.py", "pyroute2"),
    "Mininet": Peer("star.py", "mininet", DISTRIBUTION, (("mn", "mininet"), ("brctl", "bridge-utils")), root=True),
}


def _star_rows(effort: Effort) -> dict[str, Reach]:
    found = {}
    for size in effort.stars:
        for name, way in WAYS.items():
            found[f"star of {size}, {name}"] = Reach("s")
            found[f"star of {size}, {name} against {RAW}"] = Reach("×", way.most)
        for peer in PEERS:
            found[f"star of {size}, {peer}"] = Reach("s")
            if peer != RAW:
                found[f"star of {size}, {peer} against {RAW}"] = Reach("×")
    return found


def _stars(effort: Effort) -> Iterator[tuple[str, Found]]:
    for size in effort.stars:
        builders: dict[str, Callable[[], float]] = {
            name: partial(peer.build, size) for name, peer in PEERS.items() if not peer.why_not
        }
        builders |= {name: partial(ours, way, size) for name, way in WAYS.items()}
        took = in_turn(builders, effort.runs)
        for name in [*WAYS, *PEERS]:
            missing = PEERS[name].why_not if name in PEERS else ""
            yield f"star of {size}, {name}", LeftOut(missing) if missing else statistics.median(took[name])
            if name != RAW:
                missing = missing or PEERS[RAW].why_not
                ratio = LeftOut(missing) if missing else times(took[name], took[RAW])
                yield f"star of {size}, {name} against {RAW}", ratio


def ours(way: Ours, size: int) -> float:
    with Lab("empty", engine=way.engine) as lab:
        took = seconds(partial(build_at_once if way.batch else build, lab, size))
        if not lab["n0"].ping(address(size - 1), count=1, timeout=5):
            raise AssertionError("the star does not answer")
        return took


def build(lab: Lab, size: int) -> None:
    lab.link.add("br0", kind="bridge", up=True)
    for i in range(size):
        node = lab.netns.add(f"n{i}")
        lab.link.add(f"v{i}", kind="veth", master="br0", up=True, peer={"name": "eth0", "netns": node})
        node.addr.add(f"{address(i)}/8", dev="eth0")
        node.link.set("eth0", up=True)


def build_at_once(lab: Lab, size: int) -> None:
    with lab.batch():
        build(lab, size)


def _end_rows(effort: Effort) -> dict[str, Reach]:
    size = effort.namespaces
    return {
        f"{what}, {engine}": Reach("s")
        for engine in ENGINES
        for what in (f"end of a lab with a star of {size}", f"deleting {size} namespaces of a star")
    }


def _ends(effort: Effort) -> Iterator[tuple[str, Found]]:
    size = effort.namespaces
    for engine in ENGINES:
        yield f"end of a lab with a star of {size}, {engine}", median(partial(_closed, engine, size), effort.runs)
        yield f"deleting {size} namespaces of a star, {engine}", median(partial(_emptied, engine, size), effort.runs)


def _closed(engine: str, size: int) -> float:
    lab = Lab("empty", engine=engine)
    build(lab, size)
    return seconds(lab.close)


def _emptied(engine: str, size: int) -> float:
    with Lab("empty", engine=engine) as lab:
        build(lab, size)
        return seconds(partial(_delete_all, lab))


def _delete_all(lab: Lab) -> None:
    for node in lab.nodes:
        if node.name:
            lab.netns.delete(node)


SECTIONS = (
    Section(
        "A star",
        "A bridge, and N namespaces on it with a cable and an address each, built by plain verbs, and by the same"
        " verbs in `with lab.batch():`; a ping across it must answer. Beside it, each round in turn, the same by what"
        " people use otherwise, in namespaces of this machine's own kernel. `raw netlink in batches` is the limit: one"
        " process, several messages in one send, indices chosen by the sender, nothing checked. What vm takes is"
        " compared with that same limit, outside of any guest. A ratio is the median of the rounds' ratios.",
        _star_rows,
        _stars,
    ),
    Section(
        "Its end",
        "Until `close()` of a lab with a star has come back, when all of it has ended; and one namespace after the"
        " other deleted with `lab.netns.delete`.",
        _end_rows,
        _ends,
    ),
)
