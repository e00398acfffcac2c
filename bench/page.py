"""docs/performance.md: the table with the machine that it was measured on, and how each row is measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from vnetlearn.display.amounts import value
from vnetlearn.engine.guest import qemu

from .measure import Row, Section

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
INTRODUCTION = """# How fast it is

Written by `python -m bench --page` (`make bench` prints the same table). Seconds depend on the machine and on what
else it does; what is kept is the ratio to peers that were measured in the same minutes: raw netlink, raw dumps.
*Wanted* is the reach that a row must keep; a row without one is there to compare with. What this machine cannot run is
left out, and the row says why.
"""


def machine(accel: str) -> dict[str, str]:
    """What the numbers depend on; `accel` is what runs the guest."""
    model = [line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "processor": f"{os.cpu_count()} × {model[0] if model else platform.machine()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "QEMU": f"{qemu.version(qemu.program())}, by {'KVM' if accel == 'kvm' else 'emulation (TCG)'}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "load when it began": value(os.getloadavg()[0]),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if os.path.exists(path) else []


def page(on: Mapping[str, str], measured: Sequence[tuple[Section, Sequence[Row]]]) -> str:
    parts = [INTRODUCTION, "\n".join(f"- {what}: {value}" for what, value in on.items())]
    for section, rows in measured:
        parts.append(f"\n## {section.title}\n\n{section.how}\n")
        parts.append(_line(["", "measured", "wanted", "", ""]) + "\n|---|---:|---:|---|---|")
        parts += [_line(row.cells()) for row in rows]
    return "\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def names(text: str) -> list[str]:
    """The rows of a page, by their names."""
    cells = [line.split(" | ")[0].removeprefix("| ").strip() for line in text.splitlines() if line.startswith("| ")]
    return [cell for cell in cells if cell]
