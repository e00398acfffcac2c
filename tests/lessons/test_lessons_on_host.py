"""The lessons again, on the computer's own kernel, where that creates what they need: the same outputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from test_lessons import ROOT, read

from vnetlearn import KINDS
from vnetlearn.engine import host
from vnetlearn.lab.choice import host_kinds
from vnetlearn.lessons.lessons import LESSONS

SECONDS = 600.0


def needs(path: str) -> set[str]:
    """The kinds that a lesson asks for: those of its labs and explorers."""
    code = read(path).code
    lists = [*re.findall(r"kinds=\[([^]]*)\]", code), *re.findall(r"explore(?:_compare)?\(([^)=]*)(?:, \w+=|\))", code)]
    return {name for one in lists for name in re.findall(r'"(\w+)"', one)}


@pytest.mark.parametrize("path", LESSONS)
def test_it_runs_on_host(path, tmp_path):
    if not host.available()[0]:
        pytest.skip(f"this machine gives no namespaces: {host.available()[1]}")
    if 'engine="vm"' in read(path).code:
        pytest.skip("it asks for the vm engine, and says why")
    if lacks := needs(path) - host_kinds():
        pytest.skip(f"this machine's kernel has no {', '.join(sorted(lacks))}")
    if made := {name for name in needs(path) if KINDS[name].mknod}:
        pytest.skip(f"in a host lab nobody may make the device file of {', '.join(made)}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"notebooks/{path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, "VNETLEARN_ENGINE": "host", "XDG_DATA_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
