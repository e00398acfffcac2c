"""What the track `docker` wants besides pings: TCP connections, to a program that really listens."""

from __future__ import annotations

from dataclasses import dataclass

from ..capture.capture import Frame
from .observed import Probe, Seen
from .record import Finding
from .wanted import place

CONNECT_SECONDS = 2
READ_SECONDS = 6


def listener(netns: str, port: int, size: int = 0) -> str:
    """Shell text: a program in `netns` that tells each caller its address, and sends `size` bytes more."""
    program = (
        "import socket\n"
        f's = socket.create_server(("", {port}), backlog=8)\n'
        "while True:\n"
        "    c, a = s.accept()\n"
        f'    c.sendall(b"{netns} answers " + a[0].encode() + b"\\n" + b"." * {size})\n'
        "    c.close()"
    )
    return (
        f"ip netns exec {netns} setsid python3 -ISc '{program}' >/dev/null 2>&1 </dev/null &\n"
        f"until ip netns exec {netns} ss -Hltn | grep -q :{port}; do sleep 0.05; done"
    )


@dataclass(frozen=True)
class Connects:
    """`source` opens a TCP connection to `address`:`port`; a program in `owner` takes it.

    It sends `least` bytes or more.
    """

    source: str
    address: str
    port: int
    owner: str
    least: int = 1
    pings: tuple[Probe, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"{place(self.source)} reads {self._what} from {place(self.owner)} at {self.address}:{self.port}"
        if self.source not in seen.nodes:
            return Finding(False, wanted, f"there is no namespace {self.source}", "ip netns list")
        node = seen.nodes[self.source]
        nc = f"nc -w {CONNECT_SECONDS} {self.address} {self.port}"
        with seen.lab.capture(filter=f"tcp port {self.port} or tcp[tcpflags] & tcp-syn != 0") as capture:
            done = node.ask(["sh", "-c", f"timeout {READ_SECONDS} busybox {nc} </dev/null"])
        evidence = node.spell_run(f"busybox {nc} | wc -c")
        who = _answerer(capture.frames)
        count = len(done.stdout)
        if count and who != self.owner:
            other = place(who) if who is not None else "nobody that a link saw"
            return Finding(False, wanted, f"an answer came, but from {other}", evidence)
        if count >= self.least:
            return Finding(True, wanted, f"{count} bytes came", evidence)
        if who is None:
            return Finding(False, wanted, f"no connection: {self._said(done.stderr)}", evidence)
        return Finding(False, wanted, f"the connection was taken, and then {count} bytes came", evidence)

    @property
    def _what(self) -> str:
        return f"{self.least} bytes" if self.least > 1 else "an answer"

    def _said(self, stderr: str) -> str:
        return stderr.strip().rpartition(": ")[2] or "nothing came back"


def _answerer(frames: tuple[Frame, ...]) -> str | None:
    """The namespace that the first SYN-ACK came out of."""
    from scapy.layers.inet import TCP

    return next((f.netns for f in frames if TCP in f.packet and f.packet[TCP].flags & 0x12 == 0x12), None)
