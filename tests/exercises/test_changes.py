"""What is set up otherwise than at the start: compared as values, said in lines."""

from __future__ import annotations

from vnetlearn.exercises.setup import AddrSetup, Change, LinkSetup, NetnsSetup, Setting, Setup, State

CARD = LinkSetup("eth0", "veth", True, 1500, "02:00:00:00:00:01", "", (), ())
WIDE = LinkSetup("eth0", "veth", True, 9000, "02:00:00:00:00:01", "", ("promisc",), ())
ADDRESS = AddrSetup("10.0.0.1/24", "eth0")


def setup(*links: LinkSetup, addrs: tuple[AddrSetup, ...] = ()) -> Setup:
    return Setup(addrs, (), links, (), (), (), ())


START = State({"a": setup(CARD, addrs=(ADDRESS,))}, {"a": (Setting("table ip filter {"),)})


def said(now: Setup, *settings: str) -> list[str]:
    return [str(one) for one in START.changes("a", now, tuple(map(Setting, settings)))]


def test_nothing_has_changed():
    assert said(setup(CARD, addrs=(ADDRESS,)), "table ip filter {") == []


def test_a_link_that_changed_is_said_by_what_differs():
    assert said(setup(WIDE, addrs=(ADDRESS,)), "table ip filter {") == [
        "~ link eth0: mtu 1500 → mtu 9000, promisc",
    ]


def test_what_came_and_what_went():
    more = LinkSetup("more", "vlan", False, 1500, "", "br0", (), (("id", 5), ("protocol", "802.1ad")))
    assert said(setup(CARD, more), "table ip filter {") == [
        "+ link more vlan, down, mtu 1500, master br0, id 5, protocol 802.1ad",
        "- addr 10.0.0.1/24 dev eth0",
    ]


def test_another_link_of_the_same_name_is_that_link_changed():
    other = LinkSetup("eth0", "dummy", True, 1500, "02:00:00:00:00:01", "", (), ())
    assert said(setup(other, addrs=(ADDRESS,)), "table ip filter {") == [
        "~ link eth0: link eth0 veth → link eth0 dummy",
    ]


def test_every_change_knows_what_shows_it():
    changes = START.changes("a", setup(CARD), ())
    assert [(str(one), one.shows) for one in changes] == [
        ("- addr 10.0.0.1/24 dev eth0", "addr"),
        ("- table ip filter {", "link"),
    ]
    assert Change(NetnsSetup("a"), None).shows == "link"


def test_an_empty_line_of_the_firewall_is_a_change_like_others():
    """nft parts its chains by empty lines."""
    changes = START.changes("a", setup(CARD, addrs=(ADDRESS,)), (Setting(""), Setting("table ip filter {")))
    assert [(str(one), one.shows) for one in changes] == [("+ ", "link")]
