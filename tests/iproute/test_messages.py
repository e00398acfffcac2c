"""The messages that are put together and read here are pyroute2's, byte for byte and value for value."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds.samples import LINKS, params_of
from labs import able
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg as Pyroute2Addr
from pyroute2.netlink.rtnl.ndmsg import ndmsg as Pyroute2Neigh
from pyroute2.netlink.rtnl.rtmsg import rtmsg as Pyroute2Route

from vnetlearn import KINDS, Lab, kinds
from vnetlearn.iproute import link, linkinfo, linkmsg, netlink
from vnetlearn.iproute.addr import IFA_ADDRESS, IFA_BROADCAST, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, ifaddrmsg, read_addr
from vnetlearn.iproute.neigh import NDA_DST, NDA_LLADDR, ndmsg
from vnetlearn.iproute.route import RTA_DST, RTA_GATEWAY, RTA_METRICS, RTA_OIF, RTA_TABLE, RTAX_MTU, read_route, rtmsg
from vnetlearn.kinds.nla import LinkMessage
from vnetlearn.kinds.places import address_bytes, address_text, mac_bytes

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FLAGS = netlink.CREATE | netlink.EXCL
NAME = {  # of the attributes that a link can be given, pyroute2's name and its form of a value
    "address": ("IFLA_ADDRESS", str),
    "broadcast": ("IFLA_BROADCAST", str),
    "mtu": ("IFLA_MTU", int),
    "txqueuelen": ("IFLA_TXQLEN", int),
    "numtxqueues": ("IFLA_NUM_TX_QUEUES", int),
    "numrxqueues": ("IFLA_NUM_RX_QUEUES", int),
    "group": ("IFLA_GROUP", int),
    "alias": ("IFLA_IFALIAS", str),
    "name": ("IFLA_IFNAME", str),
}
numbers = st.integers(0, (1 << 32) - 1)
macs = st.binary(min_size=6, max_size=6).map(lambda data: data.hex(":"))
names = st.text(st.characters(codec="utf-8", exclude_characters="/:%\0", exclude_categories=["Z", "C"]), min_size=1)
links = names.filter(
    lambda name: len(name.encode()) < 16 and b"\xa0" not in name.encode() and name not in (".", "..", "all", "default")
)
generic = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("address", "broadcast"), macs),
        **dict.fromkeys(("mtu", "txqueuelen", "numtxqueues", "numrxqueues", "group"), numbers),
        "alias": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
        "name": links,
    },
)
addresses = (st.ip_addresses(v=4) | st.ip_addresses(v=6)).map(lambda one: address_text(one.packed))  # as ip has them


@pytest.mark.parametrize("kind", [one for one in KINDS if KINDS[one].via == "link" and not KINDS[one].pair])
@FAST
@given(data=st.data(), how=generic)
def test_a_link(kind: str, data: st.DataObject, how: dict[str, Any]) -> None:
    params = data.draw(params_of(KINDS[kind]))
    ours = linkmsg.ifinfmsg(
        [*link._generic(how, ""), (linkmsg.IFLA_LINKINFO, linkinfo.of_new(kind, linkinfo.encoded(kind, params, "")))],
        up=True,
        index=7,
    )
    request = netlink.encode(netlink.NEWLINK, ours, FLAGS)
    own = kinds.encode(kind, params, LINKS.__getitem__)
    info = [("IFLA_INFO_KIND", kind), *([("IFLA_INFO_DATA", {"attrs": own})] if own else [])]
    theirs = LinkMessage()
    theirs["index"], theirs["flags"], theirs["change"] = 7, 1, 1
    theirs["attrs"] = [*((NAME[key][0], value) for key, value in how.items()), ("IFLA_LINKINFO", {"attrs": info})]
    filled = bytearray(request)
    for offset, what in request.later:
        filled[offset : offset + 4] = netlink.U32.pack(LINKS[what.name])
    assert bytes(filled) == netlink.encode(netlink.NEWLINK, theirs, FLAGS)


@FAST
@given(how=generic, mode=st.sampled_from(linkmsg.ADDR_GEN_MODES), number=st.integers(0, (1 << 31) - 1))
def test_the_other_end_of_a_pair(how: dict[str, Any], mode: str, number: int) -> None:
    peer = link._peer({**how, "index": number, "up": True, "addrgenmode": mode}, "")
    attributes = [(NAME[key][0], value) for key, value in how.items() if key != "name"]
    name = [("IFLA_IFNAME", how["name"])] if "name" in how else []
    modes = {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", linkmsg.ADDR_GEN_MODES.index(mode))]})]}
    other = {"index": number, "flags": 1, "change": 1, "attrs": [*name, *attributes, ("IFLA_AF_SPEC", modes)]}
    data = {"attrs": [("VETH_INFO_PEER", other)]}
    theirs = LinkMessage()
    theirs["attrs"] = [("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data)]})]
    ours = linkmsg.ifinfmsg([(linkmsg.IFLA_LINKINFO, linkinfo.of_new("veth", [(link.VETH_INFO_PEER, peer)]))])
    assert netlink.encode(netlink.NEWLINK, ours, FLAGS) == netlink.encode(netlink.NEWLINK, theirs, FLAGS)


@FAST
@given(addresses, addresses, st.integers(0, 255), numbers, st.text("abc:", min_size=1, max_size=15))
def test_an_address(local: str, other: str, length: int, flags: int, label: str) -> None:
    family = 10 if ":" in local else 2
    theirs = Pyroute2Addr()
    theirs["family"], theirs["prefixlen"], theirs["scope"], theirs["index"] = family, length, 253, 9
    theirs["attrs"] = [("IFA_LOCAL", local), ("IFA_ADDRESS", other), ("IFA_BROADCAST", other)]
    theirs["attrs"] += [("IFA_LABEL", label), ("IFA_FLAGS", flags)]
    ours = ifaddrmsg(
        family,
        length,
        253,
        netlink.U32.pack(9),
        [
            (IFA_LOCAL, address_bytes(local)),
            (IFA_ADDRESS, address_bytes(other)),
            (IFA_BROADCAST, address_bytes(other)),
            (IFA_LABEL, label.encode() + b"\0"),
            (IFA_FLAGS, netlink.U32.pack(flags)),
        ],
    )
    request = netlink.encode(netlink.NEWADDR, ours, FLAGS)
    assert request == netlink.encode(netlink.NEWADDR, theirs, FLAGS)
    read = read_addr(request, "red", {9: "eth0"})
    assert (read.dev, read.local, read.prefixlen, read.label) == ("eth0", local, length, label)
    assert (read.peer or local, read.broadcast, read.scope) == (other, other, "link")


@FAST
@given(st.data(), st.sampled_from([4, 6]), st.integers(0, 32), numbers, numbers)
def test_a_route(data: st.DataObject, version: int, length: int, table: int, mtu: int) -> None:
    dst, via = (address_text(data.draw(st.ip_addresses(v=version)).packed) for _ in range(2))
    family = {4: 2, 6: 10}[version]
    theirs = Pyroute2Route()
    theirs["family"], theirs["dst_len"], theirs["table"], theirs["proto"] = family, length, 254, 3
    theirs["scope"], theirs["type"], theirs["flags"] = 0, 1, 4
    theirs["attrs"] = [("RTA_DST", dst), ("RTA_TABLE", table), ("RTA_GATEWAY", via), ("RTA_OIF", 9)]
    theirs["attrs"].append(("RTA_METRICS", {"attrs": [("RTAX_MTU", mtu)]}))
    attributes: list[netlink.Attribute] = [
        (RTA_DST, address_bytes(dst)),
        (RTA_TABLE, netlink.U32.pack(table)),
        (RTA_GATEWAY, address_bytes(via)),
        (RTA_OIF, netlink.U32.pack(9)),
        (RTA_METRICS, [(RTAX_MTU, netlink.U32.pack(mtu))]),
    ]
    ours = rtmsg(family, attributes, dst_len=length, table=254, proto=3, type=1, flags=4)
    request = netlink.encode(netlink.NEWROUTE, ours, FLAGS)
    assert request == netlink.encode(netlink.NEWROUTE, theirs, FLAGS)
    read = read_route(request, "red", {9: "eth0"})
    assert (read.dst, read.via, read.dev, read.mtu) == (f"{dst}/{length}", via, "eth0", mtu)
    assert (read.flags, read.type, read.protocol) == (("onlink",), "unicast", "boot")


@FAST
@given(addresses, macs, st.integers(0, 0xFFFF))
def test_a_neighbour(dst: str, lladdr: str, state: int) -> None:
    theirs = Pyroute2Neigh()
    theirs["family"], theirs["ifindex"], theirs["state"] = 10 if ":" in dst else 2, 9, state
    theirs["attrs"] = [("NDA_DST", dst), ("NDA_LLADDR", lladdr)]
    attributes = [(NDA_DST, address_bytes(dst)), (NDA_LLADDR, mac_bytes(lladdr))]
    ours = ndmsg(10 if ":" in dst else 2, netlink.U32.pack(9), state, attributes)
    assert netlink.encode(netlink.NEWNEIGH, ours, FLAGS) == netlink.encode(netlink.NEWNEIGH, theirs, FLAGS)


VALUES = {
    linkmsg.IFLA_MTU: "IFLA_MTU",
    linkmsg.IFLA_LINK: "IFLA_LINK",
    linkmsg.IFLA_MASTER: "IFLA_MASTER",
    linkmsg.IFLA_TXQLEN: "IFLA_TXQLEN",
    linkmsg.IFLA_GROUP: "IFLA_GROUP",
}
TEXTS = {linkmsg.IFLA_IFNAME: "IFLA_IFNAME", linkmsg.IFLA_IFALIAS: "IFLA_IFALIAS"}


def test_links_of_all_kinds(lab: Lab) -> None:
    """What the kernel tells of a link of each kind that it can make."""
    for kind in KINDS.values():
        if not able(lab, kind.name) or kind.setup or kind.via == "set":
            continue
        node = lab.netns.add(kind.name)
        for name in kind.needs:
            node.link.add(name, kind="veth", peer=f"{name}p")
        with contextlib.suppress(Exception):
            node.link.add("x", kind=kind.name, **kind.example)
        for message in node.answers(netlink.GETLINK, linkmsg.ifinfmsg(), netlink.DUMP):
            told, theirs = linkmsg.Told.of(message), netlink.decode(message)
            assert {name: told.number(n) for n, name in VALUES.items()} == {
                name: theirs.get_attr(name) or 0 for name in VALUES.values()
            }
            assert [told.text(n) for n in TEXTS] == [theirs.get_attr(name) or "" for name in TEXTS.values()]
            assert (told.index, told.flags, told.type) == (theirs["index"], theirs["flags"], theirs["ifi_type"])
            read = linkmsg.read_link(message, kind.name, str)
            assert read.state == theirs.get_attr("IFLA_OPERSTATE")
            assert read.address == theirs.get_attr("IFLA_ADDRESS") or len(read.address) != 17
            info = theirs.get_attr("IFLA_LINKINFO")
            if info and read.kind in KINDS and not KINDS[read.kind].pair:
                assert read.params == kinds.decode(read.kind, info.get_attr("IFLA_INFO_DATA"), str)
