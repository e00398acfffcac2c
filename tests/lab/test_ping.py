"""The agent's own echo requests, held against the real ping(8) in the same namespace: equal but for times."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

from tests.labs import eventually, lesson
from tests.walks import cable, spaces
from vnetlearn import Lab, Node
from vnetlearn.engine.agent.echo import Came, Request
from vnetlearn.errors import BadParameter, NotFound
from vnetlearn.lab.icmp import words
from vnetlearn.lab.ping import many

REPLY = re.compile(r"bytes from (\S+): icmp_seq=(\d+) (.*)")
REPORT = re.compile(r"^From (\S+?):? icmp_seq=\d+ (.+)$", re.M)
SAID = re.compile(r"^ping: (?:(?:connect|sendmsg|sendto): )?(?!Warning: source)(.+)$", re.M)


class Answer(NamedTuple):
    """What a ping says, without its times."""

    answered: tuple[bool, ...]
    reports: tuple[tuple[str, str], ...]
    duplicates: int
    said: str


def ours(node: Node, options: Request) -> Answer:
    (came,) = node.channel.ping([options])
    return answer(came, options["count"])


def answer(came: Came, count: int) -> Answer:
    answered = [time is not None for time in came["times"]]
    reports = tuple(dict.fromkeys((who, words(came["address"], *what)) for who, *what in came["reports"]))
    return Answer((*answered, *[False] * (count - len(answered))), reports, came["duplicates"], came["said"])


def theirs(node: Node, options: Request) -> Answer:
    given = [
        f"-{key[0] if key != 'timeout' else 'W'} {options[key]}" for key in ("count", "interval", "timeout", "size")
    ]
    given += [f"-I {options['dev']}"] if options["dev"] else []
    given += [f"-p {options['pattern']}"] if options["pattern"] else []
    result = node.ask(["ping", "-n", *" ".join(given).split(), "--", options["addresses"][0]])
    answered, duplicates = [False] * options["count"], 0
    for _, sequence, rest in REPLY.findall(result.stdout):
        duplicates += "DUP" in rest
        answered[int(sequence) - 1] = True
    said = SAID.search(result.stderr)
    reports = tuple(dict.fromkeys(REPORT.findall(result.stdout)))
    return Answer(tuple(answered), reports, duplicates, said[1] if said else "")


def asked(node: Node, address: str, **options: object) -> Request:
    usual = Request(netns=node.name, addresses=[address], count=1, interval=0.5, timeout=5, size=56, dev="", pattern="")
    return {**usual, **options}  # type: ignore[typeddict-item]


@pytest.fixture(scope="module")
def routed(engine: str) -> Iterator[Lab]:
    """a, the router r, b; what r refuses; and behind `both` two machines that answer for one address."""
    with Lab("empty", engine=engine) as lab:
        a, r, b, sw, c, d = spaces(lab, "a r b sw c d")
        cable(lab, a, "eth0", r, "left", "10.0.1.2/24", "10.0.1.1/24")
        cable(lab, b, "eth0", r, "right", "10.0.2.2/24", "10.0.2.1/24")
        for node, dev, address in ((a, "eth0", "1::2"), (r, "left", "1::1"), (b, "eth0", "2::2"), (r, "right", "2::1")):
            node.addr.add(f"fd00:{address}/64", dev=dev)
        for node, number in ((a, 1), (b, 2)):
            node.route.add("default", via=f"10.0.{number}.1")
            node.route.add("default", via=f"fd00:{number}::1")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            r.sysctl.set(key, 1)
        # No limit for what a router says. (icmp_ratelimit=0 takes what is left for errors of routes to one address.)
        for key in ("net.ipv4.icmp_ratemask", "net.ipv6.icmp.ratelimit"):
            r.sysctl.set(key, 0)
        r.link.set("right", mtu=1400)
        for number, kind in enumerate(("unreachable", "prohibit", "blackhole"), 1):
            for node, net in ((a, 9), (r, 8)):
                node.run(
                    f"ip route add {kind} 10.{net}.{number}.0/24; ip route add {kind} fd0{net}:{number}::/64",
                    check=True,
                )
        r.route.add("10.7.0.0/24", via="10.0.1.9")
        sw.link.add("br", kind="bridge", ageing_time=0, up=True)  # it learns nothing: what comes goes to all
        for number, node in enumerate((a, c, d)):
            sw.link.add(f"p{number}", kind="veth", master="br", up=True, peer={"name": "both", "netns": node})
            address = f"02:00:00:00:03:0{min(number, 1)}"
            node.link.set("both", address=address, up=True)
            node.addr.add("10.0.3.1/24" if node is a else "10.0.3.2/24", dev="both")
        a.link.add("dark", kind="veth", up=True, peer={"name": "end", "netns": r})
        a.addr.add("10.0.4.1/24", dev="dark")
        a.link.add("off", kind="veth", peer={"name": "off-end", "netns": r})
        yield lab


SHORT = 0.3  # of what nobody answers
SITUATIONS: dict[str, tuple[str, dict[str, object]]] = {
    "answered": ("10.0.2.2", {"count": 2}),
    "answered, IPv6": ("fd00:2::2", {"count": 2}),
    "own address": ("10.0.1.2", {}),
    "loopback": ("127.0.0.1", {}),
    "loopback, IPv6": ("::1", {}),
    "this machine": ("0.0.0.0", {}),
    "no place for a time": ("10.0.2.2", {"size": 8}),
    "nothing inside, IPv6": ("fd00:2::2", {"size": 0}),
    "as large as can be": ("127.0.0.1", {"size": 65507}),
    "in fragments": ("10.0.1.1", {"size": 4001}),
    "a pattern": ("10.0.2.2", {"pattern": "00ff10", "size": 99}),
    "out of a link": ("10.0.2.2", {"dev": "eth0"}),
    "out of a link, IPv6": ("fd00:2::2", {"dev": "eth0"}),
    "out of the wrong link": ("10.0.2.2", {"dev": "dark", "timeout": SHORT}),
    "out of the loopback": ("fd00:2::2", {"dev": "lo", "timeout": SHORT}),
    "no neighbour yet": ("10.0.1.77", {"timeout": SHORT}),
    "no neighbour": ("10.0.1.78", {"timeout": 9}),
    "no neighbour, IPv6": ("fd00:1::78", {"timeout": 9}),
    "no neighbour behind the router": ("10.0.2.77", {"timeout": 9}),
    "unreachable here": ("10.9.1.1", {}),
    "prohibited here": ("10.9.2.1", {}),
    "into a black hole here": ("10.9.3.1", {}),
    "unreachable here, IPv6": ("fd09:1::1", {}),
    "prohibited here, IPv6": ("fd09:2::1", {}),
    "into a black hole here, IPv6": ("fd09:3::1", {}),
    "unreachable there": ("10.8.1.1", {}),
    "prohibited there": ("10.8.2.1", {}),
    "into a black hole there": ("10.8.3.1", {"timeout": SHORT}),
    "unreachable there, IPv6": ("fd08:1::1", {}),
    "prohibited there, IPv6": ("fd08:2::1", {}),
    "no way back": ("10.0.2.3", {"timeout": SHORT}),
    "too large for the next link": ("10.0.2.2", {"size": 1450}),
    "too large for the next link, IPv6": ("fd00:2::2", {"size": 1450}),
    "two answers": ("10.0.3.2", {"count": 2}),
    "broadcast": ("10.0.1.255", {}),
    "broadcast everywhere": ("255.255.255.255", {}),
    "multicast": ("224.0.0.1", {"timeout": SHORT}),
    "multicast, IPv6": ("ff02::1%eth0", {}),
    "multicast out of a link, IPv6": ("ff02::1", {"dev": "eth0"}),
    "link-local without a zone": ("fe80::77", {"timeout": SHORT}),
    "link-local with a zone": ("fe80::77%eth0", {"timeout": SHORT}),
    "no carrier": ("10.0.4.2", {"timeout": SHORT}),
    "a link that is down": ("10.0.5.2", {"dev": "off", "timeout": SHORT}),
    "class E": ("240.0.0.1", {}),
}


def forget(lab: Lab) -> None:
    """What the kernel has learned of routes and neighbours."""
    for name in ("a", "r"):
        lab[name].ask(
            ["sh", "-c", "ip route flush cache; ip -6 route flush cache; ip neigh flush all; ip -6 neigh flush all"]
        )


@pytest.mark.parametrize("what", SITUATIONS)
def test_the_agent_hears_what_ping_hears(routed: Lab, what: str) -> None:
    """A router says no more than five times, and then once in a second, that it has no route (net/ipv4/route.c)."""
    address, options = SITUATIONS[what]
    request = asked(routed["a"], address, **options)
    both = list[Answer]()

    def equal() -> bool:
        both.clear()
        for how in (theirs, ours):
            forget(routed)
            both.append(how(routed["a"], request))
        return both[0] == both[1]

    assert eventually(equal), both


def test_what_is_too_large_for_its_own_link(routed: Lab) -> None:
    """After a router has said so, and by multicast, which ping does not let be cut into pieces."""
    request = asked(routed["a"], "224.0.0.1", size=2000, dev="eth0")
    assert ours(routed["a"], request) == theirs(routed["a"], request)
    assert ours(routed["a"], request).said == "local error: message too long, mtu=1500"


def test_a_router_that_knows_a_better_way(routed: Lab) -> None:
    """A router sends fewer and fewer redirects to one address, then none (ip_rt_send_redirect in net/ipv4/route.c).

    So each try is sent from an address that it has told nothing yet.
    """
    a, own = routed["a"], itertools.count(100)
    request = asked(a, "10.7.0.1", timeout=SHORT)
    told = Answer((False,), (("10.0.1.1", "Redirect Host(New nexthop: 10.0.1.9)"),), 0, "")

    def tell(how: Callable[[Node, Request], Answer]) -> bool:
        address = f"10.0.1.{next(own)}"
        a.addr.add(f"{address}/24", dev="eth0")
        a.route.replace("10.7.0.0/24", via="10.0.1.1", src=address)
        forget(routed)
        return how(a, request) == told

    for how in (theirs, ours):
        assert eventually(functools.partial(tell, how))
    a.route.delete("10.7.0.0/24")


def test_its_time_ran_out(routed: Lab) -> None:
    """The lab's own setting stands for `ping -t 1`."""
    a = routed["a"]
    for key, address in (("net.ipv4.ip_default_ttl", "10.0.2.2"), ("net.ipv6.conf.eth0.hop_limit", "fd00:2::2")):
        before = a.sysctl.get(key)
        a.sysctl.set(key, 1)
        try:
            request = asked(a, address)
            got = ours(a, request)
            assert got == theirs(a, request)
            assert [what for _, what in got.reports] in (["Time to live exceeded"], ["Time exceeded: Hop limit"])
        finally:
            a.sysctl.set(key, before)


def test_a_machine_that_does_not_answer(routed: Lab) -> None:
    routed["b"].sysctl.set("net.ipv4.icmp_echo_ignore_all", 1)
    try:
        request = asked(routed["a"], "10.0.2.2", timeout=SHORT)
        assert ours(routed["a"], request) == theirs(routed["a"], request) == Answer((False,), (), 0, "")
    finally:
        routed["b"].sysctl.set("net.ipv4.icmp_echo_ignore_all", 0)


@pytest.mark.parametrize("zone", ["nope", "eth0%", "", " eth0", "lo\0"])
def test_a_zone_that_is_none(routed: Lab, zone: str) -> None:
    with pytest.raises(BadParameter) as caught:
        routed["a"].ping(f"fd00:2::2%{zone}", count=1)
    assert "fd00:2::2%" in lesson(caught.value).said


@pytest.mark.parametrize(("address", "options"), [("10.0.2.2", {}), ("10.0.2.2", {"pattern": "0a0b0c", "size": 77})])
def test_the_frames_are_pings(routed: Lab, address: str, options: dict[str, object]) -> None:
    a = routed["a"]
    request = asked(a, address, count=2, **options)
    seen = []
    for how in (theirs, ours):
        with routed.capture("a", filter="icmp") as capture:
            assert how(a, request).answered == (True, True)
        sent = [frame.packet for frame in capture.frames if ICMP in frame.packet and frame.packet[ICMP].type == 8]
        assert len({packet[ICMP].id for packet in sent}) == 1
        for packet in sent:  # Scapy writes right checksums where there are none
            written = IP(bytes(packet[IP]))
            del written[ICMP].chksum
            assert IP(bytes(written))[ICMP].chksum == packet[ICMP].chksum
        heads = [(packet[IP].ttl, str(packet[IP].flags), packet[IP].tos, packet[IP].len) for packet in sent]
        seen.append([*heads, *[(packet[ICMP].seq, bytes(packet[ICMP].payload)[16:]) for packet in sent]])
    assert seen[0] == seen[1]


def test_the_frames_are_pings_ipv6(routed: Lab) -> None:
    a, seen = routed["a"], []
    for how in (theirs, ours):
        with routed.capture("a", filter="icmp6") as capture:
            assert how(a, asked(a, "fd00:2::2")).answered == (True,)
        (sent,) = [frame.packet for frame in capture.frames if ICMPv6EchoRequest in frame.packet]
        seen.append((sent[IPv6].hlim, sent[IPv6].plen, sent[ICMPv6EchoRequest].seq, sent[ICMPv6EchoRequest].data[16:]))
    assert seen[0] == seen[1]


def test_many_at_once_do_not_hear_each_others_answers(routed: Lab) -> None:
    pairs = [(routed["a"], address) for address in ("10.0.2.2", "10.0.1.77", "10.0.1.1", "10.9.1.1") * 100]
    got = many(pairs, count=1, timeout=SHORT)
    assert [ping.ok for ping in got] == [True, False, True, False] * 100
    assert not any(ping.duplicates for ping in got)


def test_the_wait_ends_when_all_is_decided(routed: Lab) -> None:
    """With a timeout that the test would not outlive."""
    got = many([(routed["a"], one) for one in ("10.0.2.2", "10.8.1.1", "10.9.1.1", "10.0.1.79")], timeout=1e6)
    assert [ping.ok for ping in got] == [True, False, False, False]
    assert got[3].reason == "no ARP answer for 10.0.1.79 on eth0"


def test_a_namespace_that_is_gone(shared: Lab) -> None:
    gone = shared.netns.add("gone")
    shared.netns.delete(gone)
    with pytest.raises(NotFound) as caught:
        gone.ping("127.0.0.1", count=1)
    assert "gone" in lesson(caught.value).said


def test_what_this_kernel_refuses_is_decided_at_once(routed: Lab) -> None:
    """ping 20221126 is silent here, and waits."""
    (got,) = many([(routed["a"], "fe80::77%99")], timeout=1e6)
    assert (got.ok, got.sent) == (False, 1)
    assert ours(routed["a"], asked(routed["a"], "fe80::77%99", timeout=1e6)).said == "Network is unreachable"
