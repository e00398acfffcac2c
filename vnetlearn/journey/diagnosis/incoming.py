"""Lost on its way in: a bridge's port that does not pass it on, a tag or a tunnel that nothing takes, another's MAC."""

from __future__ import annotations

import re

from ...kinds import KINDS
from ...topology.model import Key
from ..goal import owns
from ..model import Found
from .case import Case

# A bridge's port


def switch(case: Case) -> Found | None:
    """A bridge's port: its state, its VLANs, and where the bridge has the MAC."""
    if not case.is_port:
        return None
    master = case.tracer.wiring.master[case.last.place]
    return _blocked(case, master) or _no_vlan(case, master) or _known_elsewhere(case, master)


def _blocked(case: Case, master: Key) -> Found | None:
    shown = case.output("bridge", "-d", "link", "show", "dev", case.dev).strip()
    state = re.search(r"state (\w+)", shown)
    if state is None or state[1] == "forwarding":
        return None
    evidence = (f"bridge link show dev {case.dev}: {state[0]}",)
    return Found(f"port {case.dev} of {master[1]} does not forward: it is {state[1]}", evidence)


def _filters(case: Case, master: Key) -> bool:
    return master in case.now.links and bool(case.now.links[master].params.get("vlan_filtering"))


def _no_vlan(case: Case, master: Key) -> Found | None:
    if not _filters(case, master):
        return None
    tag = next((str(layer.fields["id"]) for layer in case.last.peeled.layers if layer.name == "VLAN"), "")
    vlans = case.output("bridge", "vlan", "show", "dev", case.dev)
    numbers = re.findall(rf"^\s*(?:{re.escape(case.dev)})?\s+(\d+)(?:\s|$)", vlans, re.M)
    if not tag or tag in numbers:
        return None
    evidence = (f"bridge vlan show dev {case.dev}: {', '.join(numbers) or 'none'}",)
    return Found(f"port {case.dev} of {master[1]} does not take VLAN {tag}", evidence)


def _known_elsewhere(case: Case, master: Key) -> Found | None:
    """Where the bridge has the destination's MAC: at the same port, at one that is not up, at none that may have it."""
    ethernet, bridge = case.last.peeled.layers[0], master[1]
    if ethernet.name != "Ethernet":
        return None
    mac = ethernet.text("dst")
    rows = [row for row in case.output("bridge", "fdb", "show", "br", bridge).splitlines() if row.startswith(mac)]
    way = next((match[1] for row in rows if (match := re.search(r"dev (\S+)", row))), "")
    evidence = tuple(f"bridge fdb show br {bridge}: {row}" for row in rows[:1])
    if way == case.dev:
        return Found(f"{bridge} has {mac} at the port it came from, {case.dev}, and sends nothing back there", evidence)
    port = case.now.links.get((case.netns, way)) if rows else None
    if port is not None and port.state != "UP":
        return Found(f"{bridge} has {mac} at port {way}, which is {port.state.lower()}", evidence)
    if not _filters(case, master):
        return None
    said = " ".join(case.output("bridge", "vlan", "show").split())
    return Found(f"{bridge} filters by VLAN, and let it out at no other port", (f"bridge vlan show: {said}",))


# A link that is no port


def tag(case: Case) -> Found | None:
    """A VLAN's tag, and no link that takes it off."""
    outer, *rest = case.last.peeled.layers
    if outer.name != "Ethernet" or not rest or rest[0].name != "VLAN" or case.is_port:
        return None
    number = rest[0].fields["id"]
    lower = case.tracer.wiring.lower
    vlans = [link for key, link in case.now.links.items() if link.kind == "vlan"]
    above = [link for link in vlans if case.last.place in lower.get((link.netns, link.name), ())]
    have = ", ".join(f"{link.name} (id {link.params.get('id')})" for link in above) or "none"
    if all(link.params.get("id") != number for link in above):
        evidence = (f"vlan links on {case.dev}: {have}",)
        return Found(f"it has VLAN tag {number}, and no vlan link on {case.dev} has this number", evidence)
    down = next((link for link in above if not link.up), None)
    return Found(f"{down.name}, which takes VLAN {number}, is down", (case.shown(down),)) if down else None


def not_mine(case: Case) -> Found | None:
    """A frame for another MAC address."""
    if case.last.frame.pkttype != "otherhost" or case.is_port or not case.link:
        return None
    mac = case.last.peeled.layers[0].fields.get("dst")
    return Found(f"it is for MAC {mac}, and {case.dev} has {case.link.address}", (case.shown(case.link),))


def tunnel(case: Case) -> Found | None:
    """The outer packet is at its goal, and no tunnel here takes what is in it."""
    ip = case.ip
    if ip is None or not case.last.peeled.depth or not owns(case.now, case.netns, ip.text("dst")):
        return None
    src, here = ip.fields["src"], case.here
    carriers = _carriers()
    layer = next((layer for layer in case.last.peeled.layers if layer.name in carriers), None)
    if layer is None:
        return Found(f"no tunnel in {here} takes packets from {src}", (_tunnels(case, ""),))
    number = f" with {next(iter(layer.fields))} {next(iter(layer.fields.values()))}" if layer.fields else ""
    kind = carriers[layer.name]
    return Found(f"no {kind} link in {here} takes {layer.name}{number} from {src}", (_tunnels(case, kind),))


def _carriers() -> dict[str, str]:
    """Which kind takes which header off."""
    tunnels = [kind for kind in KINDS.values() if kind.wraps and kind.wraps.header and "tunnel" in kind.relations]
    return {kind.wraps.header: kind.name for kind in reversed(tunnels) if kind.wraps}


def _tunnels(case: Case, kind: str) -> str:
    here = [
        link
        for key, link in case.now.links.items()
        if key[0] == case.netns and kind in link.kind and case.tracer.wiring.tunnel(key) and link.up
    ]
    shown = ("id", "remote", "local", "ikey")
    params = [" ".join(f"{name} {link.params[name]}" for name in shown if name in link.params) for link in here]
    words = [f"{link.name} ({said})" for link, said in zip(here, params, strict=True)]
    return f"ip -d link show type {kind or 'TUNNEL'}, those that are up: {', '.join(words) or 'none'}"
