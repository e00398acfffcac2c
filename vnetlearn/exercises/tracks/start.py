"""The track `start`: the first cable, and the first fault."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Kept, Reach, SameCables

FIRST_CABLE = Exercise(
    name="start/first-cable",
    title="The first cable",
    task="""`ns1` and `ns2` are two machines without a network card. Connect them by a cable.

`ns1` shall have the address 10.0.0.1 and `ns2` the address 10.0.0.2. It is done when a ping from each one is answered
by the other.""",
    start="""ip netns add ns1
ip netns add ns2""",
    wanted=(Reach("ns1", "10.0.0.2", "ns2"), Reach("ns2", "10.0.0.1", "ns1")),
    hints=(
        "A cable has two ends. Which device type is a pair of links, of which each end can be in another namespace?",
        "It is `veth`. `ip link add NAME type veth peer name OTHER` makes both ends where you stand, and `ip link set "
        "NAME netns NAMESPACE` plugs one in. Then look at both with `ip -n ns1 addr`: what does a link need besides being "
        "there?",
        "Each end needs an address with a prefix length, as in `10.0.0.1/24`, so that the kernel knows who is at the "
        "other end (`ip -n ns1 addr add … dev …`), and each end has to be set up (`ip -n ns1 link set … up`).",
    ),
    solution="""ip link add eth1 netns ns1 type veth peer name eth2 netns ns2
ip -n ns1 addr add 10.0.0.1/24 dev eth1
ip -n ns2 addr add 10.0.0.2/24 dev eth2
ip -n ns1 link set eth1 up
ip -n ns2 link set eth2 up""",
    level="easy",
    minutes=5,
)

FIND_THE_FAULT = Exercise(
    name="start/find-the-fault",
    title="Find the fault",
    task="""`client`, `printer` and `server` are on one switch, in one network, 10.1.0.0/24. The client reaches the
printer. It does not reach the server, 10.1.0.20, although the server is up, its cable is in, and the printer reaches
it.

Find the one fault and repair it. The client keeps its address 10.1.0.130, the server keeps 10.1.0.20, and the switch
(`lan`), the printer and the cables are in order.""",
    start="""for name in lan client printer server; do ip netns add $name; done
ip -n lan link add sw0 type bridge
ip -n lan link set sw0 up
for name in client printer server; do
    ip -n lan link add $name type veth peer name eth0 netns $name
    ip -n lan link set $name master sw0 up
    ip -n $name link set eth0 up
done
ip -n client addr add 10.1.0.130/24 dev eth0
ip -n printer addr add 10.1.0.40/24 dev eth0
ip -n server addr add 10.1.0.20/25 dev eth0""",
    kinds=("veth", "bridge"),
    wanted=(
        Reach("client", "10.1.0.20", "server"),
        Reach("server", "10.1.0.130", "client"),
        Reach("client", "10.1.0.40", "printer"),
        Reach("printer", "10.1.0.20", "server"),
        Kept(("lan", "printer")),
        SameCables(),
    ),
    hints=(
        "An answer has to find its way too. Ping in the other direction, from the server to the client, and read what "
        "`ping` says.",
        "The server says that it has no way to 10.1.0.130, while it has one to 10.1.0.40. Compare `ip -n server route` "
        "with `ip -n printer route`.",
        "The prefix length of an address says how many of its leading bits the neighbours on the cable share with it. A "
        "/25 ends at .127: for this server, .130 is not on its cable. Which length do the others have?",
    ),
    solution="""ip -n server addr delete 10.1.0.20/25 dev eth0
ip -n server addr add 10.1.0.20/24 dev eth0""",
    level="medium",
    minutes=10,
)

EXERCISES = (FIRST_CABLE, FIND_THE_FAULT)
