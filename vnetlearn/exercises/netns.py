"""The track `netns`: machines that share nothing but the kernel."""

from __future__ import annotations

from .record import Exercise
from .wanted import Reach, SameCables

ROUTER = Exercise(
    name="netns/router",
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

EXERCISES = (ROUTER,)
