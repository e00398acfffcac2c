"""Labs: their worlds, their engines, how they start and end, and from where they can be used."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from labs import able, all_gone, contents, descriptors, eventually, lesson, threads, under

from vnetlearn import KINDS, Lab
from vnetlearn.engine import host
from vnetlearn.errors import BadParameter, KernelRefused, LabDied, NotFound, UnknownKind
from vnetlearn.lab import choice, world

MACHINES = {"": "192.168.0.171/24", "gateway": "192.168.0.1/24", "neighbour": "192.168.0.20/24"}


def test_world_host_is_one_machine_on_a_lan(machine: Lab) -> None:
    for netns, address in MACHINES.items():
        assert address in map(str, machine.node(netns).addr.show(dev="eth0"))
    default = next(route for route in machine.route.show() if route.dst == "default")
    assert (default.via, default.dev) == ("192.168.0.1", "eth0")
    assert machine.ping("192.168.0.1").ok
    assert machine.ping("192.168.0.20").ok
    assert machine.ping("203.0.113.1").ok, "the gateway leads to the rest of the world"


def test_world_host_has_a_switch_with_hairpin(machine: Lab) -> None:
    switch = machine["lan"]
    assert {link.name for link in switch.link.show(master="sw0")} == {"host", "gateway", "neighbour"}
    assert switch.link["sw0"].kind == "bridge"
    assert switch.link["host"].port["hairpin"] is False
    switch.link.set("host", kind="bridge_slave", hairpin=True)
    assert switch.link["host"].port["hairpin"] is True
    switch.link.set("host", kind="bridge_slave", hairpin=False)


def test_world_two_hosts(engine: str) -> None:
    with Lab("two-hosts", engine=engine) as lab:
        assert {node.name for node in lab.nodes} == {"", "gateway", "host2", "lan"}
        assert lab.ping(lab["host2"]).ok
        assert lab["host2"].ping("192.168.0.171").ok
        assert lab["host2"].ping("203.0.113.1").ok


def test_world_empty(shared: Lab) -> None:
    assert [link.name for link in shared.link.show()] == ["lo"]
    assert not shared.link["lo"].up


def test_a_world_is_data_drawn_and_explained_by_the_lab(machine: Lab) -> None:
    said = repr(machine)
    for one in world.WORLDS["host"].machines:
        assert one.says in said
        assert one.address in said
    assert world.WORLDS["host"].says in said
    html = machine._repr_html_()
    assert "192.168.0.171" in html
    assert "<svg" in html


def test_a_world_of_ones_own(engine: str) -> None:
    mine = world.World("mine", "One card.", (world.Machine("only", "10.0.0.1/8", "the only one"),))
    with Lab(mine, engine=engine) as lab:
        assert "10.0.0.1/8" in map(str, lab["only"].addr.show(dev="eth0"))
        assert "the only one" in repr(lab)


def test_a_lab_says_which_engine_it_took_and_why(machine: Lab) -> None:
    assert repr(machine).splitlines()[0] == f"Lab on {machine.engine}: kernel {machine.kernel}; asked for"
    assert (machine.kernel == os.uname().release) == (machine.engine == "host")


def test_the_environment_chooses_the_engine(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNETLEARN_ENGINE", engine)
    with Lab("empty", kinds=["veth"]) as lab:
        assert (lab.engine, lab.why) == (engine, "VNETLEARN_ENGINE asks for it")


@pytest.mark.parametrize("wanted", [["veth"], ["macvlan", "ipvlan"], ["ipvlan"], None])
def test_the_running_kernel_is_taken_when_it_has_the_kinds(
    wanted: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VNETLEARN_ENGINE", raising=False)
    with Lab("empty", kinds=wanted) as lab:
        asked = set(wanted or [name for name, kind in KINDS.items() if not kind.hardware])
        has_all = host.available()[0] and asked <= {name for name in choice.host_kinds() if not KINDS[name].mknod}
        assert lab.engine == ("host" if has_all else "vm")
        assert lab.why
        assert lab.why in repr(lab)
        for kind in wanted or []:
            assert able(lab, kind)


@pytest.mark.parametrize(
    ("world", "how", "kind"),
    [
        ("nowhere", {}, BadParameter),
        ("empty", {"engine": "cloud"}, BadParameter),
        ("empty", {"kinds": ["x"]}, UnknownKind),
    ],
)
def test_a_lab_that_cannot_be_meant(world: str, how: dict[str, object], kind: type[BadParameter]) -> None:
    before = under()
    with pytest.raises(kind) as error:
        Lab(world, **how)  # type: ignore[arg-type]
    lesson(error.value)
    assert under() == before


def test_namespaces_come_and_go(lab: Lab) -> None:
    red = lab.netns.add("red")
    assert "red" in lab.netns
    assert lab["red"] == red == lab.netns["red"]
    assert {red, lab.host} == {lab["red"], lab["host"]}
    assert [node.name for node in lab.nodes] == ["", "red"]
    assert lab.run("ip netns list", quiet=True).stdout.split() == ["red"]
    inode = lab.netns.show()[0].inode
    assert lab.run("ip netns exec red stat -Lc %i /proc/self/ns/net", quiet=True).stdout.strip() == str(inode)
    lab.netns.delete(red)
    assert "red" not in lab.netns
    assert not list(lab.netns)
    with pytest.raises(NotFound) as error:
        red.link.show()
    assert '"red"' in lesson(error.value).said


def test_namespaces_that_ip_makes_are_nodes_too(lab: Lab) -> None:
    lab.run("ip netns add blue && ip -n blue link set lo up", check=True)
    assert lab["blue"].link["lo"].up
    lab.netns.add("green")
    lab.run("ip netns delete green", check=True)
    assert [node.name for node in lab.netns] == ["blue"]


def test_a_deleted_namespace_takes_its_links_along(lab: Lab) -> None:
    red = lab.netns.add("red")
    lab.link.add("a", kind="veth", peer={"name": "b", "netns": red})
    lab.netns.delete("red")
    assert eventually(lambda: "a" not in lab.link), "the kernel removes it in the background"


def test_a_lab_ends_with_its_block(engine: str) -> None:
    before, open_before = under(), descriptors()
    with Lab("empty", engine=engine) as lab:
        ours = [one for one in under() if one not in before]
        assert ours
        assert lab.alive
    assert not lab.alive
    assert all_gone(ours, 0)
    assert descriptors() == open_before
    assert "it has ended" in repr(lab)
    lab.close()


def test_a_closed_lab_says_so(engine: str) -> None:
    lab = Lab("empty", engine=engine)
    node = lab.netns.add("red")
    lab.close()
    for use in (lab.link.show, lambda: lab.netns.add("x"), lambda: node.run("true"), lambda: node.ping("127.0.0.1")):
        with pytest.raises(LabDied) as error:
            use()
        assert "closed" in lesson(error.value).why
    assert lab._repr_html_()


def test_a_forgotten_lab_ends(engine: str) -> None:
    before = under()
    lab = Lab("empty", engine=engine)
    lab.run("sleep 1000 &", quiet=True)
    ours = [one for one in under() if one not in before]
    del lab
    gc.collect()
    assert all_gone(ours, 2)
    assert under() == before


def test_nothing_is_left_of_a_world_that_failed(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    twice = world.World("twice", "The same machine twice.", (world.Machine("a", "10.0.0.1/8", ""),) * 2)
    Lab("empty", engine=engine).close()
    before, open_before, threads_before = under(), descriptors(), threads()
    with pytest.raises(KernelRefused) as error:
        Lab(twice, engine=engine)
    lesson(error.value)
    gc.collect()
    assert (under(), descriptors(), threads()) == (before, open_before, threads_before)


def test_labs_are_apart(engine: str) -> None:
    with Lab(engine=engine) as one, Lab(engine=engine) as other:
        for lab, mtu in ((one, 1400), (other, 1300)):
            lab.netns.add("same").link.add("same", kind="bridge", mtu=mtu)
        assert one["same"].link["same"].mtu == 1400
        assert other["same"].link["same"].mtu == 1300
        assert one["same"].link["same"].address != other["same"].link["same"].address, "both drew the same random MAC"
        one.run("echo here > /run/only-here", check=True)
        assert other.run("cat /run/only-here", quiet=True).status != 0
        one.close()
        assert other.ping("192.168.0.1").ok


def test_from_several_threads(lab: Lab) -> None:
    def work(number: int) -> float:
        node = lab.netns.add(f"t{number}")
        node.link.add("a", kind="veth", peer="b", up=True)
        node.link.set("lo", up=True)
        node.addr.add(f"10.0.0.{number}/24", dev="a")
        assert node.run(f"echo {number}; cat", input="x", quiet=True).stdout == f"{number}\nx"
        assert [str(a) for a in node.addr.show(dev="a") if a.family == "inet"] == [f"10.0.0.{number}/24"]
        return node.ping(f"10.0.0.{number}", count=1).loss

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(1, 17))) == {0.0}
    assert len(lab.netns.show()) == 16
    assert len([line for line in lab.transcript.splitlines() if "type veth" in line]) == 16


def test_labs_from_several_threads(engine: str) -> None:
    def work(_: int) -> str:
        with Lab("empty", engine=engine) as lab:
            return lab.run("cat /proc/sys/kernel/random/uuid", quiet=True).stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(work, range(8)))) == 8


def test_inside_asyncio(engine: str) -> None:
    async def main() -> list[float]:
        with Lab(engine=engine) as lab:
            here = lab.ping("192.168.0.1", count=1)
            there = [asyncio.to_thread(lab.ping, address, count=1) for address in ("192.168.0.20", "192.168.0.1")]
            return [here.loss, *(ping.loss for ping in await asyncio.gather(*there))]

    assert asyncio.run(main()) == [0.0, 0.0, 0.0]


def test_a_refused_verb_changes_nothing(machine: Lab) -> None:
    before, transcript = contents(machine), machine.transcript
    with pytest.raises(KernelRefused):
        machine.link.add("eth0", kind="bridge")
    assert (contents(machine), machine.transcript) == (before, transcript)


def test_a_cache_folder_that_cannot_be_made_does_not_matter_on_host(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code = "from vnetlearn import Lab\nwith Lab('empty', kinds=['bridge'], engine=None) as lab: print(lab.engine)"
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "file")}
    env.pop("VNETLEARN_ENGINE", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    if host.available()[0]:
        assert done.stdout == "host\n", done.stderr
    else:
        assert "the cache folder cannot be made" in done.stderr
    done = subprocess.run([sys.executable, "-c", code.replace("None", "'vm'")], capture_output=True, text=True, env=env)
    assert f"mkdir -p {tmp_path}/file/vnetlearn" in done.stderr
    assert "Not a directory" in done.stderr
    assert "XDG_CACHE_HOME" in done.stderr
