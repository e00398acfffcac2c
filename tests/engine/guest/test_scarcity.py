"""A computer that is short of something is told what, and not to build an image again that is right."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vnetlearn.engine.guest import image, scarcity
from vnetlearn.engine.progress import say

START = """
import resource, sys
from vnetlearn.engine import vm
from vnetlearn.engine.guest import image
from vnetlearn.errors import VnetlearnError
image.ensure()
limit = sys.argv[1]
if limit:
    resource.setrlimit(getattr(resource, limit), (int(sys.argv[2]), int(sys.argv[2])))
try:
    vm.start().close()
except VnetlearnError as error:
    print(type(error).__name__, error)
else:
    print("started")
"""
READ_ONLY = (
    'mount --bind "$XDG_CACHE_HOME" "$XDG_CACHE_HOME" && mount -o remount,bind,ro "$XDG_CACHE_HOME" && exec "$@"'
)


@pytest.fixture(scope="module", autouse=True)
def built() -> image.Image:
    return image.ensure(say)


def started(*limit: str, before: tuple[str, ...] = ()) -> str:
    """What is said when a guest is started under a limit."""
    argv = [*before, sys.executable, "-c", START, *(limit or ("", ""))]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300).stdout


@pytest.mark.parametrize(
    ("limit", "most", "why"),
    [
        ("RLIMIT_AS", 300_000_000, "ulimit -v"),  # the guest's memory does not fit
        ("RLIMIT_AS", 600_000_000, "ulimit -v"),  # no thread more
        ("RLIMIT_NOFILE", 8, "ulimit -n"),  # for Python
        ("RLIMIT_NOFILE", 12, "ulimit -n"),
        ("RLIMIT_NOFILE", 16, "ulimit -n"),  # for QEMU
    ],
)
def test_a_limit_is_named(limit: str, most: int, why: str) -> None:
    said = started(limit, str(most))
    assert said.startswith("LabDied"), said
    assert why in said
    assert "image build" not in said


def test_an_image_on_a_read_only_disk(built: image.Image) -> None:
    home = str(built.folder.parents[2])
    before = ("unshare", "--user", "--map-root-user", "--mount", "env", f"XDG_CACHE_HOME={home}", "sh", "-c", READ_ONLY)
    said = started(before=(*before, "-"))
    assert said.startswith("LabDied"), said
    assert "Read-only file system" in said
    assert "XDG_CACHE_HOME" in said
    assert "image build" not in said


def test_no_image_on_a_read_only_disk(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("cache")
    (home / "vnetlearn/images").mkdir(parents=True)
    (home / "vnetlearn/kernels").mkdir()
    before = ("unshare", "--user", "--map-root-user", "--mount", "env", f"XDG_CACHE_HOME={home}", "sh", "-c", READ_ONLY)
    code = "from vnetlearn.engine.guest import image\nimage.build()"
    done = subprocess.run([*before, "-", sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImageError" in done.stderr
    assert "Read-only file system" in done.stderr
    assert "set XDG_CACHE_HOME" in done.stderr


@pytest.mark.parametrize("said", ["", "QEMU ended with status -11", "this QEMU only complains"])
def test_what_tells_of_nothing_that_is_short_gets_no_reason(said: str) -> None:
    assert scarcity.reason(said, "/image") is None
