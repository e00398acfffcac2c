"""`sysctl`: the kernel's network settings, as one namespace has them."""

from __future__ import annotations

from ..errors import BadParameter, NotFound
from .namespace import Namespace


class Sysctl:
    """`node.sysctl`: equal to `sysctl` in the node's namespace. Keys are written as there: `net.ipv4.ip_forward`."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def get(self, key: str) -> str:
        """`sysctl -n KEY`. Raises `NotFound`."""
        result = self._namespace.ask(["sysctl", "-n", key])
        if result.status:
            raise self._missing(["sysctl", "-n", key], result.stderr)
        return result.stdout.strip()

    def set(self, key: str, value: int | str) -> None:
        """`sysctl -w KEY=VALUE`.

        Raises `BadParameter`, and `NotFound` for an unknown key or one that a lab may not write.
        """
        words = ["sysctl", "-q", "-w", f"{key}={value}"]
        result = self._namespace.ask(words)
        if "Invalid argument" in result.stderr or "out of range" in result.stderr:
            raise BadParameter(
                self._namespace.spell(words),
                result.stderr.strip(),
                f"{key} cannot have the value {value!r}",
                f"sysctl -n {key} shows what it has now",
            )
        if result.status or result.stderr:
            raise self._missing(words, result.stderr)
        self._namespace.wrote(self._namespace.spell(words))

    def _missing(self, words: list[str], said: str) -> NotFound:
        return NotFound(
            self._namespace.spell(words),
            said.strip(),
            "there is no such setting in this namespace, or it is not the network's",
            "sysctl -a -r PATTERN lists settings",
        )
