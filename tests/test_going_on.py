"""The guest, or the agent, of a lab is killed: the learner reads a sentence, and the next try works at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from IPython.core.interactiveshell import InteractiveShell
from labs import eventually, lesson, under

from vnetlearn import Lab, explore
from vnetlearn.errors import LabDied
from vnetlearn.exercises import exercise
from vnetlearn.explorers.explorer import Explorer

T = TypeVar("T")
SECONDS = 60.0


def killed(make: Callable[[], T]) -> T:
    """What `make` gives, and all the processes that it started gone, with nobody told."""
    before = under()
    made = make()
    started = [one for one in under() if one not in before]
    assert started
    for process in started:
        process.send_signal(signal.SIGKILL)
    return made


def read(html: str) -> None:
    """It is a lesson, and no traceback."""
    assert "next" in html, html
    assert "Traceback" not in html


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """Progress of its own for each test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_a_lesson_goes_on_with_a_new_lab(engine: str) -> None:
    """The cell that made the lab is run again."""
    lab = killed(lambda: Lab(engine=engine))
    with pytest.raises(LabDied) as caught:
        lab.link.add("br0", kind="bridge")
    lesson(caught.value)
    assert not lab.alive
    assert "it has ended" in repr(lab)
    assert "it has ended" in lab._repr_html_()
    with Lab(engine=engine) as lab:
        assert lab.ping("192.168.0.1", count=1, timeout=5)


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "vnetlearn")
    yield shell
    InteractiveShell.clear_instance()


def test_a_cell_of_shell_text_says_it_too(engine: str, shell: InteractiveShell) -> None:
    shell.user_ns["lab"] = killed(lambda: Lab("empty", engine=engine))
    with pytest.raises(LabDied) as caught:
        shell.run_cell_magic("lab", "", "ip link\n")
    lesson(caught.value)
    with Lab("empty", engine=engine) as lab:
        shell.user_ns["lab"] = lab
        shell.run_cell_magic("lab", "", "ip link add br0 type bridge\n")
        assert "br0" in lab.link


def test_a_program_that_runs_meanwhile_ends(engine: str) -> None:
    with Lab("empty", engine=engine) as lab:
        program = lab.host.start(["sleep", "1000"])
        lab.close()
        with pytest.raises(LabDied):
            list(program.output())


def test_an_exercise_goes_on_by_reset(engine: str) -> None:
    with exercise("start/first-cable", engine=engine) as ex:
        killed(ex.start)
        for do in (ex.check, ex.start):
            with pytest.raises(LabDied, match=r"ex\.reset") as caught:
                do()
            lesson(caught.value)
        ex.reset().run(ex.exercise.solution, check=True, quiet=True)
        assert ex.check().solved


def test_an_exercise_goes_on_by_its_button(engine: str) -> None:
    with exercise("start/first-cable", engine=engine) as ex:

        def click(name: str) -> str:
            ex.panel.buttons[name].click()
            assert ex.panel.wait(SECONDS)
            return str(ex.panel.answer)

        killed(lambda: click("Start"))
        for name in ("Check", "Start"):
            answer = click(name)
            read(answer)
            assert "ex.reset()" in answer
        assert "a new lab" in click("Reset")
        assert "Nothing in the lab has been changed yet" in click("Check")


def test_an_explorer_goes_on_by_its_button(engine: str) -> None:
    def opened() -> Explorer:
        explorer = explore("veth", engine=engine)
        assert explorer.wait(SECONDS)
        return explorer

    explorer = killed(opened)
    try:
        for _ in range(2):  # of which the first may come before anybody noticed
            explorer.button.click()
            assert explorer.wait(SECONDS)
            if explorer.error is not None:
                assert isinstance(explorer.error, LabDied)
                read(explorer._answer.value)
        assert explorer.error is None
        assert explorer.pings[0].ok
    finally:
        explorer.close()


def test_a_panel_says_so_and_a_new_one_works(engine: str) -> None:
    panel = killed(lambda: Lab(engine=engine).panel())
    assert eventually(lambda: "The lab has ended" in panel._answer.value)
    for switch in panel._switches.values():
        assert switch.disabled
    panel.close()
    with Lab(engine=engine) as lab:
        panel = lab.panel()
        lab.link.set("eth0", up=False)
        assert eventually(lambda: panel.log)
        panel.close()
