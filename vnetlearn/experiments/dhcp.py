"""DHCP for two links that share a card: a real server on the LAN's gateway, a real client behind each child."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..display.grid import Cell
from ..engine.program import Program, Result
from ..errors import CommandFailed
from ..lab.lab import Lab, Node
from .shared_card import KINDS, Mode, add_children

# dnsmasq(8): no DNS, no files outside the lab, no wait for an address that answers ping
SERVER = (
    "dnsmasq --keep-in-foreground --port=0 --conf-file=/dev/null --pid-file --leasefile-ro --no-ping"
    " --dhcp-authoritative --interface=eth0 --dhcp-range=192.168.0.50,192.168.0.99,1h"
    " --dhcp-option=option:router,192.168.0.1 --log-facility=-"
).split()


@dataclass(frozen=True)
class Way:
    """How the clients ask: `options` of udhcpc, in which {n} is the child's number in hexadecimal digits."""

    name: str
    options: tuple[str, ...]
    says: str


# Each differs from the one before in one thing.
# -C: no client identifier; -B: please answer by broadcast (RFC 2131, 4.1)
WAYS = (
    Way("by MAC", ("-C",), "the server answers to the MAC, and to the address that the client does not have yet"),
    Way("by MAC, answers broadcast", ("-C", "-B"), "all children hear the answer"),
    Way(
        "by client identifier, answers broadcast",
        ("-B", "-x", "0x3d:00{n}"),
        "each child has a name of its own (option 61, RFC 2132, 9.14)",
    ),
)


def leases(mode: Mode, way: Way, engine: str | None = None) -> list[Cell]:
    """What the two children got, who asked in this way: an address, or why not."""
    with Lab(kinds=KINDS, engine=engine) as lab, server(lab["gateway"]):
        children = add_children(lab, mode)
        return [_outcome(node, ask(node, way, number)) for number, node in enumerate(children, 1)]


@contextmanager
def server(node: Node) -> Iterator[Program]:
    """dnsmasq as DHCP server on the node's eth0, while the block runs."""
    program = node.start(SERVER)
    try:
        _wait_until_it_serves(program)
        yield program
    finally:
        program.signal(signal.SIGTERM)


def _wait_until_it_serves(program: Program) -> None:
    said = b""
    for _, data in program.output():
        said += data
        if b"DHCP, sockets bound exclusively" in said or b"IP range" in said:
            return
    raise CommandFailed(
        " ".join(SERVER), said.decode(errors="backslashreplace").strip(), "the DHCP server ended", status=program.status
    )


def ask(node: Node, way: Way, number: int) -> Result:
    """One client asks once for an address on the node's child: `udhcpc -i DEV -n -q …`, three tries, a second each."""
    card = next(link.name for link in node.link.show() if link.kind != "loopback")
    options = [option.format(n=f"{number:02x}") for option in way.options]
    return node.run(["udhcpc", "-i", card, "-f", "-n", "-q", "-t", "3", "-T", "1", *options], quiet=True)


def _outcome(node: Node, result: Result) -> Cell:
    said = result.stdout + result.stderr
    lease = re.search(r"lease of (\S+) obtained", said)
    if not lease:
        return Cell(False, "no answer", "the server's answer did not reach the child")
    has = [addr.local for addr in node.addr.show()]
    if lease[1] in has:
        return Cell(True, "an address")
    error = re.search(r"^(?:Error|RTNETLINK answers): (.+?)\.?$", said, re.M)
    return Cell(False, "refused", f"the kernel: {error[1]}" if error else "the address was not set")
