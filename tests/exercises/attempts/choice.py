"""What is tried at the exercises of the track `choice`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def l2_by_verbs(lab: Lab) -> None:
    for number in 1, 2:
        lab[f"ns{number}"].link.delete(f"mac{number}")
    for number, address in (1, "192.168.0.100/24"), (2, "192.168.0.200/24"):
        node, name = lab[f"ns{number}"], f"child{number}"
        lab.link.add(name, kind="ipvlan", link="eth0", mode="l2")
        lab.link.set(name, netns=node)
        node.addr.add(address, dev=name)
        node.link.set(name, up=True)


def the_third_by_a_cable(lab: Lab) -> None:
    """The host routes for the third guest, as its gateway believes; the card is left to the other two."""
    guest = lab["ns3"]
    lab["ns1"].link.set("ipvlan1", kind="ipvlan", mode="l2")
    guest.link.delete("ipvlan3")
    lab.link.add("to-ns3", kind="veth", peer={"name": "eth0", "netns": guest})
    lab.addr.add("10.9.0.1/24", dev="to-ns3")
    guest.addr.add("10.9.0.3/24", dev="eth0")
    lab.link.set("to-ns3", up=True)
    guest.link.set("eth0", up=True)
    guest.route.add("default", via="10.9.0.1")
    lab.sysctl.set("net.ipv4.ip_forward", 1)


CHILDREN = """for n in 1 2; do ip -n ns$n link delete mac$n; done
for n in 1 2; do
    ip link add ipvlan$n link eth0 type ipvlan mode {mode}; ip link set ipvlan$n netns ns$n
    ip -n ns$n addr add 192.168.0.${{n}}00/24 dev ipvlan$n; ip -n ns$n link set ipvlan$n up
done"""

WAYS = {
    "choice/one-mac-port": Ways(
        wrong={
            CHILDREN.format(mode="l3"): "no ARP answer for 192.168.0.100 on eth0",
            CHILDREN.format(mode="l2 private"): "no answer",
            "for n in 1 2; do ip -n ns$n link set mac$n type macvlan mode vepa; done": "no answer",
        },
        others=(
            l2_by_verbs,
            """for n in 1 2; do ip -n ns$n link delete mac$n; ip link add to-ns$n type veth peer name eth0 netns ns$n
            ip link set to-ns$n up; ip -n ns$n link set eth0 up; ip -n ns$n addr add 192.168.0.${n}00/24 dev eth0
            ip route add 192.168.0.${n}00 dev to-ns$n; sysctl -qw net.ipv4.conf.to-ns$n.proxy_arp=1; done
            sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.proxy_arp=1""",
        ),
        tricks={
            "bridge -n lan link set dev host learning on locked off": "senders: ",
            """for n in 1 2; do ip -n ns$n link set lo up; ip -n ns$n addr add 192.168.0.20/32 dev lo; done
            ip addr add 192.168.0.100/32 dev lo; ip addr add 192.168.0.200/32 dev lo""": (
                "an answer came, but from host and not from ns1"
            ),
        },
    ),
    "choice/third-guest": Ways(
        wrong={
            "ip -n ns1 link set ipvlan1 type ipvlan mode l2": "no answer",
            "ip -n ns1 link set ipvlan1 type ipvlan mode l3s": "no answer",
        },
        others=(
            the_third_by_a_cable,
            "ip -n ns3 link set ipvlan3 type ipvlan mode l2; ip -n ns3 route replace default dev ipvlan3",
        ),
        tricks={
            """ip -n ns1 link set ipvlan1 type ipvlan mode l2; ip -n ns3 link delete ipvlan3
            ip addr add 10.9.0.3/32 dev lo""": "an answer came, but from host and not from ns3",
        },
    ),
}
