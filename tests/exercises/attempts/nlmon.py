"""What is tried at the exercises of the track `nlmon`."""

from __future__ import annotations

import struct
import time

from vnetlearn import Lab

from .ways import Ways


def another_address_by_verbs(lab: Lab) -> None:
    """The gateway is reached by a route to it alone; the program then gets its own."""
    a = lab["a"]
    a.addr.add("10.66.7.77/32", dev="eth0")
    a.route.add("10.66.7.1/32", dev="eth0", scope="link")
    lab["gw"].neigh.show()
    wait = "until ip -n a route get 192.0.2.1 >/dev/null 2>&1; do sleep 0.2; done"
    lab.run(wait, check=True, quiet=True)


def by_watching(lab: Lab) -> None:
    """As the lesson teaches: the port of the kernel's answer to RTM_DELROUTE is the process."""
    a = lab["a"]
    a.link.add("nlmon0", kind="nlmon", up=True)
    with lab.capture(("a", "nlmon0")) as seen:
        time.sleep(1)
    for frame in seen.frames:
        _, kind, _, _, port = struct.unpack_from("=IHHII", frame.data, 16)
        if kind == 2 and struct.unpack_from("=H", frame.data, 16 + 24)[0] == 25:  # NLMSG_ERROR of RTM_DELROUTE
            a.run(f"kill {port}", check=True, quiet=True)
            break
    a.link.delete("nlmon0")
    a.route.add("10.7.0.0/24", via="10.0.0.2")


WAYS = {
    "nlmon/refused": Ways(
        wrong={
            "ip -n a addr add 192.0.2.2/24 dev eth0": "no answer",
        },
        others=(
            another_address_by_verbs,
            """ip -n a addr add 10.66.7.3/16 dev eth0
            until ip -n a route get 192.0.2.1 >/dev/null 2>&1; do sleep 0.2; done""",
        ),
        tricks={
            "ip -n a addr add 192.0.2.1/32 dev lo; ip -n a link set lo up": (
                "an answer came, but from a and not from gw"
            ),
        },
    ),
    "nlmon/who-deletes-it": Ways(
        wrong={
            "ip -n a route add 10.7.0.1/32 via 10.0.0.2": "it is not there",
        },
        others=(by_watching,),
        tricks={
            "ip -n a route add 10.7.0.0/25 via 10.0.0.2; ip -n a route add 10.7.0.128/25 via 10.0.0.2": (
                "it is not there"
            ),
            """for p in /proc/[0-9]*; do
                if [ "$(cat $p/cmdline 2>/dev/null)" = python3-IS- ]; then kill ${p#/proc/}; fi
            done
            sleep 0.3
            ip -n a route add 10.7.0.0/24 via 10.0.0.2""": "no answer",
        },
    ),
}
