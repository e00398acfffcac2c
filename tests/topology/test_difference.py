"""What a command changed: in words, and drawn."""

from __future__ import annotations

from vnetlearn import Lab


def test_nothing(machine: Lab) -> None:
    before = machine.topology()
    machine.ping("192.168.0.20", count=1)
    same = before.diff(machine.topology())
    assert not same
    assert str(same) == "nothing has changed"


def test_new_gone_and_changed(engine: str) -> None:
    with Lab(engine=engine) as lab:
        before = lab.topology()
        ns1 = lab.netns.add("ns1")
        lab.link.add("v1", kind="veth", peer={"name": "eth0", "netns": ns1})
        lab.addr.add("10.0.0.1/24", dev="v1")
        lab.link.set("eth0", mtu=1400)
        lab["gateway"].link.delete("eth0")
        lab["neighbour"].addr.flush(dev="eth0")
        lab.link.set("eth0", up=False)
        change = before.diff(lab.topology())
        assert change
        lines = str(change).splitlines()
        assert {
            "+ namespace ns1",
            "+ v1 in host veth down 10.0.0.1/24",
            "+ eth0 in ns1 veth down",
            "- eth0 in gateway veth up 192.168.0.1/24",
            "~ eth0 in host: up → down, mtu: 1500 → 1400",
            "~ eth0 in neighbour: - 192.168.0.20/24",
            "- route default via 192.168.0.1 dev eth0 in host",
        } <= set(lines)
        picture = change.draw()
        assert picture.dot.count("#16a34a") >= 3  # new: both ends, and the cable
        assert picture.dot.count("#dc2626") >= 3  # gone: the same
        assert "mtu: 1500 → 1400" in picture.dot
        assert picture.text.startswith("What has changed: + namespace ns1")
        assert set(change._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}


def test_backwards_it_says_the_opposite(lab: Lab) -> None:
    before = lab.topology()
    lab.link.add("b0", kind="bridge")
    lab.link.add("v0", kind="veth", peer="v1")
    middle = lab.topology()
    lab.link.set("v0", master="b0", up=True)
    after = lab.topology()
    assert middle.diff(after).changed["", "v0"] == ("down → up", "master: none → b0") or "up" in str(middle.diff(after))
    assert "+ v0 in host is a port of b0 in host" in str(middle.diff(after))
    assert "- v0 in host is a port of b0 in host" in str(after.diff(middle))
    assert set(before.diff(after).new) == set(after.diff(before).gone) == {("", "b0"), ("", "v0"), ("", "v1")}
