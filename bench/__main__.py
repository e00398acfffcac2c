"""`make bench`: one table of what was measured on this machine, beside what is wanted.

python -m bench [--all] [--json FILE]      status 1 when something is over its reach
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from vnetlearn.display.amounts import value
from vnetlearn.display.table import text_table
from vnetlearn.engine.guest import image

from . import frames, labs, pictures, star
from .measure import Row, seconds

ENGINES = ("host", "vm")


def rows(everything: bool) -> Iterator[Row]:
    image.ensure()  # its building is a measurement of its own
    yield from labs.imports()
    for measure in (labs.starts, labs.requests, labs.memory, labs.idle):
        for engine in ENGINES:
            yield from measure(engine)
    yield from star.rows()
    yield from pictures.rows()
    yield from frames.rows()
    if everything:
        yield Row("guest image built with an empty cache", seconds(_build_image), "s")


def _build_image() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "vnetlearn.cli", "image", "build"],
            check=True,
            env={**os.environ, "XDG_CACHE_HOME": folder},
        )


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--all", action="store_true", help="also what takes minutes: the guest image, from nothing")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file too")
    chosen = arguments.parse_args()
    found = []
    for row in rows(chosen.all):
        found.append(row)
        print(f"{row.name}: {value(row.measured)} {row.unit}", file=sys.stderr, flush=True)
    print(text_table(["", "measured", "wanted", "unit", ""], (row.cells() for row in found)))
    if chosen.json:
        machine = {"kernel": platform.release(), "cores": os.cpu_count(), "python": platform.python_version()}
        measured = [{**asdict(row), "verdict": row.verdict} for row in found]
        chosen.json.write_text(json.dumps({**machine, "rows": measured}, indent=1))
    return 1 if any(row.verdict == "over" for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
