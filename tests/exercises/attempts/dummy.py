"""What is tried at the exercises of the track `dummy`."""

from __future__ import annotations

from vnetlearn import Lab

from .ways import Ways


def by_verbs(lab: Lab) -> None:
    server = lab["server"]
    server.addr.delete("198.51.100.1/32", dev="eth1")
    server.link.add("anycast0", kind="dummy", up=True)
    server.addr.add("198.51.100.1/24", dev="anycast0")
    server.link.delete("eth1")


def each_card_for_its_own(lab: Lab) -> None:
    for name in ("s1", "s2"):
        lab[name].sysctl.set("net.ipv4.conf.eth0.arp_ignore", 2)


WAYS: dict[str, Ways] = {
    "dummy/service-address": Ways(
        wrong={
            "ip -n server link delete eth1": "no answer",
            "ip -n server link add svc type dummy; ip -n server addr add 198.51.100.1/32 dev svc": "svc (dummy)",
        },
        others=(by_verbs, "ip -n server addr add 198.51.100.1/32 dev lo; ip -n server link delete eth1"),
        tricks={
            "ip -n server addr add 198.51.100.1/32 dev eth2; ip -n server link delete eth1": "it is on: eth2 (veth)",
        },
    ),
    "dummy/quiet": Ways(
        wrong={
            "for n in s1 s2; do ip netns exec $n sysctl -qw net.ipv4.conf.vip.arp_ignore=1; done": "s1",
            "ip netns exec s1 sysctl -qw net.ipv4.conf.all.arp_ignore=1": "answers came from: lb, s2",
            "for n in s1 s2; do ip -n $n link set vip down; done": "answers came from: lb, s1, s2",
        },
        others=(each_card_for_its_own,),
        tricks={
            "for n in s1 s2; do ip -n $n link delete vip; done": "an answer came, but from lb and not from s1",
            "for n in s1 s2; do ip -n $n link set eth0 arp off; done": "no answer",
        },
    ),
}
