"""What is tried at the exercises of the track `netns`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def routes_to_one_network_each(lab: Lab) -> None:
    lab["left"].route.add("10.0.2.0/24", via="10.0.1.1")
    lab["right"].route.add("10.0.1.2", via="10.0.2.1")
    lab["router"].sysctl.set("net.ipv4.conf.all.forwarding", 1)


def loopback_by_a_verb(lab: Lab) -> None:
    lab["app"].link.set("lo", up=True)


def by_the_number_of_its_program(lab: Lab) -> None:
    pid = lab.run("pgrep -x sleep", quiet=True).stdout.strip()
    lab.run(f"nsenter -t {pid} -n ip link set eth0 up; ip netns attach app {pid}", check=True, quiet=True)


def all_by_verbs(lab: Lab) -> None:
    router = lab["router"]
    router.link.set("lan", up=True)
    router.addr.add("10.0.1.1/25", dev="lan")
    for link in ("lan", "wan"):
        router.sysctl.set(f"net.ipv4.conf.{link}.forwarding", 1)


WAYS = {
    "netns/own-address": Ways(
        wrong={
            "ip -n app addr add 127.0.0.1/8 dev lo": "no answer",
            "ip -n client link set lo up": "~ link lo: down → up",
        },
        others=(loopback_by_a_verb, "ip netns exec app ifconfig lo 127.0.0.1 up"),
        tricks={
            """ip -n app link set lo up
            ip -n app addr delete 10.0.0.2/24 dev eth0; ip -n app addr add 10.0.0.3/24 dev eth0
            ip -n client addr add 10.0.0.2/32 dev eth0""": "an answer came, but from client and not from app",
        },
    ),
    "netns/router": Ways(
        wrong={
            "ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1": "no answer",
            "ip -n left route add default via 10.0.1.1; ip netns exec router sysctl -qw net.ipv4.ip_forward=1": (
                "no route to 10.0.1.2 in right"
            ),
        },
        others=(routes_to_one_network_each,),
        tricks={
            """ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1
            ip -n router link set lo up; ip -n router addr add 10.0.2.2/32 dev lo""": (
                "an answer came, but from router and not from right"
            ),
            """ip link add more netns left type veth peer name more netns right
            ip -n left link set more up; ip -n right link set more up
            ip -n left route add 10.0.2.2/32 dev more; ip -n right route add 10.0.1.2/32 dev more""": (
                "right answered, but on a way that does not lead through router"
            ),
        },
    ),
    "netns/nameless": Ways(
        wrong={
            "ip netns add app": "programs there: none",
            "ip netns attach app $(pgrep -x sleep)": "no answer",
            "ip netns add app; nsenter -t $(pgrep -x sleep) -n ip link set eth0 up": "no route to 10.0.0.1 in app",
        },
        others=(
            by_the_number_of_its_program,
            """mkdir -p /run/netns; touch /run/netns/app; mount --bind /proc/$(pgrep -x sleep)/ns/net /run/netns/app
            ip netns exec app ip link set eth0 up""",
        ),
        tricks={
            """ip netns add app
            nsenter -t $(pgrep -x sleep) -n ip link set eth0 netns $(readlink -f /run/netns/app)
            ip -n app addr add 10.0.0.2/24 dev eth0; ip -n app link set eth0 up""": "programs there: none",
        },
    ),
    "netns/moved": Ways(
        wrong={
            "ip -n router link set lan up": "no answer",
            "ip -n router addr add 10.0.1.1/24 dev lan; ip netns exec router sysctl -qw net.ipv4.ip_forward=1": (
                "no answer"
            ),
            "ip -n router addr add 10.0.1.1/24 dev lan; ip -n router link set lan up": "no answer",
        },
        others=(all_by_verbs,),
        tricks={
            """for n in lan wan; do ip -n router link set $n netns 1; ip link set $n up; done
            ip addr add 10.0.1.1/24 dev lan; ip addr add 10.0.2.1/24 dev wan""": "+ lan in host",
        },
    ),
}
