"""The star, built as people do it today. Stands alone: run in fresh network and mount namespaces, as root there.

unshare --net --mount python3 star.py ip|pyroute2|mininet N       prints one line of JSON, with seconds
"""

from __future__ import annotations

import json
import subprocess
import sys
import time


def address(i: int) -> str:
    return f"10.{i >> 14 & 255}.{i >> 7 & 127}.{(i & 127) + 1}"


def sh(line: str, text: str | None = None) -> None:
    subprocess.run(line, shell=True, check=True, input=text, text=True, stdout=subprocess.DEVNULL)


def star_ip(n: int) -> None:
    lines = ["link add br0 type bridge", "link set br0 up"]
    for i in range(n):
        lines += [
            f"netns add n{i}",
            f"link add v{i} type veth peer name eth0 netns n{i}",
            f"link set v{i} master br0 up",
        ]
    sh("ip -batch -", "\n".join(lines))
    for i in range(n):
        sh(f"ip -n n{i} -batch -", f"addr add {address(i)}/8 dev eth0\nlink set eth0 up\n")


def star_pyroute2(n: int) -> None:
    from pyroute2 import IPRoute, NetNS, netns

    with IPRoute() as ipr:
        ipr.link("add", ifname="br0", kind="bridge")
        bridge = ipr.link_lookup(ifname="br0")[0]
        ipr.link("set", index=bridge, state="up")
        for i in range(n):
            netns.create(f"n{i}")
            ipr.link("add", ifname=f"v{i}", kind="veth", peer={"ifname": "eth0", "net_ns_fd": f"n{i}"})
            ipr.link("set", index=ipr.link_lookup(ifname=f"v{i}")[0], master=bridge, state="up")
            with NetNS(f"n{i}") as ns:
                card = ns.link_lookup(ifname="eth0")[0]
                ns.addr("add", index=card, address=address(i), prefixlen=8)
                ns.link("set", index=card, state="up")


def star_mininet(n: int) -> None:
    from mininet.net import Mininet
    from mininet.nodelib import LinuxBridge

    net = Mininet(switch=LinuxBridge, controller=None)
    switch = net.addSwitch("s1")
    for i in range(n):
        net.addLink(net.addHost(f"h{i}", ip=f"{address(i)}/8"), switch)
    net.start()


def main(tool: str, size: int) -> None:
    sh("mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && ip link set lo up")
    start = time.perf_counter()
    {"ip": star_ip, "pyroute2": star_pyroute2, "mininet": star_mininet}[tool](size)
    built = time.perf_counter() - start
    if tool != "mininet":  # whose namespaces have no names
        sh(f"ip netns exec n0 ping -c1 -W5 {address(size - 1)}")
    print(json.dumps({"tool": tool, "n": size, "build_s": built}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
