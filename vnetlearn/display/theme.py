"""What things look like in a picture: colours by theme, a shape and a hue for each family, a line for each relation."""

# Tables of data, set as they read best:
# fmt: off

from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import BadParameter


@dataclass(frozen=True)
class Look:
    """A Graphviz shape, a hue of the theme, and what the legend calls it."""

    shape: str
    hue: str
    says: str
    style: str = "filled"
    margin: str = "0.11,0.05"


@dataclass(frozen=True)
class Line:
    """How a relation is drawn: a hue, Graphviz's attributes, and the same as text for the legend."""

    hue: str
    how: str
    glyph: str
    says: str


# By the family of the catalogue; "" is a card that no kind made. Colour and shape differ: neither is needed alone.
FAMILIES = {
    "": Look("box3d", "blue", "network card"),
    "loopback": Look("box", "grey", "loopback", "filled,rounded"),
    "pairs": Look("box", "blue", "end of a cable (veth)"),
    "bridge-like": Look("octagon", "amber", "switch (bridge)"),
    "redundancy": Look("hexagon", "orange", "several as one"),
    "routing": Look("folder", "rose", "own routing table (vrf)"),
    "sharing a card": Look("component", "green", "shares a card"),
    "tagging": Look("tab", "lime", "tag or seal on frames"),
    "tunnel": Look("cds", "violet", "tunnel", margin="0.2,0.11"),
    "bus and radio": Look("box, peripheries=2", "teal", "bus or radio"),
    "endpoints": Look("cylinder", "grey", "leads nowhere (dummy)"),
    "traffic control": Look("invtrapezium", "pink", "queue (ifb)"),
    "monitoring": Look("note", "grey", "listener"),
    "user space": Look("box", "sky", "leads to a program", "filled,diagonals"),
}
THINGS = {
    "process": Look("ellipse", "sky", "program", margin="0.02,0.02"),
    "netlink": Look("ellipse", "grey", "netlink", margin="0.02,0.02"),
    "bus": Look("underline", "teal", "bus"),
    "radio": Look("ellipse", "teal", "radio", margin="0.02,0.02"),
    "network": Look("ellipse", "blue", "IP network", margin="0.02,0.02"),
    "group": Look("ellipse", "violet", "multicast group", margin="0.02,0.02"),
}
LINES = {
    "peer": Line("blue", "dir=none, penwidth=2.2", "━━━", "cable"),
    "lower": Line("green", "style=dashed, arrowhead=onormal, arrowsize=0.8", "╌╌▷", "sits on"),
    "master": Line("amber", "arrowhead=dot, arrowsize=0.6", "──●", "port of"),
    "underlay": Line("violet", 'style=dotted, penwidth=1.6, arrowhead=vee, arrowsize=0.7', "┄┄▸", "sends through"),
    "tunnel": Line("violet", "dir=none, parallel", "═══", "tunnel"),
    "held": Line("sky", "style=dashed, arrowhead=diamond, arrowsize=0.7", "╌╌◆", "held by"),
    "redirect": Line("pink", "style=dashed, arrowhead=normal, arrowsize=0.8", "╌╌▶", "redirected to"),
    "hears": Line("grey", "style=dotted, arrowhead=odot, arrowsize=0.6", "┄┄○", "hears"),
    "bus": Line("teal", "dir=none, penwidth=3", "━━━", "on the bus"),
    "network": Line("blue", "style=dotted, dir=none, penwidth=1.6", "┄┄┄", "has an address in"),
    "radio": Line("teal", "style=dotted, dir=none, penwidth=2.2", "┅┅┅", "by radio"),
}
# What stands out, and what was changed (difference.py)
MARKS = {
    "highlight": Line("mark", "penwidth=3", "▣", "what is meant"),
    "path": Line("path", "penwidth=3", "①", "the way of the packet"),
    "new": Line("new", "penwidth=3", "▣", "new"),
    "gone": Line("gone", 'penwidth=2.4, style="filled,dashed"', "▢", "gone"),
    "changed": Line("changed", "penwidth=3", "▣", "changed"),
}


@dataclass(frozen=True)
class Theme:
    """Colours: of paper, boxes and text, and of each hue (fill, line)."""

    paper: str
    box: str
    border: str
    text: str
    faint: str
    address: str
    bad: str
    hues: dict[str, tuple[str, str]]


LIGHT = Theme(
    "#ffffff", "#f8fafc", "#94a3b8", "#0f172a", "#475569", "#1e3a8a", "#b91c1c",
    {
        "blue": ("#dbeafe", "#1d4ed8"), "sky": ("#cffafe", "#0e7490"), "teal": ("#ccfbf1", "#0f766e"),
        "green": ("#dcfce7", "#15803d"), "lime": ("#ecfccb", "#4d7c0f"), "amber": ("#fef3c7", "#b45309"),
        "orange": ("#ffedd5", "#c2410c"), "rose": ("#ffe4e6", "#be123c"), "pink": ("#fce7f3", "#be185d"),
        "violet": ("#ede9fe", "#6d28d9"), "grey": ("#e5e7eb", "#475569"),
        "mark": ("#fef9c3", "#ca8a04"), "path": ("#fee2e2", "#dc2626"), "new": ("#bbf7d0", "#16a34a"),
        "gone": ("#fee2e2", "#dc2626"), "changed": ("#fde68a", "#d97706"),
    },
)
DARK = Theme(
    "#0f172a", "#1e293b", "#64748b", "#f1f5f9", "#a3b2c7", "#bfdbfe", "#fca5a5",
    {
        "blue": ("#1e3a8a", "#60a5fa"), "sky": ("#164e63", "#22d3ee"), "teal": ("#134e4a", "#2dd4bf"),
        "green": ("#14532d", "#4ade80"), "lime": ("#365314", "#a3e635"), "amber": ("#713f12", "#fbbf24"),
        "orange": ("#7c2d12", "#fb923c"), "rose": ("#881337", "#fb7185"), "pink": ("#831843", "#f472b6"),
        "violet": ("#4c1d95", "#a78bfa"), "grey": ("#374151", "#9ca3af"),
        "mark": ("#854d0e", "#fde047"), "path": ("#7f1d1d", "#f87171"), "new": ("#166534", "#4ade80"),
        "gone": ("#7f1d1d", "#f87171"), "changed": ("#78350f", "#fbbf24"),
    },
)
THEMES = {"light": LIGHT, "dark": DARK}


def theme_of(name: str | None) -> Theme:
    """The theme of this name; without one that of the environment variable VNETLEARN_THEME. Raises `BadParameter`."""
    name = name or os.environ.get("VNETLEARN_THEME", "light")
    if name not in THEMES:
        raise BadParameter(
            f"draw(theme={name!r})",
            f"there is no theme {name!r}",
            "a theme is a set of colours",
            "one of " + ", ".join(THEMES),
        )
    return THEMES[name]
