"""The agent stands on its own: it is started by its folder, wherever that is, with Python's own library alone."""

from __future__ import annotations

import ast
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vnetlearn.engine import agent
from vnetlearn.engine.channel import Channel

FOLDER = Path(agent.__path__[0])


def test_it_runs_where_nothing_of_vnetlearn_is(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(FOLDER, folder)
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-I", "-S", str(folder), "look", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=tmp_path, stderr=subprocess.PIPE)
    channel = Channel(ours)
    assert channel.hello() == Path("/proc/sys/kernel/osrelease").read_text().strip()
    channel.close()
    assert process.communicate(timeout=60) == (None, b"")
    assert process.returncode == 0


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: str(file.stem))
def test_it_imports_nothing_but_itself_and_the_library(file: Path) -> None:
    imported = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imported:
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            continue
        names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        assert {str(name).split(".")[0] for name in names} <= sys.stdlib_module_names
