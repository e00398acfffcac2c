"""Two kinds side by side, by experiment: `vnetlearn compare macvlan ipvlan`, and what the lesson on them is made of.

Public as `vnetlearn.comparison`: `compare` makes all experiments, and each has a function of its own, which gives its
grid or its times.

    from vnetlearn import comparison
    comparison.reachability(*comparison.MODES["macvlan"])
"""

from __future__ import annotations

import io
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..display.amounts import milliseconds
from ..display.grid import Cell, Grid
from ..display.picture import Picture
from ..display.table import text_table
from ..errors import BadParameter
from ..files import refused, written
from ..kinds import kind
from ..lab.lab import Lab
from . import dhcp, plots, shared_card
from .shared_card import MODES, Mode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

T = TypeVar("T")
V = TypeVar("V")
Progress = Callable[[str], None]
AT_ONCE = 4  # labs beside one another: most of the time they wait for answers that never come


def quiet(text: str) -> None:
    """Progress that nobody wants to see."""


class RoundTrips(dict[str, dict[str, tuple[float, ...]]]):
    """Round-trip times in milliseconds: by mode, then to "child" and to "neighbour" where those answer."""

    def figure(self) -> Figure:
        """Every time as a dot, a row for each mode."""
        return plots.round_trips(self)

    def __repr__(self) -> str:
        rows = [[mode, *(_median(measured.get(to, ())) for to in plots.PANELS)] for mode, measured in self.items()]
        return text_table(["median of", *plots.PANELS.values()], rows)

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.figure().savefig(png, format="png", dpi=100)
        return png.getvalue()


def _median(times: Sequence[float]) -> str:
    return f"{milliseconds(statistics.median(times))} ms" if times else "no answer"


@dataclass(frozen=True)
class Comparison:
    """What came of all experiments; shows itself as text, saves itself with pictures.

    `times` has, for each mode, the round-trip times in milliseconds to the other child and to the neighbour.
    """

    kinds: tuple[str, ...]
    kernel: str
    engine: str
    reach: Grid
    parent: Grid
    outside: Grid
    dhcp: Grid
    times: RoundTrips
    before: Picture
    after: dict[str, Picture]

    def __repr__(self) -> str:
        parts = (
            ("Who reaches whom", self.reach),
            ("Can a child reach the parent?", self.parent),
            ("What the outside sees", self.outside),
            ("DHCP for two children", self.dhcp),
        )
        text = "\n\n".join(f"{title}\n{grid!r}" for title, grid in parts)
        head = f"{' and '.join(self.kinds)} on kernel {self.kernel} (engine {self.engine})"
        return f"{head}\n\n{text}\n\nRound trips\n{self.times!r}"

    def as_dict(self) -> dict[str, object]:
        """All results as plain values, for programs: a grid is a list of its rows, a row has its cells by column."""
        return {
            "kinds": list(self.kinds),
            "kernel": self.kernel,
            "engine": self.engine,
            "reach": _plain(self.reach),
            "parent": _plain(self.parent),
            "outside": _plain(self.outside),
            "dhcp": _plain(self.dhcp),
            "times_ms": self.times,
        }

    def save(self, folder: str | Path) -> list[Path]:
        """Write result.json, result.txt, before.svg, one picture of each kind and round-trips.svg; the files' paths.

        Raises `NotWritten`, `ToolMissing`.
        """
        home, tried = Path(folder), f"--save {folder}"
        with refused(home, tried):
            home.mkdir(parents=True, exist_ok=True)
        plot = io.BytesIO()
        self.times.figure().savefig(plot, format="svg")
        contents = {
            "result.json": json.dumps(self.as_dict(), indent=1).encode(),
            "result.txt": f"{self!r}\n".encode(),
            "before.svg": self.before.svg.encode(),
            **{f"{name}.svg": picture.svg.encode() for name, picture in self.after.items()},
            "round-trips.svg": plot.getvalue(),
        }
        for name, content in contents.items():
            with written(home / name, tried) as file:
                file.write(content)
        return [home / name for name in contents]


def compare(*kinds: str, engine: str | None = None, progress: Progress = quiet) -> Comparison:
    """Run all experiments on these kinds (macvlan and ipvlan by default): `vnetlearn compare macvlan ipvlan`.

    Takes a minute or two on an emulated kernel; `progress` is told what is being tried. Raises `BadParameter` for a
    kind that has no experiments, and what `Lab` raises.
    """
    names = tuple(kinds or MODES)
    modes = modes_of(*names)
    with Lab(kinds=names, engine=engine) as lab:
        before, kernel, used = lab.draw(), lab.kernel, lab.engine
    after = {name: _picture(MODES[name][0], used) for name in names}
    return Comparison(
        names,
        kernel,
        used,
        reachability(*modes, engine=used, progress=progress),
        parents(*[m for m in modes if m in PLAIN], engine=used, progress=progress),
        outside(*modes, engine=used, progress=progress),
        addresses(*[MODES[name][0] for name in names], engine=used, progress=progress),
        round_trips(*modes, engine=used, progress=progress),
        before,
        after,
    )


# The modes in which children reach each other: those in which the question about the parent is open.
PLAIN = (MODES["macvlan"][0], MODES["ipvlan"][0], MODES["ipvlan"][3], MODES["ipvlan"][6])


def modes_of(*names: str) -> list[Mode]:
    """All modes of these kinds. Raises `UnknownKind`, and `BadParameter` for one without experiments."""
    for name in names:
        if kind(name).name not in MODES:
            raise BadParameter(
                f"vnetlearn compare {' '.join(names)}",
                f"there are no experiments on {name}",
                "experiments are on kinds that share a card: " + ", ".join(MODES),
                "vnetlearn compare macvlan ipvlan",
            )
    return [mode for name in names for mode in MODES[name]]


def reachability(*modes: Mode, engine: str | None = None, progress: Progress = quiet) -> Grid:
    """Who reaches whom: one row for each mode, real pings in both directions in each cell, a reason where none came."""
    rows = _each(modes, lambda mode: shared_card.reach(mode, engine), "who reaches whom", progress)
    columns = list(shared_card.QUESTIONS)
    return Grid("mode", [m.name for m in modes], columns, [[row[c] for c in columns] for row in rows])


def parents(*modes: Mode, engine: str | None = None, progress: Progress = quiet) -> Grid:
    """Does a child reach the host's own address, and the third child's: two rows for each mode, a column a setting."""
    answers = _by_mode(
        modes,
        shared_card.SETTINGS,
        lambda m, setting: shared_card.parent(m, setting, engine),
        "the way to the parent",
        progress,
    )
    asked = [
        (mode, answer, target)
        for mode, answer in zip(modes, answers, strict=True)
        for target in (shared_card.HOST, shared_card.THIRD)
    ]
    columns = [setting.name for setting in shared_card.SETTINGS]
    cells = [[cell[target] for cell in answer] for _, answer, target in asked]
    return Grid("child of → address", [f"{mode.name} → {target}" for mode, _, target in asked], columns, cells)


def outside(*modes: Mode, engine: str | None = None, progress: Progress = quiet) -> Grid:
    """What the LAN notices: MAC addresses that the switch learns on the host's port, and who hears a broadcast."""
    answers = _each(modes, lambda mode: shared_card.seen(mode, engine), "what the switch sees", progress)
    listeners = ("host", *(netns for netns, _, _ in shared_card.CHILDREN))
    cells = [[Cell(True, str(len(a.macs))), *(Cell(a.heard.get(name)) for name in listeners)] for a in answers]
    return Grid(
        "mode", [m.name for m in modes], ["MACs on the switch's port", *(f"{n} hears" for n in listeners)], cells
    )


def addresses(*modes: Mode, engine: str | None = None, progress: Progress = quiet) -> Grid:
    """DHCP for two children, asked in three ways: what each got."""
    answers = _by_mode(modes, dhcp.WAYS, lambda mode, way: dhcp.leases(mode, way, engine), "DHCP", progress)
    columns = [f"{mode.name}: {netns}" for mode in modes for netns, _, _ in shared_card.CHILDREN]
    rows = [way.name for way in dhcp.WAYS]
    return Grid("asked", rows, columns, [[cell for a in answers for cell in a[row]] for row in range(len(rows))])


def round_trips(*modes: Mode, count: int = 100, engine: str | None = None, progress: Progress = quiet) -> RoundTrips:
    """Round-trip times in milliseconds by mode, to "child" and "neighbour" where they answer; one lab after another.

    Nothing else runs beside a measurement, or the processors would be shared with it.
    """
    times = _each(modes, lambda mode: shared_card.round_trips(mode, count, engine), "round trips", progress, at_once=1)
    return RoundTrips(zip([mode.name for mode in modes], times, strict=True))


def _by_mode(
    modes: Sequence[Mode], variants: Sequence[V], experiment: Callable[[Mode, V], T], what: str, progress: Progress
) -> list[list[T]]:
    """For each mode, what came of each variant: a lab of its own for every pair."""
    pairs = [(mode, variant) for mode in modes for variant in variants]
    for mode in modes:
        progress(f"{what}: {mode.name}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        came = list(pool.map(lambda pair: experiment(*pair), pairs))
    return [came[at : at + len(variants)] for at in range(0, len(came), len(variants))]


def _each(
    modes: Sequence[Mode], experiment: Callable[[Mode], T], what: str, progress: Progress, at_once: int = AT_ONCE
) -> list[T]:
    def one(mode: Mode) -> T:
        progress(f"{what}: {mode.name}")
        return experiment(mode)

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, modes))


def _picture(mode: Mode, engine: str) -> Picture:
    with Lab(kinds=shared_card.KINDS, engine=engine) as lab:
        shared_card.build(lab, mode)
        return lab.draw()


def _plain(grid: Grid) -> list[dict[str, object]]:
    return [
        {
            grid.corner: row,
            **{c: {"ok": cell.ok, "text": cell.text, "reason": cell.reason} for c, cell in _zip(grid, line)},
        }
        for row, line in zip(grid.rows, grid.cells, strict=True)
    ]


def _zip(grid: Grid, line: Sequence[Cell]) -> Iterable[tuple[str, Cell]]:
    return zip(grid.columns, line, strict=True)
