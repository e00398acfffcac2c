"""Owners of labs that are killed at random moments, many times.

What is left two seconds after a kill is said, and whether the computer's network is as before; then the status is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAY = 10  # after so many kills
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from kills import kill  # noqa: E402

from conftest import changes, network  # noqa: E402


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("scripts/hammer kills", description=__doc__)
    parser.add_argument("--engine", choices=("host", "vm"), action="append", help="one of them alone")
    parser.add_argument("--count", type=int, default=300, help="kills for each engine (300)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the moments")
    asked = parser.parse_args(argv)
    before, wrong = network(), False
    for engine in asked.engine or ("host", "vm"):
        for killed in kill(engine, asked.count, asked.seed):
            if len(killed.seconds) % SAY == 0 or len(killed.seconds) == asked.count:
                print(killed, flush=True)
        wrong |= bool(killed.left)
    lines = changes(before, network())
    print("\n".join(["the computer's network differs:", *lines]) if lines else "the computer's network is as before")
    return 1 if wrong or lines else 0
