"""A topology as a picture, by Graphviz."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypedDict

from .. import texts
from ..display.picture import Picture
from ..display.theme import FAMILIES, LINES, MARKS, THINGS, Line, Look, Theme, theme_of
from ..iproute.linkmsg import Link
from ..kinds import KINDS
from . import selection
from .model import OUTSIDE, Key, Relation, Snapshot, state
from .selection import Where

HEAD = """digraph lab {{
graph [rankdir=LR, fontname="Helvetica,Arial,sans-serif", fontcolor="{text}", bgcolor="{paper}", pad=0.15, nodesep=0.16,
       ranksep=0.7];
node [fontname="Helvetica,Arial,sans-serif", fontcolor="{text}", fontsize=11, width=0.4, height=0.3];
edge [fontname="Helvetica,Arial,sans-serif", fontcolor="{text}", fontsize=10];"""
MANY = 6  # ports of one switch; more of them stand on both of its sides
NUMBERS = "①②③④⑤⑥⑦⑧⑨⑩"  # fonts that have the first ten often lack the others


class View(TypedDict, total=False):
    """What a picture can be told to show; see `draw`."""

    focus: Where | None
    layers: Sequence[str] | str | None
    highlight: Where
    everything: bool
    stats: bool
    theme: str | None
    legend: bool


class How(View, total=False):
    """All that `draw` can be told."""

    path: Sequence[Key]
    marks: Mapping[Key | Relation, str] | None
    notes: Mapping[Key, Sequence[str]] | None


def draw(
    topology: Snapshot,
    *,
    focus: Where | None = None,
    layers: Sequence[str] | str | None = None,
    highlight: Where = (),
    path: Sequence[Key] = (),
    everything: bool = False,
    stats: bool = False,
    theme: str | None = None,
    legend: bool = True,
    marks: Mapping[Key | Relation, str] | None = None,
    notes: Mapping[Key, Sequence[str]] | None = None,
) -> Picture:
    """Namespaces as boxes, in them their links with kind, addresses and state, and how the links hang together.

    `focus` names links or namespaces ("ns1", "eth0", "ns1/eth0", or a list): they are shown, with what hangs on them.
    `layers`: one or more of "physical" (cards, cables, MACs, MTUs), "l2" (who is a port of, or sits on, whom) and "l3"
    (addresses, tunnels, routes). `highlight` names what shall stand out. `path` is a list of (namespace, link),
    numbered and joined in this order. `stats` shows the counters of a topology that was read with them. `everything`
    shows also what says nothing: loopbacks without a further address, and fallback devices of tunnels that are down.
    `theme` is "light" or "dark"; the environment variable VNETLEARN_THEME, or light, when it is not given.

    From left to right: links that sit on others, those others, the switches. The same topology gives the same text.
    `marks` ("new", "gone", "changed") and `notes` (further lines) are for differences.

    Raises `NotFound`, `BadParameter`.
    """
    chosen = selection.check_layers(layers, f"draw(layers={layers!r})")
    shown, relations = selection.select(topology, focus, chosen, everything)
    shown |= {key for key in path if key in topology.links}
    meant = selection.keys(topology, highlight, f"draw(highlight={highlight!r})")
    told: dict[Key | Relation, str] = {**dict.fromkeys(meant, "highlight"), **(marks or {})}
    drawing = _Drawing(
        topology, theme_of(theme), shown, relations, told, notes or {}, tuple(path), chosen, stats, bool(layers)
    )
    return Picture(drawing.dot(legend), _aloud(topology, path))


def _aloud(topology: Snapshot, path: Sequence[Key]) -> str:
    steps = ", then ".join(topology.at(key) for key in path)
    return topology.read_aloud() + (f" The numbered way: {steps}." if steps else "")


@dataclass
class _Drawing:
    """What one picture is made of."""

    topology: Snapshot
    theme: Theme
    shown: set[Key]
    relations: list[Relation]
    marks: Mapping[Key | Relation, str]
    notes: Mapping[Key, Sequence[str]]
    path: tuple[Key, ...]
    layers: tuple[str, ...]
    stats: bool
    detailed: bool
    used: set[Look | Line] = field(default_factory=set)

    def dot(self, legend: bool) -> str:
        theme = self.theme
        lines = [HEAD.format(text=theme.text, paper=theme.paper)]
        for number, netns in enumerate(sorted(self.topology.netns, key=_natural)):
            lines += self._namespace(number, netns)
        lines += [self._thing(key) for key in self._things(OUTSIDE)]
        lines += self._edges()
        if self.layers == ("l3",):
            lines += self._networks()
        if legend and (rows := self._legend()):
            lines.append(f"label=<{rows}>; labelloc=b; labeljust=l;")
        return "\n".join([*lines, "}"])

    # Namespaces, links and things

    def _namespace(self, number: int, netns: str) -> list[str]:
        here = sorted(
            (key for key in self.topology.links if key[0] == netns and key in self.shown), key=lambda k: _natural(k[1])
        )
        things = self._things(netns)
        if not here and not things and (self._cut or (not netns and self.shown)):
            return []
        theme = self.theme
        lines = [
            f"subgraph cluster_{number} {{",
            f"label=<<b>{texts.label(self.topology.called(netns))}</b>>; labeljust={self._side(netns)}; fontsize=13;"
            f' margin=9; style="rounded,filled"; color="{theme.border}"; fillcolor="{theme.box}";',
        ]
        if not here:
            lines.append(f'empty_{number} [label="(no links)", shape=plaintext, fontcolor="{theme.faint}"];')
        return [*lines, *map(self._link, here), *map(self._thing, things), "}"]

    @cached_property
    def _cut(self) -> bool:
        """Whether only a part was asked for; then namespaces without anything shown are left out."""
        links = self.topology.links.items()
        return any(selection.says_something(key, link, self.topology) for key, link in links if key not in self.shown)

    def _side(self, netns: str) -> str:
        """Where the name stands: where no edge crosses it."""
        return "r" if netns in self._ends[1] - self._ends[0] else "l"

    @cached_property
    def _ends(self) -> tuple[set[str], set[str]]:
        """The namespaces that edges to other namespaces leave, and those that such edges enter."""
        left, entered = set[str](), set[str]()
        for r in self.relations:
            source, target = r.source[0], r.target[0]
            if r.how == "peer" and r.target in self._turned:
                source, target = target, source
            if source != target:
                left.add(source)
                entered.add(target)
        return left, entered

    def _things(self, netns: str) -> list[Key]:
        ends = {r.target for r in self.relations}
        return [key for key in self.topology.things if key[0] == netns and key in ends]

    def _thing(self, key: Key) -> str:
        thing = self.topology.things[key]
        look = THINGS[thing.what]
        self.used.add(look)
        _, line = self.theme.hues[look.hue]
        return _node(_id(key), f'"{texts.quoted(thing.says)}"', look, line, f'fontcolor="{line}"')

    def _link(self, key: Key) -> str:
        link = self.topology.links[key]
        look = look_of(link)
        self.used.add(look)
        fill, line = self.theme.hues[look.hue]
        style = look.style if link.up else f"{look.style},dashed"
        extra = f'style="{style}", penwidth=1.1'
        if mark := self.marks.get(key, "path" if key in self.path else ""):
            self.used.add(MARKS[mark])
            fill, line = self.theme.hues[MARKS[mark].hue]
            extra = ", ".join([extra, MARKS[mark].how])
        return _node(_id(key), f"<{self._label(key, link)}>", look, line, f'fillcolor="{fill}", {extra}')

    def _label(self, key: Key, link: Link) -> str:
        """Number, name, kind and parameters in the first line; what each layer says; what keeps it from working."""
        theme = self.theme
        steps = "".join(_number(i) for i, step in enumerate(self.path) if step == key)
        number = f'<font color="{theme.hues["path"][1]}"><b>{steps}</b></font> ' if steps else ""
        kind = texts.label(" ".join(kind_words(link)))
        rows = [f'{number}<b>{texts.label(link.name)}</b> <font color="{theme.faint}">{kind}</font>']
        if self.detailed and "physical" in self.layers:
            rows.append(self._small(f"{link.address} mtu {link.mtu}".strip(), theme.faint))
        if "l3" in self.layers:
            rows += [self._small(str(addr), theme.address) for addr in self.topology.addresses(key)]
        if self.detailed and "l3" in self.layers:
            routes = [r for r in self.topology.routes.get(key[0], ()) if r.dev == key[1] and r.via]
            rows += [self._small(f"{r.dst} via {r.via}", theme.faint) for r in routes]
        if self.stats and (counted := self.topology.stats.get(key)):
            rows.append(self._small(said_counters(counted), theme.faint))
        if state(link) != "up":
            rows.append(self._small(state(link), theme.bad))
        return "<br/>".join([*rows, *(self._small(note, theme.text) for note in self.notes.get(key, ()))])

    def _small(self, text: str, colour: str) -> str:
        return f'<font color="{colour}" point-size="10">{texts.label(text)}</font>'

    # Relations

    def _edges(self) -> Iterable[str]:
        turned = self._turned
        steps = {
            frozenset(pair): i
            for i, pair in enumerate(zip(self.path, self.path[1:], strict=False))
            if len(set(pair)) == 2
        }
        for relation in self.relations:
            step = steps.pop(frozenset((relation.source, relation.target)), None)
            yield self._edge(
                relation, relation.source in turned or (relation.how == "peer" and relation.target in turned), step
            )
        for pair, step in steps.items():  # a step where nothing hangs together: through the namespace's stack
            source, target = (self.path[step], self.path[step + 1])
            if pair <= self.shown:
                colour = self.theme.hues["path"][1]
                yield (
                    f'{_id(source)} -> {_id(target)} [color="{colour}", style=bold, constraint=false,'
                    f' arrowhead=vee, arrowsize=0.7, fontcolor="{colour}"];'
                )

    def _networks(self) -> Iterable[str]:
        """Each IP network that several links have an address in, as a thing of its own."""
        members: dict[str, list[Key]] = {}
        for key in self.topology.links:
            for addr in self.topology.addresses(key) if key in self.shown else ():
                net = ipaddress.ip_interface(f"{addr.peer or addr.local}/{addr.prefixlen}").network
                members.setdefault(str(net), []).append(key)
        look, line = THINGS["network"], LINES["network"]
        colour = self.theme.hues[look.hue][1]
        for network, some in members.items():
            if len(some) > 1:
                self.used |= {look, line}
                yield _node(f'"{network}"', f'"{network}"', look, colour, f'fontcolor="{colour}"')
                yield from (f'{_id(key)} -> "{network}" [color="{colour}", {line.how}];' for key in some)

    def _edge(self, relation: Relation, turned: bool, step: int | None) -> str:
        line = LINES[relation.how]
        self.used.add(line)
        colour, how = self.theme.hues[line.hue][1], line.how
        if mark := self.marks.get(relation, ""):
            colour = self.theme.hues[MARKS[mark].hue][1]
            how += ", style=dashed" if mark == "gone" else ""
        if step is not None:
            colour, how = self.theme.hues["path"][1], f"{how}, penwidth=3"
        if "parallel" in how:
            how, colour = how.replace("parallel", "penwidth=1.4"), f"{colour}:{self.theme.paper}:{colour}"
        source, target = relation.source, relation.target
        if turned:  # it stands at the other side, and points back
            source, target = target, source
            how = how if "dir=none" in how else how.replace("arrowhead", "dir=back, arrowtail")
        return f'{_id(source)} -> {_id(target)} [color="{colour}", {how.strip(", ")}];'

    @cached_property
    def _turned(self) -> set[Key]:
        """Every second port of a switch with many: they stand at its right, with what is behind them."""
        ports: dict[Key, list[Key]] = {}
        for relation in self.relations:
            if relation.how == "master":
                ports.setdefault(relation.target, []).append(relation.source)
        return {port for some in ports.values() if len(some) > MANY for port in some[len(some) // 2 :]}

    def _legend(self) -> str:
        """What the lines and colours in this picture mean, in one or two rows."""
        theme = self.theme
        entries = [
            f'<font color="{theme.hues[one.hue][1]}">{one.glyph}</font>&nbsp;{one.says}'
            for one in (*LINES.values(), *MARKS.values())
            if one in self.used
        ]
        entries += [
            f'<font color="{theme.hues[one.hue][1]}">■</font>&nbsp;{one.says}'
            for one in FAMILIES.values()
            if one in self.used
        ]
        if len(entries) < 2:
            return ""
        if any(not self.topology.links[key].up for key in self.shown if key in self.topology.links):
            entries.append(f'<font color="{theme.faint}">╌╌</font> dashed outline: down')
        half = len(entries) if len(entries) < 7 else (len(entries) + 1) // 2
        rows = ("&nbsp;&nbsp;&nbsp;".join(some) for some in (entries[:half], entries[half:]) if some)
        text = '<br align="left"/>'.join(rows)
        return f'<font point-size="10" color="{theme.faint}">{text}<br align="left"/></font>'


def look_of(link: Link) -> Look:
    """What a link looks like, by its kind's family in the catalogue."""
    if link.kind in KINDS:
        return FAMILIES[KINDS[link.kind].family]
    return FAMILIES.get(link.kind, FAMILIES[""])


def kind_words(link: Link) -> list[str]:
    """The kind, and its parameters that matter where they are not the usual ones."""
    words = [link.kind or ("wpan" if link.link_type.startswith("ieee") else "device")]
    if kind := KINDS.get(link.kind):
        usual = kind.usual
        for name in kind.shows:
            value = link.params.get(name)
            if value in (None, False, "") or (name in usual and value == usual[name] and name != "mode"):
                continue
            words += (
                [name] if value is True else [str(value)] if name in ("mode", "id", "table") else [f"{name} {value}"]
            )
    return [*words, *(["hairpin"] if link.port.get("hairpin") else [])]


def said_counters(counted: Mapping[str, int]) -> str:
    lost = Counter({way: counted.get(f"{way}_dropped", 0) + counted.get(f"{way}_errors", 0) for way in ("rx", "tx")})
    words = [f"rx {counted.get('rx_packets', 0)} tx {counted.get('tx_packets', 0)} packets"]
    return ", ".join(words + [f"{count} {way} lost" for way, count in lost.items() if count])


def _node(name: str, label: str, look: Look, line: str, more: str) -> str:
    return f'{name} [label={label}, shape={look.shape}, margin="{look.margin}", color="{line}", {more}];'


def _number(index: int) -> str:
    return NUMBERS[index] if index < len(NUMBERS) else f"({index + 1})"


def _natural(name: str) -> list[tuple[int, str]]:
    """For sorting as people do: n2 before n10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _id(key: Key) -> str:
    """A name that no other node has: what it has of backslashes is not what `texts` puts in for a character."""
    return f'"{texts.quoted("/".join(key).replace(chr(92), 2 * chr(92)))}"'
