"""A journey: which packet is meant, what is not certain of it, how it shows itself, also when the lab is over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from labs import lesson
from walks import cable, ended, places, routed, spaces, there_and_back, two, walk

from vnetlearn import Lab
from vnetlearn.errors import BadParameter, NotFound
from vnetlearn.journey.journey import Journey

TWICE = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for _ in range(2):
    s.send(bytes.fromhex(sys.argv[1]))
"""


def test_two_equal_packets_that_wait_together_cannot_be_told_apart(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both wait in the router until it knows the MAC of b.

    A busy computer may let more than the usual time pass between them, so here it is as long as the test.
    """
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    monkeypatch.setattr("vnetlearn.journey.model.ALIKE", 60 * 10**9)
    a, r, b = routed(lab)
    b.addr.delete("10.0.2.2/24", dev="eth0")
    packet = IP(src="10.0.1.2", dst="10.0.2.2", id=7) / UDP(sport=5, dport=6) / b"the same words"
    frame = Ether(dst=r.link["left"].address, src=a.link["eth0"].address) / packet
    with lab.capture() as cap:
        a.run(["python3", "-c", TWICE, bytes(frame).hex()], check=True, quiet=True)
        b.addr.add("10.0.2.2/24", dev="eth0")
        r.neigh.replace("10.0.2.2", dev="right", lladdr=b.link["eth0"].address)
    numbers = [
        frame.number
        for frame in cap.frames
        if (frame.netns, frame.dev) == ("a", "eth0")
        and frame.linktype == 1
        and b"the same words" in frame.data
        and frame.direction == "out"
    ]
    assert len(numbers) == 2
    for number in numbers:
        journey = cap.journey(number)
        assert places(journey.request) == ["a/eth0 out", "r/left in", "r/right out", "b/eth0 in"], journey
        assert [hop.candidates for hop in journey.request][2] == 2, journey
        assert journey.ambiguous
        assert "one of 2 frames that fit equally: they cannot be told apart" in repr(journey)
        assert "cannot be told apart" in journey._repr_mimebundle_()["text/html"]


def test_what_is_asked_for(lab: Lab) -> None:
    a, _ = two(lab)
    with lab.capture(filter="tcp") as cap:
        pass
    quiet_one = lesson_of(NotFound, lambda: cap.journey())
    assert "no frame" in quiet_one
    with lab.capture(filter="arp or icmp") as cap:
        a.ping("192.0.2.2", count=2)
    assert cap.journey().title == "echo request, 192.0.2.1 → 192.0.2.2"
    assert cap.journey("arp").title.startswith("ARP")
    number = cap.journey("icmp[icmptype] = icmp-echoreply").hops[-1].frame.number
    assert cap.journey(number).title == cap.journey(cap.frames[number - 1]).title == "echo reply, 192.0.2.2 → 192.0.2.1"
    assert "there is no frame 999" in lesson_of(NotFound, lambda: cap.journey(999))
    assert "no frame fits" in lesson_of(NotFound, lambda: cap.journey("tcp"))
    assert lesson_of(BadParameter, lambda: cap.journey("blah blah"))


def lesson_of(kind: type, call: Callable[[], object]) -> str:
    with pytest.raises(kind) as raised:
        call()
    return str(lesson(raised.value))


def test_it_shows_itself(lab: Lab) -> None:
    hostile = "<b>&'\"x"
    a, b = spaces(lab, "a b")
    cable(lab, a, hostile, b, "eth0", "10.0.0.1/24", "10.0.0.2/24")
    done = a.ping("10.0.0.2", journey=True)
    assert done.sent == 1
    assert done.journey is not None
    shown = done._repr_mimebundle_()
    assert "<b>&" not in shown["text/html"].replace("<b>&lt;", "")
    assert "&lt;b&gt;&amp;&#x27;&quot;x" in shown["text/html"]
    assert "aria-label" in shown["text/html"]
    assert "<script" not in shown["text/html"]
    assert f"a/{hostile}" in shown["text/plain"]
    widget = done.journey.slider()
    slider, page = widget.children
    assert (slider.min, slider.max) == (1, len(done.journey.path))
    first = page.value
    slider.value = 2
    assert page.value != first
    assert "in at eth0 in b" in page.value
    assert a.ping("10.0.0.2", count=1).journey is None


# When the lab is over

ENDED = "the lab has ended, so that nobody could be asked why"


def everything(journey: Journey) -> list[str]:
    """All that a journey shows: text, table, picture, and each of its steps."""
    slider, page = journey.slider().children
    pages = []
    for number in range(slider.min, slider.max + 1):
        slider.value = number
        pages.append(page.value)
    return [repr(journey), *journey._repr_mimebundle_().values(), journey.draw().svg, *pages]


def test_a_hop_knows_where_it_came_from(lab: Lab) -> None:
    a, _ = two(lab)
    sent, came, back, home = walk(a, "192.0.2.2").hops
    assert [hop.before for hop in (sent, came, back, home)] == [None, sent, came, back]
    assert came.source is sent
    assert back.source is None  # another packet, though it is counted from the request's arrival
    assert [hop.after for hop in (sent, came, back, home)] == ["", "1", "2", "3"]


def test_a_journey_outlives_its_lab(lab: Lab, tmp_path: Path) -> None:
    a, _, _ = routed(lab)
    answered, lost, never = walk(a, "10.0.2.2"), walk(a, "10.0.9.9"), walk(lab.host, "10.0.9.9")
    before = [everything(journey) for journey in (answered, lost, never)]
    lab.close()
    assert [everything(journey) for journey in (answered, lost, never)] == before
    assert lost.end is not None
    assert ENDED not in repr(lost)
    assert answered.draw().save(tmp_path / "way.svg").read_text().startswith("<svg")


def test_a_journey_is_made_after_the_lab_as_before(lab: Lab) -> None:
    a, _, _ = routed(lab)
    a.ping("10.0.2.2", count=1)
    with lab.capture() as cap:
        a.ping("10.0.2.2", count=1)
    before = cap.journey()
    lab.close()
    journey = cap.journey()
    there_and_back(journey, "a/eth0 out", "r/left in", "r/right out", "b/eth0 in")
    assert everything(journey) == everything(before)


def test_after_the_lab_what_was_lost_is_shown_as_far_as_it_came(lab: Lab) -> None:
    a, r, _ = routed(lab)
    a.ping("10.0.1.1", count=1)
    r.run("sysctl -q -w net.ipv4.icmp_echo_ignore_all=1", check=True)
    with lab.capture() as cap:
        a.ping("10.0.1.1", count=1)
    ended(cap.journey(), "r/left", "r answers no echo requests$")
    lab.close()
    journey = cap.journey()
    assert places(journey.hops) == ["a/eth0 out", "r/left in"]
    ended(journey, "r/left", f"^it arrived on left; nothing more was seen of it, and {ENDED}$", r"^frame \d+$")
    assert ENDED in everything(journey)[0]


def test_after_the_lab_a_question_without_an_answer_still_says_so(lab: Lab) -> None:
    a, _ = two(lab)
    with lab.capture() as cap:
        a.ping("192.0.2.77", count=1)
    lab.close()
    reason = f"^no one answered ARP for 192.0.2.77; {ENDED}$"
    evidence = r"^frames [\d, ]+: who has 192.0.2.77\? No answer in the capture$"
    ended(cap.journey("arp"), "b/eth0", reason, evidence, "^heard by eth0 in b$")


def test_after_the_lab_an_icmp_error_still_tells(lab: Lab) -> None:
    a, _, _ = routed(lab)
    with lab.capture() as cap:
        a.ping("10.0.9.9", count=1)
    lab.close()
    ended(cap.journey(), "r/left", "^network unreachable", r"frame \d+: ICMP type 3 code 0 from 10.0.1.1")


def test_after_the_lab_its_kernels_own_reports_still_tell(lab: Lab) -> None:
    a, b = two(lab)
    for node, number, last in ((a, 42, 1), (b, 43, 2)):
        node.link.add("vx", kind="vxlan", id=number, dstport=4789, remote=f"192.0.2.{3 - last}", up=True)
        node.addr.add(f"10.0.0.{last}/24", dev="vx")
    a.neigh.replace("10.0.0.2", dev="vx", lladdr=b.link["vx"].address)
    a.ping("192.0.2.2", count=1)
    with lab.capture() as cap:
        a.ping("10.0.0.2", count=1)
    lab.close()
    own = lab.engine == "vm"  # on the running kernel nobody else may hear what it drops
    reason = "^no vxlan link in b has VNI 42$" if own else ENDED
    evidence = "kernel .* reason: VXLAN_VNI_NOT_FOUND$" if own else r"^frame \d+$"
    ended(cap.journey(), "b/eth0", reason, evidence)


def test_the_frames_behind_a_journey_are_at_hand(lab: Lab) -> None:
    a, b = two(lab)
    journey = a.ping(b, journey=True).journey
    assert journey is not None
    assert {frame for hop in journey.hops for frame in hop.frames} <= set(journey.capture.frames)
