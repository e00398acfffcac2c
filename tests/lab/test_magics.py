"""`%%lab`, in a real IPython."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from vnetlearn import Lab
from vnetlearn.errors import BadParameter, NotFound


@pytest.fixture(scope="module")
def shell():
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "vnetlearn")
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def lab(shell, shared):
    shell.user_ns["lab"] = shared
    yield shared
    shell.user_ns.pop("lab", None)


def test_a_cell_runs_in_the_first_namespace(shell, lab, capfd):
    shell.run_cell_magic("lab", "", "ip -br link show lo\n")
    assert capfd.readouterr().out.startswith("lo ")
    assert shell.user_ns["_exit_code"] == 0


def test_a_cell_runs_in_a_node(shell, lab, node, capfd):
    shell.run_cell_magic("lab", node.name, "ip netns identify\nip link add here type veth\n")
    assert capfd.readouterr().out.strip() == node.name
    assert "here" in node.link
    assert "here" not in lab.link


def test_the_exit_status_is_kept_and_shown(shell, lab, capfd):
    shell.run_cell_magic("lab", "", "echo before\nexit 7\n")
    assert capfd.readouterr().out == "before\n[exit status 7]\n"
    assert shell.user_ns["_exit_code"] == 7


def test_another_lab_by_its_variable(shell, lab, engine, capfd):
    with Lab("empty", engine=engine) as other:
        shell.user_ns["other"] = other
        shell.run_cell_magic("lab", "--on other", "ip link add only-here type veth\n")
        assert "only-here" in other.link
        assert "only-here" not in lab.link


@pytest.mark.parametrize("line", ["", "--on nothing", "ns1 ns2"])
def test_without_a_lab_it_says_what_to_do(shell, line, monkeypatch):
    monkeypatch.delitem(shell.user_ns, "lab", raising=False)
    with pytest.raises(BadParameter, match="lab = Lab\\(\\)"):
        shell.run_cell_magic("lab", line, "true\n")


def test_an_unknown_node(shell, lab):
    with pytest.raises(NotFound, match="nowhere"):
        shell.run_cell_magic("lab", "nowhere", "true\n")
