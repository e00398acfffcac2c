"""What is tried at the exercises of the track `ipvlan`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def by_the_host_that_answers_arp(lab: Lab) -> None:
    """A cable to the host, which routes, and answers for what is behind it (proxy ARP)."""
    lab.link.add("to-ns1", kind="veth", up=True, peer={"name": "card", "netns": "ns1"})
    lab["ns1"].link.set("card", up=True)
    lab["ns1"].addr.add("192.168.0.100/24", dev="card")
    lab.route.add("192.168.0.100", dev="to-ns1")
    lab.sysctl.set("net.ipv4.ip_forward", 1)
    for link in "eth0", "to-ns1":
        lab.sysctl.set(f"net.ipv4.conf.{link}.proxy_arp", 1)


def the_mac_is_told(lab: Lab) -> None:
    lab["neighbour"].neigh.add("192.168.0.100", dev="eth0", lladdr="02:00:c0:a8:00:ab")


def both_anew_with_a_mode(lab: Lab) -> None:
    for n in 1, 2:
        lab[f"ns{n}"].link.delete(f"ipv{n}")
    for n in 1, 2:
        lab.link.add("card", kind="ipvlan", link="eth0", mode="l2", netns=f"ns{n}")
        lab[f"ns{n}"].addr.add(f"192.168.0.{n}00/24", dev="card")
        lab[f"ns{n}"].link.set("card", up=True)


WAYS = {
    "ipvlan/same-mac": Ways(
        wrong={
            """ip link add mac1 link eth0 type macvlan mode bridge; ip link set mac1 netns ns1
            ip -n ns1 addr add 192.168.0.100/24 dev mac1; ip -n ns1 link set mac1 up""": "senders: ",
            """ip link add ipvl1 link eth0 type ipvlan mode l3; ip link set ipvl1 netns ns1
            ip -n ns1 addr add 192.168.0.100/24 dev ipvl1; ip -n ns1 link set ipvl1 up""": (
                "no ARP answer for 192.168.0.100 on eth0"
            ),
        },
        others=(by_the_host_that_answers_arp,),
        tricks={
            "ip addr add 192.168.0.100/32 dev eth0; ip -n ns1 link set lo up; ip -n ns1 addr add 192.168.0.20 dev lo": (
                "an answer came, but from host and not from ns1"
            ),
            """ip link add card netns ns1 type veth peer name more netns lan
            ip -n lan link set more master sw0 up; ip -n ns1 link set card up
            ip -n ns1 addr add 192.168.0.100/24 dev card""": "in lan: + link more veth, up",
        },
    ),
    "ipvlan/way-back": Ways(
        wrong={"ip -n neighbour route add 192.168.0.100/32 via 192.168.0.1": "no answer"},
        others=(the_mac_is_told, "ip -n neighbour route replace 192.168.0.96/29 via 192.168.0.171"),
        tricks={
            """ip -n neighbour link set lo up; ip -n neighbour addr add 192.168.0.100/32 dev lo
            ip -n ns1 link set lo up; ip -n ns1 addr add 192.168.0.20/32 dev lo""": (
                "an answer came, but from neighbour and not from ns1"
            ),
        },
    ),
    "ipvlan/second-guest": Ways(
        wrong={
            "ip -n ns2 link delete ipv2": "no answer",
            "ip -n ns1 link set ipv1 arp on; ip -n ns2 link set ipv2 arp on": "no ARP answer for 192.168.0.100 on eth0",
        },
        others=(both_anew_with_a_mode, "ip -n ns1 link set ipv1 type ipvlan mode l2"),
        tricks={
            """ip -n ns1 link delete ipv1; ip -n ns2 link delete ipv2
            for n in 1 2; do
                ip link add mac$n link eth0 netns ns$n type macvlan mode bridge
                ip -n ns$n addr add 192.168.0.${n}00/24 dev mac$n; ip -n ns$n link set mac$n up
            done""": "senders: ",
            """for n in 1 2; do ip -n neighbour neigh add 192.168.0.${n}00 dev eth0 lladdr 02:00:c0:a8:00:ab; done""": (
                "in neighbour: + neigh 192.168.0.100"
            ),
        },
    ),
}
