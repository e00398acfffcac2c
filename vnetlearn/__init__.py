"""Learn Linux virtual networking by doing it, on a real kernel, anywhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .comparison import compare
    from .exercises import EXERCISES, exercise
    from .explorer import explore
    from .kinds import KINDS
    from .lab import Lab, Node
    from .prediction import predict
    from .versus import explore_compare
    from .world import WORLDS

__version__ = "0.1.0"
__all__ = ["EXERCISES", "KINDS", "WORLDS", "Lab", "Node", "compare", "exercise", "explore", "explore_compare",
           "predict"]  # fmt: skip

_HOMES = {"Lab": "lab", "Node": "lab", "KINDS": "kinds", "WORLDS": "world", "compare": "comparison",
          "explore": "explorer", "explore_compare": "versus", "exercise": "exercises", "EXERCISES": "exercises",
          "predict": "prediction"}  # fmt: skip


def __getattr__(name: str) -> Any:
    """The public names are imported when they are first used: `import vnetlearn` alone costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext vnetlearn`: the cell magic `%%lab`."""
    from .magics import load_ipython_extension as load

    load(shell)
