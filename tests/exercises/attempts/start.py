"""What is tried at the exercises of the track `start`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def a_switch_between(lab: Lab) -> None:
    """In place of one cable, two and a bridge."""
    lab.link.add("br0", kind="bridge", up=True)
    for n in 1, 2:
        node = lab[f"ns{n}"]
        lab.link.add(f"port{n}", kind="veth", master="br0", up=True, peer={"name": "card", "netns": node})
        node.link.set("card", up=True)
        node.addr.add(f"10.0.0.{n}/30", dev="card")


def the_rest_of_the_network(lab: Lab) -> None:
    lab["server"].route.add("10.1.0.128/25", dev="eth0")


WAYS = {
    "start/first-cable": Ways(
        wrong={
            """ip link add eth1 netns ns1 type veth peer name eth2 netns ns2
            ip -n ns1 addr add 10.0.0.1/24 dev eth1; ip -n ns2 addr add 10.0.0.2/24 dev eth2
            ip -n ns1 link set eth1 up""": "no route to 10.0.0.1 in ns2",
            "ip netns delete ns2": "no route to 10.0.0.2 in ns1",
            "ip netns delete ns1; ip netns add other": "there is no namespace ns1",
        },
        others=(a_switch_between,),
        tricks={
            """ip -n ns1 addr add 10.0.0.1/24 dev lo; ip -n ns1 addr add 10.0.0.2/24 dev lo; ip -n ns1 link set lo up
            ip -n ns2 addr add 10.0.0.1/24 dev lo; ip -n ns2 addr add 10.0.0.2/24 dev lo; ip -n ns2 link set lo up""": (
                "an answer came, but from ns1 and not from ns2"
            ),
        },
    ),
    "start/find-the-fault": Ways(
        wrong={"ip -n client route add 10.1.0.20/32 dev eth0": "no route to 10.1.0.130 in server"},
        others=(
            the_rest_of_the_network,
            "ip -n server route add default dev eth0",
            "ip -n server addr add 10.1.0.20/24 dev eth0",
        ),
        tricks={
            "ip -n client addr add 10.1.0.20/32 dev lo; ip -n client link set lo up": (
                "an answer came, but from client and not from server"
            ),
            """ip link add more netns client type veth peer name more netns server
            ip -n client link set more up; ip -n server link set more up
            ip -n client route add 10.1.0.20/32 dev more; ip -n server route add 10.1.0.130/32 dev more""": (
                "+ more in client; + more in server"
            ),
            # what would repair it, and a change where nothing is to be changed
            """ip -n server addr add 10.1.0.20/24 dev eth0; ip -n printer addr add 10.1.0.41/24 dev eth0""": (
                "in printer: + addr 10.1.0.41/24 dev eth0"
            ),
        },
    ),
}
