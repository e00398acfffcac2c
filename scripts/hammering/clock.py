"""Until when something is repeated."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import datetime, timedelta


def add_options(parser: argparse.ArgumentParser, runs: int) -> None:
    parser.add_argument("-n", "--runs", type=int, help=f"how often; by default {runs}, or as often as the time allows")
    parser.add_argument("--for", dest="minutes", type=float, metavar="MINUTES", help="begin no further one after that")
    parser.add_argument("--until", type=moment, metavar="HH:MM", help="begin no further one after this time of day")
    parser.set_defaults(usual_runs=runs)


def moment(text: str) -> datetime:
    """The next time that the clock shows this."""
    now = datetime.now()
    wanted = datetime.strptime(text, "%H:%M").time()
    today = datetime.combine(now.date(), wanted)
    return today if today > now else today + timedelta(days=1)


def numbers(options: argparse.Namespace) -> Iterator[int]:
    """1, 2, … for each time that something is to be done again; at least once."""
    seconds = [] if options.minutes is None else [options.minutes * 60]
    if options.until is not None:
        seconds.append((options.until - datetime.now()).total_seconds())
    runs = options.runs or (None if seconds else options.usual_runs)
    deadline, number = time.monotonic() + min(seconds, default=0.0), 0
    while number == 0 or (number != runs and (not seconds or time.monotonic() < deadline)):
        number += 1
        yield number
