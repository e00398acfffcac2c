"""Packets that are lost, on both engines: where their way ends, why, and by whose word."""

from __future__ import annotations

import re

from labs import need, need_of_kernel
from walks import cable, ended, kernels_own_words, places, routed, spaces, two, walk

from vnetlearn import Lab
from vnetlearn.journey.diagnosis.dropped import CLEARER
from vnetlearn.journey.reasons import KERNEL


def test_no_route_on_the_way(lab: Lab) -> None:
    a, _, _ = routed(lab)
    ended(
        walk(a, "10.0.9.9"),
        "r/left",
        "network unreachable: r has no route",
        r"frame \d+: ICMP type 3 code 0 from 10.0.1.1",
        "route get 10.0.9.9 from 10.0.1.2 iif left: .*unreachable",
        *kernels_own_words(lab, "IP_INNOROUTES"),
    )


def test_no_route_at_the_start(lab: Lab) -> None:
    (a,) = spaces(lab, "a")
    journey = walk(a, "10.0.9.9")
    ended(journey, "a/", "no route to 10.0.9.9 in a", "route get 10.0.9.9: ENETUNREACH")
    assert journey.hops == ()
    assert "it never left" in repr(journey)
    assert "it never left" in journey._repr_mimebundle_()["text/html"]


def test_who_does_not_forward(lab: Lab) -> None:
    a, r, _ = routed(lab)
    r.sysctl.set("net.ipv4.ip_forward", 0)
    ended(walk(a, "10.0.2.2"), "r/left", r"r does not pass packets on|ip_forward is 0", "forwarding = 0")


def test_a_forged_sender(lab: Lab) -> None:
    a, r, _ = routed(lab)
    r.sysctl.set("net.ipv4.conf.all.rp_filter", 1)
    a.ping("10.0.1.1", count=1)
    a.addr.add("172.16.0.1/32", dev="lo")
    with lab.capture() as cap:
        a.run("ping -c 1 -W 1 -I 172.16.0.1 10.0.2.2", quiet=True)
    ended(cap.journey(), "r/left", "rp_filter", "rp_filter = 1", *kernels_own_words(lab, "IP_RPFILTER"))


def test_a_blackhole(lab: Lab) -> None:
    a, r, _ = routed(lab)
    r.route.add("10.0.7.0/24", type="blackhole")
    ended(walk(a, "10.0.7.7"), "r/left", "blackhole", "blackhole 10.0.7.0/24")


def test_ttl(lab: Lab) -> None:
    a, _, _ = routed(lab)
    with lab.capture() as cap:
        a.run("ping -c 1 -W 1 -t 1 10.0.2.2", quiet=True)
    ended(cap.journey(), "r/left", "TTL", "ICMP type 11 code 0 from 10.0.1.1")


def test_too_big_and_not_to_be_cut(lab: Lab) -> None:
    a, r, b = routed(lab)
    for node, dev in ((r, "right"), (b, "eth0")):
        node.link.set(dev, mtu=1000)
    with lab.capture() as cap:
        a.run("ping -c 1 -W 1 -M do -s 1400 10.0.2.2", quiet=True)
    ended(
        cap.journey(),
        "r/left",
        "1428 bytes do not fit through right, whose MTU is 1000",
        "ICMP type 3 code 4 from 10.0.1.1",
    )


def test_no_one_has_the_address(lab: Lab) -> None:
    a, _, _ = routed(lab)
    ended(
        walk(a, "10.0.1.77"),
        "r/left",
        "no one answered ARP for 10.0.1.77: no link in the lab has this address",
        "neigh show 10.0.1.77: .*(INCOMPLETE|FAILED)",
        "heard by left in r",
    )
    ended(walk(a, "10.0.2.77"), "r/left", "no one answered ARP for 10.0.2.77", "heard by eth0 in b")


def test_it_is_asked_again_where_the_last_question_was_before(lab: Lab) -> None:
    """The kernel waits a while after it, and what is sent meanwhile waits as well, and goes nowhere."""
    a, _ = two(lab)
    for name, value in (("mcast_solicit", 1), ("retrans_time_ms", 1500)):
        a.sysctl.set(f"net.ipv4.neigh.eth0.{name}", value)
    a.ping("192.0.2.77", count=1, timeout=0.1)
    journey = a.ping("192.0.2.77", journey=True).journey
    assert journey is not None
    ended(journey, "b/eth0", "no one answered ARP for 192.0.2.77")


def test_nobody_answers_neighbour_discovery(lab: Lab) -> None:
    a, _ = two(lab)
    ended(walk(a, "2001:db8::77"), "b/eth0", "no one answered neighbour discovery for 2001:db8::77")


def test_a_child_of_a_card_does_not_reach_its_parent(machine: Lab) -> None:
    node = machine.netns.add("kid")
    machine.link.add("mac1", kind="macvlan", link="eth0", mode="bridge")
    machine.link.set("mac1", netns=node)
    node.link.set("mac1", up=True)
    node.addr.add("192.168.0.100/24", dev="mac1")
    journey = node.ping("192.168.0.171", journey=True).journey
    assert journey is not None
    reason = (
        r"no one answered ARP for 192.168.0.171 in host: it is eth0's own, and a frame of mac1 leaves through eth0 past"
    )
    assert journey.end is not None
    assert re.search(reason, journey.end.reason), journey
    assert ("", "eth0") in [hop.place for hop in journey.hops if hop.direction == "out"], journey


def test_a_closed_port(lab: Lab) -> None:
    a, _ = two(lab)
    with lab.capture() as cap:
        a.run("echo hello > /dev/udp/192.0.2.2/9999", quiet=True)
    journey = cap.journey("udp port 9999")
    ended(
        journey,
        "b/eth0",
        "port unreachable: no program .*listens .*port 9999",
        "ICMP type 3 code 3 from 192.0.2.2",
        *kernels_own_words(lab, "NO_SOCKET"),
    )
    assert journey.title == "UDP port 9999, 192.0.2.1 → 192.0.2.2"


READER = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7007))
print("ready", flush=True)
print(s.recv(100).decode(), end="", flush=True)
"""


def test_a_datagram_that_is_read_has_arrived(lab: Lab) -> None:
    a, b = two(lab)
    a.ping("192.0.2.2", count=1)
    reader = b.start(["python3", "-c", READER])
    heard = reader.output()
    assert b"ready" in next(heard)[1]
    with lab.capture() as cap:
        a.run("echo hi > /dev/udp/192.0.2.2/7007", quiet=True, check=True)
        assert b"hi" in b"".join(data for _, data in heard)
    journey = cap.journey("udp")
    assert places(journey.hops) == ["a/eth0 out", "b/eth0 in"]
    assert journey.end is None
    assert "✓ arrived" in repr(journey)


def test_a_cable_whose_other_end_is_down(lab: Lab) -> None:
    a, b = two(lab)
    a.ping("192.0.2.2", count=1)
    b.link.set("eth0", up=False)
    journey = walk(a, "192.0.2.2")
    assert journey.end is not None
    assert "down" in journey.end.reason, journey


def test_another_vni(lab: Lab) -> None:
    a, b = two(lab)
    for node, number, last in ((a, 42, 1), (b, 43, 2)):
        node.link.add("vx", kind="vxlan", id=number, dstport=4789, remote=f"192.0.2.{3 - last}", up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="vx")
    ended(
        walk(a, "10.0.0.2"),
        "b/eth0",
        "no one answered ARP for 10.0.0.2|VNI 42",
        *kernels_own_words(lab, "VXLAN_VNI_NOT_FOUND"),
    )
    a.neigh.replace("10.0.0.2", dev="vx", lladdr=b.link["vx"].address)
    ended(walk(a, "10.0.0.2"), "b/eth0", "VNI 42", *kernels_own_words(lab, "VXLAN_VNI_NOT_FOUND"))


def test_an_answer_that_is_lost(lab: Lab) -> None:
    a, _, b = routed(lab)
    b.route.delete("default")
    ended(walk(a, "10.0.2.2"), "b/eth0", "it arrived, and b has no way back: no route to 10.0.1.2 in b", "ENETUNREACH")


def test_a_tag_that_no_link_takes_off(lab: Lab) -> None:
    need(lab, "vlan")
    a, b = two(lab)
    a.link.add("eth0.10", kind="vlan", link="eth0", id=10, up=True)
    b.link.add("eth0.20", kind="vlan", link="eth0", id=20, up=True)
    a.addr.add("10.0.0.1/24", dev="eth0.10")
    a.neigh.add("10.0.0.2", dev="eth0.10", lladdr=b.link["eth0"].address)
    ended(walk(a, "10.0.0.2"), "b/eth0", "VLAN tag 10, and no vlan link on eth0", r"eth0.20 \(id 20\)")


def test_a_firewall(lab: Lab) -> None:
    a, b = two(lab)
    made = b.run(
        "nft 'add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c drop'",
        quiet=True,
    )
    need_of_kernel("nftables", lab.engine == "vm" or not made.status)
    made.check()
    ended(walk(a, "192.0.2.2"), "b/eth0", "firewall|it arrived", *kernels_own_words(lab, "NETFILTER_DROP"))


def test_an_echo_request_for_all(lab: Lab) -> None:
    a, _ = two(lab)
    with lab.capture() as cap:
        a.run("ping -b -c 1 -W 1 192.0.2.255", quiet=True)
    ended(cap.journey(), "b/eth0", "b answers no echo request that is for all", "icmp_echo_ignore_broadcasts = 1")


def test_an_address_alone_in_its_network_is_not_for_all(lab: Lab) -> None:
    """10.9.9.9/32 is its own network's last address, and no broadcast address."""
    a, b = two(lab)
    b.addr.add("10.9.9.9/32", dev="eth0")
    a.addr.add("10.8.8.8/32", dev="eth0")
    a.route.add("10.9.9.9", dev="eth0", src="10.8.8.8")
    journey = walk(a, "10.9.9.9")
    assert "for all" not in repr(journey)
    assert "way back" in repr(journey)


def test_a_switch_that_filters_by_vlan(lab: Lab) -> None:
    need(lab, "vlan")  # without which a kernel has no VLAN filter in bridges either: net/bridge/Kconfig
    switch = lab.netns.add("sw")
    switch.link.add("br0", kind="bridge", vlan_filtering=True, up=True)
    nodes = spaces(lab, "a b")
    for number, node in enumerate(nodes, 1):
        cable(lab, node, "eth0", switch, node.name, f"10.0.0.{number}/24")
        switch.link.set(node.name, master="br0")
    switch.run("bridge vlan add dev b vid 20 pvid untagged; bridge vlan del dev b vid 1", check=True)
    journey = walk(nodes[0], "10.0.0.2")
    assert journey.end is not None
    assert re.search("the question did not get there; br0 filters by VLAN", journey.end.reason), journey


def test_a_dummy_keeps_nothing(lab: Lab) -> None:
    need(lab, "dummy")
    (a,) = spaces(lab, "a")
    a.link.add("d0", kind="dummy", up=True)
    a.addr.add("10.9.0.1/24", dev="d0")
    a.neigh.replace("10.9.0.2", dev="d0", lladdr="02:00:00:00:00:09")
    ended(walk(a, "10.9.0.2"), "a/d0", "a dummy throws away")


def test_what_is_said_more_exactly_has_words_of_its_own_too() -> None:
    assert set(CLEARER) <= set(KERNEL)
