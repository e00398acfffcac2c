"""What is tried at the exercises of the track `bond`."""

from __future__ import annotations

import time

from vnetlearn import Lab

from .ways import Ways

NO_LOOKING = """ip -n pc addr flush dev eth0
ip -n pc link add bond0 type bond mode active-backup MORE
for p in eth0 eth1; do ip -n pc link set $p down; ip -n pc link set $p master bond0; done
ip -n pc link set bond0 up; ip -n pc addr add 10.0.0.1/24 dev bond0; sleep 1"""


def by_verbs(lab: Lab) -> None:
    pc = lab["pc"]
    pc.addr.delete("10.0.0.1/24", dev="eth0")
    pc.link.set("eth0", up=False)
    pc.link.add("both", kind="bond", mode="active-backup", miimon=50, primary_reselect="failure")
    for port in ("eth1", "eth0"):
        pc.link.set(port, master="both")
    pc.addr.add("10.0.0.1/24", dev="both")
    pc.link.set("both", up=True)
    time.sleep(1)


def mode_changed(lab: Lab) -> None:
    switch = lab["switch"]
    for port in ("port0", "port1"):
        switch.link.set(port, up=False)
        switch.run(f"ip link set {port} nomaster; ip link set {port} down", quiet=True)
    switch.link.set("bond0", up=False)
    switch.run("ip link set bond0 type bond mode 802.3ad", quiet=True, check=True)
    for port in ("port0", "port1"):
        switch.link.set(port, master="bond0")
    switch.link.set("bond0", up=True)
    time.sleep(2)


WAYS = {
    "bond/two-cables": Ways(
        wrong={
            NO_LOOKING.replace("MORE", ""): "no answer after port",
            "ip -n pc addr add 10.0.0.1/24 dev eth1; ip -n pc link set eth1 up": "no answer after port",
        },
        others=(by_verbs, NO_LOOKING.replace("MORE", "arp_interval 100 arp_ip_target 10.0.0.2")),
        tricks={NO_LOOKING.replace("MORE", "miimon 100 downdelay 60000"): "no answer after port"},
    ),
    "bond/one-client": Ways(
        wrong={"ip -n switch link set bond0 type bond miimon 50; sleep 1": "no answer"},
        others=(mode_changed,),
        tricks={
            "ip -n switch link set port0 down; sleep 2": "port0 in switch is down",
            """ip -n server link delete bond0
            ip -n server link add bond0 type bond mode balance-xor miimon 100
            for p in eth0 eth1; do ip -n server link set $p down; ip -n server link set $p master bond0; done
            ip -n server link set bond0 up; ip -n server addr add 10.0.0.1/24 dev bond0; sleep 1""": "in server: ",
        },
    ),
}
