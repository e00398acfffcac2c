"""Frames of all links at once: which, in which order, read how, and what is said when some are missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from labs import descriptors, eventually, lesson, need, threads

from vnetlearn import Lab, Node
from vnetlearn.capture.capture import Capture
from vnetlearn.capture.linktypes import CAN, ETHERNET, IEEE802_15_4_NOFCS, NETLINK, RAW
from vnetlearn.errors import BadParameter, LabDied, NotFound, VnetlearnError


def ping(lab: Lab, target: str = "192.168.0.20", **how: object) -> None:
    assert lab.ping(target, count=1, timeout=5, **how)


def test_a_packet_is_seen_on_every_link_of_its_way_in_order(machine: Lab) -> None:
    ping(machine)  # so that all MACs are known
    with machine.capture(filter="icmp") as cap:
        ping(machine)
    way = [(f.netns, f.dev, f.direction) for f in cap.frames]
    there = [("", "eth0", "out"), ("lan", "host", "in"), ("lan", "neighbour", "out"), ("neighbour", "eth0", "in")]
    back = [("neighbour", "eth0", "out"), ("lan", "neighbour", "in"), ("lan", "host", "out"), ("", "eth0", "in")]
    assert sorted(way[:4]) == sorted(there)
    assert sorted(way[4:]) == sorted(back)
    assert [f.time for f in cap.frames] == sorted(f.time for f in cap.frames)
    assert [f.number for f in cap.frames] == list(range(1, 9))
    assert cap.frames[0].packet["ICMP"].type == 8
    assert cap.packets[0].sniffed_on == "host/eth0"
    assert cap.dropped == 0


def test_the_first_frame_is_recorded_on_its_whole_way(lab: Lab) -> None:
    """Packets pass while the capture begins, in one namespace after the other."""
    a, z = lab.netns.add("a"), lab.netns.add("z")
    for number in range(10):
        lab.netns.add(f"m{number}")
    a.link.add("eth0", kind="veth", peer={"name": "eth0", "netns": z}, up=True)
    z.link.set("eth0", up=True)
    for node, number in ((a, 1), (z, 2)):
        node.addr.add(f"10.0.0.{number}/24", dev="eth0")
    assert a.ping("10.0.0.2", count=1, timeout=5)
    a.start(["ping", "-q", "-i", "0.02" if lab.engine == "host" else "0.1", "10.0.0.2"])

    def recorded() -> Capture:
        with lab.capture(filter="icmp[icmptype] == icmp-echo") as cap:
            assert eventually(lambda: {f.netns for f in cap.frames} == {"a", "z"})
        return cap

    for _ in range(3):
        # a machine that has much else to do may find no room for some
        cap = next(one for one in iter(recorded, None) if not one.dropped)
        sent, came = ([f.data for f in cap.frames if f.netns == netns] for netns in ("a", "z"))
        assert sent[0] in came


def test_of_the_first_frame_the_kernels_report_is_there() -> None:
    """Packets are thrown away while the capture begins."""
    with Lab("empty", engine="vm") as lab:
        lab.link.set("lo", up=True)
        lab.host.start(["bash", "-c", "for ((;;)); do echo > /dev/udp/127.0.0.1/9; done"])
        for _ in range(3):
            with lab.capture(filter="udp") as cap:
                assert eventually(lambda: [f for f in cap.frames if f.direction == "in"])
            first = next(f for f in cap.frames if f.direction == "in").data[14:]
            assert [drop.reason for drop in cap.drops if first in drop.data] == ["NO_SOCKET"]


def test_links_and_namespaces_by_name(machine: Lab) -> None:
    with machine.capture("neighbour", ("lan", "host"), filter="icmp") as cap:
        ping(machine)
    assert {f.key for f in cap.frames} == {("neighbour", "eth0"), ("lan", "host")}
    with pytest.raises(NotFound) as error:
        machine.capture("eth7")
    lesson(error.value)


def test_namespaces_and_links_that_come_later_are_recorded(lab: Lab) -> None:
    with lab.capture() as cap:
        late = lab.netns.add("late")
        lab.run("ip netns add typed && sleep 0.2", check=True, quiet=True)  # by a program
        for number, node in enumerate((late, lab["typed"]), 1):
            lab.link.add(f"v{number}", kind="veth", peer={"name": "eth0", "netns": node})
            node.addr.add(f"10.0.{number}.2/24", dev="eth0")
            node.link.set("eth0", up=True)
            lab.addr.add(f"10.0.{number}.1/24", dev=f"v{number}")
            lab.link.set(f"v{number}", up=True)
            ping(lab, f"10.0.{number}.2")
    assert {("", "v1"), ("late", "eth0"), ("", "v2"), ("typed", "eth0")} <= {f.key for f in cap.frames}


def test_a_namespace_that_goes_is_freed_at_once(lab: Lab) -> None:
    """An open socket would keep it, and the other end of its cable with it."""
    for delete in (lambda: lab.netns.delete("gone"), lambda: lab.run("ip netns delete gone", check=True, quiet=True)):
        with lab.capture() as cap:
            node = lab.netns.add("gone")
            lab.link.add("v0", kind="veth", peer={"name": "eth0", "netns": node}, up=True)
            node.link.set("eth0", up=True)
            delete()
            assert eventually(lambda: "v0" not in lab.link)
        assert {f.netns for f in cap.frames} <= {"", "gone"}


def test_a_link_that_goes_while_it_is_recorded(node: Node) -> None:
    node.link.add("v0", kind="veth", peer="v1", up=True)
    node.link.set("v1", up=True)
    with node.lab.capture(node) as cap:
        node.run("ping -c1 -W1 -I v0 255.255.255.255 -b; arping -c1 -w1 -I v0 10.9.9.9", quiet=True)
        node.link.delete("v0")
    assert cap.frames
    assert cap.table()


@pytest.mark.parametrize("words", ["nonsense here", "host 999.1.1.1", "vlan vlan (", "port 70000"])
def test_a_filter_that_tcpdump_refuses(machine: Lab, words: str) -> None:
    with pytest.raises(BadParameter) as error:
        machine.capture(filter=words)
    lesson(error.value)


def test_filters_look_where_the_kernel_keeps_vlan_tags(node: Node) -> None:
    need(node.lab, "vlan")
    cable(node)
    with (
        node.lab.capture(node, filter="vlan 5 and icmp") as tagged,
        node.lab.capture(node, filter="icmp and not vlan") as plain,
    ):
        ping_far(node)
    assert {f.dev for f in tagged.frames} == {"eth0"}
    assert {f.dev for f in plain.frames} == {"eth0.5"}
    assert [f.packet["Dot1Q"].vlan for f in tagged.frames] == [5, 5]
    assert "vlan 5" in tagged.table()[0].text


def cable(node: Node) -> None:
    """A VLAN 5 between this node and a namespace `far`, 10.5.0.1 and 10.5.0.2."""
    far = node.lab.netns.add("far")
    node.link.add("eth0", kind="veth", peer={"name": "eth0", "netns": far})
    for one, number in ((node, 1), (far, 2)):
        one.link.set("eth0", up=True)
        one.link.add("eth0.5", kind="vlan", link="eth0", id=5, up=True)
        one.addr.add(f"10.5.0.{number}/24", dev="eth0.5")


def ping_far(node: Node) -> None:
    assert node.ping("10.5.0.2", count=1, timeout=5)
    node.lab.netns.delete("far")


V4, V6 = "ping -c1 -W1 10.2.0.2", "ping -c1 -W1 fd02::2"
TYPES = {
    "gre": (V4, RAW),
    "sit": (V6, RAW),
    "ipip": (V4, RAW),
    "vti": (V4, RAW),
    "ip6tnl": (V6, RAW),
    "ip6gre": (V4, RAW),
    "gretap": (V4, ETHERNET),
    "vxlan": (V4, ETHERNET),
    "geneve": (V4, ETHERNET),
    "dummy": (V4, ETHERNET),
    "bridge": ("arping -c1 -w1 -I x0 10.2.0.2", ETHERNET),
    "vcan": ("cansend x0 123#11223344", CAN),
    "nlmon": ("ip link show", NETLINK),
    "lowpan": (V6, RAW),
}


@pytest.mark.parametrize("kind", TYPES)
def test_each_kind_is_read_as_what_it_carries(lab: Lab, kind: str) -> None:
    need(lab, kind)
    from vnetlearn import KINDS

    lab.link.add("eth0", kind="veth", peer="eth1", up=True)
    lab.link.set("eth1", up=True)
    lab.addr.add("192.0.2.1/24", dev="eth0")
    lab.addr.add("2001:db8::1/64", dev="eth0", nodad=True)
    lab.run(
        "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev eth0;"
        " ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev eth0"
    )
    if KINDS[kind].setup:
        lab.run(KINDS[kind].setup + "; ip link set wpan0 up; ip link set wpan1 up", quiet=True)
    lab.link.add("x0", kind=kind, **KINDS[kind].example, up=True)
    if kind not in ("vcan", "nlmon"):
        lab.addr.add("10.2.0.1/24", dev="x0")
        lab.addr.add("fd02::1/64", dev="x0", nodad=True)
    command, wanted = TYPES[kind]
    with lab.capture("x0") as cap:
        lab.run(command, quiet=True)
    assert {f.linktype for f in cap.frames} == {wanted}, lab.run(command).stderr
    assert all(line.text for line in cap.table())
    packet = cap.frames[-1].packet
    if wanted == RAW:
        assert packet.name in ("IP", "IPv6")
    if wanted == CAN:
        assert (packet.identifier, bytes(packet.data)) == (0x123, bytes.fromhex("11223344"))


def test_802_15_4_frames_on_the_radio() -> None:
    with Lab("empty", engine="vm") as lab:
        lab.run("modprobe mac802154_hwsim radios=2; ip link add link wpan0 name lowpan0 type lowpan", quiet=True)
        lab.run("for one in wpan0 wpan1 lowpan0; do ip link set $one up; done; sleep 0.5", quiet=True)
        with lab.capture() as cap:
            lab.run("ping -c1 -W1 ff02::1%lowpan0", quiet=True)
        kinds = {f.dev: f.linktype for f in cap.frames}
        assert kinds.get("wpan0") == IEEE802_15_4_NOFCS
        assert kinds.get("lowpan0") == RAW


def test_pcapng_is_read_by_tcpdump_and_scapy_with_names(machine: Lab, tmp_path: Path) -> None:
    from scapy.utils import PcapNgReader

    with machine.capture(filter="icmp") as cap:
        ping(machine)
    file = cap.save(tmp_path / "x.pcapng")
    told = subprocess.run(["tcpdump", "-n", "-r", str(file)], capture_output=True, text=True, check=True).stdout
    assert told.count("ICMP echo") == len(cap.frames) == 8
    with PcapNgReader(str(file)) as reader:
        packets = list(reader)
    assert [p.sniffed_on for p in packets] == [f"{f.netns or 'host'}/{f.dev}" for f in cap.frames]
    assert [int(p.time * 10**9) for p in packets] == [f.time for f in cap.frames]
    assert [bytes(p) for p in packets] == [f.data for f in cap.frames]


def test_what_found_no_room_is_counted_and_shown(lab: Lab, tmp_path: Path) -> None:
    lab.link.set("lo", up=True)
    small = Capture(lab.netns, kept=100_000)
    with small:
        lab.run("ping -q -f -c 3000 -s 1400 127.0.0.1", quiet=True, check=True)
    assert small.dropped + len(small.frames) == 12000  # there and back, out and in
    assert small.dropped > 10000
    assert "frames dropped (host " in repr(small)
    assert "dropped" in repr(small.table())
    assert "dropped" in small.table()._repr_html_()
    assert small.save(tmp_path / "x.pcapng")


def test_nothing_is_lost_at_a_fast_rate(lab: Lab) -> None:
    lab.link.set("lo", up=True)
    count = 20000 if lab.engine == "host" else 1000
    for _ in range(10):  # a machine that has much else to do may need several
        with lab.capture() as cap:
            lab.run(f"ping -q -f -c {count} 127.0.0.1", quiet=True, check=True)
        assert len(cap.frames) + cap.dropped == 4 * count
        if not cap.dropped:
            break
    assert not cap.dropped


def test_a_lab_that_dies_while_it_is_recorded(engine: str) -> None:
    with Lab("empty", engine=engine) as lab:
        cap = lab.capture()
        with pytest.raises(LabDied), cap:
            lab.close()
        assert cap.frames == ()


def test_hostile_names(lab: Lab, tmp_path: Path) -> None:
    name = "<b>\"'&\\"
    lab.link.add(name, kind="veth", peer="v1", up=True)
    with lab.capture() as cap:
        lab.link.set("v1", up=True)
        assert eventually(lambda: cap.frames)  # IPv6 looks whether its addresses are free
    assert {f.dev for f in cap.frames} >= {name}
    assert '<b>"' not in cap.table()._repr_html_()
    assert cap.save(tmp_path / "x.pcapng")


def test_nothing_is_left(machine: Lab) -> None:
    with machine.capture():
        ping(machine)
    before = (descriptors(), threads())
    for _ in range(3):
        with machine.capture() as cap:
            ping(machine)
    assert eventually(lambda: (descriptors(), threads()) == before)
    assert cap.frames


def test_rings_never_take_the_last_memory() -> None:
    """A guest's kernel would give it, and then panic."""
    with Lab("empty", engine="vm") as lab:
        for number in range(7):  # with the first one they get all that a guest's rings may have
            lab.netns.add(f"n{number}")
        fill = "free=$(awk '/MemAvailable/ {print $2}' /proc/meminfo); head -c $((free - 12288))k /dev/zero > /tmp/much"
        lab.run(fill, check=True, quiet=True)
        with pytest.raises(VnetlearnError) as caught, lab.capture():
            pass
        assert "memory" in lesson(caught.value).why
        lab.run("rm /tmp/much")
        with lab.capture() as cap:
            assert lab.alive
        assert cap.frames == ()
