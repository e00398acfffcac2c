"""Files that are written for a learner: whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import NotWritten, Shortage, VnetlearnError

# What is wrong with a path, by the number of the error: why, and what to do
WRONG = {
    errno.ENOENT: ("its folder is not there", "make the folder first, or name another one"),
    errno.ENOTDIR: ("a part of its path is a file, and no folder", "name a folder that is there"),
    errno.EISDIR: ("that is a folder", "name a file in it"),
    errno.EACCES: ("you may not write there", "name a file in a folder of your own"),
    errno.EPERM: ("you may not write there", "name a file in a folder of your own"),
    errno.EROFS: ("what is there can only be read", "name a file in a folder that you can write to"),
    errno.ENAMETOOLONG: ("the name is too long", "a file's name has 255 bytes at most"),
    errno.ELOOP: ("links lead there in a circle", "name the file itself"),
}


@contextlib.contextmanager
def written(path: str | Path, tried: str) -> Iterator[BinaryIO]:
    """Write to this, and it is there as `path` at the end of the block; `tried` is what was asked for, for an error.

    Raises `NotWritten`; then nothing is left, and a file that was there before is as it was. Where `path` is a link,
    the file that it leads to is written; what is no plain file (a pipe, a device) is written directly.
    """
    with refused(path, tried):
        file = Path(os.path.realpath(path))
        if file.exists() and not stat.S_ISREG(file.stat().st_mode):
            with open(file, "wb") as out:
                yield out
            return
        if file.exists():  # what may not be written is not replaced either
            os.close(os.open(file, os.O_WRONLY))
        new = file.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with open(new, "xb") as out:
                yield out
                out.flush()
                os.fsync(out.fileno())
            if file.exists():
                new.chmod(stat.S_IMODE(file.stat().st_mode))
            new.replace(file)
        except BaseException:
            new.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def refused(path: str | Path, tried: str) -> Iterator[None]:
    """Why a file or a folder cannot be written, as `NotWritten`."""
    try:
        yield
    except VnetlearnError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        number = error.errno if isinstance(error, OSError) else None
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        name = errno.errorcode.get(number, "") if number else ""
        why, step = {**Shortage.REASONS, **WRONG}.get(number or 0, ("it cannot be written there", "name another file"))
        raise NotWritten(tried, f"{name}: {path}: {said}".removeprefix(": "), why, step) from None
