"""The user's cache folder, and locks between processes that use it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from .errors import ImageError


def cache_folder(*parts: str) -> Path:
    """$XDG_CACHE_HOME/vnetlearn (or ~/.cache/vnetlearn), or a folder below it; made when it does not exist.

    Raises `ImageError` when the user may not write there.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    folder = root.joinpath("vnetlearn", *parts)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(
            f"mkdir -p {folder}",
            error.strerror or str(error),
            "the cache folder cannot be made",
            "set XDG_CACHE_HOME to a folder that you can write to",
        ) from None
    return folder


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Be the only one, of all processes and threads, between here and the end of the block; waits for its turn."""
    with open(file, "a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
