"""The track `bridge`: one network of several cables."""

from __future__ import annotations

from .record import Exercise
from .wanted import Kept, Reach, SameCables

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

EXERCISES = (THREE_PORTS,)
