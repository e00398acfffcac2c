"""The track `tun`: a program as the other end of a link."""

from __future__ import annotations

from dataclasses import dataclass

from ..observed import Probe, Seen
from ..record import Exercise, Finding
from ..wanted import Kept, SameCables, place


@dataclass(frozen=True)
class Via:
    """`source` pings `address`; the request leaves through its link `dev`, and the reply comes in there.

    `size` are the bytes that it carries, both ways.
    """

    source: str
    address: str
    dev: str
    size: int = 56

    @property
    def asks(self) -> tuple[Probe]:
        return (Probe(self.source, self.address, self.size),)

    def look(self, seen: Seen) -> Finding:
        large = f" with {self.size} bytes" if self.size != 56 else ""
        wanted = f"{place(self.source)} reaches {self.address}{large}, out of and back into {self.dev}"
        walk = seen.walks.get(self.asks[0])
        if walk is None:
            return Finding(False, wanted, f"there is no namespace {self.source}", "ip netns list")
        size = f"-s {self.size} " if self.size != 56 else ""
        ping = seen.nodes[self.source].spell_run(f"ping -c 2 {size}{self.address}")
        if not walk.ping.ok:
            return Finding(False, wanted, f"no answer: {walk.ping.reason}", ping)
        ways = {(frame.netns, frame.dev, frame.direction) for frame in (*walk.requests, *walk.replies)}
        here = (self.source, self.dev)
        if not {(*here, "out"), (*here, "in")} <= ways:
            observed = f"an answer came, but {self.dev} saw nothing of it"
            return Finding(False, wanted, observed, seen.nodes[self.source].spell_run(f"ip route get {self.address}"))
        return Finding(True, wanted, "answered", ping)


OPENS = """import fcntl, os, select, socket, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"tun0", 0x1001))"""
REPLY = """while True:
    packet = bytearray(os.read(tun, 2000))
    if packet[0] >> 4 == 4 and packet[9] == 1 and packet[20] == 8:
        packet[12:20] = packet[16:20] + packet[12:16]
        packet[20] = 0
        checksum = struct.unpack_from("!H", packet, 22)[0] + 0x800
        struct.pack_into("!H", packet, 22, (checksum & 0xFFFF) + (checksum >> 16))
        os.write(tun, packet)
"""

ANSWER_FOR_NOBODY = Exercise(
    name="tun/answer-for-nobody",
    title="Answer for a network that is not there",
    task="""The namespace `box` has no links but `lo`. Make `tun0` there, a tun link with the address 10.9.0.1/24, and let a
program of yours answer pings to all other addresses of 10.9.0.0/24, such as 10.9.0.77 and 10.9.0.200. They shall be
answered by the program: the requests go out of `tun0`, and the replies come back in there.

In Python, the namespace's `start([…])` starts a program and comes back at once; in a shell, put `>/dev/null 2>&1 &`
behind it.""",
    start="ip netns add box",
    wanted=(Via("box", "10.9.0.77", "tun0"), Via("box", "10.9.0.200", "tun0")),
    hints=(
        '`OPEN` and `ANSWER` of the lesson do it: `begin(nobody.lab["box"], ANSWER, "tun0", "tun")`. '
        "What is left is the link.",
        "A program that names a link which does not exist makes it. But who sets it up, and gives it the address? Make it "
        "before, with `ip -n box tuntap add`, and it stays even if the program ends.",
        "Four things: `tuntap add` with `mode tun`, the address with `/24`, `up`, and the program. Look at "
        "`ip -n box -br link`: as long as it says `NO-CARRIER`, no program has the link open.",
    ),
    solution=f"""ip -n box tuntap add dev tun0 mode tun
ip -n box addr add 10.9.0.1/24 dev tun0
ip -n box link set tun0 up
ip netns exec box setsid python3 -ISc '{OPENS}
{REPLY}' >/dev/null 2>&1 &
ip netns exec box sh -c 'until grep -q 1 /sys/class/net/tun0/carrier; do sleep 0.05; done'""",
    kinds=("tun",),
    level="easy",
    minutes=10,
)

LARGE_ONES_HANG = Exercise(
    name="tun/large-ones-hang",
    title="The VPN connects, and then hangs",
    task="""`home` and `office` are connected by a VPN like that of the lesson: a program at each end moves packets between
`tun0` and UDP. `home` has 10.8.0.1 in it, `office` 10.8.0.2. Between them are two networks, `north` and `south`, that
are not yours. Its owner says that it worked until the provider moved.

Pings are answered; logins begin, and then nothing comes: `ping -s 4000 10.8.0.2` has no answer. Find out how much
passes, and mend it. `north`, `south` and the cables stay as they are, and the programs go on running.""",
    start=f"""for name in home north south office; do ip netns add $name; done
ip link add eth0 netns home type veth peer name home netns north
ip link add south netns north type veth peer name north netns south
ip link add eth0 netns office type veth peer name office netns south
ip -n home addr add 192.0.2.2/24 dev eth0
ip -n north addr add 192.0.2.1/24 dev home
ip -n north addr add 203.0.113.1/24 dev south
ip -n south addr add 203.0.113.2/24 dev north
ip -n south addr add 198.51.100.1/24 dev office
ip -n office addr add 198.51.100.2/24 dev eth0
ip -n home link set eth0 up
ip -n north link set home up
ip -n north link set south mtu 1400 up
ip -n south link set north mtu 1400 up
ip -n south link set office up
ip -n office link set eth0 up
ip -n home route add default via 192.0.2.1
ip -n north route add default via 203.0.113.2
ip -n south route add default via 203.0.113.1
ip -n office route add default via 198.51.100.1
for name in north south; do ip netns exec $name sysctl -qw net.ipv4.ip_forward=1; done
vpn='{OPENS}
wire, other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (sys.argv[1], 5555)
wire.setsockopt(socket.IPPROTO_IP, 10, 2)
wire.bind(("", 5555))
while True:
    for one in select.select([tun, wire], [], [])[0]:
        try:
            wire.sendto(os.read(tun, 2000), other) if one is tun else os.write(tun, wire.recv(2000))
        except OSError:
            pass
'
for end in home:10.8.0.1:198.51.100.2 office:10.8.0.2:192.0.2.2; do
    IFS=: read -r name own other <<< $end
    ip -n $name tuntap add dev tun0 mode tun
    ip -n $name addr add $own/24 dev tun0
    ip -n $name link set tun0 up
    ip netns exec $name setsid python3 -ISc "$vpn" $other >/dev/null 2>&1 &
    ip netns exec $name sh -c 'until grep -q 1 /sys/class/net/tun0/carrier; do sleep 0.05; done'
done""",
    wanted=(
        Via("home", "10.8.0.2", "tun0", 4000),
        Via("office", "10.8.0.1", "tun0", 4000),
        Kept(("north", "south")),
        SameCables(),
    ),
    hints=(
        "`ping -M do -s SIZE` sends one that must not be cut. Try it to 10.8.0.2 in the tunnel, and to 198.51.100.2 beside it. "
        "What is the largest that is answered, and what does the kernel say of larger ones?",
        "Beside the tunnel, `north` answers `Frag needed and DF set (mtu = 1400)`. The programs send with DF, too, and hear "
        "the same; but nobody tells the kernel, which still believes that `tun0` takes 1500.",
        "20 bytes of IP and 8 of UDP have to fit into 1400 as well. Set the MTU of `tun0`, and remember that a tunnel has "
        "two ends.",
    ),
    solution="""ip -n home link set tun0 mtu 1372
ip -n office link set tun0 mtu 1372""",
    kinds=("tun", "veth"),
    level="medium",
    minutes=15,
)

EXERCISES = (ANSWER_FOR_NOBODY, LARGE_ONES_HANG)
