"""The track `macvtap`: a program behind a card."""

from __future__ import annotations

from ..record import Exercise
from ..wanted import Kept, Reach, SameCables

_LAN = Kept(("lan", "gateway", "neighbour"))
# What plays a virtual machine: it answers ARP and ping for one address, at the MAC that its own card has. Arguments:
# the macvtap link, that MAC, the address.
_MACHINE = """import fcntl, os, struct, sys
name, mac, ip = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), bytes(map(int, sys.argv[3].split(".")))
index = open(f"/sys/class/net/{name}/ifindex").read().strip()
major, minor = map(int, open(f"/sys/class/net/{name}/tap{index}/dev").read().split(":"))
node = f"/tmp/tap-of-{os.getpid()}"
os.mknod(node, 0o20600, os.makedev(major, minor))
tap = os.open(node, os.O_RDWR)
os.unlink(node)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH", b"", 0x1002))
if os.fork():
    os._exit(0)
os.setsid()
for output in 1, 2:
    os.dup2(os.open("/dev/null", os.O_WRONLY), output)
while True:
    frame = bytearray(os.read(tap, 2000))
    head = frame[6:12] + mac + frame[12:14]
    if not (frame[0] & 1 or frame[:6] == mac):
        continue
    if frame[12:14] == b"\\x08\\x06" and frame[21] == 1 and frame[38:42] == ip:
        os.write(tap, head + frame[14:21] + b"\\x02" + mac + ip + frame[22:32])
    elif frame[12:14] == b"\\x08\\x00" and frame[30:34] == ip and frame[23] == 1 and frame[34] == 8:
        checksum = struct.unpack_from("!H", frame, 36)[0] + 0x800
        frame[34:38] = struct.pack("!HH", 0, (checksum & 0xFFFF) + (checksum >> 16))
        os.write(tap, head + frame[14:26] + ip + frame[26:30] + frame[34:])
"""
_START = f"""ip netns add vm
ip link add tap0 link eth0 address 0a:00:00:00:00:01 type macvtap mode bridge
ip link set tap0 netns vm
ip -n vm link set tap0 up
ip netns exec vm python3 -ISc '{_MACHINE}' tap0 MAC 192.168.0.50"""

OWN_GUEST = Exercise(
    name="macvtap/own-guest",
    title="The host and its virtual machine",
    task="""A virtual machine runs on this host, 192.168.0.171. Its card is `tap0`, a macvtap link on `eth0` in the
namespace `vm`; its address is 192.168.0.50. The neighbour reaches it; the host itself does not.

Make the host reach it. The neighbour still has to reach both. No cable is to be added; `vm`, the switch (`lan`), the
gateway and the neighbour are not yours.""",
    world="host",
    kinds=("veth", "bridge", "macvlan", "macvtap"),
    start=_START.replace("MAC ", "0a:00:00:00:00:01 "),
    wanted=(
        Reach("", "192.168.0.50", "vm"),
        Reach("neighbour", "192.168.0.50", "vm"),
        Reach("neighbour", "192.168.0.171", ""),
        SameCables(),
        Kept(("vm", "lan", "gateway", "neighbour")),
    ),
    hints=(
        "Which way does the host take? `ip route get 192.168.0.50`. From there nothing comes to a child of `eth0`.",
        "Children of one card in bridge mode reach each other, macvlan and macvtap alike. Let the host have one.",
        "A macvlan link on `eth0` in mode `bridge`, up, and a route to the one address 192.168.0.50/32 over it.",
    ),
    solution="""ip link add mac0 link eth0 type macvlan mode bridge
ip link set mac0 up
ip route add 192.168.0.50/32 dev mac0""",
    level="medium",
    minutes=10,
)

DEAF_GUEST = Exercise(
    name="macvtap/deaf-guest",
    title="A virtual machine that answers ARP only",
    task="""The virtual machine behind `tap0` in the namespace `vm`, 192.168.0.50, was restored from a copy last
night. Since then nobody reaches it. The neighbour 192.168.0.20 does get an answer when it asks by ARP, and pings
remain without one. The virtual machine itself is well: it answers all that it gets. You cannot log in to it, and it is
not to be restarted.

Make the neighbour reach it again. The switch (`lan`), the gateway and the neighbour are not yours.""",
    world="host",
    kinds=("veth", "bridge", "macvlan", "macvtap"),
    start=_START.replace("MAC ", "0a:00:00:00:00:05 "),
    wanted=(Reach("neighbour", "192.168.0.50", "vm"), Reach("neighbour", "192.168.0.171", ""), SameCables(), _LAN),
    hints=(
        "ARP questions are broadcasts, pings are not. To which MAC do the pings go? `ip -n neighbour neigh`, or "
        "`tcpdump -eni eth0` on the host.",
        "A macvtap gets the frames that are addressed to the link's own MAC: `ip -n vm link show tap0`. Compare the two.",
        "The copy has brought its MAC along, 0a:00:00:00:00:05. The link can follow: `ip -n vm link set tap0 address …`.",
    ),
    solution="ip -n vm link set tap0 address 0a:00:00:00:00:05",
    level="medium",
    minutes=10,
)

EXERCISES = (OWN_GUEST, DEAF_GUEST)
