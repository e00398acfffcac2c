"""The live view and what it hears: changes by anybody, in all namespaces, and nothing done when nothing happens."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psutil
import pytest
from labs import descriptors, eventually, lesson, threads

from vnetlearn import Lab
from vnetlearn.errors import LabDied
from vnetlearn.lab.panel import Panel


@pytest.fixture
def panel(lab: Lab) -> Iterator[Panel]:
    lab.link.add("v0", kind="veth", peer="v1")
    panel = lab.panel()
    yield panel
    panel.close()


def logged(panel: Panel) -> str:
    return "\n".join(event.text for event in panel.log)


def test_a_change_by_a_program_is_heard_and_drawn(panel: Panel) -> None:
    before = panel._picture.value
    panel.lab.run("ip link set v0 up; ip addr add 10.0.0.1/24 dev v0; ip link set v1 up", quiet=True, check=True)
    assert eventually(lambda: "inet 10.0.0.1/24" in logged(panel) and panel.topology.links["", "v1"].up)
    assert any("v0@v1" in event.text and "UP" in event.text for event in panel.log)  # ip monitor's own words
    assert eventually(lambda: panel._picture.value != before)
    assert "10.0.0.1/24" in panel.picture.dot
    assert panel._switches["", "v0"].value is True


def test_namespaces_that_come_and_go(panel: Panel) -> None:
    lab = panel.lab
    lab.run("ip netns add blue", quiet=True, check=True)
    assert eventually(lambda: any(e.netns == "blue" and e.text == "a new namespace" for e in panel.log))
    lab.link.set("v1", netns="blue")
    assert eventually(lambda: any(e.netns == "blue" and "v1@" in e.text for e in panel.log))
    lab.run("ip netns delete blue", quiet=True, check=True)
    assert eventually(lambda: "v0" not in lab.link)  # nothing keeps it
    assert eventually(lambda: any(e.netns == "blue" and "gone" in e.text for e in panel.log))
    assert eventually(lambda: not panel._switches)


def test_a_switch_sets_the_link(panel: Panel) -> None:
    panel._switches["", "v0"].value = True
    assert panel.wait(10)
    assert panel.lab.link["v0"].up
    assert eventually(lambda: panel._switches["", "v0"].description == "host/v0 up")
    panel._switches["", "v0"].value = False
    assert panel.wait(10)
    assert not panel.lab.link["v0"].up


def test_a_click_while_the_panel_looks_is_not_lost_and_the_panels_own_news_are_no_click(panel: Panel) -> None:
    asked: list[bool] = []
    ask, panel._set = panel._set, lambda key, up: (asked.append(up), ask(key, up))
    with panel._looking:  # as while it reads and draws
        panel._switches["", "v0"].value = True
    assert panel.wait(10)
    assert panel.lab.link["v0"].up
    panel.lab.run(
        "for i in 1 2 3 4 5; do ip link set v0 down; sleep 0.1; ip link set v0 up; done; ip link set v0 down",
        quiet=True,
        check=True,
    )
    assert eventually(lambda: panel._switches["", "v0"].value is False)
    assert panel.wait(10)
    assert asked == [True]


def test_a_link_that_is_gone_says_so_inside(panel: Panel) -> None:
    with panel._looking:  # the click comes before the news
        panel.lab.link.delete("v0")
        panel._switches["", "v0"].value = True
    assert panel.wait(10)
    assert "Cannot find device" in panel._answer.value


def test_a_lab_that_dies_is_told_and_the_panel_stops(engine: str) -> None:
    lab = Lab("empty", engine=engine)
    panel = lab.panel()
    lab.close()
    assert eventually(lambda: "The lab has ended" in panel._answer.value)
    assert panel.refresh.disabled
    panel.close()
    with pytest.raises(LabDied) as error:
        lab.panel()
    lesson(error.value)


def test_nothing_is_done_while_nothing_happens(panel: Panel) -> None:
    process = psutil.Process()
    heard, before = len(panel.log), sum(process.cpu_times()[:2])
    time.sleep(2)  # by the clock: there is no event to wait for
    assert len(panel.log) == heard
    assert sum(process.cpu_times()[:2]) - before < 0.2


def test_hostile_names(lab: Lab) -> None:
    lab.link.add('<b>"x', kind="veth", peer="v1")
    panel = lab.panel()
    lab.link.set('<b>"x', up=True)
    assert eventually(lambda: panel.log)
    for html in (panel._picture.value, panel._counters.value, panel._log.value, panel.still()):
        assert '<b>"x' not in html
    panel.close()


def test_nothing_is_left(lab: Lab) -> None:
    lab.panel().close()
    before = (descriptors(), threads())
    for _ in range(3):
        lab.panel().close()
    assert (descriptors(), threads()) == before


def test_many_changes_at_once_stay_bounded(panel: Panel) -> None:
    many = "for i in $(seq 300); do echo addr add 10.1.$((i / 250)).$((i % 250))/32 dev v0; done | ip -batch -"
    panel.lab.run(many, quiet=True, check=True)
    assert eventually(lambda: len(panel.topology.addrs.get(("", "v0"), ())) >= 299)
    assert len(panel.log) == 200


def test_without_a_front_end_it_is_a_picture(panel: Panel) -> None:
    bundle = panel._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "<img" in bundle["text/html"]
    assert "v0" in bundle["text/plain"]
