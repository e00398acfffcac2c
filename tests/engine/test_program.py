"""Programs in a lab: output as it comes, input, status, interrupts, background work, large and odd output."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from labs import all_gone, eventually, lesson, python, under

from vnetlearn import Lab, Node
from vnetlearn.errors import CommandFailed, NotFound

MEGABYTE = 1 << 20


def test_shell_text_as_in_a_terminal(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    result = node.run("for i in 1 2; do echo $i; done | tail -n 1\necho $((6 * 7)) >&2; [[ a < b ]] && exit 5")
    assert (result.status, result.stdout, result.stderr) == (5, "2\n", "42\n")
    assert capfd.readouterr() == ("2\n", "42\n")
    assert repr(result) == "<exit status 5>"


def test_a_program_without_a_shell(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    assert node.run(["printf", "%s|", "a b", "$HOME", "*"], quiet=True).stdout == "a b|$HOME|*|"
    assert capfd.readouterr() == ("", "")


def test_programs_run_in_their_namespace(node: Node, shared: Lab) -> None:
    node.link.add("here", kind="bridge")
    assert node.run("ls /sys/class/net", quiet=True).stdout.split() == ["here", "lo"]
    assert shared.run("ls /sys/class/net", quiet=True).stdout.split() == ["lo"]
    inside = node.run("ip netns identify $$", quiet=True).stdout.strip()
    assert inside == node.name


def test_a_program_in_a_namespace_that_is_gone(shared: Lab) -> None:
    node = shared.netns.add("gone")
    shared.netns.delete(node)
    with pytest.raises(NotFound) as caught:
        node.run("true")
    assert "ip netns exec gone" in lesson(caught.value).tried


def test_status_is_kept(node: Node) -> None:
    assert node.run("exit 255", quiet=True).status == 255
    assert node.run("kill -9 $$", quiet=True).status == 128 + signal.SIGKILL
    assert node.run(["false"]).status == 1
    assert node.run("true", check=True).status == 0
    with pytest.raises(CommandFailed) as caught:
        node.run("echo no >&2; exit 4", quiet=True, check=True)
    assert (caught.value.status, caught.value.said, caught.value.why) == (4, "no", "it ended with status 4")
    with pytest.raises(CommandFailed, match=r"status 137: .* SIGKILL.*no memory left"):
        node.run("kill -9 $$", quiet=True, check=True)


def test_environment(node: Node) -> None:
    assert node.run("echo $COLOUR", env={"COLOUR": "red"}, quiet=True).stdout == "red\n"


def test_input(node: Node, engine: str) -> None:
    assert node.run("cat", input="ü\nlast", quiet=True).stdout == "ü\nlast"
    assert node.run("cat", quiet=True).stdout == "", "nothing given is the end of input, not a wait"
    size = 5 * MEGABYTE
    assert node.run("wc -c", input="x" * size, quiet=True).stdout.strip() == str(size)
    assert node.run("head -c 1", input="x" * MEGABYTE, quiet=True).stdout == "x", "what nobody reads is dropped"
    echoed = node.run("cat", input="0123456789abcdef" * (size // 16), quiet=True).stdout
    assert echoed == "0123456789abcdef" * (size // 16)


def test_output_comes_while_the_program_runs(node: Node) -> None:
    """Each line is answered before the next is written: none is kept back. Two streams have no order of their own."""
    asking = 'for i in 1 2 3; do echo "ask $i"; read; echo "got $REPLY" >&2; read; done'
    program = node.start(["stdbuf", "-oL", "bash", "-c", asking])
    output = program.output()
    for number in (1, 2, 3):
        assert next(output) == (1, f"ask {number}\n".encode())
        program.write(f"answer {number}\n".encode())
        assert next(output) == (2, f"got answer {number}\n".encode())
        program.write(b"go on\n")
    assert list(output) == []
    assert program.status == 0


def test_run_shows_output_while_the_program_runs(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program ends only when its first line was shown: who shows it lets it go on, through a fifo."""
    fifo = f"/run/{node.name}"
    node.run(["mkfifo", fifo])
    shown = []

    class Screen:
        def write(self, text: str) -> int:
            shown.append(text)
            if text == "first\n":
                node.run(f"echo go > {fifo}", quiet=True)
            return len(text)

        def flush(self) -> None: ...

    monkeypatch.setattr(sys, "stdout", Screen())
    assert node.run(f"echo first; read < {fifo}; echo then $REPLY").status == 0
    assert shown == ["first\n", "then go\n"]


def test_output_that_is_no_utf8(node: Node) -> None:
    assert node.run(r"printf 'a\xff\xfeb\n\xc3'", quiet=True).stdout == "a\\xff\\xfeb\n\\xc3"
    text = "äöü€𝄞" * 50000
    assert node.run("cat", input=text, quiet=True).stdout == text, "characters are not cut at the ends of blocks"


def test_large_output_waits_for_its_reader(engine: str) -> None:
    """Who does not read makes the writer wait; the agent keeps no more than the window of a megabyte."""
    with Lab("empty", engine=engine) as lab:
        program = lab.host.start(["bash", "-c", "head -c 100000000 /dev/zero; echo done >&2"])
        rss = lab.host.start(["bash", "-c", "while read; do grep VmRSS /proc/1/status; done"])
        answers = rss.output()

        def agent_kilobytes() -> int:
            rss.write(b"\n")
            return int(next(answers)[1].split()[1])

        before, received, peak = agent_kilobytes(), 0, 0
        for count, (number, data) in enumerate(program.output()):
            received += len(data) if number == 1 else 0
            if count % 200 == 0:
                peak = max(peak, agent_kilobytes())
        assert (received, program.status) == (100_000_000, 0)
        assert peak - before < 8 << 10
        rss.close_input()


def test_a_program_that_nobody_reads_does_not_stop_the_others(shared: Lab) -> None:
    stuck = shared.host.start(["cat", "/dev/zero"])
    assert shared.run("echo free", quiet=True).stdout == "free\n"
    assert len(shared.link.show()) == 1
    stuck.signal(signal.SIGKILL)
    for _ in stuck.output():
        pass
    assert stuck.status == 128 + signal.SIGKILL


def test_many_programs_at_once(node: Node) -> None:
    programs = [node.start(["bash", "-c", f"read; echo {number}; exit {number}"]) for number in range(20)]
    for program in programs:
        program.write(b"\n")
    for number, program in enumerate(programs):
        assert list(program.output()) == [(1, f"{number}\n".encode())]
        assert program.status == number


def test_background_work_outlives_its_command(node: Node) -> None:
    pid = node.run("sleep 1000 & echo $!", quiet=True).stdout.strip()
    assert node.run(f"kill -0 {pid}", quiet=True).status == 0
    node.run(f"kill {pid}", check=True)
    noisy = node.run("yes & echo $! >&2", quiet=True).stderr.strip()
    assert node.run(f"kill {noisy}", quiet=True).status == 0, "writing to nobody does not end it"


def test_a_server_in_the_background_serves_later_commands(node: Node) -> None:
    node.link.set("lo", up=True)
    serve = (
        "import http.server as h; s = h.HTTPServer(('127.0.0.1', 8000), h.SimpleHTTPRequestHandler);"
        " print('up'); s.serve_forever()"
    )
    up = f"/run/{node.name}.up"
    node.run(f'mkfifo {up}; python3 -uc "{serve}" > {up} 2>/dev/null & read < {up}', check=True)
    asked = node.run(
        "exec 3<>/dev/tcp/127.0.0.1/8000; printf 'HEAD / HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3", quiet=True
    )
    assert "200" in asked.stdout


def test_a_terminal_of_its_own(node: Node) -> None:
    program = node.start(["bash", "--norc"], tty=(33, 77), env={"PS1": "> ", "TERM": "dumb"})
    output = program.output()
    seen = ""

    def until(text: str) -> str:
        nonlocal seen
        while text not in seen:
            seen += next(output)[1].decode()
        found, seen = seen.split(text, 1)
        return found

    until("> ")
    program.write(b"stty size; tty\n")
    until("33 77")
    assert "/dev/pts/" in until("> ")
    program.resize(20, 50)
    program.write(b"stty size\n")
    until("20 50")
    until("> ")
    program.write(b"echo started; cat\n")
    until("\r\nstarted\r\n")
    program.write(b"echoed\n")
    until("echoed\r\nechoed")
    program.write(b"\3")
    until("> ")
    program.write(b"exit 9\n")
    for _ in output:
        pass
    assert program.status == 9


def test_signals_reach_the_whole_pipeline(node: Node) -> None:
    # Said through the pipe, so that both its ends run: bash misses a signal that comes just before it starts them.
    line = "trap 'echo caught; exit 3' INT; (echo ready; exec sleep 1000) | cat"
    program = node.start(["bash", "-c", line])
    output = program.output()
    assert next(output) == (1, b"ready\n")
    program.signal(signal.SIGINT)
    assert list(output) == [(1, b"caught\n")]
    assert program.status == 3
    program.signal(signal.SIGINT)


INTERRUPTED = """
import sys
from vnetlearn import Lab
from vnetlearn.engine import program
program.AFTER_INTERRUPT_SECONDS = float(sys.argv[3])
with Lab("empty", engine=sys.argv[1]) as lab:
    node = lab.netns.add("red")
    node.link.set("lo", up=True)
    try:
        node.run(sys.argv[2])
    except KeyboardInterrupt:
        print("interrupted")
    else:
        print("not interrupted")
    print("ping:", node.ping("127.0.0.1", count=1).received, node.run("echo usable", quiet=True).stdout)
"""


def test_an_interrupt_reaches_ping_and_the_lab_goes_on(engine: str) -> None:
    with python(INTERRUPTED, engine, "ping -i 0.2 127.0.0.1", 10) as child:
        assert child.stdout
        for line in child.stdout:
            if "icmp_seq=2" in line:
                child.send_signal(signal.SIGINT)
                break
        rest = child.stdout.read()
    assert "ping statistics" in rest, "ping's last words are shown"
    assert " 0% packet loss" in rest
    assert "interrupted\nping: 1 usable" in rest


def test_an_interrupt_that_is_ignored_becomes_a_kill(engine: str) -> None:
    with python(INTERRUPTED, engine, "trap '' INT; echo ready; while :; do sleep 1000; done", 0.1) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
    assert rest == "interrupted\nping: 1 usable\n\n"


def test_a_closed_lab_ends_what_ran_in_it(engine: str) -> None:
    others = under()
    lab = Lab("empty", engine=engine)
    before = under()
    lab.run("nohup sleep 1000 > /dev/null & setsid bash -c 'sleep 1000 & wait' & disown -a", quiet=True)
    if engine == "host":
        assert eventually(lambda: len(under()) >= len(before) + 3)
    ours = [one for one in under() if one not in others]
    assert ours
    lab.close()
    assert all_gone(ours, 0)


def test_files_of_the_computer_are_at_hand_on_host_only(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script").write_text("echo from the computer\n")
    with Lab("empty", engine=engine) as lab:
        for name in "script", str(tmp_path / "script"):
            result = lab.run(["bash", name], quiet=True)
            assert (result.stdout == "from the computer\n") == (engine == "host")


def test_an_interrupt_works_where_the_owner_was_started_to_ignore_it(engine: str) -> None:
    code = (
        f"from vnetlearn import Lab; r = Lab('empty', engine={engine!r}).run('kill -INT $$; echo ignored');"
        " print(r.status)"
    )
    ignoring = ["sh", "-c", 'trap "" INT HUP QUIT TERM; exec "$@"', "-", sys.executable, "-c", code]
    assert subprocess.run(ignoring, capture_output=True, text=True).stdout == "130\n"
