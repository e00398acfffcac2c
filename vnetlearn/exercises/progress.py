"""What a learner has done of the exercises: one JSON file in the user's data folder. Nothing leaves the computer.

    {"version": 1, "exercises": {"start/first-cable": {"started": "2026-01-31T09:00:00+01:00", "solved": null,
     "attempts": 2, "hints": 1, "solution": null}}}

`started`, `solved` and `solution` (when it was looked at) are ISO times or null. What a file has besides is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..cache import data_folder, locked
from ..errors import NotWritten, ProgressError
from ..files import written

VERSION = 1


@dataclass(frozen=True)
class Record:
    """One exercise: when it was started, solved, and its solution looked at; checks that said "not yet"; hints."""

    started: str | None = None
    solved: str | None = None
    attempts: int = 0
    hints: int = 0
    solution: str | None = None

    @property
    def alone(self) -> bool:
        """Solved before its solution was looked at."""
        return self.solved is not None and (self.solution is None or self.solution > self.solved)

    @property
    def state(self) -> str:
        if self.solved:
            return "solved" if self.alone else "solved, with the solution"
        return "started" if self.started else ""


Fields = Mapping[str, str | int | None]
"""Fields of a record, by name."""


def now() -> str:
    """This moment in UTC, so that times compare as texts."""
    from datetime import timezone

    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def path() -> Path:
    """$XDG_DATA_HOME/vnetlearn/progress.json, or ~/.local/share/vnetlearn/progress.json."""
    return data_folder() / "progress.json"


def read() -> dict[str, Record]:
    """All records, by the exercise's name; none where there is no file. Raises `ProgressError`."""
    return _records(_load(path()))


def change(name: str, how: Callable[[Record], Fields]) -> str:
    """Change the record of one exercise: `how` gives the fields that change. Processes wait for one another.

    Returns what is to be said: "" mostly; that a damaged file was kept aside; why nothing could be written. Never
    raises: an exercise goes on where its progress cannot be kept.
    """
    file = path()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(file.with_suffix(".lock")):
            said = ""
            try:
                content = _load(file)
            except _Damaged as error:
                said = f"The progress file was damaged ({error.said}) and is kept as {_aside(file)}."
                content = _empty()
            before = _records(content).get(name, Record())
            kept = content["exercises"].get(name)
            changed = {**(kept if isinstance(kept, dict) else {}), **asdict(before), **how(before)}
            content["exercises"][name] = changed
            _write(file, content)
            return said
    except (ProgressError, NotWritten) as error:
        return f"Progress was not kept: {error.said}; {error.why}."
    except OSError as error:
        return f"Progress was not kept: {file}: {error.strerror}."


def _empty() -> dict[str, Any]:
    return {"version": VERSION, "exercises": {}}


class _Damaged(ProgressError):
    """The file has no progress in it that could be read."""


def _load(file: Path) -> dict[str, Any]:
    """The file's content, checked. Raises `ProgressError`."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return _empty()
    except OSError as error:
        raise ProgressError(
            f"read {file}", error.strerror or str(error), "the progress file cannot be read", f"ls -l {file}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise _damaged(file, f"not JSON: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("exercises"), dict):
        raise _damaged(file, "no list of exercises in it")
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ProgressError(
            f"read {file}",
            f"version {version}",
            "a newer vnetlearn wrote it, and it is left as it is",
            "update vnetlearn",
        )
    if version != VERSION:
        raise _damaged(file, f"version {version!r}")
    try:
        _records(content)
    except (TypeError, ValueError) as error:
        raise _damaged(file, str(error)) from None
    return content


def _damaged(file: Path, said: str) -> _Damaged:
    return _Damaged(
        f"read {file}",
        said,
        "the progress file is damaged; the next check or hint keeps it aside",
        "repair it, or go on: a new one is begun",
    )


def _records(content: dict[str, Any]) -> dict[str, Record]:
    return {name: _record(name, fields) for name, fields in content["exercises"].items()}


def _record(name: str, fields: object) -> Record:
    if not isinstance(fields, dict):
        raise ValueError(f"the record of {name!r} is no object")
    known = {key: fields[key] for key in Record.__dataclass_fields__ if key in fields}
    for key, value in known.items():
        right = type(value) is int if key in ("attempts", "hints") else value is None or isinstance(value, str)
        if not right:
            raise ValueError(f"{key} of {name!r} is {value!r}")
    return Record(**known)


def _aside(file: Path) -> Path:
    """Rename a damaged file to a name that nothing has yet."""
    file = file.resolve()
    number = 1
    while (other := file.with_name(f"{file.name}.damaged-{number}")).exists():
        number += 1
    return file.rename(other)


def _write(file: Path, content: dict[str, Any]) -> None:
    with written(file, f"write {file}") as f:
        f.write(f"{json.dumps(content, indent=1)}\n".encode())
