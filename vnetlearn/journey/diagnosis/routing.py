"""Lost between two links of a namespace: no route, a forged sender, a packet too big; in the kernel's own look-up."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

from ...capture.linktypes import ETHERNET
from ..goal import owns
from ..layers import Layer
from ..lookups import queued
from ..model import Found
from .case import Case

ETHERNET_HEADER = 14  # bytes: ETH_HLEN in linux/if_ether.h
REFUSED = {
    errno.ENETUNREACH: "{where} has no route to {dst}",
    errno.EHOSTUNREACH: "{where} has no way to {dst}",
    errno.EINVAL: "{where} throws away what is for {dst} (a blackhole route)",
    errno.EACCES: "{where} forbids what is for {dst} (a prohibit route)",
}


@dataclass(frozen=True)
class LookUp:
    """What `ip route get …` answered: through which link, or the error's number; `said` is its first line."""

    said: str
    dev: str
    refused: bool
    errno: int


def routed(case: Case) -> Found | None:
    """IP in a namespace that has not this address: would it be passed on, and where to?"""
    ip = case.ip
    if ip is None or case.last.peeled.sealed or owns(case.now, case.netns, ip.text("dst")):
        return None
    return (
        _not_forwarding(case, ip)
        or _ran_out(case, ip)
        or looked_up(case)
        or too_big(case)
        or queued(case.node, case.node.route.get(ip.text("dst")).dev)
    )


def _not_forwarding(case: Case, ip: Layer) -> Found | None:
    version = "ipv4" if ip.name == "IPv4" else "ipv6"
    name = f"net.{version}.conf.{case.dev if version == 'ipv4' else 'all'}.forwarding"
    if case.node.sysctl.get(name) != "0":
        return None
    here, shown = case.here, "net.ipv4.ip_forward" if version == "ipv4" else name
    return Found(
        f"it is for {ip.fields['dst']}, which {here} has not, and {here} does not pass packets on ({shown} is 0)",
        (f"{case.node.spell(['sysctl', name])} = 0",),
    )


def _ran_out(case: Case, ip: Layer) -> Found | None:
    if ip.fields.get("TTL", ip.fields.get("hop limit")) != 1:
        return None
    return Found("its TTL of 1 ran out here", (f"frame {case.last.frame.number}: TTL 1",))


def too_big(case: Case) -> Found | None:
    """Too big for the next link, and not to be cut."""
    ip = case.ip
    if ip is None or owns(case.now, case.netns, ip.text("dst")):
        return None
    route = case.node.route.get(ip.text("dst"))
    link = case.now.links.get((case.netns, route.dev))
    header = ETHERNET_HEADER if case.last.frame.linktype == ETHERNET else 0
    size = sum(len(frame.data) for frame in case.last.frames) - header
    if link is None or size <= link.mtu or not (ip.name == "IPv6" or ip.fields.get("DF")):
        return None
    why = "IPv6 routers do not cut packets" if ip.name == "IPv6" else "it says: do not fragment (DF)"
    reason = f"{size} bytes do not fit through {route.dev}, whose MTU is {link.mtu}, and {why}"
    return Found(reason, (case.shown(link),))


# The kernel's own routing of such a packet


def looked_up(case: Case) -> Found | None:
    """Why the kernel does not route it as it came in: `ip route get … from … iif …`."""
    asked = _as_it_came(case)
    if asked is None:
        return None
    return _no_route(case, asked) or _forged(case, asked) or Found(f"{case.here} does not route it", (asked.said,))


def forged(case: Case) -> Found | None:
    """Only whether the kernel does not take it in because its sender might be forged."""
    asked = _as_it_came(case)
    return None if asked is None or _no_route(case, asked) else _forged(case, asked)


def _as_it_came(case: Case) -> LookUp | None:
    """The look-up for a packet that came in here with these addresses, where it is refused."""
    if (ip := case.ip) is None:
        return None
    asked = _look_up(case, ip.text("dst"), "from", ip.text("src"), "iif", _routing_dev(case))
    return asked if asked.refused else None


def _no_route(case: Case, asked: LookUp) -> Found | None:
    """There is no way to its destination, wherever it came from."""
    assert case.ip is not None
    dst = case.ip.text("dst")
    plain = _look_up(case, dst)
    if not plain.refused:
        return None
    reason = REFUSED.get(plain.errno, "{where} does not route it").format(where=case.here, dst=dst)
    return Found(reason, (asked.said, plain.said, *_special(case)))


def _forged(case: Case, asked: LookUp) -> Found | None:
    """The way back to its sender does not lead through the link that it came from (RFC 3704)."""
    assert case.ip is not None
    src, dev = case.ip.text("src"), _routing_dev(case)
    filters = {name: case.node.sysctl.get(f"net.ipv4.conf.{name}.rp_filter") for name in ("all", dev)}
    back = _look_up(case, src)
    if back.dev == dev or all(value == "0" for value in filters.values()):
        return None
    reason = (
        f"{case.here} would not send answers to {src} back through {dev}, so it takes the sender for forged (rp_filter)"
    )
    shown = (f"net.ipv4.conf.{name}.rp_filter = {value}" for name, value in filters.items())
    return Found(reason, (asked.said, *shown, back.said))


def _look_up(case: Case, *words: str) -> LookUp:
    """`ip route get WORDS` here."""
    command = ["route", "get", *words]
    result = case.node.ask(["ip", *command])
    first = (result.stderr.strip() or result.stdout.strip() or "(nothing)").splitlines()[0].strip()
    dev = re.search(r" dev (\S+) ", f"{result.stdout} ")
    number = next((number for number in REFUSED if os.strerror(number) in first), 0)
    return LookUp(f"{case.node.spell(command)}: {first}", dev[1] if dev else "", result.status != 0, number)


def _special(case: Case) -> tuple[str, ...]:
    """The routes that lead nowhere, which a look-up only answers with an error."""
    return tuple(
        f"{case.node.spell(['route', 'show'])}: {r.type} {r.dst}"
        for r in case.node.route.show()
        if r.type in ("blackhole", "unreachable", "prohibit")
    )


def _routing_dev(case: Case) -> str:
    """On which link it arrives for the routing: a port's master, where it has one."""
    master = case.tracer.wiring.master.get(case.last.place)
    return master[1] if master else case.dev
