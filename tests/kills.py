"""Owners of labs that are killed (`kill -9`) at random moments, and what is left of them: nothing.

Of the suite's short form (test_kills.py) and the long one (`scripts/hammer kills`).
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from labs import python

from vnetlearn.cache import cache_folder
from vnetlearn.engine.guest import image
from vnetlearn.engine.progress import say

# It goes through all that a lab can be busy with, and waits at the end.
OWNER = """
import sys, time
from vnetlearn import Lab
print("begin", flush=True)
engine = sys.argv[1]
lab = Lab(engine=engine)
for n in range(4):
    lab.netns.add(f"n{n}")
    lab.link.add(f"v{n}", kind="veth", peer={"name": f"p{n}", "netns": f"n{n}"}, up=True)
stubborn = [
    "trap '' HUP INT QUIT TERM; while :; do sleep 1; done",
    "setsid setsid sleep 1000 & disown -a; sleep 1000",
    "kill -STOP $$",
    "nohup unshare -n sleep 1000 & sleep 1000",
    "(((sleep 1000 &) &) &); exec sleep 1000",
]
for n, text in enumerate(stubborn):
    lab[f"n{n % 4}"].start(["bash", "-c", text])
lab.host.start(["bash", "--norc", "-i"], tty=(24, 80))
lab.run("touch /tmp/left /dev/shm/left; mkdir -p /tmp/m; mount -t tmpfs none /tmp/m", quiet=True)
second = Lab("empty", engine=engine)
panel = lab.panel()
with lab.capture() as capture:
    lab.ping("192.168.0.1", count=1)
    lab.netns.delete("n3")
    lab.ping_matrix()
    print("whole", flush=True)
    time.sleep(1000)
"""
MARK = "VNETLEARN_KILLED"  # in the environment of an owner, and so of all that it starts


@dataclass
class Killed:
    """What came of so many kills: how long the last process was there after each, and what was left."""

    engine: str
    seed: int
    seconds: list[float] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        took = sorted(self.seconds) or [0.0]
        late = sum(seconds > 2 for seconds in took)
        return (
            f"{self.engine}: {len(self.seconds)} kills (seed {self.seed}): gone after {took[len(took) // 2]:.2f} s"
            f" (median), {took[-1]:.2f} s (longest), {late} later than 2 s; left: {self.left or 'nothing'}"
        )


def kill(engine: str, count: int, seed: int, patience: float = 2.0) -> Iterator[Killed]:
    """Kill so many owners, each at a moment of its own; `patience`: seconds until what is there counts as left.

    The first one is killed when it has done all. What came of them is told after each.
    """
    draw, result = random.Random(seed), Killed(engine, seed)
    if engine == "vm":
        image.ensure(say)
    with _folders() as folders:
        whole = 0.0
        for number in range(count):
            lived = _life(engine, folders, draw.uniform(0, 1.1 * whole) if number else None, result, patience)
            whole = whole or lived
            yield result


def _life(engine: str, folders: Folders, until: float | None, result: Killed, patience: float) -> float:
    """An owner that is killed so many seconds after its beginning (None: when it has done all): how long it lived."""
    mark = f"{os.getpid()}-{len(result.seconds)}-{time.monotonic_ns()}"
    before = folders.names()
    with python(OWNER, engine, env={**os.environ, **folders.environment, MARK: mark}, cwd=folders.work) as owner:
        assert owner.stdout
        assert owner.stderr
        line, began = owner.stdout.readline(), time.monotonic()
        if line and until is None:
            line = owner.stdout.readline()  # or nothing, when it failed
        else:
            time.sleep(until or 0)
        lived = time.monotonic() - began
        owner.kill()
        killed = time.monotonic()
        while (there := _marked(mark)) and time.monotonic() < killed + patience:
            time.sleep(0.01)
        result.seconds.append(time.monotonic() - killed)
        said = "" if there else owner.stderr.read()  # else it would wait for those that hold the pipe
    moment = f"after {lived:.3f} s"
    result.left += [f"{moment}: process {pid} {name}" for pid, name in there.items()]
    result.left += [f"{moment}: {name}" for name in sorted(folders.names() - before)]
    patient = "TimeoutError" not in said and "did not answer" not in said  # a loaded machine: then it died by itself
    if patient and (not line or "Traceback" in said):
        result.left.append(f"{moment}: the owner failed by itself: {(said.strip().splitlines() or ['in silence'])[-1]}")
    return lived


def _marked(mark: str) -> dict[int, str]:
    """The processes that came of an owner, by their environment; those that ended and wait to be reaped have none."""
    found, words = {}, f"{MARK}={mark}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if words in Path("/proc", pid, "environ").read_bytes().split(b"\0"):
                found[int(pid)] = Path("/proc", pid, "comm").read_text().strip()
    return found


@dataclass
class Folders:
    """Where an owner works, and for its temporary files."""

    work: Path
    temporary: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"TMPDIR": str(self.temporary)}

    def names(self) -> set[str]:
        """All files there and in the cache's folder, this computer's mounts, and its named namespaces."""
        files = {str(path) for top in (self.work, self.temporary) for path in top.rglob("*")}
        cached = {str(path) for path in cache_folder().glob("*")}
        mounts = {f"mount {line}" for line in Path("/proc/self/mounts").read_text().splitlines()}
        netns = {f"netns {name}" for name in os.listdir("/run/netns")} if os.path.isdir("/run/netns") else set()
        shared = {name for name in ("/tmp/left", "/dev/shm/left") if os.path.exists(name)}
        return files | cached | mounts | netns | shared


@contextlib.contextmanager
def _folders() -> Iterator[Folders]:
    top = Path(tempfile.mkdtemp(prefix="kills-"))
    folders = Folders(top / "work", top / "temporary")
    try:
        for folder in (folders.work, folders.temporary):
            folder.mkdir()
        yield folders
    finally:
        shutil.rmtree(top)
