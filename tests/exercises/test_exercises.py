"""Every exercise, on each engine that can: untouched, attempted wrongly, solved in several ways, and tricked."""

from __future__ import annotations

import pytest
from attempts import WAYS, Do
from labs import descriptors, eventually, lesson, that_run, threads, vnetlearn

from vnetlearn import KINDS
from vnetlearn.engine import host
from vnetlearn.engine.guest import contents
from vnetlearn.errors import BadParameter, CommandFailed, LabDied, UnknownExercise
from vnetlearn.exercises import EXERCISES, Exercise, exercise, progress
from vnetlearn.exercises.attempt import Attempt
from vnetlearn.lab.choice import host_kinds
from vnetlearn.lab.ping import many

ON_HOST = {name for name in host_kinds() if not KINDS[name].mknod} if host.available()[0] else set[str]()


def places() -> list[tuple[str, str]]:
    """Each exercise with each engine that creates its kinds."""
    return [(name, "host") for name, one in EXERCISES.items() if set(one.kinds) <= ON_HOST] + [
        (name, "vm") for name in EXERCISES
    ]


def first_places() -> list[tuple[str, str]]:
    """Each exercise with the first engine that creates its kinds: for the judge, which does not know the engine."""
    return [(name, "host" if set(one.kinds) <= ON_HOST else "vm") for name, one in EXERCISES.items()]


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """Progress of its own for each test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(params=places(), ids=" on ".join)
def ex(request):
    name, engine = request.param
    with exercise(name, engine=engine) as ex:
        yield ex


@pytest.fixture(params=first_places(), ids=" on ".join)
def judged(request):
    name, engine = request.param
    with exercise(name, engine=engine) as ex:
        yield ex


@pytest.fixture
def cable(engine):
    """The smallest one, for all that is the same in all."""
    with exercise("start/first-cable", engine=engine) as ex:
        yield ex


def after(ex: Attempt, do: Do):
    """The verdict after an attempt from the start."""
    lab = ex.reset()
    if callable(do):
        do(lab)
    else:
        lab.run(f"set -e\n{do}", check=True, quiet=True)
    return ex.check()


def not_so(verdict) -> str:
    """What the verdict says of all that is not as wanted."""
    return "\n".join(f"{one.wanted}: {one.observed} ({one.evidence})" for one in verdict.findings if not one.ok)


def test_every_exercise_has_attempts():
    """The other tests of this file walk WAYS."""
    assert list(WAYS) == list(EXERCISES)
    for name, ways in WAYS.items():
        assert ways.wrong, name
        assert ways.others, name
        assert ways.tricks, name


def test_untouched_is_not_started_and_the_solution_solves_it(ex):
    assert ex.check().state == "not started"
    lab = ex.start()
    lab.run("ip -d addr", quiet=True)
    many([(node, "10.0.0.99") for node in lab.nodes], count=1, timeout=0.1)
    assert ex.check().state == "not started"
    assert progress.read()[ex.exercise.name].attempts == 0
    lab.run(f"set -e\n{ex.exercise.solution}", check=True, quiet=True)
    verdict = ex.check()
    assert verdict.solved, verdict
    assert progress.read()[ex.exercise.name].alone


def test_wrong_attempts_are_told_what_was_seen(judged):
    for do, says in WAYS[judged.exercise.name].wrong.items():
        verdict = after(judged, do)
        assert verdict.state == "not yet", do
        assert says in not_so(verdict), (do, verdict)
        assert all(one.observed and one.evidence for one in verdict.findings if not one.ok)
        for command in judged.exercise.solution.splitlines():
            assert command.strip() not in repr(verdict)


def test_other_ways_solve_it(judged):
    for do in WAYS[judged.exercise.name].others:
        verdict = after(judged, do)
        assert verdict.solved, (do, verdict)


def test_tricks_do_not(judged):
    for do, says in WAYS[judged.exercise.name].tricks.items():
        verdict = after(judged, do)
        assert verdict.state == "not yet", do
        assert says in not_so(verdict), (do, verdict)


def test_hints_go_on_to_the_last_and_are_noted(cable):
    cable.start()
    hints = [cable.hint() for _ in range(4)]
    assert [hint.number for hint in hints] == [1, 2, 3, 3]
    assert hints[2].text == hints[3].text
    assert "ex.solution()" in repr(hints[2])
    assert progress.read()["start/first-cable"].hints == 3


def test_progress_knows_what_was_done_alone_and_what_with_help(cable):
    assert after(cable, "ip -n ns1 link set lo up").state == "not yet"
    record = progress.read()["start/first-cable"]
    assert (record.attempts, record.solved, record.solution) == (1, None, None)
    commands = str(cable.solution())
    assert after(cable, commands).solved
    record = progress.read()["start/first-cable"]
    assert (record.attempts, record.alone, record.state) == (1, False, "solved, with the solution")
    assert after(cable, "ip -n ns1 link set lo up").state == "not yet"
    assert progress.read()["start/first-cable"] == record  # once solved, it stays so


def test_where_progress_cannot_be_kept_the_exercise_goes_on(cable, tmp_path):
    (tmp_path / "data").write_text("in the way")
    assert after(cable, cable.exercise.solution).solved
    assert "Progress was not kept" in cable.check().note
    assert "Progress was not kept" in repr(cable.hint())
    assert "Progress was not kept" in cable.solution()._repr_html_()


def test_started_twice_it_keeps_the_lab_and_says_so(cable, capsys):
    lab = cable.start()
    lab.netns.add("mine")
    assert cable.start() is lab
    assert "ex.reset()" in capsys.readouterr().out
    assert "mine" in lab.netns
    assert cable.reset() is not lab
    assert not lab.alive
    assert "mine" not in cable.lab.netns


def test_a_lab_that_died_is_said(cable):
    cable.start()
    for process in that_run(str(contents.AGENT)) or that_run("qemu"):
        process.kill()
    assert eventually(lambda: not cable._lab.alive)
    for do in (cable.check, cable.start, lambda: cable.lab):
        with pytest.raises(LabDied, match="ex\\.reset"):
            do()
    assert cable.hint().number == 1
    cable.reset()
    assert cable.check().state == "not started"


def test_before_it_is_started_there_is_no_lab(cable):
    with pytest.raises(BadParameter, match="ex\\.start") as error:
        cable.lab  # noqa: B018
    lesson(error.value)
    assert cable.check().state == "not started"


def test_a_start_that_fails_leaves_nothing(engine):
    with exercise("start/first-cable", engine=engine):  # what is made once
        before = threads(), descriptors()
    broken = Exercise(
        "start/broken", "Broken", "", (), ("",), "", start="ip netns add ns1\nls /nowhere\nip netns add ns2"
    )
    ex = Attempt(broken, engine)
    with pytest.raises(CommandFailed, match="nowhere"):
        ex.start()
    assert not ex.started
    assert eventually(lambda: (threads(), descriptors()) == before)
    assert "start/broken" not in progress.read()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("start/first-cabel", "did you mean start/first-cable"),
        ("first-cable", "did you mean start/first-cable"),
        ("two-network", "did you mean vlan/two-networks"),
        ("", "one of: start/first-cable"),
        ("<script>/\n\x1b\udcff", "one of: "),
        (None, "one of: "),
    ],
)
def test_an_unknown_exercise(name, says):
    with pytest.raises(UnknownExercise, match=says) as error:
        exercise(name)
    lesson(error.value)


def test_every_exercise_reads_well():
    for name, one in EXERCISES.items():
        assert one.name == name
        assert len(one.hints) in (2, 3), name
        assert one.level in ("easy", "medium", "hard")
        for text in (one.task, *one.hints):
            assert text.count("`") % 2 == 0, text
        for hint in one.hints:  # nearly there, not there
            assert not any(line.strip() in hint for line in one.solution.splitlines()), hint


def test_a_verdict_in_html_is_only_text(cable):
    hostile = "<script>alert(1)</script>"
    verdict = after(cable, f"ip -n ns1 link add type veth; ip -n ns1 link set veth0 alias '{hostile}'")
    html = verdict._repr_html_()
    assert "Not yet" in html
    assert "<script" not in html


def test_a_script_from_a_pipe_is_checked(engine):
    solved = vnetlearn(
        "exercise", "start/first-cable", "--engine", engine, input=EXERCISES["start/first-cable"].solution
    )
    assert (solved.returncode, "Solved." in solved.stdout) == (0, True), solved
    wrong = vnetlearn("exercise", "start/first-cable", "--engine", engine, input="ip netns delete ns2")
    assert (wrong.returncode, "no route to 10.0.0.2 in ns1" in wrong.stdout) == (1, True), wrong
    nothing = vnetlearn("exercise", "start/first-cable", "--engine", engine, input="ip -n ns1 addr")
    assert (nothing.returncode, "Not started." in nothing.stdout) == (1, True), nothing


def test_the_command_names_close_ones():
    done = vnetlearn("exercise", "start/first-cabel")
    assert done.returncode == 1
    assert "did you mean start/first-cable" in done.stderr
    assert "Traceback" not in done.stderr
