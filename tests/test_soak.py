"""Anything that can be done to two labs at once, in any order: after each step a topology is what the real ip tells.

Longer in `scripts/hammer soak`; VNETLEARN_SOAK_SEED=… to do again what a run did.
"""

from __future__ import annotations

import itertools
import os
import random
import shlex
import time
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from kinds.samples import params_of
from labs import able, descriptors, draws, eventually, threads, under
from random_changes import CREATED, NAMES, NETNS, V4, V6, YES_OR_NO, Draw, begin, change
from real_dumps import disagreements

from vnetlearn import KINDS, Lab, Node, kinds
from vnetlearn.cache import cache_folder
from vnetlearn.capture.capture import Capture
from vnetlearn.engine.guest import image
from vnetlearn.errors import VnetlearnError

SECONDS = draws(15)
SEED = int(os.environ.get("VNETLEARN_SOAK_SEED", random.SystemRandom().randrange(1 << 32)))
STEPS = 25  # with two labs
GROWTH = 64 << 20  # bytes of memory that may come in an hour: what Hypothesis remembers
WORDS = [
    "ip link set dev {dev} up",
    "ip link set dev {dev} down mtu 1400",
    "ip link set dev {dev} nomaster",
    "ip link set dev {dev} master br0; ip link set dev {dev} promisc on",
    "bridge link set dev {dev} learning off hairpin on cost 7",
    "bridge vlan add dev {dev} vid 7; bridge fdb append 02:00:00:00:00:07 dev {dev}",
    "ip link delete dev {dev}",
    "ip addr add {v4}/24 brd + dev {dev}; ip -6 addr add {v6}/64 dev {dev} nodad",
    "ip addr flush dev {dev}",
    "ip route replace 10.3.0.0/16 dev {dev} mtu 1300; ip route add blackhole 10.4.0.0/16 metric 3",
    "ip -6 route add fd03::/64 via {v6}",
    "ip netns add {netns} && ip link add {name} type veth peer name {name} netns {netns}",
    "ip netns delete {netns}",
    "sysctl -w net.ipv4.ip_forward=1",
]


class Enough(BaseException):
    """The time is over; not an error, of which Hypothesis would look for a shorter one."""


class Soak(RuleBasedStateMachine):
    """Two labs, of which a step changes one."""

    engine: str
    until: float

    def __init__(self) -> None:
        super().__init__()
        self.labs = [Lab("empty", engine=self.engine) for _ in range(2)]
        self.captures: dict[int, Capture] = {}

    @initialize()
    def furnish(self) -> None:
        for lab in self.labs:
            begin(lab)

    @rule(data=st.data(), which=st.integers(0, 1))
    def verbs(self, data: st.DataObject, which: int) -> None:
        draw = Draw(data)
        for _ in range(3):
            change(draw, self.labs[which])
        self.agree(which)

    @rule(data=st.data(), which=st.integers(0, 1))
    def shell(self, data: st.DataObject, which: int) -> None:
        draw = Draw(data)
        node = draw.node(self.labs[which])
        node.run(words(draw, node), quiet=True)
        self.agree(which)

    @rule(data=st.data(), which=st.integers(0, 1))
    def delete_netns(self, data: st.DataObject, which: int) -> None:
        names = [node.name for node in self.labs[which].nodes if node.name]
        if names:
            self.labs[which].netns.delete(Draw(data)(names))
            self.agree(which)

    @rule(which=st.integers(0, 1))
    def capture(self, which: int) -> None:
        """Begin one, or end the one that was begun."""
        if which not in self.captures:
            self.captures[which] = self.labs[which].capture().start()
            return
        ended = self.captures.pop(which)
        ended.stop()
        assert not ended.dropped
        assert [frame.number for frame in ended.frames] == list(range(1, len(ended.frames) + 1))

    @rule(data=st.data(), which=st.integers(0, 1))
    def ping(self, data: st.DataObject, which: int) -> None:
        draw = Draw(data)
        try:
            draw.node(self.labs[which]).ping(draw(["10.0.0.8", "10.0.0.9", "fd00::9"]), count=1, timeout=0.1)
        except VnetlearnError:
            return

    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        topology = self.labs[which].topology(stats=True)
        ElementTree.fromstring(topology.draw().svg)
        assert all(name in repr(topology) for _, name in topology.links if name != "lo")
        assert topology.to_script()
        assert topology.to_json()

    def agree(self, which: int) -> None:
        lab = self.labs[which]
        assert eventually(lambda: not disagreements(lab)), "\n".join([*disagreements(lab), lab.transcript])
        if time.monotonic() > self.until:
            raise Enough

    def teardown(self) -> None:
        for lab in self.labs:
            lab.close()


def words(draw: Draw, node: Node) -> str:
    """A line or two as learners type them."""
    if draw(YES_OR_NO):
        kind = KINDS[draw([name for name in CREATED if KINDS[name].via == "link" and able(node.lab, name)])]
        below = f"link {shlex.quote(draw.link(node))} " if "link" in kind.example else ""
        more = shlex.join(kinds.words(kind, draw(params_of(kind))))
        return f"ip link add {below}name {shlex.quote(draw(NAMES))} type {kind.name} {more}"
    values = {"dev": draw.link(node), "v4": draw(V4), "v6": draw(V6), "netns": draw(NETNS), "name": draw(NAMES)}
    # What `ip netns add` mounts inside of another namespace is not seen outside, where only an empty file remains
    texts = [text for text in WORDS if "netns" not in text or not node.name]
    return str(draw(texts)).format(**{name: shlex.quote(value) for name, value in values.items()})


def left() -> tuple[list[str], set[str], list[str], list[str]]:
    """What a lab that has ended may not leave: threads, descriptors, processes, files in the cache."""
    files = sorted(f"{path} {path.lstat().st_size}" for path in cache_folder().rglob("*"))
    return threads(), descriptors(), sorted(one.name() for one in under()), files


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of its own, in which other tests leave nothing, with the image that there is."""
    image.ensure()
    usual, own = cache_folder(), tmp_path / "vnetlearn"
    for folder in ("", "images"):
        (own / folder).mkdir()
        for one in (usual / folder).iterdir():
            if one.name != "images":
                (own / folder / one.name).symlink_to(one)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.usefixtures("cache")
def test_two_labs_in_which_anything_is_done(engine: str) -> None:
    print(f"VNETLEARN_SOAK_SEED={SEED}")
    with Lab("empty", engine=engine) as lab:  # what is loaded once
        begin(lab)
        lab.capture().start().stop()
        lab.topology().draw()
    before, memory = left(), list[int]()

    class Machine(Soak):
        def teardown(self) -> None:
            super().teardown()
            assert eventually(lambda: left() == before), (before, left())
            memory.append(psutil.Process().memory_info().rss)

    Machine.engine, Machine.until = engine, time.monotonic() + SECONDS
    how = settings(
        max_examples=1_000_000,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for number in itertools.count(SEED):
        try:
            run_state_machine_as_test(seed(number)(Machine), settings=how)  # type: ignore[no-untyped-call]
        except Enough:
            break
        except FlakyStrategyDefinition:  # the kernel was slower than the last time, so that there was less to choose
            if time.monotonic() > Machine.until:
                break
    print(f"{len(memory)} pairs of labs, {(memory[-1] - memory[0]) >> 20} MB more")
    assert memory[-1] - memory[0] < GROWTH
