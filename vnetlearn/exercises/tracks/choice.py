"""The track `choice`: macvlan or ipvlan, and in which mode."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Kept, OneMac, Reach

_LAN = Kept(("lan", "gateway", "neighbour"))
_KINDS = ("veth", "bridge", "macvlan", "ipvlan")

ONE_MAC_PORT = Exercise(
    name="choice/one-mac-port",
    title="Two guests move to a strict switch",
    task="""The host has moved to another switch, which allows one sender on its port: the MAC of the host's card,
02:00:c0:a8:00:ab. (`bridge -n lan -d link show dev host` says `locked on`, and `bridge -n lan fdb show brport host`
has that MAC as `static`.) Since then the guests `ns1` (192.168.0.100) and `ns2` (192.168.0.200) are cut off, although
nothing about them has changed. The host itself is well.

Put both guests back on the LAN, at the addresses that they had: they reach the neighbour 192.168.0.20 and are reached
by it, they reach each other, and the host still reaches the neighbour. The switch (`lan`), the gateway and the
neighbour are not yours.""",
    world="host",
    kinds=_KINDS,
    start="""bridge -n lan fdb replace 02:00:c0:a8:00:ab dev host master static
bridge -n lan link set dev host learning off locked on
for n in 1 2; do
    ip netns add ns$n
    ip link add mac$n link eth0 type macvlan mode bridge
    ip link set mac$n netns ns$n
    ip -n ns$n addr add 192.168.0.${n}00/24 dev mac$n
    ip -n ns$n link set mac$n up
done""",
    wanted=(
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.100", "ns1"),
        Reach("ns2", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.200", "ns2"),
        Reach("ns1", "192.168.0.200", "ns2"),
        Reach("", "192.168.0.20", "neighbour"),
        OneMac("lan", "host", "02:00:c0:a8:00:ab"),
        _LAN,
    ),
    hints=(
        "Who sends the frames of `ns1`? `tcpdump -eni eth0` on the host, while `ns1` pings the neighbour. Which device "
        "type has no MAC of its own?",
        "ipvlan. One card cannot have children of both types, so the two macvlan links go first: "
        "`ip -n ns1 link delete mac1`. Their addresses and routes go with them.",
        "Say the mode: `ip link add ipvlan1 link eth0 type ipvlan mode l2`. Without `mode` it is `l3`, in which nobody "
        "answers the neighbour's ARP. Then `ip link set ipvlan1 netns ns1`, the address, up; the same for `ns2`.",
    ),
    solution="""for n in 1 2; do
    ip -n ns$n link delete mac$n
done
for n in 1 2; do
    ip link add ipvlan$n link eth0 type ipvlan mode l2
    ip link set ipvlan$n netns ns$n
    ip -n ns$n addr add 192.168.0.${n}00/24 dev ipvlan$n
    ip -n ns$n link set ipvlan$n up
done""",
    level="medium",
    minutes=10,
)

THIRD_GUEST = Exercise(
    name="choice/third-guest",
    title="Since the third guest came",
    task="""Two guests of this host, `ns1` (192.168.0.100) and `ns2` (192.168.0.200), served the LAN for years. Last
night a third was added, `ns3` (10.9.0.3), in a network of its own: the gateway has a route to 10.9.0.0/24 by way of
the host, and reaches `ns3`. Since then the LAN has lost the first two. Nobody has touched them.

Make all of it work at once: `ns1` and `ns2` reach the neighbour 192.168.0.20 and are reached by it, the gateway and
`ns3` reach each other at 192.168.0.1 and 10.9.0.3. Every guest keeps its address. The switch (`lan`), the gateway
and the neighbour are not yours.""",
    world="host",
    kinds=_KINDS,
    start="""for n in 1 2; do
    ip netns add ns$n
    ip link add ipvlan$n link eth0 type ipvlan mode l2
    ip link set ipvlan$n netns ns$n
    ip -n ns$n addr add 192.168.0.${n}00/24 dev ipvlan$n
    ip -n ns$n link set ipvlan$n up
done
ip netns add ns3
ip link add ipvlan3 link eth0 type ipvlan
ip link set ipvlan3 netns ns3
ip -n ns3 addr add 10.9.0.3/24 dev ipvlan3
ip -n ns3 link set ipvlan3 up
ip -n ns3 route add default via 10.9.0.1
ip -n gateway route add 10.9.0.0/24 via 192.168.0.171""",
    wanted=(
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.100", "ns1"),
        Reach("ns2", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.200", "ns2"),
        Reach("gateway", "10.9.0.3", "ns3"),
        Reach("ns3", "192.168.0.1", "gateway"),
        _LAN,
    ),
    hints=(
        "Nobody touched `ns1`, and yet something about its link is not as it was. Read all of it: "
        "`ip -n ns1 -d link show ipvlan1`.",
        "All ipvlan children of a card have one mode, and `ip link add … type ipvlan` without a mode sets it to `l3` for all. In `l3` nobody answers the neighbour's ARP. Any child can set it back to `l2`; and then what does `ns3` lack?",
        "In `l3` a next hop is never asked for, so any will do; in `l2` it is, and nobody has 10.9.0.1. The gateway is not "
        "in 10.9.0.0/24, but it is on the cable, and `ip route` takes your word: `via 192.168.0.1 dev ipvlan3 onlink`.",
    ),
    solution="""ip -n ns1 link set ipvlan1 type ipvlan mode l2
ip -n ns3 route replace default via 192.168.0.1 dev ipvlan3 onlink""",
    level="hard",
    minutes=15,
)

EXERCISES = (ONE_MAC_PORT, THIRD_GUEST)
