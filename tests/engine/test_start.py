"""The start of programs: what shell text means, scripts of any size, and every failure by its own name."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from labs import eventually, lesson, threads

from vnetlearn import Lab, Node
from vnetlearn.engine.channel import AgentRefused
from vnetlearn.errors import BadParameter, KernelRefused, NotFound, ToolMissing, VnetlearnError

MEGABYTE = 1 << 20


def open_in_agent(lab: Lab) -> list[str]:
    """The agent's descriptors, as a program in its lab sees them a moment after its start."""
    look = "sleep 0.1; exec ls /proc/1/fd"
    return sorted(lab.run(look, quiet=True, check=True).stdout.split())


@pytest.fixture
def folder(lab: Lab) -> str:
    """Files that do not start, in a folder of the lab's."""
    lab.run(
        """
        set -e; mkdir /run/files; cd /run/files; mkdir folder
        echo echo no > data; printf '#!/no/such/shell\\n' > orphan; printf '\\001\\002' > noise
        chmod 644 data; chmod 755 orphan noise
        """,
        quiet=True,
        check=True,
    )
    return "/run/files"


FAILURES: dict[str, tuple[Callable[[Node, str], object], type[VnetlearnError], int, str]] = {
    # what: (how, error, its number, a part of why)
    "too long": (lambda node, _: node.run(["echo", "x" * 140_000]), KernelRefused, errno.E2BIG, "128 KiB"),
    "too long a variable": (
        lambda node, _: node.run("true; true", env={"X": "x" * 140_000}),
        KernelRefused,
        errno.E2BIG,
        "128 KiB",
    ),
    "no x bit": (lambda node, at: node.run([f"{at}/data"]), KernelRefused, errno.EACCES, "no x bit"),
    "a folder": (lambda node, at: node.run([f"{at}/folder"]), KernelRefused, errno.EISDIR, "folder"),
    "no program": (lambda node, at: node.run([f"{at}/noise"]), KernelRefused, errno.ENOEXEC, "#!"),
    "no interpreter": (
        lambda node, at: node.run([f"{at}/orphan"]),
        KernelRefused,
        errno.ENOENT,
        "is there, but",
    ),
    "missing": (lambda node, _: node.run(["no-such-tool"]), ToolMissing, 0, "no-such-tool is not in this lab"),
    "missing in a folder": (lambda node, at: node.run([f"{at}/nothing"]), ToolMissing, 0, "is not in this lab"),
    "nothing": (lambda node, _: node.run([]), BadParameter, 0, "program"),
    "an empty name": (lambda node, _: node.run([""]), BadParameter, 0, "program"),
    "a NUL": (lambda node, _: node.run(["echo", "a\0b"]), BadParameter, 0, "NUL"),
    "a NUL in shell text": (lambda node, _: node.run("echo a\0b"), BadParameter, 0, "NUL"),
    "a NUL in a variable": (lambda node, _: node.run("true", env={"A": "\0"}), BadParameter, 0, "NUL"),
    "a variable's name": (lambda node, _: node.run("true", env={"A=B": ""}), BadParameter, 0, "NAME"),
    "no namespace": (lambda node, _: node.netns.named("gone").run(["true"]), NotFound, 0, "no namespace 'gone'"),
}


def test_every_failure_has_its_reason_and_leaves_nothing(lab: Lab, folder: str) -> None:
    lab.netns.add("red")
    before = open_in_agent(lab)
    for what, (how, kind, number, why) in FAILURES.items():
        for place in ("", "red"):
            with pytest.raises(VnetlearnError) as caught:
                how(lab.netns.named(place), folder)
            error = lesson(caught.value)
            assert (what, type(error), getattr(error, "errno", 0)) == (what, kind, number)
            assert why in error.why, what
        assert eventually(lambda: open_in_agent(lab) == before), what
    assert lab.run("echo usable", quiet=True).stdout == "usable\n"


REFUSED = (
    {"argv": []},
    {"argv": [""]},
    {"argv": ["echo", "\0"]},
    {"argv": ["echo", "\ud800"]},
    {"argv": ["true"], "env": {"A": "\0"}},
    {"argv": ["true"], "env": {"A=B": ""}},
    {"argv": ["true"], "env": {"": ""}},
    {"argv": ["true"], "tty": [1]},
    {"argv": ["true"], "tty": [1, 70_000]},
    {"argv": ["true"], "tty": [-1, 1]},
    {"argv": ["true"], "netns": "../../tmp"},
    {"argv": ["true"], "netns": "a\0"},
    {"argv": "true"},
    {"argv": ["true"], "more": 1},
    {},
)


def test_the_agent_refuses_what_the_owner_should_not_send_and_leaves_nothing(lab: Lab) -> None:
    before = open_in_agent(lab)
    for arguments in REFUSED:
        with pytest.raises(AgentRefused):
            lab.netns.channel.request("run", **arguments)
        assert eventually(lambda: open_in_agent(lab) == before), arguments


def test_an_agent_without_descriptors_says_so(lab: Lab) -> None:
    limit = "import os, resource; resource.prlimit(1, resource.RLIMIT_NOFILE, ({0}, {1}))"
    hard = "import resource; print(*resource.prlimit(1, resource.RLIMIT_NOFILE))"
    most = lab.run(["python3", "-c", hard], quiet=True, check=True).stdout.split()[1]
    count = len(open_in_agent(lab)) - 3  # without those of the program that looked
    lab.run(["python3", "-c", limit.format(count + 2, most)], quiet=True, check=True)
    for command in (["true"], "true; true"):
        with pytest.raises(KernelRefused) as caught:
            lab.run(command)
        assert lesson(caught.value).errno == errno.EMFILE  # type: ignore[attr-defined]
    assert [link.name for link in lab.link.show()] == ["lo"]


def test_errors_quote_a_few_lines(lab: Lab) -> None:
    text = "\n".join(f"echo {number}" for number in range(1000)) + "; exit 3"
    with pytest.raises(VnetlearnError) as caught:
        lab.run(text, quiet=True, check=True)
    assert caught.value.tried == text
    assert len(str(caught.value)) < 1000
    assert "echo 4" in str(caught.value)
    assert "echo 5\n" not in str(caught.value)


# What bash makes of a line, compared with the same line behind `:;`, which needs bash
SAME = (
    "env",
    "true",
    "false",
    "ls /proc/self/fd",
    "no-such-program 1 2",
    "/proc",
    "./nothing",
    "printenv PATH",
    "echo $HOME *",
    "ip  -o   link",
    "A=b env",
    "cat /proc/self/cmdline",
    "readlink /proc/self/cwd",
    "%1",
    "stat -c %n /",
)


@pytest.mark.parametrize("line", SAME)
def test_shell_text_means_what_bash_makes_of_it(line: str, node: Node) -> None:
    expected = node.run(["stdbuf", "-oL", "bash", "-c", line], quiet=True)
    found = node.run(line, quiet=True)
    assert sorted(found.stdout.splitlines()) == sorted(expected.stdout.splitlines())
    assert (found.status, found.stderr) == (expected.status, expected.stderr)


def test_variables_that_bash_minds_are_minded(node: Node) -> None:
    assert node.run("ls", env={"BASH_FUNC_ls%%": "() { echo a function; }"}, quiet=True).stdout == "a function\n"
    assert node.run("ip", env={"PATH": "/nowhere"}, quiet=True).status == 127


def test_what_ip_netns_exec_gives_a_program(node: Node) -> None:
    node.link.add("here", kind="bridge")
    look = "cat /proc/net/dev | wc -l; ls /sys/class/net; readlink /proc/self/ns/net; pwd; ls -di / /run /etc"
    by_ip = node.netns.host.run(["ip", "netns", "exec", node.name, "bash", "-c", look], quiet=True).stdout
    assert node.run(look, quiet=True).stdout == by_ip
    node.run("mount -t tmpfs mine /mnt; test -d /mnt", check=True)
    assert "mine" not in node.run("cat /proc/self/mounts", quiet=True).stdout, "mounts are the program's own"
    assert "mine" not in node.netns.host.run("cat /proc/self/mounts", quiet=True).stdout
    node.netns.delete(node)
    assert node.name not in node.netns


def script(size: int) -> str:
    """Shell text of about `size` bytes."""
    head = 'echo "$0 $#"; read line; echo "got $line"\nnot-a-program\n'
    filler = "\n".join(f": {number:0100}" for number in range(size // 103))
    return f"{head}{filler}\necho line $LINENO\nls /proc/self/fd | wc -l\n(exit 7)\n"


def test_a_script_of_a_megabyte(node: Node) -> None:
    small, large = script(1000), script(MEGABYTE)
    assert len(large) > MEGABYTE
    for text in (small, large):
        found = node.run(text, input="its input\n", quiet=True)
        lines = text.count("\n") - 2
        assert found.stdout.split("\n")[:3] == ["bash 0", "got its input", f"line {lines}"]
        assert "line 2: not-a-program: command not found" in found.stderr
        assert found.status == 7
    fds = [node.run(text, quiet=True).stdout.split()[-1] for text in (small, large)]
    assert fds[0] == fds[1], "the script's own descriptor is closed"


def test_a_script_is_not_kept(lab: Lab) -> None:
    before = open_in_agent(lab)
    for _ in range(3):
        lab.run(script(200_000), quiet=True)
        with pytest.raises(NotFound):
            lab.netns.named("gone").run(script(200_000))
    assert eventually(lambda: open_in_agent(lab) == before)


def test_much_through_a_program_both_ways(lab: Lab) -> None:
    """More than all windows: input waits for the program, output for its reader, and neither for the other."""
    count = (20 if lab.engine == "host" else 6) * MEGABYTE
    before = threads()
    found = lab.run(["cat"], input="0123456789abcdef" * (count // 16), quiet=True)
    assert found.stdout == "0123456789abcdef" * (count // 16)
    assert threads() == before


def test_a_program_that_does_not_read_makes_its_writer_wait(lab: Lab) -> None:
    """The agent keeps a megabyte of what is on its way, and no more."""
    import threading

    program = lab.host.start(["sleep", "1000"])
    writer = threading.Thread(target=program.write, args=(bytes(20 * MEGABYTE),))
    writer.start()
    rss = lab.run("grep VmRSS /proc/1/status", quiet=True).stdout.split()
    assert lab.run(["echo", "free"], quiet=True).stdout == "free\n"
    assert writer.is_alive()
    assert int(rss[1]) < 60_000
    program.signal(9)
    assert list(program.output()) == []
    writer.join(20)
    assert not writer.is_alive(), "the program's end lets the writer go"


def test_input_beyond_the_credit_is_refused(lab: Lab) -> None:
    stream, _ = lab.netns.channel.run(["sleep", "1000"], "", {}, None)
    for _ in range(24):
        stream.send(b"\0" + bytes(1 << 16))
    _, said = stream.receive(60)
    assert b"no more may be" in said
    assert lab.run(["echo", "free"], quiet=True).stdout == "free\n"


def test_a_learner_meets_no_python_error(engine: str) -> None:
    code = f"from vnetlearn import Lab\nLab('empty', engine={engine!r}).run(['x' * 200000])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].strip().startswith("next:")
    assert len(done.stderr) < 5000
    assert shutil.which("x" * 20) is None
