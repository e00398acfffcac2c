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


SKIPS = {"skip", "skipif", "skipIf", "skipUnless", "SkipTest", "xfail", "importorskip", "expectedFailure"}


def skips(text: str) -> list[str]:
    """Where a test is left out, or ends as if it had passed: by a name for that, or by an `if …: return` of its own."""
    found, tree = list[str](), ast.parse(text)
    for node in ast.walk(tree):
        name = getattr(node, "attr", getattr(node, "id", getattr(node, "name", "")))
        found += [f"line {node.lineno}: {name}"] if name in SKIPS else []
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            branches = [one for one in ast.walk(node) if isinstance(one, ast.If)]
            found += [
                f"line {one.lineno}: return" for one in branches if ast.unparse(one.body[0]) in ("return", "pass")
            ]
    return found


def test_the_only_skips_are_those_of_the_fixtures() -> None:
    """Namespaces or something in the kernel that this machine does not give: tests/labs.py asks for both."""
    files = [ROOT / "conftest.py", *(ROOT / "tests").rglob("*.py")]
    found = {str(file.relative_to(ROOT)): where for file in files if (where := skips(file.read_text()))}
    assert list(found) == ["tests/labs.py"]
    assert len(found["tests/labs.py"]) == 2, found
    assert [file for file in (ROOT / "notebooks").rglob("*.ipynb") if "nbval-skip" in file.read_text()] == []


def test_a_skip_is_found() -> None:
    for text in (
        "import pytest\ndef test_a(): pytest.skip('not today')",
        "from pytest import importorskip as need",
        "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_a(): assert False",
        "def test_a(lab):\n  with lab:\n    if not lab: return\n    assert lab",
    ):
        assert skips(text), text
    assert not skips("def test_a(lab):\n  if lab:\n    assert lab\n    return\n  assert not lab.alive")
