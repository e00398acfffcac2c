"""Guests: they resume in a moment, as themselves, with what a lab needs, and nothing of them is left."""

from __future__ import annotations

import os
import platform
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from labs import all_gone, descriptors, eventually, lesson, path_without, python, that_run, under, used

from vnetlearn import Lab
from vnetlearn.engine import vm
from vnetlearn.engine.channel import Channel, Json
from vnetlearn.engine.guest import contents, image, qemu
from vnetlearn.engine.program import Program
from vnetlearn.engine.progress import say
from vnetlearn.errors import EngineUnavailable, LabDied, ToolMissing

OWNER = """
from vnetlearn.engine import vm
guest = vm.start()
print("started", flush=True)
input()
"""
# pushfq; popfq; cmp rbx, rsi; [lock] cmpxchg16b [rdi]; pushfq; pop rax: flags that no comparison sets must stay 0
FLAGS = """
import ctypes, mmap, sys
code = bytes.fromhex("534889f331c931c031d29c9d4839f3" + sys.argv[1] + "480fc70f9c585bc3")
memory = mmap.mmap(-1, 4096, prot=7)
memory.write(code)
start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
call = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)(start)
print(hex(call(start + 2048, 0x4000) & 0x4000), flush=True)
"""
QUICK = {"coreutils", "util-linux", "procps", "kmod"}  # packages whose programs are many, and alike in what they load


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    image.ensure(say)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab("empty", engine="vm") as lab:
        yield lab


def test_it_answers_in_a_moment() -> None:
    """It is resumed, not booted, which takes the processor for many seconds."""
    seconds = []
    for _ in range(3):
        with used(seconds):
            guest = vm.start()
        guest.close()
    assert min(seconds) < 1, seconds


def test_a_lab_says_hello_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, request = list[str](), Channel.request

    def noted(self: Channel, op: str, **arguments: Json) -> dict[str, Json]:
        asked.append(op)
        return request(self, op, **arguments)

    monkeypatch.setattr(Channel, "request", noted)
    for engine in ("host", "vm"):
        with Lab("empty", engine=engine) as lab:
            assert lab.kernel
        assert asked.count("hello") == 1
        asked.clear()


def test_nothing_is_left_of_closed_guests() -> None:
    vm.start().close()
    before, processes = descriptors(), len(under())
    for _ in range(10):
        guest = vm.start()
        guest.close()
        guest.close()
    assert descriptors() == before
    assert len(under()) == processes


def test_the_clock_is_right(lab: Lab) -> None:
    before = time.time()
    guest = float(lab.run("date +%s.%N", quiet=True).stdout)
    assert before - 0.5 < guest < time.time() + 0.5


def test_the_clock_runs_at_the_right_speed(lab: Lab) -> None:
    """As long as it takes to know it to a twentieth: the guest's time is of some moment while the program ran."""

    def asked() -> tuple[float, float, float]:
        before = time.time()
        guest = float(lab.run("date +%s.%N", quiet=True).stdout)
        return before, guest, time.time()

    first = later = asked()
    while (most := later[2] - first[0]) > 1.05 * (least := later[0] - first[2]):
        later = asked()
    assert 0.99 * least < later[1] - first[1] < 1.01 * most


def test_two_guests_have_random_numbers_of_their_own() -> None:
    def drawn() -> str:
        with Lab("empty", engine="vm") as lab:
            command = "head -c 16 /dev/urandom | od -An -tx1; ip link add d type dummy; cat /sys/class/net/d/address"
            return lab.run(command, quiet=True).stdout

    assert not set(drawn().splitlines()) & set(drawn().splitlines())


def test_an_owner_that_is_killed_takes_its_guest_along() -> None:
    owner = python(OWNER)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "started\n"
    started = under(owner.pid)
    assert that_run("qemu", owner.pid)
    owner.kill()
    owner.communicate()
    assert all_gone(started, 2)


def test_a_guest_that_panics_says_so() -> None:
    guest = vm.start()
    try:
        with pytest.raises(LabDied, match="QEMU ended"):
            list(Program(guest.channel, ["bash", "-c", "echo c > /proc/sysrq-trigger"], "", {}).output())
        assert "Kernel panic - not syncing: sysrq triggered crash" in guest.died()
        assert "QEMU ended with status 0" in guest.died()
        console = console_of(guest.died())
        assert "Call Trace" in console, "how it came to the panic"
        assert "Linux version" in console, "all of the kernel's log"
        assert console_of(guest.died()) == console
    finally:
        guest.close()


def console_of(died: str) -> str:
    """The text in the file that an error names."""
    named = re.search(r"all of it: ([^)]+)", died)
    assert named, died
    return Path(named[1]).read_text(errors="replace")


def test_only_the_newest_consoles_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names = []
    for number in range(qemu.CONSOLES + 3):
        names.append(qemu._keep(b"%d" % number, ""))
        os.utime(names[-1], (number, number))
    assert qemu._keep(b"more", names[-1]) == names[-1]
    kept = sorted(str(file) for file in Path(names[0]).parent.iterdir())
    assert kept == sorted(names[-qemu.CONSOLES :])
    assert Path(names[-1]).read_bytes() == b"more"


def test_a_console_that_cannot_be_kept_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert qemu._keep(b"text", "") == ""


if platform.machine() == "x86_64":

    @pytest.mark.parametrize("lock", ["", "f0"])
    def test_no_instruction_garbles_the_flags(lab: Lab, lock: str) -> None:
        """What made kernels panic: an interrupt after cmpxchg16b stored an operand as the flags."""
        done = lab.run(["python3", "-c", FLAGS, lock], quiet=True, check=False)
        assert (done.status, done.stdout) in ((128 + signal.SIGILL, ""), (0, "0x0\n")), done.stderr


def test_a_guest_that_is_killed_ends_its_lab() -> None:
    before = that_run("qemu")
    with Lab("empty", engine="vm") as lab:
        (process,) = [one for one in that_run("qemu") if one not in before]
        process.kill()
        with pytest.raises(LabDied, match="status -9"):
            eventually(lambda: lab.host.link.show() == [])


def test_without_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path_without(tmp_path, qemu.machine().program))
    with pytest.raises(ToolMissing) as caught:
        vm.start()
    assert lesson(caught.value).next_step == f"sudo apt-get install {qemu.machine().package}"
    ok, why, next_step = vm.available()
    assert (ok, next_step) == (False, caught.value.next_step)
    assert qemu.machine().program in why


def test_a_processor_that_nobody_has_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu.platform, "machine", lambda: "vax")
    with pytest.raises(EngineUnavailable, match="vax") as caught:
        vm.start()
    lesson(caught.value)
    assert not vm.available()[0]


def test_a_qemu_that_does_not_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = image.ensure(say)
    fake = tmp_path / qemu.machine().program
    fake.write_text("#!/bin/sh\necho this QEMU only complains >&2\nexit 7\n")
    fake.chmod(0o755)
    monkeypatch.setattr(image, "ensure", lambda progress: found)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    before = len(under())
    with pytest.raises(LabDied, match="this QEMU only complains") as caught:
        vm.start()
    lesson(caught.value)
    assert len(under()) == before


def test_available() -> None:
    """Nothing is started to find it out, but for QEMU's own version."""
    seconds = list[float]()
    with used(seconds):
        ok, why, _ = vm.available()
    assert ok
    assert "QEMU" in why
    assert seconds[0] < 0.5


def test_every_program_is_there_and_starts(lab: Lab) -> None:
    every = " ".join(contents.PROGRAMS.values())
    some = " ".join(commands for package, commands in contents.PROGRAMS.items() if package not in QUICK)
    script = f"""
    for p in {every} python3; do command -v $p > /dev/null || echo "$p: missing"; done
    for p in {some}; do
        timeout 20 $p --help < /dev/null > /tmp/said 2>&1
        case $? in 124|126|127) echo "$p: $(head -1 /tmp/said)" ;; esac
    done"""
    assert lab.run(script, quiet=True).stdout == ""


def test_a_shell_finds_what_it_expects(lab: Lab) -> None:
    script = """
    set -e
    test "$(hostname)" = lab
    test "$(id -un)" = root
    test -c /dev/net/tun -a -e /dev/pts -a -d /sys/kernel/tracing/events/skb/kfree_skb -a -d /sys/kernel/debug
    test "$(printf äöü | wc -m)" = 3
    getent hosts localhost | grep -q localhost
    infocmp() { tput -T "$1" cols > /dev/null; }; infocmp xterm-256color; infocmp linux
    python3 -c 'import ctypes, json, pty, select, socket, ssl'
    cd "$(mktemp -d)"; printf 'a b\\n' | tee f | awk '{print $2}' | sed s/b/c/ | grep -q c
    tar czf f.tgz f; tar tzf f.tgz > /dev/null; echo '{"x": 1}' | jq -e .x > /dev/null; base64 f > /dev/null"""
    done = lab.run(script, quiet=True, check=False)
    assert (done.status, done.stderr) == (0, "")


def test_modules_are_loaded_when_the_kernel_asks() -> None:
    with Lab("empty", engine="vm") as lab:
        assert "ipvlan" not in lab.run("lsmod", quiet=True).stdout
        lab.run("ip link add d0 type dummy; ip link add link d0 name i0 type ipvlan", quiet=True)
        assert "ipvlan" in lab.run("lsmod", quiet=True).stdout
        assert sorted(link.name for link in lab.host.link.show()) == ["d0", "i0", "lo"]


def test_can_controllers_on_one_bus(lab: Lab) -> None:
    script = """
    set -e
    modprobe kvaser_pci
    for c in can0 can1; do ip link set $c type can bitrate 500000; ip link set $c up; done
    timeout 20 candump -n 1 can1 & until grep -q '^ *can1 ' /proc/net/can/rcvlist_all; do :; done
    cansend can0 123#DEADBEEF; wait $!"""
    assert lab.run(script, quiet=True).stdout.split() == ["can1", "123", "[4]", "DE", "AD", "BE", "EF"]


def test_radios_on_demand(lab: Lab) -> None:
    lab.run("modprobe mac802154_hwsim radios=2", quiet=True)
    assert {"wpan0", "wpan1"} <= set(lab.run("iwpan dev", quiet=True).stdout.split())
