"""The track `macvlan`: several MACs behind one card."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Apart, Kept, Reach, SameCables

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

_CARD, _GUEST = "02:00:c0:a8:00:ab", "02:42:c0:a8:00:64"

MADE_ANEW = Exercise(
    name="macvlan/made-anew",
    title="The guest was made anew",
    task="""`ns1` (192.168.0.100) is a guest on the host's card `eth0`, by the macvlan link `mac1`. It served the LAN for
a year. Last night somebody deleted it and made it anew, with the same name, the same address and the same commands.
Since then nobody reaches it, and it reaches nobody. The host itself, 192.168.0.171, is fine.

The colleagues who look after the switch say that they have changed nothing. You may look at what is theirs (the
namespaces `lan`, `gateway` and `neighbour`), and change what is on the host. Make the neighbour 192.168.0.20 and `ns1`
reach each other again.""",
    world="host",
    kinds=("veth", "bridge", "macvlan"),
    start=f"""for mac in {_CARD} {_GUEST}; do ip netns exec lan bridge fdb replace $mac dev host master static; done
ip netns exec lan bridge link set dev host learning off locked on
ip netns add ns1
ip link add mac1 link eth0 type macvlan mode bridge
ip link set mac1 netns ns1
ip -n ns1 addr add 192.168.0.100/24 dev mac1
ip -n ns1 link set mac1 up""",
    wanted=(
        Reach("ns1", "192.168.0.20", "neighbour"),
        Reach("neighbour", "192.168.0.100", "ns1"),
        Reach("neighbour", "192.168.0.171", ""),
        _LAN,
        SameCables(),
    ),
    hints=(
        "Something is different from yesterday, although every command was the same. What does a macvlan link get that "
        "nobody writes into the command? And how far do its frames come: `tcpdump -eni eth0 arp` on the host, and the same "
        "on the neighbour?",
        "They leave the host, and the switch drops them: its port is locked (`ip netns exec lan bridge -d link show dev "
        "host`) and takes frames from the senders on its list alone: `ip netns exec lan bridge fdb show brport host`.",
        "Two MACs are `static` there: the card's, and the one that `mac1` had for a year. A new link has a random one. Give "
        "it the old one: `ip -n ns1 link set mac1 address …`.",
    ),
    solution=f"ip -n ns1 link set mac1 address {_GUEST}",
    level="hard",
    minutes=10,
)

EXERCISES = (REACH_THE_HOST, PRIVATE_MODE, MADE_ANEW)
