"""The suite, or a part of it, several times beside a load on all cores; what was not the same each time is listed."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from hammering import clock
from hammering.load import cores, load
from vnetlearn.engine.process import spawn

TAIL = 30  # lines of what pytest said, where it says more than its tests


@dataclass
class Run:
    """What came of one run: each test's outcome, what the failed ones said, pytest's own status and last lines."""

    status: int
    seconds: float
    outcomes: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    tail: str = ""

    @property
    def counted(self) -> str:
        outcomes = list(self.outcomes.values())
        return ", ".join(f"{outcomes.count(one)} {one}" for one in sorted(set(outcomes))) or "no test"


def run(paths: Sequence[str], workers: int, only: str, more: Mapping[str, str]) -> Run:
    """Run pytest once, in a folder of its own for what it and its tests note down."""
    with tempfile.TemporaryDirectory(prefix="hammer-") as folder:
        report, log = Path(folder, "report.xml"), Path(folder, "log")
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", "-q"]
        argv += [*(["-n", str(workers)] if workers else []), *(["-k", only] if only else []), *paths]
        start = time.monotonic()
        with log.open("wb") as file:
            pytest = spawn(argv, stdout=file.fileno(), stderr=subprocess.STDOUT, env={**os.environ, **more})
            status = pytest.wait()
        found = Run(status, time.monotonic() - start)
        found.tail = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])
        if report.exists():
            read(ElementTree.parse(report).getroot(), found)
    return found


def read(report: ElementTree.Element, into: Run) -> None:
    """Take over what pytest's report in XML says of each test; a test that failed twice (in itself, and after) too."""
    for case in report.iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = [one for one in case if one.tag in ("failure", "error")]
        outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        if into.outcomes.get(name) != "failed":
            into.outcomes[name] = outcome
        for one in bad:
            into.said[name] = into.said.get(name, "") + (one.text or one.get("message") or "")


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The tests that failed, or had not the same outcome in each run: their outcomes."""
    every = {name: [one.outcomes.get(name, "not run") for one in runs] for one in runs for name in one.outcomes}
    return {name: found for name, found in every.items() if "failed" in found or len(set(found)) > 1}


def summary(runs: Sequence[Run]) -> list[str]:
    """In words: each test that wavered or failed with what it said (the same text once); no line when all is well."""
    lines = []
    for name, outcomes in differing(runs).items():
        lines.append(f"{name}: {', '.join(outcomes)}")
        texts = dict[str, list[int]]()
        for number, one in enumerate(runs, 1):
            if name in one.said:
                texts.setdefault(one.said[name], []).append(number)
        for text, numbers in texts.items():
            lines += [f"    run {', '.join(map(str, numbers))}:", *(f"    {line}" for line in text.splitlines())]
    for number, one in enumerate(runs, 1):
        if one.status and "failed" not in one.outcomes.values():
            lines += [f"run {number}: no test failed, and pytest ended with status {one.status}:", one.tail]
    return lines


def options_of(name: str, says: str | None) -> argparse.ArgumentParser:
    """The command line of this command, and of those that run a part of the suite in their own way."""
    parser = argparse.ArgumentParser(f"scripts/hammer {name}", description=says)
    clock.add_options(parser, 5)
    parser.add_argument("--workers", type=int, default=2, help="processes that share the tests (0: none does)")
    parser.add_argument("--load", type=int, default=cores(), help="busy processes beside them (default: one per core)")
    parser.add_argument("-k", default="", metavar="WORDS", help="only the tests that pytest's -k takes")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="what to run")
    return parser


def hammer(options: argparse.Namespace, more: Mapping[str, str] | None = None) -> int:
    """Run it again and again, with `more` in the environment of the tests, and tell what differed."""
    runs = list[Run]()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with load(options.load):
            for number in clock.numbers(options):
                runs.append(run(options.paths, options.workers, options.k, more or {}))
                print(f"run {number}: {runs[-1].counted}; {runs[-1].seconds:.0f} s", flush=True)
    except KeyboardInterrupt:
        print("interrupted: the runs up to now count")
    if not runs:
        return 1
    lines = summary(runs)
    print("\n".join(lines or [f"{len(runs)} × {runs[0].counted}: nothing failed, and nothing differs"]))
    return bool(lines)


def main(argv: Sequence[str]) -> int:
    return hammer(options_of("suite", __doc__).parse_args(argv))
