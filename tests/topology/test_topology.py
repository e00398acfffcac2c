"""The topology of a lab: every kind's relations, found in a real kernel; JSON as its schema says; pictures of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest
from labs import able, eventually, lesson, need, need_of_kernel

from vnetlearn import KINDS, Lab
from vnetlearn.display.theme import FAMILIES, LINES, THINGS
from vnetlearn.errors import BadParameter, NotFound
from vnetlearn.iproute import Link
from vnetlearn.topology.diagram import look_of
from vnetlearn.topology.model import RELATIONS, Key, Relation
from vnetlearn.topology.topology import Topology

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/topology.schema.json").read_text())
REDIRECT = "tc qdisc add dev eth1 ingress && tc filter add dev eth1 parent ffff: protocol all u32 match u32 0 0 action"
HOLD = """
import fcntl, struct
f = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(f, 0x400454ca, struct.pack("16sH22x", b"x0", 0x1001))
print("held", flush=True)
input()
"""


@contextmanager
def scene(lab: Lab, kind: str) -> Iterator[Key]:
    """A link `x0` of the kind, with what it needs to hang together with others; a tunnel's other end is in `far`."""
    record = KINDS[kind]
    far = lab.netns.add("far")
    lab.link.add("eth0", kind="veth", peer={"name": "eth0", "netns": far})
    lab.link.add("eth1", kind="veth", peer={"name": "eth1", "netns": far})
    for node, number in ((lab.host, 1), (far, 2)):
        node.link.set("eth0", up=True)
        node.addr.add(f"192.0.2.{number}/24", dev="eth0")
        node.addr.add(f"2001:db8::{number}/64", dev="eth0", nodad=True)
    if record.setup:
        lab.run(record.setup, quiet=True)
    if kind == "tun":
        program = lab.host.start(["python3", "-c", HOLD])
        assert eventually(lambda: "x0" in lab.link)
        yield "", "x0"
        program.write(b"\n")
        return
    if record.via == "set":
        yield "", "can0"
        return
    how = dict(record.example)
    lab.link.add("x0", kind=kind, **({**how, "peer": {"name": "x1", "netns": far}} if kind == "veth" else how))
    if record.family == "tunnel":
        far.link.add("x0", kind=kind, **{**how, **_mirrored(how)})
    if kind in ("bridge", "bond", "vrf"):
        lab.link.set("eth1", master="x0")
    if kind == "ifb":
        lab.run(f"{REDIRECT} mirred egress redirect dev x0", check=True, quiet=True)
    yield "", "x0"


def _mirrored(how: dict[str, str]) -> dict[str, str]:
    v6 = ":" in how["remote"]
    ends = ("2001:db8::2", "2001:db8::1") if v6 else ("192.0.2.2", "192.0.2.1")
    return {"remote": ends[1], **({"local": ends[0]} if "local" in how else {})}


@pytest.mark.parametrize("kind", [name for name, record in KINDS.items() if not record.hardware])
def test_every_kind_has_its_relations_and_its_picture(lab: Lab, kind: str) -> None:
    need(lab, kind)
    with scene(lab, kind) as key:
        topology = lab.topology()
        mine = [r for r in topology.relations if key in (r.source, r.target)]
        wanted = set(KINDS[kind].relations) - ({"held"} if kind == "macvtap" else set())
        assert {r.how for r in mine} == wanted, topology.relations
        picture = topology.draw()
        assert f"<b>{key[1]}</b>" in picture.dot
        assert look_of(topology.links[key]) is FAMILIES[KINDS[kind].family]
        for relation in mine:
            assert RELATIONS[relation.how].says in picture.text
        assert picture.svg.startswith("<svg role")
        jsonschema.validate(json.loads(topology.to_json()), SCHEMA)


def test_the_other_end_of_a_tunnel_is_found_by_addresses_and_numbers(lab: Lab) -> None:
    need(lab, "vxlan")
    with scene(lab, "vti" if able(lab, "vti") else "veth"):
        far = lab["far"]
        for number in (1, 2):
            lab.link.add(f"vx{number}", kind="vxlan", id=number, remote="192.0.2.2", local="192.0.2.1", dstport=4789)
            far.link.add(
                f"vx{number}", kind="vxlan", id=3 - number, remote="192.0.2.1", local="192.0.2.2", dstport=4789
            )
        lab.link.add("lost", kind="vxlan", id=9, remote="192.0.2.99", dstport=4789)
        found = [r for r in lab.topology().relations if r.how == "tunnel" and "vx" in r.source[1]]
        assert found == [
            Relation("tunnel", ("", "vx1"), ("far", "vx2")),
            Relation("tunnel", ("", "vx2"), ("far", "vx1")),
        ]
        far.link.set("vx1", netns="", name="moved")  # it goes on to send from where it was made
        assert Relation("tunnel", ("", "moved"), ("", "vx2")) in lab.topology().relations
        assert Relation("underlay", ("", "moved"), ("far", "eth0")) in lab.topology().relations
        assert lab.topology().link_netns == {("", "moved"): "far"}
        jsonschema.validate(json.loads(lab.topology().to_json()), SCHEMA)


def test_vxlan_through_its_forwarding_table(lab: Lab) -> None:
    need(lab, "vxlan")
    with scene(lab, "veth"):
        for node, other in ((lab.host, 2), (lab["far"], 1)):
            node.link.add("vx0", kind="vxlan", id=7, dstport=4789)
            node.run(f"bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.{other}", check=True)
        relations = lab.topology().relations
        assert Relation("tunnel", ("", "vx0"), ("far", "vx0")) in relations
        assert Relation("underlay", ("", "vx0"), ("", "eth0")) in relations


def test_lower_links_and_tunnels_in_other_namespaces(lab: Lab) -> None:
    kinds = [kind for kind in ("macvlan", "ipvlan", "vlan", "macsec") if able(lab, kind)]
    with scene(lab, "veth"):
        for number, kind in enumerate(kinds):
            away = lab.netns.add(f"n{number}")
            parent = f"p{number}"  # one of its own: some would not have others beside them
            lab.link.add(parent, kind="veth", peer=f"q{number}")
            lab.link.add("c", kind=kind, **{**KINDS[kind].example, "link": parent}, netns=away)
            assert Relation("lower", (away.name, "c"), ("", parent)) in lab.topology().relations


def test_the_usual_parameters_are_those_of_the_kernel() -> None:
    """As Linux 6.12 has them, which is the guest's; where another kernel's differ, they are shown, and in scripts."""
    with Lab("empty", engine="vm") as lab:
        need_of_kernel("defaults of Linux 6.12", lab.kernel.startswith("6.12"))
        for name in ("eth0", "eth1"):
            lab.link.add(name, kind="dummy", up=True)
        for kind, usual in ((name, record.usual) for name, record in KINDS.items() if record.usual):
            how = {k: v for k, v in KINDS[kind].example.items() if k not in usual}
            params = lab.link.add("x", kind=kind, **how).params
            lab.link.delete("x")
            assert {name: params.get(name) for name in usual} == usual, kind


def test_counters_come_when_asked_for(machine: Lab) -> None:
    assert not machine.topology().stats
    before = machine.topology(stats=True)
    machine.ping("192.168.0.20", count=3)
    after = machine.topology(stats=True)
    assert after.stats["", "eth0"]["tx_packets"] >= before.stats["", "eth0"]["tx_packets"] + 3
    assert "packets" in after.draw(stats=True).dot
    jsonschema.validate(json.loads(after.to_json()), SCHEMA)


def test_focus_layers_and_highlight(machine: Lab) -> None:
    topology = machine.topology()
    assert names(topology.draw(focus="host/eth0").dot) == {"eth0", "host"}
    assert names(topology.draw(focus=machine["gateway"]).dot) == {"eth0", "lo", "gateway"}
    around = names(topology.draw(focus=["gateway", ("lan", "sw0")]).dot)
    assert around == {"eth0", "lo", "neighbour", "sw0", "gateway", "host"}
    assert "sw0" not in names(topology.draw(layers="physical").dot)
    assert "mtu 1500" in topology.draw(layers="physical").dot
    assert names(topology.draw(layers="l3").dot) == {"eth0", "lo"}
    assert '"192.168.0.0/24"' in topology.draw(layers=["l3"]).dot
    plain, marked = topology.draw().dot, topology.draw(highlight="lan").dot
    assert marked.count("penwidth=3") - plain.count("penwidth=3") == 4


def names(dot: str) -> set[str]:
    return set(re.findall(r"<b>([^<]+)</b> <font", dot))


@pytest.mark.parametrize(
    "how",
    [{"focus": "eth9"}, {"highlight": "nowhere/eth0"}, {"layers": "l4"}, {"theme": "pink"}],
    ids=lambda how: next(iter(how)),
)
def test_what_is_not_there_is_said(machine: Lab, how: dict[str, str]) -> None:
    with pytest.raises((NotFound, BadParameter)) as error:
        machine.topology().draw(**how)
    lesson(error.value)


def test_a_path_is_numbered_and_read_aloud(machine: Lab) -> None:
    steps = [("", "eth0"), ("lan", "host"), ("lan", "neighbour"), ("neighbour", "eth0")]
    picture = machine.topology().draw(path=steps)
    assert all(number in picture.dot for number in "①②③④")
    assert picture.text.endswith("eth0 in host, then host in lan, then neighbour in lan, then eth0 in neighbour.")


def test_every_relation_and_thing_has_a_line_and_a_look() -> None:
    assert set(RELATIONS) <= set(LINES)
    assert {"process", "netlink", "bus", "radio", "group"} <= set(THINGS)
    assert {record.family for record in KINDS.values()} <= set(FAMILIES)
    looks = [(look.shape, look.hue, look.style) for look in FAMILIES.values()]
    assert len({shape + style for shape, _, style in looks}) == len(looks) == len(set(looks))


def test_a_namespace_that_goes_away_while_it_is_read_is_left_out(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.netns.add("gone")
    nodes = lab.nodes
    lab.netns.delete("gone")
    monkeypatch.setattr(Lab, "nodes", property(lambda self: nodes))
    assert lab.topology().netns == ("",)


def test_a_namespace_that_goes_between_the_dump_and_the_relations(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its links were read; what they hang on in other namespaces cannot be asked any more."""
    blue = lab.netns.add("blue")
    lab.link.add("v0", kind="veth", peer={"name": "v1", "netns": blue})
    ask = lab.channel.request

    def request(op: str, **arguments: object) -> dict[str, object]:
        if op == "nsid" and "blue" in lab.netns:
            lab.netns.delete("blue")
        return ask(op, **arguments)

    monkeypatch.setattr(lab.channel, "request", request)
    topology = lab.topology()
    assert ("", "v0") in topology.links
    assert topology.draw().svg


def test_links_that_go_while_they_are_drawn(lab: Lab) -> None:
    """A reading is whole, though links come and go: hundreds of readings beside a loop that makes and deletes."""
    churn = lab.host.start(
        ["bash", "-c", "while ip link add c0 type veth peer name c1 && ip link delete c0; do :; done"]
    )
    for _ in range(40):
        topology = lab.topology()
        ends = {key[1] for key in topology.links} & {"c0", "c1"}
        assert all(
            relation.source in topology.links and relation.target in topology.links for relation in topology.relations
        )
        assert ends in (set(), {"c0"}, {"c1"}, {"c0", "c1"})
        assert topology.draw().svg
    churn.signal(9)


@pytest.mark.parametrize("form", ["svg", "png", "pdf", "json", "dot", "sh"])
def test_it_is_saved_in_many_forms(machine: Lab, tmp_path: Path, form: str) -> None:
    begins = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{", "dot": b"digraph", "sh": b"#!/bin/sh"}
    assert machine.topology().save(tmp_path / f"x.{form}").read_bytes().startswith(begins[form])
    with pytest.raises(BadParameter, match="svg"):
        machine.topology().save(tmp_path / "x.doc")


def test_hostile_names(lab: Lab) -> None:
    for name in ('"><script>', "a\\", "&amp;", "{|}", "\u202eevil"):
        lab.link.add(name, kind="veth", peer=f"{name[:9]}'")
        lab.link.set(name, alias="<b>\n")
    lab.run(["ip", "link", "add", "name", b"\xff\xfe".decode(errors="surrogateescape"), "type", "veth"], quiet=True)
    picture = lab.draw(layers=("physical", "l2", "l3"))
    assert "<script" not in picture.svg
    assert picture.svg.count("veth") >= 10


def test_an_empty_topology_is_drawn() -> None:
    nothing = Topology((), {}, {}, ())
    assert nothing.draw().svg
    assert nothing.to_script() == "#!/bin/sh\n"


def test_a_card_that_no_kind_made_is_drawn() -> None:
    card = Link("", 2, "eth0", "", "UP", ("UP",), 1500, "02:00:00:00:00:01", "", "")
    topology = Topology(("",), {("", "eth0"): card}, {}, ())
    assert "box3d" in topology.draw().dot
    assert "# eth0 in host is ether hardware" in topology.to_script()


def test_a_topology_reads_itself_aloud(lab: Lab) -> None:
    assert repr(lab.topology()) == "namespace host: no links."
