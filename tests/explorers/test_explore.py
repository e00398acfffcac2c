"""Explorers of all kinds: each is made on a real kernel by its button, shows its answer, and lets traffic run."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
from labs import descriptors, eventually, lesson, need_of_kernel, under

from vnetlearn import KINDS, Lab, explore
from vnetlearn.errors import BadParameter, UnknownKind
from vnetlearn.explorers.explorer import Explorer
from vnetlearn.lab.choice import host_kinds


def test_every_kind_has_a_scene() -> None:
    assert all(kind.scene for kind in KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_made_and_its_traffic_seen(engine: str, kind: str) -> None:
    if engine == "host":
        need_of_kernel(kind, kind in host_kinds())
    explorer = explore(kind, engine=engine)
    try:
        assert explorer.wait(120)
        if KINDS[kind].hardware:
            assert explorer.error.errno == errno.ENODEV  # the kernel's refusal, shown
            assert "ENODEV: No such device" in explorer._answer.value
            assert "ip link add link eth0" in explorer.still()
            return
        need_of_kernel("queues of ifb's scene", (engine, kind) != ("host", "ifb") or explorer.error is None)
        assert explorer.error is None, explorer.error
        seen = explorer.lab.topology()
        for made in explorer.made.links:
            assert seen.links[made.netns, made.name].kind == kind
            assert f"<b>{made.name}</b>" in explorer.picture.dot
        assert explorer.made.links
        assert all(command.startswith("ip ") for command in explorer.commands())
        assert explorer.pings or explorer.results
        assert any(ping.ok for ping in explorer.pings) or any(result.stdout for result in explorer.results)
        assert "✓ The kernel has" in explorer.still()
    finally:
        explorer.close()


@pytest.fixture(scope="module")
def macvlan() -> Iterator[Explorer]:
    explorer = explore("macvlan", engine="vm")
    assert explorer.wait(60)
    yield explorer
    explorer.close()


def test_a_control_changes_the_command_the_link_and_the_picture(macvlan: Explorer) -> None:
    before = macvlan.picture
    macvlan.controls.controls["mode"].set("private")
    assert all(command.endswith("mode private") for command in macvlan.commands())
    macvlan.button.click()
    assert macvlan.wait(60)
    assert {link.params["mode"] for link in macvlan.made.links} == {"private"}
    assert macvlan.picture.dot != before.dot
    assert not macvlan.pings[0].ok  # the children do not hear each other


def test_the_kernels_refusal_is_shown_inside(macvlan: Explorer) -> None:
    macvlan.controls.controls["mode"].set("passthru")
    macvlan.button.click()
    assert macvlan.wait(60)
    assert "EINVAL" in macvlan._answer.value
    assert "tried" in macvlan._answer.value


def test_what_cannot_be_read_is_said_before_the_kernel_is_asked(macvlan: Explorer) -> None:
    macvlan.controls.controls["bcqueuelen"].input.value = '"many'
    assert "BadParameter" in macvlan._command.value
    macvlan.button.click()
    assert macvlan.wait(60)
    assert "BadParameter" in macvlan._answer.value
    macvlan.controls.reset()
    assert "BadParameter" not in macvlan._command.value


def test_hostile_words_are_escaped(macvlan: Explorer) -> None:
    macvlan.controls.controls["macaddr"].input.value = "<script>alert(1)</script>"
    assert "<script>" not in macvlan._command.value
    macvlan.controls.reset()


def test_each_control_says_what_it_is(macvlan: Explorer) -> None:
    for name, control in macvlan.controls.controls.items():
        assert control.input.description == KINDS["macvlan"].params[name].word
        assert control.input.tooltip.startswith(control.input.description)


def test_a_lab_that_died_is_made_anew_by_the_next_click(macvlan: Explorer) -> None:
    macvlan.lab.close()
    macvlan.apply()
    assert macvlan.wait(60)
    assert macvlan.error is None
    assert macvlan.lab.alive


def test_in_a_lab_that_is_there() -> None:
    with Lab(engine="host") as lab:
        explorer = explore("veth", lab)
        assert explorer.wait(60)
        assert explorer.lab is lab
        assert explorer.made.links
        explorer.close()
        assert lab.alive


def test_kinds_that_are_none() -> None:
    for name, error in (("vxlann", UnknownKind), ("bridge_slave", BadParameter)):
        with pytest.raises(error) as raised:
            explore(name)
        lesson(raised.value)


def test_nothing_is_left() -> None:
    explore("veth", engine="host").close()
    before, running = descriptors(), len(under())
    explorer = explore("veth", engine="host")
    explorer.wait(60)
    explorer.close()
    explorer.close()
    assert eventually(lambda: (descriptors(), len(under())) == (before, running))
