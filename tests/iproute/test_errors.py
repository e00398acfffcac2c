"""Bad input and faults: one clear error with all its parts, nothing half-built, and a lab that goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from labs import able, all_gone, contents, descriptors, lesson, need_namespaces, path_without, python, under

from vnetlearn import KINDS, Lab
from vnetlearn.engine import channel, host
from vnetlearn.errors import (
    BadParameter,
    CommandFailed,
    EngineUnavailable,
    KernelRefused,
    LabDied,
    NotFound,
    ToolMissing,
    UnknownKind,
    VnetlearnError,
)
from vnetlearn.lab import trial

Try = Callable[[Lab], object]

BAD_INPUT: dict[str, tuple[Try, type[VnetlearnError], str, str]] = {
    # what: (how, error, a part of `tried`, a part of `said`)
    "unknown kind": (
        lambda lab: lab.link.add("x", kind="macvlann", link="eth0"),
        UnknownKind,
        "type macvlann",
        "macvlann",
    ),
    "unknown parameter": (
        lambda lab: lab.link.add("x", kind="macvlan", link="eth0", mood="bridge"),
        BadParameter,
        "type macvlan mood bridge",
        "'mood'",
    ),
    "bad value": (
        lambda lab: lab.link.add("x", kind="macvlan", link="eth0", mode="brigde"),
        BadParameter,
        "type macvlan mode brigde",
        "'brigde'",
    ),
    "number out of range": (
        lambda lab: lab.link.add("x", kind="vxlan", id=1 << 24, dev="eth0"),
        BadParameter,
        "vxlan",
        "16777215",
    ),
    "missing parameter": (
        lambda lab: lab.link.add("x", kind="vlan", link="eth0"),
        BadParameter,
        "link eth0 name x type vlan",
        "id is missing",
    ),
    "missing parent": (
        lambda lab: lab.link.add("x", kind="macvlan", mode="bridge"),
        BadParameter,
        "name x type macvlan",
        "link is missing",
    ),
    "name that exists": (lambda lab: lab.link.add("eth0", kind="bridge"), KernelRefused, "add name eth0", "EEXIST"),
    "peer that exists": (
        lambda lab: lab.link.add("x", kind="veth", peer="eth0"),
        KernelRefused,
        "peer name eth0",
        "EEXIST",
    ),
    "peer that is none": (lambda lab: lab.link.add("x", kind="veth", peer=5), BadParameter, "peer 5", "5"),
    "name too long": (lambda lab: lab.link.add("a" * 16, kind="bridge"), BadParameter, "name " + "a" * 16, "ifname"),
    "name too long in bytes": (lambda lab: lab.link.add("ü" * 8, kind="bridge"), BadParameter, "üüü", "ifname"),
    "name with a slash": (lambda lab: lab.link.add("a/b", kind="bridge"), BadParameter, "name a/b", "ifname"),
    "name with a space": (lambda lab: lab.link.add("a b", kind="bridge"), BadParameter, "name 'a b'", "ifname"),
    "name as a pattern": (lambda lab: lab.link.add("a%d", kind="bridge"), BadParameter, "name a%d", "ifname"),
    "name of the settings for all": (
        lambda lab: lab.link.add("all", kind="bridge"),
        BadParameter,
        "name all",
        "ifname",
    ),
    "up before its peer is there": (
        lambda lab: lab.link.add("x", kind="veth", peer={"name": "y", "up": True}),
        KernelRefused,
        "peer name y up",
        "ENOTCONN",
    ),
    "no name": (lambda lab: lab.link.add("", kind="bridge"), BadParameter, "name ''", "ifname"),
    "name of a tap that exists": (  # busy, or to an ordinary user: denied
        lambda lab: lab.link.add("eth0", kind="tun", mode="tap"),
        CommandFailed,
        "ip tuntap add dev eth0 mode tap",
        "",
    ),
    "unknown parent": (
        lambda lab: lab.link.add("x", kind="macvlan", link="eth9", mode="bridge"),
        NotFound,
        "ip link add link eth9 name x type macvlan mode bridge",
        '"eth9"',
    ),
    "unknown master": (
        lambda lab: lab.link.add("x", kind="veth", peer="y", master="br9"),
        NotFound,
        "master br9",
        '"br9"',
    ),
    "unknown namespace for a link": (
        lambda lab: lab.link.add("x", kind="bridge", netns="ns9"),
        NotFound,
        "netns ns9",
        '"ns9"',
    ),
    "unknown namespace for a peer": (
        lambda lab: lab.link.add("x", kind="veth", peer={"name": "y", "netns": "ns9"}),
        NotFound,
        "netns ns9",
        '"ns9"',
    ),
    "unknown namespace to move to": (
        lambda lab: lab.link.set("eth0", netns="ns9"),
        NotFound,
        "ip link set dev eth0 netns ns9",
        '"ns9"',
    ),
    "unknown namespace": (lambda lab: lab["ns9"], NotFound, "ip -n ns9", '"ns9"'),
    "unknown namespace to delete": (lambda lab: lab.netns.delete("ns9"), NotFound, "ip netns delete ns9", '"ns9"'),
    "namespace that exists": (lambda lab: lab.netns.add("lan"), KernelRefused, "ip netns add lan", "EEXIST"),
    "namespace with a slash": (lambda lab: lab.netns.add("a/b"), BadParameter, "ip netns add a/b", "a/b"),
    "namespace with too long a name": (lambda lab: lab.netns.add("n" * 300), BadParameter, "ip netns add nnn", "nnn"),
    "unknown link": (lambda lab: lab.link.set("eth9", up=True), NotFound, "ip link set dev eth9 up", '"eth9"'),
    "unknown link in a namespace": (
        lambda lab: lab["lan"].link.delete("eth9"),
        NotFound,
        "ip -n lan link delete dev eth9",
        '"eth9"',
    ),
    "loopback deleted": (
        lambda lab: lab.link.delete("lo"),
        KernelRefused,
        "ip link delete dev lo",
        "Operation not supported",
    ),
    "parameter of no link": (lambda lab: lab.link.set("eth0", colour="red"), BadParameter, "colour red", '"colour"'),
    "mtu too small": (
        lambda lab: lab.link.set("eth0", mtu=9),
        KernelRefused,
        "ip link set dev eth0 mtu 9",
        "mtu less than",
    ),
    "mtu that is no number": (lambda lab: lab.link.set("eth0", mtu="big"), BadParameter, "mtu big", '"big"'),
    "MAC that is none": (lambda lab: lab.link.set("eth0", address="zz"), BadParameter, "address zz", '"zz"'),
    "MAC of a group": (
        lambda lab: lab.link.set("eth0", address="01:00:00:00:00:01"),
        KernelRefused,
        "address 01:",
        "EADDRNOTAVAIL",
    ),
    "name taken by another link": (
        lambda lab: lab.link.set("eth0", name="lo"),
        KernelRefused,
        "ip link set dev eth0 name lo",
        "EEXIST",
    ),
    "port of nothing": (
        lambda lab: lab.link.set("eth0", kind="bridge_slave", hairpin=True),
        KernelRefused,
        "hairpin on",
        "not supported",
    ),
    "address that is none": (
        lambda lab: lab.addr.add("192.168.0.300/24", dev="eth0"),
        BadParameter,
        "ip addr add 192.168.0.300/24",
        "192.168.0.300",
    ),
    "prefix too long": (
        lambda lab: lab.addr.add("10.0.0.1/33", dev="eth0"),
        BadParameter,
        "10.0.0.1/33",
        "10.0.0.1/33",
    ),
    "address that is there": (
        lambda lab: lab.addr.add("192.168.0.171/24", dev="eth0"),
        KernelRefused,
        "ip addr add 192.168.0.171/24",
        "EEXIST",
    ),
    "address on no link": (lambda lab: lab.addr.add("10.0.0.1/8", dev="eth9"), NotFound, "dev eth9", '"eth9"'),
    "unknown address": (
        lambda lab: lab.addr.delete("10.9.9.9/24", dev="eth0"),
        KernelRefused,
        "ip addr delete 10.9.9.9/24",
        "EADDRNOTAVAIL",
    ),
    "lifetime that is no number": (
        lambda lab: lab.addr.add("10.0.0.1/8", dev="eth0", valid_lft="long"),
        BadParameter,
        "valid_lft long",
        "long",
    ),
    "scope that is none": (
        lambda lab: lab.addr.add("10.0.0.1/8", dev="eth0", scope="moon"),
        BadParameter,
        "moon",
        '"moon"',
    ),
    "gateway out of reach": (
        lambda lab: lab.route.add("10.0.0.0/8", via="9.9.9.9"),
        KernelRefused,
        "ip route add 10.0.0.0/8 via 9.9.9.9",
        "ENETUNREACH",
    ),
    "gateway of the other family": (
        lambda lab: lab.route.add("10.0.0.0/8", via="fe80::1"),
        BadParameter,
        "fe80::1",
        "IPv6",
    ),
    "bits behind the prefix": (
        lambda lab: lab.route.add("10.0.0.1/8", via="192.168.0.1"),
        KernelRefused,
        "10.0.0.1/8",
        "Invalid prefix",
    ),
    "route to nowhere": (lambda lab: lab.route.add("10.0.0.0/8"), KernelRefused, "ip route add 10.0.0.0/8", "ENODEV"),
    "route that is there": (
        lambda lab: lab.route.add("default", via="192.168.0.1"),
        KernelRefused,
        "default",
        "EEXIST",
    ),
    "unknown route": (lambda lab: lab.route.delete("10.0.0.0/8"), KernelRefused, "ip route delete 10.0.0.0/8", "ESRCH"),
    "no route": (
        lambda lab: lab["lan"].route.get("10.0.0.1"),
        KernelRefused,
        "ip -n lan route get 10.0.0.1",
        "ENETUNREACH",
    ),
    "neighbour with half a MAC": (
        lambda lab: lab.neigh.add("192.168.0.9", dev="eth0", lladdr="02:00"),
        BadParameter,
        "lladdr 02:00",
        '"02:00"',
    ),
    "unknown neighbour": (
        lambda lab: lab.neigh.delete("192.168.0.9", dev="eth0"),
        KernelRefused,
        "ip neigh delete 192.168.0.9",
        "ENOENT",
    ),
    "unknown setting": (
        lambda lab: lab.sysctl.get("net.ipv4.nothing"),
        NotFound,
        "sysctl -n net.ipv4.nothing",
        "nothing",
    ),
    "setting with a bad value": (
        lambda lab: lab["lan"].sysctl.set("net.ipv4.ip_forward", "x"),
        BadParameter,
        "ip netns exec lan sysctl",
        "ip_forward",
    ),
    "ping target that does not resolve": (
        lambda lab: lab.ping("nobody.example"),
        BadParameter,
        "nobody.example",
        "nobody.example",
    ),
    "ping target like an option": (lambda lab: lab.ping("-f"), BadParameter, "-- -f", "-f"),
    "ping of a node without addresses": (lambda lab: lab.ping(lab["lan"]), BadParameter, "ping lan", "no address"),
    "ping out of no link": (lambda lab: lab.ping("192.168.0.1", dev="eth9"), NotFound, "eth9", '"eth9"'),
    "ping without a count": (lambda lab: lab.ping("192.168.0.1", count=0), BadParameter, "-c 0", "limits"),
    "missing tool": (lambda lab: lab.run(["no-such-tool", "-x"]), ToolMissing, "no-such-tool -x", "No such file"),
    "missing tool in a namespace": (
        lambda lab: lab["lan"].run(["no-such-tool"]),
        ToolMissing,
        "no-such-tool",
        "No such file",
    ),
    "picture of an unknown format": (lambda lab: lab.draw().save("picture.docx"), BadParameter, "picture.docx", "docx"),
}


@pytest.mark.parametrize("what", BAD_INPUT)
def test_bad_input(what: str, machine: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    how, kind, tried, said = BAD_INPUT[what]
    before, transcript = contents(machine), machine.transcript
    with pytest.raises(VnetlearnError) as caught:
        how(machine)
    error = lesson(caught.value)
    assert type(error) is kind
    assert tried in error.tried
    assert said in error.said
    assert (contents(machine), machine.transcript) == (before, transcript), "something is half-built"
    assert capfd.readouterr() == ("", ""), "the error alone tells it"
    assert machine.ping("192.168.0.1", count=1).ok


def test_every_kind_that_this_kernel_lacks_says_so(engine: str) -> None:
    with Lab("empty", engine=engine) as lab:
        lacks = [kind for kind in KINDS.values() if not able(lab, kind.name) and not kind.setup]
        assert lacks, "ipoib at least"
        for kind in lacks:
            node = lab.netns.add(kind.name)
            for name in kind.needs:
                node.link.add(name, kind="veth", peer=f"{name}p")
            before, transcript = contents(lab), lab.transcript
            with pytest.raises((KernelRefused, CommandFailed)) as caught:
                node.link.add("x", kind=kind.name, **kind.example)
            error = lesson(caught.value)
            if isinstance(error, KernelRefused):
                assert f"type {kind.name}" in error.tried
                assert error.errno
            else:  # /dev/net/tun, which is root's alone on some computers
                assert (kind.via, error.said) == ("tuntap", "open: Permission denied")
            assert (contents(lab), lab.transcript) == (before, transcript)
            assert trial.try_kind(lab.netns, kind, lab.engine) == error.said


def test_a_script_that_fails_half_way(machine: Lab, capfd: pytest.CaptureFixture[str]) -> None:
    script = "set -e; ip link add half type bridge; echo before; ip link add half type bridge; echo after"
    result = machine.run(script)
    assert result.status == 2
    assert result.stdout == "before\n"
    assert "File exists" in result.stderr
    assert "before" in capfd.readouterr().out
    assert "half" in machine.link, "what it did until then stays, as in a terminal"
    machine.link.delete("half")
    with pytest.raises(CommandFailed) as caught:
        machine.run("echo out; echo err >&2; exit 7", quiet=True, check=True)
    error = caught.value
    assert isinstance(lesson(error), CommandFailed)
    assert (error.status, error.said) == (7, "err")
    assert machine.ping("192.168.0.1", count=1).ok


def test_errors_are_one_line_of_each_part_in_a_notebook() -> None:
    error = BadParameter("ip link add", "no", "because", "do this")
    assert error._render_traceback_() == [
        "BadParameter:\n  tried:  ip link add\n  answer: no\n  why:    because\n  next:   do this"
    ]
    assert str(BadParameter("ip link")) == "\n  tried:  ip link"


@pytest.mark.parametrize("tool", ["setpriv", "unshare"])
def test_a_tool_of_the_host_engine_is_missing(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_without(tmp_path, tool))
    host.available.cache_clear()
    before = under(), descriptors()
    try:
        with pytest.raises((ToolMissing, EngineUnavailable)) as caught:
            Lab("empty", engine="host")
    finally:
        host.available.cache_clear()
    assert f"{tool}: not found" in str(lesson(caught.value))
    assert (under(), descriptors()) == before


def test_a_tool_of_a_verb_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up by getent(1); what needs no program goes on."""
    need_namespaces()
    monkeypatch.setenv("PATH", path_without(tmp_path, "ping", "getent"))
    with Lab(engine="host") as lab:
        for node in lab.host, lab["neighbour"]:
            with pytest.raises(ToolMissing) as caught:
                node.ping("localhost")
            assert "getent" in lesson(caught.value).tried
            assert node.ping("192.168.0.1", count=1).ok
        assert lab.run("ip link", quiet=True).status == 0


def test_dot_is_missing(machine: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_without(tmp_path, "dot"))
    picture = machine.draw()
    assert "eth0" in repr(picture), "the words are there without it"
    for draw in (lambda: picture.svg, lambda: picture.save(tmp_path / "x.png")):
        with pytest.raises(ToolMissing) as caught:
            draw()
        assert "graphviz" in lesson(caught.value).next_step
    assert not (tmp_path / "x.png").exists()
    assert machine.ping("192.168.0.1", count=1).ok


def engine_processes(before: list[psutil.Process]) -> list[psutil.Process]:
    """qemu, or unshare and the agent."""
    return [one for one in under() if one not in before]


@pytest.mark.parametrize("which", [0, -1])
def test_a_killed_engine_is_said_and_leaves_nothing(engine: str, which: int) -> None:
    before, open_before = under(), descriptors()
    lab = Lab("empty", engine=engine)
    lab.run("sleep 1000 &", quiet=True)
    ours = engine_processes(before)
    ours[0 if which == 0 else min(1, len(ours) - 1)].kill()
    with pytest.raises(LabDied) as caught:
        lab.run("sleep 1000")
    lesson(caught.value)
    for use in (lab.link.show, lambda: lab.netns.add("x"), lambda: lab.ping("127.0.0.1")):
        with pytest.raises(LabDied) as again:
            use()
        lesson(again.value)
    assert not lab.alive
    assert "it has ended" in repr(lab)
    lab.close()
    assert all_gone(ours, 2)
    assert descriptors() == open_before


def test_an_engine_that_is_killed_while_a_program_runs(engine: str) -> None:
    before = under()
    with Lab("empty", engine=engine) as lab:
        program = lab.host.start(["bash", "-c", "echo here; exec cat"])
        output = program.output()
        assert next(output) == (1, b"here\n")
        engine_processes(before)[0].kill()
        with pytest.raises(LabDied) as caught:
            next(output)
        lesson(caught.value)


def test_an_engine_that_hangs(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, open_before = under(), descriptors()
    lab = Lab("empty", engine=engine)
    ours = engine_processes(before)
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.2)
    for one in ours:
        one.send_signal(signal.SIGSTOP)
    with pytest.raises(LabDied) as caught:
        lab.link.show()
    assert "did not answer" in lesson(caught.value).why
    with pytest.raises(LabDied):
        lab.netns.show()
    lab.close()
    assert all_gone(ours, 2)
    assert descriptors() == open_before


def test_who_waits_for_a_program_notices_an_engine_that_hangs(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = under()
    lab = Lab("empty", engine=engine)
    program = lab.host.start(["bash", "-c", "echo here; exec cat"])
    output = program.output()
    assert next(output) == (1, b"here\n")
    ours = engine_processes(before)
    monkeypatch.setattr(channel, "ALIVE_SECONDS", 0.1)
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.2)
    for one in ours:
        one.send_signal(signal.SIGSTOP)
    with pytest.raises(LabDied) as caught:
        next(output)
    assert "did not answer" in lesson(caught.value).why
    lab.close()
    assert all_gone(ours, 2)


def test_who_waits_asks_whether_the_agent_is_alive_and_waits_on(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, request = list[str](), channel.Channel.request

    def noted(self: channel.Channel, op: str, **arguments: channel.Json) -> dict[str, channel.Json]:
        asked.append(op)
        return request(self, op, **arguments)

    monkeypatch.setattr(channel.Channel, "request", noted)
    monkeypatch.setattr(channel, "ALIVE_SECONDS", 0.1)
    assert lab.run("sleep 1; echo done", quiet=True).stdout == "done\n"
    assert "alive" in asked


def test_an_agent_that_fails_says_how(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it last said is in the error, on either engine."""
    with Lab("empty", engine=engine) as lab:
        program = lab.host.start(["sleep", "1000"])
        lab.netns.channel.send(0x55, 1, b"")
        with pytest.raises(LabDied) as caught:
            list(program.output())
        assert "a frame of kind 85, which there is not" in lesson(caught.value).why


OWNER = """
import sys
from vnetlearn import Lab
lab = Lab("empty", engine=sys.argv[1])
lab.netns.add("red").run("sleep 1000 & setsid sleep 1000 & disown -a", quiet=True)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_owner_that_is_killed_takes_its_lab_along(engine: str, number: signal.Signals) -> None:
    with python(OWNER, engine) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "ready\n"
        theirs = under(owner.pid)
        assert theirs
        owner.send_signal(number)
        assert all_gone(theirs, 2)


def test_a_killed_jupyter_kernel_takes_its_lab_along(engine: str) -> None:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        client.execute_interactive(
            f'from vnetlearn import Lab\nlab = Lab("empty", engine={engine!r})\nlab.run("sleep 1000 &")', timeout=60
        )
        kernel = psutil.Process(manager.provisioner.process.pid)
        theirs = kernel.children(recursive=True)
        assert len(theirs) >= {"host": 2, "vm": 1}[engine]
        os.kill(kernel.pid, signal.SIGKILL)
        assert all_gone(theirs, 2)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


NO_NAMESPACES = """
import json
from pathlib import Path
from vnetlearn import Lab
from vnetlearn.errors import EngineUnavailable
for limit in ("user", "net"):
    Path(f"/proc/sys/user/max_{limit}_namespaces").write_text("0")
try:
    Lab("empty", engine="host")
except EngineUnavailable as error:
    print(json.dumps([error.tried, error.said, error.why, error.next_step]))
"""


def test_no_permission_for_namespaces() -> None:
    """In a user namespace of its own, whose limits count for it alone."""
    need_namespaces()
    inside = ["unshare", "--user", "--map-current-user", "--keep-caps", sys.executable, "-c", NO_NAMESPACES]
    done = subprocess.run(inside, capture_output=True, text=True)
    assert done.stderr == ""
    tried, said, why, next_step = json.loads(done.stdout)
    assert tried.startswith("unshare")
    assert "namespaces" in said
    assert "switched off" in why
    assert "max_user_namespaces" in next_step
    assert "vm" in next_step
