"""What `from vnetlearn import Lab` loads: what a lab needs to start, and no more, since one waits for all of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What takes long to load, each for something that not everyone does
PACKAGES = {"asyncio", "graphviz", "IPython", "ipywidgets", "matplotlib", "multiprocessing", "psutil", "pyroute2"}
PACKAGES |= {"scapy", "sqlite3", "ssl", "unittest"}
ROOMS = {"capture", "cli", "exercises", "experiments", "explorers", "journey", "lessons", "topology"}


def loaded(line: str) -> set[str]:
    """The packages, and the rooms as vnetlearn.ROOM, that an interpreter has after this line and not before it."""
    code = f"import sys; before = set(sys.modules); {line}; print(*sys.modules.keys() - before)"
    names = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    return {".".join(name.split(".")[: 2 if name.startswith("vnetlearn.") else 1]) for name in names}


@pytest.mark.parametrize("line", ["from vnetlearn import Lab", "import vnetlearn.kinds", "import vnetlearn.engine.vm"])
def test_a_lab_needs_little(line: str) -> None:
    assert not loaded(line) & (PACKAGES | {f"vnetlearn.{room}" for room in ROOMS})


def test_the_package_alone_needs_nothing_of_itself() -> None:
    assert {name for name in loaded("import vnetlearn") if name.startswith("vnetlearn.")} == set()


@pytest.mark.parametrize("package", ["pyroute2", "scapy"])
def test_what_is_left_out_is_seen_when_it_is_there(package: str) -> None:
    assert loaded(f"from vnetlearn import Lab; import {package}") & PACKAGES >= {package}
