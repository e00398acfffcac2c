"""A kind is one record: two that the guest's kernel has and the catalogue has not, each added by its record alone.

Nothing else is told of them anywhere, and each is listed, made, drawn, explored, made again and followed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from labs import eventually

from vnetlearn import Lab, explore
from vnetlearn.display.theme import FAMILIES
from vnetlearn.errors import BadParameter
from vnetlearn.kinds import KINDS, OTHERS, Kind, Param, encode, parse, words
from vnetlearn.kinds.lists import Peer
from vnetlearn.kinds.numbers import enum
from vnetlearn.kinds.places import Bits, Elsewhere, Whole
from vnetlearn.kinds.record import Wraps, table
from vnetlearn.kinds.values import Flag, choice
from vnetlearn.lab import trial
from vnetlearn.lessons.map import Map
from vnetlearn.topology.diagram import look_of
from vnetlearn.topology.model import Key, Relation

IPVTAP = Kind(
    "ipvtap",
    "an ipvlan whose frames a program reads",
    "Like ipvlan, but frames go to and come from a program.",
    "sharing a card",
    "ipvtap",
    "drivers/net/ipvlan/ipvtap.c",
    "4.11",
    "required",
    "link",
    "ip-link(8)",
    example={"link": "eth0", "mode": "l2"},
    needs=("eth0",),
    relations=("lower", "held"),
    shows=("mode",),
    queue=500,
    address=False,
    usual={"mode": "l3", "private": False},
    params=table(
        Param(
            "mode", "At which layer it gets its packets.", choice("l2", "l3", "l3s"), Whole("IFLA_IPVLAN_MODE", "u16")
        ),
        Param("private", "Whether siblings do not reach it.", Flag(no=""), Bits("IFLA_IPVLAN_FLAGS", 1)),
    ),
    numbers=enum("IFLA_IPVLAN_", "UNSPEC MODE FLAGS"),
)
VXCAN = Kind(
    "vxcan",
    "a cable between two CAN buses",
    "A pair of links: a CAN frame that goes into one comes out of the other.",
    "bus and radio",
    "vxcan",
    "drivers/net/can/vxcan.c",
    "4.12",
    "none",
    "",
    "ip-link(8), VETH, VXCAN Type Support",
    example={"peer": "vxcan9"},
    relations=("peer",),
    address=False,
    params=table(Param("peer", "The other end.", Peer(), Elsewhere("a link message of its own"))),
)
RECORDS = (IPVTAP, VXCAN)


@pytest.fixture(params=RECORDS, ids=lambda record: record.name)
def record(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kind:
    """One of them, in the catalogue."""
    return added(request.param, monkeypatch)


def added(record: Kind, monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.delitem(OTHERS, record.name, raising=False)
    monkeypatch.setitem(KINDS, record.name, record)
    return record


@pytest.fixture
def vm() -> Iterator[Lab]:
    """A lab with two machines, `host` and b, on a cable."""
    with Lab("empty", engine="vm") as lab:
        b = lab.netns.add("b")
        lab.link.add("eth0", kind="veth", up=True, peer={"name": "eth0", "netns": b})
        b.link.set("eth0", up=True)
        b.addr.add("10.0.0.2/24", dev="eth0")
        yield lab


def test_it_is_listed_last_and_can_be_made(record: Kind) -> None:
    assert list(KINDS)[-1] == record.name
    row = trial.table()[-1]
    assert (row["kind"], row["vm"]) == (record.name, True), row
    assert record in Map().families[record.family]
    assert record.says in repr(Map())


def test_its_parameters_are_spelled_read_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    added(IPVTAP, monkeypatch)
    assert words("ipvtap", {"private": True, "mode": "l3s"}) == ["mode", "l3s", "private"]
    assert parse("ipvtap", ["mode", "l3s", "private"]) == {"mode": "l3s", "private": True}
    assert encode("ipvtap", {"mode": "l3"}, {}.__getitem__) == [("IFLA_IPVLAN_MODE", b"\1\0")]
    with pytest.raises(BadParameter, match="mode must be one of l2, l3, l3s"):
        words("ipvtap", {"mode": "l4"})
    with pytest.raises(BadParameter, match="did you mean ipvtap"):
        words("ipvtab", {})


def test_the_kernel_makes_what_ip_makes(vm: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    added(IPVTAP, monkeypatch)
    told = []
    for by_ip in (False, True):
        if by_ip:
            vm.run("ip link add link eth0 name x type ipvtap mode l3s private", check=True, quiet=True)
        else:
            vm.link.add("x", kind="ipvtap", link="eth0", mode="l3s", private=True)
        assert vm.link["x"].params == {"mode": "l3s", "private": True}
        link = json.loads(vm.host.ask(["ip", "-d", "-j", "link", "show", "dev", "x"]).check().stdout)[0]
        told.append((link["linkinfo"], link["txqlen"], link["mtu"], link["flags"], link["link"]))
        vm.link.delete("x")
    assert told[0] == told[1]
    vm.link.add("x", kind="ipvtap", link="eth0", mode="l2")
    vm.link.set("x", kind="ipvtap", mode="l3")
    assert vm.link["x"].params["mode"] == "l3"


def test_a_pair_is_made_and_hangs_together_across_namespaces(vm: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    added(VXCAN, monkeypatch)
    vm.link.add("x", kind="vxcan", up=True, peer={"name": "y", "netns": "b"})
    assert vm["b"].link["y"].kind == "vxcan"
    assert Relation("peer", ("", "x"), ("b", "y")) in vm.topology().relations


def make(lab: Lab, record: Kind) -> Key:
    """One in the lab's first namespace, with its other end in b where it has one."""
    if record.pair:
        lab.link.add("x", kind=record.name, up=True, peer={"name": "y", "netns": "b"})
    else:
        lab.link.add("x", kind=record.name, up=True, txqueuelen=9, **record.example)
        lab.addr.add("10.0.0.1/24", dev="x")
    return "", "x"


def test_it_is_drawn_as_its_family_is(vm: Lab, record: Kind) -> None:
    key = make(vm, record)
    topology = vm.topology()
    assert look_of(topology.links[key]) is FAMILIES[record.family]
    assert (
        f'<b>x</b> <font color="#475569">{" ".join([record.name, *(["l2"] if record is IPVTAP else [])])}</font>'
        in (topology.draw(theme="light").dot)
    )
    assert {r.how for r in topology.relations if key in (r.source, r.target)} == {record.relations[0]}


def test_it_is_made_again_by_the_script(vm: Lab, record: Kind) -> None:
    make(vm, record)
    script = vm.topology().to_script()
    assert f"type {record.name}" in script
    with Lab("empty", engine="vm") as theirs:
        theirs.run(f"set -e\n{script}", check=True, quiet=True)
        assert eventually(lambda: theirs.topology().to_script() == script), (theirs.topology().to_script(), script)


def test_it_has_an_explorer(record: Kind) -> None:
    explorer = explore(record.name, engine="vm")
    try:
        assert explorer.wait(120)
        assert explorer.error is None, explorer.error
        assert [link.kind for link in explorer.made.links] == [record.name]
        assert explorer.controls.controls.keys() == record.params.keys()
        assert f"type {record.name}" in explorer.commands()[0]
        assert record.name in explorer.results[0].stdout
        assert f"<b>{explorer.made.links[0].name}</b>" in explorer.picture.dot
    finally:
        explorer.close()


def test_frames_are_followed_through_it(vm: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    make(vm, added(IPVTAP, monkeypatch))
    vm.ping("10.0.0.2", count=1)
    journey = vm.ping("10.0.0.2", journey=True).journey
    assert journey is not None
    assert journey.end is None, journey
    ways = [(hop.netns, hop.dev, hop.direction) for hop in journey.request if hop.main]
    assert ways == [("", "x", "out"), ("", "eth0", "out"), ("b", "eth0", "in")], journey


def test_a_header_that_no_journey_knows_yet_does_not_stop_those_that_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = Kind(
        "strange", "a tunnel", "…", "tunnel", "strange", "…", "", "none", "", "…", wraps=Wraps("FOO", (1234,))
    )
    monkeypatch.setitem(KINDS, "strange", strange)
    with Lab("empty", engine="host") as lab:
        a, b = lab.netns.add("a"), lab.netns.add("b")
        lab.link.add("v0", kind="veth", netns=a, peer={"name": "v1", "netns": b})
        for node, dev, addr in ((a, "v0", "10.0.0.1/24"), (b, "v1", "10.0.0.2/24")):
            node.addr.add(addr, dev=dev)
            node.link.set(dev, up=True)
        journey = a.ping(b, journey=True).journey
    assert journey is not None
    assert journey.answer.startswith("echo reply")
