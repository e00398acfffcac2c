"""The engine that stands on the running kernel: fresh user, network, mount and process namespaces.

agent/world.py makes most of them.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import EngineUnavailable
from . import agent
from .process import spawn
from .running import Running

CLOSE_SECONDS = 1.0


class Agent:
    """An agent's process, and everything under it."""

    def __init__(self, before: Sequence[str], mode: str = "host") -> None:
        self.stream, theirs = socket.socketpair()
        command = [*before, sys.executable, "-X", "utf8", "-I", "-S", agent.__path__[0], mode, str(theirs.fileno())]
        with theirs:
            self._process = spawn(
                command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )

    def died(self) -> str:
        """What the agent, or unshare(1) before it, last said; its exit status otherwise."""
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "its agent does not answer"
        said = self._process.stderr.read().decode(errors="backslashreplace").strip() if self._process.stderr else ""
        return said.splitlines()[-1] if said else f"its agent ended with status {self._process.returncode}"

    def close(self) -> None:
        """End the agent, process 1 of the lab, and so all that ran in it. Returns when they are gone.

        It ends when its stream closes, and unshare(1) after it: only when it does not, it is killed.
        """
        self.stream.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()


def start() -> Running:
    """Start an agent in fresh namespaces. Raises `EngineUnavailable` when this machine does not allow it, `LabDied`."""
    ok, why, next_step = available()
    if not ok:
        raise EngineUnavailable(" ".join(_unshare()), "new namespaces are refused", why, next_step)
    return _running(Agent(_unshare()))


def look() -> Running:
    """Start an agent that only looks, in the computer's own namespaces."""
    return _running(Agent((), "look"))


def _running(started: Agent) -> Running:
    try:
        return Running(started)
    except BaseException:
        started.close()
        raise


@functools.cache
def available() -> tuple[bool, str, str]:
    """Whether this machine lets us make the namespaces, why (not), and what would help. Tried for real, once."""
    for program in ("unshare", "setpriv", "mount"):
        if shutil.which(program) is None:
            return False, f"{program}: not found", "install the package util-linux"
    tried = subprocess.run([*_unshare(), "sh", "-c", _TRIAL], capture_output=True, text=True)
    if tried.returncode == 0:
        return True, "as root" if os.geteuid() == 0 else "in a user namespace, without root", ""
    for path, bad, for_root, why, command in _SWITCHES:
        if _read(path) == bad and (for_root or os.geteuid() != 0):
            return False, why, f"sudo sysctl -w {path.replace('/', '.')}={command}, or use Lab(engine='vm')"
    said = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
    return False, f"{said}; a container's seccomp profile or its missing CAP_SYS_ADMIN does this", "Lab(engine='vm')"


# What an agent does first, see agent/world.py: it shows the links of a new network, and enters a user namespace.
_TRIAL = "unshare --net mount -t sysfs sysfs /sys && unshare --user --map-root-user --net --mount true"

# Settings that forbid namespaces, in the order in which they are met: file under /proc/sys, the value that forbids,
# whether to root too, in words, a value that allows.
_SWITCHES = (
    ("user/max_user_namespaces", "0", True, "user namespaces are switched off", "10000"),
    ("user/max_net_namespaces", "0", True, "network namespaces are switched off", "10000"),
    ("kernel/unprivileged_userns_clone", "0", False, "user namespaces are for root only (Debian's switch)", "1"),
    (
        *("kernel/apparmor_restrict_unprivileged_userns", "1", False),
        *("AppArmor restricts user namespaces (Ubuntu's switch)", "0"),
    ),
)


def _read(path: str) -> str:
    try:
        return Path("/proc/sys", path).read_text().strip()
    except OSError:
        return ""


def _unshare() -> list[str]:
    """unshare(1): --kill-child ends the lab with it, --mount-proc shows the lab its own processes.

    The agent is root there, if only in a user namespace; it makes the other namespaces itself.
    """
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"]
