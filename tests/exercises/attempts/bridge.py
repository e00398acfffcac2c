"""What is tried at the exercises of the track `bridge`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def a_switch_by_verbs(lab: Lab) -> None:
    lab["sw"].link.add("switch", kind="bridge", up=True)
    for port in "p1", "p2", "p3":
        lab["sw"].link.set(port, master="switch")


def departments_by_verbs(lab: Lab) -> None:
    """No VLAN that the tags show to a machine: another pair of numbers, and no VLAN by default."""
    for floor, people in (("up", ("sales1", "lab1")), ("down", ("sales2", "lab2"))):
        node = lab[floor]
        node.link.set("br0", kind="bridge", vlan_default_pvid=0)
        node.link.set("br0", kind="bridge", vlan_filtering=True)
        for person in people:
            vid = 7 if person.startswith("sales") else 8
            node.run(f"bridge vlan add dev {person} vid {vid} pvid untagged; bridge vlan add dev trunk vid {vid}")


def guests_by_verbs(lab: Lab) -> None:
    hv = lab["hv"]
    hv.addr.delete("10.0.0.5/24", dev="eth0")
    hv.addr.add("10.0.0.5/24", dev="br0")
    hv.route.add("default", via="10.0.0.1")
    hv.link.set("br0", kind="bridge", vlan_filtering=False)


WAYS = {
    "bridge/three-ports": Ways(
        wrong={
            "ip -n sw link add br0 type bridge; for p in p1 p2 p3; do ip -n sw link set $p master br0; done": (
                "no ARP answer for 10.0.0.2 on eth0"
            ),
            """ip -n sw link add br0 up type bridge
            for p in p1 p2; do ip -n sw link set $p master br0; done""": "no ARP answer for 10.0.0.3 on eth0",
        },
        others=(
            a_switch_by_verbs,
            """for n in 1 2 3; do
                ip -n sw route add 10.0.0.$n/32 dev p$n; ip netns exec sw sysctl -qw net.ipv4.conf.p$n.proxy_arp=1
            done; ip netns exec sw sysctl -qw net.ipv4.ip_forward=1""",
        ),
        tricks={
            """for n in 1 2 3; do
                ip -n ns$n link set lo up
                for m in 1 2 3; do [ $n = $m ] || ip -n ns$n addr add 10.0.0.$m/32 dev lo; done
            done""": "an answer came, but from ns1 and not from ns2",
            """for pair in '1 2' '2 3' '3 1'; do
                set -- $pair
                ip link add to$2 netns ns$1 type veth peer name to$1 netns ns$2
                ip -n ns$1 link set to$2 up; ip -n ns$2 link set to$1 up
                ip -n ns$1 route add 10.0.0.$2/32 dev to$2; ip -n ns$2 route add 10.0.0.$1/32 dev to$1
            done""": "ns2 answered, but on a way that does not lead through sw",
        },
    ),
    "bridge/two-departments": Ways(
        wrong={
            "for s in up down; do ip -n $s link set br0 type bridge vlan_filtering 1; done": "it came in on eth0",
            # the trunk left out
            """for p in up:sales1:10 up:lab1:20 down:sales2:10 down:lab2:20; do
                s=${p%%:*}; name=${p#*:}; name=${name%:*}; ip -n $s link set br0 type bridge vlan_filtering 1
                bridge -n $s vlan add dev $name vid ${p##*:} pvid untagged; bridge -n $s vlan del dev $name vid 1
            done""": "no ARP answer for 10.0.0.12 on eth0",
        },
        others=(
            departments_by_verbs,
            # sales stay in VLAN 1, without a tag on the trunk
            """for s in up:lab1 down:lab2; do
                f=${s%:*}; ip -n $f link set br0 type bridge vlan_filtering 1; bridge -n $f vlan add dev trunk vid 20
                bridge -n $f vlan add dev ${s#*:} vid 20 pvid untagged; bridge -n $f vlan del dev ${s#*:} vid 1
            done""",
        ),
        tricks={
            # who answers is right, but the question is heard by all
            """for s in up down; do ip netns exec $s sh -c 'nft add table bridge f
            nft add chain bridge f c "{ type filter hook forward priority 0; }"
            nft add rule bridge f c ip saddr 10.0.0.11 ip daddr 10.0.0.21-10.0.0.22 drop
            nft add rule bridge f c ip saddr 10.0.0.22 ip daddr 10.0.0.11-10.0.0.12 drop'; done""": (
                "it came in on eth0"
            ),
        },
    ),
    "bridge/guests": Ways(
        wrong={
            """ip -n hv addr flush dev eth0; ip -n hv addr add 10.0.0.5/24 dev br0""": "no route to 10.0.9.9 in hv",
            """ip -n hv addr flush dev eth0; ip -n hv addr add 10.0.0.5/24 dev br0
            ip -n hv route add default via 10.0.0.1""": "vm reaches gw",
            "ip -n hv addr add 10.0.0.5/24 dev br0": "hv reaches",
            "ip -n hv link set eth0 nomaster": "vm reaches gw",
        },
        others=(
            guests_by_verbs,
            """ip -n hv addr flush dev eth0; ip -n hv addr add 10.0.0.5/24 dev br0
            ip -n hv route add default via 10.0.0.1
            for port in eth0 vnet0; do bridge -n hv vlan add dev $port vid 5 pvid untagged; done
            bridge -n hv vlan add dev br0 vid 5 pvid untagged self""",
        ),
        tricks={
            """ip -n hv addr flush dev eth0; ip -n hv addr add 10.0.0.5/24 dev br0
            ip -n hv route add default via 10.0.0.1; ip -n vm link set eth0 down
            ip -n hv link add both type veth peer name eth1 netns vm; ip -n hv link set both master br0 up
            ip -n vm addr flush dev eth0; ip -n vm addr add 10.0.0.6/24 dev eth1; ip -n vm link set eth1 up
            ip -n vm route add default via 10.0.0.1""": "eth1 in vm",
        },
    ),
}
