"""The ways of real packets, on both engines: where they are seen, and what changes from one place to the next."""

from __future__ import annotations

import re

import pytest
from labs import need, need_of_kernel
from walks import cable, changed, places, quiet, spaces, there_and_back, two, walk

from vnetlearn import Lab, Node


def test_a_cable(lab: Lab) -> None:
    a, b = spaces(lab, "a b")
    cable(lab, a, "eth0", b, "eth0", "10.0.0.1/24", "10.0.0.2/24")
    journey = walk(a, "10.0.0.2")
    there_and_back(journey, "a/eth0 out", "b/eth0 in")
    assert journey.hops[0].changes[-1] == "10.0.0.1 → 10.0.0.2, TTL 64"
    assert journey.request[1].changes == ()  # a cable changes nothing


def test_a_switch_copies_what_is_for_all(lab: Lab) -> None:
    nodes = spaces(lab, "a b c")
    switch = lab.netns.add("sw")
    switch.link.add("br0", kind="bridge", up=True)
    for number, node in enumerate(nodes, 1):
        cable(lab, node, "eth0", switch, node.name, f"10.0.0.{number}/24")
        switch.link.set(node.name, master="br0")
    journey = walk(nodes[0], "10.0.0.2")
    there_and_back(journey, "a/eth0 out", "sw/a in", "sw/b out", "b/eth0 in")
    assert "switched by bridge br0" in changed(journey)
    nodes[0].neigh.flush()
    with lab.capture() as cap:
        nodes[0].ping("10.0.0.2", count=1)
    question = cap.journey("arp")
    assert places(question.request) == ["a/eth0 out", "sw/a in", "sw/b out", "b/eth0 in"]
    assert {f"{hop.netns}/{hop.dev}" for hop in question.hops if not hop.main} >= {"sw/c", "c/eth0", "sw/br0"}
    assert re.search("one of 3 copies that bridge br0 made; the others go to br0, c", changed(question))
    assert question.end is None


def test_a_router_rewrites_macs_and_counts_down(lab: Lab) -> None:
    a, r, b = spaces(lab, "a r b")
    cable(lab, a, "eth0", r, "left", "10.0.1.2/24", "10.0.1.1/24")
    cable(lab, b, "eth0", r, "right", "10.0.2.2/24", "10.0.2.1/24")
    r.sysctl.set("net.ipv4.ip_forward", 1)
    a.route.add("default", via="10.0.1.1")
    b.route.add("default", via="10.0.2.1")
    journey = walk(a, "10.0.2.2")
    there_and_back(journey, "a/eth0 out", "r/left in", "r/right out", "b/eth0 in")
    passed = journey.request[2].changes
    macs = f"MACs rewritten: {r.link['right'].address} → {b.link['eth0'].address}"
    assert passed == (macs, "TTL 64 → 63", "routed by r")


def test_a_vlan_tag_is_pushed_and_popped(lab: Lab) -> None:
    need(lab, "vlan")
    a, b = two(lab)
    for node, address in ((a, "10.0.0.1/24"), (b, "10.0.0.2/24")):
        node.link.add("eth0.10", kind="vlan", link="eth0", id=10, up=True)
        node.addr.add(address, dev="eth0.10")
    journey = walk(a, "10.0.0.2")
    there_and_back(journey, "a/eth0.10 out", "a/eth0 out", "b/eth0 in", "b/eth0.10 in")
    assert journey.request[1].changes == ("VLAN tag 10 pushed",)
    assert journey.request[3].changes == ("VLAN tag 10 popped",)


TUNNELS = {
    "vxlan": ({"id": 42, "dstport": 4789}, "VXLAN VNI 42, 192.0.2.1 → 192.0.2.2"),
    "geneve": ({"id": 43}, "GENEVE VNI 43, 192.0.2.1 → 192.0.2.2"),
    "gre": ({"key": 7}, "GRE key 7, 192.0.2.1 → 192.0.2.2"),
    "gretap": ({}, "GRE, 192.0.2.1 → 192.0.2.2"),
    "ipip": ({}, "IPv4, 192.0.2.1 → 192.0.2.2"),
    "sit": ({}, "IPv4, 192.0.2.1 → 192.0.2.2"),
    "ip6tnl": ({"mode": "any"}, "IPv6, 2001:db8::1 → 2001:db8::2"),
    "ip6gre": ({}, "GRE, 2001:db8::1 → 2001:db8::2"),
    "ip6gretap": ({}, "GRE, 2001:db8::1 → 2001:db8::2"),
}


@pytest.mark.parametrize("kind", TUNNELS)
def test_a_tunnel_wraps_and_unwraps(lab: Lab, kind: str) -> None:
    need(lab, kind)
    a, b = two(lab)
    params, words = TUNNELS[kind]
    ends = ("2001:db8::1", "2001:db8::2") if kind.startswith("ip6") else ("192.0.2.1", "192.0.2.2")
    inner = ("fd00::1/64", "fd00::2/64") if kind == "sit" else ("10.0.0.1/24", "10.0.0.2/24")
    for node, local, remote, address in ((a, *ends, inner[0]), (b, *ends[::-1], inner[1])):
        both = {"remote": remote} if kind == "geneve" else {"local": local, "remote": remote}
        node.link.add("tun1", kind=kind, up=True, **both, **params)
        quiet(node, "tun1")
        node.addr.add(address, dev="tun1")
    journey = walk(a, inner[1].split("/")[0])
    there_and_back(journey, "a/tun1 out", "a/eth0 out", "b/eth0 in", "b/tun1 in")
    assert [hop.depth for hop in journey.request] == [0, 1, 1, 0]
    assert f"wrapped in {words}" in journey.request[1].changes, journey
    assert f"unwrapped from {words}" in journey.request[3].changes, journey


def test_a_tunnel_whose_card_is_in_another_namespace(lab: Lab) -> None:
    """As containers have it: the vxlan was made outside and moved in."""
    a, b = two(lab)
    inner = spaces(lab, "c d")
    for outer, node, remote, address in (
        (a, inner[0], "192.0.2.2", "10.0.0.1/24"),
        (b, inner[1], "192.0.2.1", "10.0.0.2/24"),
    ):
        outer.link.add("vx", kind="vxlan", id=42, dstport=4789, remote=remote)
        outer.link.set("vx", netns=node)
        node.link.set("vx", up=True)
        node.addr.add(address, dev="vx")
    there_and_back(walk(inner[0], "10.0.0.2"), "c/vx out", "a/eth0 out", "b/eth0 in", "d/vx in")


def test_a_tunnel_in_a_tunnel(lab: Lab) -> None:
    need(lab, "gre", "vxlan")
    a, b = two(lab)
    for node, local, remote, last in ((a, "192.0.2.1", "192.0.2.2", 1), (b, "192.0.2.2", "192.0.2.1", 2)):
        node.link.add("gre1", kind="gre", local=local, remote=remote, up=True)
        node.addr.add(f"10.1.0.{last}/24", dev="gre1")
        node.link.add(
            "vx", kind="vxlan", id=5, dstport=4789, local=f"10.1.0.{last}", remote=f"10.1.0.{3 - last}", up=True
        )
        node.addr.add(f"10.2.0.{last}/24", dev="vx")
    journey = walk(a, "10.2.0.2")
    there_and_back(journey, "a/vx out", "a/gre1 out", "a/eth0 out", "b/eth0 in", "b/gre1 in", "b/vx in")
    assert [hop.depth for hop in journey.request] == [0, 1, 2, 2, 1, 0]


def macsec(lab: Lab, encrypt: bool) -> tuple[Node, Node]:
    a, b = two(lab)
    macs = {node.name: node.link["eth0"].address for node in (a, b)}
    for node, other, last in ((a, "b", 1), (b, "a", 2)):
        node.link.add("macsec0", kind="macsec", link="eth0", encrypt=encrypt)
        key = f"key 01 {'11' * 16}"
        node.run(
            f"ip macsec add macsec0 tx sa 0 pn 1 on {key}; ip macsec add macsec0 rx port 1 address {macs[other]};"
            f" ip macsec add macsec0 rx port 1 address {macs[other]} sa 0 pn 1 on {key}",
            check=True,
            quiet=True,
        )
        node.link.set("macsec0", up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="macsec0")
    return a, b


def test_what_macsec_encrypts_is_followed_without_being_read(lab: Lab) -> None:
    need(lab, "macsec")
    a, _ = macsec(lab, True)
    journey = walk(a, "10.0.0.2")
    there_and_back(journey, "a/macsec0 out", "a/eth0 out", "b/eth0 in", "b/macsec0 in")
    assert re.fullmatch(
        r"encrypted by MACsec \(SCI [0-9a-f]{16}, packet \d+\): what is inside cannot be read here",
        journey.request[1].changes[0],
    )
    assert journey.request[3].changes[0].startswith("decrypted: MACsec")
    assert journey.request[1].peeled.sealed


def test_encrypted_frames_close_to_each_other_are_not_guessed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only time and length tell which of them is the packet."""
    monkeypatch.setattr("vnetlearn.journey.model.ALIKE", 60 * 10**9)  # however slow this machine is
    need(lab, "macsec")
    a, _ = macsec(lab, True)
    a.ping("10.0.0.2")
    with lab.capture() as cap:
        a.run("ping -c 4 -l 4 10.0.0.2", check=True, quiet=True)  # four at once
    journey = cap.journey()
    assert journey.request[1].peeled.sealed
    assert journey.ambiguous, journey


def test_what_macsec_only_signs_is_read(lab: Lab) -> None:
    need(lab, "macsec")
    a, _ = macsec(lab, False)
    journey = walk(a, "10.0.0.2")
    there_and_back(journey, "a/macsec0 out", "a/eth0 out", "b/eth0 in", "b/macsec0 in")
    assert "signed, not encrypted, by MACsec" in changed(journey)


def test_macvlan_to_macvlan(lab: Lab) -> None:
    nodes = spaces(lab, "p a b")
    nodes[0].link.add("eth0", kind="veth", peer="wire", up=True)
    nodes[0].link.set("wire", up=True)
    for node, last in zip(nodes[1:], (1, 2), strict=True):
        nodes[0].link.add("m", kind="macvlan", link="eth0", mode="bridge")
        nodes[0].link.set("m", netns=node)
        node.link.set("m", up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="m")
    journey = walk(nodes[1], "10.0.0.2")
    # the card is shown the frame on its way from child to child: macvlan_queue_xmit in drivers/net/macvlan.c
    assert places(journey.hops) == ["a/m out", "p/eth0 in", "b/m in", "b/m out", "p/eth0 in", "a/m in"], journey
    assert journey.end is None


@pytest.mark.parametrize("mode", ["l2", "l3"])
def test_ipvlan(lab: Lab, mode: str) -> None:
    need(lab, "ipvlan")
    parent, a, b, far = spaces(lab, "p a b far")
    cable(lab, parent, "eth0", far, "eth0", "", "10.0.0.9/24")
    for node, last in ((a, 1), (b, 2)):
        parent.link.add(f"i{last}", kind="ipvlan", link="eth0", mode=mode)
        parent.link.set(f"i{last}", netns=node)
        node.link.set(f"i{last}", up=True)
        node.addr.add(f"10.0.0.{last}/24", dev=f"i{last}")
    there_and_back(walk(a, "10.0.0.2"), "a/i1 out", "b/i2 in")
    if mode == "l2":
        there_and_back(walk(a, "10.0.0.9"), "a/i1 out", "p/eth0 out", "far/eth0 in")


def test_a_bond(lab: Lab) -> None:
    need(lab, "bond")
    a, b = spaces(lab, "a b")
    for node, last in ((a, 1), (b, 2)):
        node.link.add("bond0", kind="bond", mode="active-backup", miimon=100)
        node.addr.add(f"10.0.0.{last}/24", dev="bond0")
    for dev in ("s0", "s1"):
        a.link.add(dev, kind="veth", peer={"name": dev, "netns": b})
        for node in (a, b):
            node.link.set(dev, master="bond0")
            node.link.set(dev, up=True)
    for node in (a, b):
        node.link.set("bond0", up=True)
    a.ping("10.0.0.2", count=1, timeout=3)
    there_and_back(walk(a, "10.0.0.2"), "a/bond0 out", "a/s0 out", "b/s0 in", "b/bond0 in")


def test_a_vrf(lab: Lab) -> None:
    need(lab, "vrf")
    a, b = two(lab)
    b.link.add("red", kind="vrf", table=10, up=True)
    b.link.set("eth0", master="red")
    # the kernel shows it to those alone who listen on red itself: vrf_ip_rcv in drivers/net/vrf.c
    there_and_back(journey := walk(a, "192.0.2.2"), "a/eth0 out", "b/eth0 in")
    assert journey.request[1].changes == ("routed by the table of vrf red",)


def test_nat(lab: Lab) -> None:
    a, r, b = spaces(lab, "a r b")
    cable(lab, a, "eth0", r, "left", "10.0.1.2/24", "10.0.1.1/24")
    cable(lab, b, "eth0", r, "right", "10.0.2.2/24", "10.0.2.1/24")
    r.sysctl.set("net.ipv4.ip_forward", 1)
    a.route.add("default", via="10.0.1.1")
    made = r.run(
        "nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; };"
        " add rule ip t c oifname right masquerade'",
        quiet=True,
    )
    need_of_kernel("NAT by nftables", lab.engine == "vm" or not made.status)
    made.check()
    journey = walk(a, "10.0.2.2")
    there_and_back(journey, "a/eth0 out", "r/left in", "r/right out", "b/eth0 in")
    assert "source address translated: 10.0.1.2 is now 10.0.2.1" in journey.request[2].changes
    assert "destination address translated: 10.0.2.1 is now 10.0.1.2" in changed(journey)


def test_fragments_are_one_packet(lab: Lab) -> None:
    a, r, b = spaces(lab, "a r b")
    cable(lab, a, "eth0", r, "left", "10.0.1.2/24", "10.0.1.1/24")
    cable(lab, b, "eth0", r, "right", "10.0.2.2/24", "10.0.2.1/24")
    for node, dev in ((a, "eth0"), (r, "left")):
        node.link.set(dev, mtu=4000)
    r.sysctl.set("net.ipv4.ip_forward", 1)
    a.route.add("default", via="10.0.1.1")
    b.route.add("default", via="10.0.2.1")
    a.run("ping -c 1 -M dont -s 3000 10.0.2.2", quiet=True)
    with lab.capture() as cap:
        a.run("ping -c 1 -M dont -s 3000 10.0.2.2", quiet=True)
    journey = cap.journey()
    there_and_back(journey, "a/eth0 out", "r/left in", "r/right out", "b/eth0 in")
    assert "cut into 3 fragments" in journey.request[2].changes
    assert [len(hop.frames) for hop in journey.request] == [1, 1, 3, 3]
    assert "in 3 fragments" in journey.reply[0].changes  # b cut its answer itself


def test_hsr_sends_everything_twice(lab: Lab) -> None:
    need(lab, "hsr")
    a, b = spaces(lab, "a b")
    for dev in ("s0", "s1"):
        cable(lab, a, dev, b, dev)
    for node, last in ((a, 1), (b, 2)):
        node.link.add("hsr0", kind="hsr", slave1="s0", slave2="s1", up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="hsr0")
    journey = walk(a, "10.0.0.2")
    assert journey.end is None
    assert places(journey.request)[::3] == ["a/hsr0 out", "b/hsr0 in"], journey
    assert {hop.dev for hop in journey.request if hop.netns == "b"} == {"s0", "s1", "hsr0"}, journey
    assert re.search(r"HSR tag \d+ put on", changed(journey))
    _, sent, came, _ = (hop for hop in journey.request if hop.main)  # the copy that was first at b, on either cable
    other = {"s0": "s1", "s1": "s0"}[sent.dev]
    assert f"one of 2 copies that hsr0 made; the others go to {other}" in sent.changes
    assert (came.netns, came.dev) == ("b", sent.dev)


def test_esp_of_a_vti_is_followed_without_being_read(lab: Lab) -> None:
    need(lab, "vti")
    a, b = two(lab)
    keys = f"mode tunnel auth 'hmac(sha256)' 0x{'11' * 32} enc 'cbc(aes)' 0x{'22' * 16} mark 5"
    for node, last in ((a, 1), (b, 2)):
        mine, other = f"192.0.2.{last}", f"192.0.2.{3 - last}"
        node.link.add("vti1", kind="vti", local=mine, remote=other, key=5, up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="vti1")
        for one in ("1 dst 192.0.2.2", "2 dst 192.0.2.1"):
            node.run(f"ip xfrm state add src 192.0.2.{one} proto esp spi {one[0]}0 {keys}", check=True)
        for way, ends in (("out", f"src {mine} dst {other}"), ("in", f"src {other} dst {mine}")):
            node.run(f"ip xfrm policy add dir {way} mark 5 tmpl {ends} proto esp mode tunnel", check=True)
    journey = walk(a, "10.0.0.2")
    there_and_back(journey, "a/vti1 out", "a/eth0 out", "b/eth0 in", "b/vti1 in")
    assert "encrypted by ESP (SPI 0xa, packet 2): what is inside cannot be read here" in journey.request[1].changes


def test_a_tag_in_a_tag(lab: Lab) -> None:
    need(lab, "vlan")
    a, b = two(lab)
    for node, last in ((a, 1), (b, 2)):
        node.link.add("outer", kind="vlan", link="eth0", id=100, protocol="802.1ad", up=True)
        node.link.add("inner", kind="vlan", link="outer", id=7, up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="inner")
    way = ["a/inner out", "a/outer out", "a/eth0 out", "b/eth0 in", "b/outer in", "b/inner in"]
    there_and_back(walk(a, "10.0.0.2"), *way)


def test_to_itself(lab: Lab) -> None:
    a, _ = two(lab)
    there_and_back(walk(a, "192.0.2.1"), "a/lo out", "a/lo in")


def test_can_frames(lab: Lab) -> None:
    need(lab, "vcan")
    node = lab.netns.add("car")
    node.link.add("vcan0", kind="vcan", up=True)
    with lab.capture() as cap:
        node.run("cansend vcan0 123#DEADBEEF && cansend vcan0 124#01", check=True)
    journey = cap.journey(1)
    assert journey.title == "CAN frame 123"
    assert "id 123, data de ad be ef" in changed(journey)
    assert places(journey.hops)[0] == "car/vcan0 out"
    assert journey.end is None


def test_802_15_4_frames_over_the_air(lab: Lab) -> None:
    need(lab, "lowpan")
    lab.run("modprobe mac802154_hwsim radios=2", check=True, quiet=True)
    other = lab.netns.add("far")
    lab.run("iwpan phy phy1 set netns name far", check=True, quiet=True)
    for node, dev, short in ((lab.host, "wpan0", 1), (other, "wpan1", 2)):
        node.run(f"iwpan dev {dev} set pan_id 0xabcd", check=True, quiet=True)
        node.link.add("low0", kind="lowpan", link=dev)
        node.link.set(dev, up=True)
        node.link.set("low0", up=True)
        quiet(node, "low0")
        node.addr.add(f"fd00::{short}/64", dev="low0")
    journey = walk(lab.host, "fd00::2")
    there_and_back(journey, "/low0 out", "/wpan0 out", "far/wpan1 in", "far/low0 in")
    assert "6LoWPAN" in changed(journey)
