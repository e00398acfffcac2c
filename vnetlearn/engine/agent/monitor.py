"""What rtnetlink tells of all namespaces, as `ip monitor` hears it."""

from __future__ import annotations

import socket

from .loop import Loop, Source
from .netlink import listening
from .netns import Mounts, Namespaces
from .wire import CAME, GONE, HEARD, LOST, told

# Links, neighbours, addresses and routes (linux/rtnetlink.h, RTMGRP_…)
GROUPS = 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400


class Monitor(Source):
    """A netlink socket in each namespace; namespaces that come are added.

    To the owner: CAME, GONE, HEARD (a datagram) or LOST, a namespace, the bytes.
    """

    def __init__(self, loop: Loop, channel: int, namespaces: Namespaces) -> None:
        super().__init__(loop, channel)
        self._namespaces, self._sockets = namespaces, dict[str, socket.socket]()
        self._mounts = Mounts(loop, self._follow)
        try:
            for netns in ("", *namespaces.mounted()):
                self._add(netns)
        except BaseException:
            self._end()
            raise

    def _add(self, netns: str) -> None:
        with self._namespaces.inside(netns):
            s = listening(socket.NETLINK_ROUTE, GROUPS)
        self._sockets[netns] = s
        self.loop.watch(s.fileno(), lambda: self._heard(netns))

    def _heard(self, netns: str) -> None:
        try:
            data, what = self._sockets[netns].recv(1 << 18), HEARD
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: the kernel had more to say than found room
            data, what = b"", LOST
        self.send(told(LOST, netns, b"") if self.behind else told(what, netns, data))

    def _follow(self) -> None:
        names = self._namespaces.mounted()
        for netns in [name for name in self._sockets if name and name not in names]:
            self._forget(netns)
            self.send(told(GONE, netns, b""))
        for netns in [name for name in names if name not in self._sockets]:
            try:
                self._add(netns)
            except OSError:  # it has gone again, or there is no descriptor for it
                self.send(told(LOST, netns, b""))
            else:
                self.send(told(CAME, netns, b""))

    def _forget(self, netns: str) -> None:
        """An open socket would keep the namespace alive."""
        s = self._sockets.pop(netns)
        self.loop.unwatch(s.fileno())
        s.close()

    def eof(self) -> None:
        self._end()
        self.loop.ended(self.channel)

    def _end(self) -> None:
        self._mounts.close()
        for netns in list(self._sockets):
            self._forget(netns)
