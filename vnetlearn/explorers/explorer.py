"""`explore("vxlan")`: one kind with its parameters as controls, made on a real kernel at each click.

from vnetlearn import explore
explore("bridge")
"""

from __future__ import annotations

import shlex

from ..display import widgets
from ..display.amounts import milliseconds
from ..display.picture import Picture
from ..display.widgets import block, image, lesson, listing, part, printable, said
from ..engine.program import Result
from ..errors import BadParameter, VnetlearnError
from ..kinds import KINDS, Kind, kind, words
from ..kinds.record import Params
from ..lab.lab import Lab
from ..lab.ping import Ping
from .controls import Controls
from .scene import Made, Play

LABS_AT_ONCE = 4  # of explorers that made their own: a notebook that is run again and again must not fill the memory
_open: list[Explorer] = []


def explore(name: str | Kind, lab: Lab | None = None, *, engine: str | None = None) -> Explorer:
    """A kind to try out: its parameters as controls, the `ip` command, the kernel's answer, the picture, its traffic.

    It plays in a lab of its own (on `engine`), or in `lab`. Of the explorers with labs of their own the last four
    stay, and one for each kind; those before are closed. Raises `UnknownKind`, `BadParameter` for a port, and what
    `Lab` raises; `CommandFailed` or `NotFound` when `lab` has not what the scene needs.
    """
    found = kind(name)
    if found.name not in KINDS:
        raise BadParameter(
            f"explore({found.name!r})",
            f"{found.name} is no kind of link",
            "it is what a link becomes as a port",
            f"explore({found.name.removesuffix('_slave')!r})",
        )
    return Explorer(found, lab, engine)


class Explorer(widgets.Shown):
    """See `explore`. `apply()` is its button, `wait()` waits for what it started, `close()` ends it and its own lab."""

    def __init__(self, kind: Kind, lab: Lab | None = None, engine: str | None = None) -> None:
        self.kind, self._engine, self._own, self._closed = kind, engine, lab is None, False
        self._play = self._stage(lab)
        self.made: Made | None = None
        self.error: BaseException | None = None
        self.picture: Picture | None = None
        self.pings: list[Ping] = []
        self.results: list[Result] = []
        self._worker = widgets.Worker(self._busy, self._failed)
        self._build()
        self.apply()
        if not widgets.live():
            self.wait()

    @property
    def lab(self) -> Lab:
        return self._play.lab

    def _stage(self, lab: Lab | None) -> Play:
        """The scene's stage, in the lab that was given or in a new one."""
        if lab is None:
            for one in [one for one in _open if one.kind is self.kind and one is not self]:
                one.close()
            for one in _open[: max(0, len(_open) - LABS_AT_ONCE + 1)]:
                one.close()
        world = self.kind.play().stage.world
        play = Play(self.kind, lab or Lab(world, kinds=[self.kind.name], engine=self._engine))
        try:
            play.build()
        except BaseException:
            if lab is None:
                play.lab.close()
            raise
        if lab is None and self not in _open:
            _open.append(self)
        return play

    def close(self) -> None:
        """End it, and the lab that it made; doing it twice does no harm."""
        if self._closed:
            return
        self._closed = True
        self._worker.close()
        if self._own:
            self.lab.close()
        self._worker.wait()
        if self in _open:
            _open.remove(self)
        self.button.disabled = True
        self._answer.value = part(said("wait", "It was closed. Run its cell again for a new one."))

    # What is shown

    def _build(self) -> None:
        import ipywidgets

        scene, html = self._play.scene, ipywidgets.HTML
        links = [card.split("/")[1] for cable in scene.stage.cables for card in cable] or ["eth0"]
        self.controls = Controls(self.kind, self._play.example, scene.first, tuple(dict.fromkeys(links)), self._preview)
        self.button = ipywidgets.Button(
            description="Apply", button_style="primary", icon="play", tooltip="Make the link anew with these parameters"
        )
        reset = ipywidgets.Button(description="Example", icon="undo", tooltip="Back to the parameters of the example")
        self.mirrored = ipywidgets.Checkbox(
            value=True, description="the other end gets the same", indent=False, layout={"width": "auto"}
        )
        self.button.on_click(lambda _: self.apply())
        reset.on_click(lambda _: self.controls.reset())
        self.mirrored.observe(lambda _: self._preview(), "value")
        self._command, self._answer = html(), html(layout={"min_height": "3em"})
        self._picture, self._traffic = html(), html()
        row = [self.button, reset, *([self.mirrored] if len(scene.ends) > 1 else [])]
        self.widget = ipywidgets.VBox(
            [
                html(block(self._title())),
                self.controls.widget,
                self._command,
                ipywidgets.HBox(row, layout={"margin": "6px 0"}),
                self._answer,
                self._picture,
                self._traffic,
            ],
            layout={"max_width": "72em", "overflow": "visible"},
        )
        self._preview()

    def _title(self) -> str:
        scene = self._play.scene
        return (
            f"<h3 style='margin:0.2em 0'>{self.kind.name}: {printable(self.kind.title)}</h3>"
            f"<p>{printable(self.kind.says)}<br><b>Here:</b> {printable(scene.stage.says)} {printable(scene.says)}</p>"
        )

    def commands(self) -> list[str]:
        """The `ip` commands that Apply makes the links with, as the controls stand. Raises `BadParameter`."""
        return self._play.commands(self.controls.params(), self.mirrored.value)

    def _preview(self) -> None:
        try:
            text = listing("\n".join(self.commands()))
        except VnetlearnError as error:
            text = lesson(error)
        self._command.value = part(text)

    # What a click does

    def apply(self) -> None:
        """Make the link anew with the parameters as they stand, in the background; then draw, then let traffic run."""
        if self._closed:
            return
        mirrored = bool(self.mirrored.value)
        try:
            given = self.controls.params()
        except VnetlearnError as error:
            self._failed(error)
            return
        self._worker.ask(lambda: self._try(given, mirrored))

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for what a click has started; False when it still runs after so many seconds."""
        return self._worker.wait(seconds)

    def _try(self, given: Params, mirrored: bool) -> None:
        self.error, self.pings, self.results = None, [], []
        if self._own and not self.lab.alive and not self._closed:
            self._play = self._stage(None)  # the one before has died
        self.made = self._play.make(given, mirrored)
        self.error = self.made.error
        self._answer.value = part(self._answered())
        topology = self.lab.topology(settled=True)
        mine = [(link.netns, link.name) for link in self.made.links]
        self.picture = topology.draw(highlight=[key for key in mine if key in topology.links])
        self._picture.value = part(image(self.picture))
        self._traffic.value = part(said("wait", "Traffic is on its way …") if self.made.links else "")
        if self.made.links:
            self.pings = self._play.pings()
            self.results = self._play.scripts()
        self._traffic.value = part(self._seen())

    def _busy(self, busy: bool) -> None:
        self.button.description, self.button.icon = ("Working …", "hourglass") if busy else ("Apply", "play")

    def _failed(self, error: BaseException) -> None:
        if not self._closed:
            self.error = error
            self._answer.value = part(lesson(error))

    def _answered(self) -> str:
        """The kernel's answer: what it made, and as it tells of it; or why not."""
        assert self.made is not None
        parts = [lesson(self.made.error)] if self.made.error else []
        if links := self.made.links:
            where = " and ".join(
                f"<b>{printable(link.name)}</b> in {printable(link.netns or 'host')}" for link in links
            )
            told = "\n".join(
                f"{link.netns or 'host'}: {link.index}: {link.label} mtu {link.mtu} {link.kind} "
                + shlex.join(words(link.kind, link.params) if link.kind in KINDS and not KINDS[link.kind].pair else [])
                for link in links
            )
            parts.insert(
                0,
                said(
                    "yes",
                    f"✓ The kernel has {where}.<details><summary>What it tells of them"
                    f"</summary>{listing(told)}</details>",
                ),
            )
        return "".join(parts)

    def _seen(self) -> str:
        rows = "".join(
            f"<div class='said {'yes' if one.ok else 'no'}'>{'✓' if one.ok else '✗'} ping from "
            f"<b>{printable(one.source or 'host')}</b> to <b>{printable(one.target)}</b>: "
            + (f"answered in {milliseconds(one.avg, 2)} ms" if one.avg is not None else printable(one.reason))
            + "</div>"
            for one in self.pings
        )
        return rows + "".join(listing(f"$ {one.command}\n{one.stdout}{one.stderr}".rstrip()) for one in self.results)

    def still(self) -> str:
        parts = [self._title()]
        try:
            parts.append(listing("\n".join(self.commands())))
        except VnetlearnError as error:
            parts.append(lesson(error))
        parts.append(self._answered() if self.made else lesson(self.error) if self.error else "")
        return "".join([*parts, image(self.picture) if self.picture else "", self._seen()])

    def __repr__(self) -> str:
        answer = str(self.error) if self.error else ""
        made = "".join(
            f"\nmade: {link.label} in {link.netns or 'host'}" for link in (self.made.links if self.made else ())
        )
        try:
            commands = "\n".join(self.commands())
        except VnetlearnError as error:
            commands = str(error)
        seen = "".join(f"\n{one}" for one in self.pings)
        return f"{self.kind.name}: {self.kind.title}\n{commands}{made}{answer}{seen}"
