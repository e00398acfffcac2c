"""Where a packet's way ended, and why: which checks are asked, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...capture.drops import Drop
from ...capture.linktypes import ETHERNET, RAW
from .. import keys
from ..goal import at_home
from ..model import End, Found, Seen
from ..reasons import icmp
from ..tracer import Tracer
from ..tree import Tree
from .arrived import at_goal, silent
from .case import LAB_ENDED, Case, Check, first
from .dropped import dropped, report
from .incoming import not_mine, switch, tag, tunnel
from .neighbour import question, unasked
from .outgoing import below, cable, leads_nowhere, not_seen_again
from .routing import routed, too_big

if TYPE_CHECKING:
    from ...iproute.netns import Namespaces, Node

GOAL: tuple[Check, ...] = (dropped, question, silent)
WAY_OUT: tuple[Check, ...] = (question, dropped, cable, below, leads_nowhere, not_seen_again)
WAY_IN: tuple[Check, ...] = (dropped, question, unasked, switch, tag, not_mine, tunnel, at_goal, routed)
REFUSAL: tuple[Check, ...] = (dropped, unasked, too_big, at_goal, routed)


def end(
    tracer: Tracer, drops: Sequence[Drop], namespaces: Namespaces[Node], tree: Tree, back: Tree | None
) -> End | None:
    """None when the packet arrived, and its answer too where there is one to expect; else where and why it ended.

    Where the lab has ended, what its kernel could have told is missing: then the end says so.
    """
    sent, last = tree.main[0], tree.main[-1]
    case = Case(tracer, drops, namespaces, tree, last)
    if back is None:
        home = at_home(tracer.topology, last) and (not last.out or last.frame.linktype not in (ETHERNET, RAW))
        if home and keys.answer(sent.peeled.key) is None and not report(case):
            return None
        return _lost(case, GOAL if home else WAY_OUT if last.out else WAY_IN)
    if back.root.peeled.quotes is not None:
        return _refused(case, back.root)
    came = back.main[-1]
    if at_home(tracer.topology, came) and not came.out:
        return None
    return _lost(case.about(back, came), WAY_OUT if came.out else WAY_IN)


def _lost(case: Case, checks: Sequence[Check]) -> End:
    found = first(case, checks) or _nothing(case)
    way = "after leaving through" if case.last.out else "after arriving on"
    heard = case.heard(case.tree) if keys.asks_for(case.tree.root.peeled.key) and not case.last.out else []
    places = ", ".join(heard) or f"{case.dev} in {case.here}"
    return End(case.netns, case.dev, found.reason, found.evidence, f"{way} {places}")


def _nothing(case: Case) -> Found:
    word = "left through" if case.last.out else "arrived on"
    why = "nothing that was asked says why" if case.alive else LAB_ENDED
    reason = f"it {word} {case.dev}; nothing more was seen of it, and {why}"
    return Found(reason, (f"frame {case.numbers}",))


def _refused(case: Case, error: Seen) -> End:
    """Someone on the way sent the packet's end as an ICMP error: who, what, and why there."""
    layer, ip = error.peeled.layers[-1], error.peeled.ip
    kind, code = layer.number("type"), layer.number("code")
    sender = ip.fields["src"] if ip else "?"
    words = icmp(layer.name, kind, code)
    told = Found(
        f"{words}, says {sender}",
        (f"frame {error.frame.number}: {layer.name} type {kind} code {code} from {sender}",),
    )
    more = first(case, REFUSAL) if case.last.place[0] == error.place[0] else None
    if more is not None:
        told = told.because(Found(f"{words}: {more.reason}", more.evidence))
    return End(case.netns, case.dev, told.reason, told.evidence, f"on {case.dev} in {case.here}")
