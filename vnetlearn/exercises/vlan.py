"""The track `vlan`: several networks on one cable."""

from __future__ import annotations

from .record import Exercise
from .wanted import Apart, Kept, Reach, SameCables, Tagged

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

THIRD_FLOOR = Exercise(
    name="vlan/third-floor",
    title="The new phones on the third floor",
    task="""Three switches in a row, `s1`, `s2` and `s3`, each the bridge `br0`, are connected by trunks: `north` of one leads
to `south` of the next. `server` is on `s1`, `desk` and `phone` are on `s3`; the ports are called like them.
Desks are in VLAN 10 (10.0.10.0/24), phones in VLAN 30 (10.0.30.0/24). `server` has both, by a trunk of its own: 10.0.10.1
and 10.0.30.1.

`desk` (10.0.10.3) reaches the server. `phone` (10.0.30.3) was plugged in today and reaches nobody. Let it, without
letting `phone` and `desk` hear each other. The three machines are not yours; no cable is to be added.""",
    start="""for name in s1 s2 s3 server desk phone; do
    ip netns add $name
    ip netns exec $name sysctl -qw net.ipv6.conf.all.disable_ipv6=1
done
for s in s1 s2 s3; do
    ip -n $s link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0
    ip -n $s link set br0 up
done
ip -n s1 link add north type veth peer name south netns s2
ip -n s2 link add north type veth peer name south netns s3
ip -n s1 link add server type veth peer name eth0 netns server
ip -n s3 link add desk type veth peer name eth0 netns desk
ip -n s3 link add phone type veth peer name eth0 netns phone
for port in s1/server s1/north s2/south s2/north s3/south s3/desk s3/phone; do
    ip -n ${port%/*} link set ${port#*/} master br0 up
done
for port in s1/server s1/north s2/south s2/north s3/south; do bridge -n ${port%/*} vlan add dev ${port#*/} vid 10; done
for port in s1/server s1/north s2/south s3/south; do bridge -n ${port%/*} vlan add dev ${port#*/} vid 30; done
bridge -n s3 vlan add dev desk vid 10 pvid untagged
bridge -n s3 vlan add dev phone vid 30 untagged
for name in server desk phone; do ip -n $name link set eth0 up; done
for vlan in 10 30; do
    ip -n server link add link eth0 name eth0.$vlan type vlan id $vlan
    ip -n server addr add 10.0.$vlan.1/24 dev eth0.$vlan
    ip -n server link set eth0.$vlan up
done
ip -n desk addr add 10.0.10.3/24 dev eth0
ip -n phone addr add 10.0.30.3/24 dev eth0
ip -n phone route add 10.0.10.0/24 dev eth0""",
    kinds=("veth", "bridge", "vlan"),
    wanted=(
        Reach("phone", "10.0.30.1", "server"),
        Reach("server", "10.0.30.3", "phone"),
        Reach("desk", "10.0.10.1", "server"),
        Apart("phone", "10.0.10.3", "desk"),
        Kept(("server", "desk", "phone")),
        SameCables(),
    ),
    hints=(
        "There are two faults, on two switches. Follow the phone's question: `tcpdump -eni south` in `s3` shows what leaves "
        "that switch, and with which number.",
        "Nothing leaves it: `bridge -n s3 vlan show` says what the port `phone` does with a frame that comes in without a "
        "tag. Compare it with the port `desk`.",
        "A port gives frames without a tag the number of its `pvid`, and drops them when it has none. With that mended, "
        "look for the trunk that has 10 and not 30, and add it there as on the others.",
    ),
    solution="""bridge -n s3 vlan add dev phone vid 30 pvid untagged
bridge -n s2 vlan add dev north vid 30""",
    level="hard",
    minutes=10,
)

EXERCISES = (TWO_NETWORKS, THIRD_FLOOR)
