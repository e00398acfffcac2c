"""What is tried at an exercise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vnetlearn import Lab

Do = str | Callable[[Lab], None]
"""Shell text for the lab's first namespace, or Python verbs."""


@dataclass(frozen=True)
class Ways:
    """Attempts at one exercise: `others` solve it; `wrong` and `tricks` do not, with words that the answer has."""

    wrong: dict[Do, str]
    others: tuple[Do, ...]
    tricks: dict[Do, str] = field(default_factory=dict)
