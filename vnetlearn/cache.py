"""Where vnetlearn keeps what it made or found out: images, kernels, answers about this machine."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(*below: str) -> Path:
    """`$XDG_CACHE_HOME/vnetlearn`, by default `~/.cache/vnetlearn`, or a folder below it; made when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base, "vnetlearn", *below)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
