"""`make bench`: one table of what was measured on this machine, beside what is wanted.

python -m bench [--all] [--only WORD] [--page] [--json FILE]      status 1 when something is over its reach
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vnetlearn.display.table import text_table
from vnetlearn.engine.guest import image

from . import checks, frames, labs, long, pictures, star
from .measure import FULL, Effort, LeftOut, Row, Section, rows
from .page import PAGE, machine, page

SECTIONS = [one for module in (labs, star, pictures, frames, checks, long) for one in module.SECTIONS]


def measured(section: Section, effort: Effort, without: str = "") -> list[Row]:
    """Its rows; `without` is why they are not measured, or "" when they are."""
    if without:
        return [Row(name, LeftOut(without), reach) for name, reach in section.rows(effort).items()]
    found = []
    for row in rows(section, effort):
        found.append(row)
        print(" ".join(row.cells()), file=sys.stderr, flush=True)
    return found


def why_not(section: Section, word: str, everything: bool) -> str:
    if word.lower() not in section.title.lower():
        return "not measured this time"
    return "only with --all" if section.long and not everything else ""


def as_json(on: dict[str, str], found: Sequence[Row]) -> str:
    told = [{**asdict(row), "verdict": row.verdict} for row in found]
    return json.dumps({**on, "rows": told}, indent=1, ensure_ascii=False)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--all", action="store_true", help="also what takes minutes: the image, the suite")
    arguments.add_argument("--only", metavar="WORD", default="", help="only the sections with this word in their title")
    arguments.add_argument("--page", action="store_true", help=f"write {PAGE.name} too")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write the rows to a file too")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder  # whoever runs this has not solved exercises
        on = machine(image.ensure().accel)  # its building is a measurement of its own
        found = [(one, measured(one, FULL, why_not(one, chosen.only, chosen.all))) for one in SECTIONS]
    every = [row for _, rows_of_it in found for row in rows_of_it]
    print(text_table(["", "measured", "wanted", "unit", ""], (row.cells() for row in every)))
    if chosen.json:
        chosen.json.write_text(as_json(on, every))
    if chosen.page:
        PAGE.write_text(page(on, found))
    return 1 if any(row.verdict == "over" for row in every) else 0


if __name__ == "__main__":
    sys.exit(main())
