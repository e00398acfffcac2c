"""The script of a topology makes the same in an empty lab: the real `ip` runs it, and both kernels' dumps agree."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from labs import draws, eventually
from random_changes import (
    Draw,
    add_addr,
    add_any,
    add_netns,
    add_veth,
    begin,
    change_route,
    delete_link,
    dump,
    set_kind,
    set_link,
    set_master,
    set_mtu,
    set_up,
    through,
)

from vnetlearn import WORLDS, Lab
from vnetlearn.errors import VnetlearnError

# Kinds of changes that a topology holds: not neighbours, sysctls and other tables
CHANGES = [
    add_netns,
    add_veth,
    *[add_any] * 4,
    *[set_link] * 3,
    set_mtu,
    *[set_up] * 3,
    *[set_master] * 2,
    set_kind,
    delete_link,
    *[add_addr] * 3,
    *[change_route] * 2,
]
DUMPS = """
for netns in "" $(ip netns list | cut -d' ' -f1); do
    for what in "-d link" "addr" "-4 route" "-6 route"; do
        ip ${netns:+-n "$netns"} -j $what || exit
        echo
    done
done
"""


# What no command sets: the kernel counts, measures or numbers it by what happened before. The flags that commands set
# (PROMISC, ALLMULTI, UP) are compared, and so are those that follow (LOWER_UP, NO-CARRIER).
HISTORY = re.compile(
    r'"([gt]so_\w*max_\w+|promiscuity|allmulti|perm_hwaddr|operstate|no|designated_port|bridge_id|root_id)": '
    r'("[^"]*"|\d+)|"id": "0x\w+"'  # a bridge port's; a vlan's or a tunnel's number is compared
)


def told(lab: Lab) -> list[str]:
    """What is compared: a dump without that, …"""
    # … without times so long that the kernel rounds them anew each time, …
    lines = [re.sub(r'"mcast_\w+": \d{10,}', "", line) for line in dump(lab, DUMPS)]
    lines = [HISTORY.sub("", line) for line in lines]
    # … without what a sit knows of the IPv4 address that it made one of its own from, …
    lines = [re.sub(r'("local": "::10\.[^}]*), "scope": "\w+"', r"\1", line) for line in lines]
    # … and without IPv6 where the MTU is too small for it, which a link that was larger when it was made remembers
    return sorted(
        re.sub(r'"inet6_addr_gen_mode": "\w+", (.*"mtu": (?:\d{1,3}|1[01]\d\d|12[0-7]\d)\b)', r"\1", line)
        for line in lines
    )


def differences(ours: Lab, theirs: Lab, script: str) -> str:
    """What the two kernels tell differently, and the script; "" when all is equal."""
    mine, other = (" ,".join(told(lab)).replace(", ", "\n").splitlines() for lab in (ours, theirs))
    lines = list(difflib.unified_diff(mine, other, "ours", "theirs", lineterm="", n=0))
    return "\n".join(["", *lines, script]) if lines else ""


def change(lab: Lab, draw: Draw) -> None:
    """Twenty random changes, of which the kernel may refuse some."""
    begin(lab)
    for _ in range(20):
        try:
            draw(CHANGES)(draw, draw.node(lab))
        except VnetlearnError:
            continue
    for node in lab.nodes:  # without routes which the kernel takes only before the gateway is its own address
        own = {addr.local for addr in node.addr.show()}
        for route in node.route.show():
            if route.via in own:
                node.run(["ip", "route", "delete", route.dst, "via", route.via], check=True)


def rebuilt(ours: Lab, engine: str) -> None:
    script = ours.topology().to_script()
    with Lab("empty", engine=engine) as theirs:
        if engine == "vm" and ours.sysctl.get("net.core.fb_tunnels_only_for_init_net") == "2":
            theirs.sysctl.set("net.core.fb_tunnels_only_for_init_net", 2)
        said = theirs.run(f"set -e\n{script}", quiet=True)
        assert not said.status, f"{said.stderr}\n{script}"
        assert eventually(lambda: not differences(ours, theirs, script)), differences(ours, theirs, script)


def test_a_random_lab_is_made_again_from_its_topology(engine: str) -> None:
    @settings(max_examples=draws(6), deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(st.data())
    def same(data: st.DataObject) -> None:
        with Lab("empty", engine=engine) as ours:
            change(ours, Draw(data))
            rebuilt(ours, engine)

    through(same)


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "empty"])
def test_a_world_is_made_again_from_its_topology(engine: str, name: str) -> None:
    with Lab(name, engine=engine) as ours:
        rebuilt(ours, engine)


# What a topology's script has to say in its own way, each found by a random lab
PECULIAR = {
    "an id beside external": "ip link add vx0 type vxlan external dstport 4789; ip link add gre1 type gretap external",
    "a vlan that is down on a link that is up": "ip link add eth0 type veth peer eth1; ip link set eth0 up\n"
    "ip link add link eth0 name v5 type vlan id 5; ip link set v5 down",
    "a vlan without any flag": "ip link add eth0 type veth peer eth1\n"
    "ip link add link eth0 name v5 type vlan id 5 reorder_hdr off",
    "a tunnel that sends in another namespace": "ip netns add red\n"
    "ip link add vx0 type vxlan id 5 remote 192.0.2.1 dstport 4789\n"
    "ip link set vx0 netns red; ip -n red link add vx1 type vxlan id 5 remote 192.0.2.1 dstport 4789",
    "an external vxlan with an end": "ip link add vx0 type vxlan external remote 2001:db8::1 flowlabel 5 dstport 4789\n"
    "ip link add vx1 type vxlan external learning dstport 4790",
    "a vxlan to any address of IPv6": "ip link add vx0 type vxlan id 5 remote :: flowlabel 5 dstport 4789\n"
    "ip link add vx1 type vxlan external local :: flowlabel 6 dstport 4790",
    "a vxlan's link": "ip link add eth0 type veth peer eth1; ip netns add red\n"
    "ip link add vx0 type vxlan id 5 group 239.1.1.1 dev eth0 dstport 4789; ip link set eth0 up\n"
    "ip link add vx1 netns red type vxlan id 6 dev eth0 dstport 4789",
    "a name that is taken where a link is made": "ip netns add red; ip link add eth0 type veth peer eth1\n"
    "ip link add link eth0 name a netns red type macvlan; ip link add name a type dummy",
    "a sit that was told nothing": "ip link add sit1 type sit; ip addr add 10.0.0.1/24 dev lo; ip link set sit1 up",
    "a number that a macsec does not send": "ip link add eth0 type veth peer eth1\n"
    "ip link add link eth0 name m0 type macsec port 9 send_sci off",
    "checksums over IPv6": "ip link add g0 type geneve id 5 remote 2001:db8::1 udp6zerocsumrx",
    "an MTU that an hsr has not from its slaves": "ip link add d0 type dummy; ip link add d1 type dummy\n"
    "ip link add h0 type hsr slave1 d0 slave2 d1; ip link set h0 mtu 1400; ip link set d0 up",
    "MTUs that others follow": "ip link add b0 type bond; ip link add d0 type dummy; ip link add d1 type dummy\n"
    "ip link set d0 master b0; ip link set b0 mtu 1400; ip link set d0 mtu 1300\n"
    "ip link add br0 type bridge; ip link set d1 master br0; ip link set br0 mtu 1500; ip link set d1 mtu 1300",
}


@pytest.mark.parametrize("commands", PECULIAR.values(), ids=PECULIAR)
def test_what_is_peculiar_is_made_again(commands: str) -> None:
    with Lab("empty", engine="vm") as ours:
        ours.sysctl.set("net.core.fb_tunnels_only_for_init_net", 2)
        ours.run(f"set -e\n{commands}", check=True, quiet=True)
        rebuilt(ours, "vm")


def test_what_cannot_be_made_is_left_out() -> None:
    with Lab("empty", engine="vm") as ours:
        ours.run(
            "ip link add d0 type dummy; ip link add d1 type dummy; ip link add h0 type hsr slave1 d0 slave2 d1",
            check=True,
        )
        ours.run("ip link delete d1; ip addr add 10.0.0.1/24 dev h0; ip link set d0 up; ip link set h0 up", check=True)
        script = ours.topology().to_script()
        assert "# h0 in host is left out: an hsr is made of two links" in script
        with Lab("empty", engine="vm") as theirs:
            theirs.run(f"set -e\n{script}", check=True, quiet=True)
            assert theirs.link["d0"].up


def test_a_tunnel_whose_lower_link_has_gone_is_not_made_over_itself() -> None:
    """It still tells the number of that link, and when it is moved it may get this number itself."""
    with Lab("empty", engine="vm") as lab:
        lab.sysctl.set("net.core.fb_tunnels_only_for_init_net", 2)
        one, other = lab.netns.add("one"), lab.netns.add("other")
        one.link.add("eth0", kind="dummy", index=2)
        one.link.add("t0", kind="vti", local="192.0.2.1", dev="eth0", index=3)
        other.link.add("d0", kind="dummy", index=3)
        one.link.delete("eth0")
        one.link.set("t0", netns=other)
        other.link.set("t0", netns=one)
        topology = lab.topology()
        assert topology.links["one", "t0"].params["dev"] == "t0"
        assert topology.relations == ()
        assert "dev t0 key" not in topology.to_script()
