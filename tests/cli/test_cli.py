"""The `vnetlearn` command, as its own process."""

from __future__ import annotations

import json

import pytest
from labs import vnetlearn

from vnetlearn.kinds import KINDS


def test_a_script_runs_with_its_status(engine, tmp_path):
    script = tmp_path / "script.sh"
    script.write_text("ip -br addr show eth0 | grep -o 192.168.0.171/24\nls /nowhere\nexit 3\n")
    done = vnetlearn("run", str(script), "--engine", engine)
    assert (done.returncode, done.stdout) == (3, "192.168.0.171/24\n")
    assert "/nowhere" in done.stderr


def test_a_script_from_standard_input_in_another_world(engine):
    done = vnetlearn("run", "-", "--engine", engine, "--world", "two-hosts", input="ip netns list\n")
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"lan", "host2", "gateway"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "/nowhere/script.sh"], "No such file"),
        (["run", "-", "--world", "moon"], "there is no world 'moon'"),
        (["compare", "macvlan", "bridge"], "no experiments on bridge"),
        (["compare", "macvlan", "macvlam"], "did you mean macvlan"),
    ],
)
def test_mistakes_are_explained(words, said):
    done = vnetlearn(*words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_that_the_environment_asks_for():
    done = vnetlearn("run", "-", input="true", VNETLEARN_ENGINE="moon")
    assert done.returncode == 1
    assert "one of: host, vm" in done.stderr


def test_kinds_as_json():
    """Each kind once, in order; all on vm but ipoib; a reason for each no."""
    rows = json.loads(vnetlearn("kinds", "--json").stdout)
    assert [row["kind"] for row in rows] == list(KINDS)
    assert all(set(row) == {"kind", "host", "vm", "why"} for row in rows)
    assert [row["kind"] for row in rows if not row["vm"]] == ["ipoib"]
    assert all(row["why"] or (row["host"] and row["vm"]) for row in rows)


def test_help_names_every_command():
    text = vnetlearn("--help").stdout
    assert all(
        command in text for command in ("doctor", "kinds", "run", "shell", "compare", "image", "exercise", "progress")
    )
