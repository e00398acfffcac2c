"""Experiments on links that share a card: two children of eth0 in namespaces of their own, and who hears whom.

Public as `vnetlearn.sharing`, for lessons that make one experiment, or a part of one, in a cell:

    from vnetlearn import sharing
    sharing.reach(sharing.MODES["macvlan"][0])

Each experiment builds a lab, asks the kernel, and ends the lab. All are the same for macvlan and ipvlan: what differs
is in MODES.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..display.grid import Cell
from ..engine.program import Program
from ..errors import KernelRefused, VnetlearnError
from ..kinds.record import Params
from ..lab.lab import Lab, Node
from ..lab.ping import Ping, many

CHILDREN = (("ns1", "192.168.0.100", "10.1.1.100"), ("ns2", "192.168.0.200", "10.1.2.200"))
HOST, NEIGHBOUR, GATEWAY, BEYOND = "192.168.0.171", "192.168.0.20", "192.168.0.1", "203.0.113.1"
THIRD = "192.168.0.150"
NEIGHBOUR_MAC = "02:00:c0:a8:00:14"


@dataclass(frozen=True)
class Mode:
    """A kind with its mode's parameters; `hairpin`: whether the switch may send a frame back where it came from."""

    kind: str
    params: Params
    hairpin: bool = False
    says: str = ""

    @property
    def name(self) -> str:
        words = [str(v) if k == "mode" else k for k, v in self.params.items() if k != "macaddr"]
        return " ".join([self.kind, *words, *(["+ hairpin"] if self.hairpin else [])])

    @property
    def routes(self) -> bool:
        """Whether the parent routes for its children, who then do no ARP."""
        return self.params.get("mode") in ("l3", "l3s")

    @property
    def short(self) -> str:
        return {"macvlan": "mac", "ipvlan": "ipvlan"}[self.kind]


MODES: dict[str, tuple[Mode, ...]] = {
    "macvlan": (
        Mode("macvlan", {"mode": "bridge"}, says="children of one parent reach each other directly"),
        Mode("macvlan", {"mode": "vepa"}, says="every frame goes out to the switch"),
        Mode("macvlan", {"mode": "vepa"}, hairpin=True, says="the same, and the switch's port sends back"),
        Mode("macvlan", {"mode": "private"}, says="children never hear each other"),
        Mode("macvlan", {"mode": "private"}, hairpin=True, says="not even when the switch sends back"),
        Mode("macvlan", {"mode": "passthru"}, says="one child, which takes the card over"),
        Mode(
            "macvlan",
            {"mode": "source", "macaddr": (NEIGHBOUR_MAC,)},
            says="a child hears only the senders on its list (here: the neighbour)",
        ),
    ),
    "ipvlan": tuple(
        Mode("ipvlan", {"mode": layer, flag: True}, says=f"{what}; {who}")
        for layer, what in (
            ("l2", "the children do ARP"),
            ("l3", "the parent routes for the children"),
            ("l3s", "as l3, and the parent's netfilter sees it"),
        )
        for flag, who in (
            ("bridge", "children reach each other directly"),
            ("private", "children do not reach each other"),
            ("vepa", "children reach each other by the switch, if at all"),
        )
    ),
}
KINDS = tuple(MODES)  # every lab is asked for all of them, so that all run on one kernel


def add_children(lab: Lab, mode: Mode) -> list[Node]:
    """Two namespaces with one child of eth0 each, up and without an address; only one where the mode allows no more."""
    if mode.hairpin:
        lab["lan"].link.set("host", kind="bridge_slave", hairpin=True)
    made: list[Node] = []
    for number, (netns, _, _) in enumerate(CHILDREN, 1):
        name, node = f"{mode.short}{number}", lab.netns.add(netns)
        try:
            lab.link.add(name, kind=mode.kind, link="eth0", **dict[str, Any](mode.params))
        except KernelRefused:
            if mode.params["mode"] != "passthru" or number == 1:
                raise
            return made  # in passthru the parent has one child
        lab.link.set(name, netns=node)
        node.link.set("lo", up=True)
        node.link.set(name, up=True)
        made.append(node)
    return made


def build(lab: Lab, mode: Mode) -> list[Node]:
    """The children with the article's addresses, one in a subnet of its own beside it, and a way out."""
    made = add_children(lab, mode)
    for number, (node, (_, address, other)) in enumerate(zip(made, CHILDREN, strict=False), 1):
        name = f"{mode.short}{number}"
        node.addr.add(f"{address}/24", dev=name)
        node.addr.add(f"{other}/24", dev=name)
        if mode.routes:
            node.route.add("default", dev=name)
        else:
            node.route.add("default", via=GATEWAY)
    return made


# What is asked about each mode: a column's name, and (who pings, which address), there and back.
QUESTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "child ↔ child": (("ns1", CHILDREN[1][1]), ("ns2", CHILDREN[0][1])),
    "child ↔ parent": (("ns1", HOST), ("", CHILDREN[0][1])),
    "child ↔ neighbour": (("ns1", NEIGHBOUR), ("neighbour", CHILDREN[0][1])),
    "child ↔ gateway": (("ns1", GATEWAY), ("gateway", CHILDREN[0][1])),
    "child → beyond": (("ns1", BEYOND),),
    "other subnet": (("ns1", CHILDREN[1][2]),),
}


def reach(mode: Mode, engine: str | None = None) -> dict[str, Cell]:
    """One row of the grid: the answers in a lab of its own."""
    with Lab(kinds=KINDS, engine=engine) as lab:
        return answers(lab, alone=len(build(lab, mode)) < 2)


def answers(lab: Lab, *, alone: bool) -> dict[str, Cell]:
    """The answer to each of QUESTIONS, from real pings; `alone`: the mode allows one child only.

    First all go one way at once; then, where answers came, the other way: two that ask for each other at the same
    time would learn each other's MAC from the question, and hide that nobody answers it.
    """
    asked = {c: pairs for c, pairs in QUESTIONS.items() if not (alone and c in ("child ↔ child", "other subnet"))}
    there = _pings(lab, {column: pairs[0] for column, pairs in asked.items()})
    back = _pings(lab, {column: pairs[1] for column, pairs in asked.items() if pairs[1:] and there[column].ok})
    return {column: _cell(there.get(column), back.get(column)) for column in QUESTIONS}


def _pings(lab: Lab, asked: Mapping[str, tuple[str, str]]) -> dict[str, Ping]:
    pings = many([(lab.node(source), target) for source, target in asked.values()], count=3, timeout=1)
    return dict(zip(asked, pings, strict=True))


def _cell(there: Ping | None, back: Ping | None) -> Cell:
    if there is None:
        return Cell(None, "", "the mode allows one child: the kernel refuses a second")
    if there.ok and back is not None and not back.ok:
        return Cell(False, "one way", back.reason)
    return Cell(there.ok, "", there.reason)


@dataclass(frozen=True)
class Setting:
    """One thing that is changed on the host before the child pings it."""

    name: str
    third: bool = False
    routes: bool = False
    sysctl: Mapping[str, int] = field(default_factory=dict)


# Each differs from one before it in one thing.
SETTINGS = (
    Setting("no third child"),
    Setting("third child", third=True),
    Setting("third child and /32 routes", third=True, routes=True),
    Setting("/32 routes, arp_ignore=1", third=True, routes=True, sysctl={"net.ipv4.conf.all.arp_ignore": 1}),
    Setting("/32 routes, rp_filter=1", third=True, routes=True, sysctl={"net.ipv4.conf.all.rp_filter": 1}),
)


def third_child(lab: Lab, mode: Mode, *, routes: bool = True) -> None:
    """The host's own child of eth0, with the article's address and, with `routes`, its two /32 routes."""
    name = f"{mode.short}3"
    lab.link.add(name, kind=mode.kind, link="eth0", **dict[str, Any](mode.params))
    lab.addr.add(f"{THIRD}/24", dev=name)
    lab.link.set(name, up=True)
    if routes:
        for _, address, _ in CHILDREN:
            lab.route.add(f"{address}/32", dev=name)


def parent(mode: Mode, setting: Setting, engine: str | None = None) -> dict[str, Cell]:
    """With this setting: does a child reach the host's own address, and the third child's?"""
    with Lab(kinds=KINDS, engine=engine) as lab:
        child = build(lab, mode)[0]
        for key, value in setting.sysctl.items():
            lab.sysctl.set(key, value)
        if setting.third:
            third_child(lab, mode, routes=setting.routes)
        host, third = many([(child, HOST), (child, THIRD)], count=3, timeout=1)
        return {
            HOST: Cell(host.ok, "", host.reason),
            THIRD: Cell(third.ok if setting.third else None, "", third.reason if setting.third else ""),
        }


@dataclass(frozen=True)
class Seen:
    """What the outside notices of a mode: MACs that the switch learned on the host's port; who heard a broadcast."""

    macs: tuple[str, ...]
    heard: Mapping[str, bool]


def seen(mode: Mode, engine: str | None = None) -> Seen:
    """Let all talk, read the switch's table (`bridge fdb`), then broadcast one ARP request from the neighbour."""
    with Lab(kinds=KINDS, engine=engine) as lab:
        made = build(lab, mode)
        many([(node, NEIGHBOUR) for node in [lab.host, *made]], timeout=1)
        macs = learned(lab, "host")
        return Seen(macs, broadcast(lab["neighbour"], {n.name or "host": n for n in [lab.host, *made]}))


def learned(lab: Lab, port: str) -> tuple[str, ...]:
    """The MAC addresses that the switch has learned on a port: `bridge -j fdb show brport PORT`, the dynamic ones."""
    rows = json.loads(lab["lan"].run(["bridge", "-j", "fdb", "show", "brport", port], quiet=True, check=True).stdout)
    return tuple(
        row["mac"] for row in rows if row.get("state", "") != "permanent" and "self" not in row.get("flags", [])
    )


def broadcast(sender: Node, listeners: Mapping[str, Node]) -> dict[str, bool]:
    """Who hears it when `sender` asks by ARP for an address that nobody has: tcpdump on each listener says."""
    heard: dict[str, bool] = {}
    programs = {}
    for name, node in listeners.items():
        card = next(link.name for link in node.link.show() if link.kind != "loopback" and link.up)
        programs[name] = node.start(["tcpdump", "-lni", card, "arp and host 192.168.0.99"])
    try:
        for program in programs.values():
            _wait_for(program, b"listening on")
        sender.run(["arping", "-c", "1", "-w", "1", "-I", "eth0", "192.168.0.99"], quiet=True)
    finally:
        for name, program in programs.items():
            program.signal(signal.SIGINT)
            heard[name] = b"who-has 192.168.0.99" in b"".join(data for _, data in program.output())
    return heard


def _wait_for(program: Program, text: bytes) -> None:
    said = b""
    for _, data in program.output():
        said += data
        if text in said:
            return
    raise VnetlearnError("tcpdump", said.decode(errors="backslashreplace"), "it ended before it listened", "")


def round_trips(mode: Mode, count: int = 100, engine: str | None = None) -> dict[str, tuple[float, ...]]:
    """Round-trip times in milliseconds from a child to the other child and to the neighbour, after one to warm up."""
    with Lab(kinds=KINDS, engine=engine) as lab:
        child = build(lab, mode)[0]
        times = {}
        for name, target in (("child", CHILDREN[1][1]), ("neighbour", NEIGHBOUR)):
            if child.ping(target, count=1).ok:
                times[name] = child.ping(target, count=count, interval=0.01).replies
        return times
