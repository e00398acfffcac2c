"""`sysctl`: the kernel's network settings, as one namespace has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadParameter, NotFound

if TYPE_CHECKING:
    from ..lab.lab import Node


class Sysctl:
    """`node.sysctl`: equal to `sysctl` in the node's namespace. Keys are written as there: `net.ipv4.ip_forward`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def get(self, key: str) -> str:
        """`sysctl -n KEY`. Raises `NotFound`."""
        result = self._node.ask(["sysctl", "-n", key])
        if result.status:
            raise self._missing(["sysctl", "-n", key], result.stderr)
        return result.stdout.strip()

    def set(self, key: str, value: int | str) -> None:
        """`sysctl -w KEY=VALUE`. Raises `NotFound` for an unknown key or one that a lab may not write, `BadParameter`."""
        words = ["sysctl", "-q", "-w", f"{key}={value}"]
        result = self._node.ask(words)
        if "Invalid argument" in result.stderr or "out of range" in result.stderr:
            raise BadParameter(
                self._node.spell(words),
                result.stderr.strip(),
                f"{key} cannot have the value {value!r}",
                f"sysctl -n {key} shows what it has now",
            )
        if result.status or result.stderr:
            raise self._missing(words, result.stderr)
        self._node.lab.wrote(self._node.spell(words))

    def _missing(self, words: list[str], said: str) -> NotFound:
        return NotFound(
            self._node.spell(words),
            said.strip(),
            "there is no such setting in this namespace, or it is not the network's",
            "sysctl -a -r PATTERN lists settings",
        )
