"""What is known about a device type: one `Kind` for each, with one `Param` for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .places import Place
from .values import Value

Params = Mapping[str, Any]
Rule = Callable[[Params], "str | None"]
"""Says in one sentence why these parameters cannot stand together, or None."""


@dataclass(frozen=True)
class Param:
    """One parameter of a kind, as in `ip link add … type KIND WORD VALUE`."""

    word: str
    """ip's word."""
    says: str
    """What it does, with its unit and limits, in one plain sentence."""
    value: Value
    place: Place
    required: bool = False
    also: tuple[str, ...] = ()
    """Other names for it: ip's other words, with - as _."""

    @property
    def name(self) -> str:
        """The Python keyword: ip's word with - as _."""
        return self.word.replace("-", "_")


@dataclass(frozen=True)
class Kind:
    """One device type of the kernel."""

    name: str
    title: str
    says: str
    family: str
    module: str
    """The kernel module that brings it ("" for a part of the kernel's core)."""
    source: str
    since: str
    """The kernel version that brought it, or "" where that is older than git's history of the kernel (2.6.12)."""
    parent: str
    """Whether it sits on a lower link: "required", "optional" or "none"."""
    parent_word: str
    """The word which names the lower link: "link" before the type, "dev" or others among the parameters, or ""."""
    doc: str
    lesson: str = ""
    """The notebook that teaches it, below notebooks/: a path of `lessons.LESSONS`, or "" where its explorer is all yet."""
    example: dict[str, Any] = field(default_factory=dict)
    """Parameters that make a valid one; `link`, where it is here, goes before the type."""
    needs: tuple[str, ...] = ()
    """The Ethernet links that `example` counts on, to be made before it."""
    setup: str = ""
    """A shell command to run first, or ""."""
    via: str = "link"
    """How it is made: "link" (ip link add), "tuntap" (ip tuntap add) or "set" (it is hardware: ip link set)."""
    whole: bool = False
    """Whether the kernel takes what a change leaves out as 0, so that a change must send everything again."""
    hardware: bool = False
    """Whether it needs a card for which no engine has a stand-in."""
    relations: tuple[str, ...] = ()
    """How it hangs together with others: names of `relations.RELATIONS`."""
    shows: tuple[str, ...] = ()
    """The parameters that a picture shows, where they are not the usual ones."""
    params: Mapping[str, Param] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    always: tuple[Rule, ...] = ()
    """Rules for what a link is as a whole, so that a change of one parameter cannot break them either."""
    implied: Callable[[Params], dict[str, Any]] = lambda params: {}
    """What `ip` sends by itself for a new link, given its parameters; the kernel decides about the rest."""

    def __repr__(self) -> str:
        return f"<Kind {self.name}: {self.title}>"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of all netlink attributes that parameters of this kind use."""
        return tuple(dict.fromkeys(name for param in self.params.values() for name in param.place.names))


def table(*params: Param) -> dict[str, Param]:
    """Parameters by name, in the order in which `ip` gets them."""
    return {param.name: param for param in params}


def _given(params: Params, name: str) -> bool:
    return params.get(name) is not None and params[name] is not False


def apart(*names: str) -> Rule:
    """At most one of these can be given (and not False)."""

    def rule(params: Params) -> str | None:
        given = [name for name in names if _given(params, name)]
        return f"{' and '.join(given)} exclude each other" if len(given) > 1 else None

    return rule


def needs(name: str, *others: str) -> Rule:
    """`name` has a meaning only when one of the others is given as well."""

    def rule(params: Params) -> str | None:
        if not _given(params, name) or any(_given(params, other) for other in others):
            return None
        return f"{name} has no meaning without {' or '.join(others)}"

    return rule


def alone(name: str, *allowed: str, why: str = "") -> Rule:
    """When `name` is given, only the allowed others can be."""

    def rule(params: Params) -> str | None:
        others = [other for other in params if other not in (name, *allowed)]
        return f"{name} excludes {', '.join(others)}{why and ': ' + why}" if params.get(name) and others else None

    return rule
