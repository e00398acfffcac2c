"""The track `bond`: several cables as one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...lab.lab import Node
from ..observed import Ask, Seen
from ..record import Exercise, Finding
from ..wanted import Kept, Reach, SameCables

NOTICED_SECONDS = 3.0  # until a bond shall use the other cable; LACP needs about one
BACK_SECONDS = 1.0  # until a cable that is in again is used


@dataclass(frozen=True)
class Survives:
    """`source` reaches `address` while any one of these links of `netns` is down; all are up again afterwards."""

    source: str
    address: str
    netns: str
    devs: tuple[str, ...]
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"{self.source} reaches {self.address} within {NOTICED_SECONDS:.0f} s of any one cable being pulled"
        if {self.source, self.netns} - set(seen.nodes):
            return Finding(False, wanted, "a namespace is gone", "ip netns list")
        source, other = seen.nodes[self.source], seen.nodes[self.netns]
        state = {link.name: link.up for link in other.link.show()}
        for dev in self.devs:
            if not state.get(dev):
                gone = "is down before anybody pulls a cable" if dev in state else "is gone"
                return Finding(False, wanted, f"{dev} in {self.netns} {gone}", other.spell(["link", "show", dev]))
        for dev in self.devs:
            if not self._without(source, other, dev):
                observed = f"no answer after {dev} in {self.netns} was set down"
                return Finding(False, wanted, observed, other.spell(["link", "set", dev, "down"]))
        return Finding(True, wanted, "it went on through the other cable", "")

    def _without(self, source: Node, other: Node, dev: str) -> bool:
        other.link.set(dev, up=False)
        try:
            until = time.monotonic() + NOTICED_SECONDS
            time.sleep(0.3)  # what was on its way
            while not (ok := source.ping(self.address, count=1, timeout=0.5).ok) and time.monotonic() < until:
                pass
            return ok
        finally:
            other.link.set(dev, up=True)
            time.sleep(BACK_SECONDS)


TWO_CABLES = Exercise(
    name="bond/two-cables",
    title="A second cable, just in case",
    task="""`pc` (10.0.0.1/24) reaches `server` (10.0.0.2) by its cable `eth0`. A second cable, `eth1`, is plugged into the
same switch and is not used yet.

Make both one: `pc` shall keep its address, and reach `server` whichever of the two cables somebody pulls out, after
three seconds at most. The switch and the server are not yours; the switch knows nothing of bundles of cables.""",
    start="""for name in pc switch server; do ip netns add $name; done
for i in 0 1; do ip link add eth$i netns pc type veth peer name port$i netns switch; done
ip link add eth0 netns server type veth peer name port2 netns switch
ip -n switch link add br0 type bridge
ip -n switch link set br0 up
for port in port0 port1 port2; do ip -n switch link set $port master br0 up; done
ip -n pc addr add 10.0.0.1/24 dev eth0
ip -n pc link set eth0 up
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n server link set eth0 up""",
    kinds=("veth", "bridge", "bond"),
    wanted=(
        Reach("pc", "10.0.0.2", "server", through="switch"),
        Reach("server", "10.0.0.1", "pc", through="switch"),
        Kept(("switch", "server")),
        SameCables(),
        Survives("pc", "10.0.0.2", "switch", ("port0", "port1")),
    ),
    hints=(
        "A switch that knows nothing of bundles: only one cable may be used at a time. Which mode does that?",
        "`ip -n pc link add bond0 type bond mode active-backup …`. A port has to be down when it comes in "
        "(`ip -n pc link set eth0 down`), and the address moves from it to the bond.",
        "It must look at its cables to notice: `miimon 100`, when you add the bond or afterwards. Then both ports "
        "(`master bond0`), the bond up, and the address 10.0.0.1/24 on the bond.",
    ),
    solution="""ip -n pc link add bond0 type bond mode active-backup miimon 100
ip -n pc addr flush dev eth0
for port in eth0 eth1; do
    ip -n pc link set $port down
    ip -n pc link set $port master bond0
done
ip -n pc link set bond0 up
ip -n pc addr add 10.0.0.1/24 dev bond0
sleep 1""",
    level="easy",
    minutes=7,
)

ONE_CLIENT = Exercise(
    name="bond/one-client",
    title="One client reaches it, the other does not",
    task="""`server` (10.0.0.1) is connected to `switch` by two cables, a bond in mode 802.3ad. In `switch` their other ends,
`port0` and `port1`, are a bond as well, and this is a port of the bridge `br0`, as are the cables of `client1`
(10.0.0.11) and `client2` (10.0.0.12).

Since the switch was replaced one of the clients reaches `server`, and the other does not. All links are up. The
administrator of the new switch says that both cables are bundled, and he is right. `server` and the clients are not
yours, and either cable may fail: both are needed.""",
    start="""for name in server switch client1 client2; do ip netns add $name; done
for i in 0 1; do ip link add eth$i netns server type veth peer name port$i netns switch; done
ip -n server link set eth0 address 02:00:00:00:00:01
ip -n server link add bond0 type bond mode 802.3ad lacp_rate fast miimon 100
ip -n switch link add bond0 type bond mode balance-xor miimon 100
for i in 0 1; do
    ip -n server link set eth$i master bond0
    ip -n switch link set port$i master bond0
done
ip -n server link set bond0 up
ip -n server addr add 10.0.0.1/24 dev bond0
ip -n switch link add br0 type bridge
ip -n switch link set bond0 master br0 up
ip -n switch link set br0 up
for i in 1 2; do
    ip link add eth0 netns client$i type veth peer name c$i netns switch
    ip -n switch link set c$i master br0 up
    ip -n client$i link set eth0 address 02:00:00:00:00:1$i up
    ip -n client$i addr add 10.0.0.1$i/24 dev eth0
done
sleep 1""",
    kinds=("veth", "bridge", "bond"),
    wanted=(
        Reach("client1", "10.0.0.1", "server", through="switch"),
        Reach("client2", "10.0.0.1", "server", through="switch"),
        Kept(("server", "client1", "client2")),
        SameCables(),
        Survives("client1", "10.0.0.1", "switch", ("port0", "port1")),
    ),
    hints=(
        "A bundle has two ends, and both must be of the same opinion. What does the server's end say of its partner? "
        "`ip netns exec server cat /proc/net/bonding/bond0`.",
        "The partner's MAC is zero: `server` speaks LACP and nobody answers, so it uses one of its cables and is deaf on "
        "the other. `switch` sends on both. `ip -n switch -d link show bond0` says in which mode.",
        "The switch's bond has to be in mode 802.3ad too. A mode cannot be changed while a bond has ports: delete it, or "
        "take them out (`nomaster`); the ports must be down to come in, and the bond belongs to `br0`.",
    ),
    solution="""ip -n switch link delete bond0
ip -n switch link add bond0 type bond mode 802.3ad lacp_rate fast
for port in port0 port1; do
    ip -n switch link set $port down
    ip -n switch link set $port master bond0
done
ip -n switch link set bond0 master br0 up
sleep 2""",
    level="hard",
    minutes=15,
)

EXERCISES = (TWO_CABLES, ONE_CLIENT)
