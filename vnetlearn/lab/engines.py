"""The engines by name, and what all of them give: a lab's namespaces on a kernel that runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

from ..engine.running import Running
from ..errors import Shortage
from ..iproute.netns import Namespaces, Node

ENGINES = ("host", "vm")
N = TypeVar("N", bound=Node)


def start(engine: str, node: Callable[[Namespaces[Node], str], N]) -> tuple[Running, Namespaces[N]]:
    """Start an engine; `node` makes the nodes of its namespaces.

    Raises `EngineUnavailable`, `ToolMissing`, `ImageError`, `LabDied`, `Shortage`.
    """
    try:
        running: Running = importlib.import_module(f"...engine.{engine}", __name__).start()
    except OSError as error:
        raise Shortage(f"Lab(engine={engine!r})", error) from None
    return running, Namespaces(running.channel, node)
