"""A topology beside what the real `ip` and `bridge` tell of the same lab: for the soak.

Both become values by what they are of (a link, its parameter, an address, a route), so that what differs can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vnetlearn import KINDS, Lab
from vnetlearn.iproute import Link
from vnetlearn.iproute.addr import Addr
from vnetlearn.iproute.linkmsg import FLAGS
from vnetlearn.iproute.route import Route
from vnetlearn.kinds import PORTS
from vnetlearn.kinds.places import address_bytes
from vnetlearn.kinds.record import Kind
from vnetlearn.topology.topology import Topology

# For each namespace in "$@" what these tell; few processes, since one takes long under emulation
DUMPS = """
for netns; do
    printf '%s\\n' link addr route | ip ${netns:+-n "$netns"} -d -j -batch - || exit
    ip ${netns:+-n "$netns"} -d -j -6 route || exit
    bridge ${netns:+-n "$netns"} -d -j link || exit
done
"""
# What ip words in its own way: numbers as hexadecimal ones, or that stand for a word
SAME = {"True": "1", "False": "0", "on": "1", "off": "0", "inherit": "0", "auto": "0", "none": "0", "None": "0"}
# Parameters of which ip prints something else under the same word, or rounds them
# (a state is a word there, and the kernel changes it when it likes; users and groups have names)
OTHERWISE = {("bridge_slave", "state"), ("tun", "user"), ("tun", "group")}

Told = dict[tuple[str, ...], object]
"""By a namespace, what it is, and which one."""


def disagreements(lab: Lab) -> list[str]:
    """What only the topology says (-), and what only the real programs say (+); empty when all is equal."""
    topology = lab.topology()
    ours, theirs = of_topology(topology), of_programs(lab, topology.netns)
    both = ours.keys() & theirs.keys()
    keys = {key for key in ours.keys() | theirs.keys() if key in both or "param" not in key}  # not all are told by both
    differing = sorted(key for key in keys if key not in both or ours[key] != theirs[key])
    return [
        f"{sign} {key} {told[key]}" for key in differing for sign, told in (("-", ours), ("+", theirs)) if key in told
    ]


def of_topology(topology: Topology) -> Told:
    found: Told = {}
    for (netns, name), link in topology.links.items():
        found[netns, "link", name] = _of_link(link)
        found |= _params(netns, name, KINDS.get(link.kind), link.params)
        found |= _params(netns, name, PORTS["bridge_slave"] if link.port else None, link.port)
    for (netns, _), addrs in topology.addrs.items():
        found |= _counted(netns, "addr", map(_of_addr, addrs))
    for netns, routes in topology.routes.items():
        found |= _counted(netns, "route", map(_of_route, routes))
    for one in topology.relations:
        if one.how == "master" and topology.links[one.source].master:  # an hsr's slaves have none for ip
            found[one.source[0], "master", one.source[1]] = one.target[1]
    return found


def of_programs(lab: Lab, names: Sequence[str]) -> Told:
    dumps = _lists(lab.host.ask(["bash", "-c", DUMPS, "bash", *names]).check().stdout)
    found: Told = {}
    for netns in names:
        links, addrs, v4, v6, ports = (next(dumps) for _ in range(5))
        for link in filter(None, links):
            info = link.get("linkinfo", {})
            found[netns, "link", link["ifname"]] = _told_link(link, info)
            found |= _params(netns, link["ifname"], KINDS.get(info.get("info_kind")), info.get("info_data", {}))
            found |= {(netns, "master", link["ifname"]): link["master"]} if "master" in link else {}
        for link in filter(None, addrs):
            found |= _counted(netns, "addr", (_told_addr(link["ifname"], addr) for addr in link["addr_info"] if addr))
        routes = [("inet", route) for route in v4] + [("inet6", route) for route in v6]
        found |= _counted(netns, "route", (_told_route(*route) for route in routes))
        for port in ports:
            found |= _params(netns, port["ifname"], PORTS["bridge_slave"] if "master" in port else None, port)
    return found


def _lists(text: str) -> Iterator[Any]:
    """The lists of JSON in a row of them."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:].lstrip()


def _counted(netns: str, what: str, values: Iterable[list[object]]) -> Told:
    """Addresses and routes, which have no name: each under all that is said of it."""
    return {(netns, what, json.dumps(value)): "" for value in values}


def _of_link(link: Link) -> list[object]:
    below = [link.link_index and (link.link or link.link_index), link.link_netnsid]
    own = [link.mtu, link.address, link.master, link.txqueuelen, link.alias, link.link_type, link.group]
    return [link.index, link.kind, link.state, sorted(link.flags), *below, *own, link.addrgenmode]


def _told_link(link: dict[str, Any], info: dict[str, Any]) -> list[object]:
    kind = info.get("info_kind", "loopback" if "LOOPBACK" in link["flags"] else "")
    flags = sorted(set(link["flags"]) & FLAGS.keys())  # ip adds words for what follows from others: NO-CARRIER, M-DOWN
    record, lower = KINDS.get(kind), link.get("link", link.get("link_index", 0)) or 0
    if lower == link["ifindex"] and not (record and (record.pair or record.parent == "required")):
        lower = 0  # by its own number the kernel says that it sits on none
    below = [lower, link.get("link_netnsid", -1)]
    own = [link["mtu"], link.get("address", ""), link.get("master", ""), link.get("txqlen", 0), link.get("ifalias", "")]
    group = 0 if link["group"] == "default" else int(link["group"])
    last = [link["link_type"], group, link.get("inet6_addr_gen_mode", "")]
    return [link["ifindex"], kind, link["operstate"], flags, *below, *own, *last]


def _of_addr(addr: Addr) -> list[object]:
    ends = [addr.peer, addr.broadcast, addr.label]
    return [addr.dev, addr.family, addr.local, addr.prefixlen, addr.scope, *ends, addr.tentative, addr.noprefixroute]


def _told_addr(dev: str, addr: dict[str, Any]) -> list[object]:
    ends = [addr.get(name, "") for name in ("address", "broadcast", "label")]
    marks = [bool(addr.get(name)) for name in ("tentative", "noprefixroute")]
    return [dev, addr["family"], addr["local"], addr["prefixlen"], addr["scope"], *ends, *marks]


def _of_route(route: Route) -> list[object]:
    end = [route.via, route.dev, route.src, route.metric, route.scope, route.protocol]
    return [route.family, route.type, route.dst, *end, sorted(route.flags), route.mtu]


def _told_route(family: str, route: dict[str, Any]) -> list[object]:
    host = "/32" if family == "inet" else "/128"
    dst = route["dst"] if "/" in route["dst"] or route["dst"] == "default" else route["dst"] + host
    via = route.get("gateway", route.get("via", {}).get("host", ""))
    end = [via, route.get("dev", ""), route.get("prefsrc", ""), route.get("metric", 0)]
    flags = sorted(set(route["flags"]) & {"onlink", "linkdown"})
    mtu = next((one["mtu"] for one in route.get("metrics", ()) if "mtu" in one), 0)
    return [family, route["type"], dst, *end, route["scope"], route["protocol"], flags, mtu]


def _params(netns: str, dev: str, kind: Kind | None, values: Mapping[str, Any]) -> Told:
    """The parameters that are one word or number, by ip's word: what both sides tell is compared."""
    return {
        (netns, "param", dev, param.word.replace("-", "_")): _plain(name, values[name])
        for param in (kind.params.values() if kind else ())
        for name in (param.word, param.name)
        if name in values and not isinstance(values[name], (list, dict, tuple)) and (kind.name, name) not in OTHERWISE  # type: ignore[union-attr]
    }


def _plain(name: str, value: object) -> str:
    text = SAME.get(str(value), str(value))
    if name.endswith("key") and text.count(".") == 3:  # a tunnel's, which ip writes as an address
        return str(int.from_bytes(address_bytes(text), "big"))
    return str(int(text, 16)) if text.startswith("0x") else text
