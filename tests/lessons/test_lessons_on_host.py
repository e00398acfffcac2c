"""The lessons again, on the computer's own kernel, where that creates what they need: the same outputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from labs import need_namespaces, need_of_kernel
from test_lessons import ROOT, read

from vnetlearn import KINDS
from vnetlearn.lab.choice import host_kinds
from vnetlearn.lessons.lessons import LESSONS

SECONDS = 600.0


def needs(path: str) -> set[str]:
    """The kinds that a lesson asks for: those of its labs and explorers."""
    code = read(path).code
    lists = [*re.findall(r"kinds=\[([^]]*)\]", code), *re.findall(r"explore(?:_compare)?\(([^)=]*)(?:, \w+=|\))", code)]
    return {name for one in lists for name in re.findall(r'"(\w+)"', one)}


def only_on_vm(path: str) -> bool:
    """Whether it asks for the vm engine, and says why; or needs a device file, which nobody may make in a host lab."""
    return 'engine="vm"' in read(path).code or any(KINDS[name].mknod for name in needs(path))


@pytest.mark.parametrize("path", [path for path in LESSONS if not only_on_vm(path)])
def test_it_runs_on_host(path, tmp_path):
    need_namespaces()
    lacks = needs(path) - host_kinds()
    need_of_kernel(", ".join(sorted(lacks)), not lacks)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", f"notebooks/{path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={**os.environ, "VNETLEARN_ENGINE": "host", "XDG_DATA_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
