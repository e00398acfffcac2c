"""Who reaches whom, as a grid: for a terminal and for a notebook, with the reasons of the empty cells below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import texts
from .table import text_table


@dataclass(frozen=True)
class Cell:
    """One answer: `ok` (None where the question makes no sense), a short text, and why not."""

    ok: bool | None
    text: str = ""
    reason: str = ""


_COLOURS = {True: "#1b7f4b", False: "#b3261e", None: "#8a8f98"}
_SIGNS = {True: "✓", False: "✗", None: "–"}


@dataclass(frozen=True)
class Grid:
    """`cells[row][column]`, with the names of rows and columns; `corner` says how to read them."""

    corner: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[Cell]]

    def reasons(self) -> list[tuple[str, list[str]]]:
        """Each distinct reason of a cell without an answer, with the cells it holds for."""
        found: dict[str, list[str]] = {}
        for row, line in zip(self.rows, self.cells, strict=True):
            for column, cell in zip(self.columns, line, strict=True):
                if cell.reason:
                    found.setdefault(cell.reason, []).append(f"{row} → {column}" if row else column)
        return list(found.items())

    def __repr__(self) -> str:
        body = [
            [row, *(f"{_SIGNS[c.ok]} {c.text}".rstrip() for c in line)]
            for row, line in zip(self.rows, self.cells, strict=True)
        ]
        grid = text_table([self.corner, *self.columns], body)
        return "\n".join([grid, *(texts.lines(f"✗ {reason}: {_some(cells)}") for reason, cells in self.reasons())])

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:center'>{texts.markup(c)}</th>" for c in self.columns)
        body = "".join(
            f"<tr><th style='text-align:left'>{texts.markup(row)}</th>{''.join(map(_cell, line))}</tr>"
            for row, line in zip(self.rows, self.cells, strict=True)
        )
        notes = "".join(
            f"<li>{texts.markup(reason)} <small>({texts.markup(_some(cells))})</small></li>"
            for reason, cells in self.reasons()
        )
        corner = f"<th style='text-align:left'>{texts.markup(self.corner)}</th>"
        return f"<table><thead><tr>{corner}{head}</tr></thead><tbody>{body}</tbody></table>" + (
            f"<p>Why not:</p><ul>{notes}</ul>" if notes else ""
        )


def _cell(cell: Cell) -> str:
    title = f" title='{texts.markup(cell.reason)}'" if cell.reason else ""
    style = f"background:{_COLOURS[cell.ok]};color:white;text-align:center"
    return f"<td style='{style}'{title}>{_SIGNS[cell.ok]} {texts.markup(cell.text)}</td>"


def _some(cells: Sequence[str]) -> str:
    return "; ".join(cells[:6]) + (f"; and {len(cells) - 6} more" if len(cells) > 6 else "")
