"""`ip addr`: the addresses of one namespace's links."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from socket import AF_INET
from typing import TypeAlias

from ..display.table import Table
from ..errors import BadParameter, NotFound
from . import checks, names, netlink
from .namespace import Namespace
from .netlink import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_SITE, RT_SCOPE_UNIVERSE

SCOPES = {
    RT_SCOPE_UNIVERSE: "global",
    RT_SCOPE_SITE: "site",
    RT_SCOPE_LINK: "link",
    RT_SCOPE_HOST: "host",
    RT_SCOPE_NOWHERE: "nowhere",
}
NODAD, NOPREFIXROUTE, TENTATIVE = 0x2, 0x200, 0x40
FOREVER = 0xFFFFFFFF
Attribute: TypeAlias = tuple[str, str | int | dict[str, int]]


@dataclass(frozen=True)
class Addr:
    """One address, `local/prefixlen`, on the link `dev` of namespace `netns`; lifetimes in seconds, None is forever."""

    netns: str
    dev: str
    local: str
    prefixlen: int
    scope: str
    family: str
    peer: str = ""
    broadcast: str = ""
    label: str = ""
    tentative: bool = False
    valid_lft: int | None = None
    preferred_lft: int | None = None
    noprefixroute: bool = False
    nodad: bool = False

    COLUMNS = ("netns", "dev", "address", "scope", "peer", "broadcast")

    def __str__(self) -> str:
        return f"{self.local}/{self.prefixlen}"

    def row(self) -> tuple[object, ...]:
        return (self.netns, self.dev, str(self), self.scope, self.peer, self.broadcast)


class Addrs:
    """`node.addr`: equal to `ip addr` in the node's namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def add(
        self,
        local: str,
        *,
        dev: str,
        peer: str | None = None,
        broadcast: str | None = None,
        label: str | None = None,
        scope: str | None = None,
        valid_lft: int | None = None,
        preferred_lft: int | None = None,
        nodad: bool = False,
        noprefixroute: bool = False,
    ) -> None:
        """`ip addr add ADDRESS/LENGTH dev DEV [peer …] [broadcast …] [label …] [scope …] [valid_lft S] …`.

        `broadcast` may be "+" (all host bits set). As with `ip`, none is set when it is not given. Lifetimes in
        seconds. Raises `BadParameter`, `NotFound`, `KernelRefused`; then the address was not added.
        """
        words = ["addr", "add", str(local)]
        for word, value in (("peer", peer), ("broadcast", broadcast), ("label", label), ("scope", scope)):
            words += [word, str(value)] if value is not None else []
        words += ["dev", dev]
        for word, seconds in (("valid_lft", valid_lft), ("preferred_lft", preferred_lft)):
            words += [word, str(seconds)] if seconds is not None else []
        words += [flag for flag, on in (("nodad", nodad), ("noprefixroute", noprefixroute)) if on]
        tried = self._namespace.spell(words)
        message, address, length = self._message(local, dev, tried)
        other = address
        attributes: list[Attribute] = [("IFA_LOCAL", address), ("IFA_ADDRESS", address)]
        if peer is not None:
            _, other, length = checks.network(peer, tried)
            attributes[1] = ("IFA_ADDRESS", other)
        if broadcast is not None and (last := _broadcast(other, length, broadcast, tried)):
            attributes.append(("IFA_BROADCAST", last))
        if label is not None:
            attributes.append(("IFA_LABEL", label))
        if valid_lft is not None or preferred_lft is not None:
            lives = {"ifa_valid": valid_lft, "ifa_preferred": preferred_lft}
            attributes.append(
                (
                    "IFA_CACHEINFO",
                    {k: FOREVER if v is None else checks.number(v, "lifetime", tried) for k, v in lives.items()},
                )
            )
        attributes.append(("IFA_FLAGS", NODAD * nodad | NOPREFIXROUTE * noprefixroute))
        message["prefixlen"], message["attrs"] = length, attributes
        message["scope"] = checks.one_of(scope, SCOPES, "scope", tried) if scope else default_scope(address)
        self._namespace.change(words, netlink.NEWADDR, message, netlink.ACK | netlink.CREATE | netlink.EXCL)

    def delete(self, local: str, *, dev: str, peer: str | None = None) -> None:
        """`ip addr delete ADDRESS/LENGTH [peer PEER/LENGTH] dev DEV`.

        Raises `BadParameter`, `NotFound`, `KernelRefused`.
        """
        words = ["addr", "delete", str(local), *(["peer", str(peer)] if peer else []), "dev", dev]
        tried = self._namespace.spell(words)
        message, address, _ = self._message(local, dev, tried)
        message["attrs"] = [("IFA_LOCAL", address), ("IFA_ADDRESS", address)]
        if peer:
            _, other, message["prefixlen"] = checks.network(peer, tried)
            message["attrs"][1] = ("IFA_ADDRESS", other)
        self._namespace.change(words, netlink.DELADDR, message, netlink.ACK)

    def flush(self, *, dev: str) -> None:
        """Delete all addresses of a link: `ip addr flush dev DEV`."""
        while found := self.show(dev=dev):  # anew each time: the first of a network takes the others along
            peer = f"{found[0].peer}/{found[0].prefixlen}" if found[0].peer else None
            self.delete(found[0].local if peer else str(found[0]), dev=dev, peer=peer)

    def show(self, *, dev: str | None = None) -> Table[Addr]:
        """`ip addr show [dev DEV]`. Raises `NotFound`."""
        by_index = names.every(self._namespace)
        if dev is not None and dev not in by_index.values():
            raise NotFound(
                self._namespace.spell(["addr", "show", "dev", dev]),
                f'Device "{dev}" does not exist.',
                "this namespace has: " + ", ".join(by_index.values()),
                "check the name",
            )
        messages = self._namespace.dump(netlink.GETADDR, ifaddrmsg())
        found = (read_addr(m, self._namespace.name, by_index) for m in messages)
        return Table(one for one in found if dev is None or one.dev == dev)

    def _message(self, local: str, dev: str, tried: str) -> tuple[netlink.Message, str, int]:
        family, address, length = checks.network(local, tried)
        message = ifaddrmsg()
        message["family"], message["prefixlen"] = family, length
        message["index"] = names.index(self._namespace, dev, tried)
        return message, address, length


def read_addr(message: netlink.Message, netns: str, names: dict[int, str]) -> Addr:
    """An Addr from a message of a dump; `names` has the links' names by index."""
    address, local = message.get_attr("IFA_ADDRESS"), message.get_attr("IFA_LOCAL")
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    lives = message.get_attr("IFA_CACHEINFO") or {"ifa_valid": FOREVER, "ifa_preferred": FOREVER}
    return Addr(
        netns=netns,
        dev=names.get(message["index"], f"if{message['index']}"),
        local=local or address,
        prefixlen=message["prefixlen"],
        scope=SCOPES.get(message["scope"], str(message["scope"])),
        family="inet" if message["family"] == AF_INET else "inet6",
        peer=address if local and address != local else "",
        broadcast=message.get_attr("IFA_BROADCAST") or "",
        label=message.get_attr("IFA_LABEL") or "",
        tentative=bool(flags & TENTATIVE),
        noprefixroute=bool(flags & NOPREFIXROUTE),
        nodad=bool(flags & NODAD),
        valid_lft=None if lives["ifa_valid"] == FOREVER else lives["ifa_valid"],
        preferred_lft=None if lives["ifa_preferred"] == FOREVER else lives["ifa_preferred"],
    )


def default_scope(address: str) -> int:
    """As ip(8): a loopback address has scope host; IPv6 finds its own."""
    return RT_SCOPE_HOST if address.startswith("127.") else RT_SCOPE_UNIVERSE


def _broadcast(address: str, length: int, wanted: str, tried: str) -> str:
    """As ip(8): "+" and "-" are the last and the first address of the (peer's) network; "" where that has but two."""
    if wanted not in ("+", "-"):
        return checks.address(wanted, tried)[1]
    net = ip_network(f"{address}/{length}", strict=False)
    if net.version == 6:
        raise BadParameter(
            tried,
            "Broadcast can be set only for IPv4 addresses",
            "IPv6 has multicast in its place",
            "leave out broadcast",
        )
    return "" if length > 30 else str(net.broadcast_address if wanted == "+" else net.network_address)


def ifaddrmsg() -> netlink.Message:
    """An empty RTM_*ADDR message."""
    from pyroute2.netlink.rtnl import ifaddrmsg as pyroute2_addr  # late, as in netlink.decode

    message: netlink.Message = pyroute2_addr.ifaddrmsg()
    return message
