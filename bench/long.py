"""What takes minutes: the guest's image from nothing, and the suite."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from .measure import Effort, Found, LeftOut, Reach, Section, seconds

IMAGE, SUITE = "guest image built with an empty cache", "the whole suite, two workers"
ROOT = Path(__file__).parents[1]


def _rows(effort: Effort) -> Mapping[str, Reach]:
    return {IMAGE: Reach("s"), SUITE: Reach("s", 900.0)}


def _measure(effort: Effort) -> Iterator[tuple[str, Found]]:
    with tempfile.TemporaryDirectory() as folder:
        yield IMAGE, seconds(partial(_run, ["vnetlearn.cli", "image", "build"], XDG_CACHE_HOME=folder))
    try:
        yield SUITE, seconds(partial(_run, ["pytest", "-q", "-n", "2"]))
    except subprocess.CalledProcessError as error:
        yield SUITE, LeftOut(f"it failed: {(error.stdout.strip().splitlines() or ['?'])[-1]}")


def _run(words: list[str], **env: str) -> None:
    argv = [sys.executable, "-m", *words]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True, env={**os.environ, **env})


SECTIONS = (
    Section(
        "What takes minutes",
        "`vnetlearn image build` with an empty cache folder, the kernel's package loaded anew; and `pytest -n 2` of all"
        " there is, notebooks included. Only with `--all`.",
        _rows,
        _measure,
        long=True,
    ),
)
