"""Every exercise, on each engine that can: untouched, attempted wrongly, solved in several ways, and tricked."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from labs import descriptors, eventually, lesson, threads, under
from test_cli import vnetlearn

from vnetlearn import Lab, progress
from vnetlearn.engine import host
from vnetlearn.engine.choice import host_kinds
from vnetlearn.errors import BadParameter, CommandFailed, LabDied, UnknownExercise
from vnetlearn.exercises import EXERCISES, Exercise, exercise
from vnetlearn.exercises.attempt import Attempt

Do = str | Callable[[Lab], None]
"""Shell text for the lab's first namespace, or Python verbs."""


@dataclass(frozen=True)
class Ways:
    """Attempts at one exercise: `wrong` and `tricks` with words that the answer's evidence has, `others` that solve it."""

    wrong: dict[Do, str]
    others: tuple[Do, ...]
    tricks: dict[Do, str] = field(default_factory=dict)


def a_switch_between(lab: Lab) -> None:
    """In place of one cable, two and a bridge."""
    lab.link.add("br0", kind="bridge", up=True)
    for n in 1, 2:
        node = lab[f"ns{n}"]
        lab.link.add(f"port{n}", kind="veth", master="br0", up=True, peer={"name": "card", "netns": node})
        node.link.set("card", up=True)
        node.addr.add(f"10.0.0.{n}/30", dev="card")


def the_rest_of_the_network(lab: Lab) -> None:
    lab["server"].route.add("10.1.0.128/25", dev="eth0")


def a_switch_by_verbs(lab: Lab) -> None:
    lab["sw"].link.add("switch", kind="bridge", up=True)
    for port in "p1", "p2", "p3":
        lab["sw"].link.set(port, master="switch")


def tags_by_verbs(lab: Lab) -> None:
    for number, name in enumerate(("a", "b"), 1):
        for vlan in 10, 20:
            lab[name].link.add(f"net{vlan}", kind="vlan", link="eth0", id=vlan, up=True)
            lab[name].addr.add(f"10.0.{vlan}.{number}/24", dev=f"net{vlan}")


def routes_to_one_network_each(lab: Lab) -> None:
    lab["left"].route.add("10.0.2.0/24", via="10.0.1.1")
    lab["right"].route.add("10.0.1.2", via="10.0.2.1")
    lab["router"].sysctl.set("net.ipv4.conf.all.forwarding", 1)


def the_hosts_address_moves(lab: Lab) -> None:
    """The host, too, is a child of its card, with its address and its default route."""
    lab.addr.delete("192.168.0.171/24", dev="eth0")
    lab.link.add("mac0", kind="macvlan", link="eth0", mode="bridge", up=True)
    lab.addr.add("192.168.0.171/24", dev="mac0")
    lab.route.add("default", via="192.168.0.1")


def by_the_switch_that_sends_nothing_back(lab: Lab) -> None:
    for n in 1, 2:
        lab[f"ns{n}"].link.set(f"mac{n}", kind="macvlan", mode="vepa")


def by_the_host_that_answers_arp(lab: Lab) -> None:
    """A cable to the host, which routes, and answers for what is behind it (proxy ARP)."""
    lab.link.add("to-ns1", kind="veth", up=True, peer={"name": "card", "netns": "ns1"})
    lab["ns1"].link.set("card", up=True)
    lab["ns1"].addr.add("192.168.0.100/24", dev="card")
    lab.route.add("192.168.0.100", dev="to-ns1")
    lab.sysctl.set("net.ipv4.ip_forward", 1)
    for link in "eth0", "to-ns1":
        lab.sysctl.set(f"net.ipv4.conf.{link}.proxy_arp", 1)


def the_mac_is_told(lab: Lab) -> None:
    lab["neighbour"].neigh.add("192.168.0.100", dev="eth0", lladdr="02:00:c0:a8:00:ab")


WAYS = {
    "start/first-cable": Ways(
        wrong={
            """ip link add eth1 netns ns1 type veth peer name eth2 netns ns2
            ip -n ns1 addr add 10.0.0.1/24 dev eth1; ip -n ns2 addr add 10.0.0.2/24 dev eth2
            ip -n ns1 link set eth1 up""": "no route to 10.0.0.1 in ns2",
            "ip netns delete ns2": "no route to 10.0.0.2 in ns1",
            "ip netns delete ns1; ip netns add other": "there is no namespace ns1",
        },
        others=(a_switch_between,),
        tricks={
            """ip -n ns1 addr add 10.0.0.1/24 dev lo; ip -n ns1 addr add 10.0.0.2/24 dev lo; ip -n ns1 link set lo up
            ip -n ns2 addr add 10.0.0.1/24 dev lo; ip -n ns2 addr add 10.0.0.2/24 dev lo; ip -n ns2 link set lo up""":
            "an answer came, but from ns1 and not from ns2",
        },
    ),
    "start/find-the-fault": Ways(
        wrong={"ip -n client route add 10.1.0.20/32 dev eth0": "no route to 10.1.0.130 in server"},
        others=(
            the_rest_of_the_network,
            "ip -n server route add default dev eth0",
            "ip -n server addr add 10.1.0.20/24 dev eth0",
        ),
        tricks={
            "ip -n client addr add 10.1.0.20/32 dev lo; ip -n client link set lo up":
            "an answer came, but from client and not from server",
            """ip link add more netns client type veth peer name more netns server
            ip -n client link set more up; ip -n server link set more up
            ip -n client route add 10.1.0.20/32 dev more; ip -n server route add 10.1.0.130/32 dev more""":
            "+ more in client; + more in server",
            # what would repair it, and a change where nothing is to be changed
            """ip -n server addr add 10.1.0.20/24 dev eth0; ip -n printer addr add 10.1.0.41/24 dev eth0""":
            "in printer: + addr 10.1.0.41/24 dev eth0",
        },
    ),
    "bridge/three-ports": Ways(
        wrong={
            "ip -n sw link add br0 type bridge; for p in p1 p2 p3; do ip -n sw link set $p master br0; done":
            "no ARP answer for 10.0.0.2 on eth0",
            """ip -n sw link add br0 up type bridge
            for p in p1 p2; do ip -n sw link set $p master br0; done""": "no ARP answer for 10.0.0.3 on eth0",
        },
        others=(
            a_switch_by_verbs,
            """for n in 1 2 3; do
                ip -n sw route add 10.0.0.$n/32 dev p$n; ip netns exec sw sysctl -qw net.ipv4.conf.p$n.proxy_arp=1
            done; ip netns exec sw sysctl -qw net.ipv4.ip_forward=1""",
        ),
        tricks={
            """for n in 1 2 3; do
                ip -n ns$n link set lo up
                for m in 1 2 3; do [ $n = $m ] || ip -n ns$n addr add 10.0.0.$m/32 dev lo; done
            done""": "an answer came, but from ns1 and not from ns2",
            """for pair in '1 2' '2 3' '3 1'; do
                set -- $pair
                ip link add to$2 netns ns$1 type veth peer name to$1 netns ns$2
                ip -n ns$1 link set to$2 up; ip -n ns$2 link set to$1 up
                ip -n ns$1 route add 10.0.0.$2/32 dev to$2; ip -n ns$2 route add 10.0.0.$1/32 dev to$1
            done""": "ns2 answered, but on a way that does not lead through sw",
        },
    ),
    "vlan/two-networks": Ways(
        wrong={
            """for n in a:1 b:2; do for net in 10 20; do
                ip -n ${n%:*} link add link eth0 name v$net type vlan id $([ $n$net = b:220 ] && echo 21 || echo $net)
                ip -n ${n%:*} addr add 10.0.$net.${n#*:}/24 dev v$net; ip -n ${n%:*} link set v$net up
            done; done""": "it came with the tag 21",
            """ip -n a addr add 10.0.10.1/24 dev eth0; ip -n b addr add 10.0.10.2/24 dev eth0
            ip -n a addr add 10.0.20.1/24 dev eth0; ip -n b addr add 10.0.20.2/24 dev eth0""": "it came without a tag",
        },
        others=(
            tags_by_verbs,
            # a switch that knows VLANs at each end
            """for n in a:1 b:2; do
                ip -n ${n%:*} link add br0 type bridge vlan_filtering 1; ip -n ${n%:*} link set br0 up
                ip -n ${n%:*} link set eth0 master br0
                for net in 10 20; do
                    bridge -n ${n%:*} vlan add dev eth0 vid $net; bridge -n ${n%:*} vlan add dev br0 vid $net self
                    ip -n ${n%:*} link add link br0 name v$net type vlan id $net
                    ip -n ${n%:*} addr add 10.0.$net.${n#*:}/24 dev v$net; ip -n ${n%:*} link set v$net up
                done
            done""",
        ),
        tricks={
            """for n in a:1 b:2; do
                ip -n ${n%:*} link add link eth0 name both type vlan id 10; ip -n ${n%:*} link set both up
                for net in 10 20; do ip -n ${n%:*} addr add 10.0.$net.${n#*:}/24 dev both; done
            done""": "it came with the tag 10",
        },
    ),
    "route/router": Ways(
        wrong={
            "ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1": "no answer",
            "ip -n left route add default via 10.0.1.1; ip netns exec router sysctl -qw net.ipv4.ip_forward=1":
            "no route to 10.0.1.2 in right",
        },
        others=(routes_to_one_network_each,),
        tricks={
            """ip -n left route add default via 10.0.1.1; ip -n right route add default via 10.0.2.1
            ip -n router link set lo up; ip -n router addr add 10.0.2.2/32 dev lo""":
            "an answer came, but from router and not from right",
            """ip link add more netns left type veth peer name more netns right
            ip -n left link set more up; ip -n right link set more up
            ip -n left route add 10.0.2.2/32 dev more; ip -n right route add 10.0.1.2/32 dev more""":
            "right answered, but on a way that does not lead through router",
        },
    ),
    "macvlan/reach-the-host": Ways(
        wrong={"ip link add mac0 link eth0 type macvlan mode bridge; ip link set mac0 up":
               "the answer was lost: host got no ARP answer for 192.168.0.100"},
        others=(the_hosts_address_moves,),
        tricks={
            """ip -n ns1 link set lo up; ip link set lo up
            ip -n ns1 addr add 192.168.0.171/32 dev lo; ip addr add 192.168.0.100/32 dev lo""":
            "an answer came, but from ns1 and not from host",
            """ip link add more type veth peer name more netns ns1
            ip link set more up; ip -n ns1 link set more up
            ip route add 192.168.0.100/32 dev more; ip -n ns1 route add 192.168.0.171/32 dev more""":
            "+ more in host; + more in ns1",
            "ip -n lan link set host type bridge_slave hairpin on; ip -n ns1 link set mac1 type macvlan mode vepa":
            "hairpin True",
        },
    ),
    "macvlan/private-mode": Ways(
        wrong={
            "ip -n ns1 route add unreachable 192.168.0.200": "it came in on mac1",
        },
        others=(
            by_the_switch_that_sends_nothing_back,
            # one is enough: a child in mode bridge gives frames directly only to others in mode bridge
            "ip -n ns1 link set mac1 type macvlan mode private",
            """for n in 1 2; do
                ip -n ns$n link delete mac$n
                ip link add mine$n link eth0 type macvlan mode private; ip link set mine$n netns ns$n
                ip -n ns$n addr add 192.168.0.${n}00/24 dev mine$n; ip -n ns$n link set mine$n up
            done""",
        ),
        tricks={
            "for n in 1 2; do ip netns exec ns$n sysctl -qw net.ipv4.icmp_echo_ignore_all=1; done": "it came in on mac2",
            "ip -n ns2 link set mac2 down": "no route to 192.168.0.1 in ns2",
            """ip -n ns1 neigh add 192.168.0.200 dev mac1 lladdr 02:00:00:00:00:99
            ip -n ns2 neigh add 192.168.0.100 dev mac2 lladdr 02:00:00:00:00:99
            ip -n lan addr add 192.168.0.9/24 dev sw0""": "in lan: + addr 192.168.0.9/24 dev sw0",
        },
    ),
    "ipvlan/same-mac": Ways(
        wrong={
            """ip link add mac1 link eth0 type macvlan mode bridge; ip link set mac1 netns ns1
            ip -n ns1 addr add 192.168.0.100/24 dev mac1; ip -n ns1 link set mac1 up""": "senders: ",
            """ip link add ipvl1 link eth0 type ipvlan mode l3; ip link set ipvl1 netns ns1
            ip -n ns1 addr add 192.168.0.100/24 dev ipvl1; ip -n ns1 link set ipvl1 up""":
            "no ARP answer for 192.168.0.100 on eth0",
        },
        others=(by_the_host_that_answers_arp,),
        tricks={
            "ip addr add 192.168.0.100/32 dev eth0; ip -n ns1 link set lo up; ip -n ns1 addr add 192.168.0.20 dev lo":
            "an answer came, but from host and not from ns1",
            """ip link add card netns ns1 type veth peer name more netns lan
            ip -n lan link set more master sw0 up; ip -n ns1 link set card up
            ip -n ns1 addr add 192.168.0.100/24 dev card""": "in lan: + link more veth up",
        },
    ),
    "ipvlan/way-back": Ways(
        wrong={"ip -n neighbour route add 192.168.0.100/32 via 192.168.0.1": "no answer"},
        others=(the_mac_is_told, "ip -n neighbour route replace 192.168.0.96/29 via 192.168.0.171"),
        tricks={
            """ip -n neighbour link set lo up; ip -n neighbour addr add 192.168.0.100/32 dev lo
            ip -n ns1 link set lo up; ip -n ns1 addr add 192.168.0.20/32 dev lo""":
            "an answer came, but from neighbour and not from ns1",
        },
    ),
}  # fmt: skip

ON_HOST = host_kinds() if host.available()[0] else frozenset[str]()


def places() -> list[tuple[str, str]]:
    """Each exercise with each engine that creates its kinds."""
    return [(name, "host") for name, one in EXERCISES.items() if set(one.kinds) <= ON_HOST] + [
        (name, "vm") for name in EXERCISES
    ]


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """Progress of its own for each test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(params=places(), ids=" on ".join)
def ex(request):
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


def test_untouched_is_not_started(ex):
    assert ex.check().state == "not started"
    lab = ex.start()
    assert ex.check().state == "not started"
    for node in lab.nodes:
        node.run("ip -d addr; ip route; ip neigh; sysctl -n net.ipv4.ip_forward; ping -c1 -W1 10.0.0.99", quiet=True)
    assert ex.check().state == "not started"
    assert progress.read()[ex.exercise.name].attempts == 0


def test_wrong_attempts_are_told_what_was_seen(ex):
    for do, says in WAYS[ex.exercise.name].wrong.items():
        verdict = after(ex, do)
        assert verdict.state == "not yet", do
        assert says in not_so(verdict), (do, verdict)
        assert all(one.observed and one.evidence for one in verdict.findings if not one.ok)
        for command in ex.exercise.solution.splitlines():
            assert command.strip() not in repr(verdict)


def test_the_solution_and_other_ways_solve_it(ex):
    for do in (ex.exercise.solution, *WAYS[ex.exercise.name].others):
        verdict = after(ex, do)
        assert verdict.solved, (do, verdict)
    assert progress.read()[ex.exercise.name].alone


def test_tricks_do_not(ex):
    for do, says in WAYS[ex.exercise.name].tricks.items():
        verdict = after(ex, do)
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
    for process in under():
        if "agent.py" in " ".join(process.cmdline()) or "qemu" in process.name():
            process.send_signal(signal.SIGKILL)
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
