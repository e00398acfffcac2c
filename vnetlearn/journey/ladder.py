"""A journey to look at: the ladder as text and as a table, and the numbered way in the picture."""

from __future__ import annotations

from .. import texts
from ..display.amounts import duration
from ..display.picture import Picture
from ..display.table import text_table
from ..display.theme import Theme, theme_of
from ..texts import markup
from ..topology.diagram import draw
from ..topology.model import Key
from .model import Hop, Trail

RING = ("0 0 0 2px {paper}, 0 0 0 4px {line}", "0 0 0 6px {paper}, 0 0 0 8px {line}")  # one for each wrapping


def since(ns: int | None) -> str:
    """A time since the hop before."""
    return "" if ns is None else f"+{duration(ns)}"


def summary(journey: Trail) -> str:
    """One line: what became of it, in how many hops and how much time."""
    hops = journey.main
    took = duration(max(0, hops[-1].frame.time - hops[0].frame.time)) if hops else ""
    counted = f"{len(hops)} hop{'s' * (len(hops) != 1)}, {took}" if hops else "it never left"
    if journey.end is not None:
        return f"✗ ended {journey.end.at}; {counted}" if hops else f"✗ {counted}"
    return f"✓ {'answered' if journey.reply else 'arrived'}; {counted}"


def said(hop: Hop) -> list[str]:
    """What changed at a hop, and what is not certain there."""
    lines = list(hop.changes)
    if hop.ambiguous:
        lines.append(doubt(hop))
    return lines


def doubt(hop: Hop) -> str:
    return f"one of {hop.candidates} frames that fit equally: they cannot be told apart"


def text(journey: Trail) -> str:
    """The ladder in a terminal: a line for each hop, copies set in."""
    home = journey.topology.called
    rows: list[list[str]] = []
    for number, hop in enumerate(journey.hops):
        where = f"{home(hop.netns)}/{hop.dev}"
        first, *more = said(hop) or [""]
        indent = "" if hop.main else "  "
        if hop.reply and not journey.hops[number - 1].reply:
            rows.append(["", "", f"— {journey.answer} —", "", ""])
        rows.append([hop.label, since(hop.since), f"{indent}{where}", hop.direction, first])
        rows += [["", "", "", "", line] for line in more]
    lines = [texts.line(journey.title)]
    if rows:
        lines.append(text_table(("#", "since the last", "where", "", "what changed"), rows))
    lines.append(texts.line(summary(journey)))
    if journey.end is not None:
        lines += map(texts.lines, [f"  {journey.end.reason}", *(f"    {line}" for line in journey.end.evidence)])
    return "\n".join(lines)


def html(journey: Trail) -> str:
    """The ladder, and below it the way in the topology."""
    drawing = picture(journey).svg if journey.hops else ""
    return f"<div>{table(journey)}{drawing}</div>"


def picture(journey: Trail, step: str | None = None) -> Picture:
    """The topology with the main way in it; with `step`, as far as that hop, which stands out."""
    hops, links = journey.main, journey.topology.links
    there = [place for place in journey.path if place in links]
    if step is not None:
        hops = hops[: [hop.label for hop in hops].index(step) + 1]
    path = [hop.place for hop in hops if hop.place in links]
    here = [hop.place for hop in hops[-1:] if step is not None and hop.place in links]
    end = journey.end
    notes = {(end.netns, end.dev): ("✗ it ended here",)} if end and step is None else {}
    return draw(journey.topology, notes=notes, path=path, highlight=here, focus=there or None, legend=False)


# The table


def table(journey: Trail) -> str:
    """A column for each link, grouped by namespace; a row for each hop, with an arrow from the link before."""
    return _Table(journey, theme_of(None)).html()


class _Table:
    def __init__(self, journey: Trail, theme: Theme) -> None:
        self.journey, self.theme = journey, theme
        self.called = journey.topology.called
        first = sorted(journey.hops, key=lambda hop: not hop.main)  # the main way's links first
        spaces = list(dict.fromkeys(hop.netns for hop in first))
        self.lanes = [p for netns in spaces for p in dict.fromkeys(hop.place for hop in first) if p[0] == netns]
        self.groups = [(netns, sum(p[0] == netns for p in self.lanes)) for netns in spaces]
        self.width = len(self.lanes) + 3

    def html(self) -> str:
        theme, journey = self.theme, self.journey
        rows = [self._head()]
        for number, hop in enumerate(journey.hops):
            if hop.reply and not journey.hops[number - 1].reply:
                rows.append(self._across(journey.answer))
            rows.append(self._row(hop))
        if journey.end is not None:
            rows.append(self._end())
        good = journey.end is None
        colour = theme.hues["new" if good else "gone"][1]
        return (
            f'<div style="overflow-x:auto;background:{theme.paper};color:{theme.text};padding:10px 12px;'
            f'border-radius:8px;font:13px/1.45 system-ui,Helvetica,Arial,sans-serif">'
            f'<div style="font-size:15px;font-weight:600">{markup(journey.title)}</div>'
            f'<div style="color:{colour};font-weight:600;margin:2px 0 8px">{markup(summary(journey))}</div>'
            f'<table role="table" aria-label="{markup("Journey: " + journey.title)}"'
            ' style="border-collapse:collapse;border:0;margin:0;'
            f'color:{theme.text}">{"".join(rows)}</table></div>'
        )

    def _head(self) -> str:
        """The namespaces, and below each its links."""
        cell = f"text-align:center;padding:2px 6px;border:0;background:{self.theme.paper};color:{self.theme.text};"
        spaces = "".join(
            f'<th scope="colgroup" colspan="{count}" style="{cell}border-bottom:2px solid {self.theme.border};'
            f'border-left:8px solid {self.theme.paper};font-weight:600">{markup(self.called(netns))}</th>'
            for netns, count in self.groups
        )
        links = "".join(
            f'<th scope="col" style="{cell}font-weight:500;min-width:64px;color:{self.theme.text}">{markup(dev)}'
            f'<br><span style="font-weight:400;font-size:11px;color:{self.theme.faint}">'
            f"{markup(self._kind((netns, dev)))}</span></th>"
            for netns, dev in self.lanes
        )
        left = f"{cell}text-align:left;vertical-align:bottom;font-weight:500;color:{self.theme.faint}"
        row = f'<tr style="background:{self.theme.paper}">'
        changed = f'<th scope="col" style="{left};padding-left:14px">what changed</th>'
        return (
            f'<thead>{row}<td colspan="2" style="{cell}"></td>{spaces}<td style="{cell}"></td></tr>'
            f'{row}<th scope="col" style="{left}">#</th>'
            f'<th scope="col" style="{left}">since the last</th>{links}{changed}</tr></thead>'
        )

    def _kind(self, place: Key) -> str:
        link = self.journey.topology.links.get(place)
        return (link.kind or "card") if link else ""

    def _row(self, hop: Hop) -> str:
        theme = self.theme
        faint = "" if hop.main else "opacity:.6;"
        plain = f"border:0;text-align:left;background:{theme.paper};color:{theme.text};padding:5px 6px;"
        words = "".join(f"<div>{markup(line)}</div>" for line in hop.changes)
        if hop.ambiguous:
            fill, line = theme.hues["amber"]
            words += (
                f'<div style="background:{fill};color:{theme.text};border-left:3px solid {line};padding:0 6px">'
                f"{markup(doubt(hop))}</div>"
            )
        if not hop.main:
            words = f"<div><i>copy</i></div>{words}"
        return (
            f'<tr style="background:{theme.paper};{faint}">'
            f'<th scope="row" style="{plain}font-weight:600">{markup(hop.label)}</th>'
            f'<td style="{plain}white-space:nowrap;color:{theme.faint};font-variant-numeric:tabular-nums">'
            f"{markup(since(hop.since))}</td>"
            f'{self._cells(hop)}<td style="{plain}padding-left:14px;min-width:200px;max-width:420px">{words}</td></tr>'
        )

    def _cells(self, hop: Hop) -> str:
        to = self.lanes.index(hop.place)
        source = self.lanes.index(hop.before.place) if hop.before else to
        return "".join(self._cell(lane, source, to, hop) for lane in range(len(self.lanes)))

    def _cell(self, lane: int, source: int, to: int, hop: Hop) -> str:
        """The link's line downwards; across it, the part of the arrow that lies in this column; at its end, the hop."""
        theme = self.theme
        line = theme.hues["orange" if hop.reply else "blue"][1]
        layers = []
        low, high = min(source, to), max(source, to)
        if low < high and low <= lane <= high:
            start = 50 if lane == low else 0
            stop = 50 if lane == high else 100
            layers.append(
                f"linear-gradient(90deg,transparent {start}%,{line} {start}%,{line} {stop}%,transparent {stop}%)"
                " center/100% 2px no-repeat"
            )
        layers.append(f"linear-gradient({theme.border},{theme.border}) center/1px 100% no-repeat")
        inside = self._chip(hop, to - source) if lane == to else ""
        return (
            f'<td style="border:0;padding:5px 4px;text-align:center;white-space:nowrap;'
            f'background:{",".join(layers)},{theme.paper}">{inside}</td>'
        )

    def _chip(self, hop: Hop, step: int) -> str:
        theme = self.theme
        line = theme.hues["orange" if hop.reply else "blue"][1]
        # violet: what no one can read here
        fill = theme.hues["violet" if hop.peeled.sealed else "orange" if hop.reply else "blue"][0]
        rings = ",".join(ring.format(paper=theme.paper, line=theme.hues["violet"][1]) for ring in RING[: hop.depth])
        shadow = f"box-shadow:{rings};margin:{4 * min(hop.depth, 2)}px;" if rings else ""
        spoken = f"{'out of' if hop.direction == 'out' else 'in at'} {hop.dev} in {self.called(hop.netns)}"
        spoken += f", in {hop.depth} wrapping{'s' * (hop.depth > 1)}" if hop.depth else ""
        head = f'<span aria-hidden="true" style="color:{line}">{{}}</span>'
        before = head.format("▶") if step > 0 else ""
        behind = head.format("◀") if step < 0 else ""
        return (
            f'{before}<span role="img" aria-label="{markup(spoken)}" title="{markup(spoken)}"'
            f' style="display:inline-block;padding:0 7px;border:1.5px solid {line};border-radius:9px;'
            f'background:{fill};color:{theme.text};font-size:12px;{shadow}">'
            f"{hop.direction}</span>{behind}"
        )

    def _across(self, words: str) -> str:
        line = self.theme.hues["orange"][1]
        return (
            f'<tr style="background:{self.theme.paper}"><td colspan="{self.width}" style="border:0;'
            f"border-top:1px dashed {line};"
            f'text-align:left;color:{line};font-weight:600;padding:6px 6px 2px">{markup(words)}</td></tr>'
        )

    def _end(self) -> str:
        """A cross on the link where it ended, and below it the reason with its evidence."""
        end = self.journey.end
        assert end is not None
        paper = self.theme.paper
        fill, line = self.theme.hues["gone"]
        place = (end.netns, end.dev)
        cross = f'<span aria-hidden="true" style="color:{line};font-size:18px;font-weight:700;line-height:1">✗</span>'
        rail = f"linear-gradient({self.theme.border},{self.theme.border}) top/1px 50% no-repeat,"
        cells = "".join(
            f'<td style="border:0;padding:0;text-align:center;background:{rail if lane == place else ""}{paper}">'
            f"{cross if lane == place else ''}</td>"
            for lane in self.lanes
        )
        blank = f'style="border:0;padding:0;background:{paper}"'
        marked = f'<tr style="background:{paper}"><td colspan="2" {blank}></td>{cells}<td {blank}></td></tr>'
        evidence = "".join(f"<div>{markup(one)}</div>" for one in end.evidence)
        return (
            f"{marked if place in self.lanes else ''}"
            f'<tr style="background:{paper}">'
            f'<td colspan="{self.width}" style="border:0;padding:8px 0 0;text-align:left">'
            f'<div style="background:{fill};border-left:4px solid {line};padding:6px 10px;color:{self.theme.text}">'
            f'<div style="font-weight:600">✗ {markup(end.at)}: {markup(end.reason)}</div>'
            f'<div style="font:12px/1.5 ui-monospace,monospace;white-space:pre-wrap">{evidence}</div></div></td></tr>'
        )
