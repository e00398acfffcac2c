"""The tests that draw random examples, with many times as many of them, for an hour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hammering import suite

TESTS = Path(__file__).parents[2] / "tests"
TIMES = "20"  # as many examples as in the suite


def drawing() -> list[str]:
    """The files whose tests ask how many examples they are to draw (tests/labs.py)."""
    return sorted(str(file) for file in TESTS.rglob("test_*.py") if "draws(" in file.read_text())


def main(argv: Sequence[str]) -> int:
    parser = suite.options_of("soak", __doc__)
    parser.set_defaults(minutes=60.0, load=0, paths=drawing())
    return suite.hammer(parser.parse_args(argv), {"VNETLEARN_HAMMER": TIMES})
