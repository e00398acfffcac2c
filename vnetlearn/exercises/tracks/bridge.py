"""The track `bridge`: one network of several cables."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Apart, Kept, Reach, SameCables

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

_STAFF = {"sales1": "10.0.0.11", "sales2": "10.0.0.12", "lab1": "10.0.0.21", "lab2": "10.0.0.22"}

TWO_DEPARTMENTS = Exercise(
    name="bridge/two-departments",
    title="Two departments, one cable between the floors",
    task="""Two floors have a switch each, `up` and `down`: the bridge `br0`. Upstairs are `sales1` and `lab1`, downstairs
`sales2` and `lab2`; the ports have the machines' names, and one cable, the port `trunk` on both sides, connects the
floors. All are in 10.0.0.0/24: `sales1` is .11, `sales2` .12, `lab1` .21 and `lab2` .22. At this moment everybody
hears everybody.

Part the departments: sales shall reach sales on the other floor, the laboratory the laboratory, and no frame of the one
shall arrive at the other, not even a broadcast. The machines are not yours, and there will be no second cable.""",
    start="""for s in up down; do
    ip netns add $s
    ip -n $s link add br0 type bridge
    ip -n $s link set br0 up
done
ip -n up link add trunk type veth peer name trunk netns down
for s in up down; do ip -n $s link set trunk master br0 up; done
for m in up:sales1:11 up:lab1:21 down:sales2:12 down:lab2:22; do
    s=${m%%:*}; name=${m#*:}; name=${name%:*}
    ip netns add $name
    ip -n $s link add $name type veth peer name eth0 netns $name
    ip -n $s link set $name master br0 up
    ip -n $name addr add 10.0.0.${m##*:}/24 dev eth0
    ip -n $name link set eth0 up
done""",
    kinds=("veth", "bridge", "vlan"),  # whose kernel filters VLANs
    wanted=(
        Reach("sales1", _STAFF["sales2"], "sales2", through="down"),
        Reach("lab1", _STAFF["lab2"], "lab2", through="down"),
        Reach("lab2", _STAFF["lab1"], "lab1", through="up"),
        Apart("sales1", _STAFF["lab1"], "lab1"),
        Apart("sales1", _STAFF["lab2"], "lab2"),
        Apart("lab2", _STAFF["sales2"], "sales2"),
        Apart("lab2", _STAFF["sales1"], "sales1"),
        Kept(tuple(_STAFF)),
        SameCables(),
    ),
    hints=(
        "A bridge keeps VLANs apart only when it is told to: `ip -n up link set br0 type bridge vlan_filtering 1`. "
        "`bridge -n up vlan show` says which port is in which VLAN: all in 1, so far.",
        "Ports to machines are access ports: `bridge -n up vlan add dev sales1 vid 10 pvid untagged`, and take the VLAN 1 "
        "away. Which VLANs does `trunk` have to carry, and shall it take the tags off?",
        "`bridge -n up vlan add dev trunk vid 10` and the same for the other VLAN, without `untagged`, on both floors; "
        "then `bridge -n up vlan delete dev PORT vid 1` for each port.",
    ),
    solution="""for s in up down; do
    ip -n $s link set br0 type bridge vlan_filtering 1
    for vid in 10 20; do bridge -n $s vlan add dev trunk vid $vid; done
done
for port in up:sales1:10 up:lab1:20 down:sales2:10 down:lab2:20; do
    s=${port%%:*}; name=${port#*:}; name=${name%:*}
    bridge -n $s vlan add dev $name vid ${port##*:} pvid untagged
    bridge -n $s vlan delete dev $name vid 1
done""",
    level="medium",
    minutes=10,
)

GUESTS = Exercise(
    name="bridge/guests",
    title="Since the server has guests, nothing works",
    task="""The server `hv` (10.0.0.5) has one card, `eth0`, in the LAN of `gw` (10.0.0.1); behind `gw` is `files`
(10.0.9.9). Yesterday a colleague prepared `hv` for guests: a bridge `br0`, with `eth0` and the first guest's `vnet0` as
its ports. Since then `hv` reaches nobody, though `ip -n hv addr` shows its address, and the guest `vm` (10.0.0.6) has
no network either.

Make it as it was meant: `hv`, `vm` and `gw` reach each other in one LAN, the guest through the bridge, and both get to
`files` through `gw`. `gw`, `files` and `vm` are in order, and no cable is to be added.""",
    start="""for n in hv gw files vm; do ip netns add $n; done
ip -n gw link add lan address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:05 netns hv
ip -n gw link add wan type veth peer name eth0 netns files
ip -n hv link add vnet0 type veth peer name eth0 netns vm
ip -n gw addr add 10.0.0.1/24 dev lan
ip -n gw addr add 10.0.9.1/24 dev wan
ip -n files addr add 10.0.9.9/24 dev eth0
ip -n vm addr add 10.0.0.6/24 dev eth0
ip -n hv addr add 10.0.0.5/24 dev eth0
for port in gw:lan gw:wan files:eth0 vm:eth0 hv:eth0; do ip -n ${port%:*} link set ${port#*:} up; done
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip -n files route add default via 10.0.9.1
ip -n vm route add default via 10.0.0.1
ip -n hv route add default via 10.0.0.1
ip -n hv link add br0 type bridge vlan_filtering 1
ip -n hv link set br0 up
ip -n hv link set eth0 master br0
ip -n hv link set vnet0 master br0
ip -n hv link set vnet0 up
bridge -n hv vlan add dev vnet0 vid 100 pvid untagged
bridge -n hv vlan delete dev vnet0 vid 1""",
    kinds=("veth", "bridge", "vlan"),  # whose kernel filters VLANs
    wanted=(
        Reach("hv", "10.0.0.1", "gw"),
        Reach("gw", "10.0.0.5", "hv"),
        Reach("hv", "10.0.9.9", "files", through="gw"),
        Reach("vm", "10.0.0.1", "gw", through="hv"),
        Reach("vm", "10.0.0.5", "hv"),
        Reach("vm", "10.0.9.9", "files", through="hv"),
        Kept(("gw", "files", "vm")),
        SameCables(),
    ),
    hints=(
        "There are several faults. Begin with `hv` itself: ping the gateway, look at `ip -n hv neigh`, then run `tcpdump "
        "-ni any arp` in `hv` during the next ping. On which link does the answer end up, and which one has the address?",
        "A port hands everything to its bridge, so the address has to be on `br0`. What did `ip -n hv route` show before "
        "you moved it, and what afterwards? For the guest: `bridge -n hv vlan show`.",
        "The host's address and its default route have to move from `eth0` to `br0`, which is the one that has addresses. And `vnet0` has to be in the VLAN in which `eth0` and `br0` are: 1, `pvid untagged`.",
    ),
    solution="""ip -n hv addr flush dev eth0
ip -n hv addr add 10.0.0.5/24 dev br0
ip -n hv route add default via 10.0.0.1
bridge -n hv vlan add dev vnet0 vid 1 pvid untagged
bridge -n hv vlan delete dev vnet0 vid 100""",
    level="hard",
    minutes=15,
)

EXERCISES = (THREE_PORTS, TWO_DEPARTMENTS, GUESTS)
