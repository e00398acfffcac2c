"""`with lab.batch():`: the same as the same verbs plainly, and an error is that of the verb that caused it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labs import contents, lesson

from vnetlearn import Lab
from vnetlearn.engine.channel import Channel
from vnetlearn.errors import KernelRefused, LabDied, NotFound, VnetlearnError
from vnetlearn.iproute import Link


def in_a_batch(lab: Lab, *verbs: Callable[[], object]) -> list[Any]:
    """What each verb gave."""
    with lab.batch():
        return [verb() for verb in verbs]


def build(lab: Lab) -> None:
    lab.link.add("br0", kind="bridge", address="02:00:00:00:00:01", up=True)
    for i in range(20):
        node = lab.netns.add(f"n{i}")
        peer = {"name": "eth0", "netns": node, "address": f"02:00:00:00:02:{i:02x}"}
        lab.link.add(f"v{i}", kind="veth", address=f"02:00:00:00:01:{i:02x}", master="br0", up=True, peer=peer)
        node.addr.add(f"10.0.0.{i + 1}/24", dev="eth0")
        node.link.set("eth0", up=True)
        node.route.add("default", via="10.0.0.99")


def test_a_star_is_the_same(engine: str) -> None:
    with Lab("empty", engine=engine) as plain, Lab("empty", engine=engine) as batched:
        build(plain)
        with batched.batch():
            build(batched)
        assert batched.transcript == plain.transcript
        assert contents(batched) == contents(plain)
        assert batched["n0"].ping("10.0.0.20", count=1, timeout=5).ok


def test_nothing_is_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    waited, first = list[object](), Channel._first

    def noted(self: Channel, stream: Any) -> Any:
        waited.append(stream)
        return first(self, stream)

    monkeypatch.setattr(Channel, "_first", noted)
    with lab.batch():
        build(lab)
        assert not waited
    assert waited


def test_the_first_refusal_is_raised_and_ends_it(lab: Lab) -> None:
    with pytest.raises(KernelRefused) as caught:
        in_a_batch(
            lab,
            lambda: lab.link.add("a", kind="bridge"),
            lambda: lab.link.add("a", kind="veth", peer="b"),
            lambda: lab.link.add("c", kind="bridge"),
            lambda: lab.netns.add("red").link.add("d", kind="bridge"),
        )
    assert (lesson(caught.value).tried, caught.value.errno) == ("ip link add name a type veth peer name b", 17)
    assert [link.name for link in lab.link.show()] == ["lo", "a"]
    assert lab.netns.names == [""]
    assert lab.transcript == "#!/bin/sh\n# world: empty\nip link add name a type bridge\n"
    lab.link.add("c", kind="bridge")
    with lab.batch():
        lab.link.delete("c")
    assert "c" not in lab.link


@pytest.mark.parametrize(
    ("verb", "tried"),
    [
        (lambda lab: lab.link.set("x", up=True), "ip link set dev x up"),
        (lambda lab: lab.link.set("x", up=True, mtu=1400), "ip link set dev x mtu 1400 up"),
        (lambda lab: lab.link.delete("x"), "ip link delete dev x"),
        (lambda lab: lab.link.add("y", kind="veth", master="x"), "ip link add name y master x type veth"),
        (lambda lab: lab.link.add("y", kind="bridge", netns="x"), "ip link add name y netns x type bridge"),
        (lambda lab: lab.addr.add("10.0.0.1/8", dev="x"), "ip addr add 10.0.0.1/8 dev x"),
        (lambda lab: lab.route.add("10.0.0.0/8", dev="x"), "ip route add 10.0.0.0/8 dev x"),
        (lambda lab: lab.neigh.delete("10.0.0.1", dev="x"), "ip neigh delete 10.0.0.1 dev x"),
        (lambda lab: lab.netns.delete("x"), "ip netns delete x"),
    ],
)
def test_what_is_not_there(lab: Lab, verb: Any, tried: str) -> None:
    with pytest.raises(NotFound) as plainly:
        verb(lab)
    with pytest.raises(NotFound) as caught:
        in_a_batch(
            lab,
            lambda: lab.link.add("a", kind="bridge"),
            lambda: lab.link.delete("a"),
            lambda: verb(lab),
            lambda: lab.link.add("b", kind="bridge"),
        )
    assert str(caught.value) == str(plainly.value)
    assert caught.value.tried == tried
    assert [link.name for link in lab.link.show()] == ["lo"]


def test_what_needs_an_answer_waits(lab: Lab) -> None:
    with lab.batch():
        made = lab.link.add("a", kind="bridge", mtu=1400)
        assert made.mtu == 1400, "looking at it waits"
        lab.link.add("b", kind="bridge")
        assert "b" in lab.link
        lab.netns.add("red")
        assert "red" in lab.netns
        lab.link.delete("b")
        assert " b:" not in lab.run("ip -o link", quiet=True).stdout
        lab.link.add("c", kind="veth", peer="d", netns="red")
        assert ("red", "c") in lab.topology().links
        lab.link.add("a", kind="bridge")
        with pytest.raises(KernelRefused, match="name a type bridge"):
            lab.link.show()
        lab.link.add("e", kind="bridge")
    assert made == lab.link["a"]
    assert type(made) is type(lab.link["a"])
    assert repr(made) == repr(lab.link["a"])
    assert "e" in lab.link
    assert [line.split("name ")[1][0] for line in lab.netns.written if "link add" in line] == ["a", "b", "c", "e"]


def test_a_link_that_was_refused_says_so_whenever_it_is_looked_at(lab: Lab) -> None:
    lab.link.add("a", kind="bridge")
    given = list[Link]()

    def add(name: str) -> None:
        given.append(lab.link.add(name, kind="bridge"))

    with pytest.raises(KernelRefused):
        in_a_batch(lab, lambda: add("a"), lambda: add("b"))
    for link in given:
        with pytest.raises(KernelRefused, match="name a type bridge"):
            print(link.name)


def test_another_error_in_it_leaves_what_was_sent(lab: Lab) -> None:
    with pytest.raises(ZeroDivisionError):
        in_a_batch(lab, lambda: lab.link.add("a", kind="bridge"), lambda: 1 // 0)
    assert "a" in lab.link
    assert "ip link add name a type bridge\n" in lab.transcript


def test_one_in_another(lab: Lab) -> None:
    with lab.batch():
        lab.link.add("a", kind="bridge")
        with lab.batch():
            lab.link.add("b", kind="bridge")
        lab.link.add("c", kind="bridge")
    assert [link.name for link in lab.link.show()] == ["lo", "a", "b", "c"]


def test_other_threads_are_not_in_it(lab: Lab) -> None:
    seen: list[object] = []

    def elsewhere() -> None:
        try:
            lab.link.add("lo", kind="bridge")
        except VnetlearnError as error:
            seen.append(error)

    with lab.batch():
        lab.link.add("a", kind="bridge")
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        assert isinstance(seen[0], KernelRefused)
    assert "a" in lab.link


def test_a_refused_change_of_several_things_is_taken_back(lab: Lab) -> None:
    node = lab.netns.add("red")
    lab.link.add("a", kind="bridge", address="02:00:00:00:00:01")
    lab.link.add("b", kind="veth", address="02:00:00:00:00:02", peer={"name": "c", "address": "02:00:00:00:00:03"})
    lab.addr.add("10.0.0.1/24", dev="b")
    before = contents(lab)
    with pytest.raises(KernelRefused):
        in_a_batch(lab, lambda: lab.link.set("b", netns=node, mtu=9), lambda: lab.link.delete("a"))
    assert contents(lab) == before


def test_a_lab_that_ends_meanwhile(engine: str) -> None:
    lab = Lab("empty", engine=engine)
    with pytest.raises(LabDied):
        in_a_batch(lab, lambda: lab.link.add("a", kind="bridge"), lab.close)


# A deleted namespace is emptied in the background, and until then a cable from there has its other end: so no cable and
# no link leads into the one that is added and deleted.
ALONE = st.sampled_from(["green", "blue"])
NODES, LINKS = st.sampled_from(["", "red", "white"]), st.sampled_from(["a", "b", "c"])
VERBS = st.one_of(
    st.tuples(st.just("netns"), ALONE),
    st.tuples(st.just("gone"), ALONE),
    st.tuples(st.just("bridge"), NODES | ALONE, LINKS),
    st.tuples(st.just("pair"), NODES, LINKS, NODES, LINKS),
    st.tuples(st.just("port"), NODES, LINKS, LINKS),
    st.tuples(st.just("move"), NODES, LINKS, NODES),
    st.tuples(st.just("up"), NODES, LINKS, st.booleans(), st.sampled_from([1400, 9])),
    st.tuples(st.just("rename"), NODES, LINKS, LINKS),
    st.tuples(st.just("delete"), NODES, LINKS),
    st.tuples(st.just("addr"), NODES, LINKS, st.integers(1, 3)),
    st.tuples(st.just("route"), NODES, LINKS, st.integers(1, 3)),
)


def do(lab: Lab, number: int, verb: tuple[Any, ...]) -> None:
    what, where, *rest = verb
    if what == "netns":
        lab.netns.add(where)
        return
    if what == "gone":
        lab.netns.delete(where)
        return
    node = lab.netns.named(where)
    mac, other = f"02:00:00:00:01:{number:02x}", f"02:00:00:00:02:{number:02x}"
    if what == "bridge":
        node.link.add(rest[0], kind="bridge", address=mac)
    elif what == "pair":
        peer = {"name": rest[2], "netns": lab.netns.named(rest[1]), "address": other}
        node.link.add(rest[0], kind="veth", address=mac, peer=peer)
    elif what == "port":
        node.link.set(rest[0], master=rest[1])
    elif what == "move":
        node.link.set(rest[0], netns=lab.netns.named(rest[1]))
    elif what == "up":
        node.link.set(rest[0], up=rest[1], mtu=rest[2])
    elif what == "rename":
        node.link.set(rest[0], name=rest[1])
    elif what == "delete":
        node.link.delete(rest[0])
    elif what == "addr":
        node.addr.add(f"10.0.{rest[1]}.1/24", dev=rest[0])
    else:
        node.route.add(f"10.9.{rest[1]}.0/24", dev=rest[0])


def outcome(lab: Lab, verbs: list[tuple[Any, ...]], *, batched: bool) -> tuple[object, ...]:
    """What is there afterwards, the transcript, the error; and all is taken away again."""
    error, written = "", len(lab.netns.written)
    for name in ("red", "white"):
        lab.netns.add(name)
    lab.link.add("a", kind="bridge", address="02:00:00:00:00:01")
    try:
        with lab.batch() if batched else nullcontext():
            for number, verb in enumerate(verbs):
                do(lab, number, verb)
    except VnetlearnError as refused:
        error = str(refused)
    made = lab.netns.written[written:]
    there = {
        node: [f"{link.name} {link.kind} {link.address} {link.master} {link.mtu} {link.up}" for link in links]
        for node, links in ((node.name, node.link.show()) for node in lab.nodes)
    }
    routes = [f"{node.name} {route.dst} {route.dev}" for node in lab.nodes for route in node.route.show(family=4)]
    while rest := [link.name for link in lab.link.show() if link.name != "lo"]:
        lab.link.delete(rest[0])
    for node in list(lab.netns):
        lab.netns.delete(node)
    return there, routes, made, error


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(verbs=st.lists(VERBS, max_size=12))
def test_random_verbs(shared: Lab, verbs: list[tuple[Any, ...]]) -> None:
    assert outcome(shared, verbs, batched=True) == outcome(shared, verbs, batched=False)
