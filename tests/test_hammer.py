"""scripts/hammer finds what wavers, says how, and takes its load along when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from labs import all_gone, eventually, that_run

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # which take seconds to import
TOY = '''
import os, time
from pathlib import Path
COUNT = Path(__file__).with_name("count")
def test_steady(): pass
def test_wavering():
    """Fails every second time."""
    COUNT.write_text(COUNT.read_text() + "x" if COUNT.exists() else "x")
    assert len(COUNT.read_text()) % 2, "an even run"
def test_environment(): assert os.environ.get("FAIL") is None, "asked to fail"
def test_waiting():
    while os.environ.get("WAIT"): time.sleep(0.1)
'''


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_toy.py").write_text(TOY)
    return tmp_path / "test_toy.py"


def command(*words: object) -> list[str]:
    return [sys.executable, str(ROOT / "scripts/hammer"), *map(str, words)]


def hammer(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), cwd=ROOT, capture_output=True, text=True, env={**ENVIRONMENT, **env})


def test_what_wavers_is_told_with_what_it_said(toy: Path) -> None:
    done = hammer("suite", "-n", 2, "--workers", 0, "--load", 1, toy)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[0].startswith("run 1: 4 passed; ")
    assert done.stdout.splitlines()[1].startswith("run 2: 1 failed, 3 passed; ")
    assert "test_toy::test_wavering: passed, failed\n    run 2:\n" in done.stdout
    assert "an even run" in done.stdout
    assert "test_steady" not in done.stdout


def test_what_always_fails_is_told_once(toy: Path) -> None:
    done = hammer("suite", "-n", 2, "--workers", 0, "--load", 0, "-k", "environment or steady", toy, FAIL="1")
    assert done.returncode == 1
    assert "test_toy::test_environment: failed, failed\n    run 1, 2:\n" in done.stdout
    assert done.stdout.count("\n    run ") == 1


def test_a_run_without_an_outcome_is_no_success(toy: Path) -> None:
    toy.write_text("def test_a(: pass")
    done = hammer("suite", "-n", 1, "--workers", 0, "--load", 0, toy)
    assert done.returncode == 1
    assert "SyntaxError" in done.stdout


def test_when_the_time_is_up_no_further_run_begins(toy: Path) -> None:
    done = hammer("suite", "--for", 0, "--workers", 0, "--load", 0, "-k", "steady", toy)
    assert done.stdout.splitlines()[1:] == ["1 × 1 passed: nothing failed, and nothing differs"], done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_all_that_it_started_ends_with_it(toy: Path, end: str) -> None:
    words = command("suite", "--workers", 0, "--load", 2, "-k", "waiting", toy)
    process = psutil.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, env={**ENVIRONMENT, "WAIT": "1"})
    assert eventually(lambda: len(process.children()) == 3)
    assert eventually(lambda: that_run("test_toy", process.pid))
    children = process.children(recursive=True)
    getattr(process, end)()
    said, _ = process.communicate()
    assert (b"interrupted" in said) == (end == "terminate")
    assert all_gone(children, 5)


def test_it_lists_its_commands() -> None:
    said = hammer("--help")
    assert said.returncode == 0
    for name in ("suite", "soak"):
        assert f"\n    {name} " in said.stdout
        assert f"usage: scripts/hammer {name} " in hammer(name, "--help").stdout
    assert hammer("nothing").returncode == 2


def test_soaking_finds_the_tests_that_draw() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from hammering import soak
    finally:
        sys.path.pop(0)
    assert str(ROOT / "tests/topology/test_script.py") in soak.drawing()
    assert str(ROOT / "tests/test_hammer.py") not in soak.drawing()
