"""Progress as a table: every exercise, and what a learner has done of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .. import texts
from ..display.table import text_table
from .catalogue import EXERCISES
from .progress import Record, path, read

BAR = 20  # characters


@dataclass(frozen=True)
class Line:
    """One exercise for a table."""

    name: str
    title: str
    record: Record

    COLUMNS = ("exercise", "title", "progress", "not yet", "hints")

    def row(self) -> tuple[object, ...]:
        one = self.record
        return (self.name, self.title, one.state, one.attempts or "", one.hints or "")


def lines() -> list[Line]:
    """Every exercise, and whatever else the file has, with its record. Raises `ProgressError`."""
    records = read()
    found = [Line(one.name, one.title, records.pop(one.name, Record())) for one in EXERCISES.values()]
    return [*found, *(Line(texts.line(name), "(not among the exercises)", record) for name, record in records.items())]


def as_dict() -> dict[str, object]:
    """Progress for programs: the file, and for each exercise its title, its state and its record."""
    found = {
        one.name: {"title": one.title, "state": one.record.state, "alone": one.record.alone, **asdict(one.record)}
        for one in lines()
    }
    return {"file": str(path()), "exercises": found}


def text() -> str:
    """Progress as a table, by track, and where it is kept. Raises `ProgressError`."""
    all_lines = lines()
    tracks: dict[str, list[Line]] = {}
    for line in all_lines:
        tracks.setdefault(line.name.split("/")[0], []).append(line)
    bars = [_bar(track, rows) for track, rows in tracks.items()]
    cells = [[str(cell) for cell in line.row()] for line in all_lines]
    file = path()
    where = (
        f"Kept in {file}, on this computer only; rm {texts.word(str(file))} removes it."
        if file.exists()
        else f"Nothing done yet. Progress will be kept in {file}, on this computer only."
    )
    return "\n".join([text_table(Line.COLUMNS, cells), "", text_table(("track", "", "solved"), bars), "", where])


def _bar(track: str, rows: Sequence[Line]) -> list[str]:
    solved = sum(line.record.solved is not None for line in rows)
    full = BAR * solved // len(rows)
    return [track, "#" * full + "." * (BAR - full), f"{solved} of {len(rows)}"]
