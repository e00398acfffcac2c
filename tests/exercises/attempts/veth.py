"""What is tried at the exercises of the track `veth`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def by_a_route(lab: Lab) -> None:
    lab["b"].link.set("eth0", up=True)
    lab["b"].route.add("10.0.0.0/24", dev="eth0")


def the_address_by_verbs(lab: Lab) -> None:
    for link in lab.host.link.show(kind="veth"):
        if (link.link_netnsid, link.name) == (lab.host.link["veth3c0"].link_netnsid, "veth3c0"):
            lab.host.addr.add("10.0.0.1/24", dev=link.name)


WAYS = {
    "veth/dark-cable": Ways(
        wrong={
            "ip -n b link set eth0 up": "no route to 10.0.0.1 in b",
            "ip -n b addr replace 10.0.0.2/24 dev eth0": "no answer",
        },
        others=(by_a_route,),
        tricks={
            """for n in a b; do ip -n $n link set lo up; done
            ip -n a addr add 10.0.0.2/32 dev lo; ip -n b addr add 10.0.0.1/32 dev lo""": (
                "an answer came, but from a and not from b"
            ),
        },
    ),
    "veth/which-end": Ways(
        wrong={
            "ip addr add 10.0.0.1/24 dev veth1a7": "an answer came, but from blue and not from green",
            """for d in veth1a7 veth3c0 veth9f2; do ip addr add 10.0.0.1/24 dev $d; done""": (
                "an answer came, but from blue and not from green"
            ),
        },
        others=(
            the_address_by_verbs,
            "ip addr add 10.0.0.1/32 dev veth3c0; ip route add 10.0.0.2/32 dev veth3c0",
        ),
        tricks={
            """ip addr add 10.0.0.1/24 dev veth1a7
            ip -n blue link set eth0 netns green name eth1; ip -n green addr add 10.0.0.2/24 dev eth1
            ip -n green link set eth1 up""": "+ eth1 in green",
        },
    ),
    "veth/small-only": Ways(
        wrong={
            "ip -n router link set left mtu 1500": "no answer",
            "ip -n router link set right mtu 3000": "no answer",
        },
        others=(
            "ip -n router link set right mtu 65535",
            "ip -n router link set right mtu 9000; ip -n router link set left mtu 9001",
        ),
        tricks={
            "ip -n server link set eth0 mtu 1500": "in server: ~ link eth0: mtu 9000 → mtu 1500",
        },
    ),
}
