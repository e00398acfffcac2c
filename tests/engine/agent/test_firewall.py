"""Whether a namespace has a firewall, as nft(8) says it."""

from __future__ import annotations

from vnetlearn import Lab


def test_a_firewall_is_noticed_where_it_is(shared: Lab) -> None:
    names = ["", *(shared.netns.add(name).name for name in ("with-one", "with-none"))]
    shared["with-one"].ask(["nft", "add", "table", "ip6", "mine"])  # which not every kernel can
    listed = {name: shared.netns.named(name).ask(["nft", "list", "tables"]).stdout for name in names}
    assert shared.channel.firewalls(names) == [name for name in names if listed[name]]
    assert bool(listed["with-one"]) == (shared.engine == "vm") or shared.engine == "host"
    shared["with-one"].ask(["nft", "flush", "ruleset"])
    assert shared.channel.firewalls(names) == []
