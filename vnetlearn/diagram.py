"""A topology as a picture, by Graphviz."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BadParameter, ToolMissing
from .iproute import Link
from .topology import Key, Topology

# The look of a kind: fill colour and shape, by what it is like. Colours are told apart by shape too.
CARD, SWITCH, PAIR, CHILD, TUNNEL, OTHER = (
    ("#dbeafe", "box"), ("#fde68a", "octagon"), ("#dbeafe", "box"), ("#dcfce7", "component"), ("#ede9fe", "cds"), ("#e5e7eb", "box"),
)  # fmt: skip
LOOKS = {
    "veth": PAIR, "bridge": SWITCH, "bond": SWITCH, "vrf": SWITCH, "hsr": SWITCH, "macvlan": CHILD, "macvtap": CHILD,
    "ipvlan": CHILD, "vlan": CHILD, "macsec": CHILD, "lowpan": CHILD, "": CARD,
    **dict.fromkeys(("vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "ipip", "sit", "ip6tnl", "vti"), TUNNEL),
}  # fmt: skip
EDGES = {
    "peer": "dir=none, color='#1d4ed8', penwidth=2",
    "lower": "color='#15803d', style=dashed, arrowhead=onormal, xlabel=''",
    "master": "color='#b45309', arrowhead=dot",
}


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
            raise BadParameter(f"save({str(path)!r})", f"no format {form!r}", "a picture's name tells its format", "end the name in .svg, .png or .pdf")
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


def draw(topology: Topology, *, loopback: bool = False) -> Picture:
    """Namespaces as boxes, links in them with kind, addresses and state; `loopback` draws lo where it has no more to say."""
    shown = {
        key: link
        for key, link in topology.links.items()
        if loopback or link.kind != "loopback" or any(a.scope == "global" for a in topology.addrs.get(key, ()))
    }
    lines = [
        "digraph lab {",
        'graph [fontname="Helvetica", bgcolor="white", pad=0.2, nodesep=0.35, ranksep=0.55, rankdir=BT, compound=true];',
        'node [fontname="Helvetica", fontsize=11, style="filled", color="#475569", margin="0.14,0.07"];',
        'edge [fontname="Helvetica", fontsize=9];',
    ]
    for number, netns in enumerate(topology.netns):
        lines += _namespace(number, netns, {k: v for k, v in shown.items() if k[0] == netns}, topology)
    for relation in topology.relations:
        if relation.source in shown and relation.target in shown:
            style = EDGES[relation.how].replace("'", '"')
            lines.append(f"{_id(relation.source)} -> {_id(relation.target)} [{style}];")
    return Picture("\n".join([*lines, "}"]), topology.read_aloud())


def _namespace(number: int, netns: str, links: dict[Key, Link], topology: Topology) -> list[str]:
    label = _quote(netns or "host")
    lines = [
        f"subgraph cluster_{number} {{",
        f'label=<<b>{_escape(netns or "host")}</b>>; tooltip={label}; style="rounded,filled"; color="#94a3b8";'
        ' fillcolor="#f8fafc"; fontsize=13; labeljust=l; labelloc=b;',
    ]
    if not links:
        lines.append(f'empty_{number} [label="(no links)", shape=plaintext, style="", fontcolor="#64748b"];')
    for key, link in links.items():
        fill, shape = LOOKS.get(link.kind, OTHER)
        style = "filled" if link.up else "filled,dashed"
        lines.append(f'{_id(key)} [label=<{_label(key, link, topology)}>, fillcolor="{fill}", shape={shape}, style="{style}"];')
    return [*lines, "}"]


def _label(key: Key, link: Link, topology: Topology) -> str:
    mode = " ".join(k if link.params[k] is True else str(link.params[k]) for k in ("mode", "private", "vepa", "id") if link.params.get(k))
    rows = [f"<b>{_escape(link.name)}</b>", _escape(f"{link.kind or 'device'} {mode}".strip())]
    rows += [f'<font color="#1e3a8a">{_escape(str(a))}</font>' for a in topology.addrs.get(key, ()) if a.scope == "global"]
    if not link.up:
        rows.append('<font color="#b91c1c">down</font>')
    elif link.state not in ("UP", "UNKNOWN"):
        rows.append(f'<font color="#b91c1c">{_escape(link.state.lower())}</font>')
    return "<br/>".join(rows)


def _id(key: Key) -> str:
    return _quote("/".join(key))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _escape(text: str) -> str:
    return html.escape("".join(c if c.isprintable() else "?" for c in text))
