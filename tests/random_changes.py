"""Random changes of a lab by the Python verbs, and what two labs are compared by: for the tests of scripts."""

from __future__ import annotations

import contextlib
import difflib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from kinds.samples import params_of
from labs import able, contents

from vnetlearn import KINDS, Lab, Node
from vnetlearn.errors import VnetlearnError
from vnetlearn.iproute.link import PeerLike

NAMES = ["eth0", "eth1", "a", "b", "c", "up", "-h", "ü", "a'b", "$HOME"]
NETNS = ["red", "blue", "-n", "it's", "$(id)"]
V4, V6 = [f"10.0.0.{n}" for n in range(1, 4)], [f"fd00::{n}" for n in range(1, 4)]
YES_OR_NO = [True, False]
ATTEMPTS = 10
CREATED = [name for name, kind in KINDS.items() if kind.via != "set" and not kind.hardware and not kind.setup]
SYSCTLS = ["net.ipv4.ip_forward", "net.ipv4.conf.all.arp_ignore", "net.ipv6.conf.all.forwarding"]


def through(test: Callable[[], None]) -> None:
    """Run a test of Hypothesis that draws from what a lab has, until it comes to its end.

    Where the kernel was slower than the last time there is less to choose; when Hypothesis goes the same way again it
    takes that for a mistake of the test. Then it begins anew, on other ways.
    """
    for _ in range(ATTEMPTS):
        with contextlib.suppress(FlakyStrategyDefinition):
            seed(random.getrandbits(64))(test)()
            return
    raise AssertionError(f"the kernel did otherwise each of {ATTEMPTS} times")


class Draw:
    """Random choices: from lists by one random number for all, so that each item is as likely.

    Parameters are Hypothesis's.
    """

    def __init__(self, data: st.DataObject) -> None:
        self._data, self._random = data, random.Random(data.draw(st.integers(0, 1 << 64)))

    def __call__(self, what: Sequence[Any] | st.SearchStrategy[Any]) -> Any:
        return self._data.draw(what) if isinstance(what, st.SearchStrategy) else self._random.choice(what)

    def some(self, **values: Sequence[Any]) -> dict[str, Any]:
        """Up to three of these, with a value each."""
        names = self._random.sample(list(values), self._random.randint(0, min(3, len(values))))
        return {name: self(values[name]) for name in names}

    def mac(self) -> str:
        return "02:00:00:00:" + self._random.randbytes(2).hex(":")

    def node(self, lab: Lab) -> Node:
        return lab.node(self([node.name for node in lab.nodes]))

    def link(self, node: Node) -> str:
        """One that is there, mostly. Not lo, to which the kernel gives an address when it comes up, for ever."""
        return str(self([*list(node.link.names().values())[1:] * 3, self(NAMES)]))


def add_netns(draw: Draw, node: Node) -> None:
    node.lab.netns.add(draw(NETNS))


def add_veth(draw: Draw, node: Node) -> None:
    peer = {"name": draw(NAMES), "address": draw.mac(), "netns": draw.node(node.lab)}
    peer |= draw.some(mtu=[1300, 1500], txqueuelen=[0, 9])
    how = draw.some(mtu=[1300, 70], up=YES_OR_NO, alias=["two words"], group=[7])
    node.link.add(draw(NAMES), kind="veth", address=draw.mac(), peer=peer, **how)


def add_any(draw: Draw, node: Node) -> None:
    kind, name = draw([one for one in CREATED if one != "veth" and able(node.lab, one)]), draw(NAMES)
    record = KINDS[kind]
    for needed in record.needs:
        if needed not in node.link:
            node.link.add(needed, kind="dummy" if able(node.lab, "dummy") else "bridge", address=draw.mac())
    own_address = record.address and "address" not in record.follows
    how: dict[str, Any] = {"address": draw.mac()} if own_address else {}
    if "link" in record.example:
        how["link"] = draw([record.example["link"], draw.link(node)])
    if record.via == "link":
        how |= draw.some(mtu=[1280, 1400], **({"netns": [draw.node(node.lab)]} if record.told_home else {}))
    node.link.add(name, kind=kind, **how, up=draw(YES_OR_NO), **draw(params_of(record)))
    if kind == "tun" and "BROADCAST" in node.link[name].flags:  # a tap, which cannot be made with an address
        node.link.set(name, address=draw.mac())


def set_link(draw: Draw, node: Node) -> None:
    how = draw.some(
        up=YES_OR_NO,
        mtu=[70, 1500, 100000],
        alias=["it's"],
        txqueuelen=[1, 9],
        master=["", draw.link(node)],
        name=NAMES,
        group=[0, 7],
        arp=YES_OR_NO,
        promisc=YES_OR_NO,
        allmulticast=YES_OR_NO,
        multicast=YES_OR_NO,
        address=[draw.mac(), "01:00:00:00:00:00"],
        addrgenmode=["none", "eui64"],
    )
    node.link.set(draw.link(node), **how)


def move(draw: Draw, node: Node) -> None:
    """With more in the same change, of which the kernel may refuse a part; but for tunnels, which remember a move."""
    name = draw.link(node)
    more = draw.some(up=YES_OR_NO, mtu=[60, 1500], address=[draw.mac()], alias=["it's"])
    plain = node.link[name].kind in ("veth", "dummy", "ifb")
    node.link.set(name, netns=draw.node(node.lab), **draw.some(name=NAMES), **(more if plain else {}))


def set_mtu(draw: Draw, node: Node) -> None:
    """Alone: the links that sit on it follow it down, and not up again."""
    node.link.set(draw.link(node), mtu=draw([70, 1280, 1400, 1500]))


def set_up(draw: Draw, node: Node) -> None:
    node.link.set(draw.link(node), up=True)


def set_master(draw: Draw, node: Node) -> None:
    masters = [link.name for link in node.link.show() if link.kind in ("bridge", "bond", "vrf")]
    node.link.set(draw.link(node), master=draw([*masters * 3, draw.link(node)]), **draw.some(up=YES_OR_NO))


def set_kind(draw: Draw, node: Node) -> None:
    link = node.link[draw.link(node)]
    if link.port and draw(YES_OR_NO):
        node.link.set(link.name, kind="bridge_slave", **draw.some(hairpin=YES_OR_NO, cost=[1, 9], isolated=YES_OR_NO))
    elif link.kind in CREATED and link.kind not in ("veth", "tun"):
        node.link.set(link.name, kind=link.kind, **draw(params_of(KINDS[link.kind])), **draw.some(alias=["kind"]))


def delete_link(draw: Draw, node: Node) -> None:
    node.link.delete(draw.link(node))


def add_addr(draw: Draw, node: Node) -> None:
    if draw(YES_OR_NO):
        how = draw.some(broadcast=["+"], peer=[f"{draw(V4)}/32"], scope=["link", "host"], noprefixroute=YES_OR_NO)
        node.addr.add(f"{draw(V4)}/{draw([24, 32])}", dev=draw.link(node), **how)
    else:
        node.addr.add(f"{draw(V6)}/64", dev=draw.link(node), nodad=True)


def take_addr(draw: Draw, node: Node) -> None:
    if draw(YES_OR_NO):
        node.addr.flush(dev=draw.link(node))
    elif found := node.addr.show():
        addr = draw(found)
        node.addr.delete(
            str(addr) if not addr.peer else addr.local,
            dev=addr.dev,
            peer=f"{addr.peer}/{addr.prefixlen}" if addr.peer else None,
        )


def change_route(draw: Draw, node: Node) -> None:
    verb, v4 = draw([node.route.add, node.route.add, node.route.replace, node.route.delete]), draw(YES_OR_NO)
    hosts, networks = (V4, ["10.1.0.0/16", "10.2.0.1", "default"]) if v4 else (V6, ["fd01::/32", "fd02::1"])
    to = draw([{"via": draw(hosts)}, {"dev": draw.link(node)}, {"type": draw(["blackhole", "unreachable"])}, {}])
    more = draw.some(metric=[1, 2], mtu=[1300], table=["main", 100], onlink=YES_OR_NO, protocol=["static"], src=hosts)
    verb(draw(networks), **to, **more)


def change_neigh(draw: Draw, node: Node) -> None:
    dst, dev = draw(V4 + V6), draw.link(node)
    if draw(YES_OR_NO):
        verb = draw([node.neigh.add, node.neigh.replace])
        verb(dst, dev=dev, lladdr=draw.mac())  # permanent: others go when a carrier does, a moment later
    else:
        node.neigh.delete(dst, dev=dev)


def set_sysctl(draw: Draw, node: Node) -> None:
    node.sysctl.set(draw([*SYSCTLS, "net.ipv4.nonsense"]), draw([0, 1, 2]))


def run(draw: Draw, node: Node) -> None:
    made = "ip link add name r{} address 02:00:00:00:00:07 type bridge"
    texts = [
        made.format(0),
        f"set -e; {made.format(1)}\nfalse; {made.format(2)}",
        f"cd /tmp # it's\n{made.format(3)}; exit 3",
        "ip link delete dev r0",
        ["ip", "link", "set", "dev", "r0", "mtu", "1300"],
    ]
    node.run(draw(texts), quiet=True)
    node.run("$DO", env={"DO": "ip -batch -"}, input=f"link set dev r0 alias {draw('xyz')}\n", quiet=True)


CHANGES = [
    add_netns,
    add_veth,
    *[add_any] * 3,
    *[set_link] * 4,
    set_mtu,
    move,
    *[set_up] * 2,
    set_master,
    set_kind,
    delete_link,
    *[add_addr] * 2,
    take_addr,
    *[change_route] * 3,
    change_neigh,
    set_sysctl,
    run,
]


def begin(lab: Lab) -> None:
    """Two namespaces with a cable, a bridge in the first, and no links that a tunnel's module makes by itself."""
    if lab.engine == "vm":
        lab.sysctl.set("net.core.fb_tunnels_only_for_init_net", 2)
    red = lab.netns.add("red")
    peer: PeerLike = {"name": "eth0", "address": "02:00:00:00:00:02", "netns": red}
    lab.link.add("eth0", kind="veth", address="02:00:00:00:00:01", peer=peer)
    lab.link.add("br0", kind="bridge", address="02:00:00:00:00:03")
    for number, node in enumerate(lab.nodes, 8):
        node.link.set("eth0", up=True)
        node.addr.add(f"10.0.0.{number}/24", dev="eth0")
        node.addr.add(f"fd00::{number}/64", dev="eth0", nodad=True)


def change(draw: Draw, lab: Lab) -> None:
    """One random change. A refused one has made no link, set no value, left no line in the transcript."""
    what, node = draw(CHANGES), draw.node(lab)
    before, written = contents(lab), lab.transcript
    try:
        what(draw, node)
    except VnetlearnError as error:
        if lab.transcript == written and "was made" not in str(error):
            lines = list(difflib.ndiff(str(before).split(", "), str(contents(lab)).split(", ")))
            assert not [line for line in lines if line[0] != " "], error  # noqa: PT017


DUMPS = """
for netns in "" $(ip netns list | cut -d' ' -f1); do
    for what in "-d link" "addr" "-4 route show table all" "-6 route show table all" \
            "-4 rule" "-6 rule" "neigh show nud all"; do
        ip ${netns:+-n "$netns"} -j $what || exit
        echo
    done
    ${netns:+ip netns exec "$netns"} sysctl SYSCTLS
done
""".replace("SYSCTLS", " ".join(SYSCTLS))
# Numbers and times that differ from lab to lab, and what remembers that a link was up once; relations between links are
# compared by name (topology.read)
PASSING = {
    "ifindex",
    "link_index",
    "link_netnsid",
    "link",
    "permaddr",
    "valid_life_time",
    "preferred_life_time",
    "expires",
    "used",
    "confirmed",
    "updated",
    "probes",
    "qdisc",
    "seq_nr",
}


def still(value: Any) -> Any:
    """A dump without what passes, and without what IPv6 makes by itself from random numbers."""
    if isinstance(value, dict):
        if value.get("operstate") == "LOWERLAYERDOWN":  # which of the two depends on the index of the other end
            value["operstate"] = "DOWN"
        return {key: still(inner) for key, inner in value.items() if key not in PASSING and not key.endswith("_timer")}
    if not isinstance(value, list):
        return value
    return sorted((still(one) for one in value if not by_itself(one)), key=spelled)


def by_itself(one: object) -> bool:
    """A link-local address, or a route to one or to a multicast group, or that group's neighbour."""
    address = one.get("local", one.get("dst")) if isinstance(one, dict) else None
    return str(address).startswith(("fe80", "ff", "224."))


def spelled(one: object) -> str:
    return json.dumps(one, sort_keys=True)


def dump(lab: Lab, script: str = DUMPS) -> list[str]:
    """A line of text for each link, address, route, …, setting and relation, as a script of `ip -j` dumps them."""
    found: list[str] = []
    for line in lab.host.ask(["bash", "-c", script]).check().stdout.splitlines():
        found += map(spelled, still(json.loads(line))) if line.startswith("[") else [line]
    return found + sorted(map(str, lab.topology().relations))


def differences(ours: Lab, theirs: Lab) -> str:
    """What the two kernels tell differently, and the transcript; "" when all is equal."""
    lines = list(difflib.unified_diff(dump(ours), dump(theirs), "ours", "theirs", lineterm="", n=0))
    return "\n".join(["", *lines, ours.transcript]) if lines else ""
