"""The engines by name, and what all of them give: a lab's namespaces on a kernel that runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..iproute.netns import Namespaces, Node

ENGINES = ("host", "vm")
N = TypeVar("N", bound=Node)


@dataclass(frozen=True)
class Started(Generic[N]):
    """An engine that runs: the release of its `kernel`, the namespaces, and what ends it with all that is in it."""

    kernel: str
    netns: Namespaces[N]
    close: Callable[[], None]


def start(engine: str, node: Callable[[Namespaces[Node], str], N]) -> Started[N]:
    """Start an engine; `node` makes its nodes. Raises `EngineUnavailable`, `ToolMissing`, `ImageError`, `LabDied`."""
    running = importlib.import_module(f"...engine.{engine}", __name__).start()
    return Started(running.kernel, Namespaces(running.channel, node), running.close)
