"""The rooms of the package, as docs/architecture.md draws them: their doors go one way."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vnetlearn"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom: at the top of a module, in a function, or for types alone."""
    return grimp.build_graph("vnetlearn", cache_dir=None)


def test_the_contracts_of_pyproject_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_in_a_circle_its_package_s_own_init_included(graph: grimp.ImportGraph) -> None:
    order = graphlib.TopologicalSorter({one: graph.find_modules_directly_imported_by(one) for one in graph.modules})
    assert list(order.static_order())  # a circle raises CycleError, which names its modules


def test_the_contracts_would_notice_a_door_that_opens_upwards(graph: grimp.ImportGraph) -> None:
    assert not graph.find_downstream_modules("vnetlearn.lab.lab") & graph.find_descendants("vnetlearn.iproute")
    graph.add_import(importer="vnetlearn.iproute.link", imported="vnetlearn.lab.lab")
    assert "vnetlearn.iproute.link" in graph.find_downstream_modules("vnetlearn.lab.lab")
    with pytest.raises(graphlib.CycleError):
        test_no_module_is_in_a_circle_its_package_s_own_init_included(graph)
    graph.remove_import(importer="vnetlearn.iproute.link", imported="vnetlearn.lab.lab")


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_it_is_for(room: Path) -> None:
    text = (room / "__init__.py").read_text()
    assert ast.get_docstring(ast.parse(text))
    assert f" {room.name} " in (ROOT / "docs/architecture.md").read_text()


def test_the_agent_is_of_the_standard_library_alone() -> None:
    for file in (PACKAGE / "engine/agent").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            own = {one.stem for one in file.parent.glob("*.py")} | {"agent"}
            strangers = {name.split(".")[0] for name in names} - sys.stdlib_module_names - own
            assert not strangers, f"{file.name} imports {strangers}"


def test_nobody_looks_away_from_the_formatter() -> None:
    for file in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]:
        text = file.read_text()
        assert "# fmt: " + "skip" not in text, file
        assert text.count("# fmt: " + "off") <= 1, file
