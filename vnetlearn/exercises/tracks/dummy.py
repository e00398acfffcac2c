"""The track `dummy`: addresses that need no card."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

from dataclasses import dataclass

from ..observed import Ask, Probe, Seen
from ..record import Exercise, Finding
from ..wanted import Kept, Reach, SameCables


@dataclass(frozen=True)
class OnNoCable:
    """`netns` has `address` on a link that leads nowhere, so that no cable takes it along."""

    netns: str
    address: str
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"{self.netns} has {self.address} on a link without a cable"
        shows = f"ip -n {self.netns} addr"
        if self.netns not in seen.nodes:
            return Finding(False, wanted, f"there is no namespace {self.netns}", "ip netns list")
        node = seen.nodes[self.netns]
        links = [node.link[addr.dev] for addr in node.addr.show() if addr.local == self.address]
        observed = "it is on: " + (", ".join(f"{link.name} ({link.kind})" for link in links) or "no link")
        return Finding(bool(links) and {one.kind for one in links} <= {"dummy", "loopback"}, wanted, observed, shows)


@dataclass(frozen=True)
class CardGone:
    """`netns` has no link `dev`."""

    netns: str
    dev: str
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        there = self.netns in seen.nodes and self.dev in seen.nodes[self.netns].link
        observed = "it is there" if there else "it is gone"
        return Finding(not there, f"{self.dev} is taken out of {self.netns}", observed, f"ip -n {self.netns} link")


@dataclass(frozen=True)
class OneOwner:
    """Whoever asks by ARP for `address` is answered by `owner` alone; `source` asks."""

    source: str
    address: str
    owner: str

    @property
    def asks(self) -> tuple[Probe]:
        return (Probe(self.source, self.address),)

    def look(self, seen: Seen) -> Finding:
        from scapy.layers.l2 import ARP

        answers = [
            frame.netns
            for frame in seen.frames
            if frame.direction == "out" and ARP in frame.packet and frame.packet[ARP].op == 2
            and frame.packet[ARP].psrc == self.address and frame.dev == "eth0"
        ]
        owners = sorted(set(answers))
        wanted = f"{self.owner} alone answers ARP for {self.address}"
        observed = "answers came from: " + (", ".join(owners) or "nobody")
        shows = f"ip netns exec {self.source} arping -c 1 -I eth0 {self.address}"
        return Finding(owners == [self.owner], wanted, observed, shows)


SERVICE_ADDRESS = Exercise(
    name="dummy/service-address",
    title="An address that outlives its cable",
    task="""`client` reaches the service at 198.51.100.1 through two cables to `server`, whichever works: it has a route
by way of each. But in `server` the address is on `eth1`. This card will be taken out, and the address would go with it.

Put the address where no cable can take it away, then take the card out: delete `eth1` in `server`. `client` must still
reach the service. `client` is set up for this: it stays as it is, apart from what goes with the card.""",
    start="""ip netns add server
ip netns add client
for i in 1 2; do
    ip link add eth$i netns server type veth peer name eth$i netns client
    ip -n server addr add 10.0.$i.1/24 dev eth$i
    ip -n client addr add 10.0.$i.2/24 dev eth$i
    ip -n server link set eth$i up
    ip -n client link set eth$i up
    ip -n client route add 198.51.100.1 via 10.0.$i.1 metric ${i}0
done
ip -n server link set lo up
ip -n server addr add 198.51.100.1/32 dev eth1""",
    kinds=("veth", "dummy"),
    wanted=(
        Reach("client", "198.51.100.1", "server"),
        Reach("client", "10.0.2.1", "server"),
        OnNoCable("server", "198.51.100.1"),
        CardGone("server", "eth1"),
    ),
    hints=(
        "Which device type is a card that leads nowhere? `ip -n server link add NAME type …`.",
        "A dummy: give it 198.51.100.1/32, and take the address off `eth1`. It is the same for `client`: it asks for the "
        "address, and not for a card.",
        "A link of the type `dummy` in `server`, up, with 198.51.100.1/32; then `eth1` can go.",
    ),
    solution="""ip -n server link add svc type dummy
ip -n server link set svc up
ip -n server addr add 198.51.100.1/32 dev svc
ip -n server link delete eth1""",
    level="easy",
    minutes=5,
)

QUIET = Exercise(
    name="dummy/quiet",
    title="Three answers to one question",
    task="""The service is at 10.0.0.100. `lb` takes what comes for it from the LAN. Its two servers, `s1` (10.0.0.11) and
`s2` (10.0.0.12), have the same address on a dummy, `vip`, since they answer in its name. The dummies say `NOARP`, so
nobody expected what happens now: `client` is served by `lb` at one time, by `s1` or `s2` at another.

Make it so that only `lb` answers the LAN when it asks for 10.0.0.100. `s1` and `s2` keep that address and reach
themselves there, and are reached at their own. `client`, `lb` and the switch, `lan`, are not yours.""",
    start="""for name in lan client lb s1 s2; do ip netns add $name; done
ip -n lan link add sw0 type bridge
ip -n lan link set sw0 up
for name in client lb s1 s2; do
    ip -n lan link add $name type veth peer name eth0 netns $name
    ip -n lan link set $name master sw0 up
    ip -n $name link set lo up
    ip -n $name link set eth0 up
    ip netns exec $name sysctl -qw net.ipv4.conf.all.arp_ignore=0
done
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n lb addr add 10.0.0.10/24 dev eth0
ip -n lb addr add 10.0.0.100/32 dev eth0
for i in 1 2; do
    ip -n s$i addr add 10.0.0.1$i/24 dev eth0
    ip -n s$i link add vip type dummy
    ip -n s$i addr add 10.0.0.100/32 dev vip
    ip -n s$i link set vip up
done""",
    kinds=("veth", "bridge", "dummy"),
    wanted=(
        OneOwner("client", "10.0.0.100", "lb"),
        Reach("client", "10.0.0.100", "lb"),
        Reach("s1", "10.0.0.100", "s1"),
        Reach("s2", "10.0.0.100", "s2"),
        Reach("client", "10.0.0.11", "s1"),
        Reach("client", "10.0.0.12", "s2"),
        Kept(("client", "lb", "lan")),
        SameCables(),
    ),
    hints=(
        "Who answers? `ip netns exec client arping -c 2 -I eth0 10.0.0.100` shows the MACs; compare them with "
        "`ip -n s1 link`. Which *link* of `s1` do they belong to?",
        "The question comes in at `eth0`, and it is `eth0` that answers, for an address of another link. What `vip` is set "
        "to does not matter. There is a setting for this: `arp_ignore` (ip-sysctl.rst).",
        "With `arp_ignore` 1 a link answers only for addresses of its own: `ip netns exec s1 sysctl "
        "net.ipv4.conf.eth0.arp_ignore=…`, and the same in `s2`.",
    ),
    solution="""ip netns exec s1 sysctl -w net.ipv4.conf.all.arp_ignore=1
ip netns exec s2 sysctl -w net.ipv4.conf.all.arp_ignore=1""",
    level="medium",
    minutes=10,
)

EXERCISES = (SERVICE_ADDRESS, QUIET)
