"""What is tried at the exercises of the track `macvlan`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def the_hosts_address_moves(lab: Lab) -> None:
    """The host, too, is a child of its card, with its address and its default route."""
    lab.addr.delete("192.168.0.171/24", dev="eth0")
    lab.link.add("mac0", kind="macvlan", link="eth0", mode="bridge", up=True)
    lab.addr.add("192.168.0.171/24", dev="mac0")
    lab.route.add("default", via="192.168.0.1")


def by_the_switch_that_sends_nothing_back(lab: Lab) -> None:
    for n in 1, 2:
        lab[f"ns{n}"].link.set(f"mac{n}", kind="macvlan", mode="vepa")


def made_once_more_with_the_old_mac(lab: Lab) -> None:
    lab["ns1"].link.delete("mac1")
    lab.link.add("mac1", kind="macvlan", link="eth0", mode="private", address="02:42:c0:a8:00:64", netns="ns1")
    lab["ns1"].addr.add("192.168.0.100/24", dev="mac1")
    lab["ns1"].link.set("mac1", up=True)


WAYS = {
    "macvlan/reach-the-host": Ways(
        wrong={
            "ip link add mac0 link eth0 type macvlan mode bridge; ip link set mac0 up": (
                "the answer was lost: host got no ARP answer for 192.168.0.100"
            ),
        },
        others=(the_hosts_address_moves,),
        tricks={
            """ip -n ns1 link set lo up; ip link set lo up
            ip -n ns1 addr add 192.168.0.171/32 dev lo; ip addr add 192.168.0.100/32 dev lo""": (
                "an answer came, but from ns1 and not from host"
            ),
            """ip link add more type veth peer name more netns ns1
            ip link set more up; ip -n ns1 link set more up
            ip route add 192.168.0.100/32 dev more; ip -n ns1 route add 192.168.0.171/32 dev more""": (
                "+ more in host; + more in ns1"
            ),
            "ip -n lan link set host type bridge_slave hairpin on; ip -n ns1 link set mac1 type macvlan mode vepa": (
                "hairpin True"
            ),
        },
    ),
    "macvlan/private-mode": Ways(
        wrong={
            "ip -n ns1 route add unreachable 192.168.0.200": "it came in on mac1",
        },
        others=(
            by_the_switch_that_sends_nothing_back,
            # one is enough: a child in mode bridge gives frames directly only to others in mode bridge
            "ip -n ns1 link set mac1 type macvlan mode private",
            """for n in 1 2; do
                ip -n ns$n link delete mac$n
                ip link add mine$n link eth0 type macvlan mode private; ip link set mine$n netns ns$n
                ip -n ns$n addr add 192.168.0.${n}00/24 dev mine$n; ip -n ns$n link set mine$n up
            done""",
        ),
        tricks={
            "for n in 1 2; do ip netns exec ns$n sysctl -qw net.ipv4.icmp_echo_ignore_all=1; done": (
                "it came in on mac2"
            ),
            "ip -n ns2 link set mac2 down": "no route to 192.168.0.1 in ns2",
            """ip -n ns1 neigh add 192.168.0.200 dev mac1 lladdr 02:00:00:00:00:99
            ip -n ns2 neigh add 192.168.0.100 dev mac2 lladdr 02:00:00:00:00:99
            ip -n lan addr add 192.168.0.9/24 dev sw0""": "in lan: + addr 192.168.0.9/24 dev sw0",
        },
    ),
    "macvlan/made-anew": Ways(
        wrong={
            "ip -n ns1 route add default via 192.168.0.1": "no answer",
            "ip link set eth0 promisc on": "no answer",
        },
        others=(made_once_more_with_the_old_mac,),
        tricks={
            """mac=$(ip netns exec ns1 cat /sys/class/net/mac1/address)
            ip netns exec lan bridge fdb replace $mac dev host master static""": "in lan: ",
            "ip netns exec lan bridge link set dev host locked off": "in lan: ",
            "ip -n ns1 link delete mac1; ip addr add 192.168.0.100/32 dev eth0": (
                "an answer came, but from host and not from ns1"
            ),
        },
    ),
}
