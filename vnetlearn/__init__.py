"""Learn Linux virtual networking by doing it, on a real kernel, anywhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .exercises import EXERCISES, exercise
    from .experiments import comparison
    from .experiments import shared_card as sharing
    from .experiments.comparison import compare
    from .experiments.versus import explore_compare
    from .explorers.explorer import explore
    from .kinds import KINDS
    from .lab.lab import Lab, Node
    from .lab.world import WORLDS
    from .lessons.map import Map
    from .lessons.prediction import predict

__version__ = "0.1.0"
__all__ = [
    "EXERCISES",
    "KINDS",
    "WORLDS",
    "Lab",
    "Map",
    "Node",
    "compare",
    "comparison",
    "exercise",
    "explore",
    "explore_compare",
    "predict",
    "sharing",
]

# In which module each public name is; a module that is public as a whole has none in it.
_HOMES = {
    "EXERCISES": ("exercises", "EXERCISES"),
    "KINDS": ("kinds", "KINDS"),
    "WORLDS": ("lab.world", "WORLDS"),
    "Lab": ("lab.lab", "Lab"),
    "Map": ("lessons.map", "Map"),
    "Node": ("lab.lab", "Node"),
    "compare": ("experiments.comparison", "compare"),
    "comparison": ("experiments.comparison", ""),
    "exercise": ("exercises", "exercise"),
    "explore": ("explorers.explorer", "explore"),
    "explore_compare": ("experiments.versus", "explore_compare"),
    "predict": ("lessons.prediction", "predict"),
    "sharing": ("experiments.shared_card", ""),
}


def __getattr__(name: str) -> object:
    """The public names are imported when they are first used: `import vnetlearn` alone costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, inside = _HOMES[name]
    module = importlib.import_module(f".{home}", __name__)
    return getattr(module, inside) if inside else module


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext vnetlearn`: the cell magic `%%lab`."""
    from .lab.magics import load_ipython_extension as load

    load(shell)
