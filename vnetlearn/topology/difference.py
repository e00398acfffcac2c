"""What changed between two readings of a topology: as text in `ip`'s words, and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from .. import texts
from ..display.picture import Picture
from ..iproute.linkmsg import Link
from ..iproute.route import Route
from . import diagram
from .model import RELATIONS, Key, Relation, Snapshot, state

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .diagram import View

# What is compared of a link; its index, and what follows from another's, says nothing to a reader
VALUES = ("kind", "state", "mtu", "address", "master", "params", "port", "alias", "txqueuelen", "link_type")


@dataclass(frozen=True)
class Difference:
    """`before` and `after`, and what is `new`, `gone` and `changed`; false when nothing is."""

    before: Snapshot
    after: Snapshot

    @cached_property
    def new(self) -> tuple[Key, ...]:
        """Links that were not there before."""
        return tuple(key for key in self.after.links if key not in self.before.links and not _bare(self.after, key))

    @cached_property
    def gone(self) -> tuple[Key, ...]:
        """Links that are not there any more."""
        return tuple(key for key in self.before.links if key not in self.after.links and not _bare(self.before, key))

    @cached_property
    def changed(self) -> dict[Key, tuple[str, ...]]:
        """Of links that are there in both: each value that is another now, as "what: before → after"."""
        both = (key for key in self.after.links if key in self.before.links)
        return {key: said for key in both if (said := tuple(self._changes(key)))}

    def _changes(self, key: Key) -> Iterator[str]:
        old, now = self.before.links[key], self.after.links[key]
        if old.up != now.up:
            yield f"{_up(old)} → {_up(now)}"
        for name in VALUES:
            mine, theirs = getattr(old, name), getattr(now, name)
            if isinstance(mine, dict):
                words = {**mine, **theirs}
                yield from (
                    f"{word}: {_said(mine.get(word))} → {_said(theirs.get(word))}"
                    for word in words
                    if mine.get(word) != theirs.get(word) and (name, word) != ("port", "state")
                )
            elif mine != theirs and not (
                name == "state" and old.up != now.up and now.state in ("UP", "DOWN", "UNKNOWN")
            ):
                yield f"{name}: {_said(mine)} → {_said(theirs)}"
        for sign, addrs, others in (("-", self.before, self.after), ("+", self.after, self.before)):
            known = set(map(str, others.addrs.get(key, ())))
            yield from (
                f"{sign} {addr}" for addr in addrs.addrs.get(key, ()) if str(addr) not in known and addr.scope != "link"
            )

    @cached_property
    def relations(self) -> dict[Relation, str]:
        """Relations that are "new" or "gone"."""
        old, now = self.before.relations, self.after.relations
        return {**{r: "new" for r in now if r not in old}, **{r: "gone" for r in old if r not in now}}

    @cached_property
    def routes(self) -> tuple[str, ...]:
        """Routes that came and went, but for those that the kernel makes by itself."""
        said = []
        for netns in {**self.before.routes, **self.after.routes}:
            old, now = (
                {_route(route): None for route in one.routes.get(netns, ()) if route.protocol != "kernel"}
                for one in (self.before, self.after)
            )
            at = f"in {self.after.called(netns)}"
            said += [f"+ route {text} {at}" for text in now if text not in old]
            said += [f"- route {text} {at}" for text in old if text not in now]
        return tuple(said)

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.changed or self.relations or self.routes or self._namespaces())

    def _namespaces(self) -> list[str]:
        old, now = self.before.netns, self.after.netns
        return [f"+ namespace {name}" for name in now if name not in old] + [
            f"- namespace {name}" for name in old if name not in now
        ]

    def __str__(self) -> str:
        """A line for each thing that is new (+), gone (-) or changed (~)."""
        lines = self._namespaces()
        lines += [f"+ {self._link(self.after, key)}" for key in self.new]
        lines += [f"- {self._link(self.before, key)}" for key in self.gone]
        lines += [f"~ {self.after.at(key)}: {', '.join(said)}" for key, said in self.changed.items()]
        at = self.after.at
        lines += [
            f"{'+' if sign == 'new' else '-'} {at(r.source)} {RELATIONS[r.how].says} {at(r.target)}"
            for r, sign in self.relations.items()
            if not {r.source, r.target} & {*self.new, *self.gone}
        ]
        return "\n".join(map(texts.line, (*lines, *self.routes))) or "nothing has changed"

    __repr__ = __str__

    def _link(self, topology: Snapshot, key: Key) -> str:
        link = topology.links[key]
        addrs = [str(addr) for addr in topology.addrs.get(key, ()) if addr.scope != "link"]
        return " ".join([topology.at(key), *diagram.kind_words(link), state(link), *addrs])

    def draw(self, path: Sequence[Key] = (), **how: Unpack[View]) -> Picture:
        """Both readings in one picture: new green, gone red and dashed, changed amber. See `diagram.draw`."""
        marks: dict[Key | Relation, str] = {
            **dict.fromkeys(self.new, "new"),
            **dict.fromkeys(self.gone, "gone"),
            **dict.fromkeys(self.changed, "changed"),
        }
        marks |= {relation: sign for relation, sign in self.relations.items()}
        notes = {key: said for key, said in self.changed.items()}
        picture = diagram.draw(self._both(), marks=marks, notes=notes, path=path, **how)
        return replace(picture, text=f"What has changed: {self}. {picture.text}")

    def _both(self) -> Snapshot:
        old, now = self.before, self.after
        return replace(
            now,
            netns=tuple(dict.fromkeys((*now.netns, *old.netns))),
            links={**{key: old.links[key] for key in self.gone}, **now.links},
            addrs={**{key: old.addrs[key] for key in self.gone if key in old.addrs}, **now.addrs},
            relations=tuple(dict.fromkeys((*now.relations, *old.relations))),
            things={**old.things, **now.things},
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {**self.draw()._repr_mimebundle_(), "text/plain": str(self)}


def _bare(topology: Snapshot, key: Key) -> bool:
    """A loopback without an address of its own comes and goes with its namespace."""
    return topology.links[key].kind == "loopback" and not topology.addresses(key)


def _up(link: Link) -> str:
    return "up" if link.up else "down"


def _said(value: object) -> str:
    return "none" if value in (None, "", (), {}) else "on" if value is True else "off" if value is False else str(value)


def _route(route: Route) -> str:
    words = [
        route.type if route.type != "unicast" else "",
        route.dst,
        route.via and f"via {route.via}",
        route.dev and f"dev {route.dev}",
    ]
    return " ".join(word for word in (*words, f"metric {route.metric}" if route.metric else "") if word)
