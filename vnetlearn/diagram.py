"""A topology as a picture, by Graphviz."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BadParameter, ToolMissing
from .iproute import Link
from .kinds import KINDS
from .topology import Key, Topology, state

# What a link looks like goes by its kind's family in the catalogue: colour and shape, so that neither is needed alone.
CARD, SWITCH = 'shape=box, fillcolor="#dbeafe"', 'shape=octagon, fillcolor="#fde68a"'
CHILD, TUNNEL = 'shape=component, fillcolor="#dcfce7"', 'shape=cds, margin="0.25,0.1", fillcolor="#ede9fe"'
BUS, ALONE = 'shape=tab, fillcolor="#ccfbf1"', 'shape=note, fillcolor="#e5e7eb"'
LOOKS = {
    "pairs": CARD, "bridge-like": SWITCH, "redundancy": SWITCH, "routing": SWITCH, "sharing a card": CHILD,
    "tagging": CHILD, "tunnel": TUNNEL, "bus and radio": BUS,
}  # fmt: skip
EDGES = {
    "peer": 'dir=none, color="#1d4ed8", penwidth=2',
    "lower": 'color="#15803d", style=dashed, arrowhead=onormal, arrowsize=0.8',
    "master": 'color="#b45309", arrowhead=dot, arrowsize=0.6',
}
NOTABLE = ("mode", "private", "vepa", "id", "table")  # parameters that are shown, where a kind has them
# The tunnels' modules make these in every namespace (sysctl net.core.fb_tunnels_only_for_init_net).
FALLBACKS = {"gre0", "gretap0", "erspan0", "tunl0", "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"}
HEAD = """digraph lab {
graph [rankdir=LR, fontname="Helvetica", bgcolor="white", pad=0.1, nodesep=0.18, ranksep=0.6];
node [fontname="Helvetica", fontsize=11, color="#475569", margin="0.1,0.05", width=0.4, height=0.3];"""


@dataclass(frozen=True)
class Picture:
    """A drawing that shows itself in a notebook; its text is the picture read aloud."""

    dot: str
    text: str

    @property
    def svg(self) -> str:
        """The picture as SVG text. Raises `ToolMissing` when Graphviz's dot is not installed."""
        svg = render(self.dot, "svg").decode()
        title = f'<svg role="img" style="max-width:100%;height:auto" aria-label="{html.escape(self.text, quote=True)}"'
        return svg[svg.index("<svg") :].replace("<svg", title, 1)

    def save(self, path: str | Path) -> Path:
        """Write it to a file; its ending (svg, png, pdf) names the format. Raises `BadParameter`, `ToolMissing`."""
        file = Path(path)
        form = file.suffix[1:]
        if form not in ("svg", "png", "pdf"):
            raise BadParameter(
                f"save({str(path)!r})",
                f"no format {form!r}",
                "a picture's name tells its format",
                "end the name in .svg, .png or .pdf",
            )
        file.write_bytes(self.svg.encode() if form == "svg" else render(self.dot, form))
        return file

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.text}


def render(dot: str, form: str) -> bytes:
    import graphviz

    try:
        return bytes(graphviz.Source(dot).pipe(format=form))
    except graphviz.ExecutableNotFound:
        raise ToolMissing("dot -Tsvg", "dot: not found", "Graphviz draws the pictures, and is not installed",
                          "sudo apt install graphviz (vnetlearn doctor knows the words for other systems)") from None  # fmt: skip


def draw(topology: Topology, *, everything: bool = False) -> Picture:
    """Namespaces as boxes, in them their links with kind, addresses and state, and how the links hang together.

    From left to right: links that sit on others, those others, the switches. `everything` draws also what says
    nothing: loopbacks without a further address, and fallback devices of tunnels that are down. The same topology
    gives the same text.
    """
    shown = {key: link for key, link in topology.links.items() if everything or _says_something(key, link, topology)}
    edges = [r for r in topology.relations if r.source in shown and r.target in shown]
    lines = [HEAD]
    for number, netns in enumerate(topology.netns):
        entered = any(r.target[0] == netns != r.source[0] for r in edges)
        left = any(r.source[0] == netns != r.target[0] for r in edges)
        side = "r" if entered and not left else "l"  # of the name: where no edge crosses it
        lines += _namespace(number, netns, side, {k: v for k, v in shown.items() if k[0] == netns}, topology)
    lines += [f"{_id(edge.source)} -> {_id(edge.target)} [{EDGES[edge.how]}];" for edge in edges]
    return Picture("\n".join([*lines, "}"]), topology.read_aloud())


def _says_something(key: Key, link: Link, topology: Topology) -> bool:
    if link.kind == "loopback":
        return any(a.scope == "global" for a in topology.addrs.get(key, ()))
    return link.up or link.name not in FALLBACKS


def _namespace(number: int, netns: str, side: str, links: dict[Key, Link], topology: Topology) -> list[str]:
    lines = [
        f"subgraph cluster_{number} {{",
        f"label=<<b>{_escape(netns or 'host')}</b>>; labeljust={side}; fontsize=13; margin=8;"
        ' style="rounded,filled"; color="#94a3b8"; fillcolor="#f8fafc";',
    ]
    if not links:
        lines.append(f'empty_{number} [label="(no links)", shape=plaintext, fontcolor="#64748b"];')
    for key, link in links.items():
        style = "filled" if link.up else "filled,dashed"
        lines.append(f'{_id(key)} [label=<{_label(key, link, topology)}>, {_look(link)}, style="{style}"];')
    return [*lines, "}"]


def _look(link: Link) -> str:
    if not link.kind:
        return CARD
    return LOOKS.get(KINDS[link.kind].family, ALONE) if link.kind in KINDS else ALONE


def _label(key: Key, link: Link, topology: Topology) -> str:
    """Its name, kind and parameters in the first line, then its addresses, then what keeps it from working."""
    words = [link.kind or "device"]
    words += [
        name if link.params[name] is True else str(link.params[name]) for name in NOTABLE if link.params.get(name)
    ]
    words += ["hairpin"] if link.port.get("hairpin") else []
    rows = [f'<b>{_escape(link.name)}</b> <font color="#475569">{_escape(" ".join(words))}</font>']
    rows += [
        f'<font color="#1e3a8a">{_escape(str(a))}</font>' for a in topology.addrs.get(key, ()) if a.scope == "global"
    ]
    rows += [f'<font color="#b91c1c">{state(link)}</font>'] if state(link) != "up" else []
    return "<br/>".join(rows)


def _id(key: Key) -> str:
    return _quote("/".join(key))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _escape(text: str) -> str:
    return html.escape("".join(c if c.isprintable() else "?" for c in text))
