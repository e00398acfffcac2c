"""The track `veth`: cables."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Kept, Reach, SameCables

DARK_CABLE = Exercise(
    name="veth/dark-cable",
    title="A cable that carries nothing",
    task="""`a` and `b` are connected by one cable, `eth0` to `eth0`, and shall reach each other at 10.0.0.1 (`a`) and
10.0.0.2 (`b`). They do not. The kernel of each side says why; believe it. No cable is to be added.""",
    start="""ip netns add a
ip netns add b
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/32 dev eth0
ip -n a link set eth0 up""",
    wanted=(Reach("a", "10.0.0.2", "b"), Reach("b", "10.0.0.1", "a"), SameCables()),
    hints=(
        "There are two faults, one below the other. Begin with the lower: has the cable a carrier?",
        "`ip -n a link` says `NO-CARRIER`: the other end is down. And when it is up: which way has the answer? "
        "`ip -n b route get 10.0.0.1`.",
        "An address with `/32` names one machine and no network: `b` has no route to 10.0.0.1. Give it the same address "
        "with the length that `a` has, or a route.",
    ),
    solution="""ip -n b link set eth0 up
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n b addr delete 10.0.0.2/32 dev eth0""",
    level="easy",
    minutes=5,
)

WHICH_END = Exercise(
    name="veth/which-end",
    title="Which of these is the client's?",
    task="""On the host, where you stand, end three cables, with the names that a runtime gave them: `veth1a7`, `veth3c0`
and `veth9f2`. The other ends are `eth0` in `red`, `green` and `blue`. All are up.

`green` has 10.0.0.2/24. Make the host reach it, and be reached by it, at 10.0.0.1/24: give that address to the right
end. `red` and `blue` have the same address, as it happens, so a guess will not do. They stay as they are.""",
    start="""for name in red green blue; do ip netns add $name; done
ip link add veth1a7 type veth peer name eth0 netns blue
ip link add veth9f2 type veth peer name eth0 netns red
ip link add veth3c0 type veth peer name eth0 netns green
for name in veth1a7 veth3c0 veth9f2; do ip link set $name up; done
for name in red green blue; do
    ip -n $name addr add 10.0.0.2/24 dev eth0
    ip -n $name link set eth0 up
done""",
    wanted=(
        Reach("", "10.0.0.2", "green"),
        Reach("green", "10.0.0.1", ""),
        Kept(("red", "green", "blue")),
        SameCables(),
    ),
    hints=(
        "Each end says where the other is. `ip link` shows it, behind the `@` and at the line's end.",
        "`link-netns green` is what you look for. Where a tool shows only `@if2` and a `link-netnsid`, compare the "
        "numbers: `ip -n green -br link` and `ip -br link`.",
        "It is `veth3c0`. Give it the address 10.0.0.1/24, as any link gets one.",
    ),
    solution="""ip addr add 10.0.0.1/24 dev veth3c0""",
    level="easy",
    minutes=5,
)

SMALL_ONLY = Exercise(
    name="veth/small-only",
    title="Small packets pass, large ones do not",
    task="""`client` (10.0.1.2) fetches files from `server` (10.0.2.2) through `router`. Short answers arrive, long ones
hang. Pings of 56 bytes are answered, pings of 4000 bytes are not: `ping -s 4000 10.0.2.2`. The owner of both machines
insists that all of them send packets of up to 9000 bytes: `client` and `server` are not yours.

Find the place where large packets vanish, and mend it. No cable is to be added.""",
    start="""for name in client router server; do ip netns add $name; done
ip link add eth0 netns client type veth peer name left netns router
ip link add eth0 netns server type veth peer name right netns router
ip -n client addr add 10.0.1.2/24 dev eth0
ip -n router addr add 10.0.1.1/24 dev left
ip -n router addr add 10.0.2.1/24 dev right
ip -n server addr add 10.0.2.2/24 dev eth0
ip -n client link set eth0 mtu 9000 up
ip -n server link set eth0 mtu 9000 up
ip -n router link set left mtu 9000 up
ip -n router link set right up
ip -n client route add default via 10.0.1.1
ip -n server route add default via 10.0.2.1
ip netns exec router sysctl -qw net.ipv4.ip_forward=1""",
    wanted=(
        Reach("client", "10.0.2.2", "server", through="router", size=4000),
        Reach("server", "10.0.1.2", "client", through="router", size=4000),
        Kept(("client", "server")),
        SameCables(),
    ),
    hints=(
        "Four links, four MTUs. Which of them is not like the others, and who would notice?",
        "Follow a large ping: `tcpdump -ni right icmp` in `router` shows what arrives there, and what does not. Then "
        "look at the counters of that link: `ip -n router -s link show right`.",
        "`right` in `router` has MTU 1500: it throws away what `server` sends it in larger packets. "
        "`ip -n router link set right mtu …`.",
    ),
    solution="""ip -n router link set right mtu 9000""",
    level="medium",
    minutes=10,
)

EXERCISES = (DARK_CABLE, WHICH_END, SMALL_ONLY)
