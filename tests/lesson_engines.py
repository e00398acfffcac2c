"""Which engine runs a lesson's cells in the suite, and the summary of it: a pytest plugin.

nbval runs each lesson on the vm engine, whose kernel is the same everywhere; test_lessons_on_host.py runs those that
the computer's own kernel can once more, on the host engine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

ENGINE = "VNETLEARN_ENGINE"
ON_HOST = re.compile(r"test_lessons_on_host\.py::test_it_runs_on_host\[(.+)\]")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """A notebook's kernel is started by the first cell of it, with the environment as it is then."""
    if item.path.suffix != ".ipynb" or ENGINE in os.environ:
        return (yield)
    os.environ[ENGINE] = "vm"
    try:
        return (yield)
    finally:
        del os.environ[ENGINE]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran: dict[str, set[str]] = {}
    skipped = dict[str, str]()
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            path, _, _ = report.nodeid.partition("::")
            if path.endswith(".ipynb"):
                ran.setdefault(os.environ.get(ENGINE, "vm"), set()).add(path.removeprefix("notebooks/"))
            elif (on_host := ON_HOST.search(report.nodeid)) and outcome != "skipped":
                ran.setdefault("host", set()).add(on_host.group(1))
            elif on_host:
                skipped[on_host.group(1)] = report.longrepr[2].removeprefix("Skipped: ")
    if ran:
        terminalreporter.section("lessons")
    for engine, paths in sorted(ran.items()):
        terminalreporter.write_line(f"on {engine}: {', '.join(sorted(paths))}")
    for path, why in sorted(skipped.items()):
        terminalreporter.write_line(f"not on host: {path}: {why}")
