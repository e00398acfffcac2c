"""One packet's way through a lab: the places where a capture saw it, in order, and what changed between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..capture.capture import Capture
from ..display.picture import Picture
from ..iproute.netns import Node
from . import ladder, lookups, stepper
from .changes import title
from .diagnosis import end
from .headers import IPS
from .keys import asks_for, is_echo_request
from .model import End, Seen, Trail, Where
from .tracer import Tracer

if TYPE_CHECKING:
    from .stepper import Widget


@dataclass(frozen=True)
class Journey(Trail):
    """A packet's hops, and those of what came back. `end` is where and why it went no further; None when it arrived.

    All that the lab's kernel could tell was asked when it was made: it can be shown and drawn after the lab's end.
    `capture` has the frames that it was found in.
    """

    capture: Capture = field(repr=False, compare=False)

    def draw(self, step: str | int | None = None) -> Picture:
        """The topology at the capture's start with the way on it, its places numbered; `step`: up to that hop."""
        return ladder.picture(self, None if step is None else str(step))

    def slider(self) -> Widget:
        """A widget that goes through the hops one by one. Raises `ToolMissing` where ipywidgets is not installed."""
        return stepper.slider(self)

    def __repr__(self) -> str:
        return ladder.text(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": ladder.html(self), "text/plain": repr(self)}


def follow(capture: Capture, what: Where = None) -> Journey:
    """Follow one packet of a capture: by default its first echo request, else its first packet.

    `what` is a frame's number, a Frame, or a filter in tcpdump's words (pcap-filter(7)): "arp", "icmp6", "udp port 53",
    "host 10.0.0.2". The packet is followed from its beginning, also when `what` names a frame on its way.

    Why a packet was lost is asked of the lab's kernel, as it is now. Once the lab has ended its way is shown as before,
    and its end as far as the frames, and the kernel's reports from that time, tell it.

    Raises `NotFound` when there is nothing to follow, `BadParameter` for words that are no filter.
    """
    tracer = Tracer(capture.frames, capture.topology)
    return _journey(tracer, capture, tracer.choose(what))


def of_ping(capture: Capture, node: Node, address: str) -> Journey:
    """The journey of the first echo request that a node sent there: else of its question for the next hop, else none.

    Where nothing was sent, why not is asked of the lab, which has to be alive. Raises `LabDied`.
    """
    tracer = Tracer(capture.frames, capture.topology)
    mine = [one for one in tracer.seen if one.place[0] == node.name and one.out]
    sent = (one for one in mine if is_echo_request(one.peeled.key) and _towards(one, address))
    if (first := next(sent, None)) is None:
        hop = lookups.next_hop(node, address)
        first = next((one for one in mine if hop and asks_for(one.peeled.key) == hop), None)
    if first is not None:
        return _journey(tracer, capture, first)
    found = lookups.never_left(capture.netns, node, address)
    called = capture.topology.called(node.name)
    ended = End(node.name, "", found.reason, found.evidence, f"in {called}, before it left")
    return Journey(f"echo request, {called} → {address}", (), ended, capture.topology, capture)


def _journey(tracer: Tracer, capture: Capture, chosen: Seen) -> Journey:
    """The journey of the packet that was seen there, and of the answer to it."""
    tree = tracer.tree(chosen)
    back = tracer.answer(tree)
    hops = tree.hops()
    hops += back.hops(hops) if back else []
    ended = end.end(tracer, capture.drops, capture.netns, tree, back)
    return Journey(title(tree.root.peeled), tuple(hops), ended, capture.topology, capture)


def _towards(one: Seen, address: str) -> bool:
    return any(layer.name in IPS and layer.fields["dst"] == address for layer in one.peeled.layers)


__all__ = ["Journey", "follow", "of_ping"]
