"""How often each verb asks the agent: what a learner waits for is mostly the way there and back."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from labs import need

from vnetlearn import Lab, Node
from vnetlearn.engine.channel import Channel, Frame, Stream

Try = Callable[[Node], object]

# In a namespace with two bridges `b` and `c`, a pair `v`, `w` with w in b and 10.0.0.1/24 on v, and another namespace
ONE: dict[str, Try] = {
    "link.add": lambda n: n.link.add("x", kind="bridge"),
    "link.add with a master": lambda n: n.link.add("x", kind="bridge", up=True, mtu=1400),
    "link.add of a pair": lambda n: n.link.add("x", kind="veth", master="b", up=True, peer="y"),
    "link.add elsewhere": lambda n: n.link.add("x", kind="veth", master="b", peer={"name": "eth0", "netns": "other"}),
    "link.add in another namespace": lambda n: n.link.add("x", kind="bridge", netns="other"),
    "link.add on another": lambda n: n.link.add("x", kind="macvlan", link="v", mode="bridge"),
    "link.add of a tunnel": lambda n: n.link.add("x", kind="vxlan", id=5, dev="v", dstport=4789),
    "link.set up": lambda n: n.link.set("v", up=True),
    "link.set master": lambda n: n.link.set("v", master="b"),
    "link.set name": lambda n: n.link.set("v", name="z"),
    "link.set group": lambda n: n.link.set("v", group=3),
    "link.set of a kind": lambda n: n.link.set("b", kind="bridge", stp_state=True),
    "link.set of a port": lambda n: n.link.set("w", kind="bridge_slave", hairpin=True),
    "link.set of several things": lambda n: n.link.set("v", up=False, mtu=1400, master="c"),
    "link.set to another namespace": lambda n: n.link.set("v", netns="other", name="z"),
    "link.delete": lambda n: n.link.delete("b"),
    "link.show": lambda n: n.link.show(),
    "link.get": lambda n: n.link.get("b"),
    "in link": lambda n: "b" in n.link,
    "addr.add": lambda n: n.addr.add("10.0.1.1/24", dev="v", broadcast="+"),
    "addr.delete": lambda n: n.addr.delete("10.0.0.1/24", dev="v"),
    "addr.show": lambda n: n.addr.show(dev="v"),
    "route.add": lambda n: n.route.add("10.2.0.0/16", dev="v", metric=5),
    "route.replace": lambda n: n.route.replace("10.2.0.0/16", via="10.0.0.2"),
    "route.delete": lambda n: n.route.delete("10.1.0.0/16", dev="v"),
    "route.show": lambda n: n.route.show(table="all"),
    "route.get": lambda n: n.route.get("10.0.0.9"),
    "neigh.add": lambda n: n.neigh.add("10.0.0.3", dev="v", lladdr="02:00:00:00:00:03"),
    "neigh.delete": lambda n: n.neigh.delete("10.0.0.2", dev="v"),
    "neigh.show": lambda n: n.neigh.show(),
    "netns.add": lambda n: n.netns.add("new"),
    "netns.delete": lambda n: n.netns.delete("other"),
    "netns.show": lambda n: n.netns.show(),
}
TWO: dict[str, Try] = {  # as ip, which asks for the names of the numbers that it was told
    "link.get of a port": lambda n: n.link.get("w"),
    "link.add of a peer without a name": lambda n: n.link.add("x", kind="veth"),
}


@pytest.fixture
def busy(lab: Lab) -> Node:
    node = lab.netns.add("busy")
    lab.netns.add("other")
    node.link.add("b", kind="bridge")
    node.link.add("c", kind="bridge")
    node.link.add("v", kind="veth", up=True, peer="w")
    node.link.set("w", up=True, master="b")
    node.addr.add("10.0.0.1/24", dev="v")
    node.route.add("10.1.0.0/16", dev="v")
    node.neigh.add("10.0.0.2", dev="v", lladdr="02:00:00:00:00:02")
    return node


def round_trips(do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How often something was sent, and then waited for; what is sent together is waited for together."""
    turns, begin, first = [""], Channel._begin, Channel._first

    def sent(self: Channel, kind: int, payload: bytes) -> Stream:
        turns.append("sent")
        return begin(self, kind, payload)

    def waited(self: Channel, stream: Stream) -> Frame:
        turns.append("waited")
        return first(self, stream)

    with monkeypatch.context() as patch:
        patch.setattr(Channel, "_begin", sent)
        patch.setattr(Channel, "_first", waited)
        do()
    return sum(pair == ("sent", "waited") for pair in itertools.pairwise(turns))


@pytest.mark.parametrize("what", [*ONE, *TWO])
def test_round_trips(what: str, busy: Node, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "link.add of a tunnel":
        need(lab, "vxlan")
    do = {**ONE, **TWO}[what]
    assert round_trips(lambda: do(busy), monkeypatch) == (1 if what in ONE else 2)


def test_a_tunnel_is_changed_in_two(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel code takes what is not sent as nothing, so ip reads first what there is, and sends it back."""
    need(lab, "ipip")
    lab.link.add("t", kind="ipip", local="10.0.0.1", remote="10.0.0.2")
    assert round_trips(lambda: lab.link.set("t", kind="ipip", remote="10.0.0.3"), monkeypatch) == 2


def test_a_topology_needs_three_however_large_it_is(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the namespaces, all dumps of all of them, and which of them the other ends of pairs are in."""
    lab.link.add("b", kind="bridge")
    for i in range(5):
        lab.netns.add(f"n{i}").link.add("eth0", kind="veth", peer={"name": f"v{i}", "netns": lab.host})
        assert round_trips(lab.topology, monkeypatch) == 3


def test_a_batch_needs_one(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> None:
        with lab.batch():
            for i in range(5):
                node = lab.netns.add(f"n{i}")
                node.link.add("eth0", kind="veth", peer={"name": f"v{i}", "netns": lab.host})
                node.addr.add("10.0.0.1/24", dev="eth0")

    assert round_trips(build, monkeypatch) == 1
    assert len(lab.link.show()) == 6
