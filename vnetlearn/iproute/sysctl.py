"""`sysctl`: the kernel's network settings, as one namespace has them."""

from __future__ import annotations

import errno

from ..engine.channel import AgentRefused, Setting
from ..engine.program import no_namespace
from ..errors import BadParameter, NotFound
from .namespace import Namespace

DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
SWAPPED = str.maketrans("./", "/.")


class Sysctl:
    """`node.sysctl`: equal to `sysctl` in the node's namespace. Keys are written as there: `net.ipv4.ip_forward`.

    A dot in a link's name is a slash in a key, `net.ipv4.conf.eth0/1.forwarding`; or all is written with slashes,
    `net/ipv4/conf/eth0.1/forwarding` (sysctl.d(5)).
    """

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def get(self, key: str) -> str:
        """`sysctl -n KEY`. Raises `NotFound`."""
        words = ["sysctl", "-n", key]
        found = self._ask(words, key, None)
        if "value" not in found:
            raise self._missing(words, key, found)
        return found["value"]

    def set(self, key: str, value: int | str) -> None:
        """`sysctl -w KEY=VALUE`.

        Raises `BadParameter`, and `NotFound` for an unknown key or one that a lab may not write.
        """
        words = ["sysctl", "-q", "-w", f"{key}={value}"]
        found = self._ask(words, key, str(value))
        if found.get("step") == "write" and found["number"] not in DENIED:
            raise BadParameter(
                self._namespace.spell(words),
                _said(key, found),
                f"{key} cannot have the value {value!r}",
                f"sysctl -n {key} shows what it has now",
            )
        if "value" not in found:
            raise self._missing(words, key, found)
        self._namespace.wrote(self._namespace.spell(words))

    def _ask(self, words: list[str], key: str, value: str | None) -> Setting:
        try:
            return self._namespace.channel.sysctl(self._namespace.name, path(key), value)
        except AgentRefused as error:
            if error.netns is None:
                raise
            raise no_namespace(self._namespace.spell(words), self._namespace.name) from None

    def _missing(self, words: list[str], key: str, found: Setting) -> NotFound:
        return NotFound(
            self._namespace.spell(words),
            _said(key, found),
            "there is no such setting in this namespace, or it is not the network's",
            "sysctl -a -r PATTERN lists settings",
        )


def path(key: str) -> str:
    """Where a key is below /proc/sys: as it is when its first separator is a slash, else with dots and slashes swapped.

    >>> path("net.ipv4.conf.eth0/1.forwarding")
    'net/ipv4/conf/eth0.1/forwarding'
    """
    first = next((character for character in key if character in "./"), "/")
    return key if first == "/" else key.translate(SWAPPED)


def _said(key: str, found: Setting) -> str:
    """The error in sysctl(8)'s words."""
    if found["number"] in DENIED:
        return f'sysctl: permission denied on key "{key}"'
    if found["step"] == "open":
        return f"sysctl: cannot stat /proc/sys/{path(key)}: {found['said']}"
    return f'sysctl: {"setting" if found["step"] == "write" else "reading"} key "{key}": {found["said"]}'
