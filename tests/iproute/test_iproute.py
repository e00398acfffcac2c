"""iproute2's verbs in Python against the real `ip`: what they do is what `ip` shows, and the other way round."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import pytest
from labs import able, eventually, lesson

from vnetlearn import KINDS, Lab, Node
from vnetlearn.display.table import Table
from vnetlearn.errors import BadParameter, CommandFailed, KernelRefused, NotFound
from vnetlearn.iproute.linkmsg import Link


def ip(node: Node, *words: str) -> list[dict[str, Any]]:
    """What the real `ip -j -d` answers."""
    found: list[dict[str, Any]] = json.loads(
        node.run(["ip", "-j", "-d", *words], quiet=True, check=True).stdout or "[]"
    )
    return [one for one in found if one]


def ip_link(node: Node, name: str) -> dict[str, Any]:
    return ip(node, "link", "show", "dev", name)[0]


def test_add_says_what_it_made(node: Node) -> None:
    made = node.link.add("a", kind="veth", peer="b", mtu=1400, address="02:00:00:00:00:0a", txqueuelen=50, up=True)
    assert (made.netns, made.name, made.kind, made.mtu) == (node.name, "a", "veth", 1400)
    assert (made.address, made.txqueuelen, made.up, made.link) == ("02:00:00:00:00:0a", 50, True, "b")
    seen = ip_link(node, "a")
    assert (seen["mtu"], seen["address"], seen["txqlen"]) == (1400, "02:00:00:00:00:0a", 50)
    assert seen["ifindex"] == made.index
    assert set(made.flags) == set(seen["flags"]) - {"NO-CARRIER", "M-DOWN"}
    assert (seen["operstate"], seen["link"]) == (made.state, "b")
    assert not node.link["b"].up


def test_show_is_what_ip_shows(machine: Lab) -> None:
    for node in machine.nodes:
        seen, shown = ip(node, "link", "show"), node.link.show()
        assert [one["ifname"] for one in seen] == [link.name for link in shown]
        for one, link in zip(seen, shown, strict=True):
            kind = one.get("linkinfo", {}).get("info_kind", "loopback")
            assert (one["ifindex"], kind, one["operstate"]) == (link.index, link.kind, link.state)
            assert (one["mtu"], one["address"], one.get("master", "")) == (link.mtu, link.address, link.master)
            assert ("UP" in one["flags"]) == link.up
            assert one.get("link_netnsid", -1) == link.link_netnsid


def test_show_can_be_narrowed(node: Node) -> None:
    node.link.add("br", kind="bridge")
    node.link.add("a", kind="veth", peer="b", master="br", up=True)
    assert [link.name for link in node.link.show(kind="bridge")] == ["br"]
    assert [link.name for link in node.link.show(master="br")] == ["a"]
    assert [link.name for link in node.link.show(up=True)] == ["a"]
    assert "a" in node.link
    assert "c" not in node.link


def test_tables_read_like_ip(machine: Lab) -> None:
    shown = machine.link.show()
    assert isinstance(shown, Table)
    assert isinstance(shown[0], Link)
    first, *rows = repr(shown).splitlines()
    assert first.split()[:4] == ["index", "name", "kind", "state"]
    assert any(row.split()[1:4] == [machine.link["eth0"].label, "veth", "UP"] for row in rows)
    assert machine.link["eth0"].label.startswith("eth0@if"), "the other end is in another namespace"
    assert "<table>" in shown._repr_html_()
    assert repr(machine["lan"].addr.show()) == "(none)"


@pytest.mark.parametrize(
    ("how", "key", "value"),
    [
        ({"mtu": 1300}, "mtu", 1300),
        ({"address": "02:00:00:00:00:99"}, "address", "02:00:00:00:00:99"),
        ({"txqueuelen": 77}, "txqlen", 77),
        ({"alias": "what's this?"}, "ifalias", "what's this?"),
        ({"group": 7}, "group", "7"),
        ({"addrgenmode": "none"}, "inet6_addr_gen_mode", "none"),
    ],
)
def test_set_a_value(node: Node, how: dict[str, Any], key: str, value: object) -> None:
    node.link.add("a", kind="veth", peer="b")
    node.link.set("a", **how)
    assert ip_link(node, "a")[key] == value


@pytest.mark.parametrize(
    ("how", "flag", "there"),
    [
        ({"up": True}, "UP", True),
        ({"up": False}, "UP", False),
        ({"arp": False}, "NOARP", True),
        ({"multicast": False}, "MULTICAST", False),
        ({"promisc": True}, "PROMISC", True),
        ({"allmulticast": True}, "ALLMULTI", True),
    ],
)
def test_flags(node: Node, how: dict[str, Any], flag: str, there: bool) -> None:
    node.link.add("a", kind="veth", peer="b")
    node.link.set("a", **how)
    assert (flag in ip_link(node, "a")["flags"]) == there
    made = node.link.add("c", kind="veth", peer="d", **how)
    assert (flag in made.flags) == (flag in ip_link(node, "c")["flags"]) == there, "the same when it is made"


@pytest.mark.parametrize("how", [{"group": 5}, {"group": 5, "mtu": 1400}, {"mtu": 1400}, {"name": "z"}])
def test_a_link_that_is_not_there_stands_for_no_others(node: Node, how: dict[str, Any]) -> None:
    """To the kernel a change without an index that has a group is one of all links in it."""
    node.link.add("a", kind="bridge", group=5)
    before = node.link["a"]
    with pytest.raises(NotFound):
        node.link.set("b", **how)
    assert node.link["a"] == before


def test_rename(node: Node) -> None:
    node.link.add("a", kind="bridge")
    node.link.set("a", name="ü")
    assert "ü" in node.link
    assert ip_link(node, "ü")["ifname"] == "ü"


def test_masters(node: Node) -> None:
    node.link.add("br", kind="bridge")
    node.link.add("a", kind="veth", peer="b")
    node.link.set("a", master="br")
    assert (node.link["a"].master, ip_link(node, "a")["master"]) == ("br", "br")
    assert node.link["a"].port["learning"] is True
    node.link.set("a", kind="bridge_slave", learning=False, hairpin=True, cost=7)
    port = ip_link(node, "a")["linkinfo"]["info_slave_data"]
    assert (port["learning"], port["hairpin"], port["cost"]) == (False, True, 7)
    node.link.set("a", master="")
    assert (node.link["a"].master, "master" in ip_link(node, "a")) == ("", False)


def test_kinds_are_changed_after_they_were_made(node: Node) -> None:
    node.link.add("br", kind="bridge", forward_delay=400)
    node.link.set("br", kind="bridge", forward_delay=500, ageing_time=6000)
    data = ip_link(node, "br")["linkinfo"]["info_data"]
    assert (data["forward_delay"], data["ageing_time"]) == (500, 6000)
    assert node.link["br"].params["forward_delay"] == 500
    node.link.add("eth", kind="veth", peer="other")
    node.link.add("mac", kind="macvlan", link="eth", mode="bridge")
    node.link.set("mac", kind="macvlan", mode="private")
    assert ip_link(node, "mac")["linkinfo"]["info_data"]["mode"] == "private"


def test_links_move_between_namespaces(lab: Lab) -> None:
    red, blue = lab.netns.add("red"), lab.netns.add("blue")
    red.link.add("a", kind="veth", peer="b")
    red.link.set("a", netns=blue)
    blue.link.set("a", netns="red")
    red.link.set("a", netns=lab.host)
    assert "a" in lab.link
    lab.link.set("a", netns="blue", up=True, name="c")
    assert blue.link["c"].up
    assert lab.run("ip -n blue link show c", quiet=True).status == 0
    made = red.link.add("d", kind="bridge", netns="blue")
    assert made.netns == "blue"
    assert "d" in blue.link
    assert "d" not in red.link


@pytest.mark.parametrize("where", ["", "red", "blue"])
@pytest.mark.parametrize("peers", [None, "", "red", "blue"])
def test_what_add_says_is_what_is_there(lab: Lab, where: str, peers: str | None) -> None:
    """Also where a number means one link here and another one there, and for links that are known by another name."""
    for node in lab.netns.add("red"), lab.netns.add("blue"), lab.host:
        for name in ("a", "b", "c"):
            node.link.add(name, kind="bridge")
    lab.run("ip link property add dev b altname other", check=True, quiet=True)
    peer: dict[str, Any] = {"name": "y"} if peers is None else {"name": "y", "netns": lab.netns.named(peers)}
    made = [lab.link.add("x", kind="veth", peer=peer, netns=lab.netns.named(where))]
    made.append(lab.link.add("p", kind="veth", peer="q", master="other"))
    made.append(lab.link.add("m", kind="macvlan", link="other", mode="bridge", netns=lab.netns.named(where)))
    made.append(lab.link.add("v", kind="veth"))
    assert (made[1].master, made[1].link) == ("b", "q")
    for link in made:
        there = lab.netns.named(link.netns).link[link.name]
        assert dataclasses.replace(link, state="", flags=()) == dataclasses.replace(there, state="", flags=())


def test_the_agent_keeps_no_namespace_alive(lab: Lab) -> None:
    """Neither by descriptors of namespaces nor by sockets in them; of the first one it keeps both."""
    red, blue = lab.netns.add("red"), lab.netns.add("blue")
    lab.link.add("b", kind="bridge")

    def held() -> list[str]:
        """What each descriptor is of; but for pipes, of which readlink's own are closed sooner or later."""
        found = lab.run("readlink /proc/1/fd/*", quiet=True).stdout.replace("[", ":").split()
        return sorted(one.split(":")[0] for one in found if not one.startswith("pipe"))

    before = held()
    red.link.add("b1", kind="bridge", netns="blue")
    lab.link.add("v0", kind="veth", netns="red", peer={"name": "v1", "netns": blue})
    blue.link.set("v1", netns=lab.host, up=True)
    with lab.batch():
        red.link.set("v0", up=True)
        blue.link.delete("b1")
    assert held() == before


def test_the_parent_may_be_elsewhere(lab: Lab) -> None:
    red = lab.netns.add("red")
    lab.link.add("eth", kind="veth", peer="other")
    made = lab.link.add("mac", kind="macvlan", link="eth", mode="bridge", netns=red)
    assert (made.link, made.link_index) == ("", lab.link["eth"].index)
    assert made.link_netnsid >= 0
    assert made.label == f"mac@if{lab.link['eth'].index}"


def test_delete(node: Node) -> None:
    node.link.add("a", kind="veth", peer="b")
    node.link.delete("b")
    assert [link.name for link in node.link.show()] == ["lo"]
    with pytest.raises(NotFound):
        node.link.delete("a")


def test_tun_and_tap(node: Node) -> None:
    if node.lab.engine == "host" and not os.access("/dev/net/tun", os.W_OK):
        with pytest.raises(CommandFailed, match="opened by root alone") as caught:
            node.link.add("tun0", kind="tun", mode="tun")
        assert "Permission denied" in caught.value.said
        assert "tun0" not in node.link
        return
    for mode in "tun", "tap":
        made = node.link.add(f"{mode}0", kind="tun", mode=mode, up=True)
        assert (made.kind, made.up) == ("tun", True)
        assert ip_link(node, f"{mode}0")["linkinfo"]["info_data"]["type"] == mode
    with pytest.raises(CommandFailed, match="busy"):
        node.link.add("tap0", kind="tun", mode="tap")
    node.link.delete("tap0")
    assert "tap0" not in node.link


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if not kind.setup and kind.via == "link"])
def test_every_kind_and_its_table(shared: Lab, node: Node, kind: str) -> None:
    """The example in the catalogue is made, shown and spelled so that the real `ip` makes the same."""
    record = KINDS[kind]
    for name in record.needs:
        node.link.add(name, kind="veth", peer=f"{name}p")
    if not able(shared, kind):
        with pytest.raises(KernelRefused) as caught:
            node.link.add("x", kind=kind, **record.example)
        assert kind in lesson(caught.value).tried
        return
    made = node.link.add("x", kind=kind, **record.example)
    spelled = shared.transcript.splitlines()[-1]
    assert made.kind == kind
    assert ip_link(node, "x")["linkinfo"]["info_kind"] == kind
    assert kind in repr(made)
    before = made.params
    node.link.delete("x")
    shared.run(spelled, quiet=True, check=True)
    assert node.link["x"].params == before


ADDRESSES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("10.0.0.1/24", {}, {"local": "10.0.0.1", "prefixlen": 24, "scope": "global"}),
    ("10.0.0.1", {}, {"prefixlen": 32}),
    ("10.0.0.1/24", {"broadcast": "+"}, {"broadcast": "10.0.0.255"}),
    ("10.0.0.1/24", {"broadcast": "10.0.0.9"}, {"broadcast": "10.0.0.9"}),
    ("10.0.0.1", {"peer": "10.0.0.2/31"}, {"address": "10.0.0.2", "prefixlen": 31}),
    ("10.0.0.1/24", {"label": "a:1"}, {"label": "a:1"}),
    ("10.0.0.1/24", {"scope": "link"}, {"scope": "link"}),
    ("127.5.0.1/8", {}, {"scope": "host"}),
    ("10.0.0.1/24", {"noprefixroute": True}, {"noprefixroute": True}),
    ("fd00::1/64", {"nodad": True}, {"local": "fd00::1", "prefixlen": 64, "family": "inet6"}),
    ("fd00::1/64", {"valid_lft": 1000, "preferred_lft": 500}, {"dynamic": True}),
]


@pytest.mark.parametrize(("address", "how", "seen"), ADDRESSES)
def test_addresses(node: Node, address: str, how: dict[str, Any], seen: dict[str, Any]) -> None:
    node.link.add("a", kind="veth", peer="b")
    node.addr.add(address, dev="a", **how)
    (one,) = ip(node, "addr", "show", "dev", "a")[0]["addr_info"]
    assert {key: one.get(key) for key in seen} == seen
    (shown,) = node.addr.show(dev="a")
    assert (shown.local, shown.prefixlen, shown.scope) == (one["local"], one["prefixlen"], one["scope"])
    assert (shown.broadcast, shown.peer) == (one.get("broadcast", ""), one.get("address", ""))
    assert shown.valid_lft == (how.get("valid_lft") and pytest.approx(1000, abs=30))
    node.addr.delete(str(shown), dev="a", peer=how.get("peer"))
    assert not node.addr.show(dev="a")


def test_addresses_are_flushed(node: Node) -> None:
    node.link.add("a", kind="veth", peer="b")
    for address in ("10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/16", "fd00::1/64"):
        node.addr.add(address, dev="a")
    node.addr.flush(dev="a")
    assert not node.addr.show(dev="a")
    assert not ip(node, "addr", "show", "dev", "a")[0]["addr_info"]


ROUTES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("10.1.0.0/16", {"via": "10.0.0.2"}, {"gateway": "10.0.0.2", "dev": "a", "protocol": "boot"}),
    ("default", {"via": "10.0.0.2"}, {"dst": "default"}),
    ("10.1.0.0/16", {"dev": "a"}, {"scope": "link"}),
    ("10.1.0.1", {"dev": "a"}, {"dst": "10.1.0.1"}),
    ("10.1.0.0/16", {"dev": "a", "src": "10.0.0.1"}, {"prefsrc": "10.0.0.1"}),
    ("10.1.0.0/16", {"via": "10.0.0.2", "metric": 50, "mtu": 1200}, {"metric": 50, "metrics": [{"mtu": 1200}]}),
    ("10.1.0.0/16", {"via": "10.0.0.2", "table": 100}, {"table": "100"}),
    ("10.1.0.0/16", {"via": "10.0.0.2", "table": 1000}, {"table": "1000"}),
    ("10.1.0.0/16", {"via": "172.16.0.9", "dev": "a", "onlink": True}, {"flags": ["onlink"]}),
    ("10.1.0.0/16", {"via": "10.0.0.2", "protocol": "static"}, {"protocol": "static"}),
    ("10.1.0.0/16", {"type": "blackhole"}, {"type": "blackhole"}),
    ("10.1.0.0/16", {"type": "unreachable"}, {"type": "unreachable"}),
    ("10.1.0.0/16", {"type": "prohibit", "table": 50}, {"type": "prohibit"}),
    ("10.1.0.5/32", {"type": "local", "dev": "a"}, {"type": "local", "table": "local"}),
    ("fd01::/32", {"via": "fd00::2"}, {"gateway": "fd00::2"}),
    ("fd01::/32", {"dev": "a", "metric": 7}, {"metric": 7, "dev": "a"}),
    ("default", {"via": "fd00::2"}, {"dst": "default", "gateway": "fd00::2"}),
    ("fd01::/32", {"type": "unreachable"}, {"type": "unreachable"}),
]


@pytest.mark.parametrize(("dst", "how", "seen"), ROUTES)
def test_routes(node: Node, dst: str, how: dict[str, Any], seen: dict[str, Any]) -> None:
    node.link.add("a", kind="veth", peer="b", up=True)
    node.link.set("b", up=True)
    node.addr.add("10.0.0.1/24", dev="a")
    node.addr.add("fd00::1/64", dev="a", nodad=True)

    def routes() -> dict[str, dict[str, Any]]:
        found = [one for family in ("-4", "-6") for one in ip(node, family, "route", "show", "table", "all")]
        return {json.dumps(one): one for one in found if "fe80" not in str(one) and "ff00" not in str(one)}

    before, shown_before = routes(), set(node.route.show(table="all"))
    node.route.add(dst, **how)
    (new,) = [one for key, one in routes().items() if key not in before]
    assert {key: new.get(key) for key in seen} == seen
    (shown,) = [
        one
        for one in node.route.show(table="all")
        if one not in shown_before and not one.dst.startswith(("fe80", "ff00"))
    ]
    assert shown.dst.removesuffix("/32") == new["dst"].removesuffix("/32")
    assert (shown.via, shown.src) == (new.get("gateway", ""), new.get("prefsrc", ""))
    assert shown.table == new.get("table", "main")
    assert (shown.type, shown.protocol) == (new["type"], new["protocol"])
    node.route.delete(dst, **how)
    assert routes().keys() == before.keys()


def test_replace_and_the_kernels_choice(node: Node) -> None:
    node.link.add("a", kind="veth", peer="b", up=True)
    node.link.set("b", up=True)
    node.addr.add("10.0.0.1/24", dev="a")
    node.route.add("10.1.0.0/16", via="10.0.0.2")
    node.route.replace("10.1.0.0/16", via="10.0.0.3")
    assert [route.via for route in node.route.show() if route.dst == "10.1.0.0/16"] == ["10.0.0.3"]
    chosen = node.route.get("10.1.2.3")
    assert (chosen.via, chosen.dev, chosen.src) == ("10.0.0.3", "a", "10.0.0.1")
    with pytest.raises(KernelRefused) as caught:
        node.route.get("10.2.0.0")
    assert "no route leads there" in lesson(caught.value).why


def test_neighbours(node: Node) -> None:
    node.link.add("a", kind="veth", peer="b", up=True)
    node.link.set("b", up=True)
    node.neigh.add("10.0.0.2", dev="a", lladdr="02:00:00:00:00:02")
    node.neigh.add("fd00::2", dev="a", lladdr="02:00:00:00:00:02", nud="stale")
    with pytest.raises(KernelRefused):
        node.neigh.add("10.0.0.2", dev="a", lladdr="02:00:00:00:00:03")
    node.neigh.replace("10.0.0.2", dev="a", lladdr="02:00:00:00:00:04")
    seen = {one["dst"]: (one["lladdr"], one["state"]) for one in ip(node, "neigh", "show", "dev", "a")}
    assert seen == {"10.0.0.2": ("02:00:00:00:00:04", ["PERMANENT"]), "fd00::2": ("02:00:00:00:00:02", ["STALE"])}
    assert {n.dst: (n.lladdr, [n.state]) for n in node.neigh.show(dev="a")} == seen
    node.neigh.flush(dev="a")
    assert [n.dst for n in node.neigh.show(dev="a")] == ["10.0.0.2"], "the permanent one stays"
    node.neigh.delete("10.0.0.2", dev="a")
    assert not node.neigh.show()


def test_settings(node: Node, shared: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    key = "net.ipv4.conf.all.arp_ignore"
    node.sysctl.set(key, 1)
    assert (node.sysctl.get(key), shared.sysctl.get(key)) == ("1", "0")
    assert node.run(["sysctl", "-n", key], quiet=True).stdout == "1\n"
    assert capfd.readouterr() == ("", "")


def test_names_that_are_words_of_ip(node: Node, shared: Lab) -> None:
    """The spelled commands stay unambiguous when a link is called `up` or `-h`."""
    names = ["up", "type", "dev", "-h", "name", "netns", "via", "a'b", "$(id)", "ü"]
    for number, name in enumerate(names):
        node.link.add(name, kind="bridge")
        node.link.set(name, mtu=1400)
        node.addr.add(f"10.0.{number}.1/24", dev=name)
    expected = [(link.name, link.mtu) for link in node.link.show()]
    lines = [line for line in shared.transcript.splitlines() if f"-n {node.name} " in line]
    for name in names:
        node.link.delete(name)
    shared.run("\n".join(["set -e", *lines]), check=True, quiet=True)
    assert [(link.name, link.mtu) for link in node.link.show()] == expected
    for number, name in enumerate(names):
        assert f"10.0.{number}.1/24" in map(str, node.addr.show(dev=name))


def test_the_transcript_has_changes_only(node: Node, shared: Lab) -> None:
    before = shared.transcript
    node.link.show()
    node.addr.show()
    node.route.show()
    node.neigh.show()
    node.sysctl.get("net.ipv4.ip_forward")
    with pytest.raises(BadParameter):
        node.link.add("a/b", kind="bridge")
    with pytest.raises(NotFound):
        node.link.set("nothing", up=True)
    assert shared.transcript == before
    node.link.add("a", kind="bridge", up=True)
    assert shared.transcript == f"{before}ip -n {node.name} link add name a up type bridge\n"


@pytest.mark.parametrize(
    "how", [{"netns": "other", "mtu": 9}, {"up": False, "master": "b"}, {"up": True, "alias": "x", "master": "b"}]
)
def test_a_refused_change_of_several_things_is_taken_back(lab: Lab, how: dict[str, Any]) -> None:
    """The kernel moves a link, or sets it down, before it finds that it cannot do the rest."""
    node = lab.netns.add("one")
    lab.netns.add("other")
    node.link.add("a", kind="veth", peer="b", up=True)
    node.link.set("b", up=True)
    node.addr.add("10.0.0.1/24", dev="a")
    node.addr.add("fd00::1/64", dev="a", nodad=True)
    node.route.add("10.1.0.0/16", via="10.0.0.9")
    node.route.add("fd01::/32", via="fd00::9")
    node.neigh.add("10.0.0.9", dev="a", lladdr="02:00:00:00:00:09")

    def state() -> list[str]:
        command = (
            "ip link show dev a | grep -o 'state [^ ]*'; ip addr show dev a | grep inet;"
            " ip route; ip -6 route; ip neigh"
        )
        lines = node.run(command, quiet=True).stdout.splitlines()
        return sorted(line for line in lines if "fe80" not in line)  # which IPv6 makes itself, in its time

    assert eventually(lambda: "state UP" in state())
    before = state()
    with pytest.raises(KernelRefused) as caught:
        node.link.set("a", **how)
    lesson(caught.value)
    assert eventually(lambda: state() == before), state()


def test_a_tunnel_over_a_link_in_another_namespace(lab: Lab) -> None:
    """Its `dev` has a number there that may be nobody's, or another link's, where the tunnel is."""
    lab.link.add("a", kind="veth", peer="b")
    node = lab.netns.add("one")
    made = lab.link.add("x", kind="vxlan", id=5, dev="b", dstport=4789, netns=node)
    assert made.params["dev"] == node.link["x"].params["dev"] == f"if{lab.link['b'].index}"
    alone = lab.link.add("y", kind="vxlan", id=6, remote="192.0.2.9", dstport=4789, netns=node)
    assert (alone.link_index, node.link["y"].link_index) == (0, 0)


def test_hardware_addresses_are_as_long_as_they_are() -> None:
    """A tunnel has the IP address that it sends from in place of a MAC, a 6LoWPAN radio one of eight bytes."""
    with Lab("empty", engine="vm") as lab:
        lab.run("modprobe mac802154_hwsim radios=1", check=True, quiet=True)
        lab.link.add("gre1", kind="gre", local="192.0.2.1", remote="192.0.2.2")
        lab.link.add("gre2", kind="ip6gre", local="2001:db8::1", remote="2001:db8::2")
        told = {link.name: link.address for link in lab.link.show()}
        assert (told["gre1"], told["gre2"], told["wpan0"].count(":")) == ("192.0.2.1", "2001:db8::1", 7)
        for name, address in told.items():
            assert address == ip_link(lab.host, name)["address"]
