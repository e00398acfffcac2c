"""What is tried at the exercises of the track `netns`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def routes_to_one_network_each(lab: Lab) -> None:
    lab["left"].route.add("10.0.2.0/24", via="10.0.1.1")
    lab["right"].route.add("10.0.1.2", via="10.0.2.1")
    lab["router"].sysctl.set("net.ipv4.conf.all.forwarding", 1)


WAYS = {
    "netns/router": Ways(
        wrong={
            "ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1": "no answer",
            "ip -n left route add default via 10.0.1.1; ip netns exec router sysctl -qw net.ipv4.ip_forward=1":
            "no route to 10.0.1.2 in right",
        },
        others=(routes_to_one_network_each,),
        tricks={
            """ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1
            ip -n router link set lo up; ip -n router addr add 10.0.2.2/32 dev lo""":
            "an answer came, but from router and not from right",
            """ip link add more netns left type veth peer name more netns right
            ip -n left link set more up; ip -n right link set more up
            ip -n left route add 10.0.2.2/32 dev more; ip -n right route add 10.0.1.2/32 dev more""":
            "right answered, but on a way that does not lead through router",
        },
    ),
}  # fmt: skip
