"""The user's folders, by the XDG Base Directory Specification, and locks between processes that use them."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from platformdirs.unix import Unix

from .errors import ImageError

# The same names on every system. It reads the environment each time, and leaves out relative values.
FOLDERS = Unix("vnetlearn")


def cache_folder(*parts: str) -> Path:
    """$XDG_CACHE_HOME/vnetlearn (or ~/.cache/vnetlearn), or a folder below it; made when it does not exist.

    Raises `ImageError` when the user may not write there.
    """
    folder = FOLDERS.user_cache_path.joinpath(*parts)
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


def data_folder() -> Path:
    """$XDG_DATA_HOME/vnetlearn (or ~/.local/share/vnetlearn), which may not exist yet."""
    return FOLDERS.user_data_path


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Be the only one, of all processes and threads, between here and the end of the block; waits for its turn."""
    with open(file, "a") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield
