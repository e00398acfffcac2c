"""Which part of a topology a picture shows: what was asked for by name, a layer, and not what says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import BadParameter, NotFound, close_to, did_you_mean
from ..iproute import Link
from ..kinds import find
from ..kinds.families import VIRTUAL
from .relations import RELATIONS
from .topology import Key, Relation, Topology

LAYERS = ("physical", "l2", "l3")


def keys(topology: Topology, what: Any, tried: str) -> set[Key]:
    """The links that are meant: a namespace, "NAMESPACE/LINK", (namespace or Node, link), a link's name, a Link, a
    Node, or several.

    Raises `NotFound`.
    """
    if isinstance(what, Link):
        what = (what.netns, what.name)
    if isinstance(what, tuple) and len(what) == 2 and hasattr(what[0], "lab"):  # (node, link)
        what = (what[0].name, what[1])
    if isinstance(what, tuple) and what in topology.links:
        return {what}
    if not isinstance(what, str) and isinstance(what, Iterable):
        return {key for one in what for key in keys(topology, one, tried)}
    name = what if isinstance(what, str) else getattr(what, "name", str(what))
    if (whole := namespace(topology, name)) is not None:
        return {key for key in topology.links if key[0] == whole}
    netns, _, dev = name.partition("/")
    if (here := namespace(topology, netns)) is not None and (here, dev) in topology.links:
        return {(here, dev)}
    found = {key for key in topology.links if key[1] == name}
    if not found:
        raise _unknown(topology, name, tried)
    return found


def namespace(topology: Topology, what: Any) -> str | None:
    """The namespace, when `what` is a Node or a namespace's name: then `keys` are all its links."""
    name = getattr(what, "name", None) if hasattr(what, "lab") else what
    if not isinstance(name, str):
        return None
    here = "" if name == topology.home and name not in topology.netns else name
    return here if here in topology.netns else None


def _unknown(topology: Topology, name: str, tried: str) -> NotFound:
    there = sorted({*topology.netns, *(f"{netns or topology.home}/{dev}" for netns, dev in topology.links)} - {""})
    close = close_to(name, there) or [one for one in there if one.endswith(f"/{name}")]
    return NotFound(
        tried,
        f"there is no namespace or link {name!r}",
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
    topology: Topology, focus: Any = None, layers: Sequence[str] = LAYERS, everything: bool = False
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


def says_something(key: Key, link: Link, topology: Topology) -> bool:
    if link.kind == "loopback":
        return bool(topology.addresses(key))
    return link.up or not fallback(link)


def fallback(link: Link) -> bool:
    """Whether it has its name of a tunnel's module, which puts one into every namespace."""
    kind = find(link.kind)
    return kind is not None and kind.wraps is not None and link.name in kind.brings


def _on(layers: Sequence[str], key: Key, topology: Topology) -> bool:
    """Whether a link is of one of the layers: a card or cable; what carries Ethernet; what has an address."""
    link = topology.links[key]
    kind = find(link.kind)
    family = kind.family if kind else link.kind
    return (
        ("physical" in layers and family not in (*VIRTUAL, "loopback"))
        or ("l2" in layers and link.link_type == "ether" and link.kind != "loopback")
        or ("l3" in layers and bool(topology.addresses(key) or _routes(key, topology)))
    )


def _routes(key: Key, topology: Topology) -> bool:
    return any(r.how in ("tunnel", "underlay") and key in (r.source, r.target) for r in topology.relations)
