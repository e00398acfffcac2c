"""The track `nlmon`: netlink, watched."""

from __future__ import annotations

from dataclasses import dataclass

from ..observed import Ask, Seen
from ..record import Exercise, Finding
from ..wanted import Kept, Reach, SameCables, place
from .tun import OPENS, REPLY, Via


@dataclass(frozen=True)
class Stays:
    """A namespace has the route `dst`, and has it still after the pings of the check."""

    netns: str
    dst: str
    asks: tuple[Ask, ...] = ()

    def look(self, seen: Seen) -> Finding:
        wanted = f"{place(self.netns)} has the route {self.dst}, and keeps it"
        node = seen.nodes.get(self.netns)
        if node is None:
            return Finding(False, wanted, f"there is no namespace {self.netns}", "ip netns list")
        there = any(route.dst == self.dst for route in node.route.show(family=4))
        observed = "it is there" if there else "it is not there"
        return Finding(there, wanted, observed, node.spell(["route", "show", self.dst]))


REFUSED = Exercise(
    name="nlmon/refused",
    title="A program that asks in vain",
    task="""A program in the namespace `a` asks the kernel for a default route, again and again. The kernel refuses, and the
program tells nobody. `eth0` in `a` is a cable to `gw`, which is not yours, and which you cannot look into.

Find out what the program asks for and why it is refused, and give `a` what is missing, so that the program gets its
route and `a` reaches 192.0.2.1. `gw` stays as it is.""",
    start="""for name in a gw; do ip netns add $name; done
ip link add eth0 netns a type veth peer name eth0 netns gw
ip -n a link set eth0 up
ip -n gw link set eth0 up
ip -n gw addr add 10.66.7.1/24 dev eth0
ip -n gw addr add 192.0.2.1/32 dev lo
ip -n gw link set lo up
ip netns exec a setsid sh -c 'while :; do ip route add default via 10.66.7.1; sleep 0.5; done' >/dev/null 2>&1 &""",
    wanted=(Reach("a", "192.0.2.1", "gw"), Kept(("gw",)), SameCables()),
    hints=(
        "`ip monitor` shows what has changed, so it says nothing here. Add an nlmon link in `a`, set it up, and record it.",
        "Take the requests and the errors out of the capture, as in the lesson. The kernel's own words are in the error, and "
        "the gateway is in the request: `RTA_GATEWAY`.",
        "A gateway has to be on a network that the machine is in. Give `eth0` an address beside 10.66.7.1, with `/24`.",
    ),
    solution="""ip -n a addr add 10.66.7.2/24 dev eth0
until ip -n a route get 192.0.2.1 >/dev/null 2>&1; do sleep 0.2; done""",
    kinds=("nlmon", "veth"),
    level="easy",
    minutes=10,
)

DELETED = Exercise(
    name="nlmon/who-deletes-it",
    title="Who deletes my route?",
    task="""`a` shall reach 10.7.0.1, an address of `b`, by the route 10.7.0.0/24 via 10.0.0.2. Add it: the kernel takes it,
and a moment later it is gone. Some program deletes it.

Two programs run in `a`, and both are called `python3 -IS -`. One of them is behind `tun0`, answers for 10.9.0.0/24, and
has to go on. Find out which one deletes the route, end that one, and set the route.""",
    start=f"""for name in a b; do ip netns add $name; done
ip link add eth0 netns a type veth peer name eth0 netns b
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n b addr add 10.7.0.1/32 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
ip -n a tuntap add dev tun0 mode tun
ip -n a addr add 10.9.0.1/24 dev tun0
ip -n a link set tun0 up
answers='{OPENS}
{REPLY}'
deletes='import socket, struct, time
rtnl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
rtnl.bind((0, 0))
route = struct.pack("8BI", 2, 24, 0, 0, 254, 0, 255, 0, 0) + struct.pack("HH4B", 8, 1, 10, 7, 0, 0)
while True:
    rtnl.send(struct.pack("IHHII", 36, 25, 5, 1, 0) + route)
    rtnl.recv(4096)
    time.sleep(0.2)
'
for program in "$answers" "$deletes"; do
    printf %s "$program" | ip netns exec a setsid python3 -IS - >/dev/null 2>&1 &
done
ip netns exec a sh -c 'until grep -q 1 /sys/class/net/tun0/carrier; do sleep 0.05; done'""",
    wanted=(
        Reach("a", "10.7.0.1", "b"),
        Stays("a", "10.7.0.0/24"),
        Via("a", "10.9.0.9", "tun0"),
        Kept(("b",)),
        SameCables(),
    ),
    hints=(
        "An nlmon link in `a`, set up, shows every request, also that of somebody else. Which of them is `RTM_DELROUTE`?",
        "The request does not say who sent it. The kernel's answer does: its port is the number of the process that asked, "
        "as in the lesson. It is an error most of the time, since there is no route to delete.",
        "Take the port of the errors that answer `RTM_DELROUTE`, and `kill` that number. Then add the route.",
    ),
    solution="""ip netns exec a cat /proc/net/netlink | while read -r _ family port _; do
    [ "$family" = 0 ] && grep -qs -e '-IS' "/proc/$port/cmdline" && kill "$port"
done || true
sleep 0.3
ip -n a route add 10.7.0.0/24 via 10.0.0.2""",
    kinds=("nlmon", "veth", "tun"),
    level="medium",
    minutes=15,
)

EXERCISES = (REFUSED, DELETED)
