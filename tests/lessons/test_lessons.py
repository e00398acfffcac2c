"""The lessons, read as data: every part is there, and what they point to exists. nbval runs them.

The form is described in CONTRIBUTING.md.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

from vnetlearn.exercises import EXERCISES
from vnetlearn.kinds import KINDS
from vnetlearn.lessons.lessons import LESSONS, TRACKS, Lesson

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
# The headings of a lesson, in their order; a round's heading goes on with what is changed in it.
HEADINGS = (
    r"Goals",
    r"The picture",
    r"Round 1: .+",
    r"The packet's journey",
    r"The pitfall: .+",
    r"The explorer",
    r"In the wild",
    r"Exercises",
    r"Clean up",
    r"Sources",
)
LARGEST = 600_000  # bytes of a lesson with its outputs

lessons = pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)


class Notebook:
    """A lesson's cells, by section."""

    def __init__(self, lesson: Lesson) -> None:
        self.path = NOTEBOOKS / lesson.path
        self.cells = nbformat.read(self.path, as_version=4).cells
        self.text = "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")
        self.code = "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "code")
        self.headings = re.findall(r"^## (.+)$", self.text, re.MULTILINE)

    def section(self, heading: str) -> str:
        """The source of all cells from this heading to the next."""
        source = "\n\n".join(cell.source for cell in self.cells)
        found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", source, re.MULTILINE | re.DOTALL)
        return found.group(1) if found else ""


@cache
def read(path: str) -> Notebook:
    return Notebook(LESSONS[path])


def test_every_notebook_is_known():
    found = {str(p.relative_to(NOTEBOOKS)) for p in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert found == {*LESSONS, "00-start-here.ipynb", "map.ipynb"}


def test_kinds_and_lessons_point_to_each_other():
    for kind in KINDS.values():
        assert kind.lesson == "" or kind.lesson in LESSONS, kind
    for lesson in LESSONS.values():
        for kind in lesson.kinds:
            assert re.search(rf"\b{kind}\b", read(lesson.path).code), (lesson.path, kind)
    assert [lesson.path.split("/")[0] for lesson in LESSONS.values()] == [t.folder for t in TRACKS for _ in t.lessons]


@lessons
def test_it_has_every_part_in_order(lesson):
    notebook = read(lesson.path)
    assert notebook.cells[0].source.startswith(f"# {lesson.title}\n"), "the first cell is the title"
    wanted = iter(notebook.headings)
    for heading in HEADINGS:
        assert any(re.fullmatch(heading, one) for one in wanted), f"no {heading!r} there: {notebook.headings}"
    rounds = [one for one in notebook.headings if one.startswith("Round")]
    assert [int(one.split()[1].rstrip(":")) for one in rounds] == list(range(1, len(rounds) + 1))
    assert 2 <= len(rounds) <= 7
    assert f"{lesson.minutes} minutes" in notebook.section("Goals")
    assert ".draw(" in notebook.section("The picture") or "--draw" in notebook.section("The picture")
    assert "journey" in notebook.section("The packet's journey")
    assert "explore" in notebook.section("The explorer")
    assert ".close()" in notebook.section("Clean up")


@lessons
def test_every_round_is_predicted_first(lesson):
    """A prediction is shown by a cell of its own, and a later cell says what happened."""
    notebook = read(lesson.path)
    for heading in (one for one in notebook.headings if one.startswith("Round")):
        section = notebook.section(re.escape(heading))
        assert "predict(" in section, heading
        assert section.index("predict(") < section.index(".happened("), heading
    for cell in notebook.cells:
        assert not ("predict(" in cell.source and ".happened(" in cell.source), cell.source
    assert notebook.code.count("predict(") == notebook.code.count(".happened(")


@lessons
def test_ip_and_python_stand_side_by_side(lesson):
    notebook = read(lesson.path)
    assert re.search(r"^\| *`ip` *\| *Python *\|$", notebook.text, re.MULTILINE), "no table | `ip` | Python |"
    assert "%%lab" in notebook.code
    assert re.search(r"\.(link|addr|route|neigh|netns)\.(add|set|delete|replace)\(", notebook.code)


@lessons
def test_its_exercises(lesson):
    named = re.findall(r'exercise\("([^"]+)"\)', read(lesson.path).section("Exercises"))
    assert tuple(named) == lesson.exercises
    assert 2 <= len(named) <= 4
    assert set(named) <= set(EXERCISES)


def test_every_exercise_has_a_lesson():
    at_the_end = [name for lesson in LESSONS.values() for name in lesson.exercises]
    assert set(at_the_end) == {name for name in EXERCISES if not name.startswith("start/")}


@lessons
def test_sources_are_named(lesson):
    """The wild with its sources; the kernel's files and the man pages at the end."""
    notebook = read(lesson.path)
    assert "https://" in notebook.section("In the wild")
    sources = notebook.section("Sources")
    assert re.search(r"\w\(\d\)|\bRFC \d+", sources)
    assert re.search(r"`(drivers|net|Documentation|include)/[\w./-]+`", sources)
    for name in lesson.kinds:
        kind = KINDS[name]
        assert f"{kind.source}" in notebook.text, f"the kernel's source of {name}: {kind.source}"
        assert not kind.module or re.search(
            rf"(modprobe|lsmod|modinfo)\b.*\b{kind.module}\b", notebook.text + notebook.code
        ), f"how {kind.module} is loaded"


@lessons
def test_links_hold(lesson):
    notebook = read(lesson.path)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", notebook.text):
        if not re.match(r"https://", target):
            assert (notebook.path.parent / target).exists(), target


@lessons
def test_it_is_stored_as_it_ran(lesson):
    """Every code cell has run, in order, without an error; nothing is there but its output."""
    notebook = read(lesson.path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert all(output.output_type != "error" for output in cell.outputs), cell.source
        assert "execution" not in cell.metadata, "scripts/lessons leaves this out"
    assert notebook.path.stat().st_size < LARGEST
    assert "widgets" not in nbformat.read(notebook.path, as_version=4).metadata


@lessons
def test_pictures_have_a_text(lesson):
    for cell in read(lesson.path).cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            for svg in re.findall(r"<svg.*?</svg>", data.get("image/svg+xml", ""), re.DOTALL):
                assert re.search(r"<title>\s*\S|aria-label=\"[^\"]", svg), cell.source
            for tag in re.findall(r"<img[^>]*>", data.get("text/html", "")):
                assert re.search(r'alt="[^"]', tag), cell.source
            if "image/png" in data:
                assert data.get("text/plain", "").strip(), cell.source
                assert "<Figure" not in data["text/plain"], "a plot says in words what it shows"


@pytest.mark.parametrize("path", ["00-start-here.ipynb", "map.ipynb", *LESSONS])
def test_what_is_not_compared_says_why(path):
    for cell in nbformat.read(NOTEBOOKS / path, as_version=4).cells:
        tagged = set(cell.metadata.get("tags", ())) & {"nbval-ignore-output", "nbval-raises-exception"}
        assert bool(tagged) == bool(re.match(r"# Not compared: .+", cell.source)), cell.source
