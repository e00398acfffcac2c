"""A bridge and N namespaces on it, built with vnetlearn's verbs, and with what people use otherwise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from vnetlearn import Lab

from .measure import Row, median, seconds
from .tools.star import address

SIZES = (10, 100)
RUNS = 3
HERE = Path(__file__).parent


def rows() -> Iterator[Row]:
    for size in SIZES:
        for engine in ("host", "vm"):
            yield Row(f"star of {size}, vnetlearn on {engine}", median(partial(_ours, engine, size), RUNS), "s")
        for tool in ("floor", "ip", "pyroute2", "mininet"):
            if (python := _python(tool)) is not None:
                built = median(partial(_theirs, python, tool, size), RUNS)
                yield Row(f"star of {size}, {SAYS[tool]}", built, "s")


SAYS = {
    "floor": "raw netlink in batches",
    "ip": "ip -batch",
    "pyroute2": "pyroute2 as in its manual",
    "mininet": "Mininet",
}


def _ours(engine: str, size: int) -> float:
    with Lab("empty", engine=engine) as lab:
        built = seconds(lambda: _build(lab, size))
        if not lab["n0"].ping(address(size - 1), count=1, timeout=5):
            raise AssertionError("the star does not answer")
        return built


def _build(lab: Lab, size: int) -> None:
    lab.link.add("br0", kind="bridge", up=True)
    for i in range(size):
        node = lab.netns.add(f"n{i}")
        lab.link.add(f"v{i}", kind="veth", master="br0", up=True, peer={"name": "eth0", "netns": node})
        node.addr.add(f"{address(i)}/8", dev="eth0")
        node.link.set("eth0", up=True)


def _python(tool: str) -> str | None:
    """The interpreter that can run a tool's script: Mininet belongs to the distribution's, where it is installed."""
    if tool != "mininet":
        return sys.executable
    return "/usr/bin/python3" if shutil.which("mn") and os.geteuid() == 0 else None


def _theirs(python: str, tool: str, size: int) -> float:
    """In network and mount namespaces of its own: these tools write to the namespace that they stand in."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = "floor.py" if tool == "floor" else "star.py"
    argv = ["unshare", *user, "--net", "--mount", python, str(HERE / "tools" / script), tool, str(size)]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return float(json.loads(said.splitlines()[-1])["build_s"])
