"""What is tried at the exercises of the track `docker`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def the_port_and_the_address_by_verbs(lab: Lab) -> None:
    lab.link.set("veth-web", master="docker0")
    lab.addr.add("172.17.0.1/16", dev="docker0")


def all_links_by_verbs(lab: Lab) -> None:
    for dev in "docker0", "eth0":
        lab.sysctl.set(f"net.ipv4.conf.{dev}.forwarding", 1)


def an_exception_by_routes(lab: Lab) -> None:
    lab.route.add("172.17.50.0/24", via="192.168.0.1")
    for name in "web", "db":
        lab[name].route.add("172.17.50.0/24", via="172.17.0.1")


def a_smaller_mtu_by_verbs(lab: Lab) -> None:
    lab["web"].link.set("eth0", mtu=1280)


WAYS = {
    "docker/claimed-port": Ways(
        wrong={
            "ip link set veth-web master docker0": "no ARP answer for 172.17.0.1",
            "ip addr add 172.17.0.1/16 dev docker0": "no ARP answer for 172.17.0.2",
        },
        others=(the_port_and_the_address_by_verbs,),
        tricks={
            """ip link set veth-web master docker0; ip addr add 172.17.0.1/16 dev docker0
            ip addr add 203.0.113.1/32 dev docker0""": "an answer came, but from host and not from gateway",
        },
    ),
    "docker/forwarding-says-one": Ways(
        wrong={
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.docker0.forwarding=1": "no connection",
            "sysctl -qw net.ipv4.conf.eth0.forwarding=1": "no answer",
        },
        others=(
            all_links_by_verbs,
            # the old trick: only a change of the switch for all is passed on to the links
            "sysctl -qw net.ipv4.ip_forward=0; sysctl -qw net.ipv4.ip_forward=1",
            "sysctl -qw net.ipv4.conf.all.forwarding=0; sysctl -qw net.ipv4.conf.all.forwarding=1",
        ),
        tricks={
            "ip addr add 203.0.113.1/32 dev docker0": "an answer came, but from host and not from gateway",
        },
    ),
    "docker/same-range": Ways(
        wrong={
            "ip route add 172.17.50.0/24 via 192.168.0.1": "no ARP answer for 172.17.50.10",
            """ip route add 172.17.50.0/24 via 192.168.0.1
            for n in web db; do ip -n $n route add 172.17.50.0/24 via 172.17.0.1; done
            nft flush chain ip docker prerouting""": "no connection: Connection refused",
        },
        others=(
            an_exception_by_routes,
            "ip route add 172.17.50.0/24 via 192.168.0.1; sysctl -qw net.ipv4.conf.docker0.proxy_arp=1",
        ),
        tricks={
            "ip addr add 172.17.50.10/32 dev docker0": "an answer came, but from host and not from oracle",
        },
    ),
    "docker/large-answers": Ways(
        wrong={
            "ip link set docker0 mtu 1300": "the connection was taken, and then",
            "ip link set eth0 mtu 1500": "the connection was taken, and then",
        },
        others=(
            a_smaller_mtu_by_verbs,
            "nft insert rule ip docker forward tcp flags syn tcp option maxseg size set 1260",
        ),
        tricks={
            "ip netns exec gateway nft flush ruleset": "in gateway:",
            "ip -n server link set eth0 mtu 1300": "in server:",
        },
    ),
}
