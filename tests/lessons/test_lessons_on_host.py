"""The lessons again, on the computer's own kernel, where that creates what they need: the same outputs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from labs import need_namespaces, need_of_kernel
from test_lessons import ROOT, read

from vnetlearn import KINDS
from vnetlearn.lab.choice import host_kinds
from vnetlearn.lessons.lessons import LESSONS


def needs(path: str) -> set[str]:
    """The kinds that a lesson asks for: those of its labs and explorers."""
    code = read(path).code
    lists = [*re.findall(r"kinds=\[([^]]*)\]", code), *re.findall(r"explore(?:_compare)?\(([^)=]*)(?:, \w+=|\))", code)]
    return {name for one in lists for name in re.findall(r'"(\w+)"', one)}


def only_on_vm(path: str) -> bool:
    """Whether it asks for the vm engine, and says why; or needs a device file, which nobody may make in a host lab."""
    return 'engine="vm"' in read(path).code or any(KINDS[name].mknod for name in needs(path))


PATHS = [path for path in LESSONS if not only_on_vm(path)]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One pytest for all of them, since it takes seconds to start: what it says of each, by its path."""
    here = [f"notebooks/{path}" for path in PATHS if not needs(path) - host_kinds()]
    report = tmp_path_factory.mktemp("host") / "report.xml"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            f"--junitxml={report}",
            *here,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "VNETLEARN_ENGINE": "host", "XDG_DATA_HOME": str(report.parent)},
    )
    assert report.exists(), done.stdout[-6000:] + done.stderr[-2000:]
    said = {path: [] for path in here}
    for cell in ElementTree.parse(report).iter("testcase"):
        name = cell.get("classname").replace(".", "/")
        path = next(path for path in here if path.removesuffix(".ipynb").replace(".", "/") in name)
        said[path].append("".join(one.text or one.get("message") for one in cell))
    return said


@pytest.mark.parametrize("path", PATHS)
def test_it_runs_on_host(path, request):
    need_namespaces()
    lacks = needs(path) - host_kinds()
    need_of_kernel(", ".join(sorted(lacks)), not lacks)
    cells = request.getfixturevalue("ran")[f"notebooks/{path}"]
    assert cells
    assert "".join(cells) == ""
