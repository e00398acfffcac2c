"""What is tried at the exercises of the track `macvtap`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def a_child_with_an_address(lab: Lab) -> None:
    lab.link.add("mac0", kind="macvlan", link="eth0", mode="bridge")
    lab.addr.add("192.168.0.172/24", dev="mac0")
    lab.link.set("mac0", up=True)
    lab.route.add("192.168.0.50", dev="mac0")


def the_link_follows(lab: Lab) -> None:
    lab["neighbour"].ping("192.168.0.50", count=1)
    told = next(one.lladdr for one in lab["neighbour"].neigh.show() if one.dst == "192.168.0.50")
    lab["vm"].link.set("tap0", address=told)


WAYS = {
    "macvtap/own-guest": Ways(
        wrong={
            """ip link add mac0 link eth0 type macvlan mode private; ip link set mac0 up
            ip route add 192.168.0.50/32 dev mac0""": "no answer",
        },
        others=(
            a_child_with_an_address,
            """ip link add other link eth0 type macvtap mode bridge; ip link set other up
            ip route add 192.168.0.50/32 dev other""",
        ),
        tricks={"ip addr add 192.168.0.50/32 dev lo": "an answer came, but from host and not from vm"},
    ),
    "macvtap/deaf-guest": Ways(
        wrong={
            "ip -n vm link set tap0 promisc on": "no answer",
            "ip -n vm link set tap0 address 0a:00:00:00:00:06": "no answer",
        },
        others=(the_link_follows,),
        tricks={
            "ip addr add 192.168.0.50/32 dev eth0; ip -n vm link set tap0 down": (
                "an answer came, but from host and not from vm"
            ),
        },
    ),
}
