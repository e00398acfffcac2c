"""What is saved is whole or not there, what was there before stays, and an error says what is short, and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from labs import lesson, need_namespaces, python

from vnetlearn import Lab
from vnetlearn.capture import pcapng
from vnetlearn.display.picture import Picture
from vnetlearn.errors import KernelRefused, NotWritten
from vnetlearn.files import written
from vnetlearn.topology import Topology

NOTHING = Topology(("",), {}, {}, ())
SAVERS: dict[str, Callable[[Path], object]] = {
    "topology.json": NOTHING.save,
    "topology.sh": NOTHING.save,
    "topology.dot": NOTHING.save,
    "topology.svg": NOTHING.save,
    "picture.png": Picture("digraph { a }", "").save,
    "frames.pcapng": lambda path: pcapng.write(path, [], [], {}, NOTHING),
}


def refused(save: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(NotWritten) as raised:
        save(path)
    return str(lesson(raised.value))


@pytest.mark.parametrize("name", SAVERS)
def test_a_place_where_nothing_can_be_written(name: str, tmp_path: Path) -> None:
    save = SAVERS[name]
    (tmp_path / "file").write_text("a file")
    (tmp_path / f"folder-{name}").mkdir()
    (tmp_path / f"circle-{name}").symlink_to(tmp_path / f"circle-{name}")
    before = sorted(tmp_path.rglob("*"))
    assert "its folder is not there" in refused(save, tmp_path / "missing" / name)
    assert "a file, and no folder" in refused(save, tmp_path / "file" / name)
    assert "that is a folder" in refused(save, tmp_path / f"folder-{name}")
    assert "too long" in refused(save, tmp_path / f"{'n' * 300}{name}")
    assert "cannot be written" in refused(save, tmp_path / f"\0{name}")
    assert sorted(tmp_path.rglob("*")) == before
    save(tmp_path / name)
    assert (tmp_path / name).stat().st_size
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_no_plain_file_is_written_as_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True)
    with written(tmp_path / "pipe", "save") as out:
        out.write(b"through a pipe")
    assert reader.communicate()[0] == "through a pipe"
    (tmp_path / "full").symlink_to("/dev/full")
    assert "the disk is full" in refused(lambda path: _write(path), tmp_path / "full")
    assert os.path.islink(tmp_path / "full")


def _write(path: Path) -> None:
    with written(path, "save") as out:
        out.write(b"x" * 100_000)


def test_the_place_of_a_file_is_taken_when_all_is_written(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to("file")

    def stop() -> None:
        with written(link, "save") as out:
            out.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert (file.read_text(), sorted(os.listdir(tmp_path))) == ("before", ["file", "link"])
    with written(link, "save") as out:
        out.write(b"after")
        assert file.read_text() == "before"
    assert (file.read_text(), file.stat().st_mode & 0o777, link.is_symlink()) == ("after", 0o640, True)


FULL = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_files import SAVERS
from vnetlearn.errors import NotWritten
from vnetlearn.exercises import progress
home = Path(sys.argv[1])
os.environ["XDG_DATA_HOME"] = str(home)
print(progress.change("a", lambda record: {"attempts": 1}))
for name in SAVERS:
    (home / name).write_text("before")
if sys.argv[3] == "full":
    with open(home / "fill", "wb", buffering=0) as f:
        try:
            while f.write(bytes(512)): pass
        except OSError: pass
else:
    os.system(f"mount -o remount,ro {home}")
def state():
    return {str(path): path.read_bytes() for path in home.rglob("*") if path.is_file()}
was = state()
for name, save in SAVERS.items():
    for path in (home / name, home / f"new-{name}"):
        try:
            save(path)
            print("saved", path)
        except NotWritten as error:
            print(error.why)
print(progress.change("a", lambda record: {"attempts": 2}))
print("as before" if state() == was else "changed")
"""


@pytest.mark.parametrize(
    ("state", "why"), [("full", "the disk is full"), ("read-only", "what is there can only be read")]
)
def test_a_disk_that_is_full_or_can_only_be_read(state: str, why: str, tmp_path: Path) -> None:
    need_namespaces()
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    mounted = 'mount -t tmpfs -o size=128k tmpfs "$2" && exec "$0" -c "$1" "$2" "$3" "$4"'
    command = [*alone, "sh", "-c", mounted, sys.executable, FULL, tmp_path, Path(__file__).parent, state]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = done.stdout.splitlines()
    assert said[1:-2] == [why] * 2 * len(SAVERS), done.stdout + done.stderr
    assert said[-2].startswith("Progress was not kept: ")
    assert said[-1] == "as before"


SHORT = """
import os, resource, sys
from vnetlearn import Lab
from vnetlearn.errors import Shortage
Lab("empty", kinds=["bridge"], engine="host").close()
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), 4096))
try:
    Lab("empty", engine="host")
except Shortage as error:
    print(error)
"""


def test_an_owner_without_descriptors_is_told_so() -> None:
    need_namespaces()
    said, errors = python(SHORT).communicate(timeout=120)
    assert "EMFILE" in said, errors
    assert "ulimit -n" in said
    assert "image build" not in said


LIMIT = """python3 -c '
import ctypes, struct
libc, old = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(16)
assert libc.prlimit(1, 7, None, old) == 0  # RLIMIT_NOFILE of process 1, the agent
assert libc.prlimit(1, 7, struct.pack("=QQ", {}, struct.unpack("=QQ", old)[1]), None) == 0
'"""


def test_an_agent_without_descriptors_is_told_so(engine: str) -> None:
    with Lab("empty", engine=engine) as lab:
        for number in range(24):
            lab.netns.add(f"n{number}")
        lab.run(LIMIT.format(24), check=True, quiet=True)
        for tried in (lambda: lab.capture().start(), lab.panel):
            with pytest.raises(KernelRefused) as raised:
                tried()
            said = str(lesson(raised.value))
            assert "EMFILE" in said
            assert "as many files open as it may" in said
            assert "packet sockets" not in said
        lab.run(LIMIT.format(1024), check=True, quiet=True)
        lab.panel().close()
        with lab.capture():
            pass


def test_a_cache_folder_that_cannot_be_made_stops_no_lab_that_needs_none(tmp_path: Path) -> None:
    need_namespaces()
    (tmp_path / "file").write_text("")
    code = "from vnetlearn import Lab; lab = Lab('empty', kinds=['bridge']); print(lab.engine); lab.close()"
    environment = {name: value for name, value in os.environ.items() if name != "VNETLEARN_ENGINE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "XDG_CACHE_HOME": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "host\n", done.stderr
