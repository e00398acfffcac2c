"""What is known about a device type: one `Kind` for each, with one `Param` for each parameter.

What depends on a kind anywhere in the package (pictures, scripts, journeys, explorers, the guest's modules) is a field
of its record, and has a default: a record that says nothing else than what it has to is a kind like a dummy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .places import Nested, Place
from .scenes import Scene, plain
from .values import ParamValue, Value

Params = Mapping[str, ParamValue]
"""Parameters in their normal form, by ip's names with _ for -."""
Rule = Callable[[Params], "str | None"]
"""Says in one sentence why these parameters cannot stand together, or None."""
Again = Callable[[Params, dict[str, ParamValue], str], dict[str, ParamValue]]
"""From what the kernel tells of a link (its parameters, the unusual ones of them, its MAC) what makes one like it."""


@dataclass(frozen=True)
class Param:
    """One parameter of a kind, as in `ip link add … type KIND WORD VALUE`."""

    word: str
    """ip's word."""
    says: str
    """What it does, with its unit and limits, in one plain sentence."""
    value: Value[Any]
    place: Place[Any, Any]
    """Where it goes. Of what type its normal form is, is known to these two alone."""
    required: bool = False
    also: tuple[str, ...] = ()
    """Other names for it: ip's other words, with - as _."""

    @property
    def name(self) -> str:
        """The Python keyword: ip's word with - as _."""
        return self.word.replace("-", "_")


@dataclass(frozen=True)
class Wraps:
    """How what is sent through a link travels: inside of other packets or frames."""

    header: str = ""
    """The header in front of it, by its name in journey/layers.py; "" where that is an IP header alone."""
    udp: tuple[int, ...] = ()
    """The UDP ports behind which it is found where no link says another."""
    sealed: bool = False
    """Whether it cannot be read on its way."""
    table: bool = False
    """Whether a forwarding table of its own can name the other ends (`bridge fdb`)."""


@dataclass(frozen=True)
class Ports:
    """What a link does with others that become its ports."""

    named: tuple[str, ...] = ()
    """The parameters that name them, where they are given when it is made and not later by `master`."""
    routed: bool = False
    """Whether it only gives them a routing table, so that what comes in on a port goes on from the port itself."""
    mtu: str = ""
    """ "taken": its MTU follows the smallest of theirs; "given": theirs follow its own."""
    down: bool = False
    """Whether it takes only links that are down."""


@dataclass(frozen=True, eq=False)
class Kind:
    """One device type of the kernel."""

    # What it is

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
    """The notebook that teaches it, below notebooks/: a path of `lessons.LESSONS`; "" where its explorer is all yet."""

    # How it is made

    example: Params = field(default_factory=dict)
    """Parameters that make a valid one; `link`, where it is here, goes before the type."""
    needs: tuple[str, ...] = ()
    """The Ethernet links that `example` counts on, to be made before it."""
    stand_in: str = ""
    """A module, with its parameters, that gives a machine in software the hardware that it needs."""
    mknod: bool = False
    """Whether programs use it by a device file that they make, which nobody may in a user namespace (mknod(2))."""
    hardware: bool = False
    """Whether it needs a card for which no engine has a stand-in."""
    via: str = "link"
    """How it is made: "link" (ip link add), "tuntap" (ip tuntap add) or "set" (it is hardware: ip link set)."""
    whole: bool = False
    """Whether the kernel takes what a change leaves out as 0, so that a change must send everything again."""
    brings: tuple[str, ...] = ()
    """The links that are there as soon as its module is: those of tunnels in every namespace (sysctl
    net.core.fb_tunnels_only_for_init_net), others in the computer's first one."""
    scene: Scene | None = None
    """A small network in which it makes sense; None: see `play`."""

    # How it hangs together with others, and what becomes of frames

    relations: tuple[str, ...] = ()
    """How it hangs together with others: names of `topology.model.RELATIONS`. One with a "peer" is made as a pair."""
    shows: tuple[str, ...] = ()
    """The parameters that a picture shows, where they are not the usual ones."""
    ports: Ports | None = None
    wraps: Wraps | None = None
    swallows: bool = False
    """Whether all that is sent through it is thrown away."""
    mirrors: bool = False
    """Whether what it sends to a sibling is shown to listeners on the card below first, though it does not leave."""
    own_dev: bool = False
    """Whether the kernel tells the lower link only as the parameter `parent_word`, and not as IFLA_LINK."""
    told_home: bool = True
    """Whether the kernel tells, of one that was moved, in which other namespace it sends or has its ports."""

    # A new one that was told nothing

    usual: Params = field(default_factory=dict)
    """What its parameters are when nothing is said of them, as Linux 6.12 tells it (a test asks the kernel again)."""
    mtu: int | None = 1500
    """Its MTU if it carries Ethernet; None: that follows from what is below it, or from the kernel's version."""
    queue: int = 1000
    """Its txqueuelen, in packets."""
    address: bool = True
    """Whether it can be given a MAC; it has none, or always that of another link, otherwise."""
    follows: tuple[str, ...] = ()
    """What it takes over from its lower link: "address" (unless it is given one), "flags", and "up" with it."""
    flags: Callable[[Params], tuple[str, ...] | None] = lambda params: None
    """Which of NOARP and MULTICAST it has; None: those of all links of its type."""
    embeds: bool = False
    """Whether it gives itself an IPv6 address for each IPv4 address that is there when it comes up."""

    # Its parameters

    params: Mapping[str, Param] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    """The numbers of its netlink attributes, by their names in the kernel's uapi headers (`numbers.enum`)."""
    rules: tuple[Rule, ...] = ()
    always: tuple[Rule, ...] = ()
    """Rules for what a link is as a whole, so that a change of one parameter cannot break them either."""
    implied: Callable[[Params], dict[str, ParamValue]] = lambda params: {}
    """What `ip` sends by itself for a new link, given its parameters; the kernel decides about the rest."""
    gone: Rule = lambda params: None
    """Why no command makes one again of which the kernel tells these parameters."""
    again: Again = lambda told, unusual, address: unusual
    """What makes one again, where that is not just what is unusual about it: each thing said once, as `ip` takes it."""

    def __repr__(self) -> str:
        return f"<Kind {self.name}: {self.title}>"

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of all netlink attributes that parameters of this kind use."""
        return tuple(dict.fromkeys(name for param in self.params.values() for name in param.place.names))

    @property
    def nested(self) -> frozenset[str]:
        """Those of them that hold attributes, which the kernel takes only when they are marked so."""
        places = (param.place for param in self.params.values())
        return frozenset(name for place in places if isinstance(place, Nested) for name in place.names)

    @property
    def setup(self) -> str:
        """A shell command to run first, or ""."""
        return f"modprobe {self.stand_in}" if self.stand_in else ""

    @property
    def pair(self) -> bool:
        """Whether it is made with another one, its other end."""
        return "peer" in self.relations

    def play(self) -> Scene:
        """Its scene; without one of its own: a machine with the links that its example needs, and one of it."""
        return self.scene or plain(self.name, self.needs)

    def unusual(self, params: Params) -> dict[str, ParamValue]:
        """Of a link's parameters those that are not the usual ones."""
        return {name: value for name, value in params.items() if name not in self.usual or value != self.usual[name]}

    def remade(self, params: Params, address: str = "") -> dict[str, ParamValue]:
        """What to say for a new link so that the kernel tells these parameters of it; without the lower link's name."""
        unusual = {name: value for name, value in self.unusual(params).items() if name != self.parent_word}
        return self.again(params, unusual, address)


def table(*params: Param) -> dict[str, Param]:
    """Parameters by name, in the order in which `ip` gets them."""
    return {param.name: param for param in params}


def once(params: dict[str, ParamValue], **covers: tuple[str, ...]) -> dict[str, ParamValue]:
    """Parameters without those that another one, which is there, says as well: `key=("ikey", "okey")`."""
    said = {other for one, others in covers.items() if one in params for other in others}
    return {name: value for name, value in params.items() if name not in said}


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
