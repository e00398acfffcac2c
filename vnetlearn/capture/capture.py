"""Frames from all links of a lab at once, as the kernel saw them: `tcpdump -i any` in every namespace."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .. import texts
from ..display.amounts import milliseconds, size
from ..display.table import Table, html_table, text_table
from ..engine.channel import ANSWER_SECONDS, AgentRefused
from ..errors import BadParameter, LabDied, NotFound, VnetlearnError
from ..iproute.netns import Namespaces, Node
from ..iproute.refusals import explain
from ..topology import selection
from ..topology.model import Key, Snapshot
from ..topology.selection import Where
from ..topology.topology import read
from . import bpf, frames
from .drops import Drop, Drops
from .frames import Frame
from .recorder import Recorder, Seen

if TYPE_CHECKING:
    from scapy.packet import Packet

C = TypeVar("C", bound="Capture")
KEPT = 128 << 20  # bytes of what the kernel gives that a capture keeps
LINES = 1000  # of a table
COUNTS = ("link", "in", "out", "bytes")

__all__ = ["Capture", "Frame", "Line", "Lines"]


class Line:
    """A frame as tcpdump tells it; `ms` are milliseconds since the first one."""

    COLUMNS = ("", "ms", "netns", "dev", "", "frame")

    def __init__(self, frame: Frame, first: int, netns: str, text: str) -> None:
        self.frame, self.netns, self.text = frame, netns, text
        self.ms = (frame.time - first) / 1e6

    def row(self) -> tuple[object, ...]:
        return (
            self.frame.number,
            milliseconds(self.ms),
            self.netns,
            self.frame.dev,
            "Out" if self.frame.direction == "out" else "In",
            self.text,
        )


class Lines(Table[Line]):
    """The table of a capture, and below it what is not in it."""

    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *map(texts.line, self.notes)])

    def _repr_html_(self) -> str:
        return super()._repr_html_() + _paragraphs(self.notes)


class Capture:
    """`with lab.capture() as cap:` records until the end of the block; `start()` and `stop()` do so without a `with`.

    `frames` can be read during and after it; `topology` is what was there at its start. Nothing is lost in silence:
    `dropped` counts the frames that found no room, `notes` say so in words, and the table and the file have it too.
    A capture keeps 128 MiB (`kept` bytes), and the kernel up to 64 MiB (16 in a guest) until they are fetched.
    """

    def __init__(
        self, netns: Namespaces[Node], where: Sequence[Where] = (), filter: str = "", *, kept: int = KEPT, ring: int = 0
    ) -> None:
        self.netns, self.filter, self._kept, self._ring = netns, filter, kept, ring
        self.topology = read(netns)
        self._only = _meant(self.topology, where)
        self._program = bpf.compiled(netns.host, filter)
        self._recorder: Recorder | None = None
        self._frames: tuple[Frame, ...] = ()
        self._stopped, self._since = False, 0
        self._drops = Drops(netns.channel)

    def __enter__(self: C) -> C:
        return self.start()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self.stop()
        except LabDied:
            if error is None:
                raise

    def start(self: C) -> C:
        """Begin; a packet that is sent after this is recorded.

        Raises `NotFound`, `LabDied`, and `BadParameter` the second time.
        """
        if self._recorder is not None:
            raise BadParameter(
                "start()",
                "this capture has begun before",
                "a capture records one time",
                "make a new one: lab.capture()",
            )
        self._drops.start()  # first, so that of no frame's end the kernel's report is missing
        try:
            stream, rings, self._since = self.netns.channel.capture(self._programs(), not self._only, self._ring)
        except AgentRefused as error:
            self._drops.stop()
            raise _refused(error) from None
        names: dict[str, dict[int, str]] = {}
        for (netns, dev), link in self.topology.links.items():
            names.setdefault(netns, {})[link.index] = dev
        self._recorder = Recorder(stream, rings, names, self._kept)
        return self

    def _programs(self) -> dict[str, str]:
        """For each namespace its program; by default that of the first for all."""
        if not self._only:
            return {"": bpf.encoded(self._program)}
        return {
            netns: bpf.encoded(bpf.only(sorted(indexes), self._program) if indexes else self._program)
            for netns, indexes in self._only.items()
        }

    def stop(self) -> None:
        """End; what was sent before is recorded. Twice does no harm. Raises `LabDied` when the lab ended meanwhile."""
        if self._recorder is None or self._stopped:
            return
        try:
            self._recorder.stream.eof()
        except LabDied:
            pass  # the recorder knows it too
        if not self._recorder.end(ANSWER_SECONDS):
            self.netns.channel.hang_up(f"it did not end a capture within {ANSWER_SECONDS:.0f} s")
            self._recorder.end(ANSWER_SECONDS)
        self._stopped = True
        self._drops.stop()
        if self._recorder.error is not None:
            raise self._recorder.error

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames up to now, in the order of the kernel's timestamps."""
        blocks = self._recorder.new_blocks() if self._recorder else []
        came = (frame for netns, names, block in blocks for frame in frames.read(block, netns, names))
        new = [frame for frame in came if frame.time >= self._since]
        if new:
            self._frames = _merged(self._frames, new)
        return self._frames

    @property
    def drops(self) -> tuple[Drop, ...]:
        """What the lab's kernel said of packets that it threw away meanwhile, where it is the lab's own (engine vm)."""
        return self._drops.found

    @property
    def dropped(self) -> int:
        """How many frames found no room, in all namespaces."""
        return (self._recorder.lost + self._recorder.over).total() if self._recorder else 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not in this capture, in words."""
        if self._recorder is None:
            return ("It has not begun: use it with `with`, or start().",)
        recorder, found = self._recorder, []
        for counts, why in (
            (recorder.lost, "the kernel's buffer was full: they came faster than they could be fetched"),
            (recorder.over, f"a capture keeps {size(self._kept)}"),
        ):
            if counts.total():
                where = ", ".join(f"{self.topology.called(netns)} {count}" for netns, count in (+counts).items())
                found.append(f"{counts.total()} frames dropped ({where}): {why}.")
        found += [
            f"Namespace {self.topology.called(netns)} is not recorded: {why}."
            for netns, why in recorder.refused.items()
        ]
        found += [f"The lab ended before the capture did: {recorder.error.why}."] if recorder.error else []
        return tuple(found)

    @property
    def packets(self) -> list[Packet]:
        """The frames as Scapy packets, with their time in seconds and `sniffed_on` the link ("NAMESPACE/LINK")."""
        from decimal import Decimal

        found = []
        for frame in self.frames:
            packet: Any = frame.packet.copy()
            packet.time, packet.wirelen = Decimal(frame.time).scaleb(-9), frame.length
            packet.sniffed_on = f"{frame.netns or self.topology.home}/{frame.dev}"
            found.append(packet)
        return found

    def table(self, count: int = LINES) -> Lines:
        """A line for each of the first `count` frames, as `tcpdump -n -e` words it. Raises `ToolMissing`."""
        from .tcpdump import told

        every = self.frames
        shown = every[:count]
        called = self.topology.called
        rows = (Line(f, every[0].time, called(f.netns), text) for f, text in zip(shown, told(shown), strict=True))
        lines, more = Lines(rows), len(every) - len(shown)
        lines.notes = (
            *([f"{more} further frames are not shown: table(count={len(every)})."] if more else []),
            *self.notes,
        )
        return lines

    def save(self, path: str | Path) -> Path:
        """Write a pcapng file for Wireshark, which shows each frame with its link's name. Raises `NotWritten`."""
        from .pcapng import write

        every, recorder = self.frames, self._recorder
        seen = list(recorder.links.values()) if recorder else []
        lost = recorder.lost + recorder.over if recorder else Counter[str]()
        return write(Path(path), every, self._chosen(seen), lost, self.topology)

    def _chosen(self, seen: Iterable[Seen]) -> list[Seen]:
        """Of the links that are known, those that were to be recorded."""
        return [
            one
            for one in seen
            if not (self._only and (indexes := self._only.get(one.netns)) and one.index not in indexes)
        ]

    def _counts(self) -> tuple[str, list[list[str]]]:
        every = self.frames
        way = Counter((frame.key, frame.direction) for frame in every)
        octets: Counter[Key] = Counter()
        for frame in every:
            octets[frame.key] += frame.length
        rows = [
            [
                f"{self.topology.called(netns)}/{dev}",
                str(way[(netns, dev), "in"]),
                str(way[(netns, dev), "out"]),
                str(count),
            ]
            for (netns, dev), count in sorted(octets.items())
        ]
        going_on = "" if self._stopped or not self._recorder else ", it goes on"
        return f"{len(every)} frames" + (f" ({texts.line(self.filter)})" if self.filter else "") + going_on, rows

    def __repr__(self) -> str:
        title, rows = self._counts()
        return "\n".join([title, *([text_table(COUNTS, rows)] if rows else []), *map(texts.line, self.notes)])

    def _repr_html_(self) -> str:
        title, rows = self._counts()
        return (html_table(COUNTS, rows, title) if rows else f"<p>{texts.markup(title)}</p>") + _paragraphs(self.notes)


def _merged(old: tuple[Frame, ...], new: list[Frame]) -> tuple[Frame, ...]:
    """All in the order of time, numbered from 1; what was numbered before and moves is a new Frame."""
    from dataclasses import replace

    time = attrgetter("time")
    cut = bisect_left(old, min(map(time, new)), key=time)
    tail = sorted([*old[cut:], *new], key=time)
    for at, frame in enumerate(tail):
        if frame.number == 0:  # nobody has it yet
            object.__setattr__(frame, "number", cut + at + 1)
        elif frame.number != cut + at + 1:
            tail[at] = replace(frame, number=cut + at + 1)
    return (*old[:cut], *tail)


def _meant(seen: Snapshot, where: Sequence[Where]) -> dict[str, set[int]]:
    """Namespaces and the indexes of the links that are meant there; an empty set is all, also those that come."""
    found: dict[str, set[int]] = {}
    for one in where:
        whole = selection.namespace(seen, one)
        keys = selection.keys(seen, one, f"capture({one!r})")
        if whole is not None:
            found[whole] = set()
            continue
        for key in keys:
            if found.get(key[0]) != set():
                found.setdefault(key[0], set()).add(seen.links[key].index)
    return found


def _refused(error: AgentRefused) -> VnetlearnError:
    import errno

    said = error.strerror or str(error)
    if error.errno == errno.ENOENT:
        return NotFound("tcpdump -i any", said, "a namespace that was to be recorded is gone", "lab.netns.show()")
    if error.errno == errno.ENOMEM:
        return VnetlearnError(
            "tcpdump -i any",
            said,
            "the kernel has no memory for the buffers of so many namespaces",
            'name those that you want to record: lab.capture("ns1", "ns2")',
        )
    if error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.ENOPROTOOPT):
        return VnetlearnError(
            "tcpdump -i any", said, "this kernel gives no packet sockets with rings (packet(7))", "Lab(engine='vm')"
        )
    return explain("tcpdump -i any", ["monitor"], error.errno or 0, "")


def _paragraphs(notes: Sequence[str]) -> str:
    return "".join(f"<p><b>{texts.markup(note)}</b></p>" for note in notes)
