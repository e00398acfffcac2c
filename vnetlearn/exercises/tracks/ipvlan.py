"""The track `ipvlan`: several namespaces behind one card and one MAC."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Kept, OneMac, Reach, SameCables

_LAN = Kept(("lan", "gateway", "neighbour"))

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

SECOND_GUEST = Exercise(
    name="ipvlan/second-guest",
    title="Since the second guest came",
    task="""`ns1` (192.168.0.100) has stood on the LAN for months, by an ipvlan child of the host's card `eth0`. This
morning a colleague added a second guest in the same way, `ns2` (192.168.0.200). The new one never worked: it pings its
sibling, and nothing else. Some minutes later `ns1` was lost as well, although nobody had touched it.

Both shall be on the LAN: the neighbour 192.168.0.20 reaches both, both reach it, and they reach each other. The switch
takes one MAC address at the host's port, the card's. The switch (`lan`), the gateway and the neighbour are not
yours.""",
    world="host",
    kinds=("veth", "bridge", "macvlan", "ipvlan"),
    start="""ip netns add ns1
ip link add ipv1 link eth0 netns ns1 type ipvlan mode l2
ip -n ns1 addr add 192.168.0.100/24 dev ipv1
ip -n ns1 link set ipv1 up
ip netns add ns2
ip link add ipv2 link eth0 netns ns2 type ipvlan
ip -n ns2 addr add 192.168.0.200/24 dev ipv2
ip -n ns2 link set ipv2 up""",
    wanted=(
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("ns2", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.100", "ns1"),
        Reach("neighbour", "192.168.0.200", "ns2"),
        Reach("ns1", "192.168.0.200", "ns2"),
        Reach("neighbour", "192.168.0.171", ""),
        OneMac("lan", "host", "02:00:c0:a8:00:ab"),
        _LAN,
        SameCables(),
    ),
    hints=(
        "What does the neighbour miss? `ip -n neighbour neigh` after a ping to `ns1`. Then look at the flags of both "
        "children: `ip -n ns1 link` and `ip -n ns2 link`.",
        "`NOARP`: nobody answers for these addresses. `ip -n ns1 -d link show ipv1` says which mode `ns1` has now. It was "
        "made with another one.",
        "All children of a card have one mode, and the last who set it decides. `ns2` was made without a mode, so with the "
        "default, `l3`. `ip -n ns2 link set ipv2 type ipvlan mode …` changes it back, for both.",
    ),
    solution="ip -n ns2 link set ipv2 type ipvlan mode l2",
    level="medium",
    minutes=10,
)

EXERCISES = (SAME_MAC, WAY_BACK, SECOND_GUEST)
