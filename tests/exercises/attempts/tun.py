"""What is tried at the exercises of the track `tun`."""

from __future__ import annotations

from vnetlearn import Lab
from vnetlearn.exercises.tracks.tun import ANSWER_FOR_NOBODY, OPENS

from .ways import Ways

# By scratch: any packet of ICMP back, with a new checksum of its own.
REPLIES = f"""{OPENS}
print("open", flush=True)
while True:
    packet = os.read(tun, 2000)
    if packet[0] != 0x45 or packet[9] != 1:
        continue
    head, body = packet[:20], b"\\0" * 4 + packet[24:]
    total = sum(struct.unpack("!%dH" % (len(body) // 2), body))
    total = (total & 0xFFFF) + (total >> 16)
    body = struct.pack("!HH", 0, ~(total + (total >> 16)) & 0xFFFF) + body[4:]
    os.write(tun, head[:12] + head[16:20] + head[12:16] + body)
"""


def a_program_that_makes_the_link(lab: Lab) -> None:
    box = lab["box"]
    program = box.start(["python3", "-ISc", REPLIES])
    next(program.output())
    box.addr.add("10.9.0.1/24", dev="tun0")
    box.link.set("tun0", up=True)


def smaller_by_verbs(lab: Lab) -> None:
    for node in lab["home"], lab["office"]:
        node.link.set("tun0", mtu=1280)


WAYS = {
    "tun/answer-for-nobody": Ways(
        wrong={
            "\n".join(ANSWER_FOR_NOBODY.solution.splitlines()[:3]): "no answer: sent on tun0, no reply came back",
        },
        others=(a_program_that_makes_the_link,),
        tricks={
            """ip -n box tuntap add dev tun0 mode tun; ip -n box link set tun0 up; ip -n box link set lo up
            for a in 10.9.0.1/24 10.9.0.77/32 10.9.0.200/32; do ip -n box addr add $a dev tun0; done""": (
                "an answer came, but tun0 saw nothing of it"
            ),
        },
    ),
    "tun/large-ones-hang": Ways(
        wrong={
            "ip -n home link set tun0 mtu 1372": "no answer",
            "for n in home office; do ip -n $n link set tun0 mtu 1472; done": "no answer",
            "for n in home office; do ip -n $n link set eth0 mtu 1400; done": "no answer",
        },
        others=(
            smaller_by_verbs,
            "for n in home office; do ip -n $n route replace 10.8.0.0/24 dev tun0 mtu 1372; done",
        ),
        tricks={
            """ip -n home link set lo up; ip -n home addr add 10.8.0.2/32 dev lo
            ip -n office link set lo up; ip -n office addr add 10.8.0.1/32 dev lo""": (
                "an answer came, but tun0 saw nothing of it"
            ),
            """ip -n north link set south mtu 9000; ip -n south link set north mtu 9000
            ip -n home link set eth0 mtu 9000""": "in north: ~ link south: mtu 1400 → mtu 9000",
        },
    ),
}
