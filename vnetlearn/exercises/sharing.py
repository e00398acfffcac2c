"""The tracks `macvlan` and `ipvlan`: several namespaces behind one card."""

from __future__ import annotations

from .record import Exercise
from .wanted import Apart, Kept, OneMac, Reach, SameCables

_LAN = Kept(("lan", "gateway", "neighbour"))

REACH_THE_HOST = Exercise(
    name="macvlan/reach-the-host",
    title="The host and its macvlan child",
    task="""You stand on the host, 192.168.0.171, with the card `eth0`. The namespace `ns1` shares that card by a
macvlan link in bridge mode, `mac1`, with the address 192.168.0.100. Both reach the neighbour 192.168.0.20, and not
each other: a macvlan's frames go out by the card, past the host itself.

Make the host and `ns1` reach each other at these two addresses, on this card: without another cable. Both still have
to reach the neighbour, and the neighbour them. The switch (`lan`), the gateway and the neighbour are not yours.""",
    world="host",
    kinds=("veth", "bridge", "macvlan"),
    start="""ip netns add ns1
ip link add mac1 link eth0 type macvlan mode bridge
ip link set mac1 netns ns1
ip -n ns1 addr add 192.168.0.100/24 dev mac1
ip -n ns1 link set mac1 up""",
    wanted=(
        Reach("ns1", "192.168.0.171", ""),
        Reach("", "192.168.0.100", "ns1"),
        Reach("", "192.168.0.20", "neighbour"),
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.171", ""),
        Reach("neighbour", "192.168.0.100", "ns1"),
        _LAN,
        SameCables(),
    ),
    hints=(
        "Children of one card in bridge mode reach each other. The host is not one of the children.",
        "So give the host a child of its own: a second macvlan link in bridge mode on `eth0`, which stays in the host's "
        "namespace. Then see which link the host takes to `ns1`: `ip route get 192.168.0.100`.",
        "The route 192.168.0.0/24 still leads out by `eth0`. A route to one address alone, `192.168.0.100/32`, is more "
        "specific and wins: it has to lead to the host's own macvlan link, which has to be up.",
    ),
    solution="""ip link add mac0 link eth0 type macvlan mode bridge
ip link set mac0 up
ip route add 192.168.0.100/32 dev mac0""",
    level="hard",
    minutes=15,
)

PRIVATE_MODE = Exercise(
    name="macvlan/private-mode",
    title="Neighbours who do not hear each other",
    task="""`ns1` (192.168.0.100) and `ns2` (192.168.0.200) share the host's card `eth0` by macvlan links, `mac1` and
`mac2`, and reach each other. They belong to two customers.

From now on no frame from one may arrive at the other, not even a question by ARP. Both keep their addresses, still
reach the gateway 192.168.0.1, and can be reached from there. The switch (`lan`), the gateway and the neighbour are
not yours.""",
    world="host",
    kinds=("veth", "bridge", "macvlan"),
    start="""for n in 1 2; do
    ip netns add ns$n
    ip link add mac$n link eth0 type macvlan mode bridge
    ip link set mac$n netns ns$n
    ip -n ns$n addr add 192.168.0.${n}00/24 dev mac$n
    ip -n ns$n link set mac$n up
done""",
    wanted=(
        Apart("ns1", "192.168.0.200", "ns2"),
        Apart("ns2", "192.168.0.100", "ns1"),
        Reach("ns1", "192.168.0.1", "gateway"),
        Reach("ns2", "192.168.0.1", "gateway"),
        Reach("gateway", "192.168.0.100", "ns1"),
        Reach("gateway", "192.168.0.200", "ns2"),
        _LAN,
    ),
    hints=(
        "A macvlan link has a mode, which says whom it talks to. `ip -n ns1 -d link show mac1` shows the one that it has.",
        "In mode `bridge` children of one card reach each other directly. `ip link help macvlan` lists the other modes, "
        "ip-link(8) says what they do.",
        "In mode `private` a child gets nothing from its siblings. The mode can be changed while a link is there: "
        "`ip -n NAMESPACE link set LINK type macvlan mode MODE`.",
    ),
    solution="""ip -n ns1 link set mac1 type macvlan mode private
ip -n ns2 link set mac2 type macvlan mode private""",
    level="medium",
    minutes=10,
)

SAME_MAC = Exercise(
    name="ipvlan/same-mac",
    title="One port, one MAC address",
    task="""The switch of this LAN is strict: on the host's port it tolerates one sender, the MAC address of the
host's own card, 02:00:c0:a8:00:ab. (That is usual in clouds and in wireless networks.)

`ns1` is an empty namespace on the host. Put it on the LAN with the address 192.168.0.100: it shall reach the
neighbour 192.168.0.20, and the neighbour it, and on the host's port there is still only that one MAC address. The
host stays reachable. The switch (`lan`), the gateway and the neighbour are not yours.""",
    world="host",
    kinds=("veth", "bridge", "macvlan", "ipvlan"),
    start="ip netns add ns1",
    wanted=(
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.100", "ns1"),
        Reach("neighbour", "192.168.0.171", ""),
        OneMac("lan", "host", "02:00:c0:a8:00:ab"),
        _LAN,
    ),
    hints=(
        "A macvlan link has a MAC address of its own, so it is not for this port. Another device type shares a card and its "
        "MAC address as well.",
        "It is `ipvlan`: its links are told apart by their IP addresses. `ip link add link eth0 name NAME type ipvlan mode "
        "MODE`; in the mode `l2` they ask by ARP, as any machine on the LAN does.",
        "Make it in mode `l2` on `eth0`, move it (`ip link set NAME netns ns1`), give it `192.168.0.100/24`, and set it "
        "up: the same four steps as for a macvlan.",
    ),
    solution="""ip link add ipvl1 link eth0 type ipvlan mode l2
ip link set ipvl1 netns ns1
ip -n ns1 addr add 192.168.0.100/24 dev ipvl1
ip -n ns1 link set ipvl1 up""",
    level="medium",
    minutes=10,
)

WAY_BACK = Exercise(
    name="ipvlan/way-back",
    title="The neighbour of a child that does no ARP",
    task="""`ns1` (192.168.0.100) is a child of the host's card `eth0`, an ipvlan link in mode `l3`. Its packets
reach the neighbour 192.168.0.20, and no answer comes back: the neighbour asks the LAN for the MAC of 192.168.0.100,
and in `l3` nobody answers that.

Make the neighbour and `ns1` reach each other. You may change the neighbour alone; it keeps its address.""",
    world="host",
    kinds=("veth", "bridge", "macvlan", "ipvlan"),
    start="""ip netns add ns1
ip link add ipvlan1 link eth0 type ipvlan mode l3
ip link set ipvlan1 netns ns1
ip -n ns1 addr add 192.168.0.100/24 dev ipvlan1
ip -n ns1 link set ipvlan1 up""",
    wanted=(
        Reach("neighbour", "192.168.0.100", "ns1"),
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.1", "gateway"),
        Kept(("", "lan", "gateway", "ns1")),
        SameCables(),
    ),
    hints=(
        "Look at what the neighbour does: `ip -n neighbour neigh` after a ping, and `ip -n neighbour route get 192.168.0.100`.",
        "The neighbour must not ask the LAN for that MAC. Which machine on the LAN can take the packet to the child?",
        "The host can: 192.168.0.171. See what `ip route help` says of `via`, and remember that a route to one address alone "
        "(`/32`) wins against 192.168.0.0/24.",
    ),
    solution="ip -n neighbour route add 192.168.0.100/32 via 192.168.0.171",
    level="medium",
    minutes=5,
)

EXERCISES = (REACH_THE_HOST, PRIVATE_MODE, SAME_MAC, WAY_BACK)
