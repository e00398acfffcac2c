"""The track `netns`: machines that share nothing but the kernel."""

from __future__ import annotations

from dataclasses import dataclass

from ..observed import Ask, Seen
from ..record import Exercise, Finding
from ..wanted import Kept, Reach, SameCables


@dataclass(frozen=True)
class Runs:
    """A program runs in the namespace `netns`."""

    netns: str
    program: str
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"{self.program} runs in the namespace {self.netns}"
        shows = f"ip netns pids {self.netns}"
        if self.netns not in seen.nodes:
            return Finding(False, wanted, f"there is no namespace {self.netns}", "ip netns list")
        pids = ",".join(seen.lab.host.ask(shows.split()).stdout.split())
        names = seen.lab.host.ask(["ps", "-o", "comm=", "-p", pids]).stdout.split() if pids else []
        observed = "programs there: " + (", ".join(dict.fromkeys(names)) or "none")
        return Finding(self.program in names, wanted, observed, shows)


OWN_ADDRESS = Exercise(
    name="netns/own-address",
    title="A machine that does not hear itself",
    task="""`app` (10.0.0.2/24 on `eth0`) answers `client`. But a program in `app` that asks for a database at
10.0.0.2, on the same machine, gets no answer, and its health check at 127.0.0.1 fails at once.

Make `app` reach itself at both addresses. `client` stays as it is, and no cable is to be added.""",
    start="""ip netns add app
ip netns add client
ip link add eth0 netns app type veth peer name eth0 netns client
ip -n app addr add 10.0.0.2/24 dev eth0
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n app link set eth0 up
ip -n client link set eth0 up""",
    wanted=(
        Reach("app", "127.0.0.1", "app"),
        Reach("app", "10.0.0.2", "app"),
        Reach("client", "10.0.0.2", "app"),
        Kept(("client",)),
        SameCables(),
    ),
    hints=(
        "Through which link does a packet go that a machine sends to itself? `ip -n app route get 10.0.0.2`.",
        "It goes through `lo`, whatever link has the address. Now look at that link: `ip -n app addr show lo`.",
        "A new namespace has its loopback switched off, and nobody switched this one on: `ip -n app link set …`. The "
        "kernel gives it 127.0.0.1 by itself.",
    ),
    solution="ip -n app link set lo up",
    level="easy",
    minutes=5,
)
ROUTER = Exercise(
    name="netns/router",
    title="A router between two networks",
    task="""`left` (10.0.1.2/24) and `right` (10.0.2.2/24) are in two networks. `router` has a foot in each: 10.0.1.1
on `eth1`, 10.0.2.1 on `eth2`. All cables are in, all links are up, all addresses are there.

`left` and `right` shall reach each other through `router`. All keep their addresses; no cable is to be added.""",
    start="""for name in left router right; do ip netns add $name; done
ip link add eth0 netns left type veth peer name eth1 netns router
ip link add eth0 netns right type veth peer name eth2 netns router
ip -n left addr add 10.0.1.2/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev eth1
ip -n router addr add 10.0.2.1/24 dev eth2
ip -n right addr add 10.0.2.2/24 dev eth0
ip -n left link set eth0 up
ip -n router link set eth1 up
ip -n router link set eth2 up
ip -n right link set eth0 up
ip netns exec router sysctl -qw net.ipv4.ip_forward=0""",
    wanted=(
        Reach("left", "10.0.2.2", "right", through="router"),
        Reach("right", "10.0.1.2", "left", through="router"),
        Reach("left", "10.0.1.1", "router"),
        Reach("right", "10.0.2.1", "router"),
        SameCables(),
    ),
    hints=(
        "Who knows the way? Ask each machine: `ip -n left route get 10.0.2.2`, and the same in the other direction.",
        "`left` and `right` need a route to the other network, by way of the router's address in their own: "
        "`ip -n left route add NETWORK via ADDRESS`. Then see how far a ping gets: "
        "`ip netns exec router tcpdump -ni eth1 icmp`.",
        "A machine with two cards is not a router by that alone: Linux drops what is not for itself until "
        "`net.ipv4.ip_forward` is 1 in that namespace. `ip netns exec router sysctl net.ipv4.ip_forward` shows it.",
    ),
    solution="""ip -n left route add default via 10.0.1.1
ip -n right route add default via 10.0.2.1
ip netns exec router sysctl -w net.ipv4.ip_forward=1""",
    level="medium",
    minutes=10,
)

NAMELESS = Exercise(
    name="netns/nameless",
    title="A program in a machine without a name",
    task="""A container runtime has started a program, `sleep`, in a network namespace of its own. Its `eth0` is
connected to `app0` of the host, which has 10.0.0.1/24. The program's owner says that it is at 10.0.0.2. The host gets no
answer from there, and `ip netns list` shows no namespace at all.

Give that namespace the name `app`, so that `ip` can look into it, and make the host reach 10.0.0.2. The program goes on
running, in the namespace where it is, and no cable is to be added.""",
    start="""setsid unshare -n sleep 1000000 </dev/null >/dev/null 2>&1 &
program=$!
while [ "$(readlink /proc/$program/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link add app0 type veth peer name eth0 netns $program
nsenter -t $program -n ip addr add 10.0.0.2/24 dev eth0
ip addr add 10.0.0.1/24 dev app0
ip link set app0 up""",
    wanted=(
        Reach("", "10.0.0.2", "app"),
        Reach("app", "10.0.0.1", ""),
        Runs("app", "sleep"),
        Kept(("",)),
    ),
    hints=(
        "`ip netns list` shows names, and this namespace has none. Each program is in some namespace: which one is in "
        "another than you? `lsns -t net` lists those too.",
        "With the number of the program (PID), `ip` can give its namespace a name: `ip netns attach app PID`. Then look at "
        "its `eth0`: `ip -n app addr`.",
        "`eth0` has the address, and is down: `ip -n app link set …`.",
    ),
    solution="""ip netns attach app $(lsns -nt net -o PID,COMMAND | awk '/sleep/ {print $1}')
ip -n app link set eth0 up""",
    level="medium",
    minutes=10,
)

MOVED = Exercise(
    name="netns/moved",
    title="The morning after the move",
    task="""Until yesterday the host passed packets between `office` (10.0.1.2) and `server` (10.0.2.2). Last night both
cables were moved into a namespace of their own, `router`, and somebody began to set it up. Since then `office` and
`server` do not reach each other. They are not yours, and are as they were: each asks for 10.0.1.1 or 10.0.2.1.

Make `router` do all that the host did. No cable is to be added, or moved back.""",
    start="""for name in office server router; do ip netns add $name; done
ip link add lan type veth peer name eth0 netns office
ip link add wan type veth peer name eth0 netns server
ip addr add 10.0.1.1/24 dev lan
ip addr add 10.0.2.1/24 dev wan
ip link set lan up
ip link set wan up
sysctl -qw net.ipv4.ip_forward=1
ip -n office addr add 10.0.1.2/24 dev eth0
ip -n server addr add 10.0.2.2/24 dev eth0
ip -n office link set eth0 up
ip -n server link set eth0 up
ip -n office route add default via 10.0.1.1
ip -n server route add default via 10.0.2.1
ip netns exec router sysctl -qw net.ipv4.ip_forward=0
ip link set lan netns router
ip link set wan netns router
ip -n router addr add 10.0.2.1/24 dev wan
ip -n router link set wan up""",
    wanted=(
        Reach("office", "10.0.1.1", "router"),
        Reach("office", "10.0.2.2", "server", through="router"),
        Reach("server", "10.0.1.2", "office", through="router"),
        Kept(("office", "server")),
        SameCables(),
    ),
    hints=(
        "What does a link lose when it changes its namespace? `ip -n router addr` shows what is there now. And what did the "
        "host have besides the two links?",
        "`lan` lost its address, and is down: that is one half. Then look at how far a ping gets, link by link: "
        '`lab["office"].ping("10.0.2.2", journey=True)`.',
        "`sysctl net.ipv4.ip_forward` on the host is 1, and it does not count in `router`: each namespace has its own. "
        "`ip netns exec router sysctl …`.",
    ),
    solution="""ip -n router addr add 10.0.1.1/24 dev lan
ip -n router link set lan up
ip netns exec router sysctl -w net.ipv4.ip_forward=1""",
    level="medium",
    minutes=10,
)

EXERCISES = (OWN_ADDRESS, ROUTER, NAMELESS, MOVED)
