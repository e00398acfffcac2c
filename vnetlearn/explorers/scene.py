"""A kind's scene in a lab: its stage built, its link made with some parameters, its traffic seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.program import Result
from ..errors import NotFound, VnetlearnError
from ..iproute import Link
from ..kinds import Kind, checked, words
from ..kinds.record import Params
from ..kinds.scenes import HERE, THERE, End
from ..lab import ping
from ..lab.lab import Lab, Node
from ..lab.ping import Ping

MIRROR = {**dict(zip(HERE, THERE, strict=True)), **dict(zip(THERE, HERE, strict=True))}


@dataclass(frozen=True)
class Made:
    """What the kernel answered: the links that are there now, and why it made no more (None where all went well)."""

    links: tuple[Link, ...]
    error: VnetlearnError | None = None


class Play:
    """One kind's scene in a lab, which may be used for other things beside it."""

    def __init__(self, kind: Kind, lab: Lab) -> None:
        self.kind, self.lab, self.scene = kind, lab, kind.play()

    @property
    def names(self) -> list[str]:
        """The name of the link at each end."""
        return [end.name for end in self.scene.ends]

    def build(self) -> None:
        """The stage, in a lab of its world; where its namespaces are there already, it is taken as built."""
        stage = self.scene.stage
        missing = [name for name in stage.netns if name not in self.lab.netns]
        cards = [card for cable in stage.cables for card in cable if not self._has(card)]
        nodes = {name: self.lab.netns.add(name) for name in missing}
        for node in nodes.values():
            node.link.set("lo", up=True)
        self.lab.link.set("lo", up=True)
        for one, other in stage.cables:
            if one in cards or other in cards:
                self._cable(one, other)
        for card, addresses in stage.addrs.items():
            for address in addresses if card in cards else ():
                node, name = self._card(card)
                node.addr.add(address, dev=name, nodad=":" in address)
        if stage.lines and (missing or not stage.netns):
            self._shell(stage.lines)

    def _card(self, card: str) -> tuple[Node, str]:
        netns, name = card.split("/")
        return self.lab.node(netns), name

    def _has(self, card: str) -> bool:
        try:
            node, name = self._card(card)
            return name in node.link
        except NotFound:
            return False

    def _cable(self, one: str, other: str) -> None:
        (node, name), (far, far_name) = self._card(one), self._card(other)
        node.link.add(
            name, kind="veth", address=_mac(one), peer={"name": far_name, "netns": far, "address": _mac(other)}
        )
        node.link.set(name, up=True)
        far.link.set(far_name, up=True)

    def params(self, given: Params, end: End) -> Params:
        """What an end gets: the first one as given, a second one with the stage's addresses exchanged."""
        if end is self.scene.ends[0]:
            return dict(given)
        return {name: MIRROR.get(value, value) if isinstance(value, str) else value for name, value in given.items()}

    def commands(self, given: Params, mirrored: bool = True) -> list[str]:
        """The `ip` commands that make the link at each end. Raises `BadParameter`."""
        return [self._command(end, self._of(end, given, mirrored)) for end in self.scene.ends]

    def _of(self, end: End, given: Params, mirrored: bool) -> Params:
        """A second end has its own example's parameters when it is not `mirrored`."""
        return self.params(given if mirrored or end is self.scene.ends[0] else self.example, end)

    @property
    def example(self) -> Params:
        """The parameters that the scene begins with."""
        return {name: value for name, value in {**self.kind.example, **self.scene.params}.items() if name != "link"}

    @property
    def link(self) -> str | None:
        """The lower link that the kind sits on in this scene."""
        found = {**self.kind.example, **self.scene.params}.get("link")
        return None if found is None else str(found)

    def _command(self, end: End, params: Params) -> str:
        node, normal = self.lab.netns.named(end.netns), checked(self.kind, params)
        spelled = words(self.kind, normal)
        if self.kind.via == "tuntap":
            return node.spell(["tuntap", "add", "dev", end.name, *spelled])
        if self.kind.via == "set":
            return node.spell(["link", "set", "dev", end.name, "type", self.kind.name, *spelled])
        start = ["link", "add", *(["link", self.link] if self.link else []), "name", end.name]
        start += ["netns", end.to] if end.to else []
        return node.spell([*start, "type", self.kind.name, *spelled])

    def make(self, given: Params, mirrored: bool = True) -> Made:
        """Make the link anew at each end, with what belongs to it; what the kernel refuses ends it there.

        Raises `LabDied` and what is wrong with the parameters; a refusal is in the answer.
        """
        wanted = [(end, checked(self.kind, self._of(end, given, mirrored))) for end in self.scene.ends]
        self._clear()
        made: list[tuple[End, Node]] = []
        error: VnetlearnError | None = None
        try:
            for end, params in wanted:
                made.append((end, self._make(end, params)))
            # Not before: of two bonds, the first would choose its cable while the other's are down.
            for end, node in made:
                node.link.set(end.name, up=True)
            if self.scene.after:
                self._shell(self.scene.after)
        except VnetlearnError as refused:
            if not self.lab.alive:
                raise
            error = refused
        return Made(tuple(node.link.get(end.name) for end, node in made if end.name in node.link), error)

    def _clear(self) -> None:
        for end in self.scene.ends:
            try:
                node = self.lab.node(end.lives)
            except NotFound:
                continue
            if self.kind.via == "set" and end.name in node.link:
                node.link.set(end.name, up=False)
            elif end.name in node.link:
                node.link.delete(end.name)
        if self.scene.clear:
            self.lab.run(self._text(self.scene.clear), quiet=True)

    def _make(self, end: End, params: Params) -> Node:
        start, given = self.lab.node(end.netns), dict[str, Any](params)
        if self.kind.via == "set":
            start.link.set(end.name, kind=self.kind.name, **given)
        else:
            over = {"netns": end.to} if end.to else {}
            start.link.add(end.name, kind=self.kind.name, link=self.link, **{**over, **given})
        node = self.lab.node(end.lives)
        for port in end.ports:
            if self.kind.ports and self.kind.ports.down:
                node.link.set(port, up=False)
            node.link.set(port, master=end.name)
            node.link.set(port, up=True)
        for address in end.addrs:
            node.addr.add(address, dev=end.name, nodad=":" in address)
        return node

    def _text(self, text: str) -> str:
        return text.replace("DEV", self.scene.ends[0].name)

    def _shell(self, text: str) -> None:
        self.lab.run(f"set -e\n{self._text(text)}", check=True, quiet=True)

    def pings(self) -> list[Ping]:
        """Who reaches whom, at the same time."""
        return ping.many([(self.lab.node(netns), target) for netns, target in self.scene.pings], count=1, timeout=1.0)

    def scripts(self) -> list[Result]:
        """The kind's own traffic: each command with what it wrote."""
        return [self.lab.run(self._text(line), quiet=True) for line in self.scene.script]


def _mac(card: str) -> str:
    """02:00:00:00, the card's number, the namespace's: the same in every lab, and readable."""
    netns, name = card.split("/")
    number = int(name[-1]) if name[-1].isdigit() else 16 + ord(name[-1]) - ord("a")
    return f"02:00:00:00:{number:02x}:{ord(netns) - ord('a') + 1 if netns else 0x80:02x}"
