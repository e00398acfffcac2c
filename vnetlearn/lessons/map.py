"""The map of all kinds: their families in one picture, and for each kind what it is for and where it is learned."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..display.picture import Picture
from ..display.table import text_table
from ..display.theme import FAMILIES, LIGHT
from ..display.widgets import block, image
from ..kinds import KINDS, Kind
from ..topology.diagram import HEAD
from .lessons import LESSONS

COLUMNS = ("kind", "what it is for", "time", "where")
TALL = 10  # kinds above one another


@dataclass(frozen=True)
class Map:
    """All kinds by family. Shows itself in a notebook as a picture, and a table whose links open the lessons.

    The links are relative to `folder`, the path from where they are shown to `notebooks/`.
    """

    folder: str = "."

    @cached_property
    def families(self) -> dict[str, list[Kind]]:
        """The kinds of each family, in the order of `theme.FAMILIES`."""
        found = {family: [kind for kind in KINDS.values() if kind.family == family] for family in FAMILIES}
        return {family: kinds for family, kinds in found.items() if kinds}

    @property
    def picture(self) -> Picture:
        """The families as boxes, each kind in the shape and colour of a lab's picture; bold: it has a lesson."""
        lines = [HEAD.format(text=LIGHT.text, paper=LIGHT.paper), "graph [rankdir=TB, newrank=true, ranksep=0.22];"]
        columns: list[list[str]] = [[]]
        for number, (family, kinds) in enumerate(self.families.items()):
            lines += _family(number, family, kinds)
            if len(columns[-1]) + len(kinds) > TALL:
                columns.append([])
            columns[-1] += [kind.name for kind in kinds]
        for column in columns:
            lines.append(" -> ".join(f'"{name}"' for name in column) + " [style=invis, weight=9];")
        words = (f"{family}: {', '.join(kind.name for kind in kinds)}" for family, kinds in self.families.items())
        return Picture("\n".join([*lines, "}"]), f"Device types by family. {'. '.join(words)}.")

    def rows(self, kinds: Iterable[Kind]) -> list[tuple[str, str, str, str]]:
        """A row for each kind, in the order of `COLUMNS`; where: its notebook's path, or the call of its explorer."""
        return [(kind.name, kind.says, _time(kind), kind.lesson or f'explore("{kind.name}")') for kind in kinds]

    def __repr__(self) -> str:
        tables = (f"{family}\n{text_table(COLUMNS, self.rows(kinds))}" for family, kinds in self.families.items())
        return "\n\n".join(tables)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        head = "".join(f"<th style='text-align:left'>{column}</th>" for column in COLUMNS)
        body = "".join(self._html(family, kinds) for family, kinds in self.families.items())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return {"text/html": block(image(self.picture) + table), "text/plain": repr(self)}

    def _html(self, family: str, kinds: Iterable[Kind]) -> str:
        rows = f"<tr><th colspan='4' style='text-align:left'>{html.escape(FAMILIES[family].says)}</th></tr>"
        for name, says, time, where in self.rows(kinds):
            link = f"<a href='{self.folder}/{where}'>{LESSONS[where].title}</a>" if where in LESSONS else ""
            cells = (f"<b>{name}</b>", html.escape(says), time, link or f"<code>{html.escape(where)}</code>")
            styles = ("left; white-space:nowrap", "left", "left; white-space:nowrap", "left")
            tds = (f"<td style='text-align:{style}'>{cell}</td>" for style, cell in zip(styles, cells, strict=True))
            rows += f"<tr>{''.join(tds)}</tr>"
        return rows


def _time(kind: Kind) -> str:
    return f"{LESSONS[kind.lesson].minutes} min" if kind.lesson else "5 min"


def _family(number: int, family: str, kinds: Iterable[Kind]) -> list[str]:
    look = FAMILIES[family]
    fill, line = LIGHT.hues[look.hue]
    lines = [
        f'subgraph cluster{number} {{ label="{family}"; style="filled,rounded"; fillcolor="{LIGHT.box}";',
        f'color="{LIGHT.border}"; fontsize=11;',
    ]
    for kind in kinds:
        name = f"<b>{kind.name}</b>" if kind.lesson else kind.name
        label = f'<{name}<br/><font point-size="9" color="{LIGHT.faint}">{html.escape(kind.title)}</font>>'
        lines.append(
            f'"{kind.name}" [label={label}, shape={look.shape}, margin="{look.margin}", style="{look.style}",'
            f' fillcolor="{fill}", color="{line}"];'
        )
    return [*lines, "}"]
