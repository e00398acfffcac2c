"""What the agent sends of one capture, kept as it comes by a thread of its own; read into frames by who wants them."""

from __future__ import annotations

import json
import struct
import threading
from collections import Counter
from dataclasses import dataclass

from ..engine.agent.wire import BLOCK, DATA, EXIT, JOINED, LINKS, PART, REFUSED
from ..engine.channel import Stream
from ..errors import LabDied
from ..iproute import netlink
from .frames import count

IFI_TYPE = struct.Struct("=18xHi")  # in an RTM_NEWLINK message: the hardware's type and the link's index


@dataclass(frozen=True)
class Seen:
    """A link that the capture knows of."""

    netns: str
    index: int
    dev: str
    hatype: int


class Recorder:
    """Keeps up to `kept` bytes of blocks; counts frames beyond that in `over`, those that the kernel lost in `lost`.

    Each block is kept with the names that the links had when it came, by their indexes.
    """

    def __init__(self, stream: Stream, rings: dict[int, str], names: dict[str, dict[int, str]], kept: int) -> None:
        self.stream, self._rings, self._names, self._kept = stream, rings, names, kept
        self._lost: dict[int, int] = {}
        self._lock, self._blocks = threading.Lock(), list[tuple[str, dict[int, str], bytes]]()
        self.links: dict[tuple[str, int, str], Seen] = {}
        self.over: Counter[str] = Counter()
        self.refused: dict[str, str] = {}
        self.error: LabDied | None = None
        self.bytes = self.received = 0
        self._thread = threading.Thread(target=self._receive, name="vnetlearn-capture", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> Counter[str]:
        """How many frames the kernel had no room for, by namespace."""
        found: Counter[str] = Counter()
        for ring, lost in list(self._lost.items()):
            found[self._rings[ring]] += lost
        return found

    def new_blocks(self) -> list[tuple[str, dict[int, str], bytes]]:
        """What came since the last call: namespace, names, block. A link that was named meanwhile has its name."""
        with self._lock:
            blocks, self._blocks = self._blocks, []
            return [(netns, {**self._names.get(netns, {}), **names}, block) for netns, names, block in blocks]

    def end(self, seconds: float) -> bool:
        """Wait for the end, as long as something comes within `seconds`; whether it came."""
        before = -1
        while self._thread.is_alive() and before != self.received:
            before = self.received
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _receive(self) -> None:
        try:
            while True:
                kind, data = self.stream.receive()
                if kind == DATA:
                    what, ring, lost = PART.unpack_from(data)
                    self._take(what, ring, lost, data[PART.size :])
                    self.received += len(data)
                    self.stream.credit(len(data) - PART.size)
                elif kind == EXIT:
                    return
        except LabDied as error:
            self.error = error
        except (ValueError, LookupError, TypeError, struct.error) as error:
            self.error = self.stream.strayed(f"of a capture came {error!r}")
        finally:
            self.stream.forget()

    def _take(self, what: int, ring: int, lost: int, data: bytes) -> None:
        if what == REFUSED:
            answer = json.loads(data)
            self.refused[answer["netns"]] = answer["text"]
            return
        if what == JOINED:
            self._rings[ring] = json.loads(data)
        netns = self._rings[ring]
        self._lost[ring] = lost
        if what == BLOCK:
            self._keep(netns, data)
        elif what == LINKS:
            self._learn(netns, data)

    def _keep(self, netns: str, block: bytes) -> None:
        with self._lock:
            if self.bytes + len(block) > self._kept:
                self.over[netns] += count(block)
                return
            self.bytes += len(block)
            self._blocks.append((netns, self._names.get(netns, {}), block))

    def _learn(self, netns: str, messages: bytes) -> None:
        for kind, _, one in netlink.messages(messages):
            if kind == netlink.NEWLINK and (dev := netlink.ifname(one)):
                hatype, index = IFI_TYPE.unpack_from(one)
                self.links[netns, index, dev] = Seen(netns, index, dev, hatype)
                with self._lock:  # a new dictionary: blocks that came before keep theirs
                    self._names[netns] = {**self._names.get(netns, {}), index: dev}
