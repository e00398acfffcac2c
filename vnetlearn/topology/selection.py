"""Which part of a topology a picture shows: what was asked for by name, a layer, and not what says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from .. import texts
from ..errors import BadParameter, NotFound, close_to, did_you_mean
from ..iproute.linkmsg import Link
from ..iproute.namespace import Namespace
from ..kinds import find
from ..kinds.families import VIRTUAL
from .model import RELATIONS, Key, Relation, Snapshot

Where: TypeAlias = str | Namespace | Link | Key | tuple[Namespace, str] | Iterable["Where"]
"""What links are meant: a namespace by name or node, a link's name, "NAMESPACE/LINK", (namespace, link), or several."""
LAYERS = ("physical", "l2", "l3")


def keys(topology: Snapshot, what: Where, tried: str) -> set[Key]:
    """The links that are meant. Raises `NotFound`."""
    if isinstance(what, Link):
        what = (what.netns, what.name)
    if isinstance(what, tuple) and len(what) == 2:
        netns, dev = (one.name if isinstance(one, Namespace) else one for one in what)
        if isinstance(netns, str) and isinstance(dev, str) and (netns, dev) in topology.links:
            return {(netns, dev)}
    if isinstance(what, Iterable) and not isinstance(what, str):
        return {key for one in what for key in keys(topology, one, tried)}
    name = what.name if isinstance(what, Namespace) else str(what)
    if (whole := namespace(topology, name)) is not None:
        return {key for key in topology.links if key[0] == whole}
    netns, _, dev = name.partition("/")
    if (here := namespace(topology, netns)) is not None and (here, dev) in topology.links:
        return {(here, dev)}
    found = {key for key in topology.links if key[1] == name}
    if not found:
        raise _unknown(topology, name, tried)
    return found


def namespace(topology: Snapshot, what: Where) -> str | None:
    """The namespace, when `what` is a node or a namespace's name: then `keys` are all its links."""
    name = what.name if isinstance(what, Namespace) else what
    if not isinstance(name, str):
        return None
    here = "" if name == topology.home and name not in topology.netns else name
    return here if here in topology.netns else None


def _unknown(topology: Snapshot, name: str, tried: str) -> NotFound:
    there = sorted({*topology.netns, *(f"{netns or topology.home}/{dev}" for netns, dev in topology.links)} - {""})
    close = close_to(name, there) or [one for one in there if one.endswith(f"/{name}")]
    return NotFound(
        tried,
        f"there is no namespace or link '{texts.line(name)}'",
        "it is not there (any more), or is spelled otherwise",
        did_you_mean(close, f"there are: {', '.join(there)}"),
    )


def check_layers(layers: Sequence[str] | str | None, tried: str) -> tuple[str, ...]:
    chosen = (layers,) if isinstance(layers, str) else tuple(layers or LAYERS)
    if unknown := [one for one in chosen if one not in LAYERS]:
        raise BadParameter(
            tried,
            f"there is no layer {unknown[0]!r}",
            "a picture can show one or more of three layers",
            "one or more of " + ", ".join(LAYERS),
        )
    return chosen


def select(
    topology: Snapshot, focus: Where | None = None, layers: Sequence[str] = LAYERS, everything: bool = False
) -> tuple[set[Key], list[Relation]]:
    """The links that are shown, and the relations between what is shown.

    With `focus`, what is meant and all that hangs on it directly; `everything` shows also loopbacks without a further
    address, and the tunnels' fallback devices that are down.
    """
    shown = {key for key, link in topology.links.items() if everything or says_something(key, link, topology)}
    if set(layers) != set(LAYERS):
        shown = {key for key in shown if _on(layers, key, topology)}
    relations = [r for r in topology.relations if RELATIONS[r.how].layer in layers]
    if focus is not None:
        meant = keys(topology, focus, f"draw(focus={focus!r})")
        near = {end for r in relations for end in (r.source, r.target) if {r.source, r.target} & meant}
        shown = (meant & shown or meant) | (shown & near)
    there = shown | {r.target for r in relations if r.target in topology.things and r.source in shown}
    return shown, [r for r in relations if r.source in there and r.target in there]


def says_something(key: Key, link: Link, topology: Snapshot) -> bool:
    if link.kind == "loopback":
        return bool(topology.addresses(key))
    return link.up or not fallback(link)


def fallback(link: Link) -> bool:
    """Whether it has its name of a tunnel's module, which puts one into every namespace."""
    kind = find(link.kind)
    return kind is not None and kind.wraps is not None and link.name in kind.brings


def _on(layers: Sequence[str], key: Key, topology: Snapshot) -> bool:
    """Whether a link is of one of the layers: a card or cable; what carries Ethernet; what has an address."""
    link = topology.links[key]
    kind = find(link.kind)
    family = kind.family if kind else link.kind
    return (
        ("physical" in layers and family not in (*VIRTUAL, "loopback"))
        or ("l2" in layers and link.link_type == "ether" and link.kind != "loopback")
        or ("l3" in layers and bool(topology.addresses(key) or _routes(key, topology)))
    )


def _routes(key: Key, topology: Snapshot) -> bool:
    return any(r.how in ("tunnel", "underlay") and key in (r.source, r.target) for r in topology.relations)
