"""What can go wrong, in a learner's words: each says what was tried, what was answered, why, and what to do next.

VnetlearnError
├── BadParameter            nothing was sent to the kernel
│   ├── UnknownKind
│   └── UnknownExercise
├── KernelRefused           the kernel's number and words
├── NotFound                no such link, namespace, address, route or neighbour
├── CommandFailed           a program in the lab ended with another status than 0
├── ToolMissing             a program is not installed
├── EngineUnavailable       this machine cannot run the engine
├── ImageError              the guest image cannot be built or used
├── NotWritten              a file for the learner, which is as it was before
├── Shortage                the computer has no more descriptors, memory, processes or space
├── ProgressError           the file of a learner's progress cannot be read
└── LabDied                 the lab has ended
"""

from __future__ import annotations

import difflib
import errno as _errno
import os
from collections.abc import Iterable, Mapping
from typing import ClassVar

from . import texts

QUOTED_LINES, QUOTED_CHARACTERS = 5, 600  # of a command or an answer, in an error's text


class VnetlearnError(Exception):
    """Something a learner can cause, or meet, went wrong; nothing was left half-built.

    `tried` is the command that was attempted (as `ip` would spell it), `said` the answer in the words of whoever
    refused, `why` the likely reason, `next_step` what to do now. Empty parts are left out of the text, and of long ones
    it has the first lines. Each can be shown as it is.
    """

    def __init__(self, tried: str, said: str = "", why: str = "", next_step: str = "") -> None:
        tried, said, why, next_step = map(texts.lines, (tried, said, why, next_step))
        super().__init__(tried, said, why, next_step)
        self.tried, self.said, self.why, self.next_step = tried, said, why, next_step

    def __str__(self) -> str:
        rows = (("tried", self.tried), ("answer", self.said), ("why", self.why), ("next", self.next_step))
        return "\n".join([""] + [f"  {name + ':':8}{few_lines(text)}" for name, text in rows if text])

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the message alone."""
        return [f"{type(self).__name__}:{self}"]


class BadParameter(VnetlearnError, ValueError):
    """A parameter is unknown, missing, or has a value that it cannot have; nothing was sent to the kernel."""


class UnknownKind(BadParameter):
    """No device type has this name."""


class UnknownExercise(BadParameter):
    """No exercise has this name."""


class KernelRefused(VnetlearnError):
    """The kernel refused: `errno` is its number (0 when there is none), `extack` its extended message, or ""."""

    def __init__(self, tried: str, errno: int, extack: str = "", why: str = "", next_step: str = "") -> None:
        name = "EOPNOTSUPP" if errno == _errno.EOPNOTSUPP else _errno.errorcode.get(errno, errno)
        said = f"{name}: {os.strerror(errno)}" + (f" ({extack})" if extack else "")
        super().__init__(tried, said, why, next_step)
        self.errno, self.extack = errno, extack


class NotFound(VnetlearnError, LookupError):
    """There is no link, namespace, address, route or neighbour of this name in the lab."""


class CommandFailed(VnetlearnError):
    """A program that ran in a lab ended with a status other than 0 (`status`)."""

    def __init__(self, tried: str, said: str = "", why: str = "", next_step: str = "", *, status: int = 1) -> None:
        super().__init__(tried, said, why, next_step)
        self.status = status


class ToolMissing(VnetlearnError):
    """A program that is needed is not installed."""


class EngineUnavailable(VnetlearnError):
    """This machine cannot run the engine that was asked for."""


class ImageError(VnetlearnError):
    """The guest image could not be built, or the stored one is damaged."""


class NotWritten(VnetlearnError):
    """A file that was asked for could not be written; what was there before is as it was."""


class Shortage(VnetlearnError):
    """The computer, or this process, has no more of something: `errno` is the number of the error."""

    REASONS: ClassVar[Mapping[int, tuple[str, str]]] = {
        _errno.EMFILE: (
            "this process has as many files open as it may",
            "close labs and captures that are not needed; `ulimit -n` shows the limit",
        ),
        _errno.ENFILE: ("the computer has as many files open as it may", "cat /proc/sys/fs/file-nr"),
        _errno.ENOMEM: ("there is no memory left for it", "close labs and programs that are not needed; free -h"),
        _errno.EAGAIN: (
            "no more programs or threads may be started",
            "close labs and programs that are not needed; `ulimit -u` shows the limit",
        ),
        _errno.ENOSPC: ("the disk is full", "free some space there (df -h), or use another folder"),
        _errno.EDQUOT: ("what you may use of the disk is used up", "free some space there, or use another folder"),
    }

    def __init__(self, tried: str, error: OSError) -> None:
        number = error.errno or 0
        why, step = self.REASONS.get(number, ("the computer refused it", "vnetlearn doctor"))
        name = _errno.errorcode.get(number, "")
        super().__init__(tried, f"{name}: {error.strerror or error}".removeprefix(": "), why, step)
        self.errno = number


class ProgressError(VnetlearnError):
    """The file that keeps a learner's progress cannot be read."""


class LabDied(VnetlearnError):
    """The lab's engine ended, or stopped answering; the lab is gone with everything in it."""


def few_lines(text: str) -> str:
    """A text as an error quotes it: its first lines, and how much more there is."""
    shown = "\n".join(text.split("\n", QUOTED_LINES)[:QUOTED_LINES])[:QUOTED_CHARACTERS]
    return text if len(shown) == len(text) else f"{shown} … (and {len(text) - len(shown)} characters more)"


def close_to(name: str, known: Iterable[str]) -> list[str]:
    """Those of the known names that this one may be a misspelling of, the closest first."""
    return difflib.get_close_matches(name, list(known))


def did_you_mean(close: Iterable[str], otherwise: str) -> str:
    """The next step after a name that nothing has: what comes close to it, or else what is said `otherwise`."""
    names = " or ".join(dict.fromkeys(close))
    return f"did you mean {names}?" if names else otherwise
