"""Lost by the kernel's own word: its report of a packet that it threw away, and what says more exactly why."""

from __future__ import annotations

from collections.abc import Mapping

from ...capture.drops import Drop
from ..model import SLACK, Found
from ..reasons import KERNEL
from . import arrived, incoming, neighbour, routing
from .case import Case, Check, first

UNTOLD = ("NOT_SPECIFIED", "")
COPIED = ("icmp_rcv", "icmpv6_rcv")  # what these throw away ping had its copy of before
ROUTED = (arrived.at_goal, routing.routed)
# Where the kernel's reason is a general one: which checks may say it more exactly
CLEARER: Mapping[str, tuple[Check, ...]] = {
    "OTHERHOST": (incoming.tag, incoming.not_mine),
    "IP_INADDRERRORS": ROUTED,
    "IP_INNOROUTES": ROUTED,
    "IP_OUTNOROUTES": ROUTED,
    "IP_RPFILTER": ROUTED,
    "NEIGH_FAILED": (neighbour.unasked,),
    "NEIGH_QUEUEFULL": (neighbour.unasked,),
    "NO_SOCKET": (arrived.silent,),
    "PKT_TOO_BIG": (routing.too_big,),
    "VXLAN_VNI_NOT_FOUND": (incoming.tunnel,),
}


def report(case: Case) -> Drop | None:
    """The kernel's own report of this packet's end, where there is one: the first after it was last seen."""
    keys = case.tree.root.peeled.keys
    telling = (
        drop
        for drop in case.drops
        if drop.time >= case.last.time - SLACK and drop.reason not in UNTOLD and not drop.where.startswith(COPIED)
    )
    return next((drop for drop in telling if case.tracer.same_bytes(drop.data, keys)), None)


def dropped(case: Case) -> Found | None:
    """The kernel reported that it threw the packet away."""
    drop = report(case)
    if drop is None:
        return None
    function = drop.where.split("+")[0]
    evidence = (f"kernel (skb:kfree_skb): {function} reason: {drop.reason}",)
    words = KERNEL.get(drop.reason, f"the kernel threw it away in {function}: {drop.reason}")
    found = Found(words.format(**_names(case)), evidence)
    more = first(case, CLEARER.get(drop.reason, ()))
    return found.because(more) if more else found


def _names(case: Case) -> dict[str, object]:
    """What the words of a reason may name."""
    layers = case.last.peeled.layers
    vni = next((layer.fields["VNI"] for layer in (layers[-1], *layers) if "VNI" in layer.fields), "?")
    return {"port": layers[-1].fields.get("dport", "?"), "netns": case.here, "dev": case.dev, "vni": vni}
