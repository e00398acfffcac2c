"""What to type on this system for programs that it lacks: packages.txt, read."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable
from importlib.resources import files

INSTALL = {"apt-get": "apt-get install", "dnf": "dnf install", "pacman": "pacman -S", "brew": "brew install"}
COLUMNS = ("apt-get", "program", "dnf", "pacman", "brew")  # of packages.txt
NOT_FOR_ROOT = "brew"


def table() -> dict[str, dict[str, str]]:
    """For each Debian package: {"program", "apt-get", "dnf", "pacman", "brew"}; "-" where there is nothing."""
    lines = (files(__package__) / "packages.txt").read_text().splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


def manager() -> str:
    """The package manager of this system, as a key of `INSTALL`; "" when it is none that we know."""
    return next((name for name in INSTALL if shutil.which(name)), "")


def install(debian: Iterable[str]) -> str:
    """The command that installs these Debian packages on this system, in its own words; "" for none."""
    wanted, known, rows = list(dict.fromkeys(map(_here, debian))), manager(), table()
    if wanted and not known:
        return f"install the programs of these Debian packages: {' '.join(wanted)}"
    names = {package: rows.get(package, {}).get(known, package) for package in wanted}
    own = list(dict.fromkeys(name for name in names.values() if name != "-"))
    foreign = [rows[package]["program"] for package, name in names.items() if name == "-"]
    sudo = [] if os.geteuid() == 0 or known == NOT_FOR_ROOT else ["sudo"]
    command = " ".join([*sudo, INSTALL[known], *own]) if own else ""
    hint = f"not packaged for {known}, as far as we know: {' '.join(foreign)}" if foreign else ""
    return "; ".join(filter(None, (command, hint)))


def _here(package: str) -> str:
    """The same on this processor."""
    return "qemu-system-arm" if (package, platform.machine()) == ("qemu-system-x86", "aarch64") else package
