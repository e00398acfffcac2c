"""`lab.panel()`: the lab as it is now, redrawn when the kernel tells of a change, whoever made it."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from .. import texts
from ..display import widgets
from ..display.picture import Picture
from ..display.widgets import block, image, lesson, listing, part, said
from ..errors import VnetlearnError
from ..iproute.netns import Namespaces, Node
from ..texts import markup
from ..topology.model import Key, state
from ..topology.topology import Topology, read
from .monitor import Event, Monitor

LINES = 200  # of the log
MONITOR = "as <code>ip monitor</code> says it, the newest first"
HEADS = ("", "link", "state", "rx packets", "rx bytes", "tx packets", "tx bytes", "lost")


class Watched(Protocol):
    """What a panel needs of a lab."""

    @property
    def netns(self) -> Namespaces[Node]: ...


class Panel(widgets.Shown):
    """See `Lab.panel`. `close()` ends it; the lab goes on. It ends by itself when the lab does, and says so."""

    def __init__(self, lab: Watched) -> None:
        self.lab = lab
        self.error: BaseException | None = None
        self.log: tuple[Event, ...] = ()
        self.topology: Topology | None = None
        self.picture: Picture | None = None
        self._closed = False
        self._looking = threading.Lock()  # a click's thread and the monitor's both look
        self._worker = widgets.Worker(lambda busy: None, self._failed)
        self._switches: dict[Key, Any] = {}
        self._build()
        self._look()
        self._monitor = Monitor(lab.netns, self._heard, self._failed)

    def close(self) -> None:
        """Follow no more. Doing it twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._monitor.close()
        self._worker.close()
        self._worker.wait()
        self._stop("It was closed. Run its cell again to follow the lab.")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until what a click asked for is done; False when it is not after so many seconds."""
        return self._worker.wait(seconds)

    # What is shown

    def _build(self) -> None:
        import ipywidgets as w

        self._answer, self._picture, self._counters, self._log = w.HTML(), w.HTML(), w.HTML(), w.HTML()
        self._answer.add_class("vnl-live")
        self._row = w.HBox([], layout={"flex_flow": "row wrap"})
        self.refresh = w.Button(
            description="Read counters", icon="refresh", tooltip="Read the counters again", layout={"width": "auto"}
        )
        self.refresh.on_click(lambda _: self._worker.ask(self._look))
        switches, log = w.HTML(part("<b>Set a link up or down</b>")), w.HTML(part(f"<b>What changed</b>, {MONITOR}"))
        self.widget = w.VBox(
            [
                w.HTML(block("")),
                self._answer,
                self._picture,
                switches,
                self._row,
                w.HBox([self.refresh]),
                self._counters,
                log,
                self._log,
            ],
            layout={"max_width": "72em"},
        )
        self._show_log()

    def _look(self) -> None:
        """Read the lab, and show it."""
        with self._looking:
            self.topology = read(self.lab.netns, stats=True)
            picture = self.topology.draw()
            if self.picture is None or picture.dot != self.picture.dot:
                self.picture = picture
                self._picture.value = part(image(picture))
            self._counters.value = part(self._table())
            self._show_switches(self.topology)

    def _show_switches(self, topology: Topology) -> None:
        """A switch for each link; they follow what the kernel says, and are made anew when other links are there."""
        import ipywidgets as w

        wanted = [key for key, link in topology.links.items() if link.kind != "loopback"]
        if wanted != list(self._switches):
            self._switches = {key: w.ToggleButton(layout={"width": "auto"}) for key in wanted}
            for key, switch in self._switches.items():
                switch.observe(lambda change, key=key: self._switched(key, bool(change["new"])), "value")
            self._row.children = tuple(self._switches.values())
        for key, switch in self._switches.items():
            up = topology.links[key].up
            name = texts.line(f"{topology.called(key[0])}/{key[1]}")
            switch.value, switch.icon = up, "check" if up else "times"
            switch.description = f"{name} {'up' if up else 'down'}"
            switch.tooltip = f"ip link set {name} {'down' if up else 'up'}"

    def _switched(self, key: Key, up: bool) -> None:
        """A switch that says something else than the last reading was moved by a hand."""
        link = self.topology.links.get(key) if self.topology else None
        if not self._closed and (link is None or link.up != up):
            self._worker.ask(lambda: self._set(key, up))

    def _set(self, key: Key, up: bool) -> None:
        self._answer.value = ""
        try:
            self.lab.netns.node(key[0]).link.set(key[1], up=up)
        finally:
            self._look()

    def _table(self) -> str:
        """The counters of all links (`ip -s link`)."""
        assert self.topology is not None
        rows = []
        for key, link in self.topology.links.items():
            n = self.topology.stats.get(key, {})
            lost = sum(n.get(name, 0) for name in ("rx_dropped", "rx_errors", "tx_dropped", "tx_errors"))
            cells = (
                self.topology.called(key[0]),
                key[1],
                state(link),
                n.get("rx_packets", 0),
                n.get("rx_bytes", 0),
                n.get("tx_packets", 0),
                n.get("tx_bytes", 0),
                lost,
            )
            rows.append(
                "<tr>"
                + "".join(f"<td style='text-align:{_side(i)}'>{markup(str(c))}</td>" for i, c in enumerate(cells))
            )
        head = "".join(f"<th style='text-align:{_side(i)}'>{name}</th>" for i, name in enumerate(HEADS))
        table = f"<table><tr>{head}</tr>{''.join(rows)}</table>"
        return f"<details><summary>Counters of {len(rows)} links</summary>{table}</details>"

    def _show_log(self) -> None:
        text = "\n".join(map(str, reversed(self.log))) or "Nothing yet. Change something in a cell or in a terminal."
        self._log.value = part(f'<div role="log" style="max-height:16em;overflow:auto">{listing(text)}</div>')

    # What happens

    def _heard(self, events: list[Event]) -> None:
        """From the monitor's thread: something has changed."""
        if self._closed:
            return
        self.log = (*self.log, *events)[-LINES:]
        self._show_log()
        try:
            self._look()
        except VnetlearnError as error:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self._answer.value = part(lesson(error))
        if not self.lab.netns.channel.alive:
            self._stop("The lab has ended; this is how it was last.")

    def _stop(self, why: str) -> None:
        self._closed = True
        for control in (*self._switches.values(), self.refresh):
            control.disabled = True
        self._answer.value += part(said("wait", why))

    def still(self) -> str:
        told = listing("\n".join(map(str, self.log))) if self.log else ""
        return (image(self.picture) if self.picture else "") + self._table() + told

    def __repr__(self) -> str:
        return "\n".join([self.picture.text if self.picture else "", *map(str, self.log)])


def _side(column: int) -> str:
    return "left" if column < 3 else "right"
