"""What is tried at the exercises of the track `bridge`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def a_switch_by_verbs(lab: Lab) -> None:
    lab["sw"].link.add("switch", kind="bridge", up=True)
    for port in "p1", "p2", "p3":
        lab["sw"].link.set(port, master="switch")


WAYS = {
    "bridge/three-ports": Ways(
        wrong={
            "ip -n sw link add br0 type bridge; for p in p1 p2 p3; do ip -n sw link set $p master br0; done":
            "no ARP answer for 10.0.0.2 on eth0",
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
}  # fmt: skip
