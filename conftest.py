"""The suite fails when the computer's network differs after it: links, addresses, routes, rules, sysctls, netns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["labs", "lesson_engines", "workers"]  # the fixtures; the engines of lessons; what runs together

COMMANDS = {
    "links": "ip -j -d link show",
    "addresses": "ip -j addr show",
    "IPv4 routes": "ip -j -4 route show table all",
    "IPv6 routes": "ip -j -6 route show table all",
    "IPv4 rules": "ip -j -4 rule show",
    "IPv6 rules": "ip -j -6 rule show",
}
# What changes by itself: lifetimes that run down, and the sysctls that are counters.
RUNNING_DOWN = {"valid_life_time", "preferred_life_time", "expires"}
COUNTERS = {"net/netfilter/nf_conntrack_count"}
BEFORE = pytest.StashKey[dict[str, list[str]]]()
CHANGES = pytest.StashKey[list[str]]()


def network() -> dict[str, list[str]]:
    """The computer's network as it is now, as lines of text under a heading for each part."""
    state = {name: _dump(command) for name, command in COMMANDS.items()}
    state["sysctls"] = sorted(_sysctls())
    state["/etc/resolv.conf"] = (
        Path("/etc/resolv.conf").read_text().splitlines() if Path("/etc/resolv.conf").exists() else []
    )
    state["/run/netns"] = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
    return state


def _dump(command: str) -> list[str]:
    done = subprocess.run(command.split(), capture_output=True, text=True, env={**os.environ, "PATH": _path()})
    try:
        objects: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError:
        return [done.stdout, done.stderr]  # a kernel without policy routing, for one
    return [*sorted(json.dumps(_still(one), sort_keys=True) for one in objects), f"status {done.returncode}"]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _still(value: Any) -> Any:
    """A dump without what runs down."""
    if isinstance(value, dict):
        return {key: _still(inner) for key, inner in value.items() if key not in RUNNING_DOWN}
    return [_still(inner) for inner in value] if isinstance(value, list) else value


def _sysctls() -> list[str]:
    lines = []
    for folder, _, files in os.walk("/proc/sys/net"):
        for path in (Path(folder, file) for file in files):
            name = str(path.relative_to("/proc/sys"))
            try:
                lines.append(f"{name} = {path.read_text().strip()}" if name not in COUNTERS else name)
            except OSError as error:
                lines.append(f"{name}: {error.strerror}")  # write-only, or for root alone
    return lines


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")  # of pytest-xdist: the process that started it compares


def pytest_configure(config: pytest.Config) -> None:
    # A suite that a shell started with & ignores interrupts, and so would the programs that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not _is_worker(config):
        config.stash[BEFORE] = network()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if BEFORE in session.config.stash and (lines := changes(session.config.stash[BEFORE], network())):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[CHANGES] = lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if CHANGES in config.stash:
        terminalreporter.section("the computer's own network was changed", red=True, bold=True)
        lines = config.stash[CHANGES]
        terminalreporter.write_line("\n".join(lines))


def changes(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """The lines that went (-) and came (+), each part under its heading; empty when all is equal."""
    lines = []
    for name, old in before.items():
        went = [f"  - {line}" for line in sorted(set(old) - set(after[name]))]
        came = [f"  + {line}" for line in sorted(set(after[name]) - set(old))]
        lines += [f"{name}:", *went, *came] if went or came else []
    return lines
