"""Progress: kept, shown, and safe from damage, from a read-only home, and from two that write at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from labs import lesson, python, vnetlearn

from vnetlearn.errors import ProgressError
from vnetlearn.exercises import progress
from vnetlearn.exercises.progress import Record

NAME = "start/first-cable"


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """A data folder of its own; the folder of the file."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "vnetlearn"


def note(**fields):
    return progress.change(NAME, lambda record: fields)


def test_what_was_noted_is_read():
    assert progress.read() == {}
    assert note(started="2026-01-01T00:00:00+00:00") == ""
    assert progress.change(NAME, lambda record: {"attempts": record.attempts + 2}) == ""
    assert progress.read() == {NAME: Record(started="2026-01-01T00:00:00+00:00", attempts=2)}


def test_solved_alone_and_with_the_solution():
    early, late = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"
    assert Record(solved=early).alone
    assert Record(solved=early, solution=late).alone
    assert Record(solved=late, solution=early).state == "solved, with the solution"
    assert not Record().alone


def test_the_home_folder_when_nothing_else_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert progress.path() == tmp_path / ".local/share/vnetlearn/progress.json"


def test_what_a_later_version_added_is_kept(data):
    note(attempts=1)
    content = json.loads((data / "progress.json").read_text())
    content["exercises"][NAME]["stars"] = 5
    content["exercises"]["gone/exercise"] = {"solved": "2026-01-01T00:00:00+00:00"}
    content["more"] = [1]
    (data / "progress.json").write_text(json.dumps(content))
    note(attempts=2)
    after = json.loads((data / "progress.json").read_text())
    assert after["exercises"][NAME]["stars"] == 5
    assert after["exercises"][NAME]["attempts"] == 2
    assert after["exercises"]["gone/exercise"] == content["exercises"]["gone/exercise"]
    assert after["more"] == [1]


DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe\0",
    b"[]",
    b"null",
    b'{"version": 1}',
    b'{"version": 1, "exercises": []}',
    b"[" * 100_000,
    b'{"version": "1", "exercises": {}}',
    b'{"version": 1, "exercises": {"a": 1}}',
    b'{"version": 1, "exercises": {"a": {"attempts": "many"}}}',
    b'{"version": 1, "exercises": {"a": {"solved": 1}}}',
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_kept_aside_and_said(data, content):
    data.mkdir(parents=True)
    file = data / "progress.json"
    for number in (1, 2):
        file.write_bytes(content)
        with pytest.raises(ProgressError) as error:
            progress.read()
        lesson(error.value)
        said = note(attempts=number)
        aside = data / f"progress.json.damaged-{number}"
        assert "damaged" in said
        assert str(aside) in said
        assert aside.read_bytes() == content
        assert progress.read() == {NAME: Record(attempts=number)}
    assert note(attempts=3) == ""


def test_a_newer_version_is_left_as_it_is(data):
    data.mkdir(parents=True)
    text = '{"version": 2, "exercises": {}}'
    (data / "progress.json").write_text(text)
    assert "newer vnetlearn" in note(attempts=1)
    assert (data / "progress.json").read_text() == text
    with pytest.raises(ProgressError, match="update vnetlearn"):
        progress.read()


@pytest.mark.parametrize("where", ["data", "data/vnetlearn", "data/vnetlearn/progress.json"])
def test_where_nothing_can_be_written_it_is_said_and_nothing_is_raised(data, tmp_path, where):
    """A file in the folder's place, or a folder in the file's: root is stopped by these as well."""
    place = tmp_path / where
    place.parent.mkdir(parents=True, exist_ok=True)
    place.mkdir() if where.endswith("json") else place.write_text("in the way")
    assert note(attempts=1).startswith("Progress was not kept: ")


READ_ONLY = """
import os, sys
from vnetlearn.exercises import progress
progress.read()  # imports what it needs, which another user may not
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(progress.change("start/first-cable", lambda record: {"attempts": 1}))
print(progress.read())
"""


def test_a_read_only_home(tmp_path):
    """As an ordinary user, whom permissions stop."""
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    for folder in (tmp_path, *tmp_path.parents):  # one more of them where tests run side by side
        if folder == Path(tempfile.gettempdir()):
            break
        if os.stat(folder).st_uid == os.getuid():
            folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_DATA_HOME": str(home)},
    )
    assert "Progress was not kept" in done.stdout, done.stderr
    assert "Permission denied" in done.stdout
    assert done.stdout.endswith("{}\n")


MANY = """
import sys
from vnetlearn.exercises import progress
for n in range(30):
    assert progress.change("start/first-cable", lambda r: {"attempts": r.attempts + 1}) == ""
    assert progress.change(sys.argv[1], lambda r: {"hints": r.hints + 1}) == ""
"""


def test_processes_that_write_at_once_lose_nothing(data):
    writers = [python(MANY, f"own/{n}") for n in range(4)]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said
    found = progress.read()
    assert found[NAME].attempts == 120
    assert [found[f"own/{n}"].hints for n in range(4)] == [30] * 4
    assert not list(data.glob("*damaged*"))


def test_a_file_that_is_a_link_stays_one(data, tmp_path):
    data.mkdir(parents=True)
    (data / "progress.json").symlink_to(tmp_path / "elsewhere.json")
    note(attempts=1)
    assert (data / "progress.json").is_symlink()
    assert json.loads((tmp_path / "elsewhere.json").read_text())["exercises"][NAME]["attempts"] == 1


def test_the_command_shows_it(data):
    before = vnetlearn("progress")
    assert before.returncode == 0
    assert "Nothing done yet" in before.stdout
    assert not data.exists()
    note(started="2026-01-01T00:00:00+00:00", solved="2026-01-01T00:10:00+00:00", attempts=3)
    text = vnetlearn("progress").stdout
    row = next(line for line in text.splitlines() if line.startswith(NAME))
    assert row.split()[-2:] == ["solved", "3"]
    assert "##########.........." in text
    assert "1 of 2" in text
    assert f"rm {data / 'progress.json'}" in text
    content = json.loads(vnetlearn("progress", "--json").stdout)
    assert content["exercises"][NAME] == {
        "title": "The first cable",
        "state": "solved",
        "alone": True,
        "attempts": 3,
        "hints": 0,
        "started": "2026-01-01T00:00:00+00:00",
        "solved": "2026-01-01T00:10:00+00:00",
        "solution": None,
    }
    assert content["exercises"]["veth/dark-cable"]["state"] == ""


def test_the_command_says_what_is_wrong_with_the_file(data):
    data.mkdir(parents=True)
    (data / "progress.json").write_text("{")
    done = vnetlearn("progress")
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert (data / "progress.json").read_text() == "{"


def test_hostile_names_in_the_file_are_only_text(data):
    data.mkdir(parents=True)
    names = ["\ud800", "\x1b[31m", "<script>/x", "a\nb", ""]
    (data / "progress.json").write_text(json.dumps({"version": 1, "exercises": {name: {} for name in names}}))
    assert note(attempts=1) == ""
    done = vnetlearn("progress")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "not among the exercises" in done.stdout
