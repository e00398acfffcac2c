"""Labs for the tests, on both engines, and what to look at around them."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from vnetlearn import Lab, Node
from vnetlearn.engine import host
from vnetlearn.errors import VnetlearnError, few_lines
from vnetlearn.iproute import Link

ROOT = Path(__file__).parent.parent
_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=["host", "vm"])
def engine(request: pytest.FixtureRequest) -> str:
    """Both engines, one after the other. Only `host` may be missing, where this machine gives no namespaces."""
    if request.param == "host":
        need_namespaces()
    return str(request.param)


@pytest.fixture
def lab(engine: str) -> Iterator[Lab]:
    """An empty lab for one test alone."""
    with Lab("empty", engine=engine) as lab:
        yield lab


@pytest.fixture(scope="module")
def machine(engine: str) -> Iterator[Lab]:
    """A lab of the world `host` for the tests of a module that only look, or clean up what they made."""
    with Lab(engine=engine) as lab:
        yield lab


@pytest.fixture(scope="module")
def shared(engine: str) -> Iterator[Lab]:
    """An empty lab for the tests of a module that keep to namespaces of their own."""
    with Lab("empty", engine=engine) as lab:
        yield lab


@pytest.fixture
def node(shared: Lab) -> Iterator[Node]:
    """A fresh namespace in `shared`."""
    node = shared.netns.add(f"n{next(_numbers)}")
    yield node
    if node.name in shared.netns:
        shared.netns.delete(node)


def draws(count: int) -> int:
    """How many random examples a test draws: so many in the suite, a multiple of it in `scripts/hammer soak`."""
    return count * int(os.environ.get("VNETLEARN_HAMMER", "1"))


# What a test may be left out for: these three, and nothing else in the whole suite (test_house.py)


def need_namespaces() -> None:
    """Of the engine `host`."""
    given, why, _ = host.available()
    if not given:
        pytest.skip(f"this machine gives no namespaces: {why}")


def need(lab: Lab, *kinds: str) -> None:
    """Device types, of this lab's kernel; the guest's has all that no hardware is needed for."""
    missing = [kind for kind in kinds if not able(lab, kind)]
    assert not missing or lab.engine == "host", missing
    need_of_kernel(", ".join(missing), not missing)


def need_of_kernel(what: str, there: bool) -> None:
    """Something else that other kernels have."""
    if not there:
        pytest.skip(f"this machine's kernel has no {what}")


def able(lab: Lab, kind: str) -> bool:
    """Whether this lab's kernel creates a kind: tried by the real `ip` in a namespace that ends at once."""
    from vnetlearn.kinds import KINDS
    from vnetlearn.lab.choice import host_kinds

    return not KINDS[kind].hardware if lab.engine == "vm" else kind in host_kinds()


def lesson(error: VnetlearnError) -> VnetlearnError:
    """An error that says all that it should: what was tried, what was answered, why, what to do next."""
    missing = [part for part in ("tried", "said", "why", "next_step") if not getattr(error, part)]
    assert not missing, f"{missing} missing in {error!r}"
    for part in (error.tried, error.said, error.why, error.next_step):
        assert few_lines(part) in str(error)
    return error


def contents(lab: Lab) -> dict[str, tuple[list[str], list[str], list[str]]]:
    """All that the verbs can see in a lab, but for what IPv6 makes itself; equal before and after something refused."""
    return {
        node.name: (
            sorted(
                str(dataclasses.astuple(dataclasses.replace(link, state="", flags=set_by_ip(link))))
                for link in node.link.show()
            ),
            sorted(f"{addr} {addr.dev}" for addr in node.addr.show() if not addr.local.startswith("fe80")),
            sorted(
                str(dataclasses.astuple(dataclasses.replace(route, flags=())))  # of which linkdown comes a moment later
                for route in node.route.show(table="all", family=4)  # IPv6 adds some when it likes
            ),
        )
        for node in lab.nodes
    }


def set_by_ip(link: Link) -> tuple[str, ...]:
    """Its flags without those that follow what is at the other end, a moment later."""
    return tuple(flag for flag in link.flags if flag not in ("LOWER_UP", "DORMANT"))


def python(
    code: str,
    *arguments: object,
    before: Sequence[str] = (),
    preexec_fn: Callable[[], object] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[str]:
    """A Python of its own that runs `code`, started by the command `before`; its streams are pipes of text."""
    command, pipe = [*before, sys.executable, "-c", code, *map(str, arguments)], subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=preexec_fn, env=env, cwd=cwd
    )


# Root covers the folders above Python and the package that others may not pass, in a mount namespace of its own.
AS_ANOTHER = """
import os, subprocess, sys
kept = {path: os.open(path, os.O_PATH) for path in sys.argv[1].split(":")}
for path in kept:
    parts = path.split("/")
    for above in ["/".join(parts[:n]) for n in range(2, len(parts))]:
        if os.path.isdir(above) and not os.stat(above).st_mode & 1:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", above], check=True)
for path, fd in kept.items():
    if not os.path.isdir(path):
        os.makedirs(path)
        subprocess.run(["mount", "--no-canonicalize", "--bind", f"/proc/{os.getpid()}/fd/{fd}", path], check=True)
os.execvp("setpriv", ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--", *sys.argv[2:]])
"""


def as_another(folder: Path) -> list[str]:
    """What starts a program of root's as an ordinary user, to whom it gives the folder."""
    os.chown(folder, 65534, 65534)
    needed = {str(Path(path).resolve()) for path in (sys.prefix, sys.base_prefix, ROOT, folder)}
    return ["unshare", "--mount", "--", sys.executable, "-c", AS_ANOTHER, ":".join(sorted(needed))]


def vnetlearn(*words: str, input: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The command `vnetlearn WORDS…`, as a process of its own."""
    command = [sys.executable, "-m", "vnetlearn.cli", *words]
    return subprocess.run(command, input=input, capture_output=True, text=True, env={**os.environ, **env}, timeout=300)


def under(pid: int | None = None) -> list[psutil.Process]:
    """All processes that this one (or `pid`) started, and theirs."""
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


def that_run(word: str, pid: int | None = None) -> list[psutil.Process]:
    """Those of `under()` whose command line has the word somewhere. What ends meanwhile is none of them."""

    def runs(one: psutil.Process) -> bool:
        try:
            return word in " ".join(one.cmdline())
        except psutil.NoSuchProcess:  # a ZombieProcess is one too
            return False

    return list(filter(runs, under(pid)))


def all_gone(processes: list[psutil.Process], seconds: float) -> bool:
    """Whether all of them end within so many seconds (a process that nobody reaped yet has ended)."""

    def ended(one: psutil.Process) -> bool:
        try:
            return not one.is_running() or one.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return eventually(lambda: all(map(ended, processes)), seconds)


def eventually(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    """Whether something that happens in the background comes true; asked again and again until then."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def used(seconds: list[float]) -> Iterator[None]:
    """Adds how long processors work for this process and all that it started, which other work does not change."""
    before = _processor_seconds()
    yield
    seconds.append(_processor_seconds() - before)


def _processor_seconds() -> float:
    total = sum(os.times()[:4])
    for process in under():
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def descriptors() -> set[str]:
    """What this process has open, each with its number."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:  # the descriptor of this listing
            continue
    return found


def threads() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate())


def path_without(folder: Path, *missing: str) -> str:
    """A PATH with all programs of the present one but `missing`, as links in an empty `folder`."""
    for place in reversed(os.environ["PATH"].split(":")):
        for program in Path(place).iterdir() if os.path.isdir(place) else ():
            link = folder / program.name
            if program.name not in missing:
                link.unlink(missing_ok=True)
                link.symlink_to(program)
    return str(folder)
