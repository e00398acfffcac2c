"""Which engine a lab takes: the running kernel where it has what was asked for, a guest's kernel otherwise."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import kinds
from ..cache import cache_folder
from ..engine import host
from ..errors import BadParameter, ImageError, NotWritten
from ..files import written
from .engines import ENGINES
from .trial import try_kinds

FILE = "host-kinds.json"


@dataclass(frozen=True)
class Choice:
    """An engine's name, and why it was taken."""

    name: str
    why: str


def choose(wanted: Sequence[str] | None = None, engine: str | None = None) -> Choice:
    """`engine`, else VNETLEARN_ENGINE, else the first engine that can create every kind in `wanted` (None: all)."""
    wanted = [wanted] if isinstance(wanted, str) else wanted
    records = [kinds.kind(name) for name in (wanted if wanted is not None else kinds.KINDS)]
    names = [kind.name for kind in records]
    asked = engine or os.environ.get("VNETLEARN_ENGINE", "")
    if asked:
        if asked not in ENGINES:
            raise BadParameter(
                f"Lab(engine={asked!r})",
                f"there is no engine {asked!r}",
                "an engine is where a lab's kernel comes from",
                "one of: host, vm",
            )
        return Choice(asked, "asked for" if engine else "VNETLEARN_ENGINE asks for it")
    ok, why, _ = host.available()
    if not ok:
        return Choice("vm", f"this computer gives no namespaces: {why}")
    lacks = [kind.name for kind in records if not kind.hardware and kind.name not in host_kinds()]
    release = os.uname().release
    if lacks:
        return Choice("vm", f"this computer's kernel {release} cannot create {_few(lacks)}")
    if made := [kind.name for kind in records if kind.mknod]:
        return Choice("vm", f"on this computer only root outside of labs may make the device file of {_few(made)}")
    return Choice(
        "host", f"this computer's kernel {release} creates {'all kinds' if wanted is None else _few(names)}, {why}"
    )


def host_kinds() -> frozenset[str]:
    """The kinds that the running kernel creates for this user; tried once for each boot and set of modules."""
    return _host_kinds(_key())


@functools.cache
def _host_kinds(key: str) -> frozenset[str]:
    try:
        known = json.loads((cache_folder() / FILE).read_text())
        if known["key"] == key:
            return frozenset(known["kinds"])
    except (OSError, ImageError, ValueError, KeyError, TypeError):
        pass  # not tried yet, a damaged file, or no folder for it: try again
    found = try_kinds("host")
    able = sorted(name for name, why in found.items() if not why)
    try:
        with written(cache_folder() / FILE, "remember what this kernel creates") as file:
            file.write(json.dumps({"key": key, "kinds": able}).encode())
    except (ImageError, NotWritten):
        pass  # that only costs the next process another try
    return frozenset(able)


def _key() -> str:
    release = os.uname().release
    try:
        modules = os.stat(f"/lib/modules/{release}/modules.dep").st_mtime_ns
    except OSError:
        modules = 0
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {release} {modules} {os.geteuid()}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
