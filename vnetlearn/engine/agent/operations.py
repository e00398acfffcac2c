"""What an owner can ask an agent for, and the agent that answers."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import struct
import time as clock
from collections.abc import Callable

from . import libc, netlink, programs, world
from .loop import Loop
from .monitor import Monitor
from .netns import Namespaces
from .packets import Capture
from .programs import Program
from .wire import NETLINK, REPLY, REQUEST, netlink_parts, refusal

RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207  # linux/random.h
CAPTURE_BYTES = {"host": 1 << 26, "guest": 1 << 24}  # for all rings of a capture together

Answer = dict[str, object]


class Agent:
    """Answers what comes on a stream. An operation takes its channel's number and the request's arguments."""

    def __init__(self, stream: int, mode: str) -> None:
        self._mode, self._loop, self._namespaces = mode, Loop(stream, self._requested), Namespaces()
        looking: list[Callable[..., Answer]] = [
            *(self.hello, self.netns_list, self.netns_unnamed, self.nsid, self.holders),
        ]
        changing: list[Callable[..., Answer]] = [
            *(self.netns_add, self.netns_delete, self.run, self.kill, self.resize),
            *(self.capture, self.listen, self.monitor),
        ]
        allowed = looking if mode == "look" else looking + changing
        self._operations = {operation.__name__: operation for operation in allowed}

    def serve(self) -> None:
        """Until the owner hangs up (`SystemExit`)."""
        self._loop.serve()

    def _requested(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == REQUEST:
            self._loop.send(REPLY, channel, json.dumps(self._answer(channel, json.loads(payload))).encode())
            return
        netns, message, descriptors = netlink_parts(payload)
        try:
            if self._mode == "look" and not netlink.only_looks(message):
                raise PermissionError(errno.EPERM, "this agent only looks")
            self._loop.send(NETLINK, channel, netlink.ask(self._namespaces, netns, message, descriptors))
        except OSError as error:
            self._loop.send(REPLY, channel, json.dumps(refusal(error)).encode())

    def _answer(self, channel: int, request: dict[str, object]) -> Answer:
        try:
            return self._operations[str(request.pop("op"))](channel, **request)
        except OSError as error:
            return refusal(error)
        except Exception as error:
            return {"errno": errno.EINVAL, "text": repr(error)}

    # Operations that only look

    def hello(self, _: int, time: float, seed: str) -> Answer:
        """A guest resumed from a saved state has that state's clock and random numbers: give it its own."""
        if self._mode == "guest":
            clock.clock_settime(clock.CLOCK_REALTIME, time)
            data = bytes.fromhex(seed)
            with open("/dev/urandom", "wb", buffering=0) as f:
                fcntl.ioctl(f, RNDADDENTROPY, struct.pack("ii", 8 * len(data), len(data)) + data)
                fcntl.ioctl(f, RNDRESEEDCRNG)
        return {"kernel": os.uname().release}

    def netns_list(self, _: int) -> Answer:
        return {"netns": self._namespaces.named()}

    def netns_unnamed(self, _: int) -> Answer:
        names, hidden = self._namespaces.unnamed()
        return {"netns": names, "hidden": hidden}

    def nsid(self, _: int, netns: str, others: list[str]) -> Answer:
        return {"nsids": netlink.nsids(self._namespaces, netns, others)}

    def holders(self, _: int) -> Answer:
        return {"holders": list(self._namespaces.holders())}

    # Operations that change something, or go on

    def netns_add(self, _: int, name: str) -> Answer:
        self._namespaces.add(name)
        for one in list(self._loop.sources.values()):
            if isinstance(one, Capture):
                one.follow()
        return {}

    def netns_delete(self, _: int, name: str) -> Answer:
        self._namespaces.delete(name)
        return {}

    def run(
        self,
        channel: int,
        argv: list[str],
        netns: str = "",
        env: dict[str, str] | None = None,
        tty: list[int] | None = None,
    ) -> Answer:
        """Start a program, as `ip netns exec` does it; `tty` is [rows, columns] of a terminal of its own, or None."""
        started = programs.command(self._namespaces, argv, netns)
        program = Program(self._loop, channel, started, {**os.environ, **(env or {})}, tty)
        self._loop.sources[channel] = program
        return {"pid": program.pid}

    def kill(self, _: int, channel: int, number: int) -> Answer:
        """Send a signal to everything in a program's process group."""
        program = self._loop.sources.get(channel)
        if isinstance(program, Program):
            program.kill(number)
        return {}

    def resize(self, _: int, channel: int, rows: int, columns: int) -> Answer:
        program = self._loop.sources.get(channel)
        if isinstance(program, Program):
            program.resize(rows, columns)
        return {}

    def capture(self, channel: int, programs: dict[str, str], everything: bool, ring: int) -> Answer:
        """Record frames, by a classic BPF program (struct sock_filter, in hexadecimal) for each namespace's name.

        `everything`: also all other namespaces that are there or come later, by the program of the first. `ring` is the
        size of each one's buffer in bytes, 0 for what is usual.
        """
        filters = {name: bytes.fromhex(code) for name, code in programs.items()}
        budget = CAPTURE_BYTES["guest" if self._mode == "guest" else "host"]
        one = Capture(self._loop, channel, self._namespaces, filters, everything=everything, ring=ring, budget=budget)
        self._loop.sources[channel] = one
        return {"rings": one.rings, "since": one.since}

    def listen(self, channel: int, protocol: int, groups: int) -> Answer:
        """Open a netlink socket that stays, in the first namespace: what the owner sends goes in, answers come out."""
        self._loop.sources[channel] = netlink.Listener(self._loop, channel, protocol, groups)
        return {}

    def monitor(self, channel: int) -> Answer:
        """Pass on rtnetlink's notifications of all namespaces, as `ip monitor` hears them."""
        self._loop.sources[channel] = Monitor(self._loop, channel, self._namespaces)
        return {}


def main(mode: str, fd: str = "") -> None:
    """Serve until the owner hangs up; the end of a guest's agent is the guest's."""
    os.environ["PATH"] = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"
    if mode == "guest":
        stream = os.open(world.agent_port(), os.O_RDWR | os.O_CLOEXEC)
    else:
        stream = int(fd)
        os.set_inheritable(stream, False)
    if mode == "host":
        world.prepare_host()
    if mode != "look":
        world.share_netns()
    try:
        Agent(stream, mode).serve()
    finally:
        if mode == "guest":
            libc.restart()
