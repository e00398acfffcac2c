"""The track `vlan`: several networks on one cable."""

from __future__ import annotations

from .record import Exercise
from .wanted import Reach, SameCables, Tagged

TWO_NETWORKS = Exercise(
    name="vlan/two-networks",
    title="Two networks on one cable",
    task="""`a` and `b` are connected by one cable, `eth0` to `eth0`, which is up and has no addresses. Two networks
shall share it, kept apart by VLAN tags (802.1Q):

VLAN 10 is 10.0.10.0/24, with 10.0.10.1 on `a` and 10.0.10.2 on `b`. VLAN 20 is 10.0.20.0/24, with 10.0.20.1 on `a`
and 10.0.20.2 on `b`. It is done when pings are answered in both networks, and each is on the cable with the tag of
its own network. No cable is to be added.""",
    start="""ip netns add a
ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a link set eth0 up
ip -n b link set eth0 up""",
    kinds=("veth", "vlan"),
    wanted=(
        Reach("a", "10.0.10.2", "b"),
        Reach("b", "10.0.10.1", "a"),
        Reach("a", "10.0.20.2", "b"),
        Reach("b", "10.0.20.1", "a"),
        Tagged("a", "10.0.10.2", "b", "eth0", 10),
        Tagged("b", "10.0.10.1", "a", "eth0", 10),
        Tagged("a", "10.0.20.2", "b", "eth0", 20),
        Tagged("b", "10.0.20.1", "a", "eth0", 20),
        SameCables(),
    ),
    hints=(
        "A link of type `vlan` sits on another link: what leaves by it gets a tag, and what comes in with that tag goes to "
        "it. How many of them does each end of the cable need?",
        "`ip -n a link add link eth0 name NAME type vlan id NUMBER` makes one on `eth0` of `a`. Both ends need one for "
        "each network, with the same number on both sides.",
        "The addresses belong to the vlan links, not to `eth0`, where they would leave without a tag: "
        "`ip -n a addr add 10.0.10.1/24 dev NAME`. A vlan link has to be set up as well.",
    ),
    solution="""for vlan in 10 20; do
    ip -n a link add link eth0 name eth0.$vlan type vlan id $vlan
    ip -n b link add link eth0 name eth0.$vlan type vlan id $vlan
    ip -n a addr add 10.0.$vlan.1/24 dev eth0.$vlan
    ip -n b addr add 10.0.$vlan.2/24 dev eth0.$vlan
    ip -n a link set eth0.$vlan up
    ip -n b link set eth0.$vlan up
done""",
    level="medium",
    minutes=10,
)

EXERCISES = (TWO_NETWORKS,)
