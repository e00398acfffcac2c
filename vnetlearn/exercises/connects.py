"""What the track `docker` wants besides pings: TCP connections, to a program that really listens."""

from __future__ import annotations

from dataclasses import dataclass

from .observed import Call, Seen
from .record import Finding
from .wanted import place


def listener(netns: str, port: int, size: int = 0) -> str:
    """Shell text: a program in `netns` that tells each caller its address, and sends `size` bytes more.

    It goes on alone once it listens.
    """
    program = (
        "import os, socket\n"
        f's = socket.create_server(("", {port}), backlog=8)\n'
        "if os.fork():\n"
        "    raise SystemExit\n"
        "while True:\n"
        "    c, a = s.accept()\n"
        f'    c.sendall(b"{netns} answers " + a[0].encode() + b"\\n" + b"." * {size})\n'
        "    c.close()"
    )
    return f"ip netns exec {netns} setsid python3 -ISc '{program}' >/dev/null 2>&1 </dev/null"


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

    @property
    def asks(self) -> tuple[Call]:
        return (Call(self.source, self.address, self.port),)

    def look(self, seen: Seen) -> Finding:
        wanted = f"{place(self.source)} reads {self._what} from {place(self.owner)} at {self.address}:{self.port}"
        if self.source not in seen.nodes:
            return Finding(False, wanted, f"there is no namespace {self.source}", "ip netns list")
        talk = seen.talks[self.asks[0]]
        evidence = seen.nodes[self.source].spell_run(f"busybox {self.asks[0].words} | wc -c")
        if talk.count and talk.answerer != self.owner:
            other = place(talk.answerer) if talk.answerer is not None else "nobody that a link saw"
            return Finding(False, wanted, f"an answer came, but from {other}", evidence)
        if talk.count >= self.least:
            return Finding(True, wanted, f"{talk.count} bytes came", evidence)
        if talk.answerer is None:
            return Finding(False, wanted, f"no connection: {talk.said or 'nothing came back'}", evidence)
        return Finding(False, wanted, f"the connection was taken, and then {talk.count} bytes came", evidence)

    @property
    def _what(self) -> str:
        return f"{self.least} bytes" if self.least > 1 else "an answer"
