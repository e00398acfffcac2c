"""Lists of small values that show themselves as a table, in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from .. import texts


class Row(Protocol):
    """A value that can stand in a table: its cells, and the columns' names."""

    @property
    def COLUMNS(self) -> tuple[str, ...]: ...

    def row(self) -> tuple[object, ...]: ...


T = TypeVar("T", bound=Row)


class Table(tuple[T, ...]):
    """A tuple of values, a row each; the class of the first names the columns."""

    def _cells(self) -> tuple[Sequence[str], list[list[str]]]:
        if not self:
            return (), []
        columns = self[0].COLUMNS
        rows = [[show(cell) for cell in value.row()] for value in self]
        used = [i for i, _ in enumerate(columns) if any(row[i] for row in rows)]
        return [columns[i] for i in used], [[row[i] for i in used] for row in rows]

    def __repr__(self) -> str:
        columns, rows = self._cells()
        return text_table(columns, rows) if rows else "(none)"

    def _repr_html_(self) -> str:
        columns, rows = self._cells()
        return html_table(columns, rows) if rows else "<i>(none)</i>"


def show(value: object) -> str:
    """A cell's text: nothing for None, words joined by commas, dictionaries as `key value`."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return " ".join(f"{key} {show(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(map(show, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def text_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    grid = [[texts.line(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in grid) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in grid)


def html_table(columns: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    head = "".join(f"<th style='text-align:left'>{texts.markup(c)}</th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{texts.markup(c)}</td>" for c in row) + "</tr>" for row in rows
    )
    title = f"<caption>{texts.markup(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
