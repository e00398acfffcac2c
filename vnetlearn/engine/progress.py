"""What is said during steps that take longer than a second."""

from __future__ import annotations

import sys
from collections.abc import Callable

Progress = Callable[[str], None]


def say(text: str) -> None:
    """To the standard error, when a person reads it: a terminal, or a notebook."""
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        print(f"vnetlearn: {text}", file=sys.stderr, flush=True)
