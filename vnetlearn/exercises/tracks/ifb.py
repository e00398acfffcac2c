"""The track `ifb`: queues for what comes in."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..observed import Ask, Probe, Seen
from ..record import Exercise, Finding
from ..wanted import Kept, Reach, SameCables

# tc's classifiers and actions are no kinds that a kernel can be asked for. A kernel that has dummy as well is one with
# modules, and has them too; so the labs of these exercises ask for it.
_KINDS = ("veth", "ifb", "dummy")
_CABLE = """ip netns add a
ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
"""


@dataclass(frozen=True)
class Late:
    """An answer from `address` takes `least` milliseconds or more, and less than `most`."""

    source: str
    address: str
    least: float
    most: float

    @property
    def asks(self) -> tuple[Probe]:
        return (Probe(self.source, self.address),)

    def look(self, seen: Seen) -> Finding:
        walk = seen.walks.get(self.asks[0])
        replies = walk.ping.replies if walk else ()
        wanted = f"a ping from {self.source} to {self.address} takes {self.least:.0f} ms to {self.most:.0f} ms"
        observed = f"it took {min(replies):.0f} ms" if replies else "no answer came"
        ok = bool(replies) and self.least <= min(replies) < self.most
        return Finding(ok, wanted, observed, f"ip netns exec {self.source} ping -c 2 {self.address}")


@dataclass(frozen=True)
class OnlyWhatComesIn:
    """Nothing that goes out of link `dev` of `netns` waits in a queue that somebody has put there."""

    netns: str
    dev: str
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"what goes out of {self.dev} of {self.netns} waits in no queue"
        if self.netns not in seen.nodes:
            return Finding(False, wanted, f"there is no namespace {self.netns}", "ip netns list")
        tc = ["tc", "-j", "qdisc", "show", "dev", self.dev, "root"]
        found = json.loads(seen.nodes[self.netns].ask(tc).stdout or "[]")
        kinds = [one["kind"] for one in found if one.get("kind")]
        ok = all(kind in ("noqueue", "pfifo_fast", "fq_codel") for kind in kinds)
        return Finding(
            ok, wanted, f"it has {', '.join(kinds) or 'none'}", f"tc -n {self.netns} qdisc show dev {self.dev}"
        )


_BOTH = (Reach("a", "10.0.0.2", "b"), Reach("b", "10.0.0.1", "a"))

FAR_AWAY = Exercise(
    name="ifb/far-away",
    title="A line with a slow way in",
    task="""`a` (10.0.0.1) and `b` (10.0.0.2) are on one cable. For a test `b` shall be far away, in one direction:
what comes in to `b` is delayed by 100 ms, what goes out of it is not. `a` is not yours, and no cable is to be added.""",
    kinds=_KINDS,
    start=_CABLE,
    wanted=(*_BOTH, Late("a", "10.0.0.2", 100, 200), OnlyWhatComesIn("b", "eth0"), Kept(("a",)), SameCables()),
    hints=(
        "`netem` delays, and it is a queue: for what goes out. What comes in has to go out of something first.",
        "An ifb in `b`, up, with `netem delay 100ms` as its `root` qdisc. Then `clsact` on `eth0`, and a filter.",
        "The filter is on `eth0`'s `ingress`: `matchall`, with the action `mirred egress redirect`.",
    ),
    solution="""ip -n b link add ifb0 type ifb
ip -n b link set ifb0 up
tc -n b qdisc add dev ifb0 root netem delay 100ms
tc -n b qdisc add dev eth0 clsact
tc -n b filter add dev eth0 ingress matchall action mirred egress redirect dev ifb0""",
    level="medium",
    minutes=10,
)

AFTER_THE_RESTART = Exercise(
    name="ifb/after-the-restart",
    title="Since the restart b hears nothing",
    task="""`b` (10.0.0.2) delays what it receives by 100 ms: a tester wants that, and it has worked for weeks. Since a
restart `b` hears nothing at all. tcpdump on its `eth0` shows what `a` (10.0.0.1) sends, and no answer.

Make `a` and `b` reach each other again, with the delay. What goes out of `b` is not delayed. `a` is not yours, and no
cable is to be added.""",
    kinds=_KINDS,
    start=_CABLE
    + """ip -n b link add ifb0 type ifb
ip -n b link add ifb1 type ifb
ip -n b link set ifb1 up
tc -n b qdisc add dev ifb1 root netem delay 100ms
tc -n b qdisc add dev eth0 clsact
tc -n b filter add dev eth0 ingress matchall action mirred egress redirect dev ifb0""",
    wanted=(*_BOTH, Late("a", "10.0.0.2", 100, 200), OnlyWhatComesIn("b", "eth0"), Kept(("a",)), SameCables()),
    hints=(
        "What `eth0` shows is not what `b` gets. What becomes of a frame after tcpdump has seen it? "
        "`tc -n b filter show dev eth0 ingress`.",
        "It is redirected to a link that is down. Setting that up brings the packets back; and the delay? "
        "`tc -n b qdisc show`.",
        "There are two ifb links, and the queue is on the other one. Redirect to `ifb1`: delete the filter, and add it "
        "with `dev ifb1`.",
    ),
    solution="""tc -n b filter del dev eth0 ingress
tc -n b filter add dev eth0 ingress matchall action mirred egress redirect dev ifb1""",
    level="medium",
    minutes=10,
)

EXERCISES = (FAR_AWAY, AFTER_THE_RESTART)
