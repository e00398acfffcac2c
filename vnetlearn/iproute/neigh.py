"""`ip neigh`: who has which MAC address, as far as one namespace knows."""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET, AF_INET6

from ..display.table import Table
from . import checks, names, netlink
from .namespace import Namespace

PERMANENT = 0x80
STATES = {
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    PERMANENT: "PERMANENT",
    0: "NONE",
}
PROXY = 0x8


@dataclass(frozen=True)
class Neigh:
    """One neighbour of namespace `netns`: its address `dst`, its MAC `lladdr`, and how sure the kernel is (`state`)."""

    netns: str
    dst: str
    dev: str
    lladdr: str
    state: str

    COLUMNS = ("netns", "dst", "dev", "lladdr", "state")

    def row(self) -> tuple[object, ...]:
        return (self.netns, self.dst, self.dev, self.lladdr, self.state)


class Neighs:
    """`node.neigh`: equal to `ip neigh` in the node's namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def add(self, dst: str, *, dev: str, lladdr: str | None = None, nud: str = "permanent") -> None:
        """`ip neigh add ADDRESS [lladdr MAC] [nud STATE] dev DEV`.

        Raises `BadParameter`, `NotFound`, `KernelRefused`.
        """
        self._change("add", dst, dev, lladdr, nud, netlink.NEWNEIGH, netlink.CREATE | netlink.EXCL)

    def replace(self, dst: str, *, dev: str, lladdr: str | None = None, nud: str = "permanent") -> None:
        """`ip neigh replace ADDRESS [lladdr MAC] [nud STATE] dev DEV`."""
        self._change("replace", dst, dev, lladdr, nud, netlink.NEWNEIGH, netlink.CREATE | netlink.REPLACE)

    def delete(self, dst: str, *, dev: str) -> None:
        """`ip neigh delete ADDRESS dev DEV`."""
        self._change("delete", dst, dev, None, "", netlink.DELNEIGH, 0)

    def flush(self, *, dev: str | None = None) -> None:
        """`ip neigh flush [dev DEV]`: forget all but the permanent ones."""
        for one in self.show(dev=dev):
            if one.state not in ("PERMANENT", "NOARP"):
                self.delete(one.dst, dev=one.dev)

    def show(self, *, dev: str | None = None) -> Table[Neigh]:
        """`ip neigh show [dev DEV]`. Like `ip`, without those that need no resolution (NOARP)."""
        by_index = names.every(self._namespace)
        messages = self._namespace.dump(netlink.GETNEIGH, ndmsg())
        found = (
            Neigh(
                self._namespace.name,
                m.get_attr("NDA_DST"),
                by_index.get(m["ifindex"], ""),
                m.get_attr("NDA_LLADDR") or "",
                STATES.get(m["state"], str(m["state"])),
            )
            for m in messages
            if m["family"] in (AF_INET, AF_INET6) and not m["flags"] & PROXY
        )
        return Table(n for n in found if n.state != "NOARP" and dev in (None, n.dev))

    def _change(self, verb: str, dst: str, dev: str, lladdr: str | None, nud: str, kind: int, flags: int) -> None:
        words = ["neigh", verb, str(dst), *(["lladdr", lladdr] if lladdr else []), *(["nud", nud] if nud else [])]
        words += ["dev", dev]
        tried = self._namespace.spell(words)
        message = ndmsg()
        message["family"], address = checks.address(dst, tried)
        message["ifindex"] = names.index(self._namespace, dev, tried)
        message["attrs"] = [("NDA_DST", address)]
        if lladdr:
            message["attrs"].append(("NDA_LLADDR", checks.mac(lladdr, tried, sizes=(6,))))
        if nud:
            message["state"] = checks.one_of(nud.upper(), STATES, "nud", tried)
        self._namespace.change(words, kind, message, netlink.ACK | flags)


def ndmsg() -> netlink.Message:
    """An empty RTM_*NEIGH message."""
    from pyroute2.netlink.rtnl import ndmsg as pyroute2_neigh  # late, as in netlink.decode

    message: netlink.Message = pyroute2_neigh.ndmsg()
    return message
