"""The tracks `bridge`, `vlan` and `route`: networks of more than one cable."""

from __future__ import annotations

from .record import Exercise
from .wanted import Kept, Reach, SameCables, Tagged

_THREE = ("ns1", "ns2", "ns3")

THREE_PORTS = Exercise(
    name="bridge/three-ports",
    title="A switch with three ports",
    task="""Three machines, `ns1`, `ns2` and `ns3`, have a cable each. The other ends are in the namespace `sw`: the
links `p1`, `p2` and `p3`. The machines have their addresses, 10.0.0.1/24 to 10.0.0.3/24, and all links are up.

Make `sw` the switch between them: each machine shall reach each other one through `sw`. The machines are in order; no
cable is to be added.""",
    start="""ip netns add sw
for n in 1 2 3; do
    ip netns add ns$n
    ip -n sw link add p$n type veth peer name eth0 netns ns$n
    ip -n sw link set p$n up
    ip -n ns$n addr add 10.0.0.$n/24 dev eth0
    ip -n ns$n link set eth0 up
done""",
    kinds=("veth", "bridge"),
    wanted=(
        *(Reach(f"ns{a}", f"10.0.0.{b}", f"ns{b}", through="sw") for a, b in ((1, 2), (2, 3), (3, 1))),
        Kept(_THREE),
        SameCables(),
    ),
    hints=(
        "In Linux a switch is a link too. Which device type passes frames between its ports?",
        "`ip -n sw link add NAME type bridge` makes a switch without ports. A link becomes a port of it when the bridge "
        "is made its master: `ip -n sw link set LINK master NAME`.",
        "All three, `p1`, `p2` and `p3`, have to be ports, and the bridge itself has to be set up, as every link: "
        "`ip -n sw link` shows `master NAME` at each port, and `UP` at the bridge.",
    ),
    solution="""ip -n sw link add br0 type bridge
ip -n sw link set br0 up
for port in p1 p2 p3; do ip -n sw link set $port master br0; done""",
    level="easy",
    minutes=5,
)

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

ROUTER = Exercise(
    name="route/router",
    title="A router between two networks",
    task="""`left` (10.0.1.2/24) and `right` (10.0.2.2/24) are in two networks. `router` has a foot in each: 10.0.1.1
on `eth1`, 10.0.2.1 on `eth2`. All cables are in, all links are up, all addresses are there.

`left` and `right` shall reach each other through `router`. All keep their addresses; no cable is to be added.""",
    start="""for name in left router right; do ip netns add $name; done
ip link add eth0 netns left type veth peer name eth1 netns router
ip link add eth0 netns right type veth peer name eth2 netns router
ip -n left addr add 10.0.1.2/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev eth1
ip -n router addr add 10.0.2.1/24 dev eth2
ip -n right addr add 10.0.2.2/24 dev eth0
ip -n left link set eth0 up
ip -n router link set eth1 up
ip -n router link set eth2 up
ip -n right link set eth0 up
ip netns exec router sysctl -qw net.ipv4.ip_forward=0""",
    wanted=(
        Reach("left", "10.0.2.2", "right", through="router"),
        Reach("right", "10.0.1.2", "left", through="router"),
        Reach("left", "10.0.1.1", "router"),
        Reach("right", "10.0.2.1", "router"),
        SameCables(),
    ),
    hints=(
        "Who knows the way? Ask each machine: `ip -n left route get 10.0.2.2`, and the same in the other direction.",
        "`left` and `right` need a route to the other network, by way of the router's address in their own: "
        "`ip -n left route add NETWORK via ADDRESS`. Then see how far a ping gets: "
        "`ip netns exec router tcpdump -ni eth1 icmp`.",
        "A machine with two cards is not a router by that alone: Linux drops what is not for itself until "
        "`net.ipv4.ip_forward` is 1 in that namespace. `ip netns exec router sysctl net.ipv4.ip_forward` shows it.",
    ),
    solution="""ip -n left route add default via 10.0.1.1
ip -n right route add default via 10.0.2.1
ip netns exec router sysctl -w net.ipv4.ip_forward=1""",
    level="medium",
    minutes=10,
)

EXERCISES = (THREE_PORTS, TWO_NETWORKS, ROUTER)
