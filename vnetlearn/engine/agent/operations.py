"""What an owner can ask an agent for, and the agent that answers."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time as clock
import traceback
from collections.abc import Callable

from . import echo, firewall, libc, netlink, programs, sysctl, world
from .loop import Loop, Source
from .monitor import Monitor
from .netns import Namespaces
from .packets import Capture
from .programs import Program, Script
from .wire import NETLINK, REQUEST, Unreadable, check_message, fits, json_object, netlink_row

RNDADDENTROPY, RNDRESEEDCRNG = 0x40085203, 0x5207  # linux/random.h
CAPTURE_BYTES = {"host": 1 << 26, "guest": 1 << 24}  # for all rings of a capture together

Answer = dict[str, object]


class Batch(Source):
    """Requests that their owner sent without waiting for answers."""

    asks, refused = True, False

    def eof(self) -> None:
        del self.loop.sources[self.channel]


class Agent:
    """Answers what comes on a stream. An operation takes its channel's number and the request's arguments."""

    def __init__(self, stream: int, mode: str) -> None:
        self._mode, self._namespaces = mode, Namespaces()
        self._rtnetlink = netlink.Rtnetlink(self._namespaces)
        self._loop = Loop(stream, self._requested, self._rtnetlink.rest)
        looking: list[Callable[..., Answer]] = [
            *(self.hello, self.alive, self.netns_list, self.netns_unnamed, self.nsid, self.holders),
        ]
        changing: list[Callable[..., Answer]] = [
            *(self.netns_add, self.netns_delete, self.run, self.shell, self.script, self.kill, self.resize),
            *(
                self.batch,
                self.capture,
                self.listen,
                self.monitor,
                self.sysctl,
                self.sysctls,
                self.ping,
                self.firewalls,
            ),
        ]
        allowed = looking if mode == "look" else looking + changing
        self._operations = {operation.__name__: (operation, _arguments(operation)) for operation in allowed}
        self._environment = {**os.environ}

    def serve(self) -> None:
        """Until the owner hangs up (`SystemExit`)."""
        self._loop.serve()

    def last_words(self, why: str) -> None:
        """Tell the owner why this is the end."""
        self._loop.reply(0, {"errno": errno.EPROTO, "text": why})

    def _requested(self, kind: int, channel: int, payload: bytes) -> None:
        batch = self._loop.sources.get(channel)
        if not isinstance(batch, Batch):
            self._do(kind, channel, payload)
        elif not batch.refused:
            batch.refused = True
            batch.refused = not self._do(kind, channel, payload)

    def _do(self, kind: int, channel: int, payload: bytes) -> bool:
        """Whether all of it was done; what an exception says is told to the owner by the loop."""
        if kind == REQUEST:
            self._loop.reply(channel, self._answer(channel, json_object(payload)))
            return True
        row = list(netlink_row(payload))
        for _, message, _ in row:
            check_message(message)
        if self._mode == "look" and not all(netlink.only_looks(message) for _, message, _ in row):
            raise PermissionError(errno.EPERM, "this agent only looks")
        answer, done = self._rtnetlink.ask(row)
        self._loop.send(NETLINK, channel, answer)
        return done

    def _answer(self, channel: int, request: dict[str, object]) -> Answer:
        """Do what is asked for, once it is an operation that there is and its arguments are what it takes."""
        op = request.pop("op", None)
        if not isinstance(op, str) or op not in self._operations:
            raise Unreadable(f"there is no operation {str(op)[:40]!r}")
        operation, wanted = self._operations[op]
        for name in request.keys() - wanted.keys():
            raise Unreadable(f"{op} has no argument {name[:40]!r}")
        for name, (kind, needed) in wanted.items():
            if name in request and not fits(request[name], kind):
                raise Unreadable(f"{op} takes {name} as {kind}")
            if needed and name not in request:
                raise Unreadable(f"{op} needs {name}")
        return operation(channel, **request)

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

    def alive(self, _: int) -> Answer:
        """Nothing but an answer: whoever waits for a program asks now and then."""
        return {}

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

    def batch(self, channel: int) -> Answer:
        """What is asked for on this channel from now on is done until something is refused, and nothing after that."""
        self._loop.sources[channel] = Batch(self._loop, channel)
        return {}

    def netns_add(self, _: int, name: str) -> Answer:
        self._rtnetlink.rest()
        self._namespaces.add(name)
        for one in list(self._loop.sources.values()):
            if isinstance(one, Capture):
                one.follow()
        return {}

    def netns_delete(self, _: int, name: str) -> Answer:
        self._rtnetlink.rest()
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
        return self._start(channel, [(argv[0] if argv else "", argv)], netns, {**self._environment, **(env or {})}, tty)

    def shell(
        self,
        channel: int,
        text: str = "",
        script: int | None = None,
        netns: str = "",
        env: dict[str, str] | None = None,
    ) -> Answer:
        """Start what shell text says, by bash, as `run` does; or the text that came as `script` on that channel."""
        environment = programs.line_by_line({**self._environment, **(env or {})})
        if script is None:
            return self._start(channel, programs.shell(text, environment), netns, environment, None)
        kept = self._loop.sources.get(script)
        if not isinstance(kept, Script):
            raise Unreadable(f"on channel {script} there is no script")
        return self._start(channel, [programs.READ_SCRIPT], netns, environment, None, kept.opened())

    def script(self, channel: int) -> Answer:
        """Keep shell text that is too long for a request: what the owner sends on this channel, until its EOF."""
        self._loop.sources[channel] = Script(self._loop, channel)
        return {}

    def _start(
        self,
        channel: int,
        starts: list[programs.Start],
        netns: str,
        env: dict[str, str],
        tty: list[int] | None,
        script: int | None = None,
    ) -> Answer:
        program = Program(self._loop, channel, env, tty)
        program.start(self._namespaces, netns, starts, script)
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

    def sysctl(self, _: int, netns: str, path: str, value: str | None = None) -> Answer:
        """Read a setting of a namespace (path below /proc/sys), or write a value."""
        return sysctl.ask(self._namespaces, netns, path, value)

    def sysctls(self, _: int, netns: list[str], patterns: list[str]) -> Answer:
        """Read the settings of namespaces whose paths fit; those that cannot be read are left out."""
        return {"found": {name: sysctl.find(self._namespaces, name, patterns) for name in netns}}

    def capture(self, channel: int, programs: dict[str, str], everything: bool, ring: int) -> Answer:
        """Record frames, by a classic BPF program (struct sock_filter, in hexadecimal) for each namespace's name.

        `everything`: also all other namespaces that are there or come later, by the program of the first. `ring` is the
        size of each one's buffer in bytes, 0 for what is usual.
        """
        filters = {name: bytes.fromhex(code) for name, code in programs.items()}
        budget = CAPTURE_BYTES["guest" if self._mode == "guest" else "host"]
        if not 0 <= ring <= budget:
            raise Unreadable(f"the ring of a capture has {budget} bytes at most")
        one = Capture(self._loop, channel, self._namespaces, filters, everything=everything, ring=ring, budget=budget)
        self._loop.sources[channel] = one
        return {"rings": one.rings, "since": one.since}

    def firewalls(self, _: int, netns: list[str]) -> Answer:
        """Those of these namespaces that have tables of nftables."""
        return {"found": [name for name in netns if firewall.there(self._namespaces, name)]}

    def ping(self, channel: int, pings: list[dict[str, object]]) -> Answer:
        """Send echo requests: several pings at the same time, each in its namespace."""
        self._loop.sources[channel] = started = echo.Pings(self._loop, channel, self._namespaces, pings)
        self._loop.call_later(0, started.begin)
        return {}

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
        agent = Agent(stream, mode)
        try:
            agent.serve()
        except Exception as error:
            agent.last_words(_last_words(error))
            raise
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None
    finally:
        if mode == "guest":
            libc.restart()


def _last_words(error: Exception) -> str:
    """An error and its place, in a line."""
    if isinstance(error, Unreadable):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{error!r} in {where.name}, {os.path.basename(where.filename)} line {where.lineno}"


def _arguments(operation: Callable[..., Answer]) -> dict[str, tuple[str, bool]]:
    """An operation's arguments after the channel: the annotation of each, and whether it is needed."""
    code, defaults = operation.__code__, operation.__defaults__ or ()
    names = code.co_varnames[2 : code.co_argcount]
    return {name: (operation.__annotations__[name], at < len(names) - len(defaults)) for at, name in enumerate(names)}
