"""`explore_compare("macvlan", "ipvlan")`: two labs beside one another, mode against mode, and who reaches whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..display import widgets
from ..display.grid import Cell, Grid
from ..display.picture import Picture
from ..display.widgets import block, image, lesson, part, printable, said
from ..lab.lab import Lab
from . import shared_card
from .comparison import modes_of
from .shared_card import Mode


def explore_compare(one: str = "macvlan", other: str = "ipvlan", *, engine: str | None = None) -> Versus:
    """Two kinds that share a card, each with a choice of its mode, in two labs: pictures, and a grid from real pings.

    Raises `UnknownKind`, `BadParameter` for a kind without experiments, and what `Lab` raises.
    """
    return Versus([modes_of(one), modes_of(other)], engine)


@dataclass
class Side:
    """One kind: its modes, the one that is shown, and what was seen of it."""

    modes: list[Mode]
    mode: Mode
    lab: Lab | None = None
    picture: Picture | None = None
    cells: dict[str, Cell] = field(default_factory=dict)


class Versus(widgets.Shown):
    """See `explore_compare`: `choose(side, mode)` is its choice, `wait()` waits for what that began.

    `close()` ends both labs.
    """

    def __init__(self, modes: list[list[Mode]], engine: str | None) -> None:
        import ipywidgets as w

        self.sides = [Side(some, some[0]) for some in modes]
        self.error: BaseException | None = None
        self._engine, self._closed = engine, False
        self._worker = widgets.Worker(self._busy, self._failed)
        self._choices = [
            w.Dropdown(
                description=side.mode.kind, options=[(mode.name, mode) for mode in side.modes], layout={"width": "22em"}
            )
            for side in self.sides
        ]
        self._pictures, self._answer, self._grid = [w.HTML(), w.HTML()], w.HTML(), w.HTML()
        self._answer.add_class("vnl-live")
        columns = [
            w.VBox([choice, picture], layout={"flex": "1 1 0", "min_width": "0"})
            for choice, picture in zip(self._choices, self._pictures, strict=True)
        ]
        self.widget = w.VBox(
            [w.HTML(block("")), w.HBox(columns, layout={"align_items": "flex-start"}), self._answer, self._grid]
        )
        for choice in self._choices:
            choice.observe(lambda _: self._worker.ask(self._renew), "value")
        self._worker.ask(self._renew)
        if not widgets.live():
            self.wait()

    def choose(self, side: int, name: str) -> None:
        """Show another mode at a side (0 or 1), by its name: as its control does."""
        self._choices[side].value = next(mode for mode in self.sides[side].modes if mode.name == name)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until what was chosen is shown; False when it is not after so many seconds."""
        return self._worker.wait(seconds)

    def close(self) -> None:
        """End both labs. Doing it twice does no harm."""
        self._closed = True
        self._worker.close()
        self._worker.wait()
        for side in self.sides:
            if side.lab:
                side.lab.close()
        for choice in self._choices:
            choice.disabled = True

    @property
    def grid(self) -> Grid:
        """Both modes, a row each: who reaches whom."""
        columns = list(shared_card.QUESTIONS)
        seen = [side for side in self.sides if side.cells]
        return Grid(
            "mode", [side.mode.name for side in seen], columns, [[side.cells[c] for c in columns] for side in seen]
        )

    def _renew(self) -> None:
        """A fresh lab for each side whose mode is another one now, its picture at once, then its row."""
        self.error = None
        self._answer.value = part(said("wait", "Labs are made and pings are on their way …"))
        changed = [
            (side, choice.value)
            for side, choice in zip(self.sides, self._choices, strict=True)
            if choice.value is not side.mode or side.lab is None
        ]
        alone = []
        for side, mode in changed:
            if side.lab:
                side.lab.close()
            side.mode, side.lab = mode, Lab(kinds=shared_card.KINDS, engine=self._engine)
            children = shared_card.build(side.lab, mode)
            alone.append(len(children) < 2)
            side.picture = side.lab.draw(focus=["host", *children])
            self._pictures[self.sides.index(side)].value = part(f"<p>{printable(mode.says)}</p>{image(side.picture)}")
        for (side, _), one in zip(changed, alone, strict=True):
            assert side.lab is not None
            side.cells = shared_card.answers(side.lab, alone=one)
        self._answer.value = ""
        self._grid.value = part(self.grid._repr_html_())

    def _busy(self, busy: bool) -> None:
        self._grid.layout.opacity = "0.4" if busy else "1"

    def _failed(self, error: BaseException) -> None:
        self.error = error
        if not self._closed:
            self._answer.value = part(lesson(error))

    def still(self) -> str:
        sides = "".join(
            f"<h4>{printable(side.mode.name)}</h4><p>{printable(side.mode.says)}</p>"
            f"{image(side.picture) if side.picture else ''}"
            for side in self.sides
        )
        return sides + (lesson(self.error) if self.error else "") + self.grid._repr_html_()

    def __repr__(self) -> str:
        return "\n".join([*(f"{side.mode.name}: {side.mode.says}" for side in self.sides), repr(self.grid)])
